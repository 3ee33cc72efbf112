/* SPDX-License-Identifier: MIT */
/* What is sent is kept until the other side has it, and is found again record by record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/send_stream.h"
#include "records/record.h"

#define RECORD_SIZE 105 /* of each record here: header and 100 bytes */

static void append_record(talc_send_stream *stream, uint8_t fill)
{
    uint8_t bytes[RECORD_SIZE];
    talc_record_header header = { TALC_RECORD_APPLICATION_DATA, TALC_RECORD_VERSION_TLS12,
                                  RECORD_SIZE - TALC_RECORD_HEADER_SIZE };
    talc_record_header_build(&header, bytes);
    memset(bytes + TALC_RECORD_HEADER_SIZE, fill, header.length);
    assert_int_equal(talc_send_stream_append(stream, bytes, sizeof bytes), TALC_OK);
}

static talc_send_stream stream;

/* Four records: 0, 105, 210, 315 to 420. */
static int set_up(void **state)
{
    (void)state;
    talc_send_stream_init(&stream);
    for (uint8_t i = 0; i < 4; i++) {
        append_record(&stream, i);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    talc_send_stream_free(&stream);
    return 0;
}

static void records_are_found(void **state)
{
    (void)state;
    talc_record_view view;
    assert_int_equal(talc_send_stream_end(&stream), 4 * RECORD_SIZE);
    for (uint64_t offset = 0; offset < 4 * RECORD_SIZE; offset++) {
        uint64_t record = offset / RECORD_SIZE;
        uint64_t into = offset % RECORD_SIZE;
        assert_true(talc_send_stream_view(&stream, offset, &view));
        assert_int_equal(view.type, TALC_RECORD_APPLICATION_DATA);
        assert_int_equal(view.version, TALC_RECORD_VERSION_TLS12);
        assert_int_equal(view.length, 100);
        assert_int_equal(view.end, (record + 1) * RECORD_SIZE);
        /* Inside a header there is nothing to continue: the record goes out whole. */
        assert_int_equal(view.continues, into >= TALC_RECORD_HEADER_SIZE);
        assert_int_equal(view.fragment_size, into < 5 ? 100 : RECORD_SIZE - into);
        assert_int_equal(view.fragment[0], record);
    }
    assert_false(talc_send_stream_view(&stream, 4 * RECORD_SIZE, &view));
}

static void an_empty_stream_holds_no_record(void **state)
{
    (void)state;
    talc_record_view view;
    talc_send_stream empty;
    talc_send_stream_init(&empty);
    assert_false(talc_send_stream_view(&empty, 0, &view));
    assert_int_equal(talc_send_stream_end(&empty), 0);
    assert_int_equal(talc_send_stream_append(&empty, NULL, 0), TALC_OK);
    assert_int_equal(talc_send_stream_acknowledge(&empty, 0, 0), TALC_OK);
    assert_false(talc_send_stream_is_overdue(&empty, 1000000));
    talc_send_stream_free(&empty);
}

/* Half a record at the end is none: it is carried once it is whole. */
static void unfinished_records_wait(void **state)
{
    (void)state;
    talc_record_view view;
    static const uint8_t half[] = { 23, 3, 3, 0, 100, 1, 2, 3 };
    assert_int_equal(talc_send_stream_append(&stream, half, sizeof half), TALC_OK);
    assert_false(talc_send_stream_view(&stream, 4 * RECORD_SIZE, &view));
}

static void nothing_beyond_what_was_carried_is_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(talc_send_stream_acknowledge(&stream, 1, 0), TALC_ERROR_PROTOCOL);
    talc_send_stream_carry(&stream, 0, 210, 1000);
    assert_int_equal(talc_send_stream_acknowledge(&stream, 211, 1000), TALC_ERROR_PROTOCOL);
    assert_int_equal(stream.acknowledged, 0);
    assert_int_equal(talc_send_stream_acknowledge(&stream, 210, 1000), TALC_OK);
    assert_int_equal(stream.acknowledged, 210);
}

/* During the handshake anybody may have written an acknowledgement: nothing is freed by it, and it
 * may go back. */
