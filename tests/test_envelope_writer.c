/* SPDX-License-Identifier: MIT */

/* Writing envelopes: what is refused, and sizes that are told exactly before a write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "records/envelope.h"

static const uint8_t fragment[TALC_FRAGMENT_SIZE_MAX] = { 22 };

/* A piece of type 23 with `size` bytes: a whole record, the beginning of one of `whole` bytes, its
 * middle, its end. */
#define PIECE .type = 23, .version = 771, .fragment = fragment
#define WHOLE(size)                                                                                \
    {                                                                                              \
        PIECE, .length = size, .fragment_size = size                                               \
    }
#define BEGINNING(size, whole)                                                                     \
    {                                                                                              \
        PIECE, .length = whole, .fragment_size = size, .open = true                                \
    }
#define MIDDLE(size, whole)                                                                        \
    {                                                                                              \
        PIECE, .length = whole, .fragment_size = size, .open = true, .continues = true             \
    }
#define END(size)                                                                                  \
    {                                                                                              \
        PIECE, .fragment_size = size, .continues = true                                            \
    }

static const struct refused_case {
    const char *name;
    talc_envelope envelope;
} refused_cases[] = {
    { "request above 2^53-1", { .request = TALC_ENVELOPE_NUMBER_MAX + 1 } },
    { "offset above 2^53-1", { .offset = TALC_ENVELOPE_NUMBER_MAX + 1 } },
    { "acknowledged above 2^53-1", { .acknowledged = UINT64_MAX } },
    { "body limit below 256", { .body_limit = 255 } },
    { "body limit above 65535", { .body_limit = 65536 } },
    { "hold above 25 s", { .hold_s = 26 } },
    { "error outside the enum", { .error = (talc_envelope_error)8 } },
    { "other error without a text", { .error = TALC_ENVELOPE_ERROR_OTHER } },
    { "other error with a known text",
      { .error = TALC_ENVELOPE_ERROR_OTHER, .error_text = "malformed" } },
    { "error text with a quote", { .error = TALC_ENVELOPE_ERROR_OTHER, .error_text = "a\"b" } },
    { "cookie with a quote", { .cookie = "a\",\"i\":1" } },
    { "too many pieces", { .piece_count = TALC_ENVELOPE_PIECES_MAX + 1 } },
    { "range above 2^53-1",
      { .offset = TALC_ENVELOPE_NUMBER_MAX - 7, .piece_count = 1, .pieces = { WHOLE(3) } } },
    { "type", { .piece_count = 1, .pieces = { { .type = 24, .version = 771, .length = 1 } } } },
    { "version", { .piece_count = 1, .pieces = { { .type = 23, .version = 772, .length = 1 } } } },
    { "length is not the fragment's",
      { .piece_count = 1, .pieces = { { PIECE, .length = 4, .fragment_size = 3 } } } },
    { "empty fragment", { .piece_count = 1, .pieces = { WHOLE(0) } } },
    { "empty part", { .piece_count = 1, .pieces = { END(0) } } },
    { "fragment above the limit", { .piece_count = 1, .pieces = { WHOLE(18433) } } },
    { "part above the limit", { .piece_count = 1, .pieces = { END(18433) } } },
    { "open, but whole", { .piece_count = 1, .pieces = { BEGINNING(3, 3) } } },
    { "part after a whole record", { .piece_count = 2, .pieces = { WHOLE(3), END(3) } } },
    { "record after an open one", { .piece_count = 2, .pieces = { BEGINNING(3, 9), WHOLE(3) } } },
    { "parts are less than the whole",
      { .piece_count = 2, .pieces = { BEGINNING(3, 9), END(5) } } },
    { "parts are more than the whole",
      { .piece_count = 2, .pieces = { BEGINNING(3, 9), END(7) } } },
    { "parts disagree", { .piece_count = 2, .pieces = { BEGINNING(3, 9), MIDDLE(3, 8) } } },
};

