/* SPDX-License-Identifier: MIT */
/* Mode dtls over sockets: who is believed, what both sides know of each other, and sessions that
 * end and begin. */
#include "tests/credential_folder.h"
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <coap3/coap.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TURNS_MAX 2000 /* a hang guard */

/* Where libcoap runs on another TLS library than mbedTLS, less is seen and less can be said. These
 * tests then ask for the same decisions, and for fewer words. */
static coap_tls_library_t library(void)
{
    return coap_get_tls_library_version()->type;
}

static bool sees_all(void)
{
    return library() == COAP_TLS_LIBRARY_MBEDTLS;
}

static const talc_mode dtls = TALC_MODE_DTLS;
static const talc_request hello = { .method = TALC_GET, .path = "hello" };

/* ---------------------------------------------------------------- believed */

typedef struct good_row {
    const char *label;
    const peers_credentials *credentials;
    const char *cipher_suite;
    bool needs_mbedtls; /* libcoap on OpenSSL sends no intermediates, and none but mbedTLS's takes
                           pins alone on both sides */
} good_row;

#define CHACHA "CHACHA20_POLY1305_SHA256"

static const good_row good_rows[] = {
    { "pre-shared keys, with forward secrecy", &peers_psk, "TLS_ECDHE_PSK_WITH_" CHACHA, false },
    { "certificates", &peers_certificates, "TLS_ECDHE_ECDSA_WITH_" CHACHA, false },
    { "pins", &peers_pin, "TLS_ECDHE_ECDSA_WITH_" CHACHA, true },
    { "chains of RSA", &peers_rsa_chain, "TLS_ECDHE_RSA_WITH_" CHACHA, true },
};

static void check_peer(const talc_peer *peer, const peers_side *shown)
{
    assert_int_equal(peer->engine, TALC_ENGINE_DTLS);
    assert_int_equal(peer->credential, shown->credential);
    assert_string_equal(peer->name, peers_shown_name(shown));
}

static void check_session(const talc_session_info *info, const good_row *at)
{
    assert_true(info->is_open);
    assert_string_equal(info->protocol, sees_all() ? "DTLSv1.2" : "DTLS");
    if (sees_all()) {
        assert_string_equal(info->cipher_suite, at->cipher_suite);
    } else {
        assert_contains(info->cipher_suite,
                        library() == COAP_TLS_LIBRARY_OPENSSL ? "OpenSSL" : "GnuTLS");
    }
}

static void both_know_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        const good_row *at = &good_rows[i];
        const peers_options options = { .credentials = at->credentials, .mode = &dtls,
                                        .scheme = "coaps" };
        talc_session_info info;
        peers_call call;
        if (at->needs_mbedtls && !sees_all()) {
            continue;
        }
        print_message("%s\n", at->label);
        peers *of = peers_new(&options);
        talc_client_info(of->clients[0], &info);
        assert_false(info.is_open);
        peers_fetch(of, 0, &hello, &call);
        peers_expect(&call, TALC_CODE_CONTENT);

        talc_client_info(of->clients[0], &info);
        check_peer(&info.peer, &at->credentials->server);
        check_session(&info, at);

        const talc_session_info *seen = &of->resources->last_session;
        check_peer(&of->resources->last_peer, &at->credentials->client);
        check_peer(&seen->peer, &at->credentials->client);
        check_session(seen, at);

        talc_server_info server;
        talc_server_info_get(of->server, &server);
        assert_int_equal(server.sessions, 1);
        assert_int_equal(server.half_open, 0);
        assert_int_equal(of->events.opened, 1);
        assert_int_equal(of->events.refused + of->events.closed + of->events.failed, 0);
        peers_free(of);
    }
}

/* ---------------------------------------------------------------- ends and beginnings */

static void await_closed(peers *of, size_t count)
{
    for (int turns = 0; of->events.closed < count; turns++) {
        if (turns > TURNS_MAX) {
            fail_msg("%s: the session is still there", of->name);
        }
        peers_turn(&of, 1);
    }
}

static void a_client_that_closes_comes_again_in_another_session(void **state)
{
    (void)state;
    const peers_options options = { .credentials = &peers_psk, .mode = &dtls };
    talc_session_info info;
    peers_call call;
    peers *of = peers_new(&options);
    for (size_t times = 1; times <= 3; times++) {
        peers_fetch(of, 0, &hello, &call);
        peers_expect(&call, TALC_CODE_CONTENT);
        assert_int_equal(of->events.opened, times);
        assert_int_equal(talc_client_close(of->clients[0], 0), TALC_OK);
        talc_client_info(of->clients[0], &info);
        assert_false(info.is_open);
        await_closed(of, times);
    }
    assert_int_equal(of->events.refused + of->events.failed, 0);
    peers_free(of);
}

