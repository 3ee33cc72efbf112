/* SPDX-License-Identifier: MIT */
#include "lib/crypto.h"

#include <mbedtls/constant_time.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>

/*
 * psa_crypto_init() may be called again at any time and, as mbedTLS is built with threads, by
 * several threads at once: it keeps its own lock and its own "started" mark. So nothing is kept
 * here, and a start that failed is tried again by the next call.
 */
talc_status talc_crypto_start(void)
{
    return psa_crypto_init() == PSA_SUCCESS ? TALC_OK : TALC_ERROR_RANDOM;
}

talc_status talc_random_fill(void *bytes, size_t size)
{
    if (size == 0) {
        return TALC_OK;
    }
    if (talc_crypto_start() != TALC_OK || psa_generate_random(bytes, size) != PSA_SUCCESS) {
        talc_wipe(bytes, size);
        return TALC_ERROR_RANDOM;
    }
    return TALC_OK;
}

talc_status talc_sha256(const void *bytes, size_t size, uint8_t digest[TALC_SHA256_SIZE])
{
    size_t digest_size = 0;
    if (talc_crypto_start() == TALC_OK &&
        psa_hash_compute(PSA_ALG_SHA_256, bytes, size, digest, TALC_SHA256_SIZE, &digest_size) ==
            PSA_SUCCESS &&
        digest_size == TALC_SHA256_SIZE) {
        return TALC_OK;
    }
    talc_wipe(digest, TALC_SHA256_SIZE);
    return TALC_ERROR_RANDOM;
}

static psa_status_t import_hmac_key(const uint8_t *key, psa_key_id_t *key_id)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
    psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
    return psa_import_key(&attributes, key, TALC_HMAC_KEY_SIZE, key_id);
}

static psa_status_t mac_spans(psa_key_id_t key_id, const talc_span *spans, size_t count,
                              uint8_t *mac)
{
    psa_mac_operation_t operation = PSA_MAC_OPERATION_INIT;
    psa_status_t status = psa_mac_sign_setup(&operation, key_id, PSA_ALG_HMAC(PSA_ALG_SHA_256));
    for (size_t i = 0; i < count && status == PSA_SUCCESS; i++) {
        status = psa_mac_update(&operation, spans[i].bytes, spans[i].size);
    }
    size_t mac_size = 0;
    if (status == PSA_SUCCESS) {
        status = psa_mac_sign_finish(&operation, mac, TALC_SHA256_SIZE, &mac_size);
    }
    psa_mac_abort(&operation);
    if (status == PSA_SUCCESS && mac_size != TALC_SHA256_SIZE) {
        status = PSA_ERROR_CORRUPTION_DETECTED;
    }
    return status;
}

talc_status talc_hmac(const uint8_t key[TALC_HMAC_KEY_SIZE], const talc_span *spans, size_t count,
                      uint8_t mac[TALC_SHA256_SIZE])
{
    psa_key_id_t key_id = PSA_KEY_ID_NULL;
    psa_status_t status = PSA_ERROR_BAD_STATE;
    if (talc_crypto_start() == TALC_OK) {
        status = import_hmac_key(key, &key_id);
    }
    if (status == PSA_SUCCESS) {
        status = mac_spans(key_id, spans, count, mac);
        psa_destroy_key(key_id);
    }
    if (status != PSA_SUCCESS) {
        talc_wipe(mac, TALC_SHA256_SIZE);
        return TALC_ERROR_RANDOM;
    }
    return TALC_OK;
}

bool talc_bytes_equal(const void *left, const void *right, size_t size)
{
    return size == 0 || mbedtls_ct_memcmp(left, right, size) == 0;
}

void talc_wipe(void *bytes, size_t size)
{
    if (bytes && size > 0) {
        mbedtls_platform_zeroize(bytes, size);
    }
}
