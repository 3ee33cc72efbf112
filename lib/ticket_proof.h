/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_TICKET_PROOF_H
#define TALC_LIB_TICKET_PROOF_H

/**
 * What a handshake with certificates proved of the peer, and until when that may stand in for another
 * one. A server seals it into the ticket, a client keeps it beside the ticket: a resumed handshake
 * of TLS 1.3 shows no certificates (RFC 8446 section 2.2), and must not make anybody believed
 * longer, or under another name, than a full one would.
 */

#include "lib/credentials.h"

typedef struct talc_ticket_proof {
    talc_peer peer;                /**< TALC_CREDENTIAL_NONE: nobody */
    uint8_t pin[TALC_PIN_SIZE];    /**< of the peer's key; zeros for nobody */
    uint64_t proved_at_ms;         /**< of the full handshake, however often it was resumed since */
    mbedtls_x509_time not_after;   /**< the chain's earliest end, of its revocation lists too */
} talc_ticket_proof;

/** The end of what has none (RFC 5280 section 4.1.2.5). */
extern const mbedtls_x509_time talc_ticket_never;

/** What a proof is held against. */
typedef struct talc_ticket_terms {
    const talc_trust *trust; /**< today's; NULL: none */
    uint64_t now_ms;         /**< of the clock that `proved_at_ms` was taken from */
    uint64_t lifetime_ms;    /**< since the full handshake */
    bool serves_anyone;      /**< nobody is good enough */
} talc_ticket_terms;

/** Milliseconds for which the proof still stands, 0 if it does not: it is too old or from the future,
 * a certificate or revocation list has expired by the system's time, the key is revoked, or not
 * believed in the way in which it was. That of a pre-shared key never does. */
uint64_t talc_ticket_proof_left_ms(const talc_ticket_proof *proof, const talc_ticket_terms *terms);

#define TALC_TICKET_PROOF_SIZE_MAX (8 + 7 + 1 + TALC_PIN_SIZE + TALC_PEER_NAME_SIZE_MAX) /**< bytes */

/**
 * Writes the proof: time of the full handshake (8 bytes, big-endian), end (year in 2 bytes, month, day,
 * hour, minute, second), credential (1), pin (32), and for a certificate the length of the name (1)
 * and the name; a pin is named by its own digits. Returns the size.
 */
size_t talc_ticket_proof_write(const talc_ticket_proof *proof,
                               uint8_t bytes[TALC_TICKET_PROOF_SIZE_MAX]);

/** Reads what talc_ticket_proof_write() wrote from the beginning of the bytes; `*used` becomes its
 * size. TALC_ERROR_MALFORMED. */
talc_status talc_ticket_proof_read(talc_ticket_proof *proof, const uint8_t *bytes, size_t size,
                                   size_t *used);

#endif
