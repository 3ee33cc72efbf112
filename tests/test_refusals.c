/* SPDX-License-Identifier: MIT */
/* Who does not prove who it is gets nothing, and both sides are told why, in words. */
#include "tests/credential_folder.h"
#include "tests/peers.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TURNS_MAX 2000     /* a hang guard */

typedef struct refusal_row {
    const char *name;
    peers_credentials credentials;
    talc_status client_status;
    const char *client_says; /* part of talc_client_failure() */
    talc_status server_status;
    const char *server_says;                  /* part of the SESSION_REFUSED event's failure */
    talc_tls_version version, client_version; /* 0: both versions in turn */
} refusal_row;

#define GOOD_SERVER                                                                                \
    {                                                                                              \
        .certificate = "server", .anchors = "ca.pem"                                               \
    }
#define GOOD_CLIENT                                                                                \
    {                                                                                              \
        .certificate = "client", .anchors = "ca.pem"                                               \
    }
#define SERVER_WITH(file)                                                                          \
    {                                                                                              \
        .certificate = file, .anchors = "ca.pem"                                                   \
    }
#define PSK_SERVER                                                                                 \
    {                                                                                              \
        .psks = "psk-server.txt"                                                                   \
    }

static const refusal_row refusal_rows[] = {
    /* the client refuses the server */
    { .name = "a server certificate of another authority",
      .credentials = { .server = SERVER_WITH("other-server"), .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_VERIFY,
      .client_says = "no trust anchor vouches for",
      .server_status = TALC_ERROR_REFUSED,
      .server_says = "does not know the authority" },
    { .name = "an expired server certificate",
      .credentials = { .server = SERVER_WITH("expired"), .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_VERIFY,
      .client_says = "has expired",
      .server_status = TALC_ERROR_REFUSED,
      .server_says = "our certificate has expired" },
    { .name = "a server certificate of another name",
      .credentials = { .server = SERVER_WITH("wrong-name"), .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_VERIFY,
      .client_says = "\"sensor.example\" was wanted",
      .server_status = TALC_ERROR_REFUSED,
      .server_says = "our certificate" },
    { .name = "a self-signed server certificate",
      .credentials = { .server = SERVER_WITH("self-signed"), .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_VERIFY,
      .client_says = "no trust anchor vouches for",
      .server_status = TALC_ERROR_REFUSED,
      .server_says = "does not know the authority" },
    { .name = "a server key that is revoked by its pin",
      .credentials = { .server = GOOD_SERVER,
                       .client = { .certificate = "client",
                                   .anchors = "ca.pem",
                                   .revoked_pin = "server.pin" } },
      .client_status = TALC_ERROR_VERIFY,
      .client_says = "is revoked",
      .server_status = TALC_ERROR_REFUSED,
      .server_says = "our certificate is revoked" },
    { .name = "a server certificate on a revocation list",
      .credentials = { .server = SERVER_WITH("revoked"),
                       .client = { .certificate = "client",
                                   .anchors = "ca.pem",
                                   .revocations = "crl.pem" } },
      .client_status = TALC_ERROR_VERIFY,
      .client_says = "is revoked",
      .server_status = TALC_ERROR_REFUSED,
      .server_says = "our certificate is revoked" },
    { .name = "a server key that is not the pinned one",
      .credentials = { .server = GOOD_SERVER,
                       .client = { .certificate = "client", .pin = "client.pin" } },
      .client_status = TALC_ERROR_VERIFY,
      .client_says = "not one of those that are pinned",
      .server_status = TALC_ERROR_REFUSED,
      .server_says = "our certificate" },

    /* the server refuses the client */
    { .name = "a wrong pre-shared key",
      .credentials = { .server = PSK_SERVER, .client = { .psk = "psk-wrong.txt" } },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "the server sent the alert",
      .server_status = TALC_ERROR_VERIFY,
      .server_says = "\"client-1\" and does not hold it" },
    { .name = "a pre-shared key of an unknown name",
      .credentials = { .server = PSK_SERVER, .client = { .psk = "psk-unknown.txt" } },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "does not know our pre-shared key",
      .server_status = TALC_ERROR_VERIFY,
      .server_says = "which is not known here" },
    { .name = "no client certificate",
      .credentials = { .server = GOOD_SERVER, .client = { .anchors = "ca.pem" } },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "wants a certificate of us",
      .server_status = TALC_ERROR_VERIFY,
      .server_says = "showed no certificate" },
    { .name = "a client certificate of another authority",
      .credentials = { .server = GOOD_SERVER,
                       .client = { .certificate = "other-client", .anchors = "ca.pem" } },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "does not know the authority behind our certificate",
      .server_status = TALC_ERROR_VERIFY,
      .server_says = "no trust anchor vouches for" },
    { .name = "a client key that is revoked by its pin",
      .credentials = { .server = { .certificate = "server",
                                   .anchors = "ca.pem",
                                   .revoked_pin = "client.pin" },
                       .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "our certificate is revoked",
      .server_status = TALC_ERROR_VERIFY,
      .server_says = "is revoked" },
    { .name = "a client certificate on a revocation list",
      .credentials = { .server = { .certificate = "server",
                                   .anchors = "ca.pem",
                                   .revocations = "crl.pem" },
                       .client = { .certificate = "revoked", .anchors = "ca.pem" } },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "our certificate is revoked",
      .server_status = TALC_ERROR_VERIFY,
      .server_says = "is revoked" },
    { .name = "an expired client certificate",
      .credentials = { .server = GOOD_SERVER,
                       .client = { .certificate = "expired", .anchors = "ca.pem" } },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "our certificate has expired",
      .server_status = TALC_ERROR_VERIFY,
      .server_says = "has expired" },

    /* they have nothing in common */
    { .name = "a pre-shared key where certificates are wanted",
      .credentials = { .server = GOOD_SERVER, .client = { .psk = "psk-client.txt" } },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "does not know our pre-shared key",
      .server_status = TALC_ERROR_PROTOCOL,
      .server_says = "in common" },
    { .name = "a certificate where pre-shared keys are wanted",
      .credentials = { .server = PSK_SERVER, .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "the server sent the alert",
      .server_status = TALC_ERROR_PROTOCOL,
      .server_says = "in common" },
    { .name = "TLS 1.2 where 1.3 is wanted",
      .credentials = { .server = GOOD_SERVER, .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "our version",
      .server_status = TALC_ERROR_PROTOCOL,
      .server_says = "client",
      .version = TALC_TLS_1_3,
      .client_version = TALC_TLS_1_2 },
    { .name = "TLS 1.3 where 1.2 is wanted",
      .credentials = { .server = GOOD_SERVER, .client = GOOD_CLIENT },
      .client_status = TALC_ERROR_REFUSED,
      .client_says = "no common version",
      .server_status = TALC_ERROR_PROTOCOL,
      .server_says = "client",
      .version = TALC_TLS_1_2,
      .client_version = TALC_TLS_1_3 },
};

#define REFUSAL_ROWS (sizeof refusal_rows / sizeof refusal_rows[0])

/* ---------------------------------------------------------------- one refusal */

/* Words explain; a number alone does not. */
static size_t words_of(const char *text)
{
    size_t words = 0, letters = 0;
    for (; *text != 0; text++) {
        letters = isalpha((unsigned char)*text) ? letters + 1 : 0;
        words += letters == 3;
    }
    return words;
}

static void expect_reason(const talc_failure *failure, talc_status status, const char *says)
{
    if (failure->status != status) {
        fail_msg("%s instead of %s: %s", talc_status_text(failure->status),
                 talc_status_text(status), failure->text);
    }
    assert_true(failure->status < TALC_OK);
    assert_int_equal(failure->stage, TALC_STAGE_HANDSHAKE);
    assert_contains(failure->text, says);
    if (words_of(failure->text) < 4) {
        fail_msg("\"%s\" explains nothing", failure->text);
    }
}

static void await_refusal(peers *of)
{
    for (int turns = 0; of->events.refused == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        peers_turn(&of, 1);
    }
}

static void expect_nothing_open(const peers *of)
{
    talc_session_info session;
    talc_server_info server;
    talc_client_info(of->clients[0], &session);
    talc_server_info_get(of->server, &server);
    assert_false(session.is_open);
    assert_int_equal(server.sessions, 0);
    assert_int_equal(of->resources->handled, 0);
    assert_int_equal(of->events.opened, 0);
    assert_int_equal(of->events.refused, 1);
    assert_int_equal(of->events.failed + of->events.closed, 0);
}

static void refuse(const refusal_row *row, talc_tls_version version, peers_path path)
{
    static peers_call call;
    talc_request request = TALC_REQUEST_DEFAULT;
    peers_options options = { .credentials = &row->credentials,
                              .version = version,
                              .client_version = row->client_version,
                              .path = path };
    peers *of = peers_new(&options);
    request.method = TALC_PUT;
    request.path = "value";
    peers_fetch(of, 0, &request, &call);
    assert_true(call.status < TALC_OK);
    assert_int_equal(call.status, call.failure.status);
    await_refusal(of);
    expect_reason(&call.failure, row->client_status, row->client_says);
    expect_reason(&of->events.failure, row->server_status, row->server_says);
    expect_nothing_open(of);
    peers_free(of);
}

static void is_refused(void **state)
{
    const refusal_row *row = *state;
    if (row->version != 0) {
        refuse(row, row->version, PEERS_DIRECT);
        refuse(row, row->version, PEERS_PROXY);
        return;
    }
    refuse(row, TALC_TLS_1_3, PEERS_DIRECT);
    refuse(row, TALC_TLS_1_2, PEERS_DIRECT);
    refuse(row, TALC_TLS_1_3, PEERS_PROXY);
    refuse(row, TALC_TLS_1_3, PEERS_LOOPBACK);
}

/* ---------------------------------------------------------------- nobody to talk to */

static proxy_process other;

static uint16_t closed_port(void)
{
    test_relay *relay = relay_new(1);
    assert_non_null(relay);
    uint16_t port = relay_port(relay);
    relay_free(relay);
    return port;
}

/* A client of a port of 127.0.0.1, whose request has to fail on its way. */
static void expect_no_path(uint16_t port, uint16_t proxy_port, int coap_code, const char *says)
{
    static const peers_side side = GOOD_CLIENT;
    char uri[64], proxy_uri[64];
    talc_config config;
    talc_client *client;
    talc_request request = TALC_REQUEST_DEFAULT;
    talc_response response;
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", port);
    snprintf(proxy_uri, sizeof proxy_uri, "coap://127.0.0.1:%u", proxy_port);
    peers_configure(&config, &side);
    config.request_timeout_ms = 3000;
    assert_int_equal(talc_client_new(&client, &config, uri, proxy_port != 0 ? proxy_uri : NULL),
                     TALC_OK);
    peers_configure_drop(&config);
    request.path = "hello";
    talc_status status = talc_client_fetch(client, &request, &response);
    talc_failure failure = *talc_client_failure(client);
    talc_client_free(client);
    assert_int_equal(status, TALC_ERROR_UNREACHABLE);
    assert_int_equal(failure.status, status);
    assert_int_equal(failure.stage, TALC_STAGE_PATH);
    assert_int_equal(failure.coap_code, coap_code);
    assert_contains(failure.text, says);
}

static void a_server_without_talc_is_told_apart(void **state)
{
    (void)state;
    proxy_process_start(&other);
    expect_no_path(other.port, 0, TALC_CODE(4, 4), "4.04");
}

static void nobody_listens(void **state)
{
    (void)state;
    expect_no_path(closed_port(), 0, 0, "nobody listens there");
}

static void nobody_listens_where_the_proxy_should_be(void **state)
{
    (void)state;
    expect_no_path(closed_port(), closed_port(), 0, "nobody listens there");
}

static int stop_all(void **state)
{
    proxy_process_stop(&other);
    return peers_free_all(state);
}

/* ---------------------------------------------------------------- all */

int main(void)
{
    struct CMUnitTest tests[REFUSAL_ROWS + 3] = {
        cmocka_unit_test_teardown(a_server_without_talc_is_told_apart, stop_all),
        cmocka_unit_test_teardown(nobody_listens, stop_all),
        cmocka_unit_test_teardown(nobody_listens_where_the_proxy_should_be, stop_all),
    };
    for (size_t i = 0; i < REFUSAL_ROWS; i++) {
        tests[3 + i] = (struct CMUnitTest){ refusal_rows[i].name, is_refused, NULL, stop_all,
                                            (void *)&refusal_rows[i] };
    }
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
