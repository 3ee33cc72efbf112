/* SPDX-License-Identifier: MIT */
/* The server's carrier over CoAP: one resource that takes envelopes by POST. */
#include "transport/coap_carrier.h"

#include "lib/failure.h"
#include "records/base64.h"
#include "transport/coap_server.h"

#include <stdlib.h>
#include <string.h>

#define ID_TEXT_SIZE 16
#define TRANSFERS_MAX 64

typedef struct listener_link {
    talc_coap_server server;
    talc_listener_events events;
    size_t body_size, anonymous_body_size;
} listener_link;

/* ---------------------------------------------------------------- session ids */

static int hex_value(uint8_t digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = memchr(digits, digit | 0x20, 16);
    return at != NULL ? (int)(at - digits) : -1;
}

/* Undoes one layer of percent-encoding: options hold plain text (RFC 7252 section 6.4), but not
 * every gateway takes its own encoding off. Returns the size, or SIZE_MAX if it is malformed or too
 * long. */
static size_t percent_decode(const uint8_t *text, size_t size, char *plain, size_t capacity)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        int value = text[i];
        if (value == '%') {
            int high = size - i > 2 ? hex_value(text[i + 1]) : -1;
            int low = size - i > 2 ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return SIZE_MAX;
            }
            value = high * 16 + low;
            i += 2;
        }
        if (length == capacity) {
            return SIZE_MAX;
        }
        plain[length++] = (char)value;
    }
    return length;
}

/* Reads the session id from the one Uri-Query "s=..."; none if it is missing, malformed or there
 * twice. */
static void session_id_read(const coap_pdu_t *request, talc_coap_key *key)
{
    coap_opt_iterator_t iterator;
    coap_opt_filter_t filter;
    const coap_opt_t *option;
    char text[ID_TEXT_SIZE];
    int seen = 0;
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, COAP_OPTION_URI_QUERY);
    coap_option_iterator_init(request, &iterator, &filter);
    while ((option = coap_option_next(&iterator)) != NULL) {
        const uint8_t *value = coap_opt_value(option);
        size_t size = coap_opt_length(option);
        if (size < 2 || value[0] != 's' || value[1] != '=') {
            continue;
        }
        size = percent_decode(value + 2, size - 2, text, sizeof text);
        key->has_subject =
            !seen && size == sizeof text &&
            talc_base64_decode(text, size, key->subject, TALC_SESSION_ID_SIZE) == TALC_OK;
        seen = 1;
    }
    if (!key->has_subject) {
        memset(key->subject, 0, sizeof key->subject);
    }
}

/* ---------------------------------------------------------------- requests */

/* Errors of the carrier answer no request that a client could name, and an "i" that no client has
 * open is dropped: the CoAP code decides. */
static const char *error_body(coap_pdu_code_t code)
{
    switch (code) {
    case COAP_RESPONSE_CODE(413): return "{\"i\":0,\"e\":\"too-large\"}";
    case COAP_RESPONSE_CODE(503): return "{\"i\":0,\"e\":\"overloaded\"}";
    default: return "{\"i\":0,\"e\":\"malformed\"}";
    }
}

static void listener_refuse(talc_coap_server *server, const talc_coap_pending *arrived,
                            coap_pdu_t *response, coap_pdu_code_t code)
{
    const char *body = error_body(code);
    talc_coap_answer answer = {
        .code = (uint8_t)code,
        .content_format = TALC_COAP_CONTENT_JSON,
        .body = (const uint8_t *)body,
        .body_size = strlen(body),
        .max_age_s = code == COAP_RESPONSE_CODE(503) ? TALC_COAP_RETRY_AFTER_S : 0,
    };
    talc_coap_reply_write(server, arrived, response, &answer);
}

/* 1 if this message is waiting for its reply already: the acknowledgement was lost. */
static int is_waiting(const talc_coap_server *server, const talc_coap_pending *arrived)
{
    for (const talc_coap_pending *at = server->pending; at != NULL; at = at->next) {
        if (at->session == arrived->session && at->message_id == arrived->message_id &&
            at->token_size == arrived->token_size &&
            memcmp(at->token, arrived->token, arrived->token_size) == 0) {
            return 1;
        }
    }
    return 0;
}

static void listener_arrive(talc_coap_server *server, talc_coap_pending *arrived,
                            const coap_pdu_t *request, coap_pdu_t *response)
{
    const listener_link *listener = server->owner;
    const talc_listener_events *events = &listener->events;
    session_id_read(request, &arrived->key);
    if (is_waiting(server, arrived)) {
        return; /* acknowledged once more */
    }
    int known = arrived->key.has_subject && events->known(events->context, arrived->key.subject);
    arrived->limit = known ? listener->body_size : listener->anonymous_body_size;
    (void)talc_coap_inbound_gather(server, arrived, request, response);
}

