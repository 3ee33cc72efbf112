/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_RESOLVER_H
#define TALC_GATEWAY_RESOLVER_H

/** Names of CoAP origins to addresses, beside the event loop: getaddrinfo() waits for the network,
 * and a gateway must not wait with it. A few threads take names from a bounded queue; answers are
 * fetched when the descriptor is readable. Multicast, broadcast and unspecified addresses are left
 * out. A name is new unless it was found within a second the last time: half of the threads and of
 * the queue are not for new ones, so that names whose servers are silent do not stop all others. */

#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

#define TALC_GATEWAY_ADDRESSES_MAX 4
#define TALC_GATEWAY_ADDRESS_SIZE 64   /* characters of an address with its zone, and a NUL */
#define TALC_GATEWAY_NAMES_MAX 256     /* asked for at once */
#define TALC_GATEWAY_NEW_NAMES_MAX 128 /* no more of them if the next one is new */

/** What became of a name. */
typedef struct talc_gateway_resolution {
    uint32_t number; /**< as asked */
    size_t count;    /**< of addresses; 0: there are none, `reason` says why */
    char addresses[TALC_GATEWAY_ADDRESSES_MAX][TALC_GATEWAY_ADDRESS_SIZE]; /**< without brackets */
    char reason[128];
} talc_gateway_resolution;

typedef struct talc_gateway_resolver talc_gateway_resolver;

/** TALC_OK, TALC_ERROR_MEMORY, TALC_ERROR_IO. Threads start when there is a name. */
talc_status talc_gateway_resolver_new(talc_gateway_resolver **resolver);

/** Asks for the addresses of `host`, which is copied. TALC_OK: there will be one resolution with
 * this number; TALC_WANT_ROOM: too many names wait; TALC_ERROR_MEMORY (no thread counts as that).
 */
talc_status talc_gateway_resolver_ask(talc_gateway_resolver *resolver, uint32_t number,
                                      const char *host);

/** Fetches one that is ready. 0: there is none. */
int talc_gateway_resolver_take(talc_gateway_resolver *resolver,
                               talc_gateway_resolution *resolution);

/** Readable when something may be ready. */
int talc_gateway_resolver_descriptor(const talc_gateway_resolver *resolver);

/** Gives it up without waiting: a thread that still waits for the network frees the rest when it
 * comes back. NULL is allowed. */
void talc_gateway_resolver_free(talc_gateway_resolver *resolver);

#endif
