/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_ECC_PAIR_H
#define TALC_TESTS_ECC_PAIR_H

/**
 * Two `ecc` engines and the wires between them, in memory. A world has the keys: one server, one
 * device that is enrolled with it, and what the device needs to find the server. Include it after
 * cmocka.h; whatever goes wrong here fails the test.
 */

#include "lib/engine_ecc.h"
#include "talc/registry.h"

#define ECC_DEVICE "meter-7"
#define ECC_WIRE_SIZE (1u << 16)

#define ECC_PRIVATE_DER_SIZE 121 /**< ECPrivateKey, RFC 5915, with curve and public key */
#define ECC_PUBLIC_DER_SIZE 91   /**< SubjectPublicKeyInfo, RFC 5480 */

/** A P-256 key pair in all forms. */
typedef struct ecc_key {
    uint8_t secret[TALC_P256_SECRET_SIZE];
    uint8_t point[TALC_P256_POINT_SIZE];
    uint8_t private_der[ECC_PRIVATE_DER_SIZE];
    uint8_t public_der[ECC_PUBLIC_DER_SIZE];
    uint8_t pin[TALC_PIN_SIZE];
} ecc_key;

void ecc_key_from_secret(ecc_key *key, const uint8_t secret[TALC_P256_SECRET_SIZE]);

/** The key that a name stands for, the same each time. */
void ecc_key_of(ecc_key *key, const char *name);

/** An identity, for talc_identity_free(). `device_id` NULL: a server's. */
talc_identity *ecc_identity(const ecc_key *key, const char *device_id);

/** Trust in one server, for talc_trust_free(). */
talc_trust *ecc_trust(const ecc_key *server);

void ecc_enrol(talc_registry *registry, const char *device_id, const ecc_key *key);

typedef struct ecc_world {
    ecc_key server_key;
    ecc_key device_key;
    talc_registry *registry;
    talc_ecc_context *client; /**< of the device */
    talc_ecc_context *server;
    size_t key_count; /**< in PSA, before */
} ecc_world;

void ecc_world_begin(ecc_world *world);

/** The same with the keys that are in `world` already. */
void ecc_world_begin_with(ecc_world *world, const char *device_id);

/** Fails if there are more keys in PSA than before the world began. */
void ecc_world_end(ecc_world *world);

/** A client's context for another device, for talc_ecc_context_free(). */
talc_ecc_context *ecc_client_context(const char *device_id, const ecc_key *device,
                                     const ecc_key *server);

/** What an engine has said. */
typedef struct ecc_wire {
    uint8_t bytes[ECC_WIRE_SIZE];
    size_t size;
    size_t passed; /**< bytes that ecc_pass() has carried */
} ecc_wire;

typedef struct ecc_side {
    talc_ecc_engine *engine;
    ecc_wire wire;
} ecc_side;

typedef struct ecc_pair {
    ecc_side client;
    ecc_side server;
} ecc_pair;

/** Opens one engine; ecc_side_close() frees it. */
void ecc_side_open(ecc_side *side, talc_ecc_context *context);
void ecc_side_close(ecc_side *side);

/** Opens both; M1 is on the client's wire. */
void ecc_pair_open(ecc_pair *pair, const ecc_world *world);
void ecc_pair_close(ecc_pair *pair);

/** Carries what `from` has said since; returns what feed() said. What an engine gives back because it has
 * got the guard's keys by a record before is carried once more: here the guard finds it right. */
talc_status ecc_pass(ecc_side *from, ecc_side *to);

talc_status ecc_feed(ecc_side *side, const uint8_t *bytes, size_t size);

/** M1, M2, M3 and M4 pass; both sides are open. */
void ecc_shake_hands(ecc_pair *pair);

/** The record with this number on a wire; its size with the header. */
const uint8_t *ecc_record(const ecc_wire *wire, size_t number, size_t *size);
size_t ecc_record_count(const ecc_wire *wire);

void ecc_write(ecc_side *side, const char *text);

/** Reads plaintext and compares it. */
void ecc_expect_read(ecc_side *side, const char *text);

/** There is no plaintext, and nothing has failed. */
void ecc_expect_silence(ecc_side *side);

/** The side has failed, with this status and for a reason with these words in it. */
void ecc_expect_failure(const ecc_side *side, talc_status status, const char *words);

/** Both sides understand each other: a text each way. */
void ecc_expect_open(ecc_pair *pair);

#endif
