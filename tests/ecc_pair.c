/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "tests/ecc_pair.h"

/* ---------------------------------------------------------------- keys */

static void point_of(const uint8_t secret[TALC_P256_SECRET_SIZE],
                     uint8_t point[TALC_P256_POINT_SIZE])
{
    psa_key_id_t key;
    size_t size;
    assert_int_equal(talc_ecc_signer_import(secret, &key), TALC_OK);
    assert_int_equal(psa_export_public_key(key, point, TALC_P256_POINT_SIZE, &size), PSA_SUCCESS);
    assert_int_equal(size, TALC_P256_POINT_SIZE);
    psa_destroy_key(key);
}

void ecc_key_from_secret(ecc_key *key, const uint8_t secret[TALC_P256_SECRET_SIZE])
{
    static const uint8_t before_secret[] = { 0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20 };
    static const uint8_t before_point[] = { 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
                                            0x3d, 0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42,
                                            0x00 };
    static const uint8_t before_public[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                             0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                             0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
    memcpy(key->secret, secret, sizeof key->secret);
    point_of(secret, key->point);
    uint8_t *at = key->private_der;
    memcpy(at, before_secret, sizeof before_secret);
    memcpy(at += sizeof before_secret, secret, TALC_P256_SECRET_SIZE);
    memcpy(at += TALC_P256_SECRET_SIZE, before_point, sizeof before_point);
    memcpy(at + sizeof before_point, key->point, sizeof key->point);
    memcpy(key->public_der, before_public, sizeof before_public);
    memcpy(key->public_der + sizeof before_public, key->point, sizeof key->point);
    assert_int_equal(talc_sha256(key->public_der, sizeof key->public_der, key->pin), TALC_OK);
}

void ecc_key_of(ecc_key *key, const char *name)
{
    uint8_t secret[TALC_SHA256_SIZE];
    assert_int_equal(talc_sha256(name, strlen(name), secret), TALC_OK);
    ecc_key_from_secret(key, secret);
}

talc_identity *ecc_identity(const ecc_key *key, const char *device_id)
{
    talc_identity *identity;
    talc_failure failure = { 0 };
    if (talc_identity_from_key(&identity, device_id, key->private_der, sizeof key->private_der,
                               &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    return identity;
}

talc_trust *ecc_trust(const ecc_key *server)
{
    talc_trust *trust;
    talc_failure failure = { 0 };
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    if (talc_trust_add_server_key(trust, server->public_der, sizeof server->public_der,
                                  &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    return trust;
}

void ecc_enrol(talc_registry *registry, const char *device_id, const ecc_key *key)
{
    talc_failure failure = { 0 };
    talc_device device = { device_id, key->public_der, sizeof key->public_der };
    if (talc_registry_enrol(registry, &device, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
}

/* ---------------------------------------------------------------- the world */

static talc_ecc_context *context_new(talc_role role, talc_config *config)
{
    void *context;
    talc_failure failure = { 0 };
    if (talc_engine_ecc.context_new(&context, role, config, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    talc_identity_free(config->identity);
    talc_trust_free(config->trust);
    return context;
}

talc_ecc_context *ecc_client_context(const char *device_id, const ecc_key *device,
                                     const ecc_key *server)
{
    talc_config config = TALC_CONFIG_DEFAULT;
    config.identity = ecc_identity(device, device_id);
    config.trust = ecc_trust(server);
    return context_new(TALC_ROLE_CLIENT, &config);
}

static size_t count_keys(void)
{
    mbedtls_psa_stats_t stats;
    assert_int_equal(talc_crypto_start(), TALC_OK);
    mbedtls_psa_get_stats(&stats);
    return stats.MBEDTLS_PRIVATE(volatile_slots);
}

void ecc_world_begin_with(ecc_world *world, const char *device_id)
{
    talc_config config = TALC_CONFIG_DEFAULT;
    world->key_count = count_keys();
    assert_int_equal(talc_registry_new(&world->registry), TALC_OK);
    ecc_enrol(world->registry, device_id, &world->device_key);
    config.identity = ecc_identity(&world->server_key, NULL);
    config.registry = world->registry;
    world->server = context_new(TALC_ROLE_SERVER, &config);
    world->client = ecc_client_context(device_id, &world->device_key, &world->server_key);
}

void ecc_world_begin(ecc_world *world)
{
    ecc_key_of(&world->server_key, "the server");
    ecc_key_of(&world->device_key, "the device");
    ecc_world_begin_with(world, ECC_DEVICE);
}

void ecc_world_end(ecc_world *world)
{
    talc_engine_ecc.context_free(world->client);
    talc_engine_ecc.context_free(world->server);
    talc_registry_free(world->registry);
    assert_int_equal(count_keys(), world->key_count);
}

/* ---------------------------------------------------------------- engines and wires */

static talc_status put(void *context, const uint8_t *bytes, size_t size)
{
    ecc_wire *wire = context;
    assert_true(size <= sizeof wire->bytes - wire->size);
    memcpy(wire->bytes + wire->size, bytes, size);
    wire->size += size;
    return TALC_OK;
}

void ecc_side_open(ecc_side *side, talc_ecc_context *context)
{
    void *engine;
    talc_failure failure = { 0 };
    talc_engine_setup setup = { context, NULL, { put, &side->wire } };
    side->wire.size = side->wire.passed = 0;
    assert_int_equal(talc_engine_ecc.open(&engine, &setup, &failure), TALC_OK);
    side->engine = engine;
}

void ecc_side_close(ecc_side *side)
{
    talc_engine_ecc.free(side->engine);
    side->engine = NULL;
}

void ecc_pair_open(ecc_pair *pair, const ecc_world *world)
{
    ecc_side_open(&pair->client, world->client);
    ecc_side_open(&pair->server, world->server);
}

void ecc_pair_close(ecc_pair *pair)
{
    ecc_side_close(&pair->client);
    ecc_side_close(&pair->server);
}

/* An allocation of exactly this size, so that a sanitizer sees a read past it. */
talc_status ecc_feed(ecc_side *side, const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    talc_status status = talc_engine_ecc.feed(side->engine, exact, size);
    free(exact);
    return status;
}

talc_status ecc_pass(ecc_side *from, ecc_side *to)
{
    size_t size = from->wire.size - from->wire.passed;
    const uint8_t *bytes = from->wire.bytes + from->wire.passed;
    from->wire.passed = from->wire.size;
    if (size == 0) {
        return TALC_OK;
    }
    bool had_keys = to->engine->has_guard_keys;
    talc_status status = ecc_feed(to, bytes, size);
    size_t back = talc_engine_ecc.takes_back(to->engine);
    bool has_gained_keys = !had_keys && to->engine->has_guard_keys;
    return status == TALC_OK && has_gained_keys && back > 0
               ? ecc_feed(to, bytes + size - back, back)
               : status;
}

void ecc_shake_hands(ecc_pair *pair)
{
    assert_int_equal(ecc_pass(&pair->client, &pair->server), TALC_OK);
    assert_int_equal(ecc_pass(&pair->server, &pair->client), TALC_OK);
    assert_int_equal(ecc_pass(&pair->client, &pair->server), TALC_OK);
    assert_int_equal(ecc_pass(&pair->server, &pair->client), TALC_OK);
    assert_int_equal(pair->client.engine->phase, TALC_ECC_OPEN);
    assert_int_equal(pair->server.engine->phase, TALC_ECC_OPEN);
}

const uint8_t *ecc_record(const ecc_wire *wire, size_t number, size_t *size)
{
    size_t offset = 0;
    for (size_t i = 0;; i++) {
        talc_record_header header;
        assert_int_equal(
            talc_record_header_parse(wire->bytes + offset, wire->size - offset, &header),
            TALC_OK);
        *size = TALC_RECORD_HEADER_SIZE + (size_t)header.length;
        if (i == number) {
            return wire->bytes + offset;
        }
        offset += *size;
    }
}

size_t ecc_record_count(const ecc_wire *wire)
{
    size_t count = 0;
    size_t offset = 0;
    while (offset < wire->size) {
        talc_record_header header;
        assert_int_equal(
            talc_record_header_parse(wire->bytes + offset, wire->size - offset, &header),
            TALC_OK);
        offset += TALC_RECORD_HEADER_SIZE + (size_t)header.length;
        count++;
    }
    assert_int_equal(offset, wire->size);
    return count;
}

/* ---------------------------------------------------------------- plaintext */

void ecc_write(ecc_side *side, const char *text)
{
    assert_int_equal(
        talc_engine_ecc.write(side->engine, (const uint8_t *)text, strlen(text)), TALC_OK);
}

void ecc_expect_read(ecc_side *side, const char *text)
{
    uint8_t plaintext[TALC_ECC_PLAINTEXT_MAX];
    size_t size;
    assert_int_equal(talc_engine_ecc.read(side->engine, plaintext, sizeof plaintext, &size),
                     TALC_OK);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(plaintext, text, size);
}

void ecc_expect_silence(ecc_side *side)
{
    uint8_t plaintext[TALC_ECC_PLAINTEXT_MAX];
    size_t size;
    assert_int_equal(talc_engine_ecc.read(side->engine, plaintext, sizeof plaintext, &size),
                     TALC_WANT_INPUT);
}

void ecc_expect_open(ecc_pair *pair)
{
    ecc_write(&pair->client, "to the server");
    assert_int_equal(ecc_pass(&pair->client, &pair->server), TALC_OK);
    ecc_expect_read(&pair->server, "to the server");
    ecc_write(&pair->server, "to the client");
    assert_int_equal(ecc_pass(&pair->server, &pair->client), TALC_OK);
    ecc_expect_read(&pair->client, "to the client");
}

void ecc_expect_failure(const ecc_side *side, talc_status status, const char *words)
{
    const talc_failure *failure = talc_engine_ecc.failure(side->engine);
    if (failure->status != status || strstr(failure->text, words) == NULL) {
        fail_msg("status %d, reason: %s; wanted %d, %s", failure->status, failure->text, status,
                 words);
    }
}
