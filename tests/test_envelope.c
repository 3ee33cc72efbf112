/* SPDX-License-Identifier: MIT */

/* Reading envelopes: what is accepted, what is refused, and what memory it costs. What was read is
 * written again to see that nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "records/envelope.h"
#include "vectors.h"

#define TEXT_MAX 16384
#define MEMORY_MAX 81920 /* what cJSON may hold at once for any text of TEXT_MAX characters */

/* --- What cJSON allocates: the size stands before each allocation --- */

static size_t memory_held;
static size_t memory_peak;
static size_t allocations_left = SIZE_MAX;

static void *counted_malloc(size_t size)
{
    max_align_t *block = allocations_left == 0 ? NULL : malloc(size + sizeof *block);
    if (block == NULL) {
        return NULL;
    }
    allocations_left--;
    memcpy(block, &size, sizeof size);
    memory_held += size;
    memory_peak = memory_held > memory_peak ? memory_held : memory_peak;
    return block + 1;
}

static void counted_free(void *memory)
{
    size_t size = 0;
    if (memory != NULL) {
        max_align_t *block = (max_align_t *)memory - 1;
        memcpy(&size, block, sizeof size);
        memory_held -= size;
        free(block);
    }
}

/* Reads with cJSON allowed this many allocations; leaves the peak in memory_peak. */
static talc_status read_counted(const char *text, size_t size, talc_envelope *envelope,
                                size_t allocations)
{
    cJSON_Hooks hooks = { counted_malloc, counted_free };
    memory_peak = 0;
    allocations_left = allocations;
    cJSON_InitHooks(&hooks);
    talc_status status = talc_envelope_read(text, size, TEXT_MAX, envelope);
    cJSON_InitHooks(NULL);
    assert_int_equal(memory_held, 0);
    return status;
}

/* --- Vectors --- */

static void assert_empty(const char *name, const talc_envelope *envelope)
{
    static const talc_envelope empty;
    if (memcmp(envelope, &empty, sizeof empty) != 0) {
        fail_msg("%s leaves something in the envelope", name);
    }
}

static void assert_number(const char *name, const cJSON *row, const char *key, uint64_t value)
{
    if (vector_number(row, key, 0) != value) {
        fail_msg("%s: %s is %llu", name, key, (unsigned long long)value);
    }
}

static void assert_text(const char *name, const cJSON *row, const char *key, const char *text)
{
    const char *expected = vector_string(row, key);
    if (strcmp(text, expected == NULL ? "" : expected) != 0) {
        fail_msg("%s: %s is \"%s\"", name, key, text);
    }
}

static void assert_bytes(const char *name, const cJSON *row, const char *key, const uint8_t *bytes,
                         size_t size)
{
    size_t expected_size = 0;
    if (vector_string(row, key) == NULL) {
        assert_int_equal(size, 0);
        return;
    }
    uint8_t *expected = vector_bytes(row, key, &expected_size);
    if (size != expected_size || memcmp(bytes, expected, size) != 0) {
        fail_msg("%s: %s differs", name, key);
    }
    free(expected);
}

static void assert_pieces(const char *name, const cJSON *row, const talc_envelope *envelope)
{
    const cJSON *pieces = cJSON_GetObjectItemCaseSensitive(row, "pieces");
    const uint8_t *position = envelope->range;
    assert_int_equal(envelope->piece_count, cJSON_GetArraySize(pieces));
    for (size_t i = 0; i < envelope->piece_count; i++) {
        const talc_piece *piece = &envelope->pieces[i];
        const cJSON *expected = cJSON_GetArrayItem(pieces, (int)i);
        assert_number(name, expected, "t", piece->type);
        assert_number(name, expected, "v", piece->version);
        assert_number(name, expected, "l", piece->length);
        assert_number(name, expected, "open", piece->open);
        assert_number(name, expected, "p", piece->continues);
        assert_number(name, expected, "size", piece->fragment_size);
        position += piece->continues ? 0 : TALC_RECORD_HEADER_SIZE;
        assert_ptr_equal(piece->fragment, position);
        position += piece->fragment_size;
    }
    assert_true(position == NULL || position == envelope->range + envelope->range_size);
    assert_int_equal(talc_envelope_range_size(envelope), envelope->range_size);
}

