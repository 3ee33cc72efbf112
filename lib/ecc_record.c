/* SPDX-License-Identifier: MIT */
#include "lib/ecc_record.h"

#include <string.h>

#include "lib/ecc_status.h"

#define AES_BITS 128

talc_status talc_ecc_traffic_import(talc_ecc_traffic *traffic,
                                    const uint8_t bytes[TALC_ECC_TRAFFIC_SIZE])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_AES);
    psa_set_key_bits(&attributes, AES_BITS);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT);
    psa_set_key_algorithm(&attributes, PSA_ALG_CCM);
    memcpy(traffic->iv, bytes + TALC_ECC_AES_KEY_SIZE, TALC_ECC_NONCE_SIZE);
    traffic->key = PSA_KEY_ID_NULL;
    return talc_ecc_status(
        psa_import_key(&attributes, bytes, TALC_ECC_AES_KEY_SIZE, &traffic->key));
}

talc_status talc_ecc_traffic_derive(talc_ecc_traffic *traffic, psa_key_id_t z,
                                    const talc_ecc_wanted *wanted)
{
    uint8_t bytes[TALC_ECC_TRAFFIC_SIZE];
    memset(traffic, 0, sizeof *traffic);
    talc_status status = talc_ecc_derive(z, wanted, bytes, sizeof bytes);
    if (status == TALC_OK) {
        status = talc_ecc_traffic_import(traffic, bytes);
    }
    talc_wipe(bytes, sizeof bytes);
    return status;
}

void talc_ecc_traffic_free(talc_ecc_traffic *traffic)
{
    psa_destroy_key(traffic->key); /* nothing for PSA_KEY_ID_NULL */
    talc_wipe(traffic, sizeof *traffic);
}

static void nonce_of(const talc_ecc_traffic *traffic, uint64_t number,
                     uint8_t nonce[TALC_ECC_NONCE_SIZE])
{
    memcpy(nonce, traffic->iv, TALC_ECC_NONCE_SIZE);
    for (size_t i = 0; i < sizeof number; i++) {
        nonce[TALC_ECC_NONCE_SIZE - 1 - i] ^= (uint8_t)(number >> 8 * i);
    }
}

talc_status talc_ecc_seal(const talc_ecc_traffic *traffic, const talc_ecc_sealing *what,
                          uint8_t *sealed)
{
    uint8_t nonce[TALC_ECC_NONCE_SIZE];
    size_t size = 0;
    nonce_of(traffic, what->number, nonce);
    psa_status_t status =
        psa_aead_encrypt(traffic->key, PSA_ALG_CCM, nonce, sizeof nonce, what->header,
                         TALC_RECORD_HEADER_SIZE, what->bytes, what->size, sealed,
                         what->size + TALC_ECC_TAG_SIZE, &size);
    if (status == PSA_SUCCESS && size != what->size + TALC_ECC_TAG_SIZE) {
        status = PSA_ERROR_CORRUPTION_DETECTED;
    }
    return talc_ecc_status(status);
}

talc_status talc_ecc_unseal(const talc_ecc_traffic *traffic, const talc_ecc_sealing *what,
                            uint8_t *opened)
{
    uint8_t nonce[TALC_ECC_NONCE_SIZE];
    size_t size = 0;
    if (what->size < TALC_ECC_TAG_SIZE) {
        return TALC_ERROR_MALFORMED;
    }
    nonce_of(traffic, what->number, nonce);
    psa_status_t status =
        psa_aead_decrypt(traffic->key, PSA_ALG_CCM, nonce, sizeof nonce, what->header,
                         TALC_RECORD_HEADER_SIZE, what->bytes, what->size, opened,
                         what->size - TALC_ECC_TAG_SIZE, &size);
    if (status == PSA_SUCCESS && size != what->size - TALC_ECC_TAG_SIZE) {
        status = PSA_ERROR_CORRUPTION_DETECTED;
    }
    if (status != PSA_SUCCESS) {
        talc_wipe(opened, what->size - TALC_ECC_TAG_SIZE);
    }
    return status == PSA_ERROR_INVALID_SIGNATURE ? TALC_ERROR_MALFORMED : talc_ecc_status(status);
}
