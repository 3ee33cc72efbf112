/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_CRYPTO_H
#define TALC_LIB_CRYPTO_H

/**
 * The few primitives that the session needs by itself, all from PSA: randomness, SHA-256, HMAC,
 * comparison in constant time, wiping. Nothing else in lib/ knows PSA but the engines and the
 * identities.
 */

#include <stdbool.h>

#include "talc/status.h"

#define TALC_SHA256_SIZE 32
#define TALC_HMAC_KEY_SIZE 32

/** Starts PSA; may be called any number of times, from any thread. Never undone: the process may
 * use PSA too. TALC_ERROR_RANDOM. */
talc_status talc_crypto_start(void);

/** Fills `bytes` from the CSPRNG. TALC_ERROR_RANDOM; the bytes are zero then. */
talc_status talc_random_fill(void *bytes, size_t size);

/** TALC_ERROR_RANDOM if the digest could not be computed. */
talc_status talc_sha256(const void *bytes, size_t size, uint8_t digest[TALC_SHA256_SIZE]);

/** One part of what a MAC is computed over. */
typedef struct talc_span {
    const void *bytes;
    size_t size;
} talc_span;

/** HMAC-SHA-256 (RFC 2104) over the concatenation of `count` spans. TALC_ERROR_RANDOM if it could
 * not be computed; `mac` is zero then. */
talc_status talc_hmac(const uint8_t key[TALC_HMAC_KEY_SIZE], const talc_span *spans, size_t count,
                      uint8_t mac[TALC_SHA256_SIZE]);

/** In constant time for equal sizes. */
bool talc_bytes_equal(const void *left, const void *right, size_t size);

/** Overwrites memory in a way that no compiler leaves out. */
void talc_wipe(void *bytes, size_t size);

#endif
