/* SPDX-License-Identifier: MIT */
/* Answers in blocks (RFC 7959) at the client of mode `none`, from servers that a script plays. Its
 * requests in blocks are in test_coap_direct_uploads.c. */
#include "tests/direct_pair.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static const uint8_t block_bytes[1024];

/* Sends one request and waits for its result. */
static void fetch(direct_pair *pair, uint8_t method, size_t body_size)
{
    talc_frame request = direct_pair_frame(method, "a", body_size);
    request.accept = 60;
    size_t results = pair->results;
    assert_int_equal(direct_pair_send(pair, (uint32_t)results, &request), TALC_OK);
    direct_pair_await_results(pair, results + 1);
    assert_int_equal(pair->exchange, results);
}

/* ---------------------------------------------------------------- blocks of the answer */

#define ANSWER_SIZE 3000

static unsigned answer_szx; /* of the played server; a smaller one that is asked for wins */

/* As a good server: the answer's body is that of ANSWER_SIZE bytes. */
static void answer_in_blocks(played *server, const wire_message *request)
{
    wire_message answer;
    uint8_t bytes[1024];
    uint32_t asked = wire_number(request, WIRE_BLOCK2);
    unsigned szx = answer_szx;
    size_t offset = 0;
    if (asked != UINT32_MAX) {
        szx = (asked & 7) < szx ? asked & 7 : szx;
        offset = (size_t)(asked >> 4) << ((asked & 7) + 4);
    }
    size_t block = (size_t)16 << szx;
    size_t left = ANSWER_SIZE - offset;
    size_t size = left < block ? left : block;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = coap_pair_byte(ANSWER_SIZE, offset + i);
    }
    wire_answer(&answer, request, WIRE_CODE(2, 5));
    wire_text(&answer, WIRE_ETAG, "v");
    wire_uint(&answer, WIRE_CONTENT_FORMAT, 60);
    wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(offset / block, left > block, szx));
    wire_payload(&answer, bytes, size);
    played_send(server, &answer);
}

static void an_answer_in_blocks_of_any_size_is_put_together(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_in_blocks);
    for (answer_szx = 0; answer_szx <= 6; answer_szx++) {
        fetch(pair, TALC_GET, 0);
        assert_int_equal(pair->status, TALC_OK);
        assert_int_equal(pair->code, TALC_CODE_CONTENT);
        assert_int_equal(pair->format, 60);
        direct_pair_body_is(pair->answer, pair->answer_body_size, ANSWER_SIZE);
        size_t size;
        assert_true(wire_says(&server.last, WIRE_URI_PATH, 0, "a"));
        assert_int_equal(wire_number(&server.last, 17 /* Accept */), 60);
        assert_null(wire_payload_find(&server.last, &size));
    }
    direct_play_end(pair);
}

static void small_blocks_are_asked_for_from_the_start(void **state)
{
    direct_pair *pair = *state;
    played server;
    pair->config.block_size = 64;
    answer_szx = 6;
    direct_play(pair, &server, answer_in_blocks);
    fetch(pair, TALC_GET, 0);
    direct_pair_body_is(pair->answer, pair->answer_body_size, ANSWER_SIZE);
    assert_int_equal(server.requests, (ANSWER_SIZE + 63) / 64);
    assert_int_equal(wire_number(&server.last, WIRE_BLOCK2), WIRE_BLOCK(46, 0, 2));
    direct_play_end(pair);
}

/* The block that was asked for, in blocks of 256. */
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
    direct_pair *pair = *state;
    played server;
    pair->config.message_size_max = 16384;
    direct_play(pair, &server, answer_endlessly);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    size_t before = heap_size();
    direct_play_await(pair, &server.requests, 30);
    /* It was told of 256 MiB, and took what came. */
    assert_true(heap_size() < before + 128 * 1024);
    direct_pair_await_results(pair, 1);
    assert_int_equal(pair->status, TALC_ERROR_TOO_LARGE);
    direct_pair_settle(pair, 50);
    assert_int_equal(server.requests, 16384 / 256 + 1);
    direct_play_end(pair);
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

static void answer_half(played *server, const wire_message *request)
{
    wire_message answer;
    block_begin(&answer, request, NULL, 1);
    wire_payload(&answer, block_bytes, 256);
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

/* As a path that has forgotten what it is about. */
static void answer_without_the_rest(played *server, const wire_message *request)
{
    if (server->requests == 1) {
        answer_half(server, request);
    } else {
        played_answer_short(server, request);
    }
}

static void answers_whose_blocks_do_not_fit_are_errors(void **state)
{
    static played_script *const scripts[] = { answer_first_block_again, answer_skipping,
                                              answer_half_block, answer_reserved_size,
                                              answer_without_the_rest };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        played server;
        direct_play(pair, &server, scripts[i]);
        fetch(pair, TALC_GET, 0);
        assert_int_equal(pair->status, TALC_ERROR_PROTOCOL);
        direct_pair_settle(pair, 20);
        assert_true(server.requests <= 3);
        direct_play_end(pair);
    }
}

static void answer_gone(played *server, const wire_message *request)
{
    wire_message answer;
    if (server->requests == 1) {
        answer_half(server, request);
        return;
    }
    wire_answer(&answer, request, WIRE_CODE(4, 8));
    wire_payload(&answer, "gone", 4);
    played_send(server, &answer);
}

