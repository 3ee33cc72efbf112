/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_VECTORS_H
#define TALC_TESTS_VECTORS_H

/**
 * Reads the vectors of tests/vectors/ (README.md there says what is in them). Include it after
 * cmocka.h; whatever is wrong with a file fails the test. Tests run in the root of the tree.
 */

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS_SIZE_MAX (1 << 20)

/** The rows of "<name>.json"; the caller deletes them. */
static inline cJSON *vectors_load(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/vectors/%s.json", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s cannot be opened; tests run in the root of the tree", path);
    }
    char *text = malloc(VECTORS_SIZE_MAX);
    assert_non_null(text);
    size_t size = fread(text, 1, VECTORS_SIZE_MAX, file);
    fclose(file);
    cJSON *rows = cJSON_ParseWithLength(text, size);
    free(text);
    assert_true(cJSON_IsArray(rows));
    assert_true(cJSON_GetArraySize(rows) > 0);
    return rows;
}

/** The string under `key`; NULL if there is none. */
static inline const char *vector_string(const cJSON *row, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, key));
}

/** The number under `key`; `otherwise` if there is none. */
static inline uint64_t vector_number(const cJSON *row, const char *key, uint64_t otherwise)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, key);
    return cJSON_IsNumber(value) ? (uint64_t)value->valuedouble : otherwise;
}

/** An allocation of exactly `size` bytes, so that a sanitizer sees a read past its end. */
static inline void *vector_allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    assert_non_null(memory);
    return memory;
}

/** The bytes that a hexadecimal string under `key` stands for; the caller frees them. */
static inline uint8_t *vector_bytes(const cJSON *row, const char *key, size_t *size)
{
    const char *hex = vector_string(row, key);
    assert_non_null(hex);
    *size = strlen(hex) / 2;
    uint8_t *bytes = vector_allocate(*size);
    for (size_t i = 0; i < *size; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return bytes;
}

/** What `parts` make together: each `text`, `count` times. */
static inline char *vector_join(const cJSON *parts, size_t *size)
{
    const cJSON *part = NULL;
    *size = 0;
    cJSON_ArrayForEach(part, parts)
    {
        *size += strlen(vector_string(part, "text")) * vector_number(part, "count", 0);
    }
    char *text = vector_allocate(*size);
    char *end = text;
    cJSON_ArrayForEach(part, parts)
    {
        const char *piece = vector_string(part, "text");
        for (uint64_t i = 0; i < vector_number(part, "count", 0); i++) {
            memcpy(end, piece, strlen(piece));
            end += strlen(piece);
        }
    }
    return text;
}

/** The input of a row: its `text`, `hex` or `parts`. The caller frees it; no NUL follows. */
static inline char *vector_input(const cJSON *row, size_t *size)
{
    const char *text = vector_string(row, "text");
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(row, "parts");
    if (parts != NULL) {
        return vector_join(parts, size);
    }
    if (text == NULL) {
        return (char *)vector_bytes(row, "hex", size);
    }
    *size = strlen(text);
    return memcpy(vector_allocate(*size), text, *size);
}

#endif
