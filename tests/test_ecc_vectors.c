/* SPDX-License-Identifier: MIT */
/*
 * The `ecc` handshake, byte by byte, against tests/vectors/ecc.json, which another implementation
 * computed: each key by itself, and then the engines with the same ephemeral keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/ecc_agreement.h"
#include "lib/hex.h"
#include "tests/ecc_pair.h"
#include "tests/vectors.h"

/* Compares with the bytes under `key`. */
static void expect(const cJSON *row, const char *key, const void *bytes, size_t size)
{
    size_t wanted_size;
    uint8_t *wanted = vector_bytes(row, key, &wanted_size);
    if (wanted_size != size || memcmp(wanted, bytes, size) != 0) {
        fail_msg("%s: another %s", vector_string(row, "name"), key);
    }
    free(wanted);
}

/* The bytes under `key`, of which there are `size`. */
static void get(const cJSON *row, const char *key, void *bytes, size_t size)
{
    size_t found;
    uint8_t *value = vector_bytes(row, key, &found);
    assert_int_equal(found, size);
    memcpy(bytes, value, size);
    free(value);
}

/* For the rows that have this key. */
static void for_each(const char *key, void (*check)(const cJSON *row))
{
    unsigned found = 0;
    const cJSON *row;
    cJSON *rows = vectors_load("ecc");
    cJSON_ArrayForEach(row, rows)
    {
        if (cJSON_HasObjectItem(row, key)) {
            check(row);
            found++;
        }
    }
    cJSON_Delete(rows);
    assert_true(found > 0);
}

/* ---------------------------------------------------------------- the schedule */

static void expect_derived(const cJSON *row, psa_key_id_t z, const char *salt_key,
                           const char *name)
{
    uint8_t salt[TALC_SHA256_SIZE];
    uint8_t bytes[TALC_HMAC_KEY_SIZE];
    size_t size = strncmp(name, "guard", 5) == 0 ? TALC_HMAC_KEY_SIZE : TALC_ECC_TRAFFIC_SIZE;
    talc_ecc_wanted wanted = { salt, name };
    get(row, salt_key, salt, sizeof salt);
    assert_int_equal(talc_ecc_derive(z, &wanted, bytes, size), TALC_OK);
    expect(row, name, bytes, size);
}

static void check_transcript(const cJSON *row)
{
    uint8_t m1[TALC_ECC_M1_SIZE];
    uint8_t m2[TALC_ECC_M2_SIZE];
    uint8_t server_key[TALC_ECC_PUBLIC_KEY_SIZE];
    uint8_t th[TALC_SHA256_SIZE];
    size_t m3_size;
    uint8_t *m3 = vector_bytes(row, "m3", &m3_size);
    get(row, "m1", m1, sizeof m1);
    get(row, "pk_s", server_key, sizeof server_key);
    get(row, "m2", m2, sizeof m2);
    assert_int_equal(talc_ecc_th2(m1, server_key, th), TALC_OK);
    expect(row, "th2", th, sizeof th);
    assert_int_equal(talc_ecc_th_next(th, m2, sizeof m2, th), TALC_OK);
    expect(row, "th3", th, sizeof th);
    assert_int_equal(talc_ecc_th_next(th, m3, m3_size, th), TALC_OK);
    expect(row, "th4", th, sizeof th);
    free(m3);
}

/* Both ends agree on Z; the keys that follow. */
static void check_keys(const cJSON *row)
{
    static const char *const own[] = { "client_ephemeral", "server_ephemeral" };
    static const char *const peer[] = { "pk_s", "pk_c" };
    static const char *const shown[] = { "pk_c", "pk_s" };
    for (int i = 0; i < 2; i++) {
        uint8_t secret[TALC_ECC_PUBLIC_KEY_SIZE];
        uint8_t public_key[TALC_ECC_PUBLIC_KEY_SIZE];
        talc_ecc_ephemeral ephemeral;
        psa_key_id_t z;
        get(row, own[i], secret, sizeof secret);
        get(row, peer[i], public_key, sizeof public_key);
        assert_int_equal(talc_ecc_ephemeral_import(&ephemeral, secret), TALC_OK);
        expect(row, shown[i], ephemeral.public_key, sizeof ephemeral.public_key);
        assert_int_equal(talc_ecc_agree(ephemeral.key, public_key, &z), TALC_OK);
        expect_derived(row, z, "th2", "hs_c");
        expect_derived(row, z, "th2", "hs_s");
        expect_derived(row, z, "th4", "ap_c");
        expect_derived(row, z, "th4", "ap_s");
        expect_derived(row, z, "th4", "guard_c");
        expect_derived(row, z, "th4", "guard_s");
        psa_destroy_key(z);
        talc_ecc_ephemeral_free(&ephemeral);
    }
}

