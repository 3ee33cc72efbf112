/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_CLIENT_H
#define TALC_TRANSPORT_COAP_CLIENT_H

/**
 * A CoAP client: requests and their responses, block-wise transfer (RFC 7959), proxies and source
 * ports. The carrier (coap_carrier.c), the direct link (coap_direct_client.c) and the client of a
 * gateway (coap_message_client.c) are its faces.
 *
 * coap_client.c has what they call; coap_path.c, coap_request.c and coap_response.c are its parts.
 * Everything belongs to the client and stays in its thread.
 */

#include "transport/coap_address.h"
#include "transport/coap_block.h"
#include "transport/coap_option_list.h"
#include "transport/coap_security.h"

#define TALC_COAP_PATHS_MAX 32
#define TALC_COAP_TOKEN_SIZE 8
#define TALC_COAP_ETAG_SIZE 8

typedef struct talc_coap_client talc_coap_client;

/** A libcoap session: one source port to the server or the proxy. */
typedef struct talc_coap_path {
    talc_coap_client *client;
    coap_session_t *session; /**< NULL: this path is not in use */
    int is_ready;            /**< its security lets requests pass */
    uint64_t taken;          /**< when, counted in exchanges */
    uint32_t tie;            /**< of a client with ties: the kind of exchange that goes here */
    unsigned outstanding;    /**< requests without any answer yet, also forgotten ones */
    uint32_t heard;          /**< responses and resets so far */
    int broken;              /**< take another one for the next request */
    int is_dead;             /**< nobody is at its other end */
    int is_unacknowledged;   /**< the message with the token below is, as far as we know */
    uint8_t token[TALC_COAP_TOKEN_SIZE]; /**< of the last message */
    coap_mid_t separate_id;  /**< of the last confirmable response */
    uint64_t separate_ms;    /**< when it came; 0: never */
} talc_coap_path;

/** How a request names the server to a forward proxy. */
typedef enum talc_coap_proxy_form {
    TALC_COAP_FORM_DIRECT,       /**< not at all: there is no proxy */
    TALC_COAP_FORM_URI,    /**< RFC 7252 section 5.10.2; every libcoap proxy takes this */
    TALC_COAP_FORM_SCHEME, /**< with Uri-Host and Uri-Port; aiocoap's takes only this */
} talc_coap_proxy_form;

/** How an exchange ended. */
typedef enum talc_coap_end {
    TALC_COAP_ANSWERED,
    TALC_COAP_GIVEN_UP,     /**< MAX_RETRANSMIT repeats without an answer */
    TALC_COAP_RESET,        /**< the other side knows nothing of it */
    TALC_COAP_UNREACHABLE,  /**< the operating system says so, or there is no path any more */
    TALC_COAP_TOO_LARGE,    /**< the answer is longer than the limit */
    TALC_COAP_BROKEN,       /**< blocks that do not fit together */
    TALC_COAP_CHANGED,      /**< the answer changed while it was fetched */
    TALC_COAP_NO_MEMORY,
    TALC_COAP_INSECURE      /**< the client's `insecurity` says why */
} talc_coap_end;

typedef enum talc_coap_exchange_state {
    TALC_COAP_WAITING, /**< for a path that lets it pass; NSTART */
    TALC_COAP_OPEN,    /**< sent */
    TALC_COAP_DONE     /**< the end waits to be told */
} talc_coap_exchange_state;

/** What is sent. Path and query are in the form of talc_path_normalize(), "" for none. */
typedef struct talc_coap_request {
    uint8_t code;
    const char *path;
    const char *query;
    int content_format; /**< as options hold them, or TALC_OPTION_ABSENT */
    int accept;
    const uint8_t *body;
    size_t body_size;
    talc_coap_option_list options; /**< sent as they are, of a client that passes options */
} talc_coap_request;

typedef struct talc_coap_exchange {
    struct talc_coap_exchange *prev, *next; /* utlist.h */
    talc_coap_exchange_state state;
    uint32_t number;                     /**< the caller's name for it */
    talc_coap_path *path;                /**< unless DONE; may be NULL while WAITING */
    int was_sent;                        /**< any message of it */
    uint32_t heard;                      /**< of the path, when the last message was sent */
    size_t addresses_left;               /**< to be tried when this one is unreachable */
    uint8_t token[TALC_COAP_TOKEN_SIZE]; /**< of the message that waits for its response */

    talc_coap_request request; /**< texts, body and options are copies that belong to it */
    talc_coap_proxy_form form;
    int other_form_tried;
    uint32_t tag;           /**< Request-Tag of its blocks */
    int is_planned;         /**< what follows fits the path */
    size_t single_size;     /**< a body above this goes block-wise */
    talc_coap_block block1; /**< the block that was sent last, if the body travels in blocks */
    talc_coap_block block2; /**< the block of the answer that was asked for last */
    int wants_blocks;       /**< the answer is asked for in blocks of szx */
    int is_fetching;        /**< 1 once the rest of the answer is asked for */
    int has_restarted;

    talc_coap_end end;
    uint8_t code;            /**< of the answer */
    int content_format;      /**< of the answer, or TALC_OPTION_ABSENT */
    uint32_t refused_option; /**< as in talc_frame */
    uint32_t max_age_s;      /**< 0: none given */
    uint8_t etag[TALC_COAP_ETAG_SIZE];
    size_t etag_size;
    talc_coap_body answer;
    talc_coap_option_list answer_options; /**< of its first block, if the client passes options */
} talc_coap_exchange;