/* A server at a port, for as long as it is wanted. */
static talc_server *server_at(uint16_t port, resources *served)
{
    talc_config config;
    talc_failure failure;
    talc_server *server = NULL;
    char uri[32];
    peers_configure(&config, &peers_psk.server);
    config.mode = TALC_MODE_DTLS;
    config.failure = &failure;
    snprintf(uri, sizeof uri, "coaps://127.0.0.1:%u", port);
    if (talc_server_new(&server, &config) != TALC_OK ||
        talc_server_listen(server, uri) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    peers_configure_drop(&config);
    resources_serve(served, server);
    return server;
}

typedef struct answer {
    int is_there;
    talc_status status;
} answer;

static void take_answer(void *context, talc_status status, const talc_response *response)
{
    answer *got = context;
    (void)response;
    *got = (answer){ 1, status };
}

static talc_status fetch(talc_client *client, talc_server *server, uint32_t timeout_ms)
{
    answer got = { 0 };
    talc_request request = hello;
    request.timeout_ms = timeout_ms;
    assert_int_equal(talc_client_send(client, &request, take_answer, &got), TALC_PENDING);
    while (!got.is_there) {
        assert_int_equal(talc_client_wait(client, 10), TALC_OK);
        if (server != NULL) {
            assert_int_equal(talc_server_wait(server, 10), TALC_OK);
        }
    }
    return got.status;
}

/* What a server knew of its sessions ends with it, in good order or not. */
static void a_server_that_was_restarted_is_found_again(void **state)
{
    (void)state;
    resources served = { 0 };
    talc_client *client = NULL;
    talc_config config;
    char uri[32];
    talc_server *server = server_at(0, &served);
    uint16_t port = talc_server_port(server, 0);
    peers_configure(&config, &peers_psk.client);
    config.mode = TALC_MODE_DTLS;
    snprintf(uri, sizeof uri, "coaps://127.0.0.1:%u", port);
    assert_int_equal(talc_client_new(&client, &config, uri, NULL), TALC_OK);
    peers_configure_drop(&config);

    assert_int_equal(fetch(client, server, 0), TALC_OK);
    talc_server_free(server); /* says close_notify */
    server = server_at(port, &served);
    assert_int_equal(fetch(client, server, 0), TALC_OK);

    talc_server_free(server);
    assert_int_equal(fetch(client, NULL, 5000), TALC_ERROR_UNREACHABLE); /* nobody listens */
    server = server_at(port, &served);
    assert_int_equal(fetch(client, server, 0), TALC_OK);
    assert_int_equal(served.handled, 3);
    talc_client_free(client);
    talc_server_free(server);
}

#ifdef TALC_COAP_HAS_CONNECTION_IDS
static const bool has_connection_ids = true;
#else
static const bool has_connection_ids = false;
#endif

/* As behind a NAT that forgets. With connection ids (RFC 9146) the session goes on; without them
 * the server does not know it any more, and the request after the one that got no answer has
 * another. */
static void a_client_that_gets_another_port_goes_on(void **state)
{
    (void)state;
    static const peers_credentials *const rows[] = { &peers_psk, &peers_certificates };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const peers_options options = { .credentials = rows[i], .mode = &dtls, .has_relays = 1 };
        bool keeps = has_connection_ids && sees_all();
        talc_request request = hello;
        peers_call call;
        peers *of = peers_new(&options);
        peers_fetch(of, 0, &hello, &call);
        peers_expect(&call, TALC_CODE_CONTENT);
        relay_rebind(of->near);
        request.timeout_ms = 1500;
        peers_fetch(of, 0, &request, &call);
        assert_int_equal(call.status, keeps ? TALC_OK : TALC_ERROR_TIMEOUT);
        peers_fetch(of, 0, &hello, &call);
        peers_expect(&call, TALC_CODE_CONTENT);
        assert_int_equal(of->events.opened, keeps ? 1 : 2);
        peers_free(of);
    }
}

/* ---------------------------------------------------------------- by another configuration */

