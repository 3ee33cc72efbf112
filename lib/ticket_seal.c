/* SPDX-License-Identifier: MIT */
#include "lib/ticket_seal.h"

#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"

#define KEY_NAME_SIZE 4
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define HEAD_SIZE (KEY_NAME_SIZE + NONCE_SIZE)
#define KEY_BITS 256

/* Both sides of the seal are this library: no other program has to understand it. */
static const char label[] = "talc tls ticket 1";

typedef struct seal_key {
    uint8_t name[KEY_NAME_SIZE];
    psa_key_id_t id; /* PSA_KEY_ID_NULL: none */
    uint64_t since_ms;
} seal_key;

struct talc_ticket_seal {
    seal_key newer;
    seal_key older;
    uint64_t period_ms;
};

/* What is authenticated beside the text. */
typedef struct seal_context {
    uint8_t bytes[sizeof label - 1 + TALC_PIN_SIZE];
} seal_context;

static seal_context context_of(const talc_ticket_text *text)
{
    seal_context context;
    memcpy(context.bytes, label, sizeof label - 1);
    memcpy(context.bytes + sizeof label - 1, text->purpose, TALC_PIN_SIZE);
    return context;
}

static void drop_key(seal_key *key)
{
    (void)psa_destroy_key(key->id); /* of PSA_KEY_ID_NULL too */
    memset(key, 0, sizeof *key);
}

static talc_status make_key(seal_key *key, uint64_t now_ms)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_AES);
    psa_set_key_bits(&attributes, KEY_BITS);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT);
    psa_set_key_algorithm(&attributes, PSA_ALG_GCM);
    key->since_ms = now_ms;
    if (talc_random_fill(key->name, sizeof key->name) != TALC_OK ||
        psa_generate_key(&attributes, &key->id) != PSA_SUCCESS) {
        memset(key, 0, sizeof *key);
        return TALC_ERROR_RANDOM;
    }
    return TALC_OK;
}

talc_status talc_ticket_seal_new(talc_ticket_seal **made, uint64_t period_ms)
{
    *made = NULL;
    talc_ticket_seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL) {
        return TALC_ERROR_MEMORY;
    }
    seal->period_ms = period_ms;
    *made = seal;
    return TALC_OK;
}

void talc_ticket_seal_free(talc_ticket_seal *seal)
{
    if (seal != NULL) {
        drop_key(&seal->newer);
        drop_key(&seal->older);
        free(seal);
    }
}

/* Puts away what is past its time. A clock that went back counts as one that went far ahead. */
static void retire_keys(talc_ticket_seal *seal, uint64_t now_ms)
{
    if (seal->newer.id != PSA_KEY_ID_NULL && now_ms - seal->newer.since_ms >= seal->period_ms) {
        drop_key(&seal->older);
        seal->older = seal->newer;
        memset(&seal->newer, 0, sizeof seal->newer);
    }
    if (now_ms - seal->older.since_ms >= 2 * seal->period_ms) {
        drop_key(&seal->older);
    }
}

talc_status talc_ticket_seal_close(talc_ticket_seal *seal, const talc_ticket_text *text,
                                   uint64_t now_ms, size_t *size)
{
    size_t sealed_size = 0;
    uint8_t *nonce = text->to + KEY_NAME_SIZE;
    seal_context context = context_of(text);
    *size = 0;
    if (text->capacity < TALC_TICKET_SEAL_SIZE ||
        text->from_size > text->capacity - TALC_TICKET_SEAL_SIZE) {
        return TALC_ERROR_TOO_LARGE;
    }
    retire_keys(seal, now_ms);
    if (seal->newer.id == PSA_KEY_ID_NULL && make_key(&seal->newer, now_ms) != TALC_OK) {
        return TALC_ERROR_RANDOM;
    }
    memcpy(text->to, seal->newer.name, KEY_NAME_SIZE);
    if (talc_random_fill(nonce, NONCE_SIZE) != TALC_OK ||
        psa_aead_encrypt(seal->newer.id, PSA_ALG_GCM, nonce, NONCE_SIZE, context.bytes,
                         sizeof context.bytes, text->from, text->from_size, text->to + HEAD_SIZE,
                         text->capacity - HEAD_SIZE, &sealed_size) != PSA_SUCCESS) {
        return TALC_ERROR_RANDOM;
    }
    *size = HEAD_SIZE + sealed_size;
    return TALC_OK;
}

static const seal_key *find_key(const talc_ticket_seal *seal, const uint8_t name[KEY_NAME_SIZE])
{
    const seal_key *keys[] = { &seal->newer, &seal->older };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i]->id != PSA_KEY_ID_NULL && memcmp(keys[i]->name, name, KEY_NAME_SIZE) == 0) {
            return keys[i];
        }
    }
    return NULL;
}

talc_status talc_ticket_seal_open(talc_ticket_seal *seal, const talc_ticket_text *text,
                                  uint64_t now_ms, size_t *size)
{
    *size = 0;
    if (text->from_size < TALC_TICKET_SEAL_SIZE) {
        return TALC_ERROR_MALFORMED;
    }
    if (text->from_size - TALC_TICKET_SEAL_SIZE > text->capacity) {
        return TALC_ERROR_TOO_LARGE;
    }
    retire_keys(seal, now_ms);
    seal_context context = context_of(text);
    const seal_key *key = find_key(seal, text->from);
    if (key == NULL || psa_aead_decrypt(key->id, PSA_ALG_GCM, text->from + KEY_NAME_SIZE,
                                        NONCE_SIZE, context.bytes, sizeof context.bytes,
                                        text->from + HEAD_SIZE, text->from_size - HEAD_SIZE,
                                        text->to, text->capacity, size) != PSA_SUCCESS) {
        talc_wipe(text->to, text->capacity);
        *size = 0;
        return TALC_ERROR_MALFORMED;
    }
    return TALC_OK;
}
