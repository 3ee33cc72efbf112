/* SPDX-License-Identifier: MIT */
/* Ranges in any order become one stream, each byte once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/receive_stream.h"

#define STREAM_SIZE 4096

typedef struct collector {
    uint8_t bytes[STREAM_SIZE];
    size_t size;
    unsigned calls;
    size_t fails_at; /* as if the engine found something wrong once this many bytes are there */
    talc_receive_stream *stream;
    size_t takes_back; /* as if the engine refused so many of the bytes that are there, once */
} collector;

typedef struct arrival {
    talc_receive_stream stream;
    collector collected;
    bool is_vouched_for; /* or may have been made up by the path */
} arrival;

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 37 + offset / 256);
}

static talc_status collect(void *context, const uint8_t *bytes, size_t size)
{
    collector *collecting = context;
    assert_true(size > 0);
    assert_true(collecting->size + size <= STREAM_SIZE);
    memcpy(collecting->bytes + collecting->size, bytes, size);
    collecting->size += size;
    collecting->calls++;
    if (collecting->takes_back != 0) {
        talc_receive_stream_take_back(collecting->stream, collecting->takes_back);
        collecting->size -= collecting->takes_back;
        collecting->takes_back = 0;
    }
    bool fails = collecting->fails_at != 0 && collecting->size >= collecting->fails_at;
    return fails ? TALC_ERROR_PROTOCOL : TALC_OK;
}

/* Bytes [offset, offset + size) of the stream arrive, in memory of exactly that size. */
static talc_status arrive(arrival *arriving, uint64_t offset, size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = byte_at(offset + i);
    }
    talc_range range = { offset, size, bytes };
    talc_receiver receiver = { collect, &arriving->collected, arriving->is_vouched_for };
    talc_status status = talc_receive_stream_take(&arriving->stream, &range, &receiver);
    free(bytes);
    return status;
}

static void assert_arrived(const arrival *arriving, size_t size)
{
    assert_int_equal(arriving->stream.next, size);
    assert_int_equal(arriving->collected.size, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(arriving->collected.bytes[i], byte_at(i));
    }
}

static int set_up(void **state)
{
    arrival *arriving = calloc(1, sizeof *arriving);
    assert_non_null(arriving);
    talc_receive_stream_init(&arriving->stream);
    arriving->is_vouched_for = true;
    *state = arriving;
    return 0;
}

static int tear_down(void **state)
{
    arrival *arriving = *state;
    talc_receive_stream_free(&arriving->stream);
    free(arriving);
    return 0;
}

typedef struct piece {
    uint64_t offset;
    size_t size;
} piece;

typedef struct order {
    const char *name;
    piece pieces[6];
    size_t arrived;
    unsigned calls;
} order;

static void orders(void **state)
{
    static const order rows[] = {
        { "in order", { { 0, 100 }, { 100, 50 } }, 150, 2 },
        { "nothing", { { 0, 0 } }, 0, 0 },
        { "repeated", { { 0, 100 }, { 0, 100 }, { 100, 1 } }, 101, 2 },
        { "an old part", { { 0, 100 }, { 20, 30 } }, 100, 1 },
        { "overlapping", { { 0, 100 }, { 60, 90 } }, 150, 2 },
        { "longer again", { { 0, 10 }, { 0, 100 } }, 100, 2 },
        { "turned round", { { 100, 50 }, { 0, 100 } }, 150, 2 },
        { "all turned round", { { 30, 10 }, { 20, 10 }, { 10, 10 }, { 0, 10 } }, 40, 4 },
        { "a gap that stays", { { 0, 10 }, { 20, 10 } }, 10, 1 },
        { "held ranges overlap", { { 50, 50 }, { 40, 30 }, { 0, 45 } }, 100, 3 },
        { "a held range is covered", { { 50, 10 }, { 0, 100 } }, 100, 1 },
        { "the same range held twice", { { 50, 10 }, { 50, 10 }, { 0, 50 } }, 60, 2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(set_up(state), 0);
        arrival *arriving = *state;
        for (size_t at = 0; at < 6 && rows[i].pieces[at].size > 0; at++) {
            assert_int_equal(arrive(arriving, rows[i].pieces[at].offset, rows[i].pieces[at].size),
                             TALC_OK);
        }
        print_message("%s\n", rows[i].name);
        assert_arrived(arriving, rows[i].arrived);
        assert_int_equal(arriving->collected.calls, rows[i].calls);
        tear_down(state);
    }
    *state = NULL;
}

/* What does not fit is dropped and asked for again, never more is held. */
static void holding_is_bounded(void **state)
{
    arrival *arriving = *state;
    for (unsigned i = 0; i < 2 * TALC_RECEIVE_HELD_MAX; i++) {
        assert_int_equal(arrive(arriving, 10 * (i + 1), 10), TALC_OK);
    }
    assert_int_equal(arriving->stream.held_count, TALC_RECEIVE_HELD_MAX);
    assert_int_equal(arrive(arriving, 0, 10), TALC_OK);
    assert_arrived(arriving, 10 * (TALC_RECEIVE_HELD_MAX + 1));
    assert_int_equal(arriving->stream.held_count, 0);
}

static void the_window_is_bounded(void **state)
{
    static const piece beyond[] = {
        { TALC_RECEIVE_WINDOW_SIZE + 1, 1 }, { TALC_RECEIVE_WINDOW_SIZE, 1 },
        { 1, TALC_RECEIVE_WINDOW_SIZE },     { UINT64_MAX, 1 },
        { (1ull << 53) - 1, 100 },
    };
    arrival *arriving = *state;
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        assert_int_equal(arrive(arriving, beyond[i].offset, beyond[i].size), TALC_OK);
        assert_int_equal(arriving->stream.held_count, 0);
    }
    assert_int_equal(arrive(arriving, TALC_RECEIVE_WINDOW_SIZE - 1, 1), TALC_OK);
    assert_int_equal(arriving->stream.held_count, 1);
    assert_int_equal(arriving->stream.next, 0);
}

