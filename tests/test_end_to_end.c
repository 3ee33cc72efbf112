/* SPDX-License-Identifier: MIT */
/* Every way to prove an identity, over every path, in both versions of TLS: the same requests get
 * the same responses, and both sides know whom they talk to. */
#include "tests/peers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define IN_FLIGHT 20

/* The first response comes with the answer to this request body; 0: it takes as many as the flights
 * need. */
typedef struct credentials_row {
    const peers_credentials *credentials;
    uint32_t first_exchange_1_3;
    uint32_t first_exchange_1_2;
    const char *suite_1_2;
} credentials_row;

static const credentials_row credentials_rows[] = {
    { &peers_certificates, 2, 3, "TLS_ECDHE_ECDSA_WITH_AES_128_" },
    { &peers_psk, 2, 3, "TLS_ECDHE_PSK_WITH_" },
    { &peers_pin, 2, 3, "TLS_ECDHE_ECDSA_WITH_AES_128_" },
    { &peers_rsa_chain, 0, 0, "TLS_ECDHE_RSA_WITH_AES_128_" },
};

typedef struct end_to_end_case {
    const credentials_row *row;
    peers_options options;
    char name[96];
} end_to_end_case;

/* ---------------------------------------------------------------- requests */

typedef struct request_row {
    const char *what;
    talc_method method;
    const char *path;
    size_t payload_size; /* of resources_byte() */
    uint8_t code;
    size_t response_size; /* of resources_byte(), or of `text` */
    const char *text;
} request_row;

static const request_row requests[] = {
    { "GET", TALC_GET, "hello", 0, TALC_CODE_CONTENT, 4, "21.5" },
    { "GET of what is not there yet", TALC_GET, "value", 0, TALC_CODE_NOT_FOUND, 0, NULL },
    { "PUT that creates", TALC_PUT, "value", 100, TALC_CODE_CREATED, 0, NULL },
    { "PUT that changes", TALC_PUT, "value", 3000, TALC_CODE_CHANGED, 0, NULL },
    { "GET of what was put", TALC_GET, "value", 0, TALC_CODE_CONTENT, 3000, NULL },
    { "POST of 3 KB", TALC_POST, "echo", 3072, TALC_CODE_CHANGED, 3072, NULL },
    { "16 KiB there and back", TALC_POST, "echo", 16384, TALC_CODE_CHANGED, 16384, NULL },
    { "16 KiB back", TALC_GET, "large", 0, TALC_CODE_CONTENT, 16384, NULL },
    { "DELETE", TALC_DELETE, "value", 0, TALC_CODE_DELETED, 0, NULL },
    { "GET of what was deleted", TALC_GET, "value", 0, TALC_CODE_NOT_FOUND, 0, NULL },
    { "a path that is not served", TALC_GET, "nothing", 0, TALC_CODE_NOT_FOUND, 0, NULL },
    { "a method that is not served", TALC_DELETE, "hello", 0, TALC_CODE_METHOD_NOT_ALLOWED, 0,
      NULL },
};

static void expect_payload(const peers_call *call, const request_row *row)
{
    if (call->payload_size != row->response_size) {
        fail_msg("%s: %s: %zu bytes instead of %zu", call->of->name, row->what, call->payload_size,
                 row->response_size);
    }
    for (size_t i = 0; i < row->response_size; i++) {
        uint8_t expected = row->text != NULL ? (uint8_t)row->text[i] : resources_byte(i);
        if (call->payload[i] != expected) {
            fail_msg("%s: %s: byte %zu of the response is wrong", call->of->name, row->what, i);
        }
    }
}

static void request_and_expect(peers *of, const request_row *row, peers_call *call)
{
    static uint8_t payload[PEERS_PAYLOAD_MAX];
    talc_request request = TALC_REQUEST_DEFAULT;
    for (size_t i = 0; i < row->payload_size; i++) {
        payload[i] = resources_byte(i);
    }
    request.method = row->method;
    request.path = row->path;
    request.payload = payload;
    request.payload_size = row->payload_size;
    peers_fetch(of, 0, &request, call);
    peers_expect(call, row->code);
    expect_payload(call, row);
}

/* ---------------------------------------------------------------- who is there */

static void expect_peer(const talc_peer *peer, const peers_side *side)
{
    assert_int_equal(peer->engine, TALC_ENGINE_TLS);
    assert_int_equal(peer->credential, side->credential);
    assert_string_equal(peer->name, peers_shown_name(side));
}

static void expect_session(const talc_session_info *info, const end_to_end_case *of)
{
    int is_1_2 = of->options.version == TALC_TLS_1_2;
    const char *suite = is_1_2 ? of->row->suite_1_2 : "TLS_AES_128_";
    assert_true(info->is_open);
    assert_string_equal(info->protocol, is_1_2 ? "TLSv1.2" : "TLSv1.3");
    if (strncmp(info->cipher_suite, suite, strlen(suite)) != 0) {
        fail_msg("%s instead of %s...", info->cipher_suite, suite);
    }
}

static void expect_both_sides(const peers *of, const end_to_end_case *row)
{
    talc_session_info client;
    talc_client_info(of->clients[0], &client);
    expect_session(&client, row);
    expect_session(&of->resources->last_session, row);
    assert_memory_equal(client.session_id, of->resources->last_session.session_id,
                        sizeof client.session_id);
    expect_peer(&client.peer, &of->options.credentials->server);
    expect_peer(&of->resources->last_session.peer, &of->options.credentials->client);
    expect_peer(&of->resources->last_peer, &of->options.credentials->client);
    assert_int_equal(client.dropped_envelopes, 0);
}