static void a_handshake_keeps_all(void **state)
{
    (void)state;
    talc_record_view view;
    talc_send_stream_carry(&stream, 0, 420, 1000);
    assert_int_equal(talc_send_stream_acknowledge(&stream, 420, 1000), TALC_OK);
    assert_int_equal(stream.base, 0);
    assert_int_equal(talc_send_stream_acknowledge(&stream, 0, 1000), TALC_OK);
    assert_int_equal(stream.acknowledged, 0);
    assert_true(talc_send_stream_view(&stream, 0, &view));
}

/* Afterwards whole records are freed; the base stays the start of a record. */
static void acknowledged_records_are_freed(void **state)
{
    (void)state;
    talc_record_view view;
    static const uint64_t steps[][2] = { /* acknowledged, base */
                                         { 104, 0 },   { 105, 105 }, { 109, 105 },
                                         { 300, 210 }, { 200, 210 }, /* an older one is no news */
                                         { 420, 420 }
    };
    stream.keeps_all = false;
    talc_send_stream_carry(&stream, 0, 420, 1000);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        uint64_t before = stream.acknowledged;
        assert_int_equal(talc_send_stream_acknowledge(&stream, steps[i][0], 1000), TALC_OK);
        assert_int_equal(stream.acknowledged, steps[i][0] > before ? steps[i][0] : before);
        assert_int_equal(stream.base, steps[i][1]);
        assert_int_equal(talc_send_stream_end(&stream), 420);
        assert_false(stream.base > 0 && talc_send_stream_view(&stream, stream.base - 1, &view));
    }
    append_record(&stream, 9);
    assert_true(talc_send_stream_view(&stream, 420, &view));
    assert_int_equal(view.fragment[0], 9);
}

/* ---------------------------------------------------------------- times */

static void old_bytes_are_overdue_after_a_round_trip(void **state)
{
    (void)state;
    assert_false(talc_send_stream_is_overdue(&stream, 1000000));
    talc_send_stream_carry(&stream, 0, 105, 5000);
    assert_false(talc_send_stream_is_overdue(&stream, 5999));
    assert_true(talc_send_stream_is_overdue(&stream, 6000));
    talc_send_stream_carry(&stream, 105, 210, 6000); /* newer bytes change nothing for older ones */
    assert_true(talc_send_stream_is_overdue(&stream, 6000));
    assert_int_equal(talc_send_stream_acknowledge(&stream, 105, 6000), TALC_OK);
    assert_false(talc_send_stream_is_overdue(&stream, 6100));
}

static void sent_again_is_not_overdue(void **state)
{
    (void)state;
    talc_send_stream_carry(&stream, 0, 105, 5000);
    talc_send_stream_carry(&stream, 0, 105, 7000);
    assert_false(talc_send_stream_is_overdue(&stream, 7500));
    assert_true(talc_send_stream_is_overdue(&stream, 8000));
}

static void round_trips_are_measured(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        append_record(&stream, 0);
        uint64_t now = 10000 * (i + 1);
        talc_send_stream_carry(&stream, 105 * i, 105 * (i + 1), now);
        assert_int_equal(talc_send_stream_acknowledge(&stream, 105 * (i + 1), now + 80), TALC_OK);
    }
    assert_in_range(stream.round_trip_ms, 80, 100);
}

/* More ranges than marks: none is forgotten, the last ones share a time. */
static void marks_are_bounded(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4 * TALC_SEND_MARKS; i++) {
        append_record(&stream, 0);
        talc_send_stream_carry(&stream, 105 * i, 105 * (i + 1), 5000 + i);
    }
    assert_int_equal(stream.mark_count, TALC_SEND_MARKS);
    assert_int_equal(stream.marks[TALC_SEND_MARKS - 1].end, 105 * 4 * TALC_SEND_MARKS);
    assert_true(talc_send_stream_is_overdue(&stream, 7000));
    assert_int_equal(talc_send_stream_acknowledge(&stream, stream.carried, 7000), TALC_OK);
    assert_int_equal(stream.mark_count, 0);
    assert_false(talc_send_stream_is_overdue(&stream, 100000));
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(records_are_found),
        RULE(an_empty_stream_holds_no_record),
        RULE(unfinished_records_wait),
        RULE(nothing_beyond_what_was_carried_is_acknowledged),
        RULE(a_handshake_keeps_all),
        RULE(acknowledged_records_are_freed),
        RULE(old_bytes_are_overdue_after_a_round_trip),
        RULE(sent_again_is_not_overdue),
        RULE(round_trips_are_measured),
        RULE(marks_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
