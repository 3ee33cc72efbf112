/* SPDX-License-Identifier: MIT */
/* What arrives at a server: address, blocks, and the hand-over of whole bodies. */
#include "transport/coap_listener.h"

#include "records/base64.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define ID_TEXT_SIZE 16
#define PENDING_MAX 4096
#define RETRY_AFTER_S 2

/* Errors of the carrier answer no request that a client could name, and an "i" that no client has
 * open is dropped: the CoAP code decides. */
static const char malformed[] = "{\"i\":0,\"e\":\"malformed\"}";
static const char too_large[] = "{\"i\":0,\"e\":\"too-large\"}";
static const char overloaded[] = "{\"i\":0,\"e\":\"overloaded\"}";

static void respond(talc_coap_server *listener, const talc_coap_pending *pending,
                    coap_pdu_t *response, coap_pdu_code_t code, const char *body)
{
    talc_reply reply = {
        .code = (uint8_t)code,
        .body = (const uint8_t *)body,
        .body_size = body != NULL ? strlen(body) : 0,
        .retry_after_s = code == COAP_RESPONSE_CODE(503) ? RETRY_AFTER_S : 0,
    };
    talc_coap_reply_write(listener, pending, response, &reply);
}

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
        key->has_session_id =
            !seen && size == sizeof text &&
            talc_base64_decode(text, size, key->session_id, sizeof key->session_id) == TALC_OK;
        seen = 1;
    }
    if (!key->has_session_id) {
        memset(key->session_id, 0, sizeof key->session_id);
    }
}

static void tag_read(const coap_pdu_t *request, talc_coap_key *key)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *tag = coap_check_option(request, COAP_OPTION_RTAG, &iterator);
    if (tag != NULL && coap_opt_length(tag) <= sizeof key->tag) {
        /* One more, so that an empty tag is not the same as none. */
        key->tag_size = (uint8_t)(coap_opt_length(tag) + 1);
        memcpy(key->tag, coap_opt_value(tag), coap_opt_length(tag));
    }
}

static void pending_fill(talc_coap_pending *pending, coap_session_t *session,
                         const coap_pdu_t *request)
{
    coap_bin_const_t token = coap_pdu_get_token(request);
    memset(pending, 0, sizeof *pending);
    pending->session = session;
    pending->type = coap_pdu_get_type(request);
    pending->message_id = coap_pdu_get_mid(request);
    pending->token_size = token.length;
    if (token.length > 0 && token.length <= sizeof pending->token) {
        memcpy(pending->token, token.s, token.length);
    }
    talc_coap_peer(session, pending->key.peer);
    session_id_read(request, &pending->key);
    pending->has_block1 = talc_coap_block_read(request, COAP_OPTION_BLOCK1, &pending->block1);
    pending->has_block2 = talc_coap_block_read(request, COAP_OPTION_BLOCK2, &pending->block2);
}

