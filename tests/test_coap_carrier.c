/* SPDX-License-Identifier: MIT */
/* CoAP between talc's own two ends, on real sockets: every size of body, in one message or in
 * blocks, on good paths and bad ones. */
#include "tests/coap_pair.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PAYLOAD_MAX 1023 /* nothing on the wire reaches 1024 bytes */

static const size_t sizes[] = { 10, 512, 513, 1000, 1023, 1024, 3000, 12000 };
#define SIZES (sizeof sizes / sizeof sizes[0])

static void all_sizes(coap_pair *pair, size_t payload_max)
{
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t j = 0; j < SIZES; j++) {
            relay_counts_reset(pair->relay);
            coap_pair_exchange(pair, sizes[i], sizes[j]);
            assert_true(relay_counts_get(pair->relay, RELAY_UP).payload_max <= payload_max);
            assert_true(relay_counts_get(pair->relay, RELAY_DOWN).payload_max <= payload_max);
        }
    }
}

static void bodies_of_all_sizes_arrive_both_ways(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    all_sizes(pair, PAYLOAD_MAX);
    assert_int_equal(pair->inbounds, SIZES * SIZES);
}

static void up_to_1023_bytes_are_one_datagram(void **state)
{
    static const size_t whole[] = { 0, 1, 512, 513, 1023 };
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        relay_counts_reset(pair->relay);
        coap_pair_exchange(pair, whole[i], whole[i]);
        coap_pair_settle(pair, 20);
        assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).datagrams, 1);
        assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).datagrams, 1);
        assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).payload_max, whole[i]);
        assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).payload_max, whole[i]);
    }
}

static void larger_bodies_travel_in_blocks_of_512(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    coap_pair_exchange(pair, 3000, 3000);
    coap_pair_settle(pair, 20);
    /* 6 blocks there, and 6 back of which the first answers the last. */
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).datagrams, 11);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).datagrams, 11);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).payload_max, 512);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).payload_max, 512);
}

static void small_blocks_carry_every_body(void **state)
{
    static const size_t blocks[] = { 16, 64, 256 };
    coap_pair *pair = *state;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        pair->block_size = blocks[i];
        coap_pair_server_open(pair, "coap://127.0.0.1:0");
        coap_pair_client_open(pair);
        all_sizes(pair, blocks[i]);
    }
}

static void each_side_keeps_to_the_smaller_blocks_of_the_other(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair); /* 512 */
    pair->block_size = 64;
    coap_pair_server_open(pair, "coap://127.0.0.1:0");
    coap_pair_exchange(pair, 3000, 3000);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).payload_max, 64);

    coap_pair_client_open(pair); /* 64 */
    pair->block_size = 512;
    coap_pair_server_open(pair, "coap://127.0.0.1:0");
    relay_counts_reset(pair->relay);
    coap_pair_exchange(pair, 1000, 1000);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).payload_max, 64);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).payload_max, 64);
}

/* libcoap's own block mode never ends here: each doubled request looks like a new answer. */
static void doubled_datagrams_change_nothing(void **state)
{
    const relay_faults doubled = { .duplicates = 1 };
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    relay_faults_set(pair->relay, RELAY_UP, &doubled);
    relay_faults_set(pair->relay, RELAY_DOWN, &doubled);
    all_sizes(pair, PAYLOAD_MAX);
    assert_int_equal(pair->answers, SIZES * SIZES);

    coap_pair_settle(pair, 100);
    relay_counts_reset(pair->relay);
    coap_pair_exchange(pair, 3000, 3000);
    coap_pair_settle(pair, 100);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).datagrams, 11);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).datagrams, 22);
    assert_int_equal(pair->empty_inbounds, 0);
}

static void late_datagrams_change_nothing(void **state)
{
    /* Every datagram comes once more after the next ones. */
    const relay_faults doubled = { .duplicates = 2, .delay_ms = 3 };
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    relay_faults_set(pair->relay, RELAY_UP, &doubled);
    relay_faults_set(pair->relay, RELAY_DOWN, &doubled);
    coap_pair_exchange(pair, 3000, 3000);
    coap_pair_exchange(pair, 1023, 1023);
    coap_pair_settle(pair, 100);
    assert_int_equal(pair->answers, 2);
}