/* What anybody may have written goes to the engine in its turn or not at all. */
static void what_nobody_vouches_for_is_not_held(void **state)
{
    arrival *arriving = *state;
    arriving->is_vouched_for = false;
    assert_int_equal(arrive(arriving, 10, 10), TALC_OK);
    assert_int_equal(arriving->stream.held_count, 0);
    assert_int_equal(arrive(arriving, 0, 10), TALC_OK);
    assert_arrived(arriving, 10);
}

/* After an error nothing that was held is handed on. */
static void an_error_empties_the_stream(void **state)
{
    arrival *arriving = *state;
    arriving->collected.fails_at = 10;
    assert_int_equal(arrive(arriving, 10, 10), TALC_OK);
    assert_int_equal(arrive(arriving, 0, 10), TALC_ERROR_PROTOCOL);
    assert_int_equal(arriving->collected.size, 10);
    assert_int_equal(arriving->stream.held_count, 0);
}

static void an_error_of_what_was_held(void **state)
{
    arrival *arriving = *state;
    arriving->collected.fails_at = 20;
    assert_int_equal(arrive(arriving, 20, 10), TALC_OK);
    assert_int_equal(arrive(arriving, 10, 10), TALC_OK);
    assert_int_equal(arrive(arriving, 0, 10), TALC_ERROR_PROTOCOL);
    assert_int_equal(arriving->collected.size, 20);
    assert_int_equal(arriving->stream.held_count, 0);
}

/* Any cuts in any order: 200 shuffles of ranges that overlap by chance. */
static void shuffles(void **state)
{
    uint32_t random = 12345;
    for (int round = 0; round < 200; round++) {
        assert_int_equal(set_up(state), 0);
        arrival *arriving = *state;
        for (int i = 0; i < 20000 && arriving->stream.next < 1000; i++) {
            random = random * 1664525u + 1013904223u;
            uint64_t offset = (random >> 8) % 1000;
            random = random * 1664525u + 1013904223u;
            size_t size = 1 + (random >> 8) % 200;
            size = offset + size > 1000 ? (size_t)(1000 - offset) : size;
            assert_int_equal(arrive(arriving, offset, size), TALC_OK);
        }
        assert_arrived(arriving, 1000);
        tear_down(state);
    }
    *state = NULL;
}

/* A record that the engine did not believe: its bytes may have come in several ranges, and what was held
 * behind it is still good. */
static void bytes_that_are_taken_back_come_again(void **state)
{
    arrival *arriving = *state;
    arriving->is_vouched_for = true;
    arriving->collected.stream = &arriving->stream;
    assert_int_equal(arrive(arriving, 0, 100), TALC_OK);
    assert_int_equal(arrive(arriving, 200, 100), TALC_OK); /* held */
    arriving->collected.takes_back = 80;
    assert_int_equal(arrive(arriving, 100, 50), TALC_OK);
    assert_int_equal(arriving->stream.next, 70);
    assert_int_equal(arrive(arriving, 70, 130), TALC_OK);
    assert_int_equal(arriving->stream.next, 300);
    assert_int_equal(arriving->collected.size, 300);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(arriving->collected.bytes[i], byte_at(i));
    }
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders),          RULE(holding_is_bounded),
        RULE(bytes_that_are_taken_back_come_again),
        RULE(the_window_is_bounded),       RULE(what_nobody_vouches_for_is_not_held),
        RULE(an_error_empties_the_stream), RULE(an_error_of_what_was_held),
        cmocka_unit_test(shuffles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
