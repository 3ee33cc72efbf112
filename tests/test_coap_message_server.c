/* SPDX-License-Identifier: MIT */
/* The server of a gateway: every path and every proxied URI, options as they are, each request
 * once. */
#include "tests/coap_message_pair.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CON = WIRE_CON, NON = WIRE_NON };
enum { GET = 1, POST, PUT, DELETE, FETCH, PATCH, IPATCH };

/* ---------------------------------------------------------------- what arrives */

static void a_request_arrives_with_all_its_options(void **state)
{
    message_pair *pair = *state;
    const uint8_t large[300] = "of a number and of a size with all extensions";
    const talc_coap_message_option options[] = {
        { TALC_COAP_IF_MATCH, 3, (const uint8_t *)"\x00\xff\x01" },
        { TALC_COAP_IF_MATCH, 0, NULL },
        message_text(TALC_COAP_URI_HOST, "not.this.host"),
        message_text(TALC_COAP_ETAG, "12345678"),
        message_text(TALC_COAP_ETAG, "x"),
        { TALC_COAP_IF_NONE_MATCH, 0, NULL },
        { TALC_COAP_OBSERVE, 0, NULL },
        { TALC_COAP_URI_PORT, 2, (const uint8_t *)"\x16\x33" },
        { 9, 3, (const uint8_t *)"osc" },
        message_text(TALC_COAP_URI_PATH, "a"),
        message_text(TALC_COAP_URI_PATH, ""),
        message_text(TALC_COAP_URI_PATH, "b c/%\xc3\xbc"),
        { TALC_COAP_CONTENT_FORMAT, 1, (const uint8_t *)"\x3c" },
        message_text(TALC_COAP_URI_QUERY, "x=1"),
        message_text(TALC_COAP_URI_QUERY, "&=?"),
        { TALC_COAP_HOP_LIMIT, 1, (const uint8_t *)"\x07" },
        { TALC_COAP_ACCEPT, 0, NULL },
        { 21, 0, NULL },
        { 2049, 2, (const uint8_t *)"\x08\x00" },
        { 2053, 2, (const uint8_t *)"\x08\x00" },
        { 65000, sizeof large, large },
    };
    size_t count = sizeof options / sizeof options[0];
    for (uint8_t code = GET; code <= IPATCH; code++) {
        talc_coap_message request = message_request(code, options, count, code == GET ? 0 : 40);
        message_pair_exchange(pair, &request);
        assert_int_equal(pair->requests, code);
        assert_int_equal(pair->request.message.code, code);
        message_options_are(&pair->request.message, options, count);
        message_body_is(&pair->request.message, code == GET ? 0 : 40);
    }
}

/* Block1, Size1, Request-Tag, Echo and No-Response are the hop's own. */
static void options_of_the_hop_do_not_arrive(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    message_call_request(&caller, &request, CON, WIRE_CODE(0, PUT));
    wire_text(&request, WIRE_URI_PATH, "a");
    wire_uint(&request, WIRE_BLOCK2, WIRE_BLOCK(0, 0, 5));
    wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(0, 0, 5));
    wire_uint(&request, WIRE_SIZE2, 0);
    wire_uint(&request, WIRE_SIZE1, 4);
    wire_text(&request, 252, "echo");
    wire_uint(&request, 258, 0);
    wire_text(&request, WIRE_REQUEST_TAG, "tag");
    wire_payload(&request, "body", 4);
    message_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 5));
    const talc_coap_message_option path[] = { message_text(TALC_COAP_URI_PATH, "a") };
    message_options_are(&pair->request.message, path, 1);
    assert_int_equal(pair->request.message.body_size, 4);
    message_call_end(&caller);
}

static void a_peer_is_named(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    char wanted[40];
    message_call_request(&caller, &request, CON, WIRE_CODE(0, GET));
    message_call(&caller, &request);
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u", (unsigned)caller.port);
    assert_string_equal(pair->peer_text, wanted);
    message_call_end(&caller);
}

static void a_peer_of_a_socket_for_both_protocols_is_named_by_its_own_address(void **state)
{
    message_pair *pair = *state;
    message_pair_server_open(pair, "coap://[::]:0");
    a_peer_is_named(state);
}

