/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_CLIENT_H
#define TALC_TRANSPORT_COAP_CLIENT_H

/** What the files of the CoAP client share: its link, the paths (one source port each) and the
 * exchanges that are open on them. Everything belongs to the link and stays in its thread. */

#include "talc/carrier.h"
#include "transport/coap_address.h"
#include "transport/coap_block.h"

#define TALC_COAP_EXCHANGES_MAX 16
#define TALC_COAP_PATHS_MAX 4
#define TALC_COAP_NSTART 2
#define TALC_COAP_MAX_RETRANSMIT 2
#define TALC_COAP_TOKEN_SIZE 8
#define TALC_COAP_ETAG_SIZE 8
#define TALC_COAP_ID_TEXT_SIZE 16 /* a session id in base64url */

typedef struct talc_coap_client talc_coap_client;

/** A libcoap session: one source port to the server or the proxy. */
typedef struct talc_coap_path {
    talc_coap_client *client;
    coap_session_t *session; /**< NULL: this path is not in use */
    unsigned outstanding;    /**< requests without any answer yet, also forgotten ones */
    int broken;              /**< take another one for the next request */
} talc_coap_path;

/** How a request names the server to a forward proxy. */
typedef enum talc_coap_proxy_form {
    TALC_COAP_DIRECT,       /**< not at all: there is no proxy */
    TALC_COAP_PROXY_URI,    /**< RFC 7252 section 5.10.2; every libcoap proxy takes this */
    TALC_COAP_PROXY_SCHEME, /**< with Uri-Host and Uri-Port; aiocoap's takes only this */
} talc_coap_proxy_form;

typedef enum talc_coap_exchange_state {
    TALC_COAP_FREE = 0,
    TALC_COAP_OPEN,
    TALC_COAP_DONE /**< the outcome waits to be told */
} talc_coap_exchange_state;

typedef struct talc_coap_exchange {
    talc_coap_exchange_state state;
    uint32_t number;                     /**< the caller's name for it */
    uint64_t order;                      /**< of becoming DONE */
    talc_coap_path *path;                /**< while OPEN */
    uint8_t token[TALC_COAP_TOKEN_SIZE]; /**< of the message that waits for its response */
    char id[TALC_COAP_ID_TEXT_SIZE];
    uint32_t tag; /**< Request-Tag of its blocks */
    int other_form_tried;

    talc_coap_body request;
    talc_coap_block block1; /**< the block that was sent last, if the body travels in blocks */
    talc_coap_block block2; /**< the block of the answer that was asked for last */
    int fetching;           /**< 1 once the rest of the answer is asked for */

    talc_outcome outcome;
    uint8_t code;
    uint32_t retry_after_ms;
    uint8_t etag[TALC_COAP_ETAG_SIZE];
    size_t etag_size;
    talc_coap_body answer;
} talc_coap_exchange;

struct talc_coap_client {
    talc_carrier_events events;
    talc_carrier_limits limits;
    size_t single_size; /**< a request body above this goes block-wise */
    int blocks_only;    /**< answers too are asked for in blocks of szx */
    unsigned szx;
    talc_coap_uri server;
    talc_coap_addresses next_hop; /**< of the server or the proxy */
    size_t address;               /**< which of them the next path leads to */
    char *path;                   /**< of the resource, without the first slash */
    talc_coap_proxy_form form;
    coap_context_t *context;
    talc_coap_path paths[TALC_COAP_PATHS_MAX];
    size_t oldest;           /**< path that gives way when there are too many */
    talc_coap_path *current; /**< NULL: the next request takes a new one */
    talc_coap_exchange exchanges[TALC_COAP_EXCHANGES_MAX];
    uint64_t done;     /**< exchanges so far */
    uint32_t tags;     /**< Request-Tags so far */
    uint32_t arrivals; /**< callbacks of libcoap so far */
};

/* ---- coap_path.c */

/** The path for a new exchange: the current one unless it is broken, busy (NSTART) or `attempt`
 * asks for a fresh one. NULL if the system gives none. */
talc_coap_path *talc_coap_path_take(talc_coap_client *client, uint32_t attempt);

/** Closes paths that nobody needs any more. Not to be called from within libcoap. */
void talc_coap_paths_sweep(talc_coap_client *client);

/** Ends every path at once. */
void talc_coap_paths_close(talc_coap_client *client);

/* ---- coap_request.c */

/** Bytes that the token and the options of a request take at most, in whichever form. */
size_t talc_coap_request_overhead(const talc_coap_client *client);

/** Sends the next message of an exchange: the body, its next block, or the demand for the next
 * block of the answer, under a new token. TALC_OK, TALC_ERROR_MEMORY, TALC_ERROR_UNREACHABLE (the
 * path is marked broken). */
talc_status talc_coap_request_send(talc_coap_client *client, talc_coap_exchange *exchange);

/* ---- coap_response.c */

/** Ends an exchange that is open; its outcome is told in the next delivery. */
void talc_coap_exchange_end(talc_coap_client *client, talc_coap_exchange *exchange,
                            talc_outcome outcome);

/** Ends all exchanges that are open on a path. */
void talc_coap_exchanges_end(talc_coap_path *path, talc_outcome outcome);

/** Makes an exchange FREE. */
void talc_coap_exchange_clear(talc_coap_exchange *exchange);

/** Lets libcoap's responses and failures reach the exchanges. */
void talc_coap_responses_register(coap_context_t *context);

#endif
