/* SPDX-License-Identifier: MIT */
/* What a server says, line by line: bounded while it comes, and read as RFC 9112 has it. */
#include "transport/http_client_state.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUFFER_SIZE_FIRST 1024

/* ---------------------------------------------------------------- memory */

static int buffer_reserve(talc_http_buffer *buffer, size_t size)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_SIZE_FIRST;
    while (capacity < size) {
        if (capacity > SIZE_MAX / 2) {
            return 0;
        }
        capacity *= 2;
    }
    if (capacity > buffer->capacity) {
        uint8_t *bytes = realloc(buffer->bytes, capacity);
        if (bytes == NULL) {
            return 0;
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    return 1;
}

static int buffer_append(talc_http_buffer *buffer, const void *bytes, size_t size)
{
    if (size > SIZE_MAX - buffer->size || !buffer_reserve(buffer, buffer->size + size)) {
        return 0;
    }
    if (size > 0) {
        memcpy(buffer->bytes + buffer->size, bytes, size);
        buffer->size += size;
    }
    return 1;
}

static void buffer_clear(talc_http_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (talc_http_buffer){ 0 };
}

void talc_http_answer_clear(talc_http_answer *answer)
{
    buffer_clear(&answer->texts);
    buffer_clear(&answer->body);
    answer->section = TALC_HTTP_STATUS_LINE;
    answer->header_size = 0;
    answer->field_count = 0;
}

static int refuse(talc_http_exchange *exchange, talc_http_end end)
{
    exchange->is_refused = 1;
    exchange->end = end;
    return 0;
}

/* ---------------------------------------------------------------- lines */

/* A line without its end and the white space before that. */
typedef struct header_line {
    const char *text;
    size_t size;
} header_line;

static int is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static header_line without_end(const char *text, size_t size)
{
    while (size > 0 &&
           (text[size - 1] == '\n' || text[size - 1] == '\r' || is_blank(text[size - 1]))) {
        size--;
    }
    return (header_line){ text, size };
}

static int append_text(talc_http_exchange *exchange, const char *text, size_t size)
{
    talc_http_buffer *texts = &exchange->answer.texts;
    if (!buffer_append(texts, text, size) || !buffer_append(texts, "", 1)) {
        return refuse(exchange, TALC_HTTP_NO_MEMORY);
    }
    const char *value = (const char *)texts->bytes + texts->size - size - 1;
    if (strlen(value) != size || !talc_http_is_value(value)) {
        return refuse(exchange, TALC_HTTP_MALFORMED);
    }
    return 1;
}

/* A line that begins with white space goes on with the value before it (RFC 9112 section 5.2). */
static int take_continuation(talc_http_exchange *exchange, const header_line *line)
{
    talc_http_answer *answer = &exchange->answer;
    size_t begin = 0;
    if (answer->field_count == 0) {
        return refuse(exchange, TALC_HTTP_MALFORMED);
    }
    while (begin < line->size && is_blank(line->text[begin])) {
        begin++;
    }
    answer->texts.bytes[answer->texts.size - 1] = ' '; /* over the NUL */
    return append_text(exchange, line->text + begin, line->size - begin);
}

static int take_field(talc_http_exchange *exchange, const header_line *line)
{
    talc_http_answer *answer = &exchange->answer;
    const char *colon = memchr(line->text, ':', line->size);
    if (colon == NULL) {
        return refuse(exchange, TALC_HTTP_MALFORMED);
    }
    if (answer->field_count == TALC_HTTP_FIELDS_MAX) {
        return refuse(exchange, TALC_HTTP_TOO_LARGE);
    }
    size_t name_size = (size_t)(colon - line->text);
    size_t begin = name_size + 1;
    while (begin < line->size && is_blank(line->text[begin])) {
        begin++;
    }
    size_t field = answer->field_count;
    answer->names[field] = answer->texts.size;
    if (!append_text(exchange, line->text, name_size)) {
        return 0;
    }
    if (!talc_http_is_token((const char *)answer->texts.bytes + answer->names[field])) {
        return refuse(exchange, TALC_HTTP_MALFORMED);
    }
    answer->values[field] = answer->texts.size;
    answer->field_count++;
    return append_text(exchange, line->text + begin, line->size - begin);
}

static int is_length(const char *value)
{
    return value[0] != '\0' && value[strspn(value, "0123456789")] == '\0';
}

/* Whether there is one way to find the end (RFC 9112 section 6.3): a length, chunks, or the
 * connection's end. Lengths that differ, or one beside chunks, are how one response is made to
 * look like two; and another transfer coding was not asked for. */
static int is_framed(const talc_http_answer *answer)
{
    const char *texts = (const char *)answer->texts.bytes;
    const char *length = NULL;
    const char *coding = NULL;
    for (size_t i = 0; i < answer->field_count; i++) {
        const char *name = texts + answer->names[i];
        const char *value = texts + answer->values[i];
        if (strcasecmp(name, "Content-Length") == 0) {
            if (!is_length(value) || (length != NULL && strcmp(length, value) != 0)) {
                return 0;
            }
            length = value;
        } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
            if (coding != NULL || strcasecmp(value, "chunked") != 0) {
                return 0;
            }
            coding = value;
        }
    }
    return length == NULL || coding == NULL;
}

