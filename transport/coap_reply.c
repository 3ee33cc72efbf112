/* SPDX-License-Identifier: MIT */
/* What leaves a server: answers at once and later, whole and in blocks. */
#include "transport/coap_server.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define ETAG_SIZE 8

/* Bytes of the options that are written here, at most, and of the payload's marker. */
#define OWN_OPTIONS_SIZE (9 /* ETag */ + 3 /* format */ + 5 /* age */ + 2 * 4 /* blocks */ + 15)
#define HOP_LIMIT_MAX 255
#define MARKER_SIZE 1

/* The part of an answer that goes into one message. */
typedef struct slice {
    talc_coap_block block;
    size_t offset, size;
    int is_block; /* 0: the whole body */
    int exists;   /* 0: it begins behind the end */
    int fits;     /* 0: the options leave no room for it */
} slice;

/* What token and options leave for a payload in a message to this peer; the same for every block of
 * an answer. 0 if they do not fit themselves. */
static size_t room_of(const talc_coap_pending *pending, const talc_coap_answer *answer)
{
    size_t taken = pending->token_size + OWN_OPTIONS_SIZE + MARKER_SIZE +
                   talc_coap_option_list_size(&answer->options);
    size_t size = coap_session_max_pdu_size(pending->session);
    return size > taken ? size - taken : 0;
}

/* A client that asked for a size of block gets no larger one (RFC 7959 section 2.4). A short
 * error is no block of the answer that a later block was asked of: it comes whole. */
