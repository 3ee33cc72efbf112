/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_LISTENER_H
#define TALC_TRANSPORT_COAP_LISTENER_H

/** What the files of the CoAP listener share. Everything belongs to the link and stays in its
 * thread. */

#include "talc/carrier.h"
#include "transport/coap_block.h"
#include "transport/coap_transfer.h"

#define TALC_COAP_TOKEN_SIZE_MAX 8

typedef struct talc_coap_server talc_coap_server;

/** A request that the server has not answered: the handle of talc_inbound. While the request's
 * callback runs, `response` is libcoap's (piggy-backed) response; afterwards it is NULL, libcoap
 * has sent the empty acknowledgement, and the session is held until the reply makes a message of
 * its own (RFC 7252 section 5.2.2). */
typedef struct talc_coap_pending {
    struct talc_coap_pending *prev, *next;
    coap_session_t *session;
    coap_pdu_t *response;
    int *replied; /**< set when the reply comes; valid as long as `response` */
    coap_pdu_type_t type;
    coap_mid_t message_id;
    uint8_t token[TALC_COAP_TOKEN_SIZE_MAX];
    size_t token_size;
    talc_coap_key key; /**< without tag */
    talc_coap_block_presence has_block1, has_block2;
    talc_coap_block block1, block2;
} talc_coap_pending;

struct talc_coap_server {
    talc_listener_events events;
    size_t body_size, anonymous_body_size;
    size_t single_size; /**< an answer above this goes block-wise */
    unsigned szx;
    uint16_t port;
    coap_context_t *context;
    talc_coap_pending *pending;
    size_t pending_count;
    talc_coap_transfers requests;
    talc_coap_transfers answers;
    size_t transfers;     /**< of both that were there after the last sweep */
    uint64_t separate_ms; /**< when the last separate response was sent, 0: never */
    uint32_t arrivals;    /**< requests so far */
};

/** Milliseconds of a clock that never goes back. */
uint64_t talc_coap_now_ms(void);

/* ---- coap_inbound.c */

/** libcoap's handler for the resource; its user data is the listener. */
void talc_coap_inbound_take(coap_resource_t *resource, coap_session_t *session,
                            const coap_pdu_t *request, const coap_string_t *query,
                            coap_pdu_t *response);

/* ---- coap_reply.c */

/** talc_listener.reply. */
void talc_coap_reply_give(void *link, void *handle, const talc_reply *reply);

/** Writes code, options and the block of `reply` that `pending` asks for into `pdu`, and keeps a
 * long body for the blocks that are asked for later. */
void talc_coap_reply_write(talc_coap_server *listener, const talc_coap_pending *pending,
                           coap_pdu_t *pdu, const talc_reply *reply);

/** Gives a pending request up without an answer. */
void talc_coap_pending_drop(talc_coap_server *listener, talc_coap_pending *pending);

#endif
