/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/published_ecc.h"

#define ECDSA PSA_ALG_ECDSA(PSA_ALG_SHA_256)
#define HKDF PSA_ALG_HKDF(PSA_ALG_SHA_256)
#define STATEMENT_SIZE (PUBLISHED_ID_SIZE + 2 * PUBLISHED_KEY_SIZE)

void published_end(published_party *party)
{
    psa_destroy_key(party->key);
    psa_destroy_key(party->session_key);
    memset(party, 0, sizeof *party);
}

/* ---------------------------------------------------------------- keys */

/* One key that signs and agrees. */
static void make_key(published_party *party, uint8_t public_key[PUBLISHED_KEY_SIZE])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    size_t size;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE | PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, ECDSA);
    psa_set_key_enrollment_algorithm(&attributes, PSA_ALG_ECDH);
    assert_int_equal(psa_generate_key(&attributes, &party->key), PSA_SUCCESS);
    assert_int_equal(
        psa_export_public_key(party->key, public_key, PUBLISHED_KEY_SIZE, &size), PSA_SUCCESS);
    assert_int_equal(size, PUBLISHED_KEY_SIZE);
}

/* What the signature is over, and what K depends on. */
static void state(const published_party *party, uint8_t statement[STATEMENT_SIZE])
{
    memcpy(statement, party->device_id, PUBLISHED_ID_SIZE);
    memcpy(statement + PUBLISHED_ID_SIZE, party->client_key, PUBLISHED_KEY_SIZE);
    memcpy(statement + PUBLISHED_ID_SIZE + PUBLISHED_KEY_SIZE, party->server_key,
           PUBLISHED_KEY_SIZE);
}

static bool derive_session_key(published_party *party, const uint8_t peer[PUBLISHED_KEY_SIZE])
{
    uint8_t secret[32], statement[STATEMENT_SIZE], bytes[16];
    size_t size;
    psa_key_derivation_operation_t operation = PSA_KEY_DERIVATION_OPERATION_INIT;
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    if (psa_raw_key_agreement(PSA_ALG_ECDH, party->key, peer, PUBLISHED_KEY_SIZE, secret,
                              sizeof secret, &size) != PSA_SUCCESS) {
        return false;
    }
    state(party, statement);
    assert_int_equal(psa_key_derivation_setup(&operation, HKDF), PSA_SUCCESS);
    assert_int_equal(psa_key_derivation_input_bytes(
                         &operation, PSA_KEY_DERIVATION_INPUT_SECRET, secret, size),
                     PSA_SUCCESS);
    assert_int_equal(psa_key_derivation_input_bytes(&operation, PSA_KEY_DERIVATION_INPUT_INFO,
                                                    statement, sizeof statement),
                     PSA_SUCCESS);
    assert_int_equal(psa_key_derivation_output_bytes(&operation, bytes, sizeof bytes),
                     PSA_SUCCESS);
    psa_key_derivation_abort(&operation);
    psa_set_key_type(&attributes, PSA_KEY_TYPE_AES);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT);
    psa_set_key_algorithm(&attributes, PSA_ALG_CCM);
    assert_int_equal(psa_import_key(&attributes, bytes, sizeof bytes, &party->session_key),
                     PSA_SUCCESS);
    return true;
}

/* ---------------------------------------------------------------- what is sealed */

/* The nonce is who speaks, and how often he has spoken. */
static void seal(published_party *party, const void *bytes, size_t size, published_sealed *sealed)
{
    const uint8_t nonce[12] = { party->is_client, party->sent++ };
    assert_int_equal(psa_aead_encrypt(party->session_key, PSA_ALG_CCM, nonce, sizeof nonce, NULL,
                                      0, bytes, size, sealed->bytes, sizeof sealed->bytes,
                                      &sealed->size),
                     PSA_SUCCESS);
}

static bool unseal(published_party *party, const published_sealed *sealed, void *bytes,
                   size_t size)
{
    const uint8_t nonce[12] = { !party->is_client, party->received++ };
    size_t found;
    return sealed->size == size + PUBLISHED_TAG_SIZE &&
           psa_aead_decrypt(party->session_key, PSA_ALG_CCM, nonce, sizeof nonce, NULL, 0,
                            sealed->bytes, sealed->size, bytes, size, &found) == PSA_SUCCESS;
}