/* A shared secret that is given, not agreed on. */
static void check_z(const cJSON *row)
{
    uint8_t bytes[TALC_ECC_PUBLIC_KEY_SIZE];
    psa_key_id_t z;
    get(row, "z", bytes, sizeof bytes);
    assert_int_equal(talc_ecc_secret_import(bytes, &z), TALC_OK);
    expect_derived(row, z, "th2", "hs_c");
    psa_destroy_key(z);
}

static void check_signatures(const cJSON *row)
{
    ecc_key server, device;
    uint8_t secret[TALC_P256_SECRET_SIZE];
    uint8_t th2[TALC_SHA256_SIZE], th3[TALC_SHA256_SIZE];
    uint8_t signature[TALC_ECC_SIGNATURE_SIZE];
    talc_ecc_statement statement;
    psa_key_id_t signer;
    const char *device_id = vector_string(row, "device_id");
    get(row, "server_key", secret, sizeof secret);
    ecc_key_from_secret(&server, secret);
    expect(row, "server_pin", server.pin, sizeof server.pin);
    get(row, "device_key", secret, sizeof secret);
    ecc_key_from_secret(&device, secret);
    expect(row, "device_pin", device.pin, sizeof device.pin);

    get(row, "th2", th2, sizeof th2);
    talc_ecc_state_server(&statement, th2, server.pin);
    assert_int_equal(talc_ecc_signer_import(server.secret, &signer), TALC_OK);
    assert_int_equal(talc_ecc_sign(signer, &statement, signature), TALC_OK);
    expect(row, "sig_s", signature, sizeof signature);
    psa_destroy_key(signer);

    get(row, "th3", th3, sizeof th3);
    talc_ecc_claim claim = { th3, server.pin, device.pin, device_id, strlen(device_id) };
    talc_ecc_state_client(&statement, &claim);
    assert_int_equal(talc_ecc_signer_import(device.secret, &signer), TALC_OK);
    assert_int_equal(talc_ecc_sign(signer, &statement, signature), TALC_OK);
    expect(row, "sig_c", signature, sizeof signature);
    psa_destroy_key(signer);
}

static void the_schedule_is_that_of_the_vectors(void **state)
{
    (void)state;
    for_each("th2", check_transcript);
    for_each("th2", check_keys);
    for_each("z", check_z);
    for_each("sig_s", check_signatures);
}

/* ---------------------------------------------------------------- records */

static void check_sealing(const cJSON *row)
{
    uint8_t key[TALC_ECC_TRAFFIC_SIZE];
    uint8_t header[TALC_RECORD_HEADER_SIZE];
    uint8_t out[TALC_ECC_FRAGMENT_MAX];
    talc_ecc_traffic traffic;
    size_t size, sealed_size;
    uint8_t *plaintext = vector_bytes(row, "plaintext", &size);
    uint8_t *sealed = vector_bytes(row, "sealed", &sealed_size);
    uint64_t number = vector_number(row, "number", UINT64_MAX);
    get(row, "key", key, sizeof key);
    get(row, "header", header, sizeof header);
    assert_int_equal(talc_ecc_traffic_import(&traffic, key), TALC_OK);
    talc_ecc_sealing what = { header, number, plaintext, size };
    assert_int_equal(talc_ecc_seal(&traffic, &what, out), TALC_OK);
    expect(row, "sealed", out, size + TALC_ECC_TAG_SIZE);
    what.bytes = sealed;
    what.size = sealed_size;
    assert_int_equal(talc_ecc_unseal(&traffic, &what, out), TALC_OK);
    expect(row, "plaintext", out, size);

    what.number ^= 1u << 8;
    assert_int_equal(talc_ecc_unseal(&traffic, &what, out), TALC_ERROR_MALFORMED);
    what.number ^= 1u << 8;
    header[0] ^= 1;
    assert_int_equal(talc_ecc_unseal(&traffic, &what, out), TALC_ERROR_MALFORMED);
    header[0] ^= 1;
    for (what.size = 0; what.size < sealed_size && what.size < 40; what.size++) {
        assert_int_equal(talc_ecc_unseal(&traffic, &what, out), TALC_ERROR_MALFORMED);
    }
    talc_ecc_traffic_free(&traffic);
    free(plaintext);
    free(sealed);
}

