/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_GATEWAY_STATE_H
#define TALC_GATEWAY_GATEWAY_STATE_H

/**
 * What the files of the gateway share.
 *
 *   listener -> gateway_inbound.c -> rules, translation -> gateway_outbound.c -> origin
 *   origin -> gateway_outbound.c -> gateway_answer.c (translation) -> listener
 *
 * gateway_exchange.c keeps what waits, and tells the user what passes; gateway.c is the loop. An
 * exchange lives from the request's arrival to the reply; its handle is given back exactly there.
 */

#include "gateway/client_address.h"
#include "gateway/gateway.h"
#include "gateway/origins.h"
#include "gateway/translation.h"
#include "talc/message.h"
#include "transport/coap_message_server.h"
#include "transport/http_client.h"
#include "transport/http_server.h"

#define TALC_GATEWAY_LISTENERS_MAX 8
#define TALC_GATEWAY_PEER_SIZE 72       /* characters of "[address]:port", with a NUL */
#define TALC_GATEWAY_URI_TEXT_SIZE 4096 /* of a URI as it is told, with a NUL */
#define TALC_GATEWAY_REASON_SIZE 512
#define TALC_GATEWAY_LINKS_SIZE 1024 /* of what the gateway lists of itself, with a NUL */
#define TALC_GATEWAY_RETRY_AFTER_S 2 /* of a gateway that is full */

typedef struct talc_gateway_listener {
    talc_gateway *gateway;
    talc_gateway_scheme scheme;
    talc_coap_message_server *coap; /* either this */
    talc_http_server *http;         /* or this */
} talc_gateway_listener;

typedef struct talc_gateway_exchange {
    struct talc_gateway_exchange *prev, *next; /* in gateway->waiting, the oldest first */
    talc_gateway *gateway;
    talc_gateway_listener *listener;
    uint64_t number;
    void *reply;     /* the listener's handle */
    int is_waiting;  /* for its origin */
    uint64_t end_ms; /* when it has waited long enough */
    char peer[TALC_GATEWAY_PEER_SIZE];
    talc_gateway_client_address client; /* of `peer` */
    char origin[320]; /* "coap://device.example"; empty before there is one */
    char *uri;        /* as the client named it; NULL: out of memory */
    char *target_uri; /* as the origin gets it */
    talc_gateway_asked asked;
} talc_gateway_exchange;

struct talc_gateway {
    talc_gateway_config config; /* with the defaults in place */
    char pseudonym[64];
    talc_gateway_self self;
    int epoll;
    talc_gateway_listener listeners[TALC_GATEWAY_LISTENERS_MAX];
    size_t listener_count;
    char own_http_uri[320]; /* "http://gateway.example:8080", empty if it has none */
    talc_gateway_origins *origins;
    talc_http_client *http; /* NULL: this build has none */
    talc_gateway_exchange *waiting;
    size_t waiting_count;
    uint64_t exchanges;             /* so far */
    talc_gateway_draft draft;       /* what is translated now; copied by whom it is given to */
    talc_gateway_decision decision; /* likewise: of the request that arrives now */
};

/* ---- gateway_inbound.c: what the listeners call */

void talc_gateway_coap_arrived(void *context, const talc_coap_message_inbound *inbound);
void talc_gateway_http_arrived(void *context, const talc_http_inbound *inbound);

/* ---- gateway_links.c */

/** Answers a request for the gateway's own links. 0: it is for something else. */
int talc_gateway_links_coap(talc_gateway_exchange *exchange, const talc_coap_message *request);
int talc_gateway_links_http(talc_gateway_exchange *exchange, const talc_http_message *request);

/** Remembers where HTTP clients reach the gateway, if that can be said. */
void talc_gateway_links_note(talc_gateway *gateway, const talc_gateway_listener *listener,
                             const char *uri);

/* ---- gateway_outbound.c */

/** Sends gateway->draft on; answers the exchange itself if that cannot be done. */
void talc_gateway_send(talc_gateway_exchange *exchange, const talc_gateway_uri *target);

/** Forgets an exchange that waits, at its origin. */
void talc_gateway_cancel(const talc_gateway_exchange *exchange);

/** What origins call. Their context is the gateway. */
void talc_gateway_coap_ended(void *context, const talc_gateway_origin_result *result);
void talc_gateway_http_ended(void *context, const talc_http_result *result);

/* ---- gateway_answer.c: each gives the reply, and frees the exchange */

void talc_gateway_answer_coap(talc_gateway_exchange *exchange, const talc_coap_message *response);
void talc_gateway_answer_http(talc_gateway_exchange *exchange, const talc_http_message *response);

/** Replies with what stands in gateway->draft; `reason` NULL: it is no refusal. */
void talc_gateway_answer_draft(talc_gateway_exchange *exchange, const char *reason);

/** An error of the gateway's own, by its CoAP code. `retry_after_s` 0: nothing is said of it. */
void talc_gateway_refuse(talc_gateway_exchange *exchange, uint8_t code, const char *reason,
                         uint32_t retry_after_s);

/** The same, after the origin was asked: tells TALC_GATEWAY_TROUBLE first. */
void talc_gateway_fail(talc_gateway_exchange *exchange, uint8_t code, const char *reason);

/* ---- gateway_exchange.c */

/** NULL: out of memory. `peer` is copied. */
talc_gateway_exchange *talc_gateway_exchange_new(talc_gateway_listener *listener, void *reply,
                                                 const char *peer);

/** Frees one whose reply was given. */
void talc_gateway_exchange_free(talc_gateway_exchange *exchange);

/** Puts it among those that wait. */
void talc_gateway_exchange_wait(talc_gateway_exchange *exchange);

/** By the lower half of its number, NULL if it waits no longer. */
talc_gateway_exchange *talc_gateway_exchange_find(const talc_gateway *gateway, uint32_t number);

/** Those that wait for the origin of this exchange's target. */
size_t talc_gateway_exchanges_beside(const talc_gateway_exchange *exchange);

/** Those that wait and are the same client's. */
size_t talc_gateway_exchanges_of_client(const talc_gateway_exchange *exchange);

/** Ends those that have waited too long. */
void talc_gateway_exchanges_expire(talc_gateway *gateway);

/** Milliseconds until the next one has, UINT32_MAX if none waits. */
uint32_t talc_gateway_exchanges_timeout_ms(const talc_gateway *gateway);

/** Tells the user; number and time are filled in. */
void talc_gateway_tell(const talc_gateway_exchange *exchange, talc_gateway_event event);

#endif