static void writer_refuses_what_no_reader_takes(void **state)
{
    (void)state;
    char text[1024];
    for (size_t i = 0; i < sizeof refused_cases / sizeof refused_cases[0]; i++) {
        const struct refused_case *refused = &refused_cases[i];
        size_t size = 1;
        talc_status status = talc_envelope_write(&refused->envelope, text, sizeof text, &size);
        if (status != TALC_ERROR_ARGUMENT || size != 0) {
            fail_msg("%s: status %d", refused->name, status);
        }
    }
}

static void text_without_an_end_is_refused(void **state)
{
    (void)state;
    char text[1024];
    size_t size = 0;
    talc_envelope envelope;
    talc_envelope_init(&envelope);
    memset(envelope.cookie, 'A', sizeof envelope.cookie);
    assert_int_equal(talc_envelope_write(&envelope, text, sizeof text, &size), TALC_ERROR_ARGUMENT);
    talc_envelope_init(&envelope);
    envelope.error = TALC_ENVELOPE_ERROR_OTHER;
    memset(envelope.error_text, 'a', sizeof envelope.error_text);
    assert_int_equal(talc_envelope_write(&envelope, text, sizeof text, &size), TALC_ERROR_ARGUMENT);
}

static const talc_envelope full_envelope = {
    .request = 16777215,
    .offset = 226,
    .acknowledged = 831,
    .body_limit = 1023,
    .hold_s = 25,
    .more = true,
    .has_guard = true,
    .guard = { 0x92, 0xad, 0x31, 0xdc, 0x9f, 0x5a, 0x5e, 0xc7 },
    .error = TALC_ENVELOPE_ERROR_OVERLOADED,
    .cookie = "Zm9vYmFy",
    .piece_count = 5,
    .pieces = { END(20), WHOLE(1), BEGINNING(100, 1400), MIDDLE(3, 1400), MIDDLE(44, 1400) },
};

static void every_smaller_capacity_is_too_small(void **state)
{
    (void)state;
    char text[1024];
    size_t full_size = 0;
    assert_int_equal(talc_envelope_write(&full_envelope, text, sizeof text, &full_size), TALC_OK);
    for (size_t capacity = 0; capacity < full_size; capacity++) {
        size_t size = 1;
        char *small = malloc(capacity + (capacity == 0)); /* exact, for sanitizers */
        assert_non_null(small);
        assert_int_equal(talc_envelope_write(&full_envelope, small, capacity, &size),
                         TALC_ERROR_TOO_LARGE);
        assert_int_equal(size, 0);
        free(small);
    }
    text[full_size] = '#';
    assert_int_equal(talc_envelope_write(&full_envelope, text, full_size, &full_size), TALC_OK);
    assert_int_equal(text[full_size], '#');
}

/* Packing relies on this: overhead and pieces are one character more than the text. */
static void sizes_are_told_exactly(void **state)
{
    (void)state;
    static char text[65536];
    talc_envelope envelope = full_envelope;
    size_t told = talc_envelope_overhead(&envelope) - 1;
    size_t size = 0;
    for (size_t i = 0; i < envelope.piece_count; i++) {
        told += talc_piece_size(&envelope.pieces[i]);
    }
    assert_int_equal(talc_envelope_write(&envelope, text, sizeof text, &size), TALC_OK);
    assert_int_equal(size, told);
    assert_int_equal(talc_envelope_text_size(&envelope), size);

    envelope.more = false;
    envelope.has_guard = false;
    assert_int_equal(talc_envelope_overhead(&envelope), talc_envelope_overhead(&full_envelope));
    assert_int_equal(talc_envelope_write(&envelope, text, sizeof text, &size), TALC_OK);
    assert_int_equal(size, told - strlen(",\"m\":1,\"g\":\"kq0x3J9aXsc\""));
    assert_int_equal(talc_envelope_text_size(&envelope), size);
}