static void records_are_those_of_the_vectors(void **state)
{
    (void)state;
    for_each("sealed", check_sealing);
}

/* ---------------------------------------------------------------- public keys of low order */

static void check_point(const cJSON *row)
{
    uint8_t public_key[TALC_ECC_PUBLIC_KEY_SIZE];
    talc_ecc_ephemeral ephemeral;
    psa_key_id_t z;
    get(row, "public_key", public_key, sizeof public_key);
    assert_int_equal(talc_ecc_ephemeral_generate(&ephemeral), TALC_OK);
    if (talc_ecc_agree(ephemeral.key, public_key, &z) != TALC_ERROR_MALFORMED) {
        fail_msg("%s is agreed with", vector_string(row, "name"));
    }
    assert_int_equal(z, PSA_KEY_ID_NULL);
    talc_ecc_ephemeral_free(&ephemeral);
}

static void no_agreement_with_a_point_of_low_order(void **state)
{
    (void)state;
    for_each("public_key", check_point);
}

/* PSA refuses such points by itself; here our own check stands alone. */
static void a_shared_secret_of_zeros_is_refused(void **state)
{
    (void)state;
    uint8_t z[TALC_ECC_PUBLIC_KEY_SIZE] = { 0 };
    psa_key_id_t key;
    assert_int_equal(talc_ecc_secret_import(z, &key), TALC_ERROR_MALFORMED);
    assert_int_equal(key, PSA_KEY_ID_NULL);
    for (size_t i = 0; i < sizeof z; i++) {
        z[i] = 1;
        assert_int_equal(talc_ecc_secret_import(z, &key), TALC_OK);
        psa_destroy_key(key);
        z[i] = 0;
    }
}

/* ---------------------------------------------------------------- the engines */

static void load_ephemeral(const cJSON *row, const char *key, talc_ecc_ephemeral *ephemeral)
{
    uint8_t secret[TALC_ECC_PUBLIC_KEY_SIZE];
    get(row, key, secret, sizeof secret);
    assert_int_equal(talc_ecc_ephemeral_import(ephemeral, secret), TALC_OK);
}

static void load_world(const cJSON *row, ecc_world *world)
{
    uint8_t secret[TALC_P256_SECRET_SIZE];
    get(row, "server_key", secret, sizeof secret);
    ecc_key_from_secret(&world->server_key, secret);
    get(row, "device_key", secret, sizeof secret);
    ecc_key_from_secret(&world->device_key, secret);
    ecc_world_begin_with(world, vector_string(row, "device_id"));
}

/* M1 once more, with the ephemeral key of the vector. */
static void begin(const cJSON *row, ecc_side *client)
{
    talc_ecc_ephemeral ephemeral;
    load_ephemeral(row, "client_ephemeral", &ephemeral);
    talc_ecc_ephemeral_free(&client->engine->ephemeral);
    client->wire.size = 0;
    client->engine->out.count = 0;
    assert_int_equal(talc_ecc_begin(client->engine, &ephemeral), TALC_OK);
}

/* M2, likewise. */
static void answer(const cJSON *row, ecc_side *server, ecc_side *client)
{
    size_t used;
    talc_ecc_ephemeral ephemeral;
    load_ephemeral(row, "server_ephemeral", &ephemeral);
    assert_int_equal(
        talc_ecc_gather(server->engine, client->wire.bytes, client->wire.size, &used), TALC_OK);
    assert_int_equal(talc_ecc_answer(server->engine, &ephemeral), TALC_OK);
    server->engine->record_size = 0;
    server->engine->in.count++;
    client->wire.passed = client->wire.size;
}

static void expect_record(const cJSON *row, const char *key, const ecc_wire *wire, size_t number)
{
    size_t size;
    const uint8_t *record = ecc_record(wire, number, &size);
    expect(row, key, record, size);
}

