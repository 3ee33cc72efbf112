/* SPDX-License-Identifier: MIT */
#include "gateway/location.h"

#include "gateway/uri_path.h"
#include "records/text_writer.h"

#include <stdio.h>
#include <string.h>

/* Whether the path is `prefix` or lies below it; `*rest` is what follows it then. */
static bool is_below(const char *path, const char *prefix, const char **rest)
{
    size_t size = strlen(prefix);
    if (strncmp(path, prefix, size) != 0 || (path[size] != '\0' && path[size] != '/')) {
        return false;
    }
    *rest = path + size;
    return true;
}

/* The path by which the client of a route gets to this path of the origin's. */
static bool move_path(const talc_gateway_way *way, talc_gateway_uri *uri)
{
    char moved[TALC_GATEWAY_URI_SIZE_MAX + 1];
    const char *rest;
    if (way->kind != TALC_GATEWAY_REVERSE) {
        return true;
    }
    if (!is_below(uri->path, way->base, &rest)) {
        return false;
    }
    int size = snprintf(moved, sizeof moved, "%s%s", way->prefix, rest);
    if (size < 0 || (size_t)size >= sizeof moved) {
        return false;
    }
    snprintf(uri->path, sizeof uri->path, "%s", size == 0 ? "/" : moved);
    return true;
}

static bool is_same_origin(const talc_gateway_uri *left, const talc_gateway_uri *right)
{
    return left->scheme == right->scheme && left->port == right->port &&
           strcmp(left->host, right->host) == 0;
}

/* A reference with a path of its own, read into path and query of `uri`. */
static bool read_path(talc_gateway_uri *uri, const char *text)
{
    talc_text_reader reader;
    talc_text_reader_string(&reader, text);
    return talc_gateway_uri_read_path(uri, &reader) == TALC_OK;
}

/* RFC 3986 section 5.2.3: what stands before the last '/' of the path, and the reference behind. */
static bool merge(talc_gateway_uri *uri, const char *reference)
{
    char text[2 * TALC_GATEWAY_URI_SIZE_MAX + 2];
    const char *end = strrchr(uri->path, '/');
    size_t size = reference[0] == '?' ? strlen(uri->path)
                  : end == NULL       ? 0
                                      : (size_t)(end - uri->path) + 1;
    if (strlen(reference) > TALC_GATEWAY_URI_SIZE_MAX) {
        return false;
    }
    snprintf(text, sizeof text, "%.*s%s", (int)size, uri->path, reference);
    return read_path(uri, text);
}

static bool read_absolute(talc_gateway_uri *uri, const char *text)
{
    talc_gateway_uri read;
    if (talc_gateway_uri_read(&read, text, strlen(text)) != TALC_OK ||
        !is_same_origin(&read, uri)) {
        return false;
    }
    *uri = read;
    return true;
}

/* Whether a scheme begins the reference: a ':' before any '/', '?' or the end. */
static bool has_scheme(const char *reference)
{
    return reference[strcspn(reference, ":/?")] == ':';
}

/* Resolves a Location against `uri` (RFC 3986 section 5.2); a fragment is dropped. Dot segments are
 * not resolved but refused, as everywhere here. */
static bool resolve(talc_gateway_uri *uri, const char *location)
{
    char reference[TALC_GATEWAY_URI_SIZE_MAX + 1];
    char absolute[TALC_GATEWAY_URI_SIZE_MAX + 16];
    size_t size = strcspn(location, "#");
    if (size == 0 || size >= sizeof reference) {
        return false;
    }
    snprintf(reference, sizeof reference, "%.*s", (int)size, location);
    if (has_scheme(reference)) {
        return read_absolute(uri, reference);
    }
    if (strncmp(reference, "//", 2) == 0) {
        snprintf(absolute, sizeof absolute, "%s:%s", talc_gateway_scheme_text(uri->scheme),
                 reference);
        return read_absolute(uri, absolute);
    }
    return reference[0] == '/' ? read_path(uri, reference) : merge(uri, reference);
}

static void add_location(talc_gateway_draft *draft, const talc_gateway_uri *uri)
{
    talc_gateway_draft_path(draft, TALC_COAP_LOCATION_PATH, uri->path);
    talc_gateway_draft_query(draft, TALC_COAP_LOCATION_QUERY, uri->query);
}

void talc_gateway_location_to_coap(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const char *location)
{
    talc_gateway_uri uri = asked->target;
    if (resolve(&uri, location) && move_path(&asked->way, &uri)) {
        add_location(draft, &uri);
    }
}

/* RFC 7252 section 6.5 with Location-Path and Location-Query; false if there are none. */
static bool read_options(talc_gateway_uri *uri, const talc_coap_message *response)
{
    return (talc_coap_message_find(response, TALC_COAP_LOCATION_PATH) != NULL ||
            talc_coap_message_find(response, TALC_COAP_LOCATION_QUERY) != NULL) &&
           talc_gateway_uri_set_path(uri, response, TALC_COAP_LOCATION_PATH,
                                     TALC_COAP_LOCATION_QUERY) == TALC_OK;
}

void talc_gateway_location_back(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                const talc_coap_message *response)
{
    talc_gateway_uri uri = asked->target;
    if (read_options(&uri, response) && move_path(&asked->way, &uri)) {
        add_location(draft, &uri);
    }
}

/* "/hc/coap://%5B2001:db8::1%5D/path" (RFC 8075 section 5.3.2). */
static void write_mapped(talc_text_writer *writer, const char *prefix, const char *uri)
{
    talc_text_writer_string(writer, prefix);
    for (; *uri != '\0'; uri++) {
        if (*uri == '[' || *uri == ']') {
            talc_text_writer_string(writer, *uri == '[' ? "%5B" : "%5D");
        } else {
            talc_text_writer_put(writer, *uri);
        }
    }
}

void talc_gateway_location_to_http(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const talc_coap_message *response)
{
    char text[TALC_GATEWAY_URI_SIZE_MAX + TALC_GATEWAY_URI_ORIGIN_SIZE];
    char location[sizeof text + TALC_GATEWAY_PREFIX_SIZE + 16];
    talc_gateway_uri uri = asked->target;
    talc_text_writer writer;
    talc_text_writer_init(&writer, location, sizeof location - 1);
    if (!read_options(&uri, response) || !move_path(&asked->way, &uri) ||
        talc_gateway_uri_write(&uri, text, sizeof text) != TALC_OK) {
        return;
    }
    if (asked->way.kind == TALC_GATEWAY_MAPPED) {
        write_mapped(&writer, asked->way.prefix, text);
    } else if (asked->way.kind == TALC_GATEWAY_REVERSE) {
        talc_text_writer_string(&writer, uri.path);
        talc_text_writer_string(&writer, uri.query[0] != '\0' ? "?" : "");
        talc_text_writer_string(&writer, uri.query);
    } else {
        talc_text_writer_string(&writer, text);
    }
    location[writer.size] = '\0';
    if (strncmp(location, "//", 2) == 0) {
        return; /* a browser would take the first segment for a host (RFC 3986 section 4.2) */
    }
    talc_gateway_draft_field(draft, "Location", location);
}
