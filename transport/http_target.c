/* SPDX-License-Identifier: MIT */
#include "transport/http_target.h"

#include "records/base64.h"

#include <string.h>

#define ID_TEXT_SIZE 16

/* A text that is read forwards only. */
typedef struct text_reader {
    const char *text;
    size_t at, end;
} text_reader;

static text_reader reader_of(const char *text)
{
    return (text_reader){ text, 0, strlen(text) };
}

/* The next character that `stops` does not hold; -1 at such a one or at the end. */
static int reader_next(text_reader *reader, const char *stops)
{
    if (reader->at == reader->end || strchr(stops, reader->text[reader->at]) != NULL) {
        return -1;
    }
    return (unsigned char)reader->text[reader->at++];
}

static int reader_skips(text_reader *reader, const char *text)
{
    size_t size = strlen(text);
    if (reader->end - reader->at < size || memcmp(reader->text + reader->at, text, size) != 0) {
        return 0;
    }
    reader->at += size;
    return 1;
}

static int hex_value(int digit)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = digit > 0 ? strchr(digits, digit) : NULL;
    int value = at != NULL ? (int)(at - digits) : -1;
    return value < 16 ? value : value - 6;
}

/* Likewise with one layer of percent-encoding undone; -2 if that is malformed. */
static int reader_decoded(text_reader *reader, const char *stops)
{
    int value = reader_next(reader, stops);
    if (value != '%') {
        return value;
    }
    int high = hex_value(reader_next(reader, stops));
    int low = hex_value(reader_next(reader, stops));
    return high < 0 || low < 0 ? -2 : high * 16 + low;
}

/* Up to the path; "scheme://authority" is somebody else's business. */
static text_reader path_reader(const char *target)
{
    text_reader reader = reader_of(target);
    if (reader_next(&reader, "/") == -1) {
        return reader;
    }
    while (reader_next(&reader, ":/?") != -1) {
    }
    if (reader_skips(&reader, "://")) {
        while (reader_next(&reader, "/?") != -1) {
        }
    }
    return reader;
}

int talc_http_target_has_path(const char *target, const char *path)
{
    text_reader reader = path_reader(target);
    text_reader wanted = reader_of(path);
    int value;
    do {
        value = reader_decoded(&reader, "?#");
        if (value != reader_next(&wanted, "")) {
            return 0;
        }
    } while (value >= 0);
    return 1;
}

/* One "name=value" of the query. */
typedef struct query_item {
    char name; /* of one character, else NUL */
    char value[ID_TEXT_SIZE];
    size_t size; /* of the value, more than ID_TEXT_SIZE if it is longer */
    int has_value;
} query_item;

static void item_take(query_item *item, int value, size_t position)
{
    if (position == 0) {
        item->name = (char)value;
    } else if (position == 1) {
        item->has_value = value == '=';
    } else {
        if (item->size < sizeof item->value) {
            item->value[item->size] = (char)value;
        }
        item->size += item->size <= sizeof item->value;
    }
}

/* Returns what ended it: '&', -1 or -2. The ampersand may be encoded with all the rest. */
static int item_read(text_reader *reader, query_item *item)
{
    int value;
    *item = (query_item){ 0 };
    for (size_t position = 0;; position += position < 2) {
        value = reader_decoded(reader, "#");
        if (value < 0 || value == '&') {
            return value;
        }
        item_take(item, value, position);
    }
}

int talc_http_target_session_id(const char *target, uint8_t session_id[TALC_SESSION_ID_SIZE])
{
    text_reader reader = path_reader(target);
    query_item item;
    int seen = 0, is_good = 0, end;
    memset(session_id, 0, TALC_SESSION_ID_SIZE);
    while (reader_next(&reader, "?#") != -1) {
    }
    if (!reader_skips(&reader, "?")) {
        return 0;
    }
    do {
        end = item_read(&reader, &item);
        if (item.name == 's' && item.has_value) {
            seen++;
            is_good = item.size == sizeof item.value &&
                      talc_base64_decode(item.value, item.size, session_id, TALC_SESSION_ID_SIZE) ==
                          TALC_OK;
        }
    } while (end == '&');
    if (seen != 1 || !is_good || end != -1) {
        memset(session_id, 0, TALC_SESSION_ID_SIZE);
        return 0;
    }
    return 1;
}