void published_say(published_party *party, const char *text, published_sealed *sealed)
{
    char bytes[PUBLISHED_TEXT_SIZE] = "";
    assert_true(strlen(text) < sizeof bytes);
    strcpy(bytes, text);
    seal(party, bytes, sizeof bytes, sealed);
}

bool published_hear(published_party *party, const published_sealed *sealed,
                    char text[PUBLISHED_TEXT_SIZE])
{
    return party->is_accepted && unseal(party, sealed, text, PUBLISHED_TEXT_SIZE);
}

/* ---------------------------------------------------------------- the messages */

void published_begin(published_party *client, const char *device_id, published_m1 *m1)
{
    memset(client, 0, sizeof *client);
    memset(m1, 0, sizeof *m1);
    client->is_client = true;
    assert_true(strlen(device_id) < sizeof client->device_id);
    strcpy(client->device_id, device_id);
    make_key(client, client->client_key);
    memcpy(m1->device_id, client->device_id, sizeof m1->device_id);
    memcpy(m1->client_key, client->client_key, sizeof m1->client_key);
}

bool published_take_m1(published_party *server, const char *known_id, const published_m1 *m1,
                       published_m2 *m2)
{
    memset(server, 0, sizeof *server);
    if (strcmp(m1->device_id, known_id) != 0) {
        return false;
    }
    memcpy(server->device_id, m1->device_id, sizeof server->device_id);
    memcpy(server->client_key, m1->client_key, sizeof server->client_key);
    make_key(server, server->server_key);
    strcpy(m2->word, "HelloClient");
    memcpy(m2->server_key, server->server_key, sizeof m2->server_key);
    return derive_session_key(server, server->client_key);
}

bool published_take_m2(published_party *client, const published_m2 *m2, published_sealed *m3)
{
    uint8_t statement[STATEMENT_SIZE];
    uint8_t bytes[PUBLISHED_ID_SIZE + PUBLISHED_SIGNATURE_SIZE];
    size_t size;
    memcpy(client->server_key, m2->server_key, sizeof client->server_key);
    if (strcmp(m2->word, "HelloClient") != 0 || !derive_session_key(client, m2->server_key)) {
        return false;
    }
    state(client, statement);
    memcpy(bytes, client->device_id, PUBLISHED_ID_SIZE);
    assert_int_equal(psa_sign_message(client->key, ECDSA, statement, sizeof statement,
                                      bytes + PUBLISHED_ID_SIZE, PUBLISHED_SIGNATURE_SIZE, &size),
                     PSA_SUCCESS);
    seal(client, bytes, sizeof bytes, m3);
    return true;
}

static bool verify(const published_party *server, const uint8_t *signature)
{
    uint8_t statement[STATEMENT_SIZE];
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t key;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_MESSAGE);
    psa_set_key_algorithm(&attributes, ECDSA);
    assert_int_equal(
        psa_import_key(&attributes, server->client_key, sizeof server->client_key, &key),
        PSA_SUCCESS);
    state(server, statement);
    psa_status_t status = psa_verify_message(key, ECDSA, statement, sizeof statement, signature,
                                             PUBLISHED_SIGNATURE_SIZE);
    psa_destroy_key(key);
    return status == PSA_SUCCESS;
}

bool published_take_m3(published_party *server, const published_sealed *m3, published_sealed *m4)
{
    uint8_t bytes[PUBLISHED_ID_SIZE + PUBLISHED_SIGNATURE_SIZE];
    if (!unseal(server, m3, bytes, sizeof bytes) ||
        memcmp(bytes, server->device_id, PUBLISHED_ID_SIZE) != 0 ||
        !verify(server, bytes + PUBLISHED_ID_SIZE)) {
        return false;
    }
    seal(server, "accepted", 8, m4);
    server->is_accepted = true;
    return true;
}

bool published_take_m4(published_party *client, const published_sealed *m4)
{
    char word[8];
    client->is_accepted =
        unseal(client, m4, word, sizeof word) && memcmp(word, "accepted", sizeof word) == 0;
    return client->is_accepted;
}
