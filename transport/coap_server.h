/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_SERVER_H
#define TALC_TRANSPORT_COAP_SERVER_H

/**
 * A CoAP server: an endpoint, requests put together from their blocks, answers at once and later,
 * whole and in blocks (RFC 7959). The listener (coap_listener.c), the direct link
 * (coap_direct_server.c) and the server of a gateway (coap_message_server.c) are its faces.
 *
 * coap_server.c has what they call first; coap_inbound.c is what arrives, coap_reply.c what leaves.
 * Everything belongs to the server and stays in its thread.
 */

#include "transport/coap_block.h"
#include "transport/coap_option_list.h"
#include "transport/coap_security.h"
#include "transport/coap_separates.h"
#include "transport/coap_transfer.h"

#define TALC_COAP_TOKEN_SIZE_MAX 8
#define TALC_COAP_PENDING_MAX 4096 /* requests that wait for their answers */
#define TALC_COAP_RETRY_AFTER_S 2 /* of a server that is full */

typedef struct talc_coap_server talc_coap_server;

/** A request that the server has not answered: the handle of its user. While the request's callback
 * runs, `response` is libcoap's (piggy-backed) response; afterwards it is NULL and the session is
 * held. The acknowledgement has been sent, empty, and the answer makes a message of its own (RFC
 * 7252 section 5.2.2); or it is withheld for a moment, for the answer to ride with it. */
typedef struct talc_coap_pending {
    struct talc_coap_pending *prev, *next;
    coap_session_t *session;
    coap_pdu_t *response;
    int *replied; /**< set when the answer comes; valid as long as `response` */
    coap_pdu_type_t type;
    coap_mid_t message_id;
    uint8_t token[TALC_COAP_TOKEN_SIZE_MAX];
    size_t token_size;
    talc_coap_key key; /**< without tag */
    size_t limit;      /**< bytes that its body may have */
    uint32_t withhold_ms; /**< for which its acknowledgement may wait for the answer */
    uint64_t withheld_until_ms; /**< its acknowledgement leaves without the answer then; 0: it has
                                     left */
    talc_coap_block_presence has_block1, has_block2;
    talc_coap_block block1, block2;
    void *detail; /**< the face's, as long as `response` */
    struct talc_coap_duplicate *duplicate; /**< of the direct link */
    uint64_t guest;                        /**< likewise: talc_coap_guest.number */
    uint32_t unwanted; /**< of a gateway's server: No-Response (RFC 7967), 0 for none */
} talc_coap_pending;

/** What is answered. */
typedef struct talc_coap_answer {
    uint8_t code;
    int content_format; /**< as options hold them, or TALC_OPTION_ABSENT */
    const uint8_t *body;
    size_t body_size;
    uint32_t max_age_s; /**< 0: left out */
    uint32_t size1;     /**< of a 4.13: what would be taken; 0: left out */
    int is_kept;        /**< it comes from the server's own answers */
    talc_coap_option_list options; /**< borrowed: sent as they are, instead of format and age */
} talc_coap_answer;

/** What a face makes of requests. All within libcoap. */
typedef struct talc_coap_server_face {
    /** A message has arrived; its token and blocks are in order. Fills key and limit and calls
     * talc_coap_inbound_gather(), or writes the response. What leaves the response without a code
     * is acknowledged only. */
    void (*arrive)(talc_coap_server *server, talc_coap_pending *arrived,
                   const coap_pdu_t *request, coap_pdu_t *response);

    /** A request is whole: gives the handle to the user. It may be answered meanwhile. */
    void (*deliver)(talc_coap_server *server, talc_coap_pending *pending,
                    const talc_coap_body *body);

    /** Writes an error of the server's own. */
    void (*refuse)(talc_coap_server *server, const talc_coap_pending *arrived,
                   coap_pdu_t *response, coap_pdu_code_t code);

    /** A pending request that was not answered within deliver() has been. `response` is what its
     * repeats get, NULL for an acknowledgement alone. NULL: not wanted. */
    void (*settle)(talc_coap_server *server, talc_coap_pending *pending,
                   const coap_pdu_t *response);

    /** Counts one more confirmable separate response to the sender of a pending request; 0 if it
     * has had as many as it may in `span_ms`. NULL: they are counted in all only. */
    int (*separates_add)(talc_coap_pending *pending, uint64_t span_ms, uint64_t now_ms);
} talc_coap_server_face;