static const talc_piece room_cases[] = {
    WHOLE(1),
    BEGINNING(1, 9),
    BEGINNING(1, 18432),
    MIDDLE(1, 1400),
    END(1),
    { .type = 22, .version = 769, .length = 100, .fragment_size = 1, .open = true },
    { .type = 20, .version = 60417, .length = 10000, .fragment_size = 1, .continues = true },
};

/* The most that fits: one byte more would not. */
static void fragment_room_is_the_most_that_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof room_cases / sizeof room_cases[0]; i++) {
        talc_piece piece = room_cases[i];
        for (size_t json_room = 0; json_room < 300; json_room++) {
            size_t room = talc_piece_fragment_room(&room_cases[i], json_room);
            piece.fragment_size = room;
            assert_true(room == 0 || talc_piece_size(&piece) <= json_room);
            piece.fragment_size = room + 1;
            assert_true(talc_piece_size(&piece) > json_room);
        }
        assert_true(talc_piece_fragment_room(&piece, 1023) > 700);
    }
}

static void objects_cost_what_the_format_says(void **state)
{
    (void)state;
    assert_int_equal(talc_piece_size(&(talc_piece)WHOLE(3)), strlen("{\"f\":\"AQAB\"},"));
    assert_int_equal(talc_piece_size(&room_cases[5]),
                     strlen("{\"t\":22,\"v\":769,\"l\":100,\"f\":\"AQ\"},"));
    assert_int_equal(talc_envelope_overhead(&(talc_envelope){ .request = 0 }),
                     strlen("{\"i\":0,\"n\":0,\"r\":[],\"m\":1,\"g\":\"kq0x3J9aXsc\"}"));
}

static void largest_record_travels_whole(void **state)
{
    (void)state;
    static const talc_envelope envelope = { .piece_count = 1,
                                            .pieces = { WHOLE(TALC_FRAGMENT_SIZE_MAX) } };
    static char text[32768];
    size_t size = 0;
    talc_envelope read;
    assert_int_equal(talc_envelope_write(&envelope, text, sizeof text, &size), TALC_OK);
    assert_int_equal(talc_envelope_read(text, size, sizeof text, &read), TALC_OK);
    assert_int_equal(read.pieces[0].length, TALC_FRAGMENT_SIZE_MAX);
    assert_memory_equal(read.pieces[0].fragment, fragment, TALC_FRAGMENT_SIZE_MAX);
    talc_envelope_clear(&read);
}

static void errors_have_texts_both_ways(void **state)
{
    (void)state;
    for (int error = TALC_ENVELOPE_ERROR_UNKNOWN_SESSION; error < TALC_ENVELOPE_ERROR_OTHER;
         error++) {
        const char *text = talc_envelope_error_text((talc_envelope_error)error);
        assert_true(strlen(text) > 0);
        assert_int_equal(talc_envelope_error_from_text(text), error);
    }
    assert_int_equal(talc_envelope_error_from_text(""), TALC_ENVELOPE_ERROR_NONE);
    assert_int_equal(talc_envelope_error_from_text("malforme"), TALC_ENVELOPE_ERROR_OTHER);
    assert_string_equal(talc_envelope_error_text(TALC_ENVELOPE_ERROR_LOST_STATE), "lost-state");
    assert_string_equal(talc_envelope_error_text(TALC_ENVELOPE_ERROR_NONE), "");
    assert_string_equal(talc_envelope_error_text((talc_envelope_error)99), "");
    assert_string_equal(talc_envelope_error_text((talc_envelope_error)-1), "");
    talc_envelope_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_refuses_what_no_reader_takes),
        cmocka_unit_test(text_without_an_end_is_refused),
        cmocka_unit_test(every_smaller_capacity_is_too_small),
        cmocka_unit_test(sizes_are_told_exactly),
        cmocka_unit_test(fragment_room_is_the_most_that_fits),
        cmocka_unit_test(objects_cost_what_the_format_says),
        cmocka_unit_test(largest_record_travels_whole),
        cmocka_unit_test(errors_have_texts_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
