/* SPDX-License-Identifier: MIT */
/* A session goes on over another carrier: CoAP, HTTP, https, https through nginx, and back, while
 * requests are under way. Neither side has to prove anything again, and every request runs once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/nginx_process.h"
#include "tests/peers.h"

#include <stdio.h>
#include <string.h>

#define BATCH 4
#define ROUNDS 10

typedef struct session_row {
    const char *name;
    const peers_credentials *credentials;
    talc_mode mode;
    talc_tls_version version;
} session_row;

static const session_row session_rows[] = {
    { "certificates, TLS 1.3", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_3 },
    { "certificates, TLS 1.2", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_2 },
    { "PSK, TLS 1.3", &peers_psk, TALC_MODE_TLS, TALC_TLS_1_3 },
    { "RSA-4096 chain, TLS 1.3", &peers_rsa_chain, TALC_MODE_TLS, TALC_TLS_1_3 },
    { "a device, ecc", &peers_device, TALC_MODE_ECC, 0 },
};

#define SESSION_ROWS (sizeof session_rows / sizeof session_rows[0])

/* Ways to the one server, which listens at three ports. */
typedef enum way { WAY_COAP, WAY_HTTP, WAY_HTTPS, WAY_NGINX, WAYS } way;

static const char *const way_names[WAYS] = { "CoAP", "HTTP", "https", "https through nginx" };

typedef struct scene {
    peers *of;
    nginx_process nginx;
    size_t sent; /* counted requests */
    talc_session_info session;
} scene;

static scene stage;

/* ---------------------------------------------------------------- ways */

static void listen_too(peers *of, const char *scheme)
{
    char uri[32];
    snprintf(uri, sizeof uri, "%s://127.0.0.1:0", scheme);
    assert_int_equal(talc_server_listen(of->server, uri), TALC_OK);
}

static void scene_begin(scene *at, const session_row *row)
{
    peers_options options = { .credentials = row->credentials,
                              .mode = &row->mode,
                              .version = row->version };
    memset(at, 0, sizeof *at);
    at->of = peers_new(&options);
    listen_too(at->of, "http");
    listen_too(at->of, "https");
    nginx_setup setup = { .upstream_port = talc_server_port(at->of->server, WAY_HTTP),
                          .certificate = "outer.pem",
                          .key = "outer.key" };
    nginx_process_start(&at->nginx, &setup);
}

static void go(const scene *at, way there)
{
    static const char *const schemes[WAYS] = { "coap", "http", "https", "https" };
    char uri[64];
    uint16_t port =
        there == WAY_NGINX ? at->nginx.tls_port : talc_server_port(at->of->server, (size_t)there);
    snprintf(uri, sizeof uri, "%s://127.0.0.1:%u", schemes[there], port);
    assert_int_equal(talc_client_reroute(at->of->clients[0], uri, NULL), TALC_OK);
}

/* ---------------------------------------------------------------- requests */

static void send_plain(const scene *at, talc_method method, const char *path, peers_call *call)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = method;
    request.path = path;
    peers_send(at->of, 0, &request, call);
}

static void send_numbers(scene *at, peers_call calls[BATCH])
{
    for (size_t i = 0; i < BATCH; i++) {
        char query[16];
        talc_request request = TALC_REQUEST_DEFAULT;
        assert_true(at->sent < RESOURCES_COUNTERS);
        snprintf(query, sizeof query, "n=%zu", at->sent++);
        request.method = TALC_POST;
        request.path = "counter";
        request.query = query;
        peers_send(at->of, 0, &request, &calls[i]);
    }
}

static void send_long(const scene *at, peers_call *call)
{
    static uint8_t payload[3000];
    talc_request request = TALC_REQUEST_DEFAULT;
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = resources_byte(i);
    }
    request.method = TALC_POST;
    request.path = "echo";
    request.payload = payload;
    request.payload_size = sizeof payload;
    peers_send(at->of, 0, &request, call);
}

static void expect_long(const peers_call *call)
{
    peers_expect(call, TALC_CODE_CHANGED);
    assert_int_equal(call->payload_size, 3000);
    for (size_t i = 0; i < call->payload_size; i++) {
        assert_int_equal(call->payload[i], resources_byte(i));
    }
}

static void expect_same_session(const scene *at, way there)
{
    talc_session_info now;
    talc_server_info server;
    talc_client_info(at->of->clients[0], &now);
    talc_server_info_get(at->of->server, &server);
    if (memcmp(now.session_id, at->session.session_id, sizeof now.session_id) != 0 ||
        now.handshake_exchanges != at->session.handshake_exchanges || server.sessions != 1 ||
        at->of->events.opened != 1) {
        fail_msg("%s: another session: %u exchanges for a handshake instead of %u, the server has "
                 "%zu sessions and opened %zu",
                 way_names[there], now.handshake_exchanges, at->session.handshake_exchanges,
                 server.sessions, at->of->events.opened);
    }
}

