/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/fragment_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"

#define FRAGMENT_SIZE_MAX 16640
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* base64url without padding (RFC 4648 section 5). Returns the bytes, `*taken` the characters. */
static size_t decode(const char *text, const char *end, uint8_t bytes[FRAGMENT_SIZE_MAX],
                     size_t *taken)
{
    uint32_t bits = 0;
    size_t size = 0, at = 0;
    for (; text + at < end && text[at] != 0; at++) {
        const char *found = strchr(ALPHABET, text[at]);
        if (found == NULL) {
            break;
        }
        bits = bits << 6 | (uint32_t)(found - ALPHABET);
        if (at % 4 != 0) {
            assert_true(size < FRAGMENT_SIZE_MAX);
            bytes[size++] = (uint8_t)(bits >> (6 - 2 * (at % 4)));
        }
    }
    *taken = at;
    return size;
}

/* Where a digest stands or belongs. */
static size_t place_of(const fragment_set *set, const uint8_t digest[FRAGMENT_DIGEST_SIZE])
{
    size_t first = 0, last = set->count;
    while (first < last) {
        size_t middle = (first + last) / 2;
        if (memcmp(set->digests[middle], digest, FRAGMENT_DIGEST_SIZE) < 0) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return first;
}

static void add(fragment_set *set, const uint8_t *bytes, size_t size)
{
    uint8_t digest[FRAGMENT_DIGEST_SIZE];
    assert_int_equal(talc_sha256(bytes, size, digest), TALC_OK);
    size_t place = place_of(set, digest);
    if (place < set->count && memcmp(set->digests[place], digest, sizeof digest) == 0) {
        return;
    }
    if (set->count == set->capacity) {
        set->capacity = set->capacity > 0 ? 2 * set->capacity : 256;
        set->digests = realloc(set->digests, set->capacity * sizeof *set->digests);
        assert_non_null(set->digests);
    }
    memmove(set->digests + place + 1, set->digests + place,
            (set->count - place) * sizeof *set->digests);
    memcpy(set->digests[place], digest, sizeof digest);
    set->count++;
}

size_t fragment_set_scan(fragment_set *set, const void *text, size_t size, const char *beginning)
{
    static uint8_t bytes[FRAGMENT_SIZE_MAX];
    size_t beginning_size = strlen(beginning), taken;
    const char *at = text, *end = at + size, *found;
    while ((found = memmem(at, (size_t)(end - at), beginning, beginning_size)) != NULL) {
        size_t fragment_size = decode(found + beginning_size, end, bytes, &taken);
        if (found + beginning_size + taken == end) {
            return (size_t)(found - (const char *)text);
        }
        add(set, bytes, fragment_size);
        at = found + beginning_size + taken;
    }
    size_t left = (size_t)(end - at);
    return size - (left < beginning_size ? left : beginning_size - 1);
}

void fragment_set_scan_lines(fragment_set *set, const char *path, const char *word,
                             const char *beginning)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("there is no %s", path);
        return;
    }
    while ((size = getline(&line, &capacity, file)) >= 0) {
        if (strstr(line, word) != NULL) {
            fragment_set_scan(set, line, (size_t)size, beginning);
        }
    }
    free(line);
    fclose(file);
}

bool fragment_set_equal(const fragment_set *one, const fragment_set *other)
{
    return one->count == other->count &&
           (one->count == 0 ||
            memcmp(one->digests, other->digests, one->count * sizeof *one->digests) == 0);
}

void fragment_set_clear(fragment_set *set)
{
    free(set->digests);
    *set = (fragment_set){ 0 };
}
