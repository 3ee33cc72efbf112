/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ECC_SCHEDULE_H
#define TALC_LIB_ECC_SCHEDULE_H

/**
 * From the messages and Z to the keys: transcript hashes th2, th3, th4 and HKDF (RFC 5869), all with
 * SHA-256. Functions of their arguments only.
 *
 *     th2 = H("talc ecc 1" || M1 || size and value of PK_S)
 *     th3 = H(th2 || M2)    th4 = H(th3 || M3 before it is encrypted)
 *     Expand(Extract(salt th2, Z)) -> hs_c, hs_s
 *     Expand(Extract(salt th4, Z)) -> ap_c, ap_s, guard_c, guard_s
 */

#include <psa/crypto.h>

#include "lib/crypto.h"
#include "lib/ecc_message.h"

/** TALC_ERROR_RANDOM. */
talc_status talc_ecc_th2(const uint8_t m1[TALC_ECC_M1_SIZE],
                         const uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE],
                         uint8_t th2[TALC_SHA256_SIZE]);

/** The next transcript hash: of the one before and a message. In place is allowed.
 * TALC_ERROR_RANDOM. */
talc_status talc_ecc_th_next(const uint8_t before[TALC_SHA256_SIZE], const void *message,
                             size_t size, uint8_t after[TALC_SHA256_SIZE]);

/** A secret of the schedule. */
typedef struct talc_ecc_wanted {
    const uint8_t *salt; /**< th2 or th4 */
    const char *name;    /**< "hs_c", ...: the info is "talc ecc 1 " and this, without a NUL */
} talc_ecc_wanted;

/** Derives `size` bytes from Z. TALC_ERROR_MEMORY, TALC_ERROR_RANDOM; the bytes are zero then. */
talc_status talc_ecc_derive(psa_key_id_t z, const talc_ecc_wanted *wanted, uint8_t *bytes,
                            size_t size);

#endif
