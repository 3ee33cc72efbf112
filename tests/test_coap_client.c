/* SPDX-License-Identifier: MIT */
/* The CoAP client against servers that a script plays: what it sends, byte for byte where
 * it matters, and what it makes of answers that are wrong, endless or too late. */
#include "tests/coap_played.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- what is sent */

static void a_request_has_just_the_options_it_needs(void **state)
{
    coap_pair *pair = *state;
    played server;
    size_t size;
    play(pair, &server, played_answer_short);
    assert_int_equal(coap_pair_send(pair, 1, 1023), TALC_OK);
    coap_pair_await_answers(pair, 1);
    const wire_message *request = &server.last;
    assert_int_equal(wire_type(request), WIRE_CON);
    assert_int_equal(wire_code(request), WIRE_CODE(0, 2));
    wire_token(request, &size);
    assert_int_equal(size, 8);
    assert_true(wire_says(request, WIRE_URI_PATH, 0, ".well-known"));
    assert_true(wire_says(request, WIRE_URI_PATH, 1, "atls"));
    assert_true(wire_says(request, WIRE_URI_QUERY, 0, "s=-__-BAUGBwgJCgsM"));
    assert_int_equal(wire_number(request, WIRE_CONTENT_FORMAT), 50);
    assert_null(wire_find(request, WIRE_URI_HOST, 0, &size));
    assert_null(wire_find(request, WIRE_BLOCK1, 0, &size));
    assert_null(wire_find(request, WIRE_BLOCK2, 0, &size));
    assert_null(wire_find(request, WIRE_PROXY_URI, 0, &size));
    wire_payload_find(request, &size);
    assert_int_equal(size, 1023);
    play_end(pair, &server);
}

static void a_host_name_is_sent_as_uri_host(void **state)
{
    coap_pair *pair = *state;
    played server;
    char uri[64];
    play(pair, &server, played_answer_short);
    snprintf(uri, sizeof uri, "coap://localhost:%u", (unsigned)server.port);
    pair->uri = uri;
    coap_pair_client_open(pair);
    /* "localhost" may lead to ::1 first, where nobody is: the next path takes the next address. */
    for (uint32_t i = 0; i < 3 && pair->outcome == TALC_OUTCOME_ANSWER && server.requests == 0;
         i++) {
        assert_int_equal(coap_pair_send(pair, i, 10), TALC_OK);
        coap_pair_await_answers(pair, i + 1);
        pair->outcome = TALC_OUTCOME_ANSWER;
    }
    assert_true(server.requests > 0);
    assert_true(wire_says(&server.last, WIRE_URI_HOST, 0, "localhost"));
    play_end(pair, &server);
}

static void tokens_are_never_used_again(void **state)
{
    coap_pair *pair = *state;
    played server;
    uint8_t tokens[20][8];
    size_t size;
    play(pair, &server, played_answer_short);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(coap_pair_send(pair, i, 10), TALC_OK);
        coap_pair_await_answers(pair, i + 1);
        memcpy(tokens[i], wire_token(&server.last, &size), sizeof tokens[i]);
        for (uint32_t j = 0; j < i; j++) {
            assert_memory_not_equal(tokens[i], tokens[j], sizeof tokens[i]);
        }
    }
    play_end(pair, &server);
}

/* ---------------------------------------------------------------- short answers */

static void answer_reset(played *server, const wire_message *request)
{
    wire_message answer;
    if (server->requests > 1) {
        played_answer_short(server, request);
        return;
    }
    wire_begin(&answer, WIRE_RST, 0, wire_id(request), NULL, 0);
    played_send(server, &answer);
}

static void a_reset_ends_the_exchange_and_the_path(void **state)
{
    coap_pair *pair = *state;
    played server;
    play(pair, &server, answer_reset);
    assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_RESET);
    assert_int_equal(coap_pair_send(pair, 2, 10), TALC_OK);
    coap_pair_await_answers(pair, 2);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    assert_int_not_equal(server.from, server.first_from);
    play_end(pair, &server);
}

static void answer_separately(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    const uint8_t *token = wire_token(request, &size);
    wire_begin(&answer, WIRE_ACK, 0, wire_id(request), NULL, 0);
    played_send(server, &answer);
    wire_begin(&answer, WIRE_CON, WIRE_CODE(2, 5), 4711, token, size);
    wire_payload(&answer, "later", 5);
    played_send(server, &answer);
    played_send(server, &answer); /* once more */
}

