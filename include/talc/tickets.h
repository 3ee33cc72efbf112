/* SPDX-License-Identifier: MIT */
#ifndef TALC_TICKETS_H
#define TALC_TICKETS_H

/**
 * The tickets that servers gave to clients (RFC 8446 section 4.6.1): with one a client resumes, so that
 * its next handshake needs no certificates.
 *
 * A client keeps its own tickets unless its configuration names a store; a store may serve several
 * clients, of several threads, so that one made later resumes what one made earlier began. Tickets
 * are filed by server name, by what the client believes, by who it is and by the versions that it
 * speaks: another client of the same store never uses one that would make it skip a check of its
 * own. They are kept in memory only, are used once, and are wiped. Clients that share a store have the
 * same talc_config.clock_ms.
 */

#include "talc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct talc_tickets talc_tickets; /**< a store, counted like an identity */

#define TALC_TICKETS_MAX 64 /**< tickets of one store: the oldest gives way */

/** Makes an empty store. On TALC_OK the caller's: talc_tickets_free(). TALC_ERROR_MEMORY,
 * TALC_ERROR_ARGUMENT. */
TALC_API talc_status talc_tickets_new(talc_tickets **tickets);

/** Forgets all tickets: the next handshakes are full ones. NULL is allowed. */
TALC_API void talc_tickets_clear(talc_tickets *tickets);

/** How many tickets it holds; 0 for NULL. */
TALC_API size_t talc_tickets_size(const talc_tickets *tickets);

/** Drops the caller's hold; the last hold wipes the tickets. NULL is allowed. */
TALC_API void talc_tickets_free(talc_tickets *tickets);

#ifdef __cplusplus
}
#endif

#endif