/* ---------------------------------------------------------------- proxied URIs */

/* Requests to a forward proxy, of every kind: libcoap has a way of its own for each. */
static void proxied_requests_arrive(void **state)
{
    typedef struct row {
        const char *uri, *scheme, *host;
        unsigned hop_limit; /* 0: none */
    } row;
    static const row rows[] = {
        { "coap://device.example/a?b", NULL, NULL, 0 },
        { "http://user@svc.example:8080/a%2Fb?c=d&e#f", NULL, NULL, 0 },
        { "https://[2001:db8::1]/", NULL, NULL, 16 },
        { "coaps://x", NULL, NULL, 1 },
        { "coap://127.0.0.1", NULL, NULL, 0 },
        { "coap+tcp://x", NULL, NULL, 0 },
        { NULL, "http", "svc.example", 0 },
        { NULL, "http", "svc.example", 1 },
        { NULL, "gopher", "svc.example", 200 },
        { NULL, "coap", NULL, 0 },
        { NULL, "coap", NULL, 16 },
    };
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
        const row *at = &rows[i / 2];
        wire_message request;
        pair->defers = i % 2;
        message_call_request(&caller, &request, CON, WIRE_CODE(0, POST));
        if (at->host != NULL) {
            wire_text(&request, WIRE_URI_HOST, at->host);
        }
        if (at->scheme != NULL) {
            wire_text(&request, WIRE_URI_PATH, "p");
        }
        if (at->hop_limit > 0) {
            wire_uint(&request, TALC_COAP_HOP_LIMIT, at->hop_limit);
        }
        if (at->uri != NULL) {
            wire_text(&request, WIRE_PROXY_URI, at->uri);
        } else {
            wire_text(&request, WIRE_PROXY_SCHEME, at->scheme);
        }
        message_call(&caller, &request);
        if (at->uri == NULL && at->host == NULL) { /* libcoap's early acknowledgement */
            assert_int_equal(caller.answer.size, 4);
            message_call_await(&caller);
            assert_int_equal(wire_type(&caller.answer), CON);
            message_call_acknowledge(&caller);
        }
        assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 5));
        assert_int_equal(pair->requests, i + 1);
        const talc_coap_message *got = &pair->request.message;
        const char *named = at->uri != NULL ? at->uri : at->scheme;
        const talc_coap_message_option *option = talc_coap_message_find(
            got, at->uri != NULL ? TALC_COAP_PROXY_URI : TALC_COAP_PROXY_SCHEME);
        assert_non_null(option);
        assert_int_equal(option->size, strlen(named));
        assert_memory_equal(option->value, named, option->size);
        assert_int_equal(talc_coap_message_uint(got, TALC_COAP_HOP_LIMIT, 0), at->hop_limit);
        assert_int_equal(talc_coap_message_find(got, TALC_COAP_URI_HOST) != NULL,
                         at->host != NULL);
    }
    message_call_end(&caller);
}

/* ---------------------------------------------------------------- what is malformed */

static void malformed_requests_are_refused(void **state)
{
    enum { TWICE, MANY, DOTS };
    static const struct {
        int fault;
        unsigned type, number;
        const char *value;
        unsigned code; /* 0: it is passed on, without the second one */
    } rows[] = {
        { DOTS, CON, WIRE_URI_PATH, ".", WIRE_CODE(4, 0) },
        { DOTS, CON, WIRE_URI_PATH, "..", WIRE_CODE(4, 0) },
        { DOTS, NON, WIRE_URI_PATH, "..", WIRE_CODE(4, 0) },
        { TWICE, CON, WIRE_URI_HOST, "a", WIRE_CODE(4, 2) },
        { TWICE, CON, WIRE_URI_PORT, "a", WIRE_CODE(4, 2) },
        { TWICE, CON, WIRE_PROXY_URI, "coap://a", WIRE_CODE(4, 2) },
        { TWICE, CON, TALC_COAP_ACCEPT, "a", WIRE_CODE(4, 2) },
        { TWICE, CON, TALC_COAP_IF_NONE_MATCH, "", WIRE_CODE(4, 2) },
        { TWICE, CON, WIRE_CONTENT_FORMAT, "a", 0 },
        { TWICE, CON, WIRE_MAX_AGE, "a", 0 },
        { TWICE, CON, TALC_COAP_HOP_LIMIT, "\x07", 0 },
        { MANY, CON, WIRE_URI_PATH, "a", WIRE_CODE(4, 0) },
    };
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    size_t delivered = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request;
        message_call_request(&caller, &request, rows[i].type, WIRE_CODE(0, GET));
        for (int n = rows[i].fault == MANY ? 65 : rows[i].fault == TWICE ? 2 : 1; n > 0; n--) {
            wire_text(&request, rows[i].number, rows[i].value);
        }
        message_call(&caller, &request);
        delivered += rows[i].code == 0 ? 1 : 0;
        unsigned wanted = rows[i].code != 0 ? rows[i].code : WIRE_CODE(2, 5);
        assert_int_equal(wire_code(&caller.answer), wanted);
        assert_int_equal(pair->requests, delivered);
        if (rows[i].code == 0) {
            assert_int_equal(pair->request.message.option_count, 1);
        }
    }
    message_call_end(&caller);
}

