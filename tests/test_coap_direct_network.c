/* SPDX-License-Identifier: MIT */
/* Mode `none` over paths that lose, double and delay, in virtual time: every request is executed
 * once, every answer is the right one. And how long both sides go on when nobody answers. */
#include "tests/direct_pair.h"
#include "tests/virtual_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 3600000u
#define REQUESTS 30
#define SENDS_MAX 5 /* MAX_RETRANSMIT + 1 */

#ifdef TALC_SAMPLED
#define SEEDS 5
#else
#define SEEDS 20
#endif

static uint64_t virtual_ms(void)
{
    return virtual_clock_ns() / 1000000;
}

/* ---------------------------------------------------------------- weather */

/* Bodies and answers of a request by its number, in one message and in blocks. */
static const struct {
    uint8_t method;
    size_t size, answer_size;
} kinds[] = {
    { TALC_GET, 0, 5 },     { TALC_POST, 10, 10 },   { TALC_PUT, 3000, 0 },
    { TALC_GET, 0, 3000 },  { TALC_DELETE, 0, 0 },   { TALC_POST, 2000, 2000 },
};
#define KINDS (sizeof kinds / sizeof kinds[0])

typedef struct application {
    direct_pair *pair;
    unsigned executed[REQUESTS];
    void *held[REQUESTS];
    int holds; /* every third answer comes later */
} application;

static void answer(application *served, void *handle, size_t number)
{
    static uint8_t bytes[4096];
    size_t size = kinds[number % KINDS].answer_size;
    talc_frame response;
    talc_frame_init(&response, TALC_CODE_CONTENT);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = coap_pair_byte(size, i);
    }
    response.payload = size > 0 ? bytes : NULL;
    response.payload_size = size;
    assert_int_equal(talc_coap_direct_server.reply(served->pair->server, handle, &response),
                     TALC_OK);
}

static void on_request(void *context, const talc_direct_inbound *inbound)
{
    application *served = context;
    size_t number = strtoul(inbound->request->query, NULL, 10);
    assert_true(number < REQUESTS);
    served->executed[number]++;
    assert_int_equal(inbound->request->code, kinds[number % KINDS].method);
    direct_pair_body_is(inbound->request->payload, inbound->request->payload_size,
                        kinds[number % KINDS].size);
    if (served->holds && number % 3 == 0) {
        served->held[number] = inbound->reply;
    } else {
        answer(served, inbound->reply, number);
    }
}

static void answer_held(application *served)
{
    for (size_t i = 0; i < REQUESTS; i++) {
        if (served->held[i] != NULL) {
            answer(served, served->held[i], i);
            served->held[i] = NULL;
        }
    }
}

static void serve(application *served)
{
    direct_pair *pair = served->pair;
    talc_direct_server_events events = { served, on_request, NULL };
    talc_failure failure = { 0 };
    talc_coap_direct_server.close(pair->server);
    assert_int_equal(talc_coap_direct_server.open(&pair->server, "coap://127.0.0.1:0",
                                                  &pair->config, &events, &failure),
                     TALC_OK);
    relay_server_set(pair->relay, direct_pair_port(pair));
}

static void request_send(direct_pair *pair, uint32_t number)
{
    char query[8];
    talc_frame request =
        direct_pair_frame(kinds[number % KINDS].method, "a", kinds[number % KINDS].size);
    snprintf(query, sizeof query, "%u", (unsigned)number);
    assert_int_equal(talc_query_normalize(query, request.query), TALC_OK);
    assert_int_equal(direct_pair_send(pair, number, &request), TALC_OK);
}

static void check_result(direct_pair *pair)
{
    if (pair->status != TALC_OK) {
        fail_msg("request %u: %s", (unsigned)pair->exchange, pair->failure.text);
    }
    direct_pair_body_is(pair->answer, pair->answer_body_size,
                        kinds[pair->exchange % KINDS].answer_size);
}

/* All requests at once, and every one of them is answered as if nothing had been in the way. */
static void converse(direct_pair *pair, application *served)
{
    size_t seen = pair->results;
    pair->patience_ms = PATIENCE_MS;
    pair->on_result = check_result;
    memset(served->executed, 0, sizeof served->executed);
    serve(served);
    direct_pair_client_open(pair);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        request_send(pair, i);
    }
    uint64_t deadline_ms = virtual_ms() + PATIENCE_MS;
    while (pair->results < seen + REQUESTS) {
        if (virtual_ms() > deadline_ms) {
            fail_msg("%zu of %d results", pair->results - seen, REQUESTS);
        }
        direct_pair_turn(pair, 1000);
        answer_held(served);
    }
    direct_pair_settle(pair, 120000); /* what still comes runs nothing */
    for (size_t i = 0; i < REQUESTS; i++) {
        if (served->executed[i] != 1) {
            fail_msg("request %zu was executed %u times", i, served->executed[i]);
        }
    }
    direct_pair_client_close(pair);
}

