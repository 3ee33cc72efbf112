/* SPDX-License-Identifier: MIT */

/* The TLS record header, and the cutting of a stream into records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "records/record.h"

static const struct header_case {
    const char *name;
    uint8_t bytes[TALC_RECORD_HEADER_SIZE];
    talc_status status;
    talc_record_header header;
} header_cases[] = {
    { "ClientHello", { 22, 3, 1, 0, 200 }, TALC_OK, { 22, 0x0301, 200 } },
    { "handshake", { 22, 3, 3, 1, 0 }, TALC_OK, { 22, 0x0303, 256 } },
    { "change_cipher_spec", { 20, 3, 3, 0, 1 }, TALC_OK, { 20, 0x0303, 1 } },
    { "alert", { 21, 3, 3, 0, 2 }, TALC_OK, { 21, 0x0303, 2 } },
    { "ecc", { 23, 0xec, 1, 0, 17 }, TALC_OK, { 23, 0xec01, 17 } },
    { "largest", { 23, 3, 3, 0x48, 0 }, TALC_OK, { 23, 0x0303, 18432 } },
    { "one too long", { 23, 3, 3, 0x48, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "longest", { 23, 3, 3, 0xff, 0xff }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "empty", { 23, 3, 3, 0, 0 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "type 0", { 0, 3, 3, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "type 19", { 19, 3, 3, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "heartbeat", { 24, 3, 3, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "type 255", { 255, 3, 3, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "SSL 3", { 22, 3, 0, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "TLS 1.1", { 22, 3, 2, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "TLS 1.3 in clear", { 22, 3, 4, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "DTLS 1.2", { 22, 0xfe, 0xfd, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "bytes of the version swapped", { 22, 1, 3, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "ecc next version", { 22, 0xec, 2, 0, 1 }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
    { "HTTP", { 'G', 'E', 'T', ' ', '/' }, TALC_ERROR_MALFORMED, { 0, 0, 0 } },
};

static void assert_header_equal(const talc_record_header *left, const talc_record_header *right)
{
    assert_int_equal(left->type, right->type);
    assert_int_equal(left->version, right->version);
    assert_int_equal(left->length, right->length);
}

static void headers_are_read_and_built(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof header_cases / sizeof header_cases[0]; i++) {
        const struct header_case *expected = &header_cases[i];
        talc_record_header header = { 0, 0, 0 };
        uint8_t bytes[TALC_RECORD_HEADER_SIZE];
        talc_status status = talc_record_header_parse(expected->bytes, 5, &header);
        if (status != expected->status) {
            fail_msg("%s: status %d", expected->name, status);
        }
        assert_header_equal(&header, &expected->header);
        if (status == TALC_OK) {
            talc_record_header_build(&header, bytes);
            assert_memory_equal(bytes, expected->bytes, sizeof bytes);
        }
    }
}

static void short_header_wants_input(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 22, 3, 3, 0, 1, 0xaa };
    talc_record_header header = { 0, 0, 0 };
    for (size_t size = 0; size < 5; size++) {
        assert_int_equal(talc_record_header_parse(bytes, size, &header), TALC_WANT_INPUT);
        assert_int_equal(header.type, 0);
    }
    assert_int_equal(talc_record_header_parse(bytes, 6, &header), TALC_OK);
}

/* Three records in 5 + 3, 5 + 1 and 5 + 300 bytes. */
static const talc_record_header stream_headers[] = { { 22, 0x0301, 3 },
                                                     { 20, 0x0303, 1 },
                                                     { 23, 0x0303, 300 } };
static const uint64_t stream_offsets[] = { 0, 8, 14 };
#define STREAM_SIZE 319

static void build_stream(uint8_t stream[STREAM_SIZE])
{
    memset(stream, 0xff, STREAM_SIZE);
    for (size_t i = 0; i < 3; i++) {
        talc_record_header_build(&stream_headers[i], stream + stream_offsets[i]);
    }
}

/* Hands the stream over in pieces of this size; every record must be reported as soon as its last
 * byte is there. */
static void assert_splits(const uint8_t *stream, size_t piece_size, uint64_t start)
{
    talc_record_splitter splitter;
    size_t records = 0;
    size_t position = 0;
    talc_record_splitter_init(&splitter, start);
    while (position < STREAM_SIZE) {
        talc_record_header header;
        size_t left = STREAM_SIZE - position;
        size_t size = left < piece_size ? left : piece_size;
        size_t used = SIZE_MAX;
        talc_status status =
            talc_record_splitter_next(&splitter, stream + position, size, &used, &header);
        assert_true(used <= size);
        position += used;
        assert_int_equal(splitter.stream_offset, start + position);
        if (status == TALC_WANT_INPUT) {
            assert_int_equal(used, size);
            continue;
        }
        assert_int_equal(status, TALC_OK);
        assert_in_range(records, 0, 2);
        assert_header_equal(&header, &stream_headers[records]);
        assert_int_equal(splitter.record_offset, start + stream_offsets[records]);
        assert_int_equal(position, stream_offsets[records] + 5 + header.length);
        records++;
    }
    assert_int_equal(records, 3);
}

static void stream_is_split_however_it_is_cut(void **state)
{
    (void)state;
    uint8_t stream[STREAM_SIZE];
    build_stream(stream);
    for (size_t piece_size = 1; piece_size <= STREAM_SIZE; piece_size++) {
        assert_splits(stream, piece_size, 0);
    }
    assert_splits(stream, 7, 9007199254740000u);
}

static void nothing_more_than_wants_input(void **state)
{
    (void)state;
    talc_record_splitter splitter;
    talc_record_header header;
    size_t used = SIZE_MAX;
    talc_record_splitter_init(&splitter, 7);
    assert_int_equal(talc_record_splitter_next(&splitter, NULL, 0, &used, &header),
                     TALC_WANT_INPUT);
    assert_int_equal(used, 0);
    assert_int_equal(splitter.stream_offset, 7);
}

static void bad_header_sticks(void **state)
{
    (void)state;
    static const uint8_t bad[] = { 22, 3, 3, 0, 1, 0xaa, 24, 3, 3, 0, 1, 0xaa };
    static const uint8_t good[] = { 22, 3, 3, 0, 1, 0xaa };
    talc_record_splitter splitter;
    talc_record_header header;
    size_t used = 0;
    talc_record_splitter_init(&splitter, 0);
    assert_int_equal(talc_record_splitter_next(&splitter, bad, sizeof bad, &used, &header),
                     TALC_OK);
    assert_int_equal(used, 6);
    /* The fifth byte of the header decides, not one before it. */
    assert_int_equal(talc_record_splitter_next(&splitter, bad + 6, 4, &used, &header),
                     TALC_WANT_INPUT);
    assert_int_equal(talc_record_splitter_next(&splitter, bad + 10, 2, &used, &header),
                     TALC_ERROR_MALFORMED);
    assert_int_equal(used, 1);
    assert_int_equal(talc_record_splitter_next(&splitter, good, sizeof good, &used, &header),
                     TALC_ERROR_MALFORMED);
    assert_int_equal(used, 0);
    assert_int_equal(splitter.record_offset, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_and_built),
        cmocka_unit_test(short_header_wants_input),
        cmocka_unit_test(stream_is_split_however_it_is_cut),
        cmocka_unit_test(nothing_more_than_wants_input),
        cmocka_unit_test(bad_header_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
