/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_MESSAGE_CLIENT_H
#define TALC_TRANSPORT_COAP_MESSAGE_CLIENT_H

/**
 * The CoAP client's face for a gateway: whole messages with their options to one origin, over UDP
 * without security. Retransmission, block-wise transfer (RFC 7959: one message up to 1023 bytes,
 * blocks of at most 512 above) and source ports are coap_client.c's. Never waits, but for the
 * resolver in open(); calls back only from within process(); one thread.
 *
 * Each exchange has a source port for itself while it lasts; above 32 they wait for one. A request
 * leaves as one message, or each of its blocks as one, which only CoAP's own retransmission
 * repeats (RFC 7252 section 4.2); so nothing runs twice at an origin that knows repeats. What is
 * safe is asked anew: GET once more when the answer changes between its blocks, and GET and FETCH,
 * which ask for blocks of 512 bytes, without that when the origin answers 4.02.
 */

#include "talc/status.h"
#include "transport/coap_message.h"

typedef struct talc_coap_message_client talc_coap_message_client;

typedef enum talc_coap_message_end {
    TALC_COAP_MESSAGE_ANSWERED,    /**< `response` is there, whole */
    TALC_COAP_MESSAGE_LATE,        /**< given up by the transmission rules */
    TALC_COAP_MESSAGE_UNREACHABLE, /**< the operating system says that nobody is there */
    TALC_COAP_MESSAGE_RESET,       /**< the origin rejected the message */
    TALC_COAP_MESSAGE_TOO_LARGE,   /**< the response is above the limit */
    TALC_COAP_MESSAGE_BROKEN,      /**< no response that can be handed on: blocks that do not fit
                                        together, a code that ends no request, too many options, or
                                        one that is critical and not safe to forward. A response
                                        with a critical option that IANA has not registered libcoap
                                        drops in silence: there is no end, but the caller's
                                        time-out */
    TALC_COAP_MESSAGE_NO_MEMORY
} talc_coap_message_end;

/** Pointers are the client's, valid during the call. */
typedef struct talc_coap_message_result {
    uint32_t number;
    talc_coap_message_end end;
    const talc_coap_message *response; /**< NULL unless answered */
} talc_coap_message_result;

/** All pointers are the caller's, used during the call only, but `ended` and its context. */
typedef struct talc_coap_message_client_setup {
    const char *uri;      /**< "coap://host:port" of the origin */
    size_t body_size;     /**< largest body of a request or response */
    size_t exchanges_max; /**< open at once */
    /** From process() only; may send and cancel. */
    void (*ended)(void *context, const talc_coap_message_result *result);
    void *context;
} talc_coap_message_client_setup;

/** On TALC_OK `*client` is the caller's: talc_coap_message_client_close(). On error it is NULL and
 * `failure` (never NULL) tells why: TALC_ERROR_ARGUMENT, TALC_ERROR_UNREACHABLE (no such host),
 * TALC_ERROR_MEMORY. */
talc_status talc_coap_message_client_open(talc_coap_message_client **client,
                                          const talc_coap_message_client_setup *setup,
                                          talc_failure *failure);

/** Starts an exchange; all of `request` is copied. Its options are sent as they are: Uri-Host is
 * the caller's to add. (libcoap adds Hop-Limit to Proxy-Uri and Proxy-Scheme where it is missing.)
 * TALC_OK: it will end, unless the origin acknowledges it and says nothing else, for which there
 * is no limit here: talc_coap_message_client_cancel(); TALC_WANT_ROOM: exchanges_max are open;
 * TALC_ERROR_TOO_LARGE: the body, or the options do not fit a message; TALC_ERROR_UNREACHABLE,
 * TALC_ERROR_MEMORY. */
talc_status talc_coap_message_client_send(talc_coap_message_client *client, uint32_t number,
                                          const talc_coap_message *request);

/** Forgets an exchange, without callback; unknown ones are allowed. */
void talc_coap_message_client_cancel(talc_coap_message_client *client, uint32_t number);

/** These three as in talc_carrier. */
talc_status talc_coap_message_client_process(talc_coap_message_client *client);
int talc_coap_message_client_descriptor(const talc_coap_message_client *client);
uint32_t talc_coap_message_client_timeout_ms(const talc_coap_message_client *client);

/** Ends all without callbacks. NULL is allowed. */
void talc_coap_message_client_close(talc_coap_message_client *client);

#endif
