/* SPDX-License-Identifier: MIT */
/* Who does not prove in mode dtls who it is gets nothing, and both sides are told why. */
#include "tests/credential_folder.h"
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <coap3/coap.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TURNS_MAX 2000 /* a hang guard */

/* Where libcoap runs on another TLS library than mbedTLS, less is seen and less can be said. These
 * tests then ask for the same decisions, and for fewer words. */
static bool sees_all(void)
{
    return coap_get_tls_library_version()->type == COAP_TLS_LIBRARY_MBEDTLS;
}

static const talc_mode dtls = TALC_MODE_DTLS;
static const talc_request hello = { .method = TALC_GET, .path = "hello" };

typedef struct bad_row {
    const char *label;
    peers_credentials credentials;
    talc_status client_status;
    const char *client_says; /* a part of talc_client_failure() */
    talc_status server_status;
    const char *server_says; /* a part of the failure of SESSION_REFUSED; NULL: nothing, because the
                                client's address was not proved yet */
} bad_row;

#define SERVER(file) { .certificate = file, .anchors = "ca.pem" }
#define CLIENT { .certificate = "client", .anchors = "ca.pem" }
#define KNOWS_PSKS { .psks = "psk-server.txt" }

static const bad_row bad_rows[] = {
    /* the client refuses the server */
    { "a server of another name", { .server = SERVER("wrong-name"), .client = CLIENT },
      TALC_ERROR_VERIFY, "the server's certificate is not believed: the certificate is for another "
                         "name (\"sensor.example\" was wanted)",
      TALC_ERROR_REFUSED, "the client sent the alert bad_certificate" },
    { "a server of another authority", { .server = SERVER("other-server"), .client = CLIENT },
      TALC_ERROR_VERIFY, "no trust anchor vouches for the certificate",
      TALC_ERROR_REFUSED, "the client sent the alert unknown_ca" },
    { "an expired server", { .server = SERVER("expired"), .client = CLIENT },
      TALC_ERROR_VERIFY, "has expired", TALC_ERROR_REFUSED, "our certificate has expired" },
    { "a server that is on the list",
      { .server = SERVER("revoked"),
        .client = { .certificate = "client", .anchors = "ca.pem", .revocations = "crl.pem" } },
      TALC_ERROR_VERIFY, "is revoked", TALC_ERROR_REFUSED, "our certificate is revoked" },
    { "a server whose key is revoked",
      { .server = SERVER("server"),
        .client = { .certificate = "client", .anchors = "ca.pem", .revoked_pin = "server.pin" } },
      TALC_ERROR_VERIFY, "is revoked", TALC_ERROR_REFUSED, "our certificate is revoked" },
    { "a server that is not the pinned one",
      { .server = SERVER("server"), .client = { .certificate = "client", .pin = "client.pin" } },
      TALC_ERROR_VERIFY, "the server's key is not one of those that are pinned",
      TALC_ERROR_REFUSED, "our certificate" },

    /* the server refuses the client */
    { "no client certificate", { .server = SERVER("server"), .client = { .anchors = "ca.pem" } },
      TALC_ERROR_REFUSED, "it wants a certificate of us",
      TALC_ERROR_VERIFY, "the client showed no certificate, and one is required" },
    { "a client of another authority",
      { .server = SERVER("server"), .client = { .certificate = "other-client",
        .anchors = "ca.pem" } },
      TALC_ERROR_REFUSED, "it does not know the authority behind our certificate",
      TALC_ERROR_VERIFY, "the client's certificate is not believed: no trust anchor vouches" },
    { "a client whose key is revoked",
      { .server = { .certificate = "server", .anchors = "ca.pem", .revoked_pin = "client.pin" },
        .client = CLIENT },
      TALC_ERROR_REFUSED, "our certificate is revoked", TALC_ERROR_VERIFY, "is revoked" },
    { "a client that is not the pinned one",
      { .server = { .certificate = "server", .pin = "server.pin" }, .client = CLIENT },
      TALC_ERROR_REFUSED, "the server sent the alert unknown_ca",
      TALC_ERROR_VERIFY, "the client's key is not one of those that are pinned" },
    { "a wrong pre-shared key", { .server = KNOWS_PSKS, .client = { .psk = "psk-wrong.txt" } },
      TALC_ERROR_REFUSED, "it does not know our pre-shared key, or holds another",
      TALC_ERROR_VERIFY, "the client named the pre-shared key \"client-1\" and does not hold it" },
    { "an unknown pre-shared key", { .server = KNOWS_PSKS, .client = { .psk = "psk-unknown.txt" } },
      TALC_ERROR_REFUSED, "it does not know our pre-shared key, or holds another",
      TALC_ERROR_VERIFY,
      "the client named the pre-shared key \"client-3\", which is not known here" },
    { "a pre-shared key for a server of certificates",
      { .server = SERVER("server"), .client = { .psk = "psk-client.txt" } },
      TALC_ERROR_REFUSED, "the server sent the alert handshake_failure", 0, NULL },
    { "a certificate for a server of pre-shared keys", { .server = KNOWS_PSKS, .client = CLIENT },
      TALC_ERROR_REFUSED, "the server sent the alert handshake_failure", 0, NULL },
};

