/* SPDX-License-Identifier: MIT */
/* Which devices a registry knows, and what changes that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "credential_folder.h"
#include "lib/registry.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Public keys, as files and as points. */
typedef struct test_key {
    uint8_t *bytes;
    size_t size;
    uint8_t point[TALC_P256_POINT_SIZE];
} test_key;

static test_key keys[2];

static int read_keys(void **state)
{
    static const char *const names[] = { "device.pub", "device2.pub" };
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        keys[i].bytes = credential_bytes(names[i], &keys[i].size);
        if (talc_p256_point_read(keys[i].bytes, keys[i].size, keys[i].point) != TALC_OK) {
            return -1;
        }
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        free(keys[i].bytes);
    }
    return 0;
}

static int make_registry(void **state)
{
    talc_registry *registry = NULL;
    int failed = talc_registry_new(&registry) != TALC_OK;
    *state = registry;
    return failed;
}

static int free_registry(void **state)
{
    talc_registry_free(*state);
    return 0;
}

static talc_status enrol(talc_registry *registry, const char *id, const test_key *key)
{
    const talc_device device = { id, key->bytes, key->size };
    return talc_registry_enrol(registry, &device, NULL);
}

static talc_registry_entry entry_of(const talc_registry *registry, const char *id)
{
    talc_registry_entry entry;
    talc_registry_look_up(registry, id, strlen(id), &entry);
    assert_int_equal(talc_registry_state(registry, id), entry.state);
    return entry;
}

static const uint8_t no_point[TALC_P256_POINT_SIZE];

/* --- One device --- */

static void a_new_registry_knows_nobody(void **state)
{
    talc_registry *registry = *state;
    talc_registry_entry entry = entry_of(registry, "device-7");
    assert_int_equal(entry.state, TALC_DEVICE_UNKNOWN);
    assert_memory_equal(entry.key, no_point, sizeof no_point);
    assert_int_equal(talc_registry_size(registry), 0);
}

static void a_device_is_enrolled_and_revoked(void **state)
{
    talc_registry *registry = *state;
    assert_int_equal(enrol(registry, "device-7", &keys[0]), TALC_OK);
    talc_registry_entry entry = entry_of(registry, "device-7");
    assert_int_equal(entry.state, TALC_DEVICE_ENROLLED);
    assert_memory_equal(entry.key, keys[0].point, TALC_P256_POINT_SIZE);

    assert_int_equal(talc_registry_revoke(registry, "device-7"), TALC_OK);
    entry = entry_of(registry, "device-7");
    assert_int_equal(entry.state, TALC_DEVICE_REVOKED);
    assert_memory_equal(entry.key, keys[0].point, TALC_P256_POINT_SIZE);
    assert_int_equal(talc_registry_size(registry), 1);

    assert_int_equal(enrol(registry, "device-7", &keys[1]), TALC_OK);
    entry = entry_of(registry, "device-7");
    assert_int_equal(entry.state, TALC_DEVICE_ENROLLED);
    assert_memory_equal(entry.key, keys[1].point, TALC_P256_POINT_SIZE);
    assert_int_equal(talc_registry_size(registry), 1);
}

static void who_is_unknown_cannot_be_revoked(void **state)
{
    talc_registry *registry = *state;
    assert_int_equal(talc_registry_revoke(registry, "device-7"), TALC_ERROR_TRUST);
    assert_int_equal(talc_registry_revoke(registry, ""), TALC_ERROR_TRUST);
    assert_int_equal(talc_registry_state(registry, "device-7"), TALC_DEVICE_UNKNOWN);
}

/* IDs come from the wire as any bytes. */
static void a_device_is_found_by_its_whole_id(void **state)
{
    talc_registry *registry = *state;
    static const char long_id[70000] = "device-7";
    static const struct {
        const char *id;
        size_t size;
        talc_device_state state;
    } cases[] = {
        { "device-7", 8, TALC_DEVICE_ENROLLED }, { "device-7", 7, TALC_DEVICE_UNKNOWN },
        { "device-77", 9, TALC_DEVICE_UNKNOWN }, { "device-7", 9, TALC_DEVICE_UNKNOWN },
        { "Device-7", 8, TALC_DEVICE_UNKNOWN },  { "", 0, TALC_DEVICE_UNKNOWN },
        { NULL, 0, TALC_DEVICE_UNKNOWN },        { long_id, sizeof long_id, TALC_DEVICE_UNKNOWN },
    };
    assert_int_equal(enrol(registry, "device-7", &keys[0]), TALC_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_registry_entry entry;
        memset(&entry, 1, sizeof entry);
        talc_registry_look_up(registry, cases[i].id, cases[i].size, &entry);
        assert_int_equal(entry.state, cases[i].state);
        assert_memory_equal(entry.key,
                            cases[i].state == TALC_DEVICE_UNKNOWN ? no_point : keys[0].point,
                            TALC_P256_POINT_SIZE);
    }
}