static void sixty_four_options_pass(void **state)
{
    message_pair *pair = *state;
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    for (size_t i = 0; i < TALC_COAP_MESSAGE_OPTIONS_MAX; i++) {
        options[i] = message_text(TALC_COAP_URI_PATH, i % 2 == 0 ? "a" : "bc");
    }
    talc_coap_message request =
        message_request(GET, options, TALC_COAP_MESSAGE_OPTIONS_MAX, 0);
    message_pair_exchange(pair, &request);
    message_options_are(&pair->request.message, options, TALC_COAP_MESSAGE_OPTIONS_MAX);
}

static void a_non_request_with_a_bad_critical_option_is_passed_over(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    message_call_request(&caller, &request, NON, WIRE_CODE(0, GET));
    wire_text(&request, WIRE_URI_HOST, "a");
    wire_text(&request, WIRE_URI_HOST, "a");
    message_call_send(&caller, &request);
    message_call_expect_silence(&caller);
    assert_int_equal(pair->requests, 1);
    message_call_end(&caller);
}

static void critical_options_that_nobody_knows_are_refused(void **state)
{
    static const unsigned numbers[] = { 19 /* Q-Block1 */, 31 /* Q-Block2 */, 13, 65001, 65003 };
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    for (int is_proxied = 0; is_proxied <= 1; is_proxied++) {
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            wire_message request;
            message_call_request(&caller, &request, CON, WIRE_CODE(0, GET));
            if (!is_proxied || numbers[i] < WIRE_PROXY_URI) {
                wire_uint(&request, numbers[i], 1);
            }
            if (is_proxied) {
                wire_text(&request, WIRE_PROXY_URI, "coap://a");
            }
            if (is_proxied && numbers[i] > WIRE_PROXY_URI) {
                wire_uint(&request, numbers[i], 1);
            }
            message_call(&caller, &request);
            assert_int_equal(wire_code(&caller.answer), WIRE_CODE(4, 2));
        }
    }
    assert_int_equal(pair->requests, 0);
    message_call_end(&caller);
}

