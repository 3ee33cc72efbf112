/* SPDX-License-Identifier: MIT */
/* What arrives at a server: blocks, and the hand-over of whole bodies. */
#include "transport/coap_server.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void refuse(talc_coap_server *server, const talc_coap_pending *arrived,
                   coap_pdu_t *response, coap_pdu_code_t code)
{
    server->face->refuse(server, arrived, response, code);
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
    pending->has_block1 = talc_coap_block_read(request, COAP_OPTION_BLOCK1, &pending->block1);
    pending->has_block2 = talc_coap_block_read(request, COAP_OPTION_BLOCK2, &pending->block2);
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

/* Gives a whole body to the server. When it returns without an answer, the response is left empty:
 * libcoap acknowledges, and the answer makes its own message; or says nothing yet. */
static talc_coap_gathered hand_over(talc_coap_server *server, const talc_coap_pending *arrived,
                      coap_pdu_t *response, const talc_coap_body *body)
{
    talc_coap_pending *pending =
        server->pending_count < TALC_COAP_PENDING_MAX ? malloc(sizeof *pending) : NULL;
    int replied = 0;
    if (pending == NULL) {
        refuse(server, arrived, response, COAP_RESPONSE_CODE(503));
        return TALC_COAP_GATHERED_ANSWERED;
    }
    *pending = *arrived;
    pending->response = response;
    pending->replied = &replied;
    server->face->deliver(server, pending, body);
    if (replied) {
        return TALC_COAP_GATHERED_ANSWERED;
    }
    if (pending->withhold_ms > 0 && pending->type == COAP_MESSAGE_CON) {
        talc_coap_response_withhold(response);
        pending->withheld_until_ms = talc_coap_now_ms() + pending->withhold_ms;
        server->withheld++;
    }
    pending->response = NULL;
    pending->replied = NULL;
    pending->detail = NULL;
    coap_session_reference(pending->session);
    DL_APPEND(server->pending, pending);
    server->pending_count++;
    return TALC_COAP_GATHERED_HELD;
}

static coap_pdu_code_t piece_code(talc_coap_piece piece)
{
    switch (piece) {
    case TALC_COAP_PIECE_GAP: return COAP_RESPONSE_CODE(408);
    case TALC_COAP_PIECE_BAD: return COAP_RESPONSE_CODE(400);
    case TALC_COAP_PIECE_TOO_LARGE: return COAP_RESPONSE_CODE(413);
    default: return COAP_RESPONSE_CODE(503);
    }
}

/* Puts a request together from its blocks; gives it on when it is whole. */
static talc_coap_gathered block_take(talc_coap_server *server, const talc_coap_pending *arrived,
                                     const coap_pdu_t *request, coap_pdu_t *response)
{
    talc_coap_body piece = { 0 };
    talc_coap_transfer *whole = NULL;
    talc_coap_key key = arrived->key;
    const uint8_t *bytes = NULL;
    coap_get_data(request, &piece.size, &bytes);
    piece.bytes = (uint8_t *)(uintptr_t)bytes; /* read only */
    tag_read(request, &key);
    talc_coap_arrival arrival = { &key, &arrived->block1, &piece, arrived->limit,
                                  talc_coap_now_ms() };
    talc_coap_piece taken = talc_coap_piece_take(&server->requests, &arrival, &whole);
    if (taken == TALC_COAP_PIECE_LAST) {
        return hand_over(server, arrived, response, &whole->body);
    }
    if (taken == TALC_COAP_PIECE_TAKEN) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE(231));
        talc_coap_block_add(response, COAP_OPTION_BLOCK1, &arrived->block1);
    } else {
        refuse(server, arrived, response, piece_code(taken));
    }
    return TALC_COAP_GATHERED_ANSWERED;
}

/* A later block of an answer that is kept. 0 if there is none: then the server is asked, as for any
 * request without a body. */
static int kept_answer_give(talc_coap_server *server, const talc_coap_pending *arrived,
                            coap_pdu_t *response)
{
    if (arrived->block2.number == 0) {
        return 0;
    }
    const talc_coap_transfer *kept =
        talc_coap_transfer_find(&server->answers, &arrived->key, talc_coap_now_ms());
    if (kept == NULL) {
        return 0;
    }
    talc_coap_answer answer = { .code = kept->code,
                                .content_format = kept->content_format,
                                .body = kept->body.bytes,
                                .body_size = kept->body.size,
                                .options = kept->options,
                                .is_kept = 1 };
    talc_coap_reply_write(server, arrived, response, &answer);
    return 1;
}

static talc_coap_gathered body_take(talc_coap_server *server, const talc_coap_pending *arrived,
                                    const coap_pdu_t *request, coap_pdu_t *response)
{
    talc_coap_body body = { 0 };
    talc_coap_gathered gathered = TALC_COAP_GATHERED_ANSWERED;
    const uint8_t *bytes = NULL;
    size_t size = 0;
    (void)coap_get_data(request, &size, &bytes);
    if (size == 0 && kept_answer_give(server, arrived, response)) {
        return gathered;
    }
    switch (talc_coap_body_append(&body, bytes, size, arrived->limit)) {
    case TALC_OK: gathered = hand_over(server, arrived, response, &body); break;
    case TALC_ERROR_TOO_LARGE:
        refuse(server, arrived, response, COAP_RESPONSE_CODE(413));
        break;
    default: refuse(server, arrived, response, COAP_RESPONSE_CODE(503)); break;
    }
    talc_coap_body_clear(&body);
    return gathered;
}

talc_coap_gathered talc_coap_inbound_gather(talc_coap_server *server, talc_coap_pending *arrived,
                                            const coap_pdu_t *request, coap_pdu_t *response)
{
    return arrived->has_block1 == TALC_COAP_BLOCK_PRESENT
               ? block_take(server, arrived, request, response)
               : body_take(server, arrived, request, response);
}

void talc_coap_inbound_take(coap_resource_t *resource, coap_session_t *session,
                            const coap_pdu_t *request, const coap_string_t *query,
                            coap_pdu_t *response)
{
    talc_coap_server *server = coap_resource_get_userdata(resource);
    talc_coap_pending arrived;
    (void)query;
    server->arrivals++;
    pending_fill(&arrived, session, request);
    if (arrived.type != COAP_MESSAGE_CON && arrived.type != COAP_MESSAGE_NON) {
        return; /* RFC 7252 section 4.2: ignored */
    }
    if (arrived.token_size > sizeof arrived.token || arrived.has_block1 == TALC_COAP_BLOCK_BAD ||
        arrived.has_block2 == TALC_COAP_BLOCK_BAD) {
        arrived.has_block1 = TALC_COAP_BLOCK_ABSENT;
        arrived.has_block2 = TALC_COAP_BLOCK_ABSENT;
        refuse(server, &arrived, response, COAP_RESPONSE_CODE(400));
        return;
    }
    server->face->arrive(server, &arrived, request, response);
}