/* The number of "HTTP/1.1 103 Early Hints"; 0: there is none of three digits. */
static unsigned status_of(const header_line *line)
{
    const char *space = memchr(line->text, ' ', line->size);
    size_t at = space == NULL ? line->size : (size_t)(space - line->text);
    unsigned status = 0;
    while (at < line->size && line->text[at] == ' ') {
        at++;
    }
    for (size_t end = at + 3; at < end; at++) {
        if (at >= line->size || line->text[at] < '0' || line->text[at] > '9') {
            return 0;
        }
        status = status * 10 + (unsigned)(line->text[at] - '0');
    }
    return status;
}

/* 101 would hand the connection over to what we never asked for. */
static int take_status(talc_http_exchange *exchange, const header_line *line)
{
    unsigned status = status_of(line);
    if (status == 101 || status < 100 || status > 599) {
        return refuse(exchange, TALC_HTTP_MALFORMED);
    }
    exchange->status = status;
    exchange->answer.section = status < 200 ? TALC_HTTP_INTERIM : TALC_HTTP_FIELDS;
    return 1;
}

/* The header's end. */
static int take_end(talc_http_exchange *exchange)
{
    talc_http_answer *answer = &exchange->answer;
    if (answer->section == TALC_HTTP_INTERIM) {
        answer->section = TALC_HTTP_STATUS_LINE;
        return 1;
    }
    answer->section = TALC_HTTP_BODY;
    return is_framed(answer) ? 1 : refuse(exchange, TALC_HTTP_MALFORMED);
}

static int take(talc_http_exchange *exchange, const header_line *line)
{
    talc_http_answer *answer = &exchange->answer;
    switch (answer->section) {
    case TALC_HTTP_STATUS_LINE: return take_status(exchange, line);
    case TALC_HTTP_BODY: return 1; /* a trailer: nobody asked for it */
    default: break;
    }
    if (line->size == 0) {
        return take_end(exchange);
    }
    if (answer->section == TALC_HTTP_INTERIM) {
        return 1;
    }
    return is_blank(line->text[0]) ? take_continuation(exchange, line) : take_field(exchange, line);
}

size_t talc_http_take_line(char *line, size_t unit, size_t size, void *context)
{
    talc_http_exchange *exchange = context;
    talc_http_answer *answer = &exchange->answer;
    header_line whole = without_end(line, unit * size);
    if (unit * size > exchange->client->header_size - answer->header_size) {
        (void)refuse(exchange, TALC_HTTP_TOO_LARGE);
        return 0;
    }
    answer->header_size += unit * size;
    return take(exchange, &whole) ? unit * size : 0;
}

size_t talc_http_take_body(char *bytes, size_t unit, size_t size, void *context)
{
    talc_http_exchange *exchange = context;
    talc_http_buffer *body = &exchange->answer.body;
    if (unit * size > exchange->client->body_size - body->size) {
        (void)refuse(exchange, TALC_HTTP_TOO_LARGE);
        return 0;
    }
    if (!buffer_append(body, bytes, unit * size)) {
        (void)refuse(exchange, TALC_HTTP_NO_MEMORY);
        return 0;
    }
    return unit * size;
}

/* ---------------------------------------------------------------- the whole */

void talc_http_answer_read(talc_http_exchange *exchange, talc_http_message *response)
{
    talc_http_answer *answer = &exchange->answer;
    for (size_t i = 0; i < answer->field_count; i++) {
        const char *texts = (const char *)answer->texts.bytes;
        answer->fields[i] =
            (talc_http_field){ texts + answer->names[i], texts + answer->values[i] };
    }
    const talc_http_message all = { .fields = answer->fields, .field_count = answer->field_count };
    talc_http_field kept[TALC_HTTP_FIELDS_MAX];
    size_t kept_count = 0;
    for (size_t i = 0; i < answer->field_count; i++) {
        if (!talc_http_is_of_hop(&all, answer->fields[i].name)) {
            kept[kept_count++] = answer->fields[i];
        }
    }
    memcpy(answer->fields, kept, kept_count * sizeof kept[0]);
    *response = (talc_http_message){ .status = exchange->status,
                                     .fields = answer->fields,
                                     .field_count = kept_count,
                                     .body = answer->body.size > 0 ? answer->body.bytes : NULL,
                                     .body_size = answer->body.size };
}