static void a_key_comes_in_many_forms(void **state)
{
    talc_registry *registry = *state;
    static const char *const files[] = { "device.pub", "client.pem", "server.der" };
    for (size_t i = 0; i < COUNT(files); i++) {
        test_key key;
        key.bytes = credential_bytes(files[i], &key.size);
        assert_int_equal(enrol(registry, files[i], &key), TALC_OK);
        assert_int_equal(talc_p256_point_read(key.bytes, key.size, key.point), TALC_OK);
        talc_registry_entry entry = entry_of(registry, files[i]);
        assert_memory_equal(entry.key, key.point, TALC_P256_POINT_SIZE);
        free(key.bytes);
    }
}

static void what_cannot_be_enrolled(void **state)
{
    talc_registry *registry = *state;
    const talc_device good = { "device-7", keys[0].bytes, keys[0].size };
    const struct {
        talc_device device;
        const char *text;
    } cases[] = {
        { { "", good.key, good.key_size }, "the device ID is not 1 to 64 characters" },
        { { "device 7", good.key, good.key_size }, "the device ID is not 1 to 64 characters" },
        { { "a\nb", good.key, good.key_size }, "the device ID is not 1 to 64 characters" },
        { { "12345678901234567890123456789012345678901234567890123456789012345", good.key,
            good.key_size },
          "the device ID is not 1 to 64 characters" },
        { { "device-7", good.key, 0 }, "device device-7: its key is no public key of P-256" },
        { { "device-7", good.key, good.key_size / 2 },
          "device device-7: its key is no public key" },
        { { "device-7", "device-7", 8 }, "device device-7: its key is no public key" },
    };
    uint64_t generation = talc_registry_generation(registry);
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_failure failure;
        assert_int_equal(talc_registry_enrol(registry, &cases[i].device, &failure),
                         TALC_ERROR_TRUST);
        assert_int_equal(failure.status, TALC_ERROR_TRUST);
        assert_contains(failure.text, cases[i].text);
    }
    assert_int_equal(talc_registry_size(registry), 0);
    assert_int_equal(talc_registry_generation(registry), generation);
    assert_int_equal(talc_registry_enrol(registry, &good, NULL), TALC_OK);
}

