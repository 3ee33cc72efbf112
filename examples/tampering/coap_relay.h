/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_TAMPERING_COAP_RELAY_H
#define EXAMPLES_TAMPERING_COAP_RELAY_H

/** Hands datagrams on between CoAP clients and one server, each client by a socket of its own, and
 * gives the bodies of talc among them to a tampering. Everything else passes as it is:
 * acknowledgements, bodies in blocks, discovery. */

#include "tampering.h"

typedef struct coap_relay coap_relay;

typedef struct coap_relay_setup {
    const char *listen_uri; /**< "coap://127.0.0.1:5700"; port 0 takes a free one */
    const char *server_uri;
    const tampering_order *order;
    /** As in tampering_events; may be NULL. */
    void (*came)(void *context, const tampering_body *body, unsigned position);
    void (*applied)(void *context, const tampering_body *body, unsigned position);
    /** What leaves, and how; may be NULL. */
    void (*leaves)(void *context, const tampering_body *body, tampering_way way);
    void *context;
} coap_relay_setup;

#define COAP_RELAY_REASON_SIZE 256

/** For coap_relay_free(). NULL: `reason` tells why. */
coap_relay *coap_relay_new(const coap_relay_setup *setup, char reason[COAP_RELAY_REASON_SIZE]);
void coap_relay_free(coap_relay *relay);

unsigned coap_relay_port(const coap_relay *relay);

/** Waits for datagrams, at most `timeout_ms`, and hands them on. */
void coap_relay_wait(coap_relay *relay, int timeout_ms);

/** How often the attack was made. */
unsigned coap_relay_applied(const coap_relay *relay);

#endif