static void a_separate_answer_is_acknowledged(void **state)
{
    coap_pair *pair = *state;
    played server;
    play(pair, &server, answer_separately);
    assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
    coap_pair_await_answers(pair, 1);
    while (server.acknowledged == 0) {
        coap_pair_turn(pair, 100);
    }
    assert_int_equal(pair->code, WIRE_CODE(2, 5));
    assert_memory_equal(pair->answer, "later", 5);
    coap_pair_settle(pair, 50);
    assert_int_equal(pair->answers, 1);
    play_end(pair, &server);
}

static void answer_to_another_token(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    uint8_t token[8];
    memcpy(token, wire_token(request, &size), sizeof token);
    token[7] ^= 1;
    wire_begin(&answer, WIRE_NON, WIRE_CODE(2, 4), 1, token, size);
    wire_payload(&answer, "forged", 6);
    played_send(server, &answer);
    played_answer_short(server, request);
}

static void answers_to_other_tokens_are_dropped(void **state)
{
    coap_pair *pair = *state;
    played server;
    play(pair, &server, answer_to_another_token);
    assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->answer_body_size, 2);
    play_end(pair, &server);
}

static void answer_unavailable(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(5, 3));
    if (server->requests > 1) {
        wire_uint(&answer, WIRE_MAX_AGE, UINT32_MAX);
    }
    played_send(server, &answer);
}

static void waiting_times_are_read_with_care(void **state)
{
    coap_pair *pair = *state;
    played server;
    play(pair, &server, answer_unavailable);
    assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->code, WIRE_CODE(5, 3));
    assert_int_equal(pair->retry_after_ms, 0);
    assert_int_equal(coap_pair_send(pair, 2, 10), TALC_OK);
    coap_pair_await_answers(pair, 2);
    assert_int_equal(pair->retry_after_ms, UINT32_MAX);
    play_end(pair, &server);
}

/* ---------------------------------------------------------------- blocks of the answer */

static const uint8_t block_bytes[1024];

/* The block of the answer that was asked for, in blocks of 256. */
static void block_begin(wire_message *answer, const wire_message *request, const char *etag,
                        uint32_t more)
{
    uint32_t asked = wire_number(request, WIRE_BLOCK2);
    uint32_t number = asked == UINT32_MAX ? 0 : asked >> 4;
    wire_answer(answer, request, WIRE_CODE(2, 4));
    if (etag != NULL) {
        wire_text(answer, WIRE_ETAG, etag);
    }
    wire_uint(answer, WIRE_BLOCK2, WIRE_BLOCK(number, more, 4));
}

static void answer_endlessly(played *server, const wire_message *request)
{
    wire_message answer;
    block_begin(&answer, request, "v", 1);
    wire_uint(&answer, WIRE_SIZE2, 0x10000000);
    wire_payload(&answer, block_bytes, 256);
    played_send(server, &answer);
}

static size_t heap_size(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void an_endless_answer_ends_at_the_limit(void **state)
{
    coap_pair *pair = *state;
    played server;
    play(pair, &server, answer_endlessly);
    assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
    size_t before = heap_size();
    while (server.requests < 30) {
        coap_pair_turn(pair, 1000);
    }
    /* It was told of 256 MiB, and took what came. */
    assert_true(heap_size() < before + 128 * 1024);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_TOO_LARGE);
    coap_pair_settle(pair, 50);
    assert_int_equal(server.requests, 16384 / 256 + 1);
    play_end(pair, &server);
}

static void answer_changing(played *server, const wire_message *request)
{
    wire_message answer;
    block_begin(&answer, request, server->requests < 3 ? "old" : "new", 1);
    wire_payload(&answer, block_bytes, 256);
    played_send(server, &answer);
}

static void answer_without_version(played *server, const wire_message *request)
{
    wire_message answer;
    block_begin(&answer, request, server->requests < 3 ? "old" : NULL, 1);
    wire_payload(&answer, block_bytes, 256);
    played_send(server, &answer);
}

static void answer_first_block_again(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 4));
    wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(0, 1, 4));
    wire_payload(&answer, block_bytes, 256);
    played_send(server, &answer);
}

static void answer_skipping(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 4));
    wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(2 * server->requests, 1, 4));
    wire_payload(&answer, block_bytes, 256);
    played_send(server, &answer);
}

static void answer_half_block(played *server, const wire_message *request)
{
    wire_message answer;
    block_begin(&answer, request, NULL, 1);
    wire_payload(&answer, block_bytes, 128);
    played_send(server, &answer);
}

static void answer_reserved_size(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 4));
    wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(0, 1, 7));
    wire_payload(&answer, block_bytes, 1024);
    played_send(server, &answer);
}

