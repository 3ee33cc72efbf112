/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ECC_RECORD_H
#define TALC_LIB_ECC_RECORD_H

/**
 * The protection of records in `ecc`: AES-128-CCM with a tag of 16 bytes and a nonce of 12 (RFC 5116
 * section 5.3). The nonce is the key's IV, its last 8 bytes xored with the record's number in its
 * direction, counted from the first record, plain or not (as RFC 8446 section 5.3); the additional
 * data is the record's header.
 */

#include <psa/crypto.h>

#include "lib/ecc_schedule.h"
#include "records/record.h"

#define TALC_ECC_AES_KEY_SIZE 16
#define TALC_ECC_NONCE_SIZE 12
#define TALC_ECC_TRAFFIC_SIZE (TALC_ECC_AES_KEY_SIZE + TALC_ECC_NONCE_SIZE) /**< key, then IV */

/** What protects one direction in one phase. All zero: no key. */
typedef struct talc_ecc_traffic {
    psa_key_id_t key;
    uint8_t iv[TALC_ECC_NONCE_SIZE];
} talc_ecc_traffic;

/** Derives the key from Z. Freed by the caller, also after an error. TALC_ERROR_MEMORY,
 * TALC_ERROR_RANDOM. */
talc_status talc_ecc_traffic_derive(talc_ecc_traffic *traffic, psa_key_id_t z,
                                    const talc_ecc_wanted *wanted);

/** The same of a key that is known, TALC_ECC_TRAFFIC_SIZE bytes. */
talc_status talc_ecc_traffic_import(talc_ecc_traffic *traffic,
                                    const uint8_t bytes[TALC_ECC_TRAFFIC_SIZE]);
void talc_ecc_traffic_free(talc_ecc_traffic *traffic);

/** Bytes to be sealed or unsealed, of the record with this header and number. */
typedef struct talc_ecc_sealing {
    const uint8_t *header; /**< TALC_RECORD_HEADER_SIZE bytes: of the record as it is on the wire */
    uint64_t number;
    const uint8_t *bytes;
    size_t size;
} talc_ecc_sealing;

/** Writes size + TALC_ECC_TAG_SIZE bytes. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_seal(const talc_ecc_traffic *traffic, const talc_ecc_sealing *what,
                          uint8_t *sealed);

/** Writes size - TALC_ECC_TAG_SIZE bytes. TALC_ERROR_MALFORMED: nobody with the key wrote this as this
 * record; `opened` is zero then. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM. */
talc_status talc_ecc_unseal(const talc_ecc_traffic *traffic, const talc_ecc_sealing *what,
                            uint8_t *opened);

#endif