static void what_is_doubled_is_executed_once(void **state)
{
    const relay_faults doubled = { .duplicates = 1 };
    direct_pair *pair = *state;
    application served = { .pair = pair };
    for (served.holds = 0; served.holds < 2; served.holds++) {
        relay_faults_set(pair->relay, RELAY_UP, &doubled);
        relay_faults_set(pair->relay, RELAY_DOWN, &doubled);
        converse(pair, &served);
    }
}

static void every_third_datagram_may_be_lost(void **state)
{
    direct_pair *pair = *state;
    application served = { .pair = pair };
    for (served.holds = 0; served.holds < 2; served.holds++) {
        for (unsigned phase = 0; phase < 3; phase++) {
            relay_drop_every(pair->relay, 3, phase);
            converse(pair, &served);
        }
    }
}

static void all_weathers_are_stood(void **state)
{
    direct_pair *pair = *state;
    application served = { .pair = pair };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const relay_faults weather = { .loss = (double)(seed % 4) * 0.03,
                                       .duplicates = (unsigned)(seed % 3),
                                       .delay_ms = (unsigned)(seed * 13 % 500) };
        served.holds = (int)(seed & 1);
        relay_faults_set(pair->relay, RELAY_UP, &weather);
        relay_faults_set(pair->relay, RELAY_DOWN, &weather);
        relay_seed(pair->relay, seed);
        converse(pair, &served);
    }
}

/* ---------------------------------------------------------------- patience */

static wire_message repeats[SENDS_MAX];

static void note_repeats(played *server, const wire_message *request)
{
    assert_true(server->requests <= SENDS_MAX);
    repeats[server->requests - 1] = *request;
}

static void a_request_is_repeated_and_then_given_up(void **state)
{
    direct_pair *pair = *state;
    played server;
    pair->patience_ms = PATIENCE_MS;
    direct_play(pair, &server, note_repeats);
    talc_frame request = direct_pair_frame(TALC_POST, "a", 10);
    uint64_t begin_ms = virtual_ms();
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    uint64_t taken_ms = virtual_ms() - begin_ms;
    assert_int_equal(pair->status, TALC_ERROR_TIMEOUT);
    assert_int_equal(server.requests, SENDS_MAX);
    for (unsigned i = 1; i < SENDS_MAX; i++) {
        assert_int_equal(repeats[i].size, repeats[0].size);
        assert_memory_equal(repeats[i].bytes, repeats[0].bytes, repeats[0].size);
    }
    assert_in_range(taken_ms, 62000, 94000); /* MAX_TRANSMIT_WAIT, RFC 7252 section 4.8.2 */
    server.script = played_answer_short;
    assert_int_equal(direct_pair_send(pair, 2, &request), TALC_OK);
    direct_pair_await_results(pair, 2);
    assert_int_equal(pair->status, TALC_OK);
    assert_int_not_equal(server.from, server.first_from);
    direct_play_end(pair);
}

static void an_answer_of_its_own_is_repeated_until_it_is_acknowledged(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request, first, ack;
    pair->patience_ms = PATIENCE_MS;
    pair->hold = 1;
    direct_call_request(&caller, &request, WIRE_CON, WIRE_CODE(0, 1));
    direct_call(&caller, &request);
    direct_pair_release(pair, 0, 100);
    first = *direct_call_await(&caller);
    assert_int_equal(wire_type(&first), WIRE_CON);
    for (int i = 0; i < 2; i++) {
        direct_call_await(&caller);
        assert_int_equal(caller.answer.size, first.size);
        assert_memory_equal(caller.answer.bytes, first.bytes, first.size);
    }
    wire_begin(&ack, WIRE_ACK, 0, wire_id(&first), NULL, 0);
    direct_call_send(&caller, &ack);
    uint64_t end_ms = virtual_ms() + 100000;
    while (virtual_ms() < end_ms) {
        direct_pair_turn(pair, 1000);
    }
    direct_call_expect_silence(&caller);
    direct_call_end(&caller);
}

/* EXCHANGE_LIFETIME is 247 s. */
static void an_id_may_be_used_again_when_its_time_is_over(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    pair->patience_ms = PATIENCE_MS;
    direct_call_request(&caller, &request, WIRE_CON, WIRE_CODE(0, 2));
    direct_call(&caller, &request);
    uint64_t begin_ms = virtual_ms();
    while (virtual_ms() < begin_ms + 240000) {
        direct_pair_turn(pair, 10000);
    }
    direct_call(&caller, &request); /* libcoap's session is another one by now */
    assert_int_equal(pair->requests, 1);
    while (virtual_ms() < begin_ms + 250000) {
        direct_pair_turn(pair, 10000);
    }
    direct_call(&caller, &request);
    assert_int_equal(pair->requests, 2);
    direct_call_end(&caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(what_is_doubled_is_executed_once),
        DIRECT_CASE(every_third_datagram_may_be_lost),
        DIRECT_CASE(all_weathers_are_stood),
        DIRECT_CASE(a_request_is_repeated_and_then_given_up),
        DIRECT_CASE(an_answer_of_its_own_is_repeated_until_it_is_acknowledged),
        DIRECT_CASE(an_id_may_be_used_again_when_its_time_is_over),
    };
    virtual_clock_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
