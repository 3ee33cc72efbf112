/* SPDX-License-Identifier: MIT */
/* Gateways that transcode (RFC 8075) and are rude about it: they write the JSON anew, lose bodies,
 * add and take away fields, send requests twice, or ask another server. The session goes on, and
 * every request runs once; where that cannot be, it ends with an error that says why, and nothing
 * runs twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/peers.h"
#include "tests/rude_gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT 12
#define ONE_BY_ONE 12
#define COUNTED (IN_FLIGHT + ONE_BY_ONE)
#define REQUEST_TIMEOUT_MS 20000

typedef enum outcome {
    GOES_ON = 0,   /* one session, every request answered, and run once */
    GOES_ON_LATER, /* likewise, but sessions may be begun that come to nothing */
    IS_REPLACED    /* what was under way is lost with the server, the rest goes on with the other */
} outcome;

typedef struct manner_row {
    const char *manner; /* a function of rude_gateway.py, which says what it does */
    outcome outcome;
    int is_pool; /* of two servers */
} manner_row;

static const manner_row manners[] = {
    { "polite", GOES_ON, 0 },
    /* JSON, written anew */
    { "sorted_keys", GOES_ON, 0 },
    { "other_order", GOES_ON, 0 },
    { "pretty", GOES_ON, 0 },
    { "windows", GOES_ON, 0 },
    { "php", GOES_ON, 0 },
    { "dotnet", GOES_ON, 0 },
    { "codes", GOES_ON, 0 },
    { "byte_order_mark", GOES_ON, 0 },
    /* bodies and their types */
    { "empty_answers", GOES_ON, 0 },
    { "empty_success", GOES_ON, 0 },
    { "empty_requests", GOES_ON, 0 },
    { "half_answers", GOES_ON, 0 },
    { "untyped", GOES_ON, 0 },
    { "charset", GOES_ON, 0 },
    { "problem", GOES_ON, 0 },
    { "chunked", GOES_ON, 0 },
    { "old", GOES_ON, 0 },
    { "slow", GOES_ON, 0 },
    /* addresses */
    { "encoded_query", GOES_ON, 0 },
    { "encoded_target", GOES_ON, 0 },
    { "more_query", GOES_ON, 0 },
    /* statuses, and words of its own */
    { "always_200", GOES_ON, 0 },
    { "accepted", GOES_ON, 0 },
    { "portal", GOES_ON, 0 },
    { "error_pages", GOES_ON, 0 },
    { "busy", GOES_ON, 0 },
    { "breaking", GOES_ON, 0 },
    { "stale", GOES_ON, 0 },
    /* more often than asked, or somebody else */
    { "twice_first", GOES_ON, 0 },
    { "twice_second", GOES_ON, 0 },
    { "thrice_at_once", GOES_ON, 0 },
    { "sticky", GOES_ON, 1 },
    { "strays", GOES_ON_LATER, 1 },
    { "round_robin", GOES_ON_LATER, 1 },
    { "other_one", IS_REPLACED, 1 },
};

typedef struct credentials_row {
    const char *name;
    const peers_credentials *credentials;
    talc_mode mode;
} credentials_row;

static const credentials_row credentials[] = {
    { "certificates", &peers_certificates, TALC_MODE_TLS },
    { "psk", &peers_psk, TALC_MODE_TLS },
    { "ecc", &peers_device, TALC_MODE_ECC },
};

#define MANNERS (sizeof manners / sizeof manners[0])
#define CREDENTIALS (sizeof credentials / sizeof credentials[0])

typedef struct transcoding_case {
    char name[64];
    const manner_row *manner;
    const credentials_row *credentials;
} transcoding_case;

static rude_gateway gateway;

/* A client, the gateway, and one or two servers behind it. */
typedef struct scene {
    const transcoding_case *row;
    peers *all[2];
    size_t count;
    size_t failed; /* requests that were lost with their server */
} scene;

/* ---------------------------------------------------------------- requests */

static talc_request numbered(talc_method method, const char *path, size_t number)
{
    static char queries[RESOURCES_COUNTERS][8];
    talc_request request = TALC_REQUEST_DEFAULT;
    snprintf(queries[number], sizeof queries[number], "n=%zu", number);
    request.method = method;
    request.path = path;
    request.query = queries[number];
    return request;
}

/* How often it ran, on all servers. */
static unsigned executions(const scene *of, size_t number)
{
    unsigned count = 0;
    for (size_t i = 0; i < of->count; i++) {
        count += of->all[i]->resources->executions[number];
    }
    return count;
}

/* Lost with its server it may have run or not. */
static void expect_run_once(scene *of, const peers_call *call, size_t number, uint8_t code)
{
    unsigned count = executions(of, number);
    if (of->row->manner->outcome == IS_REPLACED && call->status == TALC_ERROR_SESSION_LOST) {
        of->failed++;
        assert_in_range(count, 0, 1);
        return;
    }
    peers_expect(call, code);
    if (count != 1) {
        fail_msg("%s: request %zu ran %u times", of->row->name, number, count);
    }
}

