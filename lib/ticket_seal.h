/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_TICKET_SEAL_H
#define TALC_LIB_TICKET_SEAL_H

/**
 * Seals what a server wants back from a client, who cannot read or change it: AES-256-GCM (RFC 5116)
 * under two random keys of this seal alone, the newer one for sealing. A key seals for one period and
 * opens for two, so what it sealed can be opened for one period at least. Keys never leave PSA and go with the process.
 *
 * Sealed: name of the key (4), nonce (12), ciphertext, tag (16 bytes). Nonces are random: RFC 8446
 * allows a period of a week at most, in which no server comes near the 2^32 handshakes that one key is
 * good for (NIST SP 800-38D section 8.3).
 */

#include "talc/identity.h"

#define TALC_TICKET_SEAL_SIZE (4 + 12 + 16) /**< bytes that sealing adds */

typedef struct talc_ticket_seal talc_ticket_seal;

/** Makes a seal; its first key comes with its first use. On TALC_OK the caller's:
 * talc_ticket_seal_free(), which NULL is allowed for. TALC_ERROR_MEMORY. */
talc_status talc_ticket_seal_new(talc_ticket_seal **seal, uint64_t period_ms);
void talc_ticket_seal_free(talc_ticket_seal *seal);

/** Bytes to be sealed or opened, and room for what comes of it. */
typedef struct talc_ticket_text {
    const uint8_t *from;
    size_t from_size;
    uint8_t *to;
    size_t capacity;
    const uint8_t *purpose; /**< TALC_PIN_SIZE bytes, authenticated and not sent: opens only for the
                                 purpose that it was sealed for */
} talc_ticket_text;

/** Seals `from` into `to`; `*size` becomes its size. TALC_ERROR_TOO_LARGE: `capacity` is less than
 * `from_size` and TALC_TICKET_SEAL_SIZE; TALC_ERROR_RANDOM. */
talc_status talc_ticket_seal_close(talc_ticket_seal *seal, const talc_ticket_text *text,
                                   uint64_t now_ms, size_t *size);

/** Opens what this seal sealed. TALC_ERROR_MALFORMED: it did not, or too long ago, or for
 * another purpose;
 * TALC_ERROR_TOO_LARGE: for `capacity`. Nothing is left in `to` then. */
talc_status talc_ticket_seal_open(talc_ticket_seal *seal, const talc_ticket_text *text,
                                  uint64_t now_ms, size_t *size);

#endif
