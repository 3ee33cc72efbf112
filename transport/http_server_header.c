/* SPDX-License-Identifier: MIT */
/* What a request's header may hold. libmicrohttpd is lenient: it takes nearly every byte, the first
 * of several Content-Length fields, and cuts lines at a NUL. A server that stands between proxies
 * has to be as strict as the strictest of them, or they disagree on where a request ends (RFC 9112
 * section 11.2). */
#include "transport/http_server_state.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18
#define LINE_SIZE_MAX 65536u
#define LINE_END_SIZE_MAX 2u /* bytes of CR LF */

/* Of all Connection fields together: each name in them is looked for among all fields. */
#define CONNECTION_SIZE_MAX 256u

/* ---------------------------------------------------------------- characters */

/* RFC 9110 section 5.6.2: names of fields and methods. */
static int is_token(const char *text)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return text[0] != '\0' && text[strspn(text, token)] == '\0';
}

static int is_value(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return 0;
        }
    }
    return 1;
}

/* Visible ASCII: what else a URI holds is percent-encoded (RFC 3986 section 2). */
static int is_target(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte <= 0x20 || byte >= 0x7f) {
            return 0;
        }
    }
    return text[0] != '\0';
}

/* Bytes of `text` that such a part of a URI may have; "%" and two hexadecimal digits is one more.
 */
static size_t span_encoded(const char *text, const char *allowed)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    size_t size = 0, more;
    do {
        more = strspn(text + size, allowed);
        if (more == 0 && text[size] == '%' && strspn(text + size + 1, hex) >= 2) {
            more = 3;
        }
        size += more;
    } while (more > 0);
    return size;
}

/* RFC 9110 section 7.2: the host and the port of a URI (RFC 3986 section 3.2). None of the two has
 * to be there. */