static void assert_model(const char *name, const cJSON *row, const talc_envelope *envelope)
{
    assert_number(name, row, "i", envelope->request);
    assert_number(name, row, "n", envelope->offset);
    assert_number(name, row, "a", envelope->acknowledged);
    assert_number(name, row, "b", envelope->body_limit);
    assert_number(name, row, "w", envelope->hold_s);
    assert_number(name, row, "m", envelope->more);
    assert_text(name, row, "e", talc_envelope_error_sent(envelope));
    assert_text(name, row, "c", envelope->cookie);
    assert_bytes(name, row, "g", envelope->guard, envelope->has_guard ? TALC_GUARD_SIZE : 0);
    assert_bytes(name, row, "range", envelope->range, envelope->range_size);
    assert_pieces(name, row, envelope);
}

static void assert_written(const char *name, const talc_envelope *envelope, const char *expected)
{
    size_t expected_size = strlen(expected);
    size_t size = 0;
    char *text = vector_allocate(expected_size);
    talc_status status = talc_envelope_write(envelope, text, expected_size, &size);
    if (status != TALC_OK || size != expected_size || memcmp(text, expected, size) != 0) {
        fail_msg("%s: status %d, written as %.*s", name, status, (int)size, text);
    }
    free(text);
}

static void valid_vectors_are_read_and_written(void **state)
{
    (void)state;
    cJSON *rows = vectors_load("envelope-valid");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        const char *name = vector_string(row, "name");
        const char *written = vector_string(row, "written");
        talc_envelope envelope;
        size_t size = 0;
        char *text = vector_input(row, &size);
        talc_status status = talc_envelope_read(text, size, TEXT_MAX, &envelope);
        if (status != TALC_OK) {
            fail_msg("%s: status %d", name, status);
        }
        assert_model(name, cJSON_GetObjectItemCaseSensitive(row, "envelope"), &envelope);
        assert_written(name, &envelope, written == NULL ? vector_string(row, "text") : written);
        talc_envelope_clear(&envelope);
        assert_empty(name, &envelope);
        free(text);
    }
    cJSON_Delete(rows);
}

static void invalid_vectors_are_refused(void **state)
{
    (void)state;
    cJSON *rows = vectors_load("envelope-invalid");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        const char *name = vector_string(row, "name");
        const char *expected = vector_string(row, "status");
        size_t size_max = (size_t)vector_number(row, "size_max", TEXT_MAX);
        talc_envelope envelope;
        size_t size = 0;
        char *text = vector_input(row, &size);
        talc_status status = talc_envelope_read(text, size, size_max, &envelope);
        if (status != (expected == NULL ? TALC_ERROR_MALFORMED : TALC_ERROR_TOO_LARGE)) {
            fail_msg("%s: status %d", name, status);
        }
        assert_empty(name, &envelope);
        free(text);
    }
    cJSON_Delete(rows);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    cJSON *rows = vectors_load("envelope-valid");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        const char *text = vector_string(row, "text");
        const char *last = strrchr(text, '}');
        for (size_t size = 0; size < (size_t)(last - text); size++) {
            talc_envelope envelope;
            char *cut = memcpy(vector_allocate(size), text, size);
            if (talc_envelope_read(cut, size, TEXT_MAX, &envelope) != TALC_ERROR_MALFORMED) {
                fail_msg("%s is accepted when cut at %zu", vector_string(row, "name"), size);
            }
            free(cut);
        }
    }
    cJSON_Delete(rows);
}

static void size_limit_is_exact(void **state)
{
    (void)state;
    static const char text[] = "{\"i\":1}";
    talc_envelope envelope;
    assert_int_equal(talc_envelope_read(text, 7, 7, &envelope), TALC_OK);
    assert_int_equal(talc_envelope_read(text, 7, 6, &envelope), TALC_ERROR_TOO_LARGE);
    assert_int_equal(talc_envelope_read(NULL, 0, 0, &envelope), TALC_ERROR_MALFORMED);
    assert_int_equal(talc_envelope_read(NULL, 1, 0, &envelope), TALC_ERROR_TOO_LARGE);
}

