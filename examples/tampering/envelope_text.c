/* SPDX-License-Identifier: MIT */
#include "envelope_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_HEADER_SIZE 5

/* ---------------------------------------------------------------- base64url */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_write(const uint8_t *bytes, size_t size, char *text)
{
    unsigned bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffffu;
        for (count += 8; count >= 6; count -= 6) {
            *text++ = alphabet[bits >> (count - 6) & 63u];
        }
    }
    if (count > 0) {
        *text++ = alphabet[bits << (6 - count) & 63u];
    }
    *text = 0;
}

size_t base64url_read(const char *text, size_t size, uint8_t *bytes, size_t capacity)
{
    unsigned bits = 0;
    unsigned count = 0;
    size_t written = 0;
    for (size_t i = 0; i < size; i++) {
        const char *at = text[i] != 0 ? strchr(alphabet, text[i]) : NULL;
        if (at == NULL) {
            return 0;
        }
        bits = (bits << 6 | (unsigned)(at - alphabet)) & 0xffffu;
        count += 6;
        if (count >= 8) {
            if (written == capacity) {
                return 0;
            }
            count -= 8;
            bytes[written++] = (uint8_t)(bits >> count);
        }
    }
    return written;
}

/* ---------------------------------------------------------------- parts */

bool envelope_text_set(envelope_text *text, const void *bytes, size_t size)
{
    if (size > ENVELOPE_TEXT_MAX) {
        return false;
    }
    if (size > 0) {
        memmove(text->bytes, bytes, size);
    }
    text->size = size;
    text->bytes[size] = 0;
    return true;
}

bool envelope_text_replace(envelope_text *text, text_span part, const void *with, size_t size)
{
    size_t behind = part.begin + part.size;
    if (behind > text->size || text->size - part.size + size > ENVELOPE_TEXT_MAX) {
        return false;
    }
    memmove(text->bytes + part.begin + size, text->bytes + behind, text->size - behind + 1);
    if (size > 0) {
        memcpy(text->bytes + part.begin, with, size);
    }
    text->size = text->size - part.size + size;
    return true;
}

/* ---------------------------------------------------------------- JSON */

/* Behind the string that begins at `at`; the end of the text if it has none. */
static size_t behind_string(const envelope_text *text, size_t at)
{
    const char *end = memchr(text->bytes + at + 1, '"', text->size - at - 1);
    return end != NULL ? (size_t)(end - text->bytes) + 1 : text->size;
}

/* Behind the value that begins at `at`: where its comma or the end of its object stands. */
static size_t behind_value(const envelope_text *text, size_t at)
{
    unsigned depth = 0;
    while (at < text->size) {
        char c = text->bytes[at];
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
            break;
        }
        if (c == '"') {
            at = behind_string(text, at);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at++;
    }
    return at;
}

bool envelope_text_next(const envelope_text *text, size_t *at, text_member *member)
{
    size_t begin = *at;
    if (begin >= text->size || (text->bytes[begin] != '{' && text->bytes[begin] != ',')) {
        return false;
    }
    begin++;
    if (begin >= text->size || text->bytes[begin] != '"') {
        return false;
    }
    size_t colon = behind_string(text, begin);
    if (colon >= text->size || text->bytes[colon] != ':') {
        return false;
    }
    size_t end = behind_value(text, colon + 1);
    member->whole = (text_span){ begin, end - begin };
    member->key = (text_span){ begin + 1, colon - begin - 2 };
    member->value = (text_span){ colon + 1, end - colon - 1 };
    *at = end;
    return true;
}

static bool is_text(const envelope_text *text, text_span part, const char *wanted)
{
    return part.size == strlen(wanted) && memcmp(text->bytes + part.begin, wanted, part.size) == 0;
}

static bool find_from(const envelope_text *text, size_t at, const char *key, text_member *member)
{
    while (envelope_text_next(text, &at, member)) {
        if (is_text(text, member->key, key)) {
            return true;
        }
    }
    return false;
}