static int is_host(const char *text)
{
    static const char name[] = "-._~!$&'()*+,;=0123456789"
                               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char literal[] = ":-._~!$&'()*+,;=0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (text[0] == '[') {
        size_t size = span_encoded(text + 1, literal);
        if (size == 0 || text[1 + size] != ']') {
            return 0;
        }
        text += size + 2;
    } else {
        text += span_encoded(text, name);
    }
    return text[0] == '\0' || (text[0] == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

/* ---------------------------------------------------------------- hop by hop */

int talc_http_field_is_hop(const char *name)
{
    static const char *const names[] = {
        "Connection", "Content-Length",    "Expect",  "Keep-Alive", "Proxy-Connection", "TE",
        "Trailer",    "Transfer-Encoding", "Upgrade",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* 1 if a list such as "close, X-Token" holds this name. */
static int list_holds(const char *list, const char *name)
{
    size_t size = strlen(name);
    while (*list != '\0') {
        list += strspn(list, " \t,");
        size_t length = strcspn(list, " \t,");
        if (length == size && strncasecmp(list, name, size) == 0) {
            return 1;
        }
        list += length;
    }
    return 0;
}

/* Leaves out what a Connection field names: it was for us, or for nobody any more. */
static void drop_named(talc_http_request *request, const char *connection)
{
    size_t kept = 0;
    for (size_t i = 0; i < request->field_count; i++) {
        if (!list_holds(connection, request->fields[i].name)) {
            request->fields[kept++] = request->fields[i];
        }
    }
    request->field_count = kept;
}

/* ---------------------------------------------------------------- reading */

typedef struct header_reading {
    talc_http_request *request;
    unsigned refused;
    const char *content_length, *transfer_coding;
    unsigned hosts;
    size_t connection_size; /* bytes of Connection fields */
    const char *line_end;   /* of the field before: where its value ends; NULL: there was none */
} header_reading;

/* 1 if `later` lies behind `earlier` and not farther than `most`. They need not be of one object.
 */
static int is_behind(const char *earlier, const char *later, size_t most)
{
    uintptr_t from = (uintptr_t)earlier, to = (uintptr_t)later;
    return to > from && to - from <= most;
}

/* libmicrohttpd leaves a line where it arrived: the name, a NUL for the colon, blanks, the value,
 * NULs for the line's end, and there the next line. Of a folded line (obs-fold, RFC 9112 section
 * 5.2) it moves the name behind the whole buffer and adds the fold to the name, so that the field
 * is lost; a NUL in a value hides the rest of the line. Neither is where a line would be. */
static int is_line(const header_reading *reading, const char *name, const char *value)
{
    const char *colon = name + strlen(name);
    return is_behind(colon, value, LINE_SIZE_MAX) &&
           strspn(colon + 1, " \t") == (size_t)(value - colon - 1) &&
           (reading->line_end == NULL || is_behind(reading->line_end, name, LINE_END_SIZE_MAX));
}

/* The same of the last line, behind which there is an empty one. */
static int is_end(const header_reading *reading, const char *header, size_t size)
{
    return reading->line_end == NULL ||
           (is_behind(header, reading->line_end, size) &&
            is_behind(reading->line_end, header + size, 2 * LINE_END_SIZE_MAX));
}

/* A field that frames the body: the second one has to say the same. */
static int is_other(const char **seen, const char *value)
{
    int differs = *seen != NULL && strcmp(*seen, value) != 0;
    *seen = value;
    return differs;
}

/* White space at the end is none of the value (RFC 9110 section 5.5), but libmicrohttpd leaves it
 * there. The memory is its receive buffer, which is ours to change while the request lasts. */
static const char *trimmed(const char *value)
{
    size_t size = strlen(value);
    char *end = (char *)(uintptr_t)value;
    while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t')) {
        end[--size] = '\0';
    }
    return value;
}

/* What a field with a meaning of its own may not say. */
static int is_wrong(header_reading *reading, const char *name, const char *value)
{
    if (strcasecmp(name, "Content-Length") == 0) {
        return is_other(&reading->content_length, value);
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        return is_other(&reading->transfer_coding, value);
    }
    if (strcasecmp(name, "Connection") == 0) {
        reading->connection_size += strlen(value);
        return reading->connection_size > CONNECTION_SIZE_MAX;
    }
    return strcasecmp(name, "Host") == 0 && (reading->hosts++ > 0 || !is_host(trimmed(value)));
}

static enum MHD_Result field_take(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    header_reading *reading = context;
    talc_http_request *request = reading->request;
    (void)kind;
    if (value == NULL || !is_line(reading, name, value)) {
        reading->refused = 400;
        return MHD_NO;
    }
    reading->line_end = value + strlen(value);
    if (!is_token(name) || !is_value(value) || is_wrong(reading, name, value)) {
        reading->refused = 400;
        return MHD_NO;
    }
    if (talc_http_field_is_hop(name)) {
        return MHD_YES;
    }
    if (request->field_count == TALC_HTTP_FIELDS_MAX) {
        reading->refused = 431;
        return MHD_NO;
    }
    request->fields[request->field_count++] = (talc_http_field){ name, trimmed(value) };
    return MHD_YES;
}

static int is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= LENGTH_DIGITS_MAX && text[digits] == '\0';
}

/* RFC 9112 section 6.3; what is left open there is refused. */
static int is_framed(const header_reading *reading, const char *version)
{
    const char *length = reading->content_length;
    const char *coding = reading->transfer_coding;
    if (coding != NULL) {
        return length == NULL && strcasecmp(coding, "chunked") == 0 &&
               strcmp(version, "HTTP/1.0") != 0;
    }
    return length == NULL || is_number(length);
}

/* RFC 9112 section 3.2. */
static int has_host(const header_reading *reading, const char *version)
{
    return reading->hosts == 1 || strcmp(version, "HTTP/1.0") == 0;
}

static enum MHD_Result connection_take(void *context, enum MHD_ValueKind kind, const char *name,
                                       const char *value)
{
    (void)kind;
    if (value != NULL && strcasecmp(name, "Connection") == 0) {
        drop_named(context, value);
    }
    return MHD_YES;
}

/* A NUL in the request line ends a word of it for us, but not for libmicrohttpd, which has the next
 * word in the same memory behind it. */
static int is_cut(const char *word, const char *begin, const char *next)
{
    uintptr_t from = (uintptr_t)begin, to = (uintptr_t)next;
    return to > from && to - from < LINE_SIZE_MAX && to - from != strlen(word) + 1;
}

unsigned talc_http_header_read(talc_http_request *request, const char *version)
{
    header_reading reading = { .request = request };
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->link, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info != NULL && info->header_size > request->connection->server->header_size) {
        return 431;
    }
    if (!is_token(request->method) || !is_target(request->target) ||
        is_cut(request->method, request->method, request->seen) ||
        is_cut(request->target, request->seen, version)) {
        return 400;
    }
    request->fields = calloc(TALC_HTTP_FIELDS_MAX, sizeof *request->fields);
    if (request->fields == NULL) {
        return 503;
    }
    (void)MHD_get_connection_values(request->link, MHD_HEADER_KIND, field_take, &reading);
    if (reading.refused == 0 &&
        (!is_framed(&reading, version) || !has_host(&reading, version) || info == NULL ||
         !is_end(&reading, request->method, info->header_size))) {
        reading.refused = 400;
    }
    if (reading.refused == 0) {
        (void)MHD_get_connection_values(request->link, MHD_HEADER_KIND, connection_take, request);
    }
    return reading.refused;
}

uint64_t talc_http_content_length(struct MHD_Connection *link)
{
    const char *text = MHD_lookup_connection_value(link, MHD_HEADER_KIND, "Content-Length");
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}