/** All pointers are the caller's, used during the call only, but security, config and face. */
typedef struct talc_coap_server_setup {
    const char *uri;
    const talc_coap_server_face *face;
    void *owner; /**< of the face */
    const talc_coap_security *security;
    const talc_config *config; /**< for the security; may be NULL in `none` */
    void (*tell)(void *context, const talc_event *event);
    void *tell_context;
    size_t message_size; /**< largest payload of a message that is no block */
    size_t block_size;   /**< below 512 every body travels in blocks of it */
    uint16_t ack_timeout_s, max_retransmit, nstart; /**< of separate responses */
    size_t separate_max;  /**< of them that are confirmable while one is given up: in all */
    size_t transfers_max; /**< half-received requests, and kept answers */
} talc_coap_server_setup;

struct talc_coap_server {
    const talc_coap_server_face *face;
    void *owner;
    const talc_coap_security *security;
    void *security_state;
    uint16_t ack_timeout_s, max_retransmit, nstart;
    size_t single_size; /**< an answer above this goes block-wise */
    unsigned szx;
    uint16_t port;
    coap_context_t *context;
    talc_coap_pending *pending;
    size_t pending_count;
    size_t withheld; /**< of them, acknowledgements */
    talc_coap_transfers requests;
    talc_coap_transfers answers;
    size_t transfers;     /**< of both that were there after the last sweep */
    uint64_t separate_ms; /**< when the last separate response was sent, 0: never */
    size_t separate_max;
    talc_coap_separates separates;
    uint32_t arrivals;    /**< requests and events so far */
};

/* ---- coap_server.c: what the faces call */

/** Errors as talc_listener.open(). What stands in `server` then has to be closed all the same. */
talc_status talc_coap_server_open(talc_coap_server *server, const talc_coap_server_setup *setup,
                                  talc_failure *failure);

/** Ends all. `server` itself is the caller's. */
void talc_coap_server_close(talc_coap_server *server);

/** These three as in talc_listener. */
talc_status talc_coap_server_process(talc_coap_server *server);
int talc_coap_server_descriptor(const talc_coap_server *server);
uint32_t talc_coap_server_timeout_ms(const talc_coap_server *server);

/** MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2) with the parameters of separate responses. */
uint64_t talc_coap_separate_span_ms(const talc_coap_server *server);

/* ---- coap_inbound.c */

/** libcoap's handler for resources; their user data is the server. */
void talc_coap_inbound_take(coap_resource_t *resource, coap_session_t *session,
                            const coap_pdu_t *request, const coap_string_t *query,
                            coap_pdu_t *response);

typedef enum talc_coap_gathered {
    TALC_COAP_GATHERED_ANSWERED, /**< the response is written, or is none */
    TALC_COAP_GATHERED_HELD      /**< delivered, and waiting for its answer */
} talc_coap_gathered;

/** Puts the body together and delivers it when it is whole. Blocks that are missing, kept answers
 * and refusals are dealt with. */
talc_coap_gathered talc_coap_inbound_gather(talc_coap_server *server, talc_coap_pending *arrived,
                                            const coap_pdu_t *request, coap_pdu_t *response);

/* ---- coap_reply.c */

/** Answers a handle and gives it up. `answer` NULL: there is none. TALC_OK;
 * TALC_ERROR_SESSION_LOST: nobody hears it; TALC_ERROR_MEMORY. */
talc_status talc_coap_reply_give(talc_coap_server *server, talc_coap_pending *pending,
                                 const talc_coap_answer *answer);

/** Writes code, options and the block of `answer` that `pending` asks for into `pdu`, and keeps a
 * long body for the blocks that are asked for later. */
void talc_coap_reply_write(talc_coap_server *server, const talc_coap_pending *pending,
                           coap_pdu_t *pdu, const talc_coap_answer *answer);

/** Gives a pending request up without an answer. */
void talc_coap_pending_drop(talc_coap_server *server, talc_coap_pending *pending);

/** Sends the acknowledgements whose time has come. */
void talc_coap_acknowledgements_send(talc_coap_server *server, uint64_t now_ms);

/** Milliseconds until that is wanted, UINT32_MAX for never. */
uint32_t talc_coap_acknowledgements_timeout_ms(const talc_coap_server *server, uint64_t now_ms);

/** Whether this is a repeat of a message whose acknowledgement is withheld. */
int talc_coap_acknowledgement_is_withheld(const talc_coap_server *server,
                                          const talc_coap_pending *arrived);

/** Makes libcoap send nothing at all for the message that it is processing. */
void talc_coap_response_withhold(coap_pdu_t *response);

#endif