static void an_error_instead_of_a_block_is_the_answer(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_gone);
    fetch(pair, TALC_GET, 0);
    assert_int_equal(pair->status, TALC_OK);
    assert_int_equal(pair->code, WIRE_CODE(4, 8));
    assert_memory_equal(pair->answer, "gone", 5);
    direct_play_end(pair);
}

typedef struct block_kind {
    unsigned code;
    uint32_t format;
} block_kind;

static block_kind block_kinds[2]; /* of the first block and of the second, which is the last */

static void answer_kinds(played *server, const wire_message *request)
{
    wire_message answer;
    const block_kind *kind = &block_kinds[server->requests - 1];
    wire_answer(&answer, request, kind->code);
    wire_uint(&answer, WIRE_CONTENT_FORMAT, kind->format);
    wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(server->requests - 1, server->requests == 1, 4));
    wire_payload(&answer, block_bytes, 256);
    played_send(server, &answer);
}

static void blocks_of_different_answers_are_not_joined(void **state)
{
    static const struct {
        block_kind kinds[2];
        talc_status status;
        size_t size;
    } rows[] = {
        { { { WIRE_CODE(2, 5), 60 }, { WIRE_CODE(2, 5), 60 } }, TALC_OK, 512 },
        { { { WIRE_CODE(4, 4), 0 }, { WIRE_CODE(4, 4), 0 } }, TALC_OK, 512 },
        { { { WIRE_CODE(2, 5), 60 }, { WIRE_CODE(2, 5), 50 } }, TALC_ERROR_PROTOCOL, 0 },
        { { { WIRE_CODE(2, 5), 60 }, { WIRE_CODE(2, 4), 60 } }, TALC_ERROR_PROTOCOL, 0 },
        { { { WIRE_CODE(5, 0), 60 }, { WIRE_CODE(2, 5), 60 } }, TALC_ERROR_PROTOCOL, 0 },
        { { { WIRE_CODE(2, 5), 60 }, { WIRE_CODE(4, 4), 60 } }, TALC_OK, 256 },
        { { { WIRE_CODE(4, 4), 60 }, { WIRE_CODE(5, 0), 60 } }, TALC_OK, 256 },
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        played server;
        memcpy(block_kinds, rows[i].kinds, sizeof block_kinds);
        direct_play(pair, &server, answer_kinds);
        fetch(pair, TALC_GET, 0);
        assert_int_equal(pair->status, rows[i].status);
        assert_int_equal(pair->answer_body_size, rows[i].size);
        if (rows[i].status == TALC_OK) {
            assert_int_equal(pair->code, rows[i].kinds[1].code);
        }
        assert_int_equal(server.requests, 2);
        direct_play_end(pair);
    }
}

/* ---------------------------------------------------------------- answers that change */

static unsigned changes_left;

/* Two blocks of 256; the second one is of another version while `changes_left`. */
static void answer_changing(played *server, const wire_message *request)
{
    wire_message answer;
    uint32_t asked = wire_number(request, WIRE_BLOCK2);
    int is_first = asked == UINT32_MAX || asked >> 4 == 0;
    const char *etag = "old";
    if (!is_first && changes_left > 0) {
        changes_left--;
        etag = "new";
    }
    block_begin(&answer, request, etag, (uint32_t)is_first);
    wire_payload(&answer, block_bytes, is_first ? 256 : 100);
    played_send(server, &answer);
}

static void an_answer_that_changes_is_fetched_again_once(void **state)
{
    static const struct {
        uint8_t method;
        unsigned changes;
        talc_status status;
        unsigned requests;
    } rows[] = {
        { TALC_GET, 0, TALC_OK, 2 },
        { TALC_GET, 1, TALC_OK, 4 },
        { TALC_GET, 2, TALC_ERROR_PROTOCOL, 4 },
        { TALC_POST, 1, TALC_ERROR_PROTOCOL, 2 }, /* not executed twice */
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        played server;
        changes_left = rows[i].changes;
        direct_play(pair, &server, answer_changing);
        fetch(pair, rows[i].method, 0);
        assert_int_equal(pair->status, rows[i].status);
        direct_pair_settle(pair, 20);
        assert_int_equal(server.requests, rows[i].requests);
        if (rows[i].status == TALC_OK) {
            assert_int_equal(pair->answer_body_size, 356);
        }
        direct_play_end(pair);
    }
}

static void answer_without_version(played *server, const wire_message *request)
{
    wire_message answer;
    block_begin(&answer, request, server->requests % 2 == 1 ? "old" : NULL, 1);
    wire_payload(&answer, block_bytes, 256);
    played_send(server, &answer);
}

static void a_version_that_goes_away_is_a_change(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_without_version);
    fetch(pair, TALC_GET, 0);
    assert_int_equal(pair->status, TALC_ERROR_PROTOCOL);
    assert_int_equal(server.requests, 4);
    direct_play_end(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(an_answer_in_blocks_of_any_size_is_put_together),
        DIRECT_CASE(small_blocks_are_asked_for_from_the_start),
        DIRECT_CASE(an_endless_answer_ends_at_the_limit),
        DIRECT_CASE(answers_whose_blocks_do_not_fit_are_errors),
        DIRECT_CASE(an_error_instead_of_a_block_is_the_answer),
        DIRECT_CASE(an_answer_that_changes_is_fetched_again_once),
        DIRECT_CASE(a_version_that_goes_away_is_a_change),
        DIRECT_CASE(blocks_of_different_answers_are_not_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
