/* SPDX-License-Identifier: MIT */
#include "records/json_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "records/text_writer.h"

#define NUMBER_MAX 9007199254740991u /* 2^53-1: a double still holds it exactly */
#define NUMBER_DIGITS_MAX 16         /* so it cannot overflow a uint64_t before it is compared */
#define END_OF_TEXT (-1)

typedef struct talc_json_reader {
    const char *text;
    size_t size;
    size_t position;
    size_t depth_left;
    size_t values_left;
    talc_text_writer copy; /* what is dropped or undone only makes it shorter than the text */
} talc_json_reader;

static talc_status scan_value(talc_json_reader *reader);

static int peek(const talc_json_reader *reader)
{
    if (reader->position >= reader->size) {
        return END_OF_TEXT;
    }
    return (unsigned char)reader->text[reader->position];
}

static int next(talc_json_reader *reader)
{
    int character = peek(reader);
    if (character != END_OF_TEXT) {
        reader->position++;
    }
    return character;
}

static void skip_space(talc_json_reader *reader)
{
    int character = peek(reader);
    while (character == ' ' || character == '\t' || character == '\n' || character == '\r') {
        reader->position++;
        character = peek(reader);
    }
}

/* Takes and copies this structural character if it is the next one after white space. */
static bool take(talc_json_reader *reader, char expected)
{
    skip_space(reader);
    if (peek(reader) != expected) {
        return false;
    }
    reader->position++;
    talc_text_writer_put(&reader->copy, expected);
    return true;
}

static int hex_value(int character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

/* The character that `\uXXXX` stands for, after its `\u`; -1 if it is none that we undo. */
static int scan_unicode(talc_json_reader *reader)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(next(reader));
        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code >= 0x20 && code <= 0x7e ? code : -1;
}

static talc_status scan_escape(talc_json_reader *reader)
{
    int character = next(reader);
    if (character == 'u') {
        character = scan_unicode(reader);
    } else if (character != '/') {
        return TALC_ERROR_MALFORMED;
    }
    if (character < 0) {
        return TALC_ERROR_MALFORMED;
    }
    if (character == '"' || character == '\\') {
        talc_text_writer_put(&reader->copy, '\\');
    }
    talc_text_writer_put(&reader->copy, (char)character);
    return TALC_OK;
}

static talc_status scan_string(talc_json_reader *reader)
{
    talc_status status = take(reader, '"') ? TALC_OK : TALC_ERROR_MALFORMED;
    while (status == TALC_OK) {
        int character = next(reader);
        if (character == '\\') {
            status = scan_escape(reader);
            continue;
        }
        if (character < 0x20 || character > 0x7e) { /* END_OF_TEXT too */
            return TALC_ERROR_MALFORMED;
        }
        talc_text_writer_put(&reader->copy, (char)character);
        if (character == '"') {
            return TALC_OK;
        }
    }
    return status;
}

/* Skips digits; returns how many. */
static size_t scan_digits(talc_json_reader *reader)
{
    size_t start = reader->position;
    while (peek(reader) >= '0' && peek(reader) <= '9') {
        reader->position++;
    }
    return reader->position - start;
}

/* Fraction and exponent, both optional. */
static bool scan_number_tail(talc_json_reader *reader)
{
    if (peek(reader) == '.') {
        reader->position++;
        if (scan_digits(reader) == 0) {
            return false;
        }
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->position++;
        if (peek(reader) == '+' || peek(reader) == '-') {
            reader->position++;
        }
        return scan_digits(reader) > 0;
    }
    return true;
}

