/* SPDX-License-Identifier: MIT */
/* The server's carrier over HTTP: one resource that takes envelopes by POST. */
#include "transport/http_carrier.h"

#include "lib/failure.h"
#include "transport/http_server.h"
#include "transport/http_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Behind a reverse proxy all clients have one address: connections of one are not bounded. */
#define CONNECTIONS_MAX 1024u
#define HEADER_SIZE 8192u
#define REQUEST_TIMEOUT_MS 30000u

/* Longer than reverse proxies keep theirs, so that it is they who close: a request that meets the
 * close of its connection is lost. */
#define IDLE_TIMEOUT_MS 120000u

typedef struct listener_link {
    talc_http_server *server;
    talc_listener_events events;
    size_t body_size, anonymous_body_size;
    char path[];
} listener_link;

/* ---------------------------------------------------------------- responses */

/* The status that a CoAP code corresponds to (RFC 8075 section 7, Table 2). */
static unsigned status_of(uint8_t code)
{
    unsigned class = code >> 5, detail = code & 31u;
    static const uint8_t same[] = { 0, 4, 13, 15, 29 };
    if (class == 2) {
        return 200;
    }
    for (size_t i = 0; class == 4 && i < sizeof same; i++) {
        if (detail == same[i]) {
            return 400 + detail;
        }
    }
    return class == 4 ? 400 : class == 5 && detail <= 4 ? 500 + detail : 500;
}

static void respond(listener_link *listener, void *handle, const talc_reply *reply)
{
    char seconds[12];
    talc_http_field fields[3] = { { "Cache-Control", "no-store" } };
    talc_http_message response = { .status = status_of(reply->code),
                                   .fields = fields,
                                   .field_count = 1,
                                   .body = reply->body,
                                   .body_size = reply->body_size };
    if (reply->body_size > 0) {
        fields[response.field_count++] = (talc_http_field){ "Content-Type", "application/json" };
    }
    if (response.status == 503 && reply->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%lu", (unsigned long)reply->retry_after_s);
        fields[response.field_count++] = (talc_http_field){ "Retry-After", seconds };
    }
    talc_http_server_reply(listener->server, handle, &response);
}

/* Another path or method than ours: whoever asks is no client of ours. */
static void refuse(listener_link *listener, void *handle, unsigned status)
{
    const talc_http_field fields[] = { { "Cache-Control", "no-store" }, { "Allow", "POST" } };
    const talc_http_message response = { .status = status,
                                         .fields = fields,
                                         .field_count = status == 405 ? 2 : 1 };
    talc_http_server_reply(listener->server, handle, &response);
}

/* Errors of the carrier answer no request that a client could name, and an "i" that no client has
 * open is dropped: the status decides. */
static const char *on_error_body(void *context, unsigned status, const char **media_type)
{
    (void)context;
    *media_type = "application/json";
    switch (status) {
    case 413: return "{\"i\":0,\"e\":\"too-large\"}";
    case 503: return "{\"i\":0,\"e\":\"overloaded\"}";
    default: return "{\"i\":0,\"e\":\"malformed\"}";
    }
}

/* ---------------------------------------------------------------- requests */

static int is_for_us(const listener_link *listener, const talc_http_message *request)
{
    return strcmp(request->method, "POST") == 0 &&
           talc_http_target_has_path(request->target, listener->path);
}

static size_t on_body_limit(void *context, const talc_http_message *header)
{
    listener_link *listener = context;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    int known = is_for_us(listener, header) &&
                talc_http_target_session_id(header->target, session_id) &&
                listener->events.known(listener->events.context, session_id);
    return known ? listener->body_size : listener->anonymous_body_size;
}

static void on_inbound(void *context, const talc_http_inbound *arrived)
{
    static const uint8_t nothing[1];
    listener_link *listener = context;
    const talc_http_message *request = arrived->request;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    if (!talc_http_target_has_path(request->target, listener->path)) {
        refuse(listener, arrived->reply, 404);
        return;
    }
    if (!is_for_us(listener, request)) {
        refuse(listener, arrived->reply, 405);
        return;
    }
    int has_id = talc_http_target_session_id(request->target, session_id);
    talc_inbound inbound = { .session_id = has_id ? session_id : NULL,
                             .peer = arrived->peer,
                             .peer_size = arrived->peer_size - TALC_HTTP_PEER_PORT_SIZE,
                             .body = request->body_size > 0 ? request->body : nothing,
                             .body_size = request->body_size,
                             .reply = arrived->reply };
    listener->events.inbound(listener->events.context, &inbound);
}

/* ---------------------------------------------------------------- calls */

static void listener_close(void *link)
{
    listener_link *listener = link;
    talc_http_server_close(listener->server);
    free(listener);
}

static listener_link *listener_new(const talc_listener_target *target,
                                   const talc_listener_events *events)
{
    listener_link *listener = calloc(1, sizeof *listener + strlen(target->path) + 1);
    if (listener != NULL) {
        listener->events = *events;
        listener->body_size = target->body_size;
        listener->anonymous_body_size = target->anonymous_body_size;
        memcpy(listener->path, target->path, strlen(target->path) + 1);
    }
    return listener;
}

static talc_status listener_open(void **link, const talc_listener_target *target,
                                 const talc_listener_events *events, talc_failure *failure)
{
    listener_link *listener = listener_new(target, events);
    const talc_http_server_setup setup = { .uri = target->uri,
                                           .certificate_path = target->https_certificate_path,
                                           .key_path = target->https_key_path,
                                           .body_size = target->body_size,
                                           .header_size = HEADER_SIZE,
                                           .connections_max = CONNECTIONS_MAX,
                                           .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                           .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                           .events = { listener, on_inbound, on_body_limit,
                                                       on_error_body } };
    *link = NULL;
    if (listener == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    talc_status status = talc_http_server_open(&listener->server, &setup, failure);
    if (status != TALC_OK) {
        free(listener);
        return status;
    }
    *link = listener;
    return TALC_OK;
}

static void listener_reply(void *link, void *handle, const talc_reply *reply)
{
    listener_link *listener = link;
    if (reply == NULL) {
        talc_http_server_reply(listener->server, handle, NULL);
    } else {
        respond(listener, handle, reply);
    }
}

static talc_status listener_process(void *link)
{
    const listener_link *listener = link;
    return talc_http_server_process(listener->server);
}

static int listener_descriptor(void *link)
{
    const listener_link *listener = link;
    return talc_http_server_descriptor(listener->server);
}

static uint32_t listener_timeout_ms(void *link)
{
    const listener_link *listener = link;
    return talc_http_server_timeout_ms(listener->server);
}

static uint16_t listener_port(void *link)
{
    const listener_link *listener = link;
    return talc_http_server_port(listener->server);
}

#define LISTENER(name)                                                                             \
    {                                                                                              \
        .scheme = (name), .open = listener_open, .reply = listener_reply,                          \
        .process = listener_process, .descriptor = listener_descriptor,                            \
        .timeout_ms = listener_timeout_ms, .port = listener_port, .close = listener_close          \
    }

const talc_listener talc_http_listener = LISTENER("http");
const talc_listener talc_https_listener = LISTENER("https");
