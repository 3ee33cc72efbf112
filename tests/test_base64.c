/* SPDX-License-Identifier: MIT */

/* base64url: every byte string has one text, and no other text is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "records/base64.h"
#include "vectors.h"

#define SIZE_COUNT 400 /* some chunks of the implementation, and all rests */

static void assert_encodes(const char *name, const uint8_t *bytes, size_t size, const char *text)
{
    size_t text_size = talc_base64_encoded_size(size);
    if (text_size != strlen(text)) {
        fail_msg("%s: %zu characters expected, %zu announced", name, strlen(text), text_size);
    }
    char *encoded = vector_allocate(text_size);
    if (talc_base64_encode(bytes, size, encoded, text_size) != TALC_OK ||
        memcmp(encoded, text, text_size) != 0) {
        fail_msg("%s: encoded as %.*s", name, (int)text_size, encoded);
    }
    free(encoded);
}

static void assert_decodes(const char *name, const char *text, const uint8_t *bytes, size_t size)
{
    /* Exact allocations on both sides: a byte read or written beyond them is found. */
    size_t text_size = strlen(text);
    char *input = memcpy(vector_allocate(text_size), text, text_size);
    uint8_t *decoded = vector_allocate(size);
    if (talc_base64_decoded_size(text_size) != size ||
        talc_base64_decode(input, text_size, decoded, size) != TALC_OK ||
        memcmp(decoded, bytes, size) != 0) {
        fail_msg("%s does not decode to its bytes", name);
    }
    free(decoded);
    free(input);
}

static void assert_refused(const char *name, const cJSON *row)
{
    uint8_t decoded[256];
    uint8_t untouched[256];
    size_t size = 0;
    char *input = vector_input(row, &size);
    memset(decoded, 0x5a, sizeof decoded);
    memset(untouched, 0x5a, sizeof untouched);
    if (talc_base64_decode(input, size, decoded, sizeof decoded) != TALC_ERROR_MALFORMED) {
        fail_msg("%s is accepted", name);
    }
    assert_memory_equal(decoded, untouched, sizeof decoded);
    free(input);
}

static void keeps_the_vectors(void **state)
{
    (void)state;
    cJSON *rows = vectors_load("base64");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        const char *name = vector_string(row, "name");
        size_t size = 0;
        if (name[0] == 'n') {
            assert_refused(name, row);
            continue;
        }
        uint8_t *bytes = vector_bytes(row, "bytes", &size);
        assert_encodes(name, bytes, size, vector_string(row, "text"));
        assert_decodes(name, vector_string(row, "text"), bytes, size);
        free(bytes);
    }
    cJSON_Delete(rows);
}

static void every_size_survives_the_round_trip(void **state)
{
    (void)state;
    for (size_t size = 0; size < SIZE_COUNT; size++) {
        uint8_t bytes[SIZE_COUNT];
        uint8_t decoded[SIZE_COUNT];
        char text[SIZE_COUNT * 2];
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(i * 37 + size * 11);
        }
        size_t text_size = talc_base64_encoded_size(size);
        assert_int_equal(text_size, (size * 4 + 2) / 3);
        text[text_size] = '#';
        assert_int_equal(talc_base64_encode(bytes, size, text, sizeof text), TALC_OK);
        assert_int_equal(text[text_size], '#');
        assert_int_equal(talc_base64_decode(text, text_size, decoded, sizeof decoded), TALC_OK);
        assert_memory_equal(decoded, bytes, size);
    }
}

/* The 64 characters and no other byte, in every place of a group. */
static void only_the_alphabet_is_accepted(void **state)
{
    (void)state;
    for (int place = 0; place < 4; place++) {
        int accepted = 0;
        for (int byte = 0; byte < 256; byte++) {
            char text[4] = { 'A', 'A', 'A', 'A' };
            uint8_t bytes[3];
            text[place] = (char)byte;
            accepted += talc_base64_decode(text, 4, bytes, sizeof bytes) == TALC_OK;
        }
        assert_int_equal(accepted, 64);
    }
}

/* 2 characters hold 1 byte and 3 hold 2: of 4096 and 262144 texts just 256 and 65536 are one. */
static void each_byte_string_has_one_text(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t accepted[4] = { 0, 0, 0, 0 };
    for (size_t number = 0; number < 64 * 64 * 64; number++) {
        const char text[3] = { alphabet[number & 63], alphabet[number >> 6 & 63],
                               alphabet[number >> 12] };
        uint8_t bytes[2];
        accepted[3] += talc_base64_decode(text, 3, bytes, sizeof bytes) == TALC_OK;
        if (number < 64 * 64) {
            accepted[2] += talc_base64_decode(text, 2, bytes, sizeof bytes) == TALC_OK;
        }
    }
    assert_int_equal(accepted[2], 256);
    assert_int_equal(accepted[3], 65536);
}

static void sizes_are_exact_and_do_not_wrap(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        size_t chars;
    } table[] = { { 0, 0 },  { 1, 2 },   { 2, 3 },   { 3, 4 },        { 4, 6 },
                  { 8, 11 }, { 12, 16 }, { 32, 43 }, { 18432, 24576 } };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(talc_base64_encoded_size(table[i].bytes), table[i].chars);
        assert_int_equal(talc_base64_decoded_size(table[i].chars), table[i].bytes);
    }
    assert_int_equal(talc_base64_decoded_size(1), 0);
    assert_int_equal(talc_base64_decoded_size(5), 3);
    assert_true(talc_base64_encoded_size(SIZE_MAX) == SIZE_MAX);
    assert_true(talc_base64_encoded_size(SIZE_MAX / 4 * 3 + 3) == SIZE_MAX);
    assert_true(talc_base64_encoded_size(SIZE_MAX / 8) > SIZE_MAX / 8);
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    static const uint8_t input[4] = { 1, 2, 3, 4 };
    uint8_t bytes[4] = { 9, 9, 9, 9 };
    char text[6] = { '#', '#', '#', '#', '#', '#' };
    assert_int_equal(talc_base64_encode(input, 4, text, 5), TALC_ERROR_TOO_LARGE);
    assert_memory_equal(text, "######", 6);
    assert_int_equal(talc_base64_encode(input, SIZE_MAX, text, 6), TALC_ERROR_TOO_LARGE);
    assert_int_equal(talc_base64_encode(input, 4, text, 6), TALC_OK);
    assert_int_equal(talc_base64_decode(text, 6, bytes, 3), TALC_ERROR_TOO_LARGE);
    assert_memory_equal(bytes, "\x09\x09\x09\x09", 4);
    assert_int_equal(talc_base64_decode(text, 6, bytes, 4), TALC_OK);
    assert_memory_equal(bytes, input, 4);
    assert_int_equal(talc_base64_encode(NULL, 0, NULL, 0), TALC_OK);
    assert_int_equal(talc_base64_decode(NULL, 0, NULL, 0), TALC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_vectors),
        cmocka_unit_test(every_size_survives_the_round_trip),
        cmocka_unit_test(only_the_alphabet_is_accepted),
        cmocka_unit_test(each_byte_string_has_one_text),
        cmocka_unit_test(sizes_are_exact_and_do_not_wrap),
        cmocka_unit_test(what_does_not_fit_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