static void send_and_expect(scene *of, const talc_request *request, size_t number, uint8_t code,
                            peers_call *call)
{
    peers_send(of->all[0], 0, request, call);
    peers_await(of->all, of->count);
    expect_run_once(of, call, number, code);
}

static void count_in_flight(scene *of)
{
    static peers_call calls[IN_FLIGHT];
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        talc_request request = numbered(TALC_POST, "counter", i);
        peers_send(of->all[0], 0, &request, &calls[i]);
    }
    peers_await(of->all, of->count);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        expect_run_once(of, &calls[i], i, TALC_CODE_CHANGED);
    }
}

static void count_one_by_one(scene *of)
{
    static peers_call call;
    for (size_t i = IN_FLIGHT; i < COUNTED; i++) {
        talc_request request = numbered(TALC_POST, "counter", i);
        send_and_expect(of, &request, i, TALC_CODE_CHANGED, &call);
    }
}

/* Longer than one body there and back. */
static void echo(scene *of, size_t number)
{
    static peers_call call;
    uint8_t payload[3000];
    talc_request request = numbered(TALC_POST, "echo", number);
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = resources_byte(i);
    }
    request.payload = payload;
    request.payload_size = sizeof payload;
    send_and_expect(of, &request, number, TALC_CODE_CHANGED, &call);
    if (call.status == TALC_OK) {
        assert_int_equal(call.payload_size, sizeof payload);
        assert_memory_equal(call.payload, payload, sizeof payload);
    }
}

/* ---------------------------------------------------------------- scenes */

static void scene_begin(scene *of, const transcoding_case *row)
{
    char uri[64];
    peers_options options = { .credentials = row->credentials->credentials,
                              .mode = &row->credentials->mode,
                              .path = PEERS_HTTP,
                              .request_timeout_ms = REQUEST_TIMEOUT_MS };
    memset(of, 0, sizeof *of);
    of->row = row;
    of->count = row->manner->is_pool ? 2 : 1;
    for (size_t i = 0; i < of->count; i++) {
        of->all[i] = peers_new(&options);
    }
    rude_gateway_behave(&gateway, row->manner->manner, of->all[0]->server_port,
                        of->count > 1 ? of->all[1]->server_port : 0);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u", gateway.port);
    assert_int_equal(talc_client_reroute(of->all[0]->clients[0], uri, NULL), TALC_OK);
}

/* Sessions that the servers together had open. */
static size_t sessions_opened(const scene *of)
{
    size_t opened = 0;
    for (size_t i = 0; i < of->count; i++) {
        opened += of->all[i]->events.opened;
        assert_int_equal(of->all[i]->events.failed, 0);
    }
    return opened;
}

static void expect_one_session(const scene *of)
{
    size_t opened = sessions_opened(of);
    switch (of->row->manner->outcome) {
    case GOES_ON:
        assert_int_equal(opened, 1);
        assert_int_equal(of->all[0]->events.refused, 0);
        break;
    case GOES_ON_LATER: assert_int_equal(opened, 1); break;
    case IS_REPLACED:
        assert_int_equal(opened, 2);
        assert_in_range(of->failed, 0, 1); /* they came one by one */
        break;
    }
}

static void through_the_gateway(void **state)
{
    const transcoding_case *row = *state;
    static peers_call call;
    scene of;
    scene_begin(&of, row);
    talc_request request = numbered(TALC_GET, "hello", COUNTED);
    send_and_expect(&of, &request, COUNTED, TALC_CODE_CONTENT, &call);
    assert_int_equal(call.payload_size, 4);
    assert_memory_equal(call.payload, "21.5", 4);
    count_in_flight(&of);
    count_one_by_one(&of);
    echo(&of, COUNTED + 1);
    echo(&of, COUNTED + 2);
    expect_one_session(&of);
    assert_true(rude_gateway_requests(&gateway) > COUNTED / 2);
    for (size_t i = 0; i < of.count; i++) {
        peers_free(of.all[i]);
    }
}

static int start_gateway(void **state)
{
    (void)state;
    rude_gateway_start(&gateway);
    return 0;
}

static int stop_gateway(void **state)
{
    (void)state;
    rude_gateway_stop(&gateway);
    return 0;
}

int main(int argc, char **argv)
{
    static transcoding_case cases[MANNERS * CREDENTIALS];
    static struct CMUnitTest tests[MANNERS * CREDENTIALS];
    for (size_t i = 0; i < MANNERS * CREDENTIALS; i++) {
        cases[i].manner = &manners[i / CREDENTIALS];
        cases[i].credentials = &credentials[i % CREDENTIALS];
        snprintf(cases[i].name, sizeof cases[i].name, "%s/%s", cases[i].credentials->name,
                 cases[i].manner->manner);
        tests[i] = (struct CMUnitTest){ cases[i].name, through_the_gateway, NULL, peers_free_all,
                                        &cases[i] };
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests_name("transcoding", tests, start_gateway, stop_gateway);
}
