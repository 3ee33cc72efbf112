/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ECC_SIGNATURE_H
#define TALC_LIB_ECC_SIGNATURE_H

/**
 * The signatures of the `ecc` handshake: ECDSA with P-256 and SHA-256, 64 bytes of r and s; made the
 * deterministic way (RFC 6979), so that a device without good randomness does not lose its key by
 * them. What is signed:
 *
 *     SIG_S: "talc ecc 1 server", a zero byte, th2, H(server key)
 *     SIG_C: "talc ecc 1 client", a zero byte, th3, H(server key), H(device key), device ID
 *
 * where H of an identity key is its pin, the SHA-256 of its SubjectPublicKeyInfo. All parts but the
 * last have fixed sizes, so no two of these are the same bytes.
 */

#include <psa/crypto.h>

#include "lib/credentials.h"
#include "lib/crypto.h"
#include "lib/ecc_message.h"

#define TALC_ECC_STATEMENT_SIZE_MAX (18 + 3 * TALC_SHA256_SIZE + TALC_DEVICE_ID_SIZE_MAX)

/** What a side signs. */
typedef struct talc_ecc_statement {
    uint8_t bytes[TALC_ECC_STATEMENT_SIZE_MAX];
    size_t size;
} talc_ecc_statement;

/** What a client says of itself and of the server it speaks to. */
typedef struct talc_ecc_claim {
    const uint8_t *th3;
    const uint8_t *server_pin;
    const uint8_t *device_pin;
    const void *device_id;
    size_t device_id_size; /**< to TALC_DEVICE_ID_SIZE_MAX; what is beyond is left out */
} talc_ecc_claim;

void talc_ecc_state_server(talc_ecc_statement *statement, const uint8_t th2[TALC_SHA256_SIZE],
                           const uint8_t server_pin[TALC_PIN_SIZE]);
void talc_ecc_state_client(talc_ecc_statement *statement, const talc_ecc_claim *claim);

/** Puts an identity's private key into PSA, for psa_destroy_key() by the caller.
 * TALC_ERROR_IDENTITY: it is none; TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_signer_import(const uint8_t secret[TALC_P256_SECRET_SIZE],
                                   psa_key_id_t *signer);

/** Likewise a public key. TALC_ERROR_MALFORMED: it is no point of the curve. */
talc_status talc_ecc_verifier_import(const uint8_t point[TALC_P256_POINT_SIZE],
                                     psa_key_id_t *verifier);

/** TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_sign(psa_key_id_t signer, const talc_ecc_statement *statement,
                          uint8_t signature[TALC_ECC_SIGNATURE_SIZE]);

/** TALC_ERROR_VERIFY: the signature is wrong; TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_verify(psa_key_id_t verifier, const talc_ecc_statement *statement,
                            const uint8_t signature[TALC_ECC_SIGNATURE_SIZE]);

#endif
