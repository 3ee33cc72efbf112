/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/ecc_impostor.h"

static const char *const hs_names[] = { "hs_c", "hs_s" };
static const char *const ap_names[] = { "ap_c", "ap_s" };

void ecc_impostor_end(ecc_impostor *impostor)
{
    talc_ecc_ephemeral_free(&impostor->ephemeral);
    psa_destroy_key(impostor->z);
    for (int i = 0; i < 2; i++) {
        talc_ecc_traffic_free(&impostor->hs[i]);
        talc_ecc_traffic_free(&impostor->ap[i]);
    }
    memset(impostor, 0, sizeof *impostor);
}

size_t ecc_seal_record(const talc_ecc_traffic *traffic, talc_record_type type,
                       const talc_ecc_sealing *plaintext, uint8_t *record)
{
    talc_ecc_sealing what = *plaintext;
    what.header = record;
    talc_ecc_header_build(type, what.size + TALC_ECC_TAG_SIZE, record);
    assert_int_equal(talc_ecc_seal(traffic, &what, record + TALC_RECORD_HEADER_SIZE), TALC_OK);
    return TALC_RECORD_HEADER_SIZE + what.size + TALC_ECC_TAG_SIZE;
}

void ecc_sign(const ecc_key *key, const talc_ecc_statement *statement,
              uint8_t signature[TALC_ECC_SIGNATURE_SIZE])
{
    psa_key_id_t signer;
    assert_int_equal(talc_ecc_signer_import(key->secret, &signer), TALC_OK);
    assert_int_equal(talc_ecc_sign(signer, statement, signature), TALC_OK);
    psa_destroy_key(signer);
}

static void derive(ecc_impostor *impostor, talc_ecc_traffic traffic[2], const char *const names[2])
{
    for (int i = 0; i < 2; i++) {
        talc_ecc_wanted wanted = { impostor->th, names[i] };
        assert_int_equal(talc_ecc_traffic_derive(&traffic[i], impostor->z, &wanted), TALC_OK);
    }
}

static void next(ecc_impostor *impostor, const void *message, size_t size)
{
    assert_int_equal(talc_ecc_th_next(impostor->th, message, size, impostor->th), TALC_OK);
}

/* ---------------------------------------------------------------- in a client's place */

void ecc_impostor_say_m1(ecc_impostor *impostor, uint8_t record[ECC_M1_RECORD_SIZE])
{
    talc_ecc_m1 m1;
    memset(impostor, 0, sizeof *impostor);
    assert_int_equal(talc_ecc_ephemeral_generate(&impostor->ephemeral), TALC_OK);
    memcpy(m1.client_key, impostor->ephemeral.public_key, sizeof m1.client_key);
    talc_ecc_m1_write(&m1, impostor->m1);
    talc_ecc_header_build(TALC_RECORD_HANDSHAKE, TALC_ECC_M1_SIZE, record);
    memcpy(record + TALC_RECORD_HEADER_SIZE, impostor->m1, sizeof impostor->m1);
}

void ecc_impostor_hear_m2(ecc_impostor *impostor, const uint8_t record[ECC_M2_RECORD_SIZE],
                          uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE])
{
    talc_ecc_m2 m2;
    const uint8_t *message = record + TALC_RECORD_HEADER_SIZE;
    assert_int_equal(talc_ecc_m2_read(&m2, message, TALC_ECC_M2_SIZE), TALC_OK);
    assert_int_equal(talc_ecc_agree(impostor->ephemeral.key, m2.server_key, &impostor->z),
                     TALC_OK);
    assert_int_equal(talc_ecc_th2(impostor->m1, m2.server_key, impostor->th), TALC_OK);
    derive(impostor, impostor->hs, hs_names);
    talc_ecc_sealing what = { record, 0, m2.sealed_signature, sizeof m2.sealed_signature };
    assert_int_equal(talc_ecc_unseal(&impostor->hs[TALC_ROLE_SERVER], &what, sig_s), TALC_OK);
    next(impostor, message, TALC_ECC_M2_SIZE);
}

