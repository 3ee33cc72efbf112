/* SPDX-License-Identifier: MIT */
#include "lib/ecc_signature.h"

#include <string.h>

#include "lib/ecc_status.h"

#define SIGN PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256)
#define VERIFY PSA_ALG_ECDSA(PSA_ALG_SHA_256)
#define P256_BITS 256

/* With their zero byte. */
static const char server_label[] = "talc ecc 1 server";
static const char client_label[] = "talc ecc 1 client";

/* ---------------------------------------------------------------- what is signed */

static void append(talc_ecc_statement *statement, const void *bytes, size_t size)
{
    size_t room = sizeof statement->bytes - statement->size;
    size = size < room ? size : room;
    memcpy(statement->bytes + statement->size, bytes, size);
    statement->size += size;
}

void talc_ecc_state_server(talc_ecc_statement *statement, const uint8_t th2[TALC_SHA256_SIZE],
                           const uint8_t server_pin[TALC_PIN_SIZE])
{
    statement->size = 0;
    append(statement, server_label, sizeof server_label);
    append(statement, th2, TALC_SHA256_SIZE);
    append(statement, server_pin, TALC_PIN_SIZE);
}

void talc_ecc_state_client(talc_ecc_statement *statement, const talc_ecc_claim *claim)
{
    statement->size = 0;
    append(statement, client_label, sizeof client_label);
    append(statement, claim->th3, TALC_SHA256_SIZE);
    append(statement, claim->server_pin, TALC_PIN_SIZE);
    append(statement, claim->device_pin, TALC_PIN_SIZE);
    append(statement, claim->device_id, claim->device_id_size);
}

/* ---------------------------------------------------------------- keys */

talc_status talc_ecc_signer_import(const uint8_t secret[TALC_P256_SECRET_SIZE],
                                   psa_key_id_t *signer)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    *signer = PSA_KEY_ID_NULL;
    if (talc_crypto_start() != TALC_OK) {
        return TALC_ERROR_RANDOM;
    }
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, P256_BITS);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
    psa_set_key_algorithm(&attributes, SIGN);
    psa_status_t status = psa_import_key(&attributes, secret, TALC_P256_SECRET_SIZE, signer);
    return status == PSA_ERROR_INVALID_ARGUMENT ? TALC_ERROR_IDENTITY : talc_ecc_status(status);
}

talc_status talc_ecc_verifier_import(const uint8_t point[TALC_P256_POINT_SIZE],
                                     psa_key_id_t *verifier)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    *verifier = PSA_KEY_ID_NULL;
    if (talc_crypto_start() != TALC_OK) {
        return TALC_ERROR_RANDOM;
    }
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, P256_BITS);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_MESSAGE);
    psa_set_key_algorithm(&attributes, VERIFY);
    psa_status_t status = psa_import_key(&attributes, point, TALC_P256_POINT_SIZE, verifier);
    return status == PSA_ERROR_INVALID_ARGUMENT ? TALC_ERROR_MALFORMED : talc_ecc_status(status);
}

/* ---------------------------------------------------------------- signatures */

talc_status talc_ecc_sign(psa_key_id_t signer, const talc_ecc_statement *statement,
                          uint8_t signature[TALC_ECC_SIGNATURE_SIZE])
{
    size_t size = 0;
    psa_status_t status = psa_sign_message(signer, SIGN, statement->bytes, statement->size,
                                           signature, TALC_ECC_SIGNATURE_SIZE, &size);
    if (status == PSA_SUCCESS && size != TALC_ECC_SIGNATURE_SIZE) {
        status = PSA_ERROR_CORRUPTION_DETECTED;
    }
    return talc_ecc_status(status);
}

talc_status talc_ecc_verify(psa_key_id_t verifier, const talc_ecc_statement *statement,
                            const uint8_t signature[TALC_ECC_SIGNATURE_SIZE])
{
    psa_status_t status = psa_verify_message(verifier, VERIFY, statement->bytes, statement->size,
                                             signature, TALC_ECC_SIGNATURE_SIZE);
    return status == PSA_ERROR_INVALID_SIGNATURE ? TALC_ERROR_VERIFY : talc_ecc_status(status);
}