static void await_refusal(peers *of)
{
    for (int turns = 0; of->events.refused == 0; turns++) {
        if (turns > TURNS_MAX) {
            fail_msg("%s: the server never said that it refused the client", of->name);
        }
        peers_turn(&of, 1);
    }
}

static void check_client(const bad_row *at, const peers_call *call)
{
    if (!sees_all()) { /* what the library refuses by itself it does not explain */
        assert_int_not_equal(call->status, TALC_OK);
        if (call->status == TALC_ERROR_VERIFY &&
            strstr(call->failure.text, "the TLS library refuses it") == NULL) {
            assert_contains(call->failure.text, at->client_says);
        }
        return;
    }
    assert_int_equal(call->status, at->client_status);
    assert_int_equal(call->failure.status, at->client_status);
    assert_int_equal(call->failure.stage, TALC_STAGE_HANDSHAKE);
    assert_contains(call->failure.text, at->client_says);
    assert_int_equal(call->failure.alert != 0, at->client_status == TALC_ERROR_REFUSED);
}

static void check_server(peers *of, const bad_row *at)
{
    if (sees_all() && at->server_says != NULL) {
        await_refusal(of);
        assert_int_equal(of->events.failure.status, at->server_status);
        assert_int_equal(of->events.failure.stage, TALC_STAGE_HANDSHAKE);
        assert_contains(of->events.failure.text, at->server_says);
    }
    if (sees_all()) {
        assert_int_equal(of->events.refused, at->server_says != NULL);
    }
    assert_int_equal(of->events.opened, 0);
    assert_int_equal(of->resources->handled, 0);
}

/* Only libcoap on mbedTLS shows us certificates that it does not believe itself. */
static bool is_for_mbedtls(const peers_credentials *credentials)
{
    return (credentials->server.pin != NULL && credentials->server.anchors == NULL) ||
           (credentials->client.pin != NULL && credentials->client.anchors == NULL);
}

static void who_is_not_believed_gets_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        const bad_row *at = &bad_rows[i];
        const peers_options options = { .credentials = &at->credentials,
                                        .mode = &dtls,
                                        .request_timeout_ms = sees_all() ? 0 : 2500 };
        talc_session_info info;
        peers_call call;
        if (!sees_all() && is_for_mbedtls(&at->credentials)) {
            continue;
        }
        print_message("%s\n", at->label);
        peers *of = peers_new(&options);
        peers_fetch(of, 0, &hello, &call);
        check_client(at, &call);
        talc_client_info(of->clients[0], &info);
        assert_false(info.is_open);
        check_server(of, at);
        peers_free(of);
    }
}

/* Nobody learns which names a server knows. */
static void an_unknown_name_looks_like_a_wrong_key(void **state)
{
    (void)state;
    static const peers_credentials rows[] = {
        { .server = KNOWS_PSKS, .client = { .psk = "psk-wrong.txt" } },
        { .server = KNOWS_PSKS, .client = { .psk = "psk-unknown.txt" } },
    };
    talc_failure failures[COUNT(rows)];
    for (size_t i = 0; i < COUNT(rows); i++) {
        const peers_options options = { .credentials = &rows[i],
                                        .mode = &dtls,
                                        .request_timeout_ms = sees_all() ? 0 : 2500 };
        peers_call call;
        peers *of = peers_new(&options);
        peers_fetch(of, 0, &hello, &call);
        failures[i] = call.failure;
        peers_free(of);
    }
    assert_int_equal(failures[0].status, failures[1].status);
    assert_int_equal(failures[0].alert, failures[1].alert);
    assert_string_equal(failures[0].text, failures[1].text);
}

/* The next request tries again, from the beginning. */
static void a_refused_client_is_refused_again(void **state)
{
    (void)state;
    static const peers_credentials wrong = { .server = KNOWS_PSKS,
                                             .client = { .psk = "psk-wrong.txt" } };
    const peers_options options = { .credentials = &wrong,
                                    .mode = &dtls,
                                    .request_timeout_ms = sees_all() ? 0 : 2500 };
    peers *of = peers_new(&options);
    for (size_t times = 1; times <= 3; times++) {
        peers_call call;
        peers_fetch(of, 0, &hello, &call);
        assert_int_equal(call.status == TALC_ERROR_REFUSED, sees_all());
        assert_int_not_equal(call.status, TALC_OK);
        while (sees_all() && of->events.refused < times) {
            peers_turn(&of, 1);
        }
    }
    assert_int_equal(of->events.opened, 0);
    peers_free(of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(who_is_not_believed_gets_nothing, peers_free_all),
        cmocka_unit_test_teardown(an_unknown_name_looks_like_a_wrong_key, peers_free_all),
        cmocka_unit_test_teardown(a_refused_client_is_refused_again, peers_free_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
