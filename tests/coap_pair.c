/* SPDX-License-Identifier: MIT */
#include "tests/coap_pair.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 60000

const uint8_t coap_pair_id[TALC_SESSION_ID_SIZE] = {
    0xfb, 0xff, 0xfe, 4, 5, 6, 7, 8, 9, 10, 11, 12
};

uint8_t coap_pair_byte(size_t size, size_t i)
{
    return (uint8_t)(size * 31 + i * 7 + (i >> 8) * 13);
}

static void body_make(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = coap_pair_byte(size, i);
    }
}

/* ---------------------------------------------------------------- server */

static void answer_give(coap_pair *pair, void *handle, size_t size)
{
    uint8_t *body = malloc(size + 1);
    assert_non_null(body);
    body_make(body, size);
    talc_reply reply = { .code = pair->answer_code,
                         .body = size > 0 ? body : NULL,
                         .body_size = size,
                         .retry_after_s = pair->retry_after_s };
    talc_coap_listener.reply(pair->server, handle, &reply);
    free(body);
}

static void inbound_note(coap_pair *pair, const talc_inbound *inbound)
{
    assert_true(inbound->body_size <= sizeof pair->inbound);
    memcpy(pair->inbound, inbound->body, inbound->body_size);
    pair->inbound_size = inbound->body_size;
    pair->inbound_has_id = inbound->session_id != NULL;
    if (inbound->session_id != NULL) {
        memcpy(pair->inbound_id, inbound->session_id, TALC_SESSION_ID_SIZE);
    }
    assert_true(inbound->peer_size <= sizeof pair->peer);
    memset(pair->peer, 0, sizeof pair->peer);
    memcpy(pair->peer, inbound->peer, inbound->peer_size);
    if (pair->inbounds == 0) {
        memcpy(pair->first_peer, pair->peer, sizeof pair->peer);
    }
}

/* As a session does: the same request gets the same bytes, a request without a body the last long
 * answer. */
static void on_inbound(void *context, const talc_inbound *inbound)
{
    coap_pair *pair = context;
    inbound_note(pair, inbound);
    pair->inbounds++;
    if (inbound->body_size == 0) {
        pair->empty_inbounds++;
    }
    if (pair->hold) {
        assert_true(pair->held_count < COAP_PAIR_HELD_MAX);
        pair->held[pair->held_count++] = inbound->reply;
        return;
    }
    if (inbound->body_size > 0 || pair->long_answer_size == 0) {
        pair->long_answer_size = pair->answer_size;
    }
    answer_give(pair, inbound->reply, pair->long_answer_size);
}

static int on_known(void *context, const uint8_t *session_id)
{
    coap_pair *pair = context;
    assert_non_null(session_id);
    return pair->known;
}

void coap_pair_server_open(coap_pair *pair, const char *uri)
{
    talc_listener_target target = { .uri = uri,
                                    .path = COAP_PAIR_PATH,
                                    .message_size = pair->message_size,
                                    .body_size = pair->server_body_size,
                                    .anonymous_body_size = pair->anonymous_body_size,
                                    .block_size = pair->block_size };
    talc_listener_events events = { pair, on_inbound, on_known };
    talc_failure failure = { 0 };
    if (pair->server != NULL) {
        talc_coap_listener.close(pair->server);
    }
    talc_status status = talc_coap_listener.open(&pair->server, &target, &events, &failure);
    if (status != TALC_OK) {
        fail_msg("listener: %s", failure.text);
    }
    if (pair->relay == NULL) {
        pair->relay = relay_new(talc_coap_listener.port(pair->server));
        assert_non_null(pair->relay);
    }
    relay_server_set(pair->relay, talc_coap_listener.port(pair->server));
}

void coap_pair_release(coap_pair *pair, size_t held, size_t answer_size)
{
    answer_give(pair, pair->held[held], answer_size);
}

/* ---------------------------------------------------------------- client */

static void on_answer(void *context, const talc_carrier_answer *answer)
{
    coap_pair *pair = context;
    pair->answers++;
    pair->exchange = answer->exchange;
    pair->outcome = answer->outcome;
    pair->code = answer->code;
    pair->retry_after_ms = answer->retry_after_ms;
    pair->answer_body_size = answer->body_size;
    assert_true(answer->body_size <= sizeof pair->answer);
    if (answer->body_size > 0) {
        memcpy(pair->answer, answer->body, answer->body_size);
    }
    if (pair->on_answer != NULL) {
        pair->on_answer(pair, answer);
    }
}

void coap_pair_client_open(coap_pair *pair)
{
    char uri[64];
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)relay_port(pair->relay));
    talc_carrier_target target = { .uri = pair->uri != NULL ? pair->uri : uri,
                                   .proxy_uri = pair->proxy_uri,
                                   .path = COAP_PAIR_PATH,
                                   .message_size = pair->message_size,
                                   .body_size = pair->body_size,
                                   .block_size = pair->block_size };
    talc_carrier_events events = { pair, on_answer };
    talc_failure failure = { 0 };
    coap_pair_client_close(pair);
    talc_status status = talc_coap_carrier.open(&pair->client, &target, &events, &failure);
    if (status != TALC_OK) {
        fail_msg("client: %s", failure.text);
    }
}

void coap_pair_client_close(coap_pair *pair)
{
    if (pair->client != NULL) {
        talc_coap_carrier.close(pair->client);
        pair->client = NULL;
    }
}