static slice slice_of(const talc_coap_server *server, const talc_coap_pending *pending,
                      const talc_coap_answer *answer)
{
    slice cut = { .block.szx = server->szx };
    size_t body_size = answer->body_size;
    size_t room = room_of(pending, answer);
    size_t single_size = server->single_size < room ? server->single_size : room;
    bool is_error = COAP_RESPONSE_CLASS(answer->code) > 2 && pending->block2.number > 0 &&
                    body_size <= single_size;
    if (pending->has_block2 == TALC_COAP_BLOCK_PRESENT && !is_error) {
        cut.block.szx = pending->block2.szx;
        cut.offset = talc_coap_block_offset(&pending->block2);
        if (cut.block.szx > server->szx) {
            cut.block.szx = server->szx;
        }
    }
    while (cut.block.szx > 0 && talc_coap_block_size(&cut.block) > room) {
        cut.block.szx--;
    }
    size_t block_size = talc_coap_block_size(&cut.block);
    cut.block.number = (uint32_t)(cut.offset / block_size);
    cut.is_block = body_size > single_size || cut.offset > 0 ||
                   (pending->has_block2 == TALC_COAP_BLOCK_PRESENT && body_size > block_size &&
                    !is_error);
    cut.exists = cut.offset == 0 || cut.offset < body_size;
    cut.size = cut.exists ? body_size - cut.offset : 0;
    if (cut.is_block && cut.size > block_size) {
        cut.size = block_size;
        cut.block.more = 1;
    }
    cut.fits = room > 0 && cut.size <= room;
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

static bool brings(const talc_coap_answer *answer, uint16_t number)
{
    for (size_t i = 0; i < answer->options.count; i++) {
        if (answer->options.options[i].number == number) {
            return true;
        }
    }
    return false;
}

/* The answer's own version is kept; where it has none, the blocks need one. */
static bool needs_etag(const talc_coap_answer *answer, const slice *cut)
{
    return cut->is_block && !brings(answer, COAP_OPTION_ETAG);
}

/* libcoap drops a 5.08 without a word that has its own address in it, as after any loop over one
 * host, unless there is a Hop-Limit for the way back. */
static bool needs_hop_limit(const talc_coap_answer *answer)
{
    return answer->code == COAP_RESPONSE_CODE(508) && !brings(answer, COAP_OPTION_HOP_LIMIT);
}

static void uint_add_unless(talc_coap_option_writer *writer, coap_option_num_t number,
                            bool is_absent, uint32_t value)
{
    if (!is_absent) {
        talc_coap_option_writer_uint(writer, number, value);
    }
}

/* In the order of the options' numbers. */
static int options_add(coap_pdu_t *pdu, const talc_coap_pending *pending,
                       const talc_coap_answer *answer, const slice *cut)
{
    talc_coap_option_writer writer = { .pdu = pdu, .passed = &answer->options, .ok = 1 };
    uint8_t etag[ETAG_SIZE];
    if (needs_etag(answer, cut)) {
        etag_of(answer->body, answer->body_size, etag);
        talc_coap_option_writer_bytes(&writer, COAP_OPTION_ETAG, etag, sizeof etag);
    }
    uint_add_unless(&writer, COAP_OPTION_CONTENT_FORMAT,
                    answer->content_format == TALC_OPTION_ABSENT,
                    (uint32_t)answer->content_format);
    uint_add_unless(&writer, COAP_OPTION_MAXAGE, answer->max_age_s == 0, answer->max_age_s);
    uint_add_unless(&writer, COAP_OPTION_HOP_LIMIT, !needs_hop_limit(answer), HOP_LIMIT_MAX);
    if (cut->is_block) {
        talc_coap_option_writer_block(&writer, COAP_OPTION_BLOCK2, &cut->block);
    }
    if (pending->has_block1 == TALC_COAP_BLOCK_PRESENT) {
        talc_coap_option_writer_block(&writer, COAP_OPTION_BLOCK1, &pending->block1);
    }
    uint_add_unless(&writer, COAP_OPTION_SIZE2, !cut->is_block || cut->block.number > 0,
                    (uint32_t)answer->body_size);
    uint_add_unless(&writer, COAP_OPTION_SIZE1, answer->size1 == 0, answer->size1);
    return talc_coap_option_writer_end(&writer);
}

/* Without memory the later blocks are asked from the server. */
static void answer_keep(talc_coap_server *server, const talc_coap_pending *pending,
                        const talc_coap_answer *answer)
{
    talc_coap_transfer *kept =
        talc_coap_transfer_begin(&server->answers, &pending->key, talc_coap_now_ms());
    talc_coap_body whole = { .bytes = (uint8_t *)(uintptr_t)answer->body, /* read only */
                             .size = answer->body_size };
    kept->code = answer->code;
    kept->content_format = answer->content_format;
    if (talc_coap_option_list_copy(&kept->options, answer->options.options,
                                   answer->options.count) != TALC_OK ||
        talc_coap_transfer_append(&server->answers, kept, &whole, whole.size) != TALC_OK) {
        talc_coap_transfer_end(kept);
    }
}

/* An answer whose options are too long for a message: it comes from elsewhere. */
static void overflow_write(coap_pdu_t *pdu)
{
    static const char reason[] = "the options of the response do not fit into a message";
    coap_pdu_set_code(pdu, COAP_RESPONSE_CODE(502));
    coap_add_data(pdu, sizeof reason - 1, (const uint8_t *)reason);
}

void talc_coap_reply_write(talc_coap_server *server, const talc_coap_pending *pending,
                           coap_pdu_t *pdu, const talc_coap_answer *answer)
{
    slice cut = slice_of(server, pending, answer);
    if (!cut.exists || COAP_RESPONSE_CLASS(answer->code) < 2 ||
        COAP_RESPONSE_CLASS(answer->code) > 5) {
        coap_pdu_set_code(pdu, cut.exists ? COAP_RESPONSE_CODE(500) : COAP_RESPONSE_CODE(400));
        return;
    }
    if (!cut.fits) {
        overflow_write(pdu);
        return;
    }
    coap_pdu_set_code(pdu, (coap_pdu_code_t)answer->code);
    if (!options_add(pdu, pending, answer, &cut) ||
        (cut.size > 0 && !coap_add_data(pdu, cut.size, answer->body + cut.offset))) {
        coap_pdu_set_code(pdu, COAP_RESPONSE_CODE(500));
        return;
    }
    if (cut.is_block && cut.block.more && !answer->is_kept) {
        answer_keep(server, pending, answer);
    }
}

/* Above a number they are sent once, or a client that asks and never acknowledges could make
 * libcoap keep any number. It says when there are none at all. */
static int may_be_confirmable(talc_coap_server *server, talc_coap_pending *pending,
                              uint64_t now_ms)
{
    uint64_t span_ms = talc_coap_separate_span_ms(server);
    if (server->face->separates_add != NULL &&
        !server->face->separates_add(pending, span_ms, now_ms)) {
        return 0;
    }
    if (talc_coap_separates_add(&server->separates, server->separate_max, span_ms, now_ms)) {
        return 1;
    }
    if (!coap_can_exit(server->context)) {
        return 0;
    }
    server->separates.now = server->separates.before = 0;
    return 1;
}

static coap_pdu_type_t reply_type(talc_coap_server *server, talc_coap_pending *pending,
                                  uint64_t now_ms)
{
    return pending->type == COAP_MESSAGE_CON && may_be_confirmable(server, pending, now_ms)
               ? COAP_MESSAGE_CON
               : COAP_MESSAGE_NON;
}

/* A message of its own, repeated until the client acknowledges it. */
static talc_status reply_send(talc_coap_server *server, talc_coap_pending *pending,
                              const talc_coap_answer *answer)
{
    coap_session_t *session = pending->session;
    if (coap_session_get_state(session) != COAP_SESSION_STATE_ESTABLISHED) {
        return TALC_ERROR_SESSION_LOST; /* to send would begin a handshake */
    }
    server->separate_ms = talc_coap_now_ms();
    coap_pdu_t *pdu = coap_new_pdu(reply_type(server, pending, server->separate_ms),
                                   COAP_RESPONSE_CODE(204), session);
    if (pdu == NULL) {
        return TALC_ERROR_MEMORY;
    }
    if (!coap_add_token(pdu, pending->token_size, pending->token)) {
        coap_delete_pdu(pdu);
        return TALC_ERROR_MEMORY;
    }
    talc_coap_reply_write(server, pending, pdu, answer);
    coap_session_set_ack_timeout(session, (coap_fixed_point_t){ server->ack_timeout_s, 0 });
    coap_session_set_max_retransmit(session, server->max_retransmit);
    coap_session_set_nstart(session, server->nstart);
    return coap_send(session, pdu) != COAP_INVALID_MID ? TALC_OK : TALC_ERROR_SESSION_LOST;
}

/* ---------------------------------------------------------------- ends */

static void settle(talc_coap_server *server, talc_coap_pending *pending,
                   const coap_pdu_t *response)
{
    if (server->face->settle != NULL) {
        server->face->settle(server, pending, response);
    }
}

static void withheld_end(talc_coap_server *server, talc_coap_pending *pending)
{
    server->withheld -= pending->withheld_until_ms != 0 ? 1 : 0;
    pending->withheld_until_ms = 0;
}

static void pending_remove(talc_coap_server *server, talc_coap_pending *pending)
{
    withheld_end(server, pending);
    DL_DELETE(server->pending, pending);
    server->pending_count--;
    coap_session_release(pending->session);
    free(pending);
}

void talc_coap_pending_drop(talc_coap_server *server, talc_coap_pending *pending)
{
    settle(server, pending, NULL);
    pending_remove(server, pending);
}

/* The acknowledgement that was withheld, with the answer. If it is lost, the client repeats its
 * request and gets the same again. */
static talc_status acknowledgement_send(talc_coap_server *server, talc_coap_pending *pending,
                                        const talc_coap_answer *answer)
{
    size_t size = answer != NULL ? coap_session_max_pdu_size(pending->session) : 0;
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, 0, pending->message_id, size);
    if (pdu == NULL ||
        (answer != NULL && !coap_add_token(pdu, pending->token_size, pending->token))) {
        coap_delete_pdu(pdu);
        settle(server, pending, NULL);
        return TALC_ERROR_MEMORY;
    }
    if (answer != NULL) {
        talc_coap_reply_write(server, pending, pdu, answer);
    }
    settle(server, pending, pdu);
    return coap_send(pending->session, pdu) != COAP_INVALID_MID ? TALC_OK
                                                               : TALC_ERROR_SESSION_LOST;
}

