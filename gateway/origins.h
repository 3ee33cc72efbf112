/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_ORIGINS_H
#define TALC_GATEWAY_ORIGINS_H

/** The CoAP origins of a gateway: a bounded pool of clients, one for each host and port. Names are
 * resolved beside the event loop (resolver.h), kept for a minute, and their addresses tried in
 * turn until one answers. Where more are kept than there should be, the origin that has been idle
 * longest goes. */

#include "gateway/uri.h"
#include "transport/coap_message_client.h"

typedef struct talc_gateway_origins talc_gateway_origins;

/** How a request ended. Pointers are the pool's, valid during the call. */
typedef struct talc_gateway_origin_result {
    uint32_t number;
    talc_coap_message_end end;
    const talc_coap_message *response; /**< NULL unless answered */
    const char *reason;                /**< what the resolver said; "" elsewhere */
} talc_gateway_origin_result;

typedef struct talc_gateway_origins_setup {
    size_t origins_max;   /**< at once */
    size_t kept_max;      /**< of them, once they are idle; those above it go, the oldest first */
    size_t exchanges_max; /**< open at once at one origin */
    size_t body_size;     /**< largest body of a request or response */
    int epoll;            /**< epoll(7) descriptor that the pool registers its own with */
    /** From process() only; may neither send nor cancel. */
    void (*ended)(void *context, const talc_gateway_origin_result *result);
    void *context;
} talc_gateway_origins_setup;

/** TALC_OK, TALC_ERROR_MEMORY, TALC_ERROR_IO. `setup` is copied. */
talc_status talc_gateway_origins_new(talc_gateway_origins **origins,
                                     const talc_gateway_origins_setup *setup);

/** Starts an exchange with the origin of `target`; all of `request` is copied. TALC_OK: it will
 * end; TALC_WANT_ROOM: all origins are busy, or this one is; TALC_ERROR_TOO_LARGE: body or options
 * do not fit; TALC_ERROR_UNREACHABLE, TALC_ERROR_MEMORY. */
talc_status talc_gateway_origins_send(talc_gateway_origins *origins, uint32_t number,
                                      const talc_gateway_uri *target,
                                      const talc_coap_message *request);

/** Forgets an exchange, without callback; unknown ones are allowed. */
void talc_gateway_origins_cancel(talc_gateway_origins *origins, uint32_t number);

void talc_gateway_origins_process(talc_gateway_origins *origins);
uint32_t talc_gateway_origins_timeout_ms(const talc_gateway_origins *origins);

/** Origins that are kept. */
size_t talc_gateway_origins_count(const talc_gateway_origins *origins);

/** Ends all without callbacks. NULL is allowed. */
void talc_gateway_origins_free(talc_gateway_origins *origins);

#endif