static void listener_deliver(talc_coap_server *server, talc_coap_pending *pending,
                             const talc_coap_body *body)
{
    static const uint8_t nothing[1];
    const listener_link *listener = server->owner;
    const talc_coap_key key = pending->key; /* the pending may be gone during the call */
    talc_inbound inbound = {
        .session_id = key.has_subject ? key.subject : NULL,
        .peer = key.peer,
        .peer_size = sizeof key.peer,
        .body = body->size > 0 ? body->bytes : nothing,
        .body_size = body->size,
        .reply = pending,
    };
    listener->events.inbound(listener->events.context, &inbound);
}

static const talc_coap_server_face face = {
    .arrive = listener_arrive,
    .deliver = listener_deliver,
    .refuse = listener_refuse,
};

/* ---------------------------------------------------------------- calls */

static talc_status resource_add(talc_coap_server *server, const char *path)
{
    coap_str_const_t name;
    name.s = (const uint8_t *)path + (path[0] == '/' ? 1 : 0);
    name.length = strlen((const char *)name.s);
    coap_resource_t *resource = coap_resource_init(&name, 0);
    if (resource == NULL) {
        return TALC_ERROR_MEMORY;
    }
    coap_resource_set_userdata(resource, server);
    coap_register_handler(resource, COAP_REQUEST_POST, talc_coap_inbound_take);
    coap_add_resource(server->context, resource);
    return TALC_OK;
}

static talc_status listener_prepare(listener_link *listener, const talc_listener_target *target,
                                    talc_failure *failure)
{
    talc_coap_server_setup setup = { .uri = target->uri,
                                     .face = &face,
                                     .owner = listener,
                                     .security = &talc_coap_security_none,
                                     .message_size = target->message_size,
                                     .block_size = target->block_size,
                                     .ack_timeout_s = 1,
                                     .max_retransmit = 2,
                                     .nstart = 2,
                                     .separate_max = SIZE_MAX, /* sessions bound them */
                                     .transfers_max = TRANSFERS_MAX };
    listener->body_size = target->body_size;
    listener->anonymous_body_size = target->anonymous_body_size;
    talc_status status = talc_coap_server_open(&listener->server, &setup, failure);
    if (status == TALC_OK && resource_add(&listener->server, target->path) != TALC_OK) {
        status = talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    return status;
}

static void listener_close(void *link)
{
    listener_link *listener = link;
    talc_coap_server_close(&listener->server);
    free(listener);
}

static talc_status listener_open(void **link, const talc_listener_target *target,
                                 const talc_listener_events *events, talc_failure *failure)
{
    *link = NULL;
    listener_link *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    listener->events = *events;
    talc_status status = listener_prepare(listener, target, failure);
    if (status != TALC_OK) {
        listener_close(listener);
        return status;
    }
    *link = listener;
    return TALC_OK;
}

static void listener_reply(void *link, void *handle, const talc_reply *reply)
{
    listener_link *listener = link;
    talc_coap_answer answer = { .content_format = TALC_OPTION_ABSENT };
    if (reply != NULL) {
        answer.code = reply->code;
        answer.body = reply->body;
        answer.body_size = reply->body_size;
        if (reply->body_size > 0) {
            answer.content_format = TALC_COAP_CONTENT_JSON;
        }
        if (reply->code == COAP_RESPONSE_CODE(503)) {
            answer.max_age_s = reply->retry_after_s;
        }
    }
    (void)talc_coap_reply_give(&listener->server, handle, reply != NULL ? &answer : NULL);
}

static talc_status listener_process(void *link)
{
    listener_link *listener = link;
    return talc_coap_server_process(&listener->server);
}

static int listener_descriptor(void *link)
{
    const listener_link *listener = link;
    return talc_coap_server_descriptor(&listener->server);
}

static uint32_t listener_timeout_ms(void *link)
{
    const listener_link *listener = link;
    return talc_coap_server_timeout_ms(&listener->server);
}

static uint16_t listener_port(void *link)
{
    const listener_link *listener = link;
    return listener->server.port;
}

const talc_listener talc_coap_listener = {
    .scheme = "coap",
    .open = listener_open,
    .reply = listener_reply,
    .process = listener_process,
    .descriptor = listener_descriptor,
    .timeout_ms = listener_timeout_ms,
    .port = listener_port,
    .close = listener_close,
};