size_t ecc_impostor_say_m3(ecc_impostor *impostor, const uint8_t *m3, size_t size,
                           uint8_t *record)
{
    talc_ecc_sealing what = { NULL, 1, m3, size };
    next(impostor, m3, size);
    derive(impostor, impostor->ap, ap_names);
    return ecc_seal_record(&impostor->hs[TALC_ROLE_CLIENT], TALC_RECORD_HANDSHAKE, &what, record);
}

/* ---------------------------------------------------------------- in a server's place */

static void hear_m1(ecc_impostor *impostor, const uint8_t record[ECC_M1_RECORD_SIZE],
                    talc_ecc_m1 *m1)
{
    memset(impostor, 0, sizeof *impostor);
    memcpy(impostor->m1, record + TALC_RECORD_HEADER_SIZE, sizeof impostor->m1);
    assert_int_equal(talc_ecc_m1_read(m1, impostor->m1, sizeof impostor->m1), TALC_OK);
}

static void derive_handshake(ecc_impostor *impostor)
{
    assert_int_equal(
        talc_ecc_th2(impostor->m1, impostor->ephemeral.public_key, impostor->th), TALC_OK);
    derive(impostor, impostor->hs, hs_names);
}

void ecc_impostor_hear_m1(ecc_impostor *impostor, const uint8_t record[ECC_M1_RECORD_SIZE])
{
    talc_ecc_m1 m1;
    hear_m1(impostor, record, &m1);
    assert_int_equal(talc_ecc_ephemeral_generate(&impostor->ephemeral), TALC_OK);
    assert_int_equal(talc_ecc_agree(impostor->ephemeral.key, m1.client_key, &impostor->z),
                     TALC_OK);
    derive_handshake(impostor);
}

/* Without talc_ecc_secret_import(), which takes no zeros. */
void ecc_impostor_pretend(ecc_impostor *impostor, const uint8_t record[ECC_M1_RECORD_SIZE],
                          const uint8_t public_key[TALC_ECC_PUBLIC_KEY_SIZE],
                          const uint8_t z[TALC_ECC_PUBLIC_KEY_SIZE])
{
    talc_ecc_m1 m1;
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    hear_m1(impostor, record, &m1);
    memcpy(impostor->ephemeral.public_key, public_key, TALC_ECC_PUBLIC_KEY_SIZE);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_DERIVE);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_HKDF(PSA_ALG_SHA_256));
    assert_int_equal(psa_import_key(&attributes, z, TALC_ECC_PUBLIC_KEY_SIZE, &impostor->z),
                     PSA_SUCCESS);
    derive_handshake(impostor);
}

void ecc_impostor_say_m2(ecc_impostor *impostor, const uint8_t sig_s[TALC_ECC_SIGNATURE_SIZE],
                         uint8_t record[ECC_M2_RECORD_SIZE])
{
    talc_ecc_m2 m2;
    talc_ecc_sealing what = { record, 0, sig_s, TALC_ECC_SIGNATURE_SIZE };
    memcpy(m2.server_key, impostor->ephemeral.public_key, sizeof m2.server_key);
    talc_ecc_header_build(TALC_RECORD_HANDSHAKE, TALC_ECC_M2_SIZE, record);
    assert_int_equal(
        talc_ecc_seal(&impostor->hs[TALC_ROLE_SERVER], &what, m2.sealed_signature), TALC_OK);
    talc_ecc_m2_write(&m2, record + TALC_RECORD_HEADER_SIZE);
    next(impostor, record + TALC_RECORD_HEADER_SIZE, TALC_ECC_M2_SIZE);
}

void ecc_impostor_hear_m3(ecc_impostor *impostor, const uint8_t *record, size_t size,
                          talc_ecc_m3 *m3)
{
    uint8_t bytes[TALC_ECC_M3_SIZE_MAX];
    talc_ecc_sealing what = { record, 1, record + TALC_RECORD_HEADER_SIZE,
                              size - TALC_RECORD_HEADER_SIZE };
    assert_int_equal(talc_ecc_unseal(&impostor->hs[TALC_ROLE_CLIENT], &what, bytes), TALC_OK);
    assert_int_equal(talc_ecc_m3_read(m3, bytes, what.size - TALC_ECC_TAG_SIZE), TALC_OK);
    next(impostor, bytes, what.size - TALC_ECC_TAG_SIZE);
    derive(impostor, impostor->ap, ap_names);
}
