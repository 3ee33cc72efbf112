/* SPDX-License-Identifier: MIT */
#include "lib/ecc_schedule.h"

#include <stdio.h>
#include <string.h>

#include "lib/ecc_status.h"

#define INFO_SIZE_MAX 32

static const char protocol[] = "talc ecc 1";

static talc_status hash(const talc_span *spans, size_t count, uint8_t digest[TALC_SHA256_SIZE])
{
    psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
    psa_status_t status = psa_hash_setup(&operation, PSA_ALG_SHA_256);
    for (size_t i = 0; i < count && status == PSA_SUCCESS; i++) {
        status = psa_hash_update(&operation, spans[i].bytes, spans[i].size);
    }
    size_t size = 0;
    if (status == PSA_SUCCESS) {
        status = psa_hash_finish(&operation, digest, TALC_SHA256_SIZE, &size);
    }
    psa_hash_abort(&operation);
    return status == PSA_SUCCESS && size == TALC_SHA256_SIZE ? TALC_OK : TALC_ERROR_RANDOM;
}

talc_status talc_ecc_th2(const uint8_t m1[TALC_ECC_M1_SIZE],
                         const uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE],
                         uint8_t th2[TALC_SHA256_SIZE])
{
    static const uint8_t field_header[TALC_ECC_FIELD_HEADER_SIZE] = { 0,
                                                                      TALC_ECC_PUBLIC_KEY_SIZE };
    const talc_span spans[] = {
        { protocol, sizeof protocol - 1 },
        { m1, TALC_ECC_M1_SIZE },
        { field_header, sizeof field_header },
        { server_key, TALC_ECC_PUBLIC_KEY_SIZE },
    };
    return hash(spans, sizeof spans / sizeof spans[0], th2);
}

talc_status talc_ecc_th_next(const uint8_t before[TALC_SHA256_SIZE], const void *message,
                             size_t size, uint8_t after[TALC_SHA256_SIZE])
{
    const talc_span spans[] = { { before, TALC_SHA256_SIZE }, { message, size } };
    return hash(spans, sizeof spans / sizeof spans[0], after);
}

static psa_status_t derive(psa_key_derivation_operation_t *operation, psa_key_id_t z,
                           const talc_ecc_wanted *wanted, uint8_t *bytes, size_t size)
{
    char info[INFO_SIZE_MAX];
    int info_size = snprintf(info, sizeof info, "%s %s", protocol, wanted->name);
    if (info_size < 0 || (size_t)info_size >= sizeof info) {
        return PSA_ERROR_INVALID_ARGUMENT;
    }
    psa_status_t status = psa_key_derivation_setup(operation, PSA_ALG_HKDF(PSA_ALG_SHA_256));
    if (status == PSA_SUCCESS) {
        status = psa_key_derivation_input_bytes(operation, PSA_KEY_DERIVATION_INPUT_SALT,
                                                wanted->salt, TALC_SHA256_SIZE);
    }
    if (status == PSA_SUCCESS) {
        status = psa_key_derivation_input_key(operation, PSA_KEY_DERIVATION_INPUT_SECRET, z);
    }
    if (status == PSA_SUCCESS) {
        status = psa_key_derivation_input_bytes(operation, PSA_KEY_DERIVATION_INPUT_INFO,
                                                (const uint8_t *)info, (size_t)info_size);
    }
    if (status == PSA_SUCCESS) {
        status = psa_key_derivation_output_bytes(operation, bytes, size);
    }
    return status;
}

talc_status talc_ecc_derive(psa_key_id_t z, const talc_ecc_wanted *wanted, uint8_t *bytes,
                            size_t size)
{
    psa_key_derivation_operation_t operation = PSA_KEY_DERIVATION_OPERATION_INIT;
    psa_status_t status = derive(&operation, z, wanted, bytes, size);
    psa_key_derivation_abort(&operation);
    if (status != PSA_SUCCESS) {
        talc_wipe(bytes, size);
    }
    return talc_ecc_status(status);
}
