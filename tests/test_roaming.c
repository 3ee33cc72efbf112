/* SPDX-License-Identifier: MIT */
/* The session outlives the path: the client's port, its proxy, and whether there is one, change while
 * requests are under way, and neither side has to prove anything again. */
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BATCH 4

typedef struct roaming_row {
    const char *name;
    const peers_credentials *credentials;
    talc_mode mode;
    talc_tls_version version;
} roaming_row;

static const roaming_row roaming_rows[] = {
    { "certificates, TLS 1.3", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_3 },
    { "certificates, TLS 1.2", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_2 },
    { "PSK, TLS 1.3", &peers_psk, TALC_MODE_TLS, TALC_TLS_1_3 },
    { "RSA-4096 chain, TLS 1.3", &peers_rsa_chain, TALC_MODE_TLS, TALC_TLS_1_3 },
    { "a device, ecc", &peers_device, TALC_MODE_ECC, 0 },
};

#define ROAMING_ROWS (sizeof roaming_rows / sizeof roaming_rows[0])

static proxy_process proxies[2];

/* ---------------------------------------------------------------- ways to move */

static void reroute(peers *of, const proxy_process *proxy)
{
    char uri[64], proxy_uri[64];
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", of->server_port);
    if (proxy != NULL) {
        snprintf(proxy_uri, sizeof proxy_uri, "coap://127.0.0.1:%u", proxy->port);
    }
    assert_int_equal(talc_client_reroute(of->clients[0], uri, proxy != NULL ? proxy_uri : NULL),
                     TALC_OK);
}

static void stay(peers *of)
{
    (void)of;
}

static void get_another_port(peers *of)
{
    relay_rebind(of->near);
}

/* Each move leaves a path behind that is dead from then on. */
static void go_through_a_proxy(peers *of)
{
    relay_drop_every(of->near, 1, 0);
    reroute(of, &proxies[0]);
}

static void go_through_another_proxy(peers *of)
{
    proxy_process_stop(&proxies[0]);
    reroute(of, &proxies[1]);
}

static void go_directly(peers *of)
{
    proxy_process_stop(&proxies[1]);
    reroute(of, NULL);
}

typedef struct roaming_move {
    const char *name;
    void (*make)(peers *of);
} roaming_move;

static const roaming_move moves[] = {
    { "nothing changes", stay },
    { "the client has another port", get_another_port },
    { "it goes through a proxy", go_through_a_proxy },
    { "through another proxy", go_through_another_proxy },
    { "and directly again", go_directly },
};

#define MOVES (sizeof moves / sizeof moves[0])

/* ---------------------------------------------------------------- requests */

static void send_number(peers *of, size_t number, peers_call *call)
{
    char query[16];
    talc_request request = TALC_REQUEST_DEFAULT;
    snprintf(query, sizeof query, "n=%zu", number);
    request.method = TALC_POST;
    request.path = "counter";
    request.query = query;
    peers_send(of, 0, &request, call);
}

static void send_plain(peers *of, talc_method method, const char *path, peers_call *call)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = method;
    request.path = path;
    peers_send(of, 0, &request, call);
}

static void expect_same_session(const peers *of, const talc_session_info *before, const char *move)
{
    talc_session_info now;
    talc_server_info server;
    talc_client_info(of->clients[0], &now);
    talc_server_info_get(of->server, &server);
    if (memcmp(now.session_id, before->session_id, sizeof now.session_id) != 0 ||
        now.handshake_exchanges != before->handshake_exchanges || server.sessions != 1 ||
        of->events.opened != 1) {
        fail_msg("%s: another session: %u exchanges for a handshake instead of %u, the server has "
                 "%zu sessions and opened %zu",
                 move, now.handshake_exchanges, before->handshake_exchanges, server.sessions,
                 of->events.opened);
    }
}

/* A batch is under way when the move comes, some of it on the wire already; another follows. */
static void move_among_requests(peers *of, size_t at, const talc_session_info *session)
{
    static peers_call calls[2 * BATCH];
    size_t first = at * 2 * BATCH;
    for (size_t i = 0; i < BATCH; i++) {
        send_number(of, first + i, &calls[i]);
    }
    peers_turn(&of, 1);
    moves[at].make(of);
    for (size_t i = BATCH; i < 2 * BATCH; i++) {
        send_number(of, first + i, &calls[i]);
    }
    peers_await_calls(of, calls, 2 * BATCH);
    for (size_t i = 0; i < 2 * BATCH; i++) {
        peers_expect(&calls[i], TALC_CODE_CHANGED);
    }
    expect_same_session(of, session, moves[at].name);
}

static void the_session_outlives_the_path(void **state)
{
    static peers_call first, later, release;
    const roaming_row *row = *state;
    peers_options options = { .credentials = row->credentials,
                              .mode = &row->mode,
                              .version = row->version,
                              .has_relays = 1 };
    peers *of = peers_new(&options);
    talc_session_info session;
    send_plain(of, TALC_GET, "hello", &first);
    peers_await(&of, 1);
    peers_expect(&first, TALC_CODE_CONTENT);
    talc_client_info(of->clients[0], &session);
    assert_true(session.handshake_exchanges > 0);
    send_plain(of, TALC_GET, "later", &later); /* under way all along */
    for (size_t at = 0; at < MOVES; at++) {
        move_among_requests(of, at, &session);
    }
    assert_false(later.is_done);
    send_plain(of, TALC_POST, "release", &release);
    peers_await(&of, 1);
    peers_expect(&later, TALC_CODE_CONTENT);
    for (size_t number = 0; number < RESOURCES_COUNTERS; number++) {
        assert_int_equal(of->resources->executions[number], number < MOVES * 2 * BATCH);
    }
    assert_int_equal(of->events.refused + of->events.failed + of->events.closed, 0);
    peers_free(of);
}

static int start_proxies(void **state)
{
    (void)state;
    proxy_process_start(&proxies[0]);
    proxy_process_start(&proxies[1]);
    return 0;
}

static int stop_all(void **state)
{
    proxy_process_stop(&proxies[0]);
    proxy_process_stop(&proxies[1]);
    return peers_free_all(state);
}

int main(void)
{
    struct CMUnitTest tests[ROAMING_ROWS];
    for (size_t i = 0; i < ROAMING_ROWS; i++) {
        tests[i] = (struct CMUnitTest){ roaming_rows[i].name, the_session_outlives_the_path,
                                        start_proxies, stop_all, (void *)&roaming_rows[i] };
    }
    return cmocka_run_group_tests_name("roaming", tests, NULL, NULL);
}