/* A certificate for an address proves that address; no name is sent then. */
static void a_server_is_known_by_its_address(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        talc_status status;
    } rows[] = { { NULL, TALC_OK }, { "127.0.0.1", TALC_OK }, { "127.0.0.2", TALC_ERROR_VERIFY } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static const peers_side side = { .certificate = "server-ip", .anchors = "ca.pem" };
        talc_config config;
        talc_server *server = NULL;
        talc_client *client = NULL;
        resources served = { 0 };
        char uri[32];
        peers_configure(&config, &side);
        config.mode = TALC_MODE_DTLS;
        assert_int_equal(talc_server_new(&server, &config), TALC_OK);
        assert_int_equal(talc_server_listen(server, "coaps://127.0.0.1:0"), TALC_OK);
        resources_serve(&served, server);
        config.server_name = rows[i].name;
        snprintf(uri, sizeof uri, "coaps://127.0.0.1:%u", talc_server_port(server, 0));
        assert_int_equal(talc_client_new(&client, &config, uri, NULL), TALC_OK);
        peers_configure_drop(&config);
        assert_int_equal(fetch(client, server, 0), rows[i].status);
        assert_int_equal(served.handled, rows[i].status == TALC_OK);
        talc_client_free(client);
        talc_server_free(server);
    }
}

/* What the build cannot do is said when it is asked for. */
static void pins_alone_are_taken_or_plainly_refused(void **state)
{
    (void)state;
    const peers_side *const sides[] = { &peers_pin.client, &peers_pin.server };
    for (size_t i = 0; i < COUNT(sides); i++) {
        bool is_client = i == 0;
        bool takes = sees_all() || (is_client && library() == COAP_TLS_LIBRARY_GNUTLS);
        talc_config config;
        talc_failure failure = { 0 };
        talc_server *server = NULL;
        talc_client *client = NULL;
        peers_configure(&config, sides[i]);
        config.mode = TALC_MODE_DTLS;
        config.failure = &failure;
        talc_status status;
        if (is_client) {
            status = talc_client_new(&client, &config, "coaps://127.0.0.1:9", NULL);
        } else {
            assert_int_equal(talc_server_new(&server, &config), TALC_OK);
            status = talc_server_listen(server, "coaps://127.0.0.1:0");
        }
        assert_int_equal(status, takes ? TALC_OK : TALC_ERROR_UNSUPPORTED);
        assert_contains(failure.text, takes ? "" : "beside pins the trust needs anchors");
        peers_configure_drop(&config);
        talc_client_free(client);
        talc_server_free(server);
    }
}

static void a_server_of_anyone_serves_nobody_too(void **state)
{
    (void)state;
    static const struct {
        peers_side client;
        talc_status status;
        talc_credential credential;
    } rows[] = {
        { { .anchors = "ca.pem" }, TALC_OK, TALC_CREDENTIAL_NONE },
        { { .certificate = "client", .anchors = "ca.pem" }, TALC_OK, TALC_CREDENTIAL_CERTIFICATE },
        { { .certificate = "other-client", .anchors = "ca.pem" }, TALC_ERROR_REFUSED, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static const peers_side side = { .certificate = "server", .anchors = "ca.pem" };
        talc_config config;
        talc_server *server = NULL;
        talc_client *client = NULL;
        resources served = { 0 };
        char uri[32];
        peers_configure(&config, &side);
        config.mode = TALC_MODE_DTLS;
        config.client_authentication = TALC_CLIENTS_ANONYMOUS;
        assert_int_equal(talc_server_new(&server, &config), TALC_OK);
        assert_int_equal(talc_server_listen(server, "coaps://127.0.0.1:0"), TALC_OK);
        peers_configure_drop(&config);
        resources_serve(&served, server);
        peers_configure(&config, &rows[i].client);
        config.mode = TALC_MODE_DTLS;
        snprintf(uri, sizeof uri, "coaps://127.0.0.1:%u", talc_server_port(server, 0));
        assert_int_equal(talc_client_new(&client, &config, uri, NULL), TALC_OK);
        peers_configure_drop(&config);
        talc_status status = fetch(client, server, 0);
        if (sees_all()) {
            assert_int_equal(status, rows[i].status);
            assert_int_equal(served.handled, status == TALC_OK);
        }
        if (status == TALC_OK) { /* other libraries ask nobody: everybody is nobody */
            assert_int_equal(served.last_peer.engine, TALC_ENGINE_DTLS);
            assert_int_equal(served.last_peer.credential,
                             sees_all() ? rows[i].credential : TALC_CREDENTIAL_NONE);
        }
        talc_client_free(client);
        talc_server_free(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(both_know_each_other, peers_free_all),
        cmocka_unit_test_teardown(a_client_that_closes_comes_again_in_another_session,
                                  peers_free_all),
        cmocka_unit_test(a_server_that_was_restarted_is_found_again),
        cmocka_unit_test_teardown(a_client_that_gets_another_port_goes_on, peers_free_all),
        cmocka_unit_test(a_server_is_known_by_its_address),
        cmocka_unit_test(pins_alone_are_taken_or_plainly_refused),
        cmocka_unit_test(a_server_of_anyone_serves_nobody_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
