/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ECC_MESSAGE_H
#define TALC_LIB_ECC_MESSAGE_H

/**
 * The four messages of the `ecc` handshake as bytes: a type, 1..4, then each field behind its size in
 * two bytes, most significant first. docs/ecc-handshake.md says what they mean. Nothing here
 * allocates, keeps a pointer, or knows a key.
 *
 * A reader takes exactly one message: another type, a field of another size than the message has, a
 * field too few or too many, or a byte behind the last one is TALC_ERROR_MALFORMED, and what was
 * written to `message` by then does not count.
 */

#include <stddef.h>
#include <stdint.h>

#include "talc/identity.h"

#define TALC_ECC_PUBLIC_KEY_SIZE 32 /**< X25519, RFC 7748 section 6.1 */
#define TALC_ECC_SIGNATURE_SIZE 64  /**< ECDSA with P-256: r, s, 32 bytes each */
#define TALC_ECC_TAG_SIZE 16        /**< AES-128-CCM */

#define TALC_ECC_FIELD_HEADER_SIZE 2
#define TALC_ECC_M1_SIZE 35
#define TALC_ECC_M2_SIZE 130
#define TALC_ECC_M3_SIZE_MIN 70 /**< a device ID of 1 byte */
#define TALC_ECC_M3_SIZE_MAX 133
#define TALC_ECC_M4_SIZE 11

/** From the client. */
typedef struct talc_ecc_m1 {
    uint8_t client_key[TALC_ECC_PUBLIC_KEY_SIZE]; /**< PK_C, ephemeral */
} talc_ecc_m1;

/** From the server; "HelloClient" goes before these. */
typedef struct talc_ecc_m2 {
    uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE]; /**< PK_S, ephemeral */
    uint8_t sealed_signature[TALC_ECC_SIGNATURE_SIZE + TALC_ECC_TAG_SIZE]; /**< SIG_S under hs_s */
} talc_ecc_m2;

/** From the client, as it is before it is encrypted. The ID may be any bytes. */
typedef struct talc_ecc_m3 {
    uint8_t device_id[TALC_DEVICE_ID_SIZE_MAX];
    size_t device_id_size; /**< 1..TALC_DEVICE_ID_SIZE_MAX */
    uint8_t signature[TALC_ECC_SIGNATURE_SIZE]; /**< SIG_C */
} talc_ecc_m3;

/* The writers fill an array of the message's size, or of TALC_ECC_M3_SIZE_MAX. */
void talc_ecc_m1_write(const talc_ecc_m1 *message, uint8_t bytes[TALC_ECC_M1_SIZE]);
void talc_ecc_m2_write(const talc_ecc_m2 *message, uint8_t bytes[TALC_ECC_M2_SIZE]);

/** Returns the size; 0 if that of the device ID is out of range. */
size_t talc_ecc_m3_write(const talc_ecc_m3 *message, uint8_t bytes[TALC_ECC_M3_SIZE_MAX]);

/** From the server: "accepted", and nothing else. */
void talc_ecc_m4_write(uint8_t bytes[TALC_ECC_M4_SIZE]);

talc_status talc_ecc_m1_read(talc_ecc_m1 *message, const uint8_t *bytes, size_t size);
talc_status talc_ecc_m2_read(talc_ecc_m2 *message, const uint8_t *bytes, size_t size);
talc_status talc_ecc_m3_read(talc_ecc_m3 *message, const uint8_t *bytes, size_t size);
talc_status talc_ecc_m4_read(const uint8_t *bytes, size_t size);

#endif
