/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_TICKET_STORE_H
#define TALC_LIB_TICKET_STORE_H

/**
 * The inside of talc_tickets: what clients keep until they resume. Counted like an identity; its
 * calls may come from several threads.
 *
 * Time comes in as a number, of a clock that never goes back: a device that learns the date after it
 * has started, or is told a wrong one, neither loses its tickets nor keeps them longer. Only the dates
 * of certificates are held against the system's time (talc_ticket_proof_left_ms()).
 */

#include "lib/crypto.h"
#include "lib/ticket_proof.h"
#include "talc/config.h"

#define TALC_TICKET_SESSION_MAX 1024 /**< bytes of TLS's own part; ours have about 400 */

/**
 * What a ticket is filed under: it serves only a client for which all of this is the same, because a
 * resumed handshake checks none of it again. Zeroed before it is filled.
 */
typedef struct talc_ticket_key {
    char server_name[TALC_PEER_NAME_SIZE_MAX]; /**< that the server proved */
    uint8_t trust_set[TALC_PIN_SIZE]; /**< talc_trust.set_id: another one after each change of what
                                           is believed, revoked or pinned */
    uint8_t identity[TALC_SHA256_SIZE]; /**< of the client's certificate, zeros if it has none. Not of
                                             its key: two certificates of one key may name two
                                             clients, and the server goes by the name in the ticket */
    talc_tls_version version_min; /**< the client's: a ticket must not take it to a version that it */
    talc_tls_version version_max; /**< does not speak, nor keep it from one that it does */
} talc_ticket_key;

/** A ticket, with what it stands for. */
typedef struct talc_ticket {
    talc_ticket_proof proof;   /**< of the server, when it last showed certificates */
    uint64_t expires_at_ms;    /**< by the client's clock */
    size_t session_size;       /**< bytes */
    uint8_t session[TALC_TICKET_SESSION_MAX]; /**< mbedtls_ssl_session_save(); holds a secret */
} talc_ticket;

/** One more hold, to be dropped with talc_tickets_free(). NULL is allowed. */
talc_tickets *talc_tickets_hold(talc_tickets *tickets);

/** Files a copy. Expired ones are thrown away, and the oldest if the store is full.
 * TALC_ERROR_MEMORY. */
talc_status talc_tickets_put(talc_tickets *tickets, const talc_ticket_key *key,
                             const talc_ticket *ticket, uint64_t now_ms);

/** Moves the newest ticket of this key that has not expired into `ticket`, to be wiped by the caller.
 * False: there is none. */
bool talc_tickets_take(talc_tickets *tickets, const talc_ticket_key *key, uint64_t now_ms,
                       talc_ticket *ticket);

#endif