static uint32_t chance(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* A datagram of a request that is spoilt in places, or cut. */
static void garbage_make(wire_message *garbage, uint32_t *seed)
{
    wire_begin(garbage, chance(seed) % 4, chance(seed) % 256, (uint16_t)chance(seed),
               (const uint8_t *)"tokentok", chance(seed) % 9);
    wire_text(garbage, WIRE_URI_PATH, "a");
    wire_uint(garbage, WIRE_BLOCK2, chance(seed));
    wire_uint(garbage, WIRE_BLOCK1, chance(seed));
    wire_text(garbage, WIRE_PROXY_URI, "http://a/b?c");
    wire_payload(garbage, "0123456789abcdef", 16);
    for (uint32_t n = chance(seed) % 4; n > 0; n--) {
        garbage->bytes[chance(seed) % garbage->size] = (uint8_t)chance(seed);
    }
    if (chance(seed) % 3 == 0) {
        garbage->size = chance(seed) % (garbage->size + 1);
    }
}

static void malformed_datagrams_do_no_harm(void **state)
{
    message_pair *pair = *state;
    message_caller noisy = message_call_begin(pair);
    message_caller good = message_call_begin(pair);
    uint32_t seed = 1;
    uint16_t from;
    for (int i = 0; i < 10000; i++) {
        wire_message message;
        garbage_make(&message, &seed);
        message_call_send(&noisy, &message);
        message_pair_turn(pair, 0);
        while (wire_receive(noisy.socket, &noisy.answer, &from)) {
        }
        if (i % 100 == 0) {
            message_call_request(&good, &message, CON, WIRE_CODE(0, GET));
            message_call(&good, &message);
            assert_int_equal(wire_code(&good.answer), WIRE_CODE(2, 5));
            assert_int_equal(wire_id(&good.answer), wire_id(&message));
        }
    }
    message_call_end(&noisy);
    message_call_end(&good);
}

/* ---------------------------------------------------------------- once */

static void a_repeat_runs_nothing_and_gets_the_same_answer(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    const talc_coap_message_option options[] = { message_text(TALC_COAP_ETAG, "v1"),
                                                 message_text(TALC_COAP_LOCATION_PATH, "new") };
    pair->answer = (talc_coap_message){ .code = WIRE_CODE(2, 1), .options = options,
                                        .option_count = 2 };
    pair->answer_size = 30;
    for (pair->defers = 0; pair->defers <= 1; pair->defers++) {
        wire_message request, first;
        message_call_request(&caller, &request, CON, WIRE_CODE(0, POST));
        first = *message_call(&caller, &request);
        assert_int_equal(wire_type(&first), WIRE_ACK);
        assert_int_equal(wire_code(&first), WIRE_CODE(2, 1));
        for (int i = 0; i < 3; i++) {
            message_call(&caller, &request);
            assert_int_equal(caller.answer.size, first.size);
            assert_memory_equal(caller.answer.bytes, first.bytes, first.size);
        }
        assert_int_equal(pair->requests, (size_t)pair->defers + 1);
    }
    message_call_end(&caller);
}

static void a_late_answer_is_a_message_of_its_own(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    pair->hold = 1;
    pair->answer_size = 10;
    message_call_request(&caller, &request, CON, WIRE_CODE(0, POST));
    message_call_send(&caller, &request);
    message_call(&caller, &request); /* two of them, and one acknowledgement, when it is time */
    assert_int_equal(caller.answer.size, 4);
    assert_int_equal(wire_type(&caller.answer), WIRE_ACK);
    assert_int_equal(wire_id(&caller.answer), wire_id(&request));
    message_call(&caller, &request); /* from now on repeats are acknowledged at once */
    assert_int_equal(caller.answer.size, 4);
    message_pair_release(pair, 0);
    message_call_await(&caller);
    assert_int_equal(wire_type(&caller.answer), WIRE_CON);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 5));
    size_t size;
    const uint8_t *token = wire_token(&request, &size);
    assert_memory_equal(wire_token(&caller.answer, &size), token, size);
    message_call_acknowledge(&caller);
    message_call(&caller, &request);
    assert_int_equal(caller.answer.size, 4);
    assert_int_equal(pair->requests, 1);
    message_call_end(&caller);
}

static void a_non_request_runs_once_and_is_answered_without_confirmation(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    for (pair->defers = 0; pair->defers <= 1; pair->defers++) {
        wire_message request;
        message_call_request(&caller, &request, NON, WIRE_CODE(0, POST));
        message_call(&caller, &request);
        assert_int_equal(wire_type(&caller.answer), WIRE_NON);
        assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 5));
        size_t requests = pair->requests;
        message_call_send(&caller, &request);
        message_call_expect_silence(&caller);
        assert_int_equal(pair->requests, requests + 1); /* the one that asks for silence */
    }
    message_call_end(&caller);
}

static void no_answer_is_an_acknowledgement_alone(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    pair->stays_silent = 1;
    for (pair->defers = 0; pair->defers <= 1; pair->defers++) {
        wire_message request;
        message_call_request(&caller, &request, CON, WIRE_CODE(0, GET));
        message_call(&caller, &request);
        assert_int_equal(caller.answer.size, 4);
        assert_int_equal(wire_type(&caller.answer), WIRE_ACK);
    }
    message_call_end(&caller);
}