/* ---------------------------------------------------------------- requests side by side */

static void send_plain(peers *of, talc_method method, const char *path, peers_call *call)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = method;
    request.path = path;
    peers_send(of, 0, &request, call);
}

static void a_deferred_answer_lets_later_ones_pass(peers *of, peers_call calls[3])
{
    send_plain(of, TALC_GET, "later", &calls[0]);
    send_plain(of, TALC_GET, "hello", &calls[1]);
    peers_await_calls(of, &calls[1], 1);
    assert_false(calls[0].is_done);
    assert_int_equal(of->resources->later_count, 1);
    send_plain(of, TALC_POST, "release", &calls[2]);
    peers_await(&of, 1);
    peers_expect(&calls[0], TALC_CODE_CONTENT);
    peers_expect(&calls[1], TALC_CODE_CONTENT);
    peers_expect(&calls[2], TALC_CODE_CHANGED);
    assert_memory_equal(calls[0].payload, "now", 3);
}

static void many_in_flight_each_get_their_own(peers *of, peers_call calls[IN_FLIGHT])
{
    uint8_t payload[700];
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = TALC_POST;
    request.path = "echo";
    request.payload = payload;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        memset(payload, (int)i, sizeof payload);
        request.payload_size = 50 + i * 30;
        peers_send(of, 0, &request, &calls[i]);
    }
    peers_await(&of, 1);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        peers_expect(&calls[i], TALC_CODE_CHANGED);
        assert_int_equal(calls[i].payload_size, 50 + i * 30);
        assert_int_equal(calls[i].payload[0], i);
        assert_int_equal(calls[i].payload[calls[i].payload_size - 1], i);
    }
}

/* ---------------------------------------------------------------- closing */

typedef struct server_thread {
    peers *of;
    atomic_int ends;
} server_thread;

static void *run_server(void *context)
{
    server_thread *thread = context;
    while (!atomic_load(&thread->ends)) {
        peers_turn_without_clients(thread->of);
    }
    return NULL;
}

/* Closing waits for the server, which needs a thread of its own then. */
static void close_in_good_order(peers *of)
{
    pthread_t thread;
    server_thread serving = { .of = of };
    assert_int_equal(pthread_create(&thread, NULL, run_server, &serving), 0);
    talc_status status = talc_client_close(of->clients[0], 60000);
    atomic_store(&serving.ends, 1);
    pthread_join(thread, NULL);
    assert_int_equal(status, TALC_OK);
    assert_int_equal(of->events.closed, 1);
}

/* ---------------------------------------------------------------- the test */

static void expect_first_response(const peers_call *call, const end_to_end_case *row)
{
    uint32_t expected = row->options.version == TALC_TLS_1_2 ? row->row->first_exchange_1_2
                                                             : row->row->first_exchange_1_3;
    if (expected != 0 && call->exchanges != expected) {
        fail_msg("the first response came in exchange %u instead of %u", call->exchanges, expected);
    }
}

static void a_session_from_end_to_end(void **state)
{
    static peers_call calls[IN_FLIGHT];
    const end_to_end_case *row = *state;
    peers *of = peers_new(&row->options);
    request_and_expect(of, &requests[0], &calls[0]);
    expect_first_response(&calls[0], row);
    expect_both_sides(of, row);
    for (size_t i = 1; i < sizeof requests / sizeof requests[0]; i++) {
        request_and_expect(of, &requests[i], &calls[0]);
    }
    a_deferred_answer_lets_later_ones_pass(of, calls);
    many_in_flight_each_get_their_own(of, calls);
    expect_both_sides(of, row);
    assert_int_equal(of->events.opened, 1);
    assert_int_equal(of->events.refused + of->events.failed + of->events.dropped, 0);
    if (row->options.path != PEERS_LOOPBACK) {
        close_in_good_order(of);
    }
    peers_free(of);
}

#define CASES_MAX 32

static const peers_path paths[] = {
    PEERS_LOOPBACK,
    PEERS_DIRECT,
    PEERS_PROXY,
    PEERS_HTTP,
};

/* HTTP stands last in the table. */
#ifdef TALC_TEST_HTTP
#define PATHS (sizeof paths / sizeof paths[0])
#else
#define PATHS (sizeof paths / sizeof paths[0] - 1)
#endif

static size_t make_cases(end_to_end_case cases[CASES_MAX])
{
    static const talc_tls_version versions[] = { TALC_TLS_1_3, TALC_TLS_1_2 };
    static const char *const path_names[] = { "direct", "through the proxy", "loopback", "HTTP" };
    size_t count = 0;
    for (size_t version = 0; version < 2; version++) {
        for (size_t row = 0; row < 4; row++) {
            for (size_t path = 0; path < PATHS; path++) {
                end_to_end_case *made = &cases[count++];
                made->row = &credentials_rows[row];
                made->options = (peers_options){ .credentials = made->row->credentials,
                                                 .version = versions[version],
                                                 .path = paths[path] };
                snprintf(made->name, sizeof made->name, "TLS 1.%s, %s, %s",
                         versions[version] == TALC_TLS_1_3 ? "3" : "2",
                         made->row->credentials->name, path_names[paths[path]]);
            }
        }
    }
    return count;
}

int main(void)
{
    static end_to_end_case cases[CASES_MAX];
    struct CMUnitTest tests[CASES_MAX];
    size_t count = make_cases(cases);
    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){ cases[i].name, a_session_from_end_to_end, NULL,
                                        peers_free_all, &cases[i] };
    }
    return cmocka_run_group_tests_name("end to end", tests, NULL, NULL);
}
