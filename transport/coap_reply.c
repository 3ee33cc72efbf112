/* SPDX-License-Identifier: MIT */
/* What leaves a server: replies at once and later, whole and in blocks. */
#include "transport/coap_listener.h"

#include <stdbool.h>
#include <stdlib.h>
#include <utlist.h>

#define ETAG_SIZE 8
#define SEPARATE_ACK_TIMEOUT_S 1

/* The part of an answer that goes into one message. */
typedef struct slice {
    talc_coap_block block;
    size_t offset, size;
    int is_block; /* 0: the whole body */
    int exists;   /* 0: it begins behind the end */
} slice;

/* A client that asked for a size of block gets no larger one (RFC 7959 section 2.4). A short
 * error is no block of the answer that a later block was asked of: it comes whole. */
static slice slice_of(const talc_coap_server *listener, const talc_coap_pending *pending,
                      const talc_reply *reply)
{
    slice cut = { .block.szx = listener->szx };
    size_t body_size = reply->body_size;
    bool is_error = COAP_RESPONSE_CLASS(reply->code) > 2 && pending->block2.number > 0 &&
                    body_size <= listener->single_size;
    if (pending->has_block2 == TALC_COAP_BLOCK_PRESENT && !is_error) {
        cut.block.szx = pending->block2.szx;
        cut.offset = talc_coap_block_offset(&pending->block2);
        if (cut.block.szx > listener->szx) {
            cut.block.szx = listener->szx;
        }
    }
    size_t block_size = talc_coap_block_size(&cut.block);
    cut.block.number = (uint32_t)(cut.offset / block_size);
    cut.is_block = body_size > listener->single_size || cut.offset > 0 ||
                   (pending->has_block2 == TALC_COAP_BLOCK_PRESENT && body_size > block_size &&
                    !is_error);
    cut.exists = cut.offset == 0 || cut.offset < body_size;
    cut.size = cut.exists ? body_size - cut.offset : 0;
    if (cut.is_block && cut.size > block_size) {
        cut.size = block_size;
        cut.block.more = 1;
    }
    return cut;
}

/* FNV-1a. The same bytes get the same version, so that a doubled request does not look like a
 * changed answer to the client that is fetching it. */
static void etag_of(const uint8_t *bytes, size_t size, uint8_t etag[ETAG_SIZE])
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 1099511628211u;
    }
    for (size_t i = 0; i < ETAG_SIZE; i++) {
        etag[i] = (uint8_t)(hash >> (8 * i));
    }
}

/* In the order of the options' numbers. */
static int options_add(coap_pdu_t *pdu, const talc_coap_pending *pending, const talc_reply *reply,
                       const slice *cut)
{
    uint8_t etag[ETAG_SIZE];
    int ok = 1;
    if (cut->is_block) {
        etag_of(reply->body, reply->body_size, etag);
        ok = coap_add_option(pdu, COAP_OPTION_ETAG, sizeof etag, etag) > 0;
    }
    if (reply->body_size > 0) {
        ok = ok && talc_coap_uint_add(pdu, COAP_OPTION_CONTENT_FORMAT, TALC_COAP_CONTENT_JSON);
    }
    if (reply->code == COAP_RESPONSE_CODE(503) && reply->retry_after_s > 0) {
        ok = ok && talc_coap_uint_add(pdu, COAP_OPTION_MAXAGE, reply->retry_after_s);
    }
    if (cut->is_block) {
        ok = ok && talc_coap_block_add(pdu, COAP_OPTION_BLOCK2, &cut->block);
    }
    if (pending->has_block1 == TALC_COAP_BLOCK_PRESENT) {
        ok = ok && talc_coap_block_add(pdu, COAP_OPTION_BLOCK1, &pending->block1);
    }
    if (cut->is_block && cut->block.number == 0) {
        ok = ok && talc_coap_uint_add(pdu, COAP_OPTION_SIZE2, (uint32_t)reply->body_size);
    }
    return ok;
}

/* Without memory the later blocks are asked from the server. */
static void answer_keep(talc_coap_server *listener, const talc_coap_pending *pending,
                        const talc_reply *reply)
{
    talc_coap_transfer *kept =
        talc_coap_transfer_begin(&listener->answers, &pending->key, talc_coap_now_ms());
    kept->code = reply->code;
    if (talc_coap_body_append(&kept->body, reply->body, reply->body_size, reply->body_size) !=
        TALC_OK) {
        talc_coap_transfer_end(kept);
    }
}

void talc_coap_reply_write(talc_coap_server *listener, const talc_coap_pending *pending,
                           coap_pdu_t *pdu, const talc_reply *reply)
{
    slice cut = slice_of(listener, pending, reply);
    if (!cut.exists || COAP_RESPONSE_CLASS(reply->code) < 2 ||
        COAP_RESPONSE_CLASS(reply->code) > 5) {
        coap_pdu_set_code(pdu, cut.exists ? COAP_RESPONSE_CODE(500) : COAP_RESPONSE_CODE(400));
        return;
    }
    coap_pdu_set_code(pdu, (coap_pdu_code_t)reply->code);
    if (!options_add(pdu, pending, reply, &cut) ||
        (cut.size > 0 && !coap_add_data(pdu, cut.size, reply->body + cut.offset))) {
        coap_pdu_set_code(pdu, COAP_RESPONSE_CODE(500));
        return;
    }
    if (cut.is_block && cut.block.number == 0) {
        answer_keep(listener, pending, reply);
    }
}

/* A message of its own, repeated until the client acknowledges it. */
static void reply_send(talc_coap_server *listener, const talc_coap_pending *pending,
                       const talc_reply *reply)
{
    coap_session_t *session = pending->session;
    coap_pdu_t *pdu =
        coap_new_pdu(pending->type == COAP_MESSAGE_NON ? COAP_MESSAGE_NON : COAP_MESSAGE_CON,
                     COAP_RESPONSE_CODE(204), session);
    if (pdu == NULL) {
        return;
    }
    if (!coap_add_token(pdu, pending->token_size, pending->token)) {
        coap_delete_pdu(pdu);
        return;
    }
    talc_coap_reply_write(listener, pending, pdu, reply);
    coap_session_set_ack_timeout(session, (coap_fixed_point_t){ SEPARATE_ACK_TIMEOUT_S, 0 });
    coap_session_set_max_retransmit(session, 2);
    coap_session_set_nstart(session, 2);
    coap_send(session, pdu);
    listener->separate_ms = talc_coap_now_ms();
}

void talc_coap_pending_drop(talc_coap_server *listener, talc_coap_pending *pending)
{
    DL_DELETE(listener->pending, pending);
    listener->pending_count--;
    coap_session_release(pending->session);
    free(pending);
}

void talc_coap_reply_give(void *link, void *handle, const talc_reply *reply)
{
    talc_coap_server *listener = link;
    talc_coap_pending *pending = handle;
    if (pending->response == NULL) {
        if (reply != NULL) {
            reply_send(listener, pending, reply);
        }
        talc_coap_pending_drop(listener, pending);
        return;
    }
    *pending->replied = 1;
    if (reply != NULL) {
        talc_coap_reply_write(listener, pending, pending->response, reply);
    }
    free(pending);
}