talc_status talc_coap_reply_give(talc_coap_server *server, talc_coap_pending *pending,
                                 const talc_coap_answer *answer)
{
    talc_status status = TALC_OK;
    if (pending->response == NULL) {
        if (pending->withheld_until_ms != 0) {
            status = acknowledgement_send(server, pending, answer);
        } else {
            status = answer != NULL ? reply_send(server, pending, answer) : TALC_OK;
            settle(server, pending, NULL);
        }
        pending_remove(server, pending);
        return status;
    }
    *pending->replied = 1;
    if (answer != NULL) {
        talc_coap_reply_write(server, pending, pending->response, answer);
    }
    free(pending);
    return TALC_OK;
}

/* ---------------------------------------------------------------- acknowledgements */

/* What is empty and not confirmable libcoap does not send. */
void talc_coap_response_withhold(coap_pdu_t *response)
{
    coap_pdu_set_type(response, COAP_MESSAGE_NON);
}

void talc_coap_acknowledgements_send(talc_coap_server *server, uint64_t now_ms)
{
    talc_coap_pending *at = server->withheld > 0 ? server->pending : NULL;
    for (; at != NULL; at = at->next) {
        if (at->withheld_until_ms != 0 && at->withheld_until_ms <= now_ms) {
            coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, 0, at->message_id, 0);
            withheld_end(server, at);
            if (pdu != NULL) {
                (void)coap_send(at->session, pdu);
            }
        }
    }
}

uint32_t talc_coap_acknowledgements_timeout_ms(const talc_coap_server *server, uint64_t now_ms)
{
    const talc_coap_pending *at = server->withheld > 0 ? server->pending : NULL;
    uint64_t first_ms = UINT64_MAX;
    for (; at != NULL; at = at->next) {
        if (at->withheld_until_ms != 0 && at->withheld_until_ms < first_ms) {
            first_ms = at->withheld_until_ms;
        }
    }
    if (first_ms == UINT64_MAX) {
        return UINT32_MAX;
    }
    return first_ms > now_ms ? (uint32_t)(first_ms - now_ms) : 0;
}

int talc_coap_acknowledgement_is_withheld(const talc_coap_server *server,
                                          const talc_coap_pending *arrived)
{
    const talc_coap_pending *at = server->withheld > 0 ? server->pending : NULL;
    while (at != NULL && !(at->withheld_until_ms != 0 && at->session == arrived->session &&
                           at->message_id == arrived->message_id)) {
        at = at->next;
    }
    return at != NULL;
}
