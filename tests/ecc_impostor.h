/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_ECC_IMPOSTOR_H
#define TALC_TESTS_ECC_IMPOSTOR_H

/**
 * Somebody who speaks the `ecc` handshake with an engine, and says what he likes: every field is the
 * test's choice, and so are the keys. Include it after cmocka.h; whatever goes wrong here fails the
 * test.
 */

#include "tests/ecc_pair.h"

#define ECC_M1_RECORD_SIZE (TALC_RECORD_HEADER_SIZE + TALC_ECC_M1_SIZE)
#define ECC_M2_RECORD_SIZE (TALC_RECORD_HEADER_SIZE + TALC_ECC_M2_SIZE)
#define ECC_RECORD_SIZE_MAX (TALC_RECORD_HEADER_SIZE + TALC_ECC_FRAGMENT_MAX)

typedef struct ecc_impostor {
    talc_ecc_ephemeral ephemeral;
    psa_key_id_t z;
    uint8_t m1[TALC_ECC_M1_SIZE];
    uint8_t th[TALC_SHA256_SIZE]; /**< th2, from M2 on th3, from M3 on th4 */
    talc_ecc_traffic hs[2];       /**< by the sender's role */
    talc_ecc_traffic ap[2];
} ecc_impostor;

/** Frees the keys. */
void ecc_impostor_end(ecc_impostor *impostor);

/** Makes a record that is sealed. Returns its size. */
size_t ecc_seal_record(const talc_ecc_traffic *traffic, talc_record_type type,
                       const talc_ecc_sealing *plaintext, uint8_t *record);

void ecc_sign(const ecc_key *key, const talc_ecc_statement *statement,
              uint8_t signature[TALC_ECC_SIGNATURE_SIZE]);

/* In a client's place. */

/** Writes the record of an M1 with an ephemeral key of his own. */
void ecc_impostor_say_m1(ecc_impostor *impostor, uint8_t record[ECC_M1_RECORD_SIZE]);

/** Reads M2; then there are hs_c, hs_s and th3. */
void ecc_impostor_hear_m2(ecc_impostor *impostor, const uint8_t record[ECC_M2_RECORD_SIZE],
                          uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE]);

/** Writes the record of an M3 that is these bytes; then there are ap_c, ap_s and th4. Returns its
 * size. */
size_t ecc_impostor_say_m3(ecc_impostor *impostor, const uint8_t *m3, size_t size,
                           uint8_t *record);

/* In a server's place. */

/** Agrees with the client of this M1; then there are hs_c, hs_s and th2. */
void ecc_impostor_hear_m1(ecc_impostor *impostor, const uint8_t record[ECC_M1_RECORD_SIZE]);

/** The same with a public key and a shared secret that need not belong to each other. */
void ecc_impostor_pretend(ecc_impostor *impostor, const uint8_t record[ECC_M1_RECORD_SIZE],
                          const uint8_t public_key[TALC_ECC_PUBLIC_KEY_SIZE],
                          const uint8_t z[TALC_ECC_PUBLIC_KEY_SIZE]);

/** Writes the record of M2 with this signature; then there is th3. */
void ecc_impostor_say_m2(ecc_impostor *impostor, const uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE],
                         uint8_t record[ECC_M2_RECORD_SIZE]);

/** Reads M3; then there are ap_c, ap_s and th4. */
void ecc_impostor_hear_m3(ecc_impostor *impostor, const uint8_t *record, size_t size,
                          talc_ecc_m3 *m3);

#endif
