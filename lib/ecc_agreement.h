/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ECC_AGREEMENT_H
#define TALC_LIB_ECC_AGREEMENT_H

/**
 * The key agreement of the `ecc` handshake: X25519 (RFC 7748 section 6.1). Secrets stay in PSA; what
 * these calls make there is destroyed by the caller with psa_destroy_key().
 */

#include <psa/crypto.h>

#include "lib/ecc_message.h"

typedef struct talc_ecc_ephemeral {
    psa_key_id_t key; /**< PSA_KEY_ID_NULL: none */
    uint8_t public_key[TALC_ECC_PUBLIC_KEY_SIZE];
} talc_ecc_ephemeral;

/** Makes a key pair. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM; there is no key then. */
talc_status talc_ecc_ephemeral_generate(talc_ecc_ephemeral *ephemeral);

/** The same with a private key that is known: for test vectors. */
talc_status talc_ecc_ephemeral_import(talc_ecc_ephemeral *ephemeral,
                                      const uint8_t private_key[TALC_ECC_PUBLIC_KEY_SIZE]);

void talc_ecc_ephemeral_free(talc_ecc_ephemeral *ephemeral);

/** Agrees on Z with the other side's public key. TALC_ERROR_MALFORMED: that is a point of low
 * order, with which everybody knows Z; TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_agree(psa_key_id_t own, const uint8_t peer[TALC_ECC_PUBLIC_KEY_SIZE],
                           psa_key_id_t *secret);

/** Puts Z into PSA, to derive from. TALC_ERROR_MALFORMED: it is all zeros (RFC 7748 section 6.1);
 * TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_secret_import(const uint8_t z[TALC_ECC_PUBLIC_KEY_SIZE],
                                   psa_key_id_t *secret);

#endif
