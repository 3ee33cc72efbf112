/* SPDX-License-Identifier: MIT */
/* Which records go into a body: whole ones as long as they fit, a large one block-wise or in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/packing.h"

#define RECORDS_MAX 100
#define TEXT_MAX 70000

typedef struct packed {
    talc_send_stream stream;
    talc_envelope envelope;
} packed;

static packed made;

static void begin(const size_t *sizes, size_t count)
{
    static uint8_t bytes[TALC_RECORD_HEADER_SIZE + TALC_FRAGMENT_SIZE_MAX];
    talc_send_stream_init(&made.stream);
    for (size_t i = 0; i < count; i++) {
        talc_record_header header = { TALC_RECORD_APPLICATION_DATA, TALC_RECORD_VERSION_TLS12,
                                      (uint16_t)sizes[i] };
        talc_record_header_build(&header, bytes);
        for (size_t at = 0; at < sizes[i]; at++) {
            bytes[TALC_RECORD_HEADER_SIZE + at] = (uint8_t)(at * 7 + i);
        }
        assert_int_equal(
            talc_send_stream_append(&made.stream, bytes, TALC_RECORD_HEADER_SIZE + sizes[i]),
            TALC_OK);
    }
}

static void end(void)
{
    talc_send_stream_free(&made.stream);
}

/* Packs and writes, with everything in the envelope that takes most room; returns the text's size. */
static size_t pack(uint64_t start, const talc_carrier_limits *limits, uint64_t *packed_to)
{
    static char text[TEXT_MAX];
    size_t size;
    talc_envelope *envelope = &made.envelope;
    talc_envelope_init(envelope);
    envelope->request = TALC_ENVELOPE_NUMBER_MAX;
    envelope->acknowledged = TALC_ENVELOPE_NUMBER_MAX;
    envelope->body_limit = 65535;
    *packed_to = talc_pack(&made.stream, start, limits, envelope);
    envelope->has_guard = true;
    assert_int_equal(talc_envelope_write(envelope, text, sizeof text, &size), TALC_OK);
    return size;
}

/* Everything goes out in order, without a gap; each body keeps to its limit and is worth sending.
 * Returns how many bodies it took. */
static unsigned pack_all(const talc_carrier_limits *limits, size_t size_max)
{
    unsigned bodies = 0;
    uint64_t at = 0;
    while (at < talc_send_stream_end(&made.stream)) {
        uint64_t next;
        size_t size = pack(at, limits, &next);
        assert_true(size <= size_max);
        assert_true(next > at);
        assert_true(made.envelope.piece_count > 0);
        assert_int_equal(made.envelope.offset, at);
        assert_int_equal(talc_envelope_range_size(&made.envelope), next - at);
        assert_int_equal(made.envelope.more, next < talc_send_stream_end(&made.stream));
        at = next;
        bodies++;
    }
    return bodies;
}

static void whole_records_fill_a_body(void **state)
{
    (void)state;
    static const size_t sizes[] = { 100, 100, 100, 500, 50 };
    static const talc_carrier_limits limits = { 1023, 1023 };
    uint64_t next;
    begin(sizes, 5);
    assert_true(pack(0, &limits, &next) <= 1023);
    assert_int_equal(next, 3 * 105); /* the fourth fits another body: it is not cut */
    assert_int_equal(made.envelope.piece_count, 3);
    assert_true(made.envelope.more);
    assert_true(pack(next, &limits, &next) <= 1023);
    assert_int_equal(next, talc_send_stream_end(&made.stream));
    assert_false(made.envelope.more);
    end();
}

static void nothing_to_pack(void **state)
{
    (void)state;
    static const talc_carrier_limits limits = { 1023, 1023 };
    uint64_t next;
    begin(NULL, 0);
    pack(0, &limits, &next);
    assert_int_equal(next, 0);
    assert_int_equal(made.envelope.piece_count, 0);
    assert_false(made.envelope.more);
    end();
}