/* RFC 7967: 2 for successes, 8 for errors of the client, 16 for those of the server. */
static void answers_that_nobody_wants_are_not_sent(void **state)
{
    static const struct {
        uint32_t unwanted;
        uint8_t code;
        int is_sent;
    } rows[] = {
        { 2, WIRE_CODE(2, 4), 0 },  { 2, WIRE_CODE(4, 4), 1 },  { 8, WIRE_CODE(4, 4), 0 },
        { 16, WIRE_CODE(5, 2), 0 }, { 26, WIRE_CODE(2, 5), 0 }, { 0, WIRE_CODE(2, 4), 1 },
    };
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    for (pair->defers = 0; pair->defers <= 1; pair->defers++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            wire_message request;
            message_call_request(&caller, &request, CON, WIRE_CODE(0, PUT));
            wire_uint(&request, 258, rows[i].unwanted);
            pair->answer.code = rows[i].code;
            message_call(&caller, &request);
            assert_int_equal(wire_type(&caller.answer), WIRE_ACK);
            assert_int_equal(wire_code(&caller.answer), rows[i].is_sent ? rows[i].code : 0);
        }
    }
    message_call_end(&caller);
}

/* In a loop over one host everybody has the same address. */
static void the_end_of_a_loop_is_told(void **state)
{
    static const char trace[] = "127.0.0.1 talc-12345678";
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    pair->answer = (talc_coap_message){ .code = WIRE_CODE(5, 8),
                                        .body = (const uint8_t *)trace,
                                        .body_size = sizeof trace - 1 };
    for (pair->defers = 0; pair->defers <= 1; pair->defers++) {
        wire_message request;
        size_t size;
        message_call_request(&caller, &request, CON, WIRE_CODE(0, GET));
        message_call(&caller, &request);
        assert_int_equal(wire_code(&caller.answer), WIRE_CODE(5, 8));
        const uint8_t *payload = wire_payload_find(&caller.answer, &size);
        assert_true(size >= sizeof trace - 1);
        assert_memory_equal(payload + size - (sizeof trace - 1), trace, sizeof trace - 1);
    }
    message_call_end(&caller);
}

static void observing_starts_nothing(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    size_t size;
    message_call_request(&caller, &request, CON, WIRE_CODE(0, GET));
    wire_uint(&request, TALC_COAP_OBSERVE, 0);
    wire_text(&request, WIRE_URI_PATH, "a");
    message_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 5));
    assert_null(wire_find(&caller.answer, TALC_COAP_OBSERVE, 0, &size));
    assert_int_equal(talc_coap_message_uint(&pair->request.message, TALC_COAP_OBSERVE, 9), 0);
    message_call_end(&caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MESSAGE_CASE(a_request_arrives_with_all_its_options),
        MESSAGE_CASE(options_of_the_hop_do_not_arrive),
        MESSAGE_CASE(a_peer_is_named),
        MESSAGE_CASE(a_peer_of_a_socket_for_both_protocols_is_named_by_its_own_address),
        MESSAGE_CASE(proxied_requests_arrive),
        MESSAGE_CASE(malformed_requests_are_refused),
        MESSAGE_CASE(sixty_four_options_pass),
        MESSAGE_CASE(a_non_request_with_a_bad_critical_option_is_passed_over),
        MESSAGE_CASE(critical_options_that_nobody_knows_are_refused),
        MESSAGE_CASE(malformed_datagrams_do_no_harm),
        MESSAGE_CASE(a_repeat_runs_nothing_and_gets_the_same_answer),
        MESSAGE_CASE(a_late_answer_is_a_message_of_its_own),
        MESSAGE_CASE(a_non_request_runs_once_and_is_answered_without_confirmation),
        MESSAGE_CASE(no_answer_is_an_acknowledgement_alone),
        MESSAGE_CASE(answers_that_nobody_wants_are_not_sent),
        MESSAGE_CASE(the_end_of_a_loop_is_told),
        MESSAGE_CASE(observing_starts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