/** RFC 7252 section 4.8, and what happens to a request above NSTART. */
typedef struct talc_coap_transmission {
    uint16_t ack_timeout_s;
    uint16_t max_retransmit;
    uint16_t nstart;
    enum {
        TALC_COAP_QUEUES, /**< it waits on the same source port; but through a proxy every
                               exchange has a source port for itself while it lasts, because
                               libcoap's confuses the long answers of one port */
        TALC_COAP_SPREADS, /**< it takes another source port */
        TALC_COAP_PARTS    /**< every exchange has a source port for itself while it lasts, and
                                waits where there is none */
    } above_nstart;
} talc_coap_transmission;

/** All pointers are the caller's, used during the call only, but security, config and `ended`. */
typedef struct talc_coap_client_setup {
    const char *uri;                      /**< behind a proxy http:// and https:// too */
    const char *proxy_uri;                /**< NULL: none */
    const talc_coap_security *security;
    const talc_config *config;            /**< for the security; may be NULL in `none` */
    const char *server_name;              /**< likewise */
    size_t message_size;                  /**< largest payload of a message that is no block */
    size_t block_size;                    /**< below 512 every body travels in blocks of it */
    size_t body_size;                     /**< largest body of a request or an answer */
    size_t exchanges_max;
    int passes_options; /**< requests bring all of their options, and answers keep theirs */
    talc_coap_transmission transmission;
    /** From talc_coap_client_process() only; may send and cancel. */
    void (*ended)(void *context, const talc_coap_exchange *exchange);
    void *context;
} talc_coap_client_setup;

struct talc_coap_client {
    const talc_coap_security *security;
    void *security_state;
    talc_failure insecurity; /**< of the path that failed last */
    size_t single_size;
    size_t body_size;
    size_t exchanges_max;
    unsigned szx;
    int blocks_only; /**< every body in blocks of szx */
    int takes_another; /**< a whole answer instead of the next block replaces the blocks before it:
                            envelopes stand for themselves. 0: the rest is lost */
    talc_coap_transmission transmission;
    void (*ended)(void *context, const talc_coap_exchange *exchange);
    void *ended_context;
    talc_coap_uri server;
    talc_coap_addresses next_hop; /**< of the server or the proxy */
    size_t address;               /**< which of them the next path leads to */
    talc_coap_proxy_form form;    /**< that worked last */
    coap_context_t *context;
    talc_coap_path paths[TALC_COAP_PATHS_MAX];
    uint64_t taken;          /**< paths so far */
    talc_coap_path *current; /**< NULL: the next request takes a new one */
    talc_coap_path *newest;  /**< that was taken last; may be out of use */
    int is_tied;             /**< paths are not shared: see TALC_COAP_QUEUES, TALC_COAP_PARTS */
    int passes_options;
    talc_coap_exchange *exchanges; /**< WAITING and OPEN, in the order of sending */
    size_t exchange_count;         /**< of them and of `done` */
    talc_coap_exchange *done;      /**< in the order of ending */
    uint32_t tags;     /**< Request-Tags so far */
    uint32_t arrivals; /**< callbacks of libcoap so far */
    uint32_t passed_over; /**< `arrivals` when something may have been an acknowledgement last */
};

/* ---- coap_client.c: what the faces call */

/** Errors as talc_carrier.open(). What stands in `client` then has to be closed all the same. */
talc_status talc_coap_client_open(talc_coap_client *client, const talc_coap_client_setup *setup,
                                  talc_failure *failure);

/** Ends all without callbacks. `client` itself is the caller's. */
void talc_coap_client_close(talc_coap_client *client);

/** Starts an exchange; `attempt` as in talc_carrier_request. TALC_OK: it will end; TALC_WANT_ROOM,
 * TALC_ERROR_UNREACHABLE, TALC_ERROR_TOO_LARGE, TALC_ERROR_MEMORY: it did not start. */
