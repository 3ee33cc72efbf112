/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_MESSAGE_SERVER_H
#define TALC_TRANSPORT_COAP_MESSAGE_SERVER_H

/** The CoAP server's face for a gateway: requests for every path, also those to a forward proxy
 * (Proxy-Uri, Proxy-Scheme), with all their options. De-duplication (RFC 7252 section 4.5),
 * separate responses and block-wise transfer (RFC 7959: one message up to 1023 bytes, blocks of at
 * most 512 above) are done below, as for the direct link. Calls back only from within process();
 * one thread. */

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
    void *
        reply; /**< a handle: it is given back in exactly one call of talc_coap_message_server_reply() */
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
 * its blocks; where there is none and it needs blocks, one is made. */
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