static void any_third_datagram_may_be_lost(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    relay_drop_every(pair->relay, 3, 0);
    coap_pair_exchange(pair, 1024, 1024);
    for (unsigned phase = 0; phase < 3; phase++) {
        relay_counts_reset(pair->relay);
        relay_drop_every(pair->relay, 3, phase);
        coap_pair_exchange(pair, 1023, 1023);
    }
}

/* The descriptor alone has to wake a program: here nobody looks at timeout_ms(). */
static void a_retransmission_makes_the_descriptor_readable(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    struct pollfd polled = { .fd = talc_coap_carrier.descriptor(pair->client), .events = POLLIN };
    if (polled.fd < 0) {
        skip(); /* a libcoap without epoll */
    }
    relay_drop_every(pair->relay, 1, 0);
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    while (relay_counts_get(pair->relay, RELAY_UP).datagrams < 2) {
        assert_int_equal(poll(&polled, 1, 10000), 1);
        assert_int_equal(talc_coap_carrier.process(pair->client), TALC_OK);
        relay_process(pair->relay);
    }
}

static void without_any_answer_an_exchange_is_lost(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    relay_drop_every(pair->relay, 1, 0);
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_LOST);
    assert_int_equal(pair->code, 0);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).datagrams, 3);
    relay_drop_every(pair->relay, 0, 0);
    coap_pair_exchange(pair, 100, 100);
}

static void a_repeat_leaves_by_another_port(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->hold = 1;
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_inbounds(pair, 1);
    for (uint32_t attempt = 1; attempt <= 6; attempt++) {
        pair->inbounds = 1;
        assert_int_equal(coap_pair_send_again(pair, 1 + attempt, attempt, 100), TALC_OK);
        coap_pair_await_inbounds(pair, 2);
        assert_memory_not_equal(pair->peer, pair->first_peer, sizeof pair->peer);
    }
    /* At most four ports stay open: the oldest exchanges were given up. */
    assert_int_equal(pair->answers, 3);
    assert_int_equal(pair->outcome, TALC_OUTCOME_LOST);
    pair->hold = 0;
    for (size_t i = 0; i < pair->held_count; i++) {
        coap_pair_release(pair, i, 50);
    }
    coap_pair_await_answers(pair, 7);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    coap_pair_settle(pair, 50);
    assert_int_equal(pair->answers, 7);
}

static void what_another_port_has_answered_is_not_sent_again(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    relay_drop_every(pair->relay, 1, 0);
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    relay_process(pair->relay);
    relay_drop_every(pair->relay, 0, 0);
    assert_int_equal(coap_pair_send_again(pair, 2, 1, 100), TALC_OK);
    coap_pair_await_answers(pair, 1);
    talc_coap_carrier.cancel(pair->client, 1);
    coap_pair_settle(pair, 1600); /* longer than libcoap's first timer */
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).datagrams, 2);
}

static void a_nat_may_forget_the_client_between_two_exchanges(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    coap_pair_exchange(pair, 1023, 1023);
    relay_rebind(pair->relay);
    coap_pair_exchange(pair, 3000, 3000);
    assert_memory_not_equal(pair->peer, pair->first_peer, sizeof pair->peer);
}

static void answers_may_come_later(void **state)
{
    static const size_t later[] = { 10, 1023, 3000 };
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        pair->hold = 1;
        assert_int_equal(coap_pair_send(pair, 1, later[i]), TALC_OK);
        coap_pair_await_inbounds(pair, i + 1);
        coap_pair_settle(pair, 50); /* acknowledged, and nothing repeated */
        assert_int_equal(pair->answers, i);
        pair->hold = 0;
        coap_pair_release(pair, i, later[i]);
        coap_pair_await_answers(pair, i + 1);
        assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
        assert_int_equal(pair->answer_body_size, later[i]);
        for (size_t at = 0; at < later[i]; at++) {
            assert_int_equal(pair->answer[at], coap_pair_byte(later[i], at));
        }
    }
    assert_true(relay_counts_get(pair->relay, RELAY_DOWN).payload_max <= PAYLOAD_MAX);
}