talc_status talc_coap_client_send(talc_coap_client *client, uint32_t number, uint32_t attempt,
                                  const talc_coap_request *request);

/** Forgets an exchange, without callback. */
void talc_coap_client_cancel(talc_coap_client *client, uint32_t number);

/** The same, and if nothing was heard since it was sent, the next one takes a fresh path. */
void talc_coap_client_abandon(talc_coap_client *client, uint32_t number);

/** Forgets all exchanges and gives all paths up in good order. */
void talc_coap_client_finish(talc_coap_client *client);

/** These three as in talc_carrier. */
talc_status talc_coap_client_process(talc_coap_client *client);
int talc_coap_client_descriptor(const talc_coap_client *client);
uint32_t talc_coap_client_timeout_ms(const talc_coap_client *client);

/** Frees an exchange that is in no list. */
void talc_coap_exchange_free(talc_coap_exchange *exchange);

/* ---- coap_end.c */

/** Says why an exchange ended without an answer, and which peer's. Returns the status of it. */
talc_status talc_coap_end_explain(const talc_coap_client *client, talc_coap_end end,
                                  talc_failure *failure);

/* ---- coap_path.c */

/** Sets the path of an exchange: the current one unless it is broken, busy or `attempt` asks for a
 * fresh one. TALC_OK; TALC_WANT_ROOM: it has to wait for another one to end;
 * TALC_ERROR_UNREACHABLE: the system gives none, `insecurity` may say why. */
talc_status talc_coap_path_take(talc_coap_client *client, talc_coap_exchange *exchange,
                                uint32_t attempt);

/** Asks the security of each path, sends what waited for it, and ends what it refuses. */
void talc_coap_paths_advance(talc_coap_client *client);

/** Marks a path broken, and lets the next one lead to the next address. */
void talc_coap_path_leave(talc_coap_path *path);

/** Closes paths that nobody needs any more. Not to be called from within libcoap. */
void talc_coap_paths_sweep(talc_coap_client *client);

/** Ends every path at once. */
void talc_coap_paths_close(talc_coap_client *client);

/* ---- coap_request.c */

/** Bytes of a message that the token and the options of a request leave for its payload, in
 * whichever form. 0 if there are none. */
size_t talc_coap_request_room(const talc_coap_client *client, const talc_coap_request *request,
                              size_t message_size);

/** Whether the request can be sent at all in messages of this size: whole, or in blocks. */
int talc_coap_request_fits(const talc_coap_client *client, const talc_coap_request *request,
                           size_t message_size);

/** Sends the next message of an exchange: the body, its next block, or the demand for the next
 * block of the answer, under a new token. TALC_OK, TALC_ERROR_MEMORY, TALC_ERROR_TOO_LARGE (its
 * options leave no room for a payload), TALC_ERROR_UNREACHABLE (the path is marked broken). */
talc_status talc_coap_request_send(talc_coap_client *client, talc_coap_exchange *exchange);

/** The same; but it waits if NSTART says so, and an exchange that cannot be sent ends. */
void talc_coap_request_go_on(talc_coap_client *client, talc_coap_exchange *exchange);

/* ---- coap_acknowledgement.c; the times are talc_coap_now_ms() */

/** Whether NSTART lets a message pass. */
int talc_coap_path_is_free(const talc_coap_path *path);

/** A message has been sent. */
void talc_coap_path_note_sent(talc_coap_path *path, const uint8_t token[TALC_COAP_TOKEN_SIZE]);

/** A response has come, or the failure of a message that was sent: in both cases with its token. */
void talc_coap_path_note_settled(talc_coap_path *path, const coap_pdu_t *pdu, uint64_t now_ms);

/** Before libcoap does I/O: whether there is something to be read, as far as it matters. */
int talc_coap_is_readable(const talc_coap_client *client, uint64_t now_ms);

/** After it: looks what has been acknowledged. `was_readable` and nobody was called back: it may
 * have been an acknowledgement, or a repeated response, which is acknowledged again. */
void talc_coap_acknowledgements_look(talc_coap_client *client, int was_readable,
                                     uint64_t now_ms);

/* ---- coap_response.c */

/** Ends an exchange that is not DONE; it is told in the next delivery. */
void talc_coap_exchange_end(talc_coap_client *client, talc_coap_exchange *exchange,
                            talc_coap_end end);

/** Lets an exchange that was not executed wait for a path to the next address, or ends it if it has
 * tried all. */
void talc_coap_exchange_move(talc_coap_client *client, talc_coap_exchange *exchange,
                             talc_coap_end end);

/** Lets libcoap's responses and failures reach the exchanges. */
void talc_coap_responses_register(coap_context_t *context);

#endif