talc_status coap_pair_send_again(coap_pair *pair, uint32_t exchange, uint32_t attempt,
                                 size_t body_size)
{
    uint8_t *body = malloc(body_size + 1);
    assert_non_null(body);
    body_make(body, body_size);
    talc_carrier_request request = { .exchange = exchange,
                                     .attempt = attempt,
                                     .session_id = coap_pair_id,
                                     .body = body,
                                     .body_size = body_size };
    talc_status status = talc_coap_carrier.send(pair->client, &request);
    free(body);
    return status;
}

talc_status coap_pair_send(coap_pair *pair, uint32_t exchange, size_t body_size)
{
    return coap_pair_send_again(pair, exchange, 0, body_size);
}

/* ---------------------------------------------------------------- loop */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int shorter(int timeout_ms, uint32_t wanted_ms)
{
    return wanted_ms < (uint32_t)timeout_ms ? (int)wanted_ms : timeout_ms;
}

void coap_pair_turn(coap_pair *pair, int timeout_ms)
{
    struct pollfd polled[4] = { { .fd = relay_descriptor(pair->relay), .events = POLLIN },
                                { .fd = -1, .events = POLLIN },
                                { .fd = -1, .events = POLLIN },
                                { .fd = pair->extra_descriptor, .events = POLLIN } };
    timeout_ms = shorter(timeout_ms, relay_timeout_ms(pair->relay));
    if (pair->server != NULL) {
        polled[1].fd = talc_coap_listener.descriptor(pair->server);
        timeout_ms = shorter(timeout_ms, talc_coap_listener.timeout_ms(pair->server));
    }
    if (pair->client != NULL) {
        polled[2].fd = talc_coap_carrier.descriptor(pair->client);
        timeout_ms = shorter(timeout_ms, talc_coap_carrier.timeout_ms(pair->client));
    }
    assert_true(poll(polled, 4, timeout_ms) >= 0);
    relay_process(pair->relay);
    if (pair->server != NULL) {
        assert_int_equal(talc_coap_listener.process(pair->server), TALC_OK);
    }
    relay_process(pair->relay);
    if (pair->extra != NULL) {
        pair->extra(pair, pair->extra_context);
    }
    if (pair->client != NULL) {
        assert_int_equal(talc_coap_carrier.process(pair->client), TALC_OK);
    }
}

static void await_count(coap_pair *pair, const size_t *count, size_t wanted, const char *what)
{
    uint64_t deadline_ms = now_ms() + PATIENCE_MS;
    while (*count < wanted) {
        if (now_ms() > deadline_ms) {
            fail_msg("%zu of %zu %s", *count, wanted, what);
        }
        coap_pair_turn(pair, 1000);
    }
}

void coap_pair_await_answers(coap_pair *pair, size_t answers)
{
    await_count(pair, &pair->answers, answers, "answers");
}

void coap_pair_await_inbounds(coap_pair *pair, size_t inbounds)
{
    await_count(pair, &pair->inbounds, inbounds, "inbound requests");
}

static uint64_t datagrams_passed(const coap_pair *pair)
{
    return relay_counts_get(pair->relay, RELAY_UP).datagrams +
           relay_counts_get(pair->relay, RELAY_DOWN).datagrams;
}

void coap_pair_settle(coap_pair *pair, int quiet_ms)
{
    uint64_t deadline_ms = now_ms() + PATIENCE_MS;
    uint64_t passed = datagrams_passed(pair);
    uint64_t last_ms = now_ms();
    while (now_ms() - last_ms < (uint64_t)quiet_ms) {
        if (now_ms() > deadline_ms) {
            fail_msg("after a minute datagrams still pass: %llu", (unsigned long long)passed);
        }
        coap_pair_turn(pair, quiet_ms);
        if (datagrams_passed(pair) != passed) {
            passed = datagrams_passed(pair);
            last_ms = now_ms();
        }
    }
}

static void assert_body(const uint8_t *bytes, size_t size, size_t wanted_size)
{
    assert_int_equal(size, wanted_size);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != coap_pair_byte(wanted_size, i)) {
            fail_msg("body of %zu bytes differs at %zu", size, i);
        }
    }
}

void coap_pair_exchange(coap_pair *pair, size_t body_size, size_t answer_size)
{
    static uint32_t exchange;
    size_t answers = pair->answers;
    pair->answer_size = answer_size;
    pair->long_answer_size = 0;
    assert_int_equal(coap_pair_send(pair, ++exchange, body_size), TALC_OK);
    coap_pair_await_answers(pair, answers + 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(pair->code, pair->answer_code);
    assert_int_equal(pair->exchange, exchange);
    assert_body(pair->answer, pair->answer_body_size, answer_size);
    assert_body(pair->inbound, pair->inbound_size, body_size);
    assert_true(pair->inbound_has_id);
    assert_memory_equal(pair->inbound_id, coap_pair_id, sizeof coap_pair_id);
}

/* ---------------------------------------------------------------- fixture */

int coap_pair_setup(void **state)
{
    coap_pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    *state = pair;
    pair->message_size = 1023;
    pair->body_size = 16384;
    pair->server_body_size = 16384;
    pair->anonymous_body_size = 4096;
    pair->block_size = 512;
    pair->answer_code = 68; /* 2.04 */
    pair->known = 1;
    pair->extra_descriptor = -1;
    coap_pair_server_open(pair, "coap://127.0.0.1:0");
    return 0;
}

int coap_pair_teardown(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_close(pair);
    if (pair->server != NULL) {
        talc_coap_listener.close(pair->server);
    }
    relay_free(pair->relay);
    free(pair);
    return 0;
}
