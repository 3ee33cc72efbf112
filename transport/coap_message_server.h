/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_MESSAGE_SERVER_H
#define TALC_TRANSPORT_COAP_MESSAGE_SERVER_H

/**
 * The CoAP server's face for a gateway: requests for every path, also those to a forward proxy
 * (Proxy-Uri, Proxy-Scheme), with all their options. De-duplication (RFC 7252 section 4.5),
 * separate responses and block-wise transfer (RFC 7959: one message up to 1023 bytes, blocks of at
 * most 512 above) are done below, as for the direct link. Calls back only from within process();
 * one thread.
 *
 * A response within half a second (to GET and FETCH one and a half) rides with the
 * acknowledgement; a later one is a message of its own. Hop-Limit (RFC 8768) is handed over as it
 * was sent. Refused here: with 4.00 more than TALC_COAP_MESSAGE_OPTIONS_MAX options and segments
 * "." and ".." of a path; with 4.02 critical options that nobody knows or that are there twice
 * (elective ones are handed over once); with 4.08 blocks that do not follow, 4.13 bodies above the
 * limit, 5.03 what there is no room for. By libcoap: 5.05 a Proxy-Uri that is none; 4.04 methods
 * above 0.07; of requests that name no proxied host, 5.08 those with a Hop-Limit of 1. No-Response
 * (RFC 7967) is honoured.
 */

#include "talc/status.h"
#include "transport/coap_message.h"

typedef struct talc_coap_message_server talc_coap_message_server;

/** One request, seen once however often it was sent. Pointers are the server's, valid during the
 * call. */
typedef struct talc_coap_message_inbound {
    const talc_coap_message *request;
    const void *peer;      /**< the sender's address as bytes, to compare only */
    size_t peer_size;      /**< bytes, at most 64 */
    const char *peer_text; /**< "192.0.2.1:4711", "[2001:db8::1]:4711" */
    void *reply; /**< a handle: it is given back in exactly one call of
                      talc_coap_message_server_reply() */
} talc_coap_message_inbound;

/** All pointers are the caller's, used during the call only, but `inbound` and its context. */
typedef struct talc_coap_message_server_setup {
    const char *uri;  /**< "coap://[::]:5683"; port 0 takes a free one */
    size_t body_size; /**< largest body of a request; 4.13 above */
    /** From within it talc_coap_message_server_reply() may be called. */
    void (*inbound)(void *context, const talc_coap_message_inbound *inbound);
    void *context;
} talc_coap_message_server_setup;

/** On TALC_OK `*server` is the caller's: talc_coap_message_server_close(). On error it is NULL and
 * `failure` (never NULL) tells why: TALC_ERROR_ARGUMENT, TALC_ERROR_UNREACHABLE (the address
 * cannot be had), TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_coap_message_server_open(talc_coap_message_server **server,
                                          const talc_coap_message_server_setup *setup,
                                          talc_failure *failure);

/** Answers a request and gives its handle up, at once or later; all of `response` is copied. NULL:
 * no answer. The client may be gone: then nothing happens. An ETag of the response is kept for all
 * its blocks; where there is none and it needs blocks, one is made. Where the options leave no room
 * for the response, the client gets 5.02. libcoap puts its address into a 5.08 (RFC 8768 section
 * 4). */
void talc_coap_message_server_reply(talc_coap_message_server *server, void *handle,
                                    const talc_coap_message *response);

/** These as in talc_listener. */
talc_status talc_coap_message_server_process(talc_coap_message_server *server);
int talc_coap_message_server_descriptor(const talc_coap_message_server *server);
uint32_t talc_coap_message_server_timeout_ms(const talc_coap_message_server *server);
uint16_t talc_coap_message_server_port(const talc_coap_message_server *server);

/** Ends all; every handle has been given back before. NULL is allowed. */
void talc_coap_message_server_close(talc_coap_message_server *server);

#endif
