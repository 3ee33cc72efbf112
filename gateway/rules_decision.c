/* SPDX-License-Identifier: MIT */
#include "gateway/codes.h"
#include "gateway/rules_state.h"
#include "gateway/text_reader.h"
#include "gateway/uri_host.h"
#include "gateway/uri_path.h"
#include "records/text_writer.h"

#include <stdio.h>
#include <string.h>

static void refuse(talc_gateway_decision *decision, uint8_t refusal, const char *reason)
{
    decision->refusal = refusal;
    snprintf(decision->reason, sizeof decision->reason, "%s", reason);
}

static void begin(talc_gateway_decision *decision)
{
    decision->refusal = 0;
    decision->reason[0] = '\0';
    decision->is_reverse = 0;
    memset(&decision->way, 0, sizeof decision->way);
    memset(&decision->target, 0, sizeof decision->target);
}

static void refuse_uri(talc_gateway_decision *decision, talc_status status)
{
    if (status == TALC_ERROR_UNSUPPORTED) {
        refuse(decision, TALC_GATEWAY_PROXYING_NOT_SUPPORTED,
               "no target of this scheme can be reached here");
    } else if (status == TALC_ERROR_TOO_LARGE) {
        refuse(decision, TALC_CODE_BAD_REQUEST, "the target's URI is too long");
    } else {
        refuse(decision, TALC_CODE_BAD_REQUEST,
               "the target is no URI, or its host, port or path is not plainly written");
    }
}

static void refuse_controls(talc_gateway_decision *decision)
{
    refuse(decision, TALC_CODE_BAD_REQUEST,
           "a path with control characters cannot be held against a rule");
}

/* A target that the client named needs a permission. */
static void judge(const talc_gateway_rules *rules, talc_gateway_decision *decision)
{
    if (talc_gateway_host_is_group(&decision->target)) {
        refuse(decision, TALC_CODE_FORBIDDEN, "the target is no address of one host");
        return;
    }
    int has_controls = talc_gateway_path_has_controls(decision->target.path), is_by_path = 0;
    for (size_t i = 0; i < rules->pattern_count; i++) {
        const talc_gateway_pattern *pattern = &rules->patterns[i];
        if (talc_gateway_pattern_matches(pattern, &decision->target)) {
            if (!has_controls || !talc_gateway_pattern_has_path(pattern)) {
                return;
            }
            is_by_path = 1;
        }
    }
    if (is_by_path) {
        refuse_controls(decision);
    } else {
        refuse(decision, TALC_CODE_FORBIDDEN, "the rules of this gateway do not allow this target");
    }
}

static void decide_uri(const talc_gateway_rules *rules, const char *text, size_t size,
                       talc_gateway_decision *decision)
{
    talc_status status = talc_gateway_uri_read(&decision->target, text, size);
    if (status == TALC_OK && decision->target.scheme == TALC_GATEWAY_COAPS) {
        status = TALC_ERROR_UNSUPPORTED;
    }
    if (status != TALC_OK) {
        refuse_uri(decision, status);
    } else {
        judge(rules, decision);
    }
}

