/* SPDX-License-Identifier: MIT */
#include "records/proxy_log_reader.h"

#include <string.h>

#include "records/base64.h"

#define DEPTH_MAX 8 /* of values under keys that are not known */
#define NUMBER_MAX 9007199254740991u
#define END_OF_LINE (-1)

/* Strings are undone into `text`; none gets longer by that, its NUL counted against its quotes. */
typedef struct line_reader {
    const char *line;
    size_t size;
    size_t position;
    char *text;
    size_t text_size;
} line_reader;

/* ---------------------------------------------------------------- characters */

static int peek(const line_reader *reader)
{
    return reader->position < reader->size ? (unsigned char)reader->line[reader->position]
                                           : END_OF_LINE;
}

static int next(line_reader *reader)
{
    int character = peek(reader);
    reader->position += character != END_OF_LINE;
    return character;
}

static void skip_space(line_reader *reader)
{
    for (int c = peek(reader); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek(reader)) {
        reader->position++;
    }
}

static bool take(line_reader *reader, int wanted)
{
    skip_space(reader);
    if (peek(reader) != wanted) {
        return false;
    }
    reader->position++;
    return true;
}

/* ---------------------------------------------------------------- strings */

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

static bool read_unit(line_reader *reader, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(next(reader));
        if (digit < 0) {
            return false;
        }
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

/* UTF-8 (RFC 3629): at most 3 bytes for 6 characters, 4 for 12. */
static void put_code_point(line_reader *reader, uint32_t point)
{
    static const uint8_t leads[] = { 0x00, 0xc0, 0xe0, 0xf0 };
    unsigned more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    reader->text[reader->text_size++] = (char)(leads[more] | point >> (6 * more));
    while (more > 0) {
        more--;
        reader->text[reader->text_size++] = (char)(0x80 | (point >> (6 * more) & 0x3f));
    }
}

static bool read_unicode(line_reader *reader)
{
    uint32_t point = 0;
    uint32_t low = 0;
    if (!read_unit(reader, &point) || point == 0 || (point >= 0xdc00 && point <= 0xdfff)) {
        return false;
    }
    if (point >= 0xd800 && point <= 0xdbff) {
        if (next(reader) != '\\' || next(reader) != 'u' || !read_unit(reader, &low) ||
            low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    put_code_point(reader, point);
    return true;
}

static bool read_escape(line_reader *reader)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int character = next(reader);
    if (character == 'u') {
        return read_unicode(reader);
    }
    const char *found = character > 0 ? strchr(letters, character) : NULL;
    if (found == NULL) {
        return false;
    }
    reader->text[reader->text_size++] = meanings[found - letters];
    return true;
}

/* The string that begins here, with a NUL behind it; NULL if it is none. */
static const char *read_string(line_reader *reader, size_t *size)
{
    size_t start = reader->text_size;
    if (!take(reader, '"')) {
        return NULL;
    }
    for (int c = next(reader); c != '"'; c = next(reader)) {
        if (c < 0x20) { /* the end too */
            return NULL;
        }
        if (c == '\\' && !read_escape(reader)) {
            return NULL;
        }
        if (c != '\\') {
            reader->text[reader->text_size++] = (char)c;
        }
    }
    *size = reader->text_size - start;
    reader->text[reader->text_size++] = '\0';
    return reader->text + start;
}

/* ---------------------------------------------------------------- numbers, and what is passed
 * over */

static bool read_number(line_reader *reader, uint64_t *number)
{
    *number = 0;
    skip_space(reader);
    if (peek(reader) < '0' || peek(reader) > '9') {
        return false;
    }
    while (peek(reader) >= '0' && peek(reader) <= '9') {
        *number = *number * 10 + (uint64_t)(next(reader) - '0');
        if (*number > NUMBER_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_plain(int character)
{
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
           character == 'E' || character == '-' || character == '+' || character == '.';
}

/* Numbers, true, false, null: enough to find their end. */
static bool skip_word(line_reader *reader)
{
    size_t start = reader->position;
    while (is_plain(peek(reader))) {
        reader->position++;
    }
    return reader->position > start;
}

/* A value under a key that is not known: only its end has to be found. */
static bool skip_value(line_reader *reader)
{
    size_t depth = 0;
    size_t size;
    do {
        skip_space(reader);
        int c = peek(reader);
        if (c == '{' || c == '[') {
            reader->position++;
            depth++;
        } else if (c == '}' || c == ']' || c == ',' || c == ':') {
            if (depth == 0) {
                return false;
            }
            reader->position++;
            depth -= c == '}' || c == ']';
        } else if (c == '"' ? read_string(reader, &size) == NULL : !skip_word(reader)) {
            return false;
        }
    } while (depth > 0 && depth <= DEPTH_MAX);
    return depth == 0;
}

/* ---------------------------------------------------------------- the keys */

enum {
    KEY_TIME = 1u << 0,
    KEY_EXCHANGE = 1u << 1,
    KEY_KIND = 1u << 2,
    KEY_PROTOCOL = 1u << 3,
    KEY_PEER = 1u << 4,
    KEY_URI = 1u << 5,
    KEY_CODE = 1u << 6,
    KEY_REASON = 1u << 7,
    KEY_STATUS = 1u << 8,
    KEY_SIZE = 1u << 9,
    KEY_BODY = 1u << 10,
    KEY_BODY_BASE64 = 1u << 11
};

static const struct key_row {
    const char *name;
    unsigned key;
    bool is_number;
} key_rows[] = {
    { "time_ms", KEY_TIME, true },  { "exchange", KEY_EXCHANGE, true },
    { "kind", KEY_KIND, false },    { "protocol", KEY_PROTOCOL, false },
    { "peer", KEY_PEER, false },    { "uri", KEY_URI, false },
    { "code", KEY_CODE, false },    { "reason", KEY_REASON, false },
    { "status", KEY_STATUS, true }, { "size", KEY_SIZE, true },
    { "body", KEY_BODY, false },    { "body_base64url", KEY_BODY_BASE64, false },
};

static const struct key_row *find_key(const char *name)
{
    for (size_t i = 0; i < sizeof key_rows / sizeof key_rows[0]; i++) {
        if (strcmp(name, key_rows[i].name) == 0) {
            return &key_rows[i];
        }
    }
    return NULL;
}

static void set_number(talc_proxy_log_entry *entry, unsigned key, uint64_t number)
{
    switch (key) {
    case KEY_TIME: entry->time_ms = number; break;
    case KEY_EXCHANGE: entry->exchange = number; break;
    case KEY_STATUS: entry->status = number; break;
    default: entry->size = number; break;
    }
}

static bool set_kind(talc_proxy_log_entry *entry, const char *name)
{
    static const char *const names[] = { "request-in", "request-out", "response-in", "response-out",
                                         "trouble" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            entry->kind = (talc_proxy_log_entry_kind)i;
            return true;
        }
    }
    return false;
}

static bool set_bytes(line_reader *reader, talc_proxy_log_entry *entry, const char *value,
                      size_t size)
{
    uint8_t *bytes = (uint8_t *)reader->text + reader->text_size;
    entry->body_size = talc_base64_decoded_size(size);
    reader->text_size += entry->body_size;
    entry->body = bytes;
    return talc_base64_decode(value, size, bytes, entry->body_size) == TALC_OK;
}

static bool set_string(line_reader *reader, talc_proxy_log_entry *entry, unsigned key)
{
    size_t size = 0;
    const char *value = read_string(reader, &size);
    if (value == NULL) {
        return false;
    }
    switch (key) {
    case KEY_KIND: return set_kind(entry, value);
    case KEY_PROTOCOL: entry->protocol = value; return true;
    case KEY_PEER: entry->peer = value; return true;
    case KEY_URI: entry->uri = value; return true;
    case KEY_CODE: entry->code = value; return true;
    case KEY_REASON: entry->reason = value; return true;
    case KEY_BODY_BASE64: return set_bytes(reader, entry, value, size);
    default:
        entry->body = (const uint8_t *)value;
        entry->body_size = size;
        return true;
    }
}

static bool read_member(line_reader *reader, talc_proxy_log_entry *entry, unsigned *seen)
{
    uint64_t number = 0;
    size_t size = 0;
    const char *name = read_string(reader, &size);
    if (name == NULL || !take(reader, ':')) {
        return false;
    }
    const struct key_row *row = find_key(name);
    if (row == NULL) {
        return skip_value(reader);
    }
    if ((*seen & row->key) != 0) {
        return false;
    }
    *seen |= row->key;
    if (!row->is_number) {
        return set_string(reader, entry, row->key);
    }
    bool taken = read_number(reader, &number);
    set_number(entry, row->key, number);
    return taken;
}

static bool read_entry(line_reader *reader, talc_proxy_log_entry *entry)
{
    unsigned seen = 0;
    if (!take(reader, '{')) {
        return false;
    }
    do {
        if (!read_member(reader, entry, &seen)) {
            return false;
        }
    } while (take(reader, ','));
    if (!take(reader, '}')) {
        return false;
    }
    skip_space(reader);
    entry->has_body = (seen & (KEY_BODY | KEY_BODY_BASE64)) != 0;
    bool has_both = (seen & KEY_BODY) != 0 && (seen & KEY_BODY_BASE64) != 0;
    return reader->position == reader->size && !has_both && (seen & KEY_KIND) != 0 &&
           (seen & KEY_EXCHANGE) != 0;
}

talc_status talc_proxy_log_read_line(const char *line, size_t size, char *text,
                                     talc_proxy_log_entry *entry)
{
    static const talc_proxy_log_entry empty = {
        .protocol = "", .peer = "", .uri = "", .code = "", .reason = ""
    };
    line_reader reader = { .line = line, .size = size, .text = text };
    memset(entry, 0, sizeof *entry);
    if (size > TALC_PROXY_LOG_LINE_SIZE_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    *entry = empty;
    if (!read_entry(&reader, entry)) {
        memset(entry, 0, sizeof *entry);
        return TALC_ERROR_MALFORMED;
    }
    return TALC_OK;
}