/* Digits only and small enough: what a known key may have. */
static bool number_is_plain(const char *number, size_t size)
{
    uint64_t value = 0;
    if (size > NUMBER_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (number[i] < '0' || number[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(number[i] - '0');
    }
    return value <= NUMBER_MAX;
}

static talc_status scan_number(talc_json_reader *reader)
{
    const char *number = reader->text + reader->position;
    size_t start = reader->position;
    if (peek(reader) == '-') {
        reader->position++;
    }
    bool leading_zero = peek(reader) == '0';
    size_t digits = scan_digits(reader);
    if (digits == 0 || (leading_zero && digits > 1) || !scan_number_tail(reader)) {
        return TALC_ERROR_MALFORMED;
    }
    size_t size = reader->position - start;
    if (!number_is_plain(number, size)) { /* two characters at least, like what replaces it */
        talc_text_writer_string(&reader->copy, "{}");
        return TALC_OK;
    }
    for (size_t i = 0; i < size; i++) {
        talc_text_writer_put(&reader->copy, number[i]);
    }
    return TALC_OK;
}

static talc_status scan_literal(talc_json_reader *reader, const char *literal)
{
    for (size_t i = 0; literal[i] != '\0'; i++) {
        if (next(reader) != literal[i]) {
            return TALC_ERROR_MALFORMED;
        }
    }
    talc_text_writer_string(&reader->copy, literal);
    return TALC_OK;
}

static talc_status scan_member(talc_json_reader *reader)
{
    talc_status status = scan_string(reader);
    if (status == TALC_OK && !take(reader, ':')) {
        status = TALC_ERROR_MALFORMED;
    }
    return status == TALC_OK ? scan_value(reader) : status;
}

/* An object or an array. The recursion ends at the depth limit. */
static talc_status scan_container(talc_json_reader *reader, char open)
{
    char close = open == '{' ? '}' : ']';
    if (reader->depth_left == 0 || !take(reader, open)) {
        return TALC_ERROR_MALFORMED;
    }
    reader->depth_left--;
    if (!take(reader, close)) {
        do {
            talc_status status = open == '{' ? scan_member(reader) : scan_value(reader);
            if (status != TALC_OK) {
                return status;
            }
        } while (take(reader, ','));
        if (!take(reader, close)) {
            return TALC_ERROR_MALFORMED;
        }
    }
    reader->depth_left++;
    return TALC_OK;
}

static talc_status scan_value(talc_json_reader *reader)
{
    if (reader->values_left == 0) {
        return TALC_ERROR_TOO_LARGE;
    }
    reader->values_left--;
    skip_space(reader);
    switch (peek(reader)) {
    case '{':
    case '[': return scan_container(reader, (char)peek(reader));
    case '"': return scan_string(reader);
    case 't': return scan_literal(reader, "true");
    case 'f': return scan_literal(reader, "false");
    case 'n': return scan_literal(reader, "null");
    default: return scan_number(reader);
    }
}

/* Nobody may write one, and a reader may ignore it (RFC 8259 section 8.1). */
static void skip_byte_order_mark(talc_json_reader *reader)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (reader->size >= sizeof mark - 1 && memcmp(reader->text, mark, sizeof mark - 1) == 0) {
        reader->position = sizeof mark - 1;
    }
}

talc_status talc_json_scan(const char *text, size_t size, const talc_json_limits *limits,
                           char *copy, size_t *copy_size)
{
    talc_json_reader reader = {
        .text = text,
        .size = size,
        .depth_left = limits->depth,
        .values_left = limits->values,
    };
    talc_text_writer_init(&reader.copy, copy, size);
    *copy_size = 0;
    copy[0] = '\0';
    skip_byte_order_mark(&reader);
    skip_space(&reader);
    if (peek(&reader) != '{') {
        return TALC_ERROR_MALFORMED;
    }
    talc_status status = scan_value(&reader);
    skip_space(&reader);
    if (status != TALC_OK || peek(&reader) != END_OF_TEXT || reader.copy.full) {
        return status != TALC_OK ? status : TALC_ERROR_MALFORMED;
    }
    *copy_size = reader.copy.size;
    copy[reader.copy.size] = '\0';
    return TALC_OK;
}