/* 1 if this message is waiting for its reply already: the acknowledgement was lost. */
static int is_waiting(const talc_coap_server *listener, const talc_coap_pending *arrived)
{
    for (const talc_coap_pending *at = listener->pending; at != NULL; at = at->next) {
        if (at->session == arrived->session && at->message_id == arrived->message_id &&
            at->token_size == arrived->token_size &&
            memcmp(at->token, arrived->token, arrived->token_size) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Gives a whole body to the server. When it returns without a reply, the response is left empty:
 * libcoap acknowledges, and the reply makes its own message. */
static void hand_over(talc_coap_server *listener, const talc_coap_pending *arrived,
                      coap_pdu_t *response, const talc_coap_body *body)
{
    static const uint8_t nothing[1];
    talc_coap_pending *pending =
        listener->pending_count < PENDING_MAX ? malloc(sizeof *pending) : NULL;
    int replied = 0;
    if (pending == NULL) {
        respond(listener, arrived, response, COAP_RESPONSE_CODE(503), overloaded);
        return;
    }
    *pending = *arrived;
    pending->response = response;
    pending->replied = &replied;
    talc_inbound inbound = {
        .session_id = arrived->key.has_session_id ? arrived->key.session_id : NULL,
        .peer = arrived->key.peer,
        .peer_size = sizeof arrived->key.peer,
        .body = body->size > 0 ? body->bytes : nothing,
        .body_size = body->size,
        .reply = pending,
    };
    listener->events.inbound(listener->events.context, &inbound);
    if (replied) {
        return;
    }
    pending->response = NULL;
    pending->replied = NULL;
    coap_session_reference(pending->session);
    DL_APPEND(listener->pending, pending);
    listener->pending_count++;
}

/* Puts a request together from its blocks; gives it on when it is whole. */
static void block_take(talc_coap_server *listener, const talc_coap_pending *arrived,
                       const coap_pdu_t *request, coap_pdu_t *response, size_t limit)
{
    talc_coap_body piece = { 0 };
    talc_coap_transfer *whole = NULL;
    talc_coap_key key = arrived->key;
    const uint8_t *bytes = NULL;
    coap_get_data(request, &piece.size, &bytes);
    piece.bytes = (uint8_t *)(uintptr_t)bytes; /* read only */
    tag_read(request, &key);
    talc_coap_arrival arrival = { &key, &arrived->block1, &piece, limit, talc_coap_now_ms() };
    switch (talc_coap_piece_take(&listener->requests, &arrival, &whole)) {
    case TALC_COAP_PIECE_TAKEN:
        coap_pdu_set_code(response, COAP_RESPONSE_CODE(231));
        talc_coap_block_add(response, COAP_OPTION_BLOCK1, &arrived->block1);
        return;
    case TALC_COAP_PIECE_LAST: hand_over(listener, arrived, response, &whole->body); return;
    case TALC_COAP_PIECE_GAP:
        respond(listener, arrived, response, COAP_RESPONSE_CODE(408), malformed);
        return;
    case TALC_COAP_PIECE_BAD:
        respond(listener, arrived, response, COAP_RESPONSE_CODE(400), malformed);
        return;
    case TALC_COAP_PIECE_TOO_LARGE:
        respond(listener, arrived, response, COAP_RESPONSE_CODE(413), too_large);
        return;
    case TALC_COAP_PIECE_MEMORY:
        respond(listener, arrived, response, COAP_RESPONSE_CODE(503), overloaded);
        return;
    }
}

/* A later block of an answer that is kept. 0 if there is none: then the server is asked, as for any
 * request without a body. */
static int kept_answer_give(talc_coap_server *listener, const talc_coap_pending *arrived,
                            coap_pdu_t *response)
{
    if (arrived->block2.number == 0) {
        return 0;
    }
    const talc_coap_transfer *kept =
        talc_coap_transfer_find(&listener->answers, &arrived->key, talc_coap_now_ms());
    if (kept == NULL) {
        return 0;
    }
    talc_reply reply = { .code = kept->code,
                         .body = kept->body.bytes,
                         .body_size = kept->body.size };
    talc_coap_reply_write(listener, arrived, response, &reply);
    return 1;
}

static void body_take(talc_coap_server *listener, const talc_coap_pending *arrived,
                      const coap_pdu_t *request, coap_pdu_t *response, size_t limit)
{
    talc_coap_body body = { 0 };
    const uint8_t *bytes = NULL;
    coap_get_data(request, &body.size, &bytes);
    body.bytes = (uint8_t *)(uintptr_t)bytes; /* read only */
    if (body.size == 0 && kept_answer_give(listener, arrived, response)) {
        return;
    }
    if (body.size > limit) {
        respond(listener, arrived, response, COAP_RESPONSE_CODE(413), too_large);
        return;
    }
    hand_over(listener, arrived, response, &body);
}

void talc_coap_inbound_take(coap_resource_t *resource, coap_session_t *session,
                            const coap_pdu_t *request, const coap_string_t *query,
                            coap_pdu_t *response)
{
    talc_coap_server *listener = coap_resource_get_userdata(resource);
    talc_coap_pending arrived;
    (void)query;
    listener->arrivals++;
    pending_fill(&arrived, session, request);
    if (arrived.token_size > sizeof arrived.token || arrived.has_block1 == TALC_COAP_BLOCK_BAD ||
        arrived.has_block2 == TALC_COAP_BLOCK_BAD) {
        arrived.has_block1 = TALC_COAP_BLOCK_ABSENT;
        arrived.has_block2 = TALC_COAP_BLOCK_ABSENT;
        respond(listener, &arrived, response, COAP_RESPONSE_CODE(400), malformed);
        return;
    }
    if (is_waiting(listener, &arrived)) {
        return; /* acknowledged once more */
    }
    int known = arrived.key.has_session_id &&
                listener->events.known(listener->events.context, arrived.key.session_id);
    size_t limit = known ? listener->body_size : listener->anonymous_body_size;
    if (arrived.has_block1 == TALC_COAP_BLOCK_PRESENT) {
        block_take(listener, &arrived, request, response, limit);
    } else {
        body_take(listener, &arrived, request, response, limit);
    }
}