static void write_bytes(const cJSON *row, const char *key, ecc_side *side)
{
    size_t size;
    uint8_t *bytes = vector_bytes(row, key, &size);
    assert_int_equal(talc_engine_ecc.write(side->engine, bytes, size), TALC_OK);
    free(bytes);
}

static void expect_read(const cJSON *row, const char *key, ecc_side *side)
{
    uint8_t bytes[TALC_ECC_PLAINTEXT_MAX];
    size_t size;
    assert_int_equal(talc_engine_ecc.read(side->engine, bytes, sizeof bytes, &size), TALC_OK);
    expect(row, key, bytes, size);
}

static void expect_facts(const cJSON *row, ecc_pair *pair)
{
    char pin[2 * TALC_PIN_SIZE + 1];
    talc_guard_keys keys[2];
    assert_int_equal(talc_engine_ecc.guard_keys(pair->client.engine, &keys[0]), TALC_OK);
    assert_int_equal(talc_engine_ecc.guard_keys(pair->server.engine, &keys[1]), TALC_OK);
    for (int i = 0; i < 2; i++) {
        expect(row, "guard_c", keys[i].of[TALC_ROLE_CLIENT], TALC_HMAC_KEY_SIZE);
        expect(row, "guard_s", keys[i].of[TALC_ROLE_SERVER], TALC_HMAC_KEY_SIZE);
    }
    memcpy(pin, vector_string(row, "server_pin"), sizeof pin);
    assert_string_equal(pair->client.engine->peer.name, pin);
    assert_string_equal(pair->server.engine->peer.name, vector_string(row, "device_id"));
}

static void check_engines(const cJSON *row)
{
    static ecc_pair pair;
    ecc_world world;
    load_world(row, &world);
    ecc_pair_open(&pair, &world);
    begin(row, &pair.client);
    answer(row, &pair.server, &pair.client);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    write_bytes(row, "request", &pair.client);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_OK);
    expect_read(row, "request", &pair.server);
    write_bytes(row, "response", &pair.server);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    expect_read(row, "response", &pair.client);
    expect_facts(row, &pair);
    assert_int_equal(talc_engine_ecc.finish(pair.client.engine), TALC_OK);
    assert_int_equal(talc_engine_ecc.finish(pair.server.engine), TALC_OK);

    static const char *const of_client[] = { "m1_record", "m3_record", "request_record",
                                             "client_goodbye_record" };
    static const char *const of_server[] = { "m2_record", "m4_record", "response_record",
                                             "server_goodbye_record" };
    for (size_t i = 0; i < 4; i++) {
        expect_record(row, of_client[i], &pair.client.wire, i);
        expect_record(row, of_server[i], &pair.server.wire, i);
    }
    ecc_pair_close(&pair);
    ecc_world_end(&world);
}

/* The same handshake, of a device that was revoked: the alert in place of M4. */
static void check_refusal(const cJSON *row)
{
    static ecc_pair pair;
    ecc_world world;
    load_world(row, &world);
    assert_int_equal(talc_registry_revoke(world.registry, vector_string(row, "device_id")),
                     TALC_OK);
    ecc_pair_open(&pair, &world);
    begin(row, &pair.client);
    answer(row, &pair.server, &pair.client);
    assert_int_equal(ecc_pass(&pair.server, &pair.client), TALC_OK);
    assert_int_equal(ecc_pass(&pair.client, &pair.server), TALC_ERROR_VERIFY);
    assert_int_equal(ecc_record_count(&pair.server.wire), 2);
    expect_record(row, "refusal_record", &pair.server.wire, 1);
    ecc_pair_close(&pair);
    ecc_world_end(&world);
}

static void the_engines_speak_as_the_vectors(void **state)
{
    (void)state;
    for_each("m1_record", check_engines);
    for_each("refusal_record", check_refusal);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schedule_is_that_of_the_vectors),
        cmocka_unit_test(records_are_those_of_the_vectors),
        cmocka_unit_test(no_agreement_with_a_point_of_low_order),
        cmocka_unit_test(a_shared_secret_of_zeros_is_refused),
        cmocka_unit_test(the_engines_speak_as_the_vectors),
    };
    return cmocka_run_group_tests_name("ecc_vectors", tests, start, NULL);
}
