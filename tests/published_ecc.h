/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_PUBLISHED_ECC_H
#define TALC_TESTS_PUBLISHED_ECC_H

/**
 * A model of the four-message handshake as it was published, to show what it does not prove. It is
 * only used by tests.
 *
 *     M1  client -> server  device ID, PK_C               both keys are made for this session,
 *     M2  server -> client  "HelloClient", PK_S           on P-256, and do everything in it
 *     M3  client -> server  E_K( device ID, signature )   K from the secret that both agree on
 *     M4  server -> client  E_K( "accepted" )
 *
 * The server checks that it knows the ID, that M3 shows the one of M1, and that the signature is
 * right under PK_C, the key of M1. Where the description leaves a choice, the model takes the stronger
 * one: the signature is over both public keys too, K over both and the ID, and encryption is AEAD.
 * Include it after cmocka.h; what can only go wrong here fails the test.
 */

#include <psa/crypto.h>
#include <stdbool.h>

#define PUBLISHED_ID_SIZE 32
#define PUBLISHED_KEY_SIZE 65       /**< a point of P-256, uncompressed */
#define PUBLISHED_SIGNATURE_SIZE 64
#define PUBLISHED_TAG_SIZE 16
#define PUBLISHED_TEXT_SIZE 64      /**< of what is said afterwards */

/** A sealed text. */
typedef struct published_sealed {
    uint8_t bytes[PUBLISHED_ID_SIZE + PUBLISHED_SIGNATURE_SIZE + PUBLISHED_TAG_SIZE];
    size_t size;
} published_sealed;

typedef struct published_m1 {
    char device_id[PUBLISHED_ID_SIZE];
    uint8_t client_key[PUBLISHED_KEY_SIZE];
} published_m1;

typedef struct published_m2 {
    char word[12]; /**< "HelloClient" */
    uint8_t server_key[PUBLISHED_KEY_SIZE];
} published_m2;

/** One end of one session. */
typedef struct published_party {
    bool is_client;
    bool is_accepted; /**< the handshake is over, and went well */
    char device_id[PUBLISHED_ID_SIZE];
    psa_key_id_t key; /**< owned: made for this session */
    uint8_t client_key[PUBLISHED_KEY_SIZE];
    uint8_t server_key[PUBLISHED_KEY_SIZE];
    psa_key_id_t session_key; /**< owned: K */
    uint8_t sent;             /**< texts so far */
    uint8_t received;
} published_party;

void published_end(published_party *party);

void published_begin(published_party *client, const char *device_id, published_m1 *m1);

/** `known_id` is the one device that the server knows. */
bool published_take_m1(published_party *server, const char *known_id, const published_m1 *m1,
                       published_m2 *m2);
bool published_take_m2(published_party *client, const published_m2 *m2, published_sealed *m3);
bool published_take_m3(published_party *server, const published_sealed *m3, published_sealed *m4);
bool published_take_m4(published_party *client, const published_sealed *m4);

/** What is said afterwards: NUL-terminated texts. */
void published_say(published_party *party, const char *text, published_sealed *sealed);
bool published_hear(published_party *party, const published_sealed *sealed,
                    char text[PUBLISHED_TEXT_SIZE]);

#endif