/* A chain of certificates: a longer body where the path carries one, parts where it does not. */
static void a_large_record(void **state)
{
    (void)state;
    static const size_t sizes[] = { 90, 4200, 90 };
    static const talc_carrier_limits block_wise = { 1023, 16384 };
    static const talc_carrier_limits small = { 1023, 1023 };
    uint64_t next;
    begin(sizes, 3);
    pack(0, &block_wise, &next);
    assert_int_equal(next, 95); /* what fits a message does not wait for what does not */
    assert_true(pack(95, &block_wise, &next) > 4200);
    assert_int_equal(next, 95 + 4205);
    assert_int_equal(made.envelope.piece_count, 1);
    pack(95, &small, &next);
    assert_int_equal(made.envelope.piece_count, 1);
    assert_true(made.envelope.pieces[0].open);
    assert_int_equal(made.envelope.pieces[0].length, 4200);
    assert_in_range(next, 95 + 500, 95 + 800);
    end();
}

/* Larger than block-wise bodies may be: parts again. */
static void a_record_above_all_limits(void **state)
{
    (void)state;
    static const size_t sizes[] = { TALC_FRAGMENT_SIZE_MAX };
    static const talc_carrier_limits limits = { 1023, 2048 };
    begin(sizes, 1);
    assert_true(pack_all(&limits, 2048) > 10);
    end();
}

/* A repeat may begin inside a record, where the acknowledgement ends; in a header it begins before. */
static void packing_from_inside_a_record(void **state)
{
    (void)state;
    static const size_t sizes[] = { 600 };
    static const talc_carrier_limits limits = { 1023, 1023 };
    begin(sizes, 1);
    for (uint64_t start = 0; start < 605; start++) {
        uint64_t next;
        pack(start, &limits, &next);
        assert_int_equal(next, 605);
        assert_int_equal(made.envelope.offset, start < 5 ? 0 : start);
        assert_int_equal(made.envelope.pieces[0].continues, start >= 5);
    }
    end();
}

static void records_in_one_body_are_bounded(void **state)
{
    (void)state;
    size_t sizes[RECORDS_MAX];
    static const talc_carrier_limits limits = { 1023, 1023 };
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        sizes[i] = 1;
    }
    uint64_t next;
    begin(sizes, RECORDS_MAX);
    pack(0, &limits, &next);
    assert_true(made.envelope.piece_count <= TALC_ENVELOPE_PIECES_MAX);
    assert_true(pack_all(&limits, 1023) >= 2);
    end();
}

/* Any limit that a client may name, any sizes of records: no body is larger than its limit. */
static void every_limit(void **state)
{
    (void)state;
    uint32_t random = 99;
    for (size_t limit = 256; limit <= 1023; limit++) {
        size_t sizes[8];
        talc_carrier_limits limits = { limit, limit };
        for (size_t i = 0; i < 8; i++) {
            random = random * 1664525u + 1013904223u;
            sizes[i] = 1 + (random >> 8) % 1500;
        }
        begin(sizes, 8);
        pack_all(&limits, limit);
        end();
    }
}

/* One record of this many bytes is what a body is made for: it fits whatever else stands there. */
static void a_record_of_the_usual_size_fits(void **state)
{
    (void)state;
    for (size_t limit = 256; limit <= 1023; limit++) {
        talc_carrier_limits limits = { limit, limit };
        size_t sizes[] = { talc_pack_fragment_size(limit) };
        uint64_t next;
        begin(sizes, 1);
        assert_true(pack(0, &limits, &next) <= limit);
        assert_int_equal(next, talc_send_stream_end(&made.stream));
        end();
    }
    assert_in_range(talc_pack_fragment_size(1023), 630, 660);
    assert_int_equal(talc_pack_fragment_size(TALC_BODY_RESERVE), 0);
    assert_int_equal(talc_pack_fragment_size(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_records_fill_a_body),
        cmocka_unit_test(nothing_to_pack),
        cmocka_unit_test(a_large_record),
        cmocka_unit_test(a_record_above_all_limits),
        cmocka_unit_test(packing_from_inside_a_record),
        cmocka_unit_test(records_in_one_body_are_bounded),
        cmocka_unit_test(every_limit),
        cmocka_unit_test(a_record_of_the_usual_size_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