static void a_doubled_request_is_held_once(void **state)
{
    const relay_faults doubled = { .duplicates = 1 };
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->hold = 1;
    relay_faults_set(pair->relay, RELAY_UP, &doubled);
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_inbounds(pair, 1);
    coap_pair_settle(pair, 50);
    assert_int_equal(pair->inbounds, 1);
    coap_pair_release(pair, 0, 100);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
}

static void two_exchanges_may_be_open(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->hold = 1;
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_inbounds(pair, 1);
    pair->hold = 0;
    pair->answer_size = 200;
    assert_int_equal(coap_pair_send(pair, 2, 100), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->exchange, 2);
    coap_pair_release(pair, 0, 100);
    coap_pair_await_answers(pair, 2);
    assert_int_equal(pair->exchange, 1);
    assert_int_equal(pair->answer_body_size, 100);
}

static void a_cancelled_exchange_is_quiet(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->hold = 1;
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_inbounds(pair, 1);
    talc_coap_carrier.cancel(pair->client, 1);
    talc_coap_carrier.cancel(pair->client, 77);
    coap_pair_release(pair, 0, 100);
    coap_pair_settle(pair, 50);
    assert_int_equal(pair->answers, 0);
    /* What was cancelled holds nothing up: more than NSTART of them, none acknowledged. */
    relay_drop_every(pair->relay, 1, 0);
    for (uint32_t i = 2; i < 12; i++) {
        assert_int_equal(coap_pair_send(pair, i, 100), TALC_OK);
        talc_coap_carrier.cancel(pair->client, i);
    }
    relay_process(pair->relay);
    relay_drop_every(pair->relay, 0, 0);
    pair->hold = 0;
    relay_counts_reset(pair->relay);
    coap_pair_exchange(pair, 100, 100);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).datagrams, 1);
}

static void answer_with_another_request(coap_pair *pair, const talc_carrier_answer *answer)
{
    if (answer->exchange < 5) {
        assert_int_equal(coap_pair_send(pair, answer->exchange + 1, 100), TALC_OK);
        talc_coap_carrier.cancel(pair->client, answer->exchange);
    }
}

static void the_answer_callback_may_send_and_cancel(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->on_answer = answer_with_another_request;
    pair->answer_size = 1023;
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_answers(pair, 5);
    assert_int_equal(pair->exchange, 5);
}

static void too_large_requests_do_not_leave(void **state)
{
    coap_pair *pair = *state;
    pair->body_size = 3000;
    coap_pair_client_open(pair);
    assert_int_equal(talc_coap_carrier.limits(pair->client).body_size, 3000);
    assert_int_equal(coap_pair_send(pair, 1, 3001), TALC_ERROR_TOO_LARGE);
    coap_pair_exchange(pair, 3000, 10);
}

static void a_server_refuses_bodies_above_its_limit(void **state)
{
    static const size_t limits[] = { 300, 2000 };
    coap_pair *pair = *state;
    for (size_t i = 0; i < 2; i++) {
        pair->server_body_size = limits[i];
        coap_pair_server_open(pair, "coap://127.0.0.1:0");
        coap_pair_client_open(pair);
        coap_pair_exchange(pair, limits[i], 10);
        size_t inbounds = pair->inbounds;
        size_t answers = pair->answers;
        assert_int_equal(coap_pair_send(pair, 1000, limits[i] + 1), TALC_OK);
        coap_pair_await_answers(pair, answers + 1);
        assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
        assert_int_equal(pair->code, 141); /* 4.13 */
        pair->answer[pair->answer_body_size] = '\0';
        assert_non_null(strstr((const char *)pair->answer, "\"too-large\""));
        assert_int_equal(pair->inbounds, inbounds);
    }
}

