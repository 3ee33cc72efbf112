/* SPDX-License-Identifier: MIT */
/* What the gateway says of itself: /.well-known/core, where no route leads elsewhere (RFC 8075
 * section 5.5). */
#include "gateway/gateway_state.h"

#include <stdio.h>
#include <string.h>

#define PATH "/.well-known/core"
#define FORMAT_LINKS 40 /* application/link-format */

/* A filter of RFC 6690 section 4.1 that the one link passes. */
static int passes(const char *query)
{
    static const char *const passing[] = { "", "rt=core.hc", "rt=core.*", "rt=*" };
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (strcmp(query, passing[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether a target names the links; the query without '?'. */
static int names_links(const char *target, const char **query)
{
    size_t size = sizeof PATH - 1;
    if (strncmp(target, PATH, size) != 0 || (target[size] != '\0' && target[size] != '?')) {
        return 0;
    }
    *query = target[size] == '?' ? target + size + 1 : "";
    return 1;
}

/* The links, cut to nothing if the filter or their size says so. */
static void write_links(const talc_gateway *gateway, const char *anchor, const char *query,
                        char text[TALC_GATEWAY_LINKS_SIZE])
{
    if (!passes(query) || talc_gateway_rules_write_link(gateway->config.rules, anchor, text,
                                                        TALC_GATEWAY_LINKS_SIZE) != TALC_OK) {
        text[0] = '\0';
    }
}

int talc_gateway_links_coap(talc_gateway_exchange *exchange, const talc_coap_message *request)
{
    static const uint8_t format = FORMAT_LINKS;
    static const talc_coap_message_option option = { TALC_COAP_CONTENT_FORMAT, 1, &format };
    char text[TALC_GATEWAY_LINKS_SIZE];
    const char *query;
    talc_gateway *gateway = exchange->gateway;
    if (request->code != TALC_GET || exchange->uri == NULL || !names_links(exchange->uri, &query)) {
        return 0;
    }
    text[0] = '\0';
    if (gateway->own_http_uri[0] != '\0') {
        write_links(gateway, gateway->own_http_uri, query, text);
    }
    gateway->draft.coap = (talc_coap_message){ .code = TALC_CODE(2, 5),
                                               .options = &option,
                                               .option_count = 1,
                                               .body = (const uint8_t *)text,
                                               .body_size = strlen(text) };
    talc_gateway_answer_draft(exchange, NULL);
    return 1;
}

int talc_gateway_links_http(talc_gateway_exchange *exchange, const talc_http_message *request)
{
    static const talc_http_field field = { "Content-Type", "application/link-format" };
    char text[TALC_GATEWAY_LINKS_SIZE];
    const char *query;
    talc_gateway *gateway = exchange->gateway;
    if ((strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) ||
        !names_links(request->target, &query)) {
        return 0;
    }
    write_links(gateway, NULL, query, text);
    gateway->draft.http = (talc_http_message){ .status = 200,
                                               .fields = &field,
                                               .field_count = 1,
                                               .body = (const uint8_t *)text,
                                               .body_size = strlen(text) };
    talc_gateway_answer_draft(exchange, NULL);
    return 1;
}

/* "http://[::1]" of "http://[::1]:0/". */
static size_t authority_size(const char *uri)
{
    const char *host = strstr(uri, "://");
    host = host != NULL ? host + 3 : uri;
    return (size_t)(host - uri) + (*host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/"));
}

/* "http://[::]:8080" is no origin that a client could use. */
void talc_gateway_links_note(talc_gateway *gateway, const talc_gateway_listener *listener,
                             const char *uri)
{
    talc_gateway_uri own;
    if (listener->http == NULL || gateway->own_http_uri[0] != '\0' ||
        talc_gateway_uri_read(&own, uri, authority_size(uri)) != TALC_OK ||
        strcmp(own.host, "0.0.0.0") == 0 || strcmp(own.host, "::") == 0) {
        return;
    }
    own.port = talc_http_server_port(listener->http);
    if (talc_gateway_uri_write_origin(&own, gateway->own_http_uri, sizeof gateway->own_http_uri) !=
        TALC_OK) {
        gateway->own_http_uri[0] = '\0';
    }
}
