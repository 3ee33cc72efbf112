/* SPDX-License-Identifier: MIT */
/* The client of mode `none` against servers that a script plays: repeats, acknowledgements, NSTART
 * (RFC 7252 sections 4.2, 4.7), and which requests leave at all. */
#include "tests/direct_pair.h"

#include <string.h>

static void stay_silent(played *server, const wire_message *request)
{
    (void)server;
    (void)request;
}

static void separate_begin(wire_message *answer, const wire_message *request, uint16_t id)
{
    size_t size;
    const uint8_t *token = wire_token(request, &size);
    wire_begin(answer, WIRE_CON, WIRE_CODE(2, 5), id, token, size);
    wire_uint(answer, WIRE_CONTENT_FORMAT, 0);
    wire_payload(answer, "later", 5);
}

static void acknowledge(const played *server, const wire_message *request)
{
    wire_message ack;
    wire_begin(&ack, WIRE_ACK, 0, wire_id(request), NULL, 0);
    wire_send(server->socket, &ack, server->from);
}

static void acknowledge_only(played *server, const wire_message *request)
{
    acknowledge(server, request);
}

static void answer_separately(played *server, const wire_message *request)
{
    wire_message answer;
    acknowledge(server, request);
    separate_begin(&answer, request, (uint16_t)(4711 + server->requests));
    played_send(server, &answer);
}

static void a_separate_answer_is_acknowledged(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_separately);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
        direct_pair_await_results(pair, i);
        assert_int_equal(pair->status, TALC_OK);
        assert_int_equal(pair->code, TALC_CODE_CONTENT);
        assert_int_equal(pair->format, 0);
        assert_int_equal(pair->answer_body_size, 5);
        assert_memory_equal(pair->answer, "later", 5);
        direct_pair_settle(pair, 20);
        assert_int_equal(server.acknowledged, i);
    }
    direct_play_end(pair);
}

/* libcoap before 4.3.5 would let the server repeat it to the end. */
static void every_repeat_of_a_separate_answer_is_acknowledged(void **state)
{
    direct_pair *pair = *state;
    played server;
    wire_message answer;
    direct_play(pair, &server, answer_separately);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    separate_begin(&answer, &server.last, 4712);
    for (unsigned i = 2; i <= 4; i++) {
        played_send(&server, &answer);
        direct_play_await(pair, &server.acknowledged, i); /* ends by the test's time-out */
    }
    direct_pair_settle(pair, 20);
    assert_int_equal(pair->results, 1);
    assert_int_equal(server.acknowledged, 4);
    direct_play_end(pair);
}

static void answer_every_second(played *server, const wire_message *request)
{
    if (server->requests % 2 == 0) {
        played_answer_short(server, request);
    }
}

/* After ACK_TIMEOUT, the same message again. */
static void what_is_lost_is_repeated(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_every_second);
    talc_frame request = direct_pair_frame(TALC_POST, "a", 10);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_play_await(pair, &server.requests, 1);
    wire_message first = server.last;
    direct_pair_await_results(pair, 1);
    assert_int_equal(pair->status, TALC_OK);
    assert_int_equal(server.requests, 2);
    assert_int_equal(server.last.size, first.size);
    assert_memory_equal(server.last.bytes, first.bytes, first.size);
    direct_play_end(pair);
}

static void one_request_at_a_time_waits_for_its_acknowledgement(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, stay_silent);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
    }
    for (unsigned sent = 1; sent <= 3; sent++) {
        direct_play_await(pair, &server.requests, sent);
        direct_pair_settle(pair, 20);
        assert_int_equal(server.requests, sent);
        acknowledge(&server, &server.last);
    }
    direct_play_end(pair);
}

/* It would be executed though its sender has been told that it was not answered. */
static void a_request_that_is_forgotten_while_it_waits_never_leaves(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, stay_silent);
    for (uint32_t i = 0; i < 3; i++) {
        static const char *const paths[] = { "a", "b", "c" };
        talc_frame request = direct_pair_frame(TALC_POST, paths[i], 3);
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
    }
    direct_play_await(pair, &server.requests, 1);
    talc_coap_direct_client.cancel(pair->client, 1);
    acknowledge(&server, &server.last);
    direct_play_await(pair, &server.requests, 2);
    assert_true(wire_says(&server.last, WIRE_URI_PATH, 0, "c"));
    assert_int_equal(server.from, server.first_from);
    acknowledge(&server, &server.last);
    direct_pair_settle(pair, 20);
    assert_int_equal(server.requests, 2);
    direct_play_end(pair);
}

static void forgotten_requests_have_no_results(void **state)
{
    direct_pair *pair = *state;
    played server;
    wire_message answer;
    direct_play(pair, &server, stay_silent);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_play_await(pair, &server.requests, 1);
    acknowledge(&server, &server.last);
    direct_pair_settle(pair, 20);
    talc_coap_direct_client.cancel(pair->client, 1);
    separate_begin(&answer, &server.last, 99);
    played_send(&server, &answer);
    direct_play_await(pair, &server.acknowledged, 1); /* it is late, and no error */
    assert_int_equal(pair->results, 0);
    talc_coap_direct_client.cancel(pair->client, 4711);
    direct_play_end(pair);
}

/* What happens between sending and cancelling, and whether the next request comes from another
 * port. */
static void a_path_on_which_nothing_was_heard_is_given_up(void **state)
{
    static const struct {
        played_script *script;
        int is_fresh;
    } rows[] = { { stay_silent, 1 }, { acknowledge_only, 0 }, { answer_separately, 0 } };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        played server;
        direct_play(pair, &server, rows[i].script);
        talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
        for (uint32_t sent = 1; sent <= 2; sent++) {
            assert_int_equal(direct_pair_send(pair, sent, &request), TALC_OK);
            direct_play_await(pair, &server.requests, sent);
            direct_pair_settle(pair, 20);
            talc_coap_direct_client.cancel(pair->client, sent);
        }
        assert_int_equal(server.from != server.first_from, rows[i].is_fresh);
        direct_play_end(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(a_separate_answer_is_acknowledged),
        DIRECT_CASE(every_repeat_of_a_separate_answer_is_acknowledged),
        DIRECT_CASE(what_is_lost_is_repeated),
        DIRECT_CASE(one_request_at_a_time_waits_for_its_acknowledgement),
        DIRECT_CASE(a_request_that_is_forgotten_while_it_waits_never_leaves),
        DIRECT_CASE(forgotten_requests_have_no_results),
        DIRECT_CASE(a_path_on_which_nothing_was_heard_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