static void unknown_sessions_get_less_room(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->known = 0;
    coap_pair_exchange(pair, 4096, 10);
    assert_int_equal(coap_pair_send(pair, 1000, 4097), TALC_OK);
    coap_pair_await_answers(pair, 2);
    assert_int_equal(pair->code, 141);
    assert_int_equal(pair->inbounds, 1);
}

static void too_large_answers_are_given_up(void **state)
{
    coap_pair *pair = *state;
    pair->body_size = 2000;
    coap_pair_client_open(pair);
    pair->answer_size = 60000;
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_TOO_LARGE);
    assert_int_equal(pair->answer_body_size, 0);
    coap_pair_settle(pair, 100);
    /* No block is asked for after the one that was too much. */
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).datagrams, 4);
    coap_pair_exchange(pair, 10, 2000);
}

static void codes_and_waiting_times_come_through(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->answer_code = 163; /* 5.03 */
    pair->retry_after_s = 7;
    coap_pair_exchange(pair, 100, 20);
    assert_int_equal(pair->retry_after_ms, 7000);
    pair->answer_code = 132; /* 4.04 */
    coap_pair_exchange(pair, 2000, 2000);
    assert_int_equal(pair->retry_after_ms, 0);
}

static void open_exchanges_are_bounded(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->hold = 1;
    uint32_t sent = 0;
    while (sent < 100 && coap_pair_send(pair, sent, 100) == TALC_OK) {
        sent++;
    }
    assert_int_equal(sent, 16);
    assert_int_equal(coap_pair_send(pair, sent, 100), TALC_ERROR_MEMORY);
    talc_coap_carrier.cancel(pair->client, 0);
    assert_int_equal(coap_pair_send(pair, sent, 100), TALC_OK);
}

static void a_closed_port_is_unreachable(void **state)
{
    char uri[64];
    coap_pair *pair = *state;
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u",
             (unsigned)talc_coap_listener.port(pair->server));
    talc_coap_listener.close(pair->server);
    pair->server = NULL;
    pair->uri = uri;
    coap_pair_client_open(pair);
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_UNREACHABLE);
    coap_pair_server_open(pair, uri);
    coap_pair_exchange(pair, 100, 100);
}

static void closing_with_everything_open_leaves_nothing(void **state)
{
    coap_pair *pair = *state;
    coap_pair_client_open(pair);
    pair->hold = 1;
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    assert_int_equal(coap_pair_send(pair, 2, 3000), TALC_OK);
    coap_pair_await_inbounds(pair, 1);
    coap_pair_client_close(pair);
    coap_pair_settle(pair, 50);
    coap_pair_release(pair, 0, 100); /* nobody hears it */
}

#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, coap_pair_setup, coap_pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(bodies_of_all_sizes_arrive_both_ways),
        CASE(up_to_1023_bytes_are_one_datagram),
        CASE(larger_bodies_travel_in_blocks_of_512),
        CASE(small_blocks_carry_every_body),
        CASE(each_side_keeps_to_the_smaller_blocks_of_the_other),
        CASE(doubled_datagrams_change_nothing),
        CASE(late_datagrams_change_nothing),
        CASE(any_third_datagram_may_be_lost),
        CASE(a_retransmission_makes_the_descriptor_readable),
        CASE(without_any_answer_an_exchange_is_lost),
        CASE(a_repeat_leaves_by_another_port),
        CASE(what_another_port_has_answered_is_not_sent_again),
        CASE(a_nat_may_forget_the_client_between_two_exchanges),
        CASE(answers_may_come_later),
        CASE(a_doubled_request_is_held_once),
        CASE(two_exchanges_may_be_open),
        CASE(a_cancelled_exchange_is_quiet),
        CASE(the_answer_callback_may_send_and_cancel),
        CASE(too_large_requests_do_not_leave),
        CASE(a_server_refuses_bodies_above_its_limit),
        CASE(unknown_sessions_get_less_room),
        CASE(too_large_answers_are_given_up),
        CASE(codes_and_waiting_times_come_through),
        CASE(open_exchanges_are_bounded),
        CASE(a_closed_port_is_unreachable),
        CASE(closing_with_everything_open_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