/* Some requests are under way when the move comes, some of them on the wire already; others
 * follow. */
static void move_among_requests(scene *at, way there)
{
    static peers_call calls[2 * BATCH], longs[2];
    send_numbers(at, calls);
    send_long(at, &longs[0]);
    peers_turn(&at->of, 1);
    go(at, there);
    send_numbers(at, calls + BATCH);
    send_long(at, &longs[1]);
    peers_await_calls(at->of, calls, 2 * BATCH);
    peers_await_calls(at->of, longs, 2);
    for (size_t i = 0; i < 2 * BATCH; i++) {
        peers_expect(&calls[i], TALC_CODE_CHANGED);
    }
    expect_long(&longs[0]);
    expect_long(&longs[1]);
    expect_same_session(at, there);
}

static void begin_session(scene *at, way there)
{
    static peers_call first;
    go(at, there);
    send_plain(at, TALC_GET, "hello", &first);
    peers_await_calls(at->of, &first, 1);
    peers_expect(&first, TALC_CODE_CONTENT);
    talc_client_info(at->of->clients[0], &at->session);
    assert_true(at->session.handshake_exchanges > 0);
}

static void expect_each_ran_once(const scene *at)
{
    for (size_t number = 0; number < RESOURCES_COUNTERS; number++) {
        assert_int_equal(at->of->resources->executions[number], number < at->sent);
    }
    assert_int_equal(at->of->events.refused + at->of->events.failed + at->of->events.closed, 0);
}

static void release_and_expect(const scene *at, const peers_call *later)
{
    static peers_call release;
    assert_false(later->is_done);
    send_plain(at, TALC_POST, "release", &release);
    peers_await(&at->of, 1);
    peers_expect(later, TALC_CODE_CONTENT);
}

/* ---------------------------------------------------------------- tests */

static void there_and_back_ten_times(void **state)
{
    static const way ways[] = { WAY_HTTP, WAY_HTTPS, WAY_NGINX };
    static peers_call later;
    scene_begin(&stage, *state);
    begin_session(&stage, WAY_COAP);
    send_plain(&stage, TALC_GET, "later", &later); /* under way all along */
    for (size_t round = 0; round < ROUNDS; round++) {
        move_among_requests(&stage, ways[round % 3]);
        move_among_requests(&stage, WAY_COAP);
    }
    release_and_expect(&stage, &later);
    expect_each_ran_once(&stage);
}

/* Wherever a session begins, it goes on everywhere else. */
static void a_session_may_begin_anywhere(void **state)
{
    for (way begin = WAY_HTTP; begin < WAYS; begin++) {
        scene_begin(&stage, *state);
        begin_session(&stage, begin);
        for (way there = WAY_COAP; there < WAYS; there++) {
            move_among_requests(&stage, there);
        }
        expect_each_ran_once(&stage);
        nginx_process_stop(&stage.nginx);
        peers_free(stage.of);
        stage.of = NULL;
    }
}

/* What was under way dies with the path, and is asked for again over the next one. */
static void a_way_that_ends_takes_nothing_along(void **state)
{
    static peers_call calls[BATCH], later;
    scene_begin(&stage, *state);
    begin_session(&stage, WAY_NGINX);
    send_plain(&stage, TALC_GET, "later", &later);
    send_numbers(&stage, calls);
    peers_turn(&stage.of, 1);
    nginx_process_stop(&stage.nginx);
    peers_turn(&stage.of, 1);
    go(&stage, WAY_COAP);
    peers_await_calls(stage.of, calls, BATCH);
    for (size_t i = 0; i < BATCH; i++) {
        peers_expect(&calls[i], TALC_CODE_CHANGED);
    }
    expect_same_session(&stage, WAY_COAP);
    move_among_requests(&stage, WAY_HTTP);
    release_and_expect(&stage, &later);
    expect_each_ran_once(&stage);
}

static int tear_down(void **state)
{
    nginx_process_stop(&stage.nginx);
    return peers_free_all(state);
}

typedef struct test_kind {
    const char *name;
    CMUnitTestFunction function;
} test_kind;

static const test_kind kinds[] = {
    { "there and back ten times", there_and_back_ten_times },
    { "it may begin anywhere", a_session_may_begin_anywhere },
    { "a way that ends takes nothing along", a_way_that_ends_takes_nothing_along },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

int main(void)
{
    static struct CMUnitTest tests[SESSION_ROWS * KINDS];
    static char names[SESSION_ROWS * KINDS][96];
    for (size_t i = 0; i < SESSION_ROWS * KINDS; i++) {
        const session_row *row = &session_rows[i / KINDS];
        const test_kind *kind = &kinds[i % KINDS];
        snprintf(names[i], sizeof names[i], "%s: %s", row->name, kind->name);
        tests[i] = (struct CMUnitTest){ names[i], kind->function, NULL, tear_down,
                                        (void *)(uintptr_t)row };
    }
    return cmocka_run_group_tests_name("across_carriers", tests, NULL, NULL);
}