bool envelope_text_find(const envelope_text *text, const char *key, text_member *member)
{
    return find_from(text, 0, key, member);
}

unsigned long long envelope_text_number(const envelope_text *text, const char *key,
                                        unsigned long long fallback)
{
    text_member member;
    if (!envelope_text_find(text, key, &member)) {
        return fallback;
    }
    char *end;
    unsigned long long number = strtoull(text->bytes + member.value.begin, &end, 10);
    return end == text->bytes + member.value.begin ? fallback : number;
}

bool envelope_text_set_number(envelope_text *text, const char *key, unsigned long long number)
{
    char written[48];
    text_member member;
    if (envelope_text_find(text, key, &member)) {
        int size = snprintf(written, sizeof written, "%llu", number);
        return envelope_text_replace(text, member.value, written, (size_t)size);
    }
    if (!envelope_text_find(text, "i", &member)) {
        return false;
    }
    int size = snprintf(written, sizeof written, ",\"%s\":%llu", key, number);
    text_span behind = { member.whole.begin + member.whole.size, 0 };
    return envelope_text_replace(text, behind, written, (size_t)size);
}

bool envelope_text_remove(envelope_text *text, const char *key)
{
    text_member member;
    if (!envelope_text_find(text, key, &member)) {
        return false;
    }
    text_span part = member.whole;
    if (text->bytes[part.begin - 1] == ',') {
        part.begin--;
        part.size++;
    } else if (text->bytes[part.begin + part.size] == ',') {
        part.size++;
    }
    return envelope_text_replace(text, part, NULL, 0);
}

/* ---------------------------------------------------------------- records */

bool envelope_text_record(const envelope_text *text, size_t number, text_span *object)
{
    text_member records;
    if (!envelope_text_find(text, "r", &records) || text->bytes[records.value.begin] != '[') {
        return false;
    }
    size_t at = records.value.begin + 1;
    while (at < text->size && text->bytes[at] == '{') {
        size_t end = behind_value(text, at);
        *object = (text_span){ at, end - at };
        if (number-- == 0) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

bool envelope_text_fragment(const envelope_text *text, size_t number, text_span *characters)
{
    text_span object;
    text_member fragment;
    if (!envelope_text_record(text, number, &object) ||
        !find_from(text, object.begin, "f", &fragment) || fragment.value.size < 2) {
        return false;
    }
    *characters = (text_span){ fragment.value.begin + 1, fragment.value.size - 2 };
    return true;
}

size_t envelope_text_fragment_bytes(const envelope_text *text, size_t number, uint8_t *bytes,
                                    size_t capacity)
{
    text_span characters;
    if (!envelope_text_fragment(text, number, &characters)) {
        return 0;
    }
    return base64url_read(text->bytes + characters.begin, characters.size, bytes, capacity);
}

bool envelope_text_set_fragment(envelope_text *text, size_t number, const uint8_t *bytes,
                                size_t size)
{
    char written[ENVELOPE_TEXT_MAX + 1];
    text_span characters;
    if (size > ENVELOPE_TEXT_MAX / 4 * 3 || !envelope_text_fragment(text, number, &characters)) {
        return false;
    }
    base64url_write(bytes, size, written);
    return envelope_text_replace(text, characters, written, strlen(written));
}

/* An object with `p` goes on with a record; all others begin one. */
static size_t header_size(const envelope_text *text, text_span object)
{
    text_member member;
    return find_from(text, object.begin, "p", &member) && is_text(text, member.value, "1")
               ? 0
               : RECORD_HEADER_SIZE;
}

size_t envelope_text_range_size(const envelope_text *text)
{
    uint8_t bytes[ENVELOPE_TEXT_MAX];
    text_span object;
    size_t size = 0;
    for (size_t i = 0; envelope_text_record(text, i, &object); i++) {
        size += header_size(text, object);
        size += envelope_text_fragment_bytes(text, i, bytes, sizeof bytes);
    }
    return size;
}
