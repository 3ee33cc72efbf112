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

static int reader_is_at(const text_reader *reader, char character)
{
    return reader->at < reader->end && reader->text[reader->at] == character;
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

/* What parts names, values and items. */
typedef enum query_form {
    QUERY_PLAIN, /* '=' and '&' as they are; encoded ones belong to a value */
    QUERY_WHOLE  /* encoded ones too: the whole query was encoded as one word */
} query_form;

/* Returns what ended it: '&', -1 or -2. */
static int item_read(text_reader *reader, query_item *item, query_form form)
{
    const char *stops = form == QUERY_PLAIN ? "&#" : "#";
    int value;
    *item = (query_item){ 0 };
    for (size_t position = 0;; position += position < 2) {
        int parts = form == QUERY_WHOLE || reader_is_at(reader, '=') || position != 1;
        value = reader_decoded(reader, stops);
        if (value < 0 || (value == '&' && form == QUERY_WHOLE)) {
            return value == -1 && reader_skips(reader, "&") ? '&' : value;
        }
        item_take(item, parts ? value : 0, position);
    }
}

/* How many items are called `s`; `session_id` is set if the last of them is an id. -1: the query is
 * malformed. */
static int ids_read(text_reader reader, query_form form, uint8_t *session_id)
{
    query_item item;
    int seen = 0, end;
    do {
        end = item_read(&reader, &item, form);
        if (item.name == 's' && item.has_value) {
            seen++;
            if (item.size != sizeof item.value ||
                talc_base64_decode(item.value, item.size, session_id, TALC_SESSION_ID_SIZE) !=
                    TALC_OK) {
                return -1;
            }
        }
    } while (end == '&');
    return end == -1 ? seen : -1;
}

int talc_http_target_session_id(const char *target, uint8_t session_id[TALC_SESSION_ID_SIZE])
{
    text_reader reader = path_reader(target);
    int seen = 0;
    memset(session_id, 0, TALC_SESSION_ID_SIZE);
    while (reader_next(&reader, "?#") != -1) {
    }
    if (reader_skips(&reader, "?")) {
        seen = ids_read(reader, QUERY_PLAIN, session_id);
        seen = seen == 0 ? ids_read(reader, QUERY_WHOLE, session_id) : seen;
    }
    if (seen != 1) {
        memset(session_id, 0, TALC_SESSION_ID_SIZE);
    }
    return seen == 1;
}