static void answers_whose_blocks_do_not_fit_are_lost(void **state)
{
    static void (*const scripts[])(played *, const wire_message *) = {
        answer_changing, answer_without_version, answer_first_block_again,
        answer_skipping, answer_half_block,      answer_reserved_size,
    };
    coap_pair *pair = *state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        played server;
        play(pair, &server, scripts[i]);
        assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
        coap_pair_await_answers(pair, i + 1);
        assert_int_equal(pair->outcome, TALC_OUTCOME_LOST);
        coap_pair_settle(pair, 20);
        assert_true(server.requests <= 3);
        play_end(pair, &server);
    }
}

static void answer_in_kilobytes(played *server, const wire_message *request)
{
    wire_message answer;
    if (server->requests > 1) {
        block_begin(&answer, request, NULL, 0);
        wire_payload(&answer, block_bytes, 100);
    } else {
        wire_answer(&answer, request, WIRE_CODE(2, 4));
        wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(0, 1, 6));
        wire_payload(&answer, block_bytes, 1024);
    }
    played_send(server, &answer);
}

static void blocks_of_1024_are_followed_by_smaller_ones(void **state)
{
    coap_pair *pair = *state;
    played server;
    play(pair, &server, answer_in_kilobytes);
    assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
    while (server.requests < 2) {
        coap_pair_turn(pair, 1000);
    }
    assert_int_equal(wire_number(&server.last, WIRE_BLOCK2), WIRE_BLOCK(2, 0, 5));
    play_end(pair, &server);
}

/* ---------------------------------------------------------------- blocks of the request */

static void answer_with_smaller_blocks(played *server, const wire_message *request)
{
    wire_message answer;
    uint32_t block = wire_number(request, WIRE_BLOCK1);
    wire_answer(&answer, request, (block & 8) != 0 ? WIRE_CODE(2, 31) : WIRE_CODE(2, 4));
    wire_uint(&answer, WIRE_BLOCK1, (block & ~7u) | (server->requests > 1 ? 2u : 4u));
    played_send(server, &answer);
}

static void blocks_become_smaller_when_the_server_says_so(void **state)
{
    coap_pair *pair = *state;
    played server;
    size_t size;
    play(pair, &server, answer_with_smaller_blocks);
    assert_int_equal(coap_pair_send(pair, 1, 1100), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    /* 512, then 256 from number 2 on, then 64 from number 12 on: 1100 = 17 * 64 + 12. */
    assert_int_equal(server.requests, 2 + 5 + 1);
    assert_int_equal(wire_number(&server.last, WIRE_BLOCK1), WIRE_BLOCK(17, 0, 2));
    wire_payload_find(&server.last, &size);
    assert_int_equal(size, 12);
    play_end(pair, &server);
}

static void answer_incomplete(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(4, 8));
    wire_payload(&answer, "gone", 4);
    played_send(server, &answer);
}

static void answer_wrong_block(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 31));
    wire_uint(&answer, WIRE_BLOCK1, WIRE_BLOCK(5, 1, 5));
    played_send(server, &answer);
}

static void a_refused_block_ends_the_request(void **state)
{
    coap_pair *pair = *state;
    played server;
    play(pair, &server, answer_incomplete);
    assert_int_equal(coap_pair_send(pair, 1, 3000), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(pair->code, WIRE_CODE(4, 8));
    assert_memory_equal(pair->answer, "gone", 4);
    assert_int_equal(server.requests, 1);
    play_end(pair, &server);

    play(pair, &server, answer_wrong_block);
    assert_int_equal(coap_pair_send(pair, 2, 3000), TALC_OK);
    coap_pair_await_answers(pair, 2);
    assert_int_equal(pair->outcome, TALC_OUTCOME_LOST);
    play_end(pair, &server);
}

#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, coap_pair_setup, coap_pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_request_has_just_the_options_it_needs),
        CASE(a_host_name_is_sent_as_uri_host),
        CASE(tokens_are_never_used_again),
        CASE(a_reset_ends_the_exchange_and_the_path),
        CASE(a_separate_answer_is_acknowledged),
        CASE(answers_to_other_tokens_are_dropped),
        CASE(waiting_times_are_read_with_care),
        CASE(an_endless_answer_ends_at_the_limit),
        CASE(answers_whose_blocks_do_not_fit_are_lost),
        CASE(blocks_of_1024_are_followed_by_smaller_ones),
        CASE(blocks_become_smaller_when_the_server_says_so),
        CASE(a_refused_block_ends_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
