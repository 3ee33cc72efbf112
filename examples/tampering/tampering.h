/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_TAMPERING_TAMPERING_H
#define EXAMPLES_TAMPERING_TAMPERING_H

/** Somebody on the path between talc clients and a server: sees the bodies of requests and
 * responses, remembers them, and does to some of them what an attack (attacks.h) says. No socket
 * and no clock in it: whoever owns the path gives it each body as it comes, and sends what it
 * wants sent. */

#include "envelope_text.h"

#define TAMPERING_HEAD_MAX 512
#define TAMPERING_SESSION_SIZE 16 /**< characters of a session id in an address */

typedef enum tampering_direction {
    TAMPERING_REQUEST = 0, /**< from a client to the server */
    TAMPERING_RESPONSE = 1
} tampering_direction;

/** One body on its way. */
typedef struct tampering_body {
    tampering_direction direction;
    char session[TAMPERING_SESSION_SIZE + 1]; /**< of the request's address */
    uint8_t code;                             /**< of a response, CoAP's */
    /** What is around the body, and whose exchange it is: the path owner's own, only copied here. */
    uint8_t head[TAMPERING_HEAD_MAX];
    size_t head_size;
    envelope_text text;
} tampering_body;

/** What is to be done with a body. */
typedef enum tampering_way {
    TAMPERING_PASSES, /**< goes on, in the exchange whose head it has */
    TAMPERING_ANSWERS, /**< the answer to the request whose head it has, which the server never sees */
    TAMPERING_EXTRA    /**< to the server, in an exchange of its own, whose answer nobody hears */
} tampering_way;

/** What the path's owner does. Pointers are valid during the call. */
typedef struct tampering_events {
    void *context;
    void (*send)(void *context, const tampering_body *body, tampering_way way);
    /** A body came, the position-th of its direction in its session, from 1. May be NULL. */
    void (*came)(void *context, const tampering_body *body, unsigned position);
    /** The attack has been made on it. May be NULL. */
    void (*applied)(void *context, const tampering_body *body, unsigned position);
} tampering_events;

/** Which attack, on what. */
typedef struct tampering_order {
    const struct attack *attack; /**< NULL: none */
    const char *argument;        /**< behind the attack's `=`; "" without one */
    bool spares[2];              /**< a direction that is left alone */
    unsigned session;            /**< sessions before this one, from 1 in the order of their first
                                      bodies, are left alone; 0 as 1 */
    unsigned at;                 /**< on the body with this position, once; 0: see `from` */
    unsigned from; /**< on all bodies from this position on, in all sessions; 0 as 1 */
} tampering_order;

typedef struct tampering tampering;

/** For tampering_free(); NULL without memory. `order` and `events` are copied, the argument has to
 * live as long. */
tampering *tampering_new(const tampering_order *order, const tampering_events *events);
void tampering_free(tampering *in);

/** A body came. One that came before with the same head (CoAP's own repeat) has the same position
 * and meets the same attack. */
void tampering_take(tampering *in, const tampering_body *came);

/** How often the attack was made. */
unsigned tampering_applied(const tampering *in);

/* ---------------------------------------------------------------- for attacks */

const tampering_order *tampering_order_of(const tampering *in);

void tampering_send(tampering *in, const tampering_body *body, tampering_way way);

/** The body before `like` in its session and direction, or NULL. */
const tampering_body *tampering_before(const tampering *in, const tampering_body *like);

/** The body with the same direction and position in the nearest older session that has one, or
 * NULL. */
const tampering_body *tampering_in_older_session(const tampering *in, const tampering_body *like);

/** The first request of the nearest older session, or NULL. */
const tampering_body *tampering_first_of_older_session(const tampering *in,
                                                       const tampering_body *like);

/** The last request of this session, or NULL. */
const tampering_body *tampering_last_request(const tampering *in, const tampering_body *like);

/** How many bytes of its stream a direction of the session has sent before `like`. */
unsigned long long tampering_stream_end(const tampering *in, const tampering_body *like,
                                        tampering_direction direction);

/** Holds a body back until the next one of its direction comes: of the same session, or of another.
 * One that is held already is gone. */
typedef enum tampering_hold { TAMPERING_UNTIL_NEXT, TAMPERING_UNTIL_OTHER_SESSION } tampering_hold;

void tampering_hold_back(tampering *in, const tampering_body *body, tampering_hold until);

#endif