static void null_is_no_argument(void **state)
{
    talc_registry *registry = *state;
    const talc_device device = { "device-7", keys[0].bytes, keys[0].size };
    const talc_device nameless = { NULL, keys[0].bytes, keys[0].size };
    const talc_device keyless = { "device-7", NULL, keys[0].size };
    talc_registry_entry entry = { TALC_DEVICE_ENROLLED, { 1 } };
    talc_failure failure;
    assert_int_equal(talc_registry_new(NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_enrol(NULL, &device, &failure), TALC_ERROR_ARGUMENT);
    assert_contains(failure.text, "an argument is NULL");
    assert_int_equal(talc_registry_enrol(registry, NULL, NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_enrol(registry, &nameless, NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_enrol(registry, &keyless, NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_revoke(NULL, "a"), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_revoke(registry, NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_state(NULL, "a"), TALC_DEVICE_UNKNOWN);
    assert_int_equal(talc_registry_state(registry, NULL), TALC_DEVICE_UNKNOWN);
    assert_int_equal(talc_registry_size(NULL), 0);
    assert_int_equal(talc_registry_reload(NULL, NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_refresh(NULL, 0, NULL), TALC_OK);
    assert_int_equal(talc_registry_generation(NULL), 0);
    talc_registry_look_up(NULL, "a", 1, &entry);
    assert_int_equal(entry.state, TALC_DEVICE_UNKNOWN);
    assert_null(talc_registry_hold(NULL));
    talc_registry_free(NULL);
}

/* --- All of them --- */

static void every_change_gives_another_generation(void **state)
{
    talc_registry *registry = *state;
    uint64_t generations[5];
    generations[0] = talc_registry_generation(registry);
    assert_int_not_equal(generations[0], 0);
    assert_int_equal(enrol(registry, "device-7", &keys[0]), TALC_OK);
    generations[1] = talc_registry_generation(registry);
    assert_int_equal(enrol(registry, "device-8", &keys[0]), TALC_OK);
    generations[2] = talc_registry_generation(registry);
    assert_int_equal(talc_registry_revoke(registry, "device-7"), TALC_OK);
    generations[3] = talc_registry_generation(registry);
    assert_int_equal(enrol(registry, "device-7", &keys[1]), TALC_OK);
    generations[4] = talc_registry_generation(registry);
    for (size_t i = 1; i < COUNT(generations); i++) {
        assert_true(generations[i] > generations[i - 1]);
    }
    (void)entry_of(registry, "device-7");
    assert_int_equal(talc_registry_revoke(registry, "device-9"), TALC_ERROR_TRUST);
    assert_int_equal(talc_registry_generation(registry), generations[4]);
}

static void the_table_has_a_bound_and_all_are_found(void **state)
{
    talc_registry *registry = *state;
    char id[16];
    for (unsigned i = 0; i < TALC_REGISTRY_DEVICES_MAX; i++) {
        snprintf(id, sizeof id, "%u", i);
        assert_int_equal(enrol(registry, id, &keys[i % 2]), TALC_OK);
    }
    const talc_device another = { "another", keys[0].bytes, keys[0].size };
    talc_failure failure;
    assert_int_equal(talc_registry_enrol(registry, &another, &failure), TALC_ERROR_TRUST);
    assert_contains(failure.text, "device another: the registry has 65536 devices");
    assert_int_equal(talc_registry_state(registry, "another"), TALC_DEVICE_UNKNOWN);
    for (unsigned i = 0; i < TALC_REGISTRY_DEVICES_MAX; i++) {
        snprintf(id, sizeof id, "%u", i);
        talc_registry_entry entry;
        talc_registry_look_up(registry, id, strlen(id), &entry);
        assert_int_equal(entry.state, TALC_DEVICE_ENROLLED);
        assert_memory_equal(entry.key, keys[i % 2].point, TALC_P256_POINT_SIZE);
    }
    assert_int_equal(enrol(registry, "7", &keys[0]), TALC_OK);
    assert_int_equal(talc_registry_size(registry), TALC_REGISTRY_DEVICES_MAX);
}

static void a_held_registry_outlives_its_maker(void **state)
{
    talc_registry *registry = *state;
    assert_ptr_equal(talc_registry_hold(registry), registry);
    talc_registry_free(registry);
    assert_int_equal(enrol(registry, "device-7", &keys[0]), TALC_OK);
    assert_int_equal(talc_registry_size(registry), 1);
}

static void a_registry_without_a_file_has_none_to_read(void **state)
{
    talc_registry *registry = *state;
    assert_int_equal(enrol(registry, "device-7", &keys[0]), TALC_OK);
    uint64_t generation = talc_registry_generation(registry);
    assert_int_equal(talc_registry_reload(registry, NULL), TALC_OK);
    assert_int_equal(talc_registry_refresh(registry, 5000, NULL), TALC_OK);
    assert_int_equal(talc_registry_generation(registry), generation);
    assert_int_equal(talc_registry_size(registry), 1);
}

/* --- Threads --- */

#define ROUNDS 2000u

/* Two threads change one device in different ways, and each adds one of its own now and then. */
typedef struct changer {
    talc_registry *registry;
    const test_key *key;
    const char *own_id;
    bool revokes;
    size_t failures;
} changer;

static void *change(void *context)
{
    changer *self = context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        self->failures += self->revokes && i % 2 == 1
                              ? talc_registry_revoke(self->registry, "shared") != TALC_OK
                              : enrol(self->registry, "shared", self->key) != TALC_OK;
    }
    self->failures += enrol(self->registry, self->own_id, self->key) != TALC_OK;
    return NULL;
}

/* What was looked up is one of the two keys, never a mixture. */
static bool is_whole(const talc_registry_entry *entry)
{
    return (entry->state == TALC_DEVICE_ENROLLED || entry->state == TALC_DEVICE_REVOKED) &&
           (memcmp(entry->key, keys[0].point, TALC_P256_POINT_SIZE) == 0 ||
            memcmp(entry->key, keys[1].point, TALC_P256_POINT_SIZE) == 0);
}

static void one_thread_changes_what_another_looks_up(void **state)
{
    talc_registry *registry = *state;
    changer changers[] = { { registry, &keys[0], "first", true, 0 },
                           { registry, &keys[1], "second", false, 0 } };
    pthread_t threads[COUNT(changers)];
    assert_int_equal(enrol(registry, "shared", &keys[0]), TALC_OK);
    uint64_t generation = talc_registry_generation(registry);
    for (size_t i = 0; i < COUNT(changers); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, change, &changers[i]), 0);
    }
    size_t broken = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        talc_registry_entry entry;
        uint64_t newer = talc_registry_generation(registry);
        talc_registry_look_up(registry, "shared", 6, &entry);
        broken += !is_whole(&entry) || newer < generation || talc_registry_size(registry) == 0;
        generation = newer;
    }
    for (size_t i = 0; i < COUNT(changers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(changers[i].failures, 0);
        assert_int_equal(talc_registry_state(registry, changers[i].own_id), TALC_DEVICE_ENROLLED);
    }
    assert_int_equal(broken, 0);
    assert_int_equal(talc_registry_size(registry), 3);
}

#define RULE(test) cmocka_unit_test_setup_teardown(test, make_registry, free_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_new_registry_knows_nobody),
        RULE(a_device_is_enrolled_and_revoked),
        RULE(who_is_unknown_cannot_be_revoked),
        RULE(a_device_is_found_by_its_whole_id),
        RULE(a_key_comes_in_many_forms),
        RULE(what_cannot_be_enrolled),
        RULE(null_is_no_argument),
        RULE(every_change_gives_another_generation),
        RULE(the_table_has_a_bound_and_all_are_found),
        RULE(a_held_registry_outlives_its_maker),
        RULE(a_registry_without_a_file_has_none_to_read),
        RULE(one_thread_changes_what_another_looks_up),
    };
    return cmocka_run_group_tests(tests, read_keys, free_keys);
}