/* Whether `path` is the prefix or lies below it. */
static int is_below(const char *path, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(path, prefix, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static const talc_gateway_route *find_route(const talc_gateway_rules *rules, const char *path)
{
    const talc_gateway_route *found = NULL;
    for (size_t i = 0; i < rules->route_count; i++) {
        const talc_gateway_route *route = &rules->routes[i];
        if (is_below(path, route->prefix) &&
            (found == NULL || strlen(route->prefix) > strlen(found->prefix))) {
            found = route;
        }
    }
    return found;
}

/* decision->target holds path and query of what was asked of the gateway itself. */
static void decide_route(const talc_gateway_rules *rules, talc_gateway_decision *decision)
{
    char path[sizeof decision->target.path + TALC_GATEWAY_PREFIX_SIZE];
    char query[sizeof decision->target.query];
    const talc_gateway_route *route = find_route(rules, decision->target.path);
    if (route == NULL) {
        refuse(decision, TALC_CODE_NOT_FOUND, "no route of this gateway leads from this path");
        return;
    }
    if (talc_gateway_path_has_controls(decision->target.path)) {
        refuse_controls(decision);
        return;
    }
    snprintf(path, sizeof path, "%s%s", route->target.path,
             decision->target.path + strlen(route->prefix));
    memcpy(query, decision->target.query, sizeof query);
    if (strlen(path) + strlen(query) > TALC_GATEWAY_URI_SIZE_MAX) {
        refuse_uri(decision, TALC_ERROR_TOO_LARGE);
        return;
    }
    decision->is_reverse = 1;
    decision->way.kind = TALC_GATEWAY_REVERSE;
    memcpy(decision->way.prefix, route->prefix, sizeof route->prefix);
    snprintf(decision->way.base, sizeof decision->way.base, "%.*s", TALC_GATEWAY_PREFIX_SIZE - 1,
             route->target.path);
    decision->target = route->target;
    memcpy(decision->target.path, path[0] != '\0' ? path : "/",
           path[0] != '\0' ? strlen(path) + 1 : 2);
    memcpy(decision->target.query, query, sizeof query);
}

/* Uri-Host may be an address with brackets, as in a URI, or without. */
static talc_status set_host(talc_gateway_uri *uri, const talc_coap_message_option *option)
{
    talc_text_piece host = { (const char *)option->value, option->size };
    if (host.size > 2 && host.text[0] == '[' && host.text[host.size - 1] == ']') {
        host.text++;
        host.size -= 2;
        return talc_gateway_uri_set_literal(uri, host);
    }
    return host.size > 0 && memchr(host.text, ':', host.size) != NULL
               ? talc_gateway_uri_set_literal(uri, host)
               : talc_gateway_uri_set_host(uri, host);
}

/* RFC 7252 section 5.10.2. The port that nobody named is the scheme's. */
static talc_status read_parts(talc_gateway_uri *uri, const talc_coap_message *request,
                              const talc_coap_message_option *scheme)
{
    const talc_coap_message_option *host = talc_coap_message_find(request, TALC_COAP_URI_HOST);
    talc_status status =
        talc_gateway_scheme_read(&uri->scheme, (const char *)scheme->value, scheme->size);
    if (status != TALC_OK || uri->scheme == TALC_GATEWAY_COAPS) {
        return status != TALC_OK ? status : TALC_ERROR_UNSUPPORTED;
    }
    if (host == NULL || set_host(uri, host) != TALC_OK) {
        return TALC_ERROR_ARGUMENT;
    }
    uint32_t port =
        talc_coap_message_uint(request, TALC_COAP_URI_PORT, talc_gateway_scheme_port(uri->scheme));
    if (port == 0 || port > UINT16_MAX) {
        return TALC_ERROR_ARGUMENT;
    }
    uri->port = (uint16_t)port;
    return talc_gateway_uri_set_path(uri, request, TALC_COAP_URI_PATH, TALC_COAP_URI_QUERY);
}

void talc_gateway_decide_coap(const talc_gateway_rules *rules, const talc_coap_message *request,
                              talc_gateway_decision *decision)
{
    const talc_coap_message_option *uri = talc_coap_message_find(request, TALC_COAP_PROXY_URI);
    const talc_coap_message_option *scheme =
        talc_coap_message_find(request, TALC_COAP_PROXY_SCHEME);
    begin(decision);
    if (uri != NULL) {
        decide_uri(rules, (const char *)uri->value, uri->size, decision);
        return;
    }
    talc_status status = scheme != NULL
                             ? read_parts(&decision->target, request, scheme)
                             : talc_gateway_uri_set_path(&decision->target, request,
                                                         TALC_COAP_URI_PATH, TALC_COAP_URI_QUERY);
    if (status != TALC_OK) {
        refuse_uri(decision, status);
    } else if (scheme != NULL) {
        judge(rules, decision);
    } else {
        decide_route(rules, decision);
    }
}

/* An authority in a path: its brackets are encoded (RFC 8075 section 5.3.2). */
static void write_authority(talc_text_writer *writer, talc_text_piece authority)
{
    talc_text_reader reader;
    talc_text_reader_init(&reader, authority.text, authority.size);
    while (!talc_text_reader_at_end(&reader)) {
        talc_text_reader ahead = reader;
        talc_text_piece next = { &reader.text[reader.at], reader.size - reader.at };
        next.size = next.size > 3 ? 3 : next.size;
        if (talc_text_piece_is(next, "%5B") || talc_text_piece_is(next, "%5D")) {
            talc_text_writer_put(writer, talc_text_piece_is(next, "%5B") ? '[' : ']');
            ahead.at += 3;
        } else {
            talc_text_writer_put(writer, (char)talc_text_reader_next(&ahead));
        }
        reader = ahead;
    }
}

static void write_piece(talc_text_writer *writer, talc_text_piece piece)
{
    for (size_t i = 0; i < piece.size; i++) {
        talc_text_writer_put(writer, piece.text[i]);
    }
}

/* "coap://%5B2001:db8::1%5D/path?query", and "coap:/" as well: many machines on the way make one
 * '/' of two. */
static void decide_mapped(const talc_gateway_rules *rules, talc_text_reader *reader,
                          talc_gateway_decision *decision)
{
    char uri[TALC_GATEWAY_URI_SIZE_MAX + 1];
    talc_text_writer writer;
    talc_text_writer_init(&writer, uri, sizeof uri);
    talc_text_piece scheme = talc_text_reader_until(reader, ":/?");
    if (!talc_text_reader_take(reader, ':') || !talc_text_reader_take(reader, '/')) {
        refuse(decision, TALC_CODE_BAD_REQUEST,
               "this path goes on with the URI of a CoAP resource, coap://host/path");
        return;
    }
    talc_text_reader_take(reader, '/');
    write_piece(&writer, scheme);
    talc_text_writer_string(&writer, "://");
    write_authority(&writer, talc_text_reader_until(reader, "/?"));
    write_piece(&writer, talc_text_reader_until(reader, ""));
    if (writer.full) {
        refuse_uri(decision, TALC_ERROR_TOO_LARGE);
        return;
    }
    decision->way.kind = TALC_GATEWAY_MAPPED;
    memcpy(decision->way.prefix, rules->mapping, sizeof rules->mapping);
    decide_uri(rules, uri, writer.size, decision);
}

static void decide_path(const talc_gateway_rules *rules, talc_text_reader *reader,
                        talc_gateway_decision *decision)
{
    talc_status status = talc_gateway_uri_read_path(&decision->target, reader);
    if (status != TALC_OK) {
        refuse_uri(decision, status);
    } else {
        decide_route(rules, decision);
    }
}

void talc_gateway_decide_http(const talc_gateway_rules *rules, const talc_http_message *request,
                              talc_gateway_decision *decision)
{
    size_t size = strlen(request->target), mapping_size = strlen(rules->mapping);
    talc_text_reader reader;
    begin(decision);
    talc_text_reader_string(&reader, request->target);
    if (talc_gateway_method_of(request->method) == 0) {
        refuse(decision, TALC_GATEWAY_NOT_IMPLEMENTED, "this method has no counterpart in CoAP");
    } else if (mapping_size > 0 && strncmp(request->target, rules->mapping, mapping_size) == 0) {
        reader.at = mapping_size;
        decide_mapped(rules, &reader, decision);
    } else if (talc_text_reader_peek(&reader) == '/') {
        decide_path(rules, &reader, decision);
    } else {
        decide_uri(rules, request->target, size, decision);
    }
    if (decision->refusal == 0 && decision->target.scheme != TALC_GATEWAY_COAP) {
        refuse(decision, TALC_GATEWAY_PROXYING_NOT_SUPPORTED,
               "what is asked for over HTTP is reached over CoAP here");
    }
}
