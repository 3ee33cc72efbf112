/* SPDX-License-Identifier: MIT */
#include "lib/ecc_agreement.h"

#include <string.h>

#include "lib/crypto.h"
#include "lib/ecc_status.h"

#define X25519_BITS 255

static psa_key_attributes_t x25519_attributes(void)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY));
    psa_set_key_bits(&attributes, X25519_BITS);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    return attributes;
}

/* Ends the making of a key pair: writes its public half, or leaves nothing behind. */
static talc_status complete(talc_ecc_ephemeral *ephemeral, psa_status_t made)
{
    size_t size = 0;
    psa_status_t status = made;
    if (status == PSA_SUCCESS) {
        status = psa_export_public_key(ephemeral->key, ephemeral->public_key,
                                       sizeof ephemeral->public_key, &size);
    }
    if (status == PSA_SUCCESS && size != sizeof ephemeral->public_key) {
        status = PSA_ERROR_CORRUPTION_DETECTED;
    }
    if (status != PSA_SUCCESS) {
        talc_ecc_ephemeral_free(ephemeral);
    }
    return talc_ecc_status(status);
}

talc_status talc_ecc_ephemeral_generate(talc_ecc_ephemeral *ephemeral)
{
    psa_key_attributes_t attributes = x25519_attributes();
    memset(ephemeral, 0, sizeof *ephemeral);
    return complete(ephemeral, psa_generate_key(&attributes, &ephemeral->key));
}

talc_status talc_ecc_ephemeral_import(talc_ecc_ephemeral *ephemeral,
                                      const uint8_t private_key[TALC_ECC_PUBLIC_KEY_SIZE])
{
    psa_key_attributes_t attributes = x25519_attributes();
    memset(ephemeral, 0, sizeof *ephemeral);
    return complete(ephemeral, psa_import_key(&attributes, private_key, TALC_ECC_PUBLIC_KEY_SIZE,
                                              &ephemeral->key));
}

void talc_ecc_ephemeral_free(talc_ecc_ephemeral *ephemeral)
{
    psa_destroy_key(ephemeral->key); /* nothing for PSA_KEY_ID_NULL */
    memset(ephemeral, 0, sizeof *ephemeral);
}

talc_status talc_ecc_secret_import(const uint8_t z[TALC_ECC_PUBLIC_KEY_SIZE], psa_key_id_t *secret)
{
    static const uint8_t zeros[TALC_ECC_PUBLIC_KEY_SIZE];
    *secret = PSA_KEY_ID_NULL;
    if (talc_bytes_equal(z, zeros, sizeof zeros)) {
        return TALC_ERROR_MALFORMED;
    }
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_DERIVE);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_HKDF(PSA_ALG_SHA_256));
    return talc_ecc_status(psa_import_key(&attributes, z, TALC_ECC_PUBLIC_KEY_SIZE, secret));
}

talc_status talc_ecc_agree(psa_key_id_t own, const uint8_t peer[TALC_ECC_PUBLIC_KEY_SIZE],
                           psa_key_id_t *secret)
{
    uint8_t z[TALC_ECC_PUBLIC_KEY_SIZE] = { 0 };
    size_t size = 0;
    *secret = PSA_KEY_ID_NULL;
    psa_status_t agreed = psa_raw_key_agreement(PSA_ALG_ECDH, own, peer, TALC_ECC_PUBLIC_KEY_SIZE,
                                                z, sizeof z, &size);
    /* mbedTLS finds the points of low order by itself and calls them invalid arguments. */
    talc_status status = agreed == PSA_ERROR_INVALID_ARGUMENT ? TALC_ERROR_MALFORMED
                                                              : talc_ecc_status(agreed);
    if (status == TALC_OK) {
        status = size == sizeof z ? talc_ecc_secret_import(z, secret) : TALC_ERROR_RANDOM;
    }
    talc_wipe(z, sizeof z);
    return status;
}