/* --- Memory --- */

/* Texts of TEXT_MAX characters that ask for as much as they can. */
static const struct greedy_case {
    const char *name, *start, *repeated, *end;
} greedy_cases[] = {
    { "values", "{\"i\":1,\"x\":[0", ",0", "]}" },
    { "empty strings", "{\"i\":1,\"x\":[0", ",\"\"", "]}" },
    { "objects", "{\"i\":1,\"x\":[0", ",{}", "]}" },
    { "members", "{\"i\":1", ",\"\":0", "}" },
    { "members of 31", "{\"i\":1", ",\"xxxxxxxxxxxxxxx\":\"xxxxxxxxxxxx\"", "}" },
    { "members of 44", "{\"i\":1", ",\"xxxxxxxxxxxxxxxxxxx\":\"xxxxxxxxxxxxxxxxxxx\"", "}" },
    { "one string", "{\"i\":1,\"x\":\"", "x", "\"}" },
    { "one key", "{\"i\":1,\"", "x", "\":0}" },
    { "escapes", "{\"i\":1,\"x\":\"", "\\u0041", "\"}" },
    { "one number", "{\"i\":1,\"x\":", "1", "}" },
    { "records", "{\"i\":1,\"n\":0,\"r\":[{\"f\":\"AA\"}", ",{\"f\":\"AA\"}", "]}" },
    { "depth", "{\"i\":1,\"x\":", "[", "" },
};

static size_t build_greedy(const struct greedy_case *greedy, char text[TEXT_MAX + 1])
{
    size_t step = strlen(greedy->repeated);
    size_t size = strlen(greedy->start);
    memcpy(text, greedy->start, size);
    while (size + step + strlen(greedy->end) <= TEXT_MAX) {
        memcpy(text + size, greedy->repeated, step);
        size += step;
    }
    memcpy(text + size, greedy->end, strlen(greedy->end));
    return size + strlen(greedy->end);
}

static void hostile_text_buys_little_memory(void **state)
{
    (void)state;
    size_t most = 0;
    for (size_t i = 0; i < sizeof greedy_cases / sizeof greedy_cases[0]; i++) {
        char text[TEXT_MAX + 1];
        talc_envelope envelope;
        size_t size = build_greedy(&greedy_cases[i], text);
        read_counted(text, size, &envelope, SIZE_MAX);
        talc_envelope_clear(&envelope);
        if (memory_peak > MEMORY_MAX) {
            fail_msg("%s: %zu bytes", greedy_cases[i].name, memory_peak);
        }
        most = memory_peak > most ? memory_peak : most;
    }
    assert_true(most > TEXT_MAX); /* the hooks do count */
}

/* What the scan refuses costs cJSON nothing. */
static void refused_grammar_reaches_no_parser(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"i\":1,}", "{\"i\":01}", "{\"i\":1,\"x\":[[[[1]]]]}", "{\"i\":1,\"x\":\"\\n\"}",
        "[]",         "{\"i\":1}{"
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        talc_envelope envelope;
        assert_int_equal(read_counted(texts[i], strlen(texts[i]), &envelope, SIZE_MAX),
                         TALC_ERROR_MALFORMED);
        assert_int_equal(memory_peak, 0);
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    static const char text[] = "{\"i\":7,\"n\":1,\"r\":[{\"t\":22,\"f\":\"AQ\"}],\"e\":\"x\"}";
    talc_envelope envelope;
    size_t allowed = 0;
    while (read_counted(text, strlen(text), &envelope, allowed) == TALC_ERROR_MEMORY) {
        assert_empty(text, &envelope);
        allowed++;
    }
    assert_int_equal(envelope.range_size, 6);
    assert_true(allowed > 7); /* one for each value at least */
    talc_envelope_clear(&envelope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_vectors_are_read_and_written),
        cmocka_unit_test(invalid_vectors_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(size_limit_is_exact),
        cmocka_unit_test(hostile_text_buys_little_memory),
        cmocka_unit_test(refused_grammar_reaches_no_parser),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
