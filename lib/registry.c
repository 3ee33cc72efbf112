/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/registry_state.h"

#include "lib/failure.h"
#include "lib/identity_file.h"

/* --- The table --- */

/* As for sessions: nobody can choose IDs that collide, or learn from timing which are near. */
talc_status talc_registry_hash(const talc_registry *registry, const void *id, size_t id_size,
                               uint8_t hash[TALC_DEVICE_KEY_SIZE])
{
    uint8_t mac[TALC_SHA256_SIZE];
    const talc_span span = { id, id_size };
    talc_status status = talc_hmac(registry->secret, &span, 1, mac);
    memcpy(hash, mac, TALC_DEVICE_KEY_SIZE);
    return status;
}

talc_registered *talc_registered_find(talc_registered *devices,
                                      const uint8_t hash[TALC_DEVICE_KEY_SIZE])
{
    talc_registered *found = NULL;
    HASH_FIND(hh, devices, hash, TALC_DEVICE_KEY_SIZE, found);
    return found;
}

talc_status talc_registered_add(talc_registered **devices, const uint8_t hash[TALC_DEVICE_KEY_SIZE],
                                const talc_registry_entry *entry)
{
    talc_registered *device = calloc(1, sizeof(*device));
    if (!device) {
        return TALC_ERROR_MEMORY;
    }
    memcpy(device->hash, hash, TALC_DEVICE_KEY_SIZE);
    device->entry = *entry;
    HASH_ADD(hh, *devices, hash, TALC_DEVICE_KEY_SIZE, device);
    if (talc_registered_find(*devices, hash) != device) {
        free(device);
        return TALC_ERROR_MEMORY;
    }
    return TALC_OK;
}

void talc_registered_free(talc_registered **devices)
{
    talc_registered *device = NULL;
    talc_registered *next = NULL;
    HASH_ITER (hh, *devices, device, next) {
        HASH_DEL(*devices, device);
        free(device);
    }
}

void talc_registry_replace(talc_registry *registry, talc_registered **devices)
{
    pthread_mutex_lock(&registry->lock);
    talc_registered *old = registry->devices;
    registry->devices = *devices;
    registry->generation++;
    pthread_mutex_unlock(&registry->lock);
    *devices = old;
}

/* --- Life --- */

static talc_status make_locks(talc_registry *registry)
{
    if (pthread_mutex_init(&registry->lock, NULL) != 0) {
        return TALC_ERROR_MEMORY;
    }
    if (pthread_mutex_init(&registry->file_lock, NULL) != 0) {
        pthread_mutex_destroy(&registry->lock);
        return TALC_ERROR_MEMORY;
    }
    return TALC_OK;
}

talc_status talc_registry_new(talc_registry **registry)
{
    if (!registry) {
        return TALC_ERROR_ARGUMENT;
    }
    *registry = NULL;
    talc_registry *made = calloc(1, sizeof(*made));
    if (!made) {
        return TALC_ERROR_MEMORY;
    }
    atomic_init(&made->holds, 1);
    made->generation = 1;
    talc_status status = talc_random_fill(made->secret, sizeof(made->secret));
    if (status == TALC_OK) {
        status = make_locks(made);
    }
    if (status != TALC_OK) {
        free(made);
        return status;
    }
    *registry = made;
    return TALC_OK;
}

talc_status talc_registry_from_file(talc_registry **registry, const char *path,
                                    talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!registry || !path) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "registry: the path or the place for the result is NULL");
    }
    talc_status status = talc_registry_new(registry);
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                status == TALC_ERROR_MEMORY
                                    ? "registry: out of memory"
                                    : "registry: cryptography cannot be started");
    }
    status = talc_registry_file_open(*registry, path, failure);
    if (status != TALC_OK) {
        talc_registry_free(*registry);
        *registry = NULL;
    }
    return status;
}

talc_registry *talc_registry_hold(talc_registry *registry)
{
    if (registry) {
        atomic_fetch_add_explicit(&registry->holds, 1, memory_order_relaxed);
    }
    return registry;
}

void talc_registry_free(talc_registry *registry)
{
    if (!registry || atomic_fetch_sub_explicit(&registry->holds, 1, memory_order_acq_rel) != 1) {
        return;
    }
    talc_registered_free(&registry->devices);
    pthread_mutex_destroy(&registry->lock);
    pthread_mutex_destroy(&registry->file_lock);
    free(registry->file.path);
    talc_wipe(registry->secret, sizeof(registry->secret));
    free(registry);
}

/* --- Changes --- */

/* Under the lock. */
static talc_status file_device(talc_registry *registry, const uint8_t *hash,
                               const talc_registry_entry *entry, const talc_source *source)
{
    talc_registered *device = talc_registered_find(registry->devices, hash);
    talc_status status = TALC_OK;
    if (device) {
        device->entry = *entry;
    } else if (HASH_COUNT(registry->devices) >= TALC_REGISTRY_DEVICES_MAX) {
        return talc_source_fault(source, "the registry has %d devices, which is the most",
                                 TALC_REGISTRY_DEVICES_MAX);
    } else {
        status = talc_registered_add(&registry->devices, hash, entry);
    }
    if (status != TALC_OK) {
        return talc_source_error(source, status, "out of memory");
    }
    registry->generation++;
    return TALC_OK;
}

static talc_status read_device(const talc_device *device, talc_registry_entry *entry,
                               const talc_source *source)
{
    entry->state = TALC_DEVICE_ENROLLED;
    talc_status status = talc_p256_point_read(device->key, device->key_size, entry->key);
    if (status == TALC_ERROR_MALFORMED) {
        return talc_source_fault(source,
                                 "its key is no public key of P-256 and no certificate that "
                                 "holds one");
    }
    return status == TALC_OK ? TALC_OK : talc_source_error(source, status, "out of memory");
}

static talc_status check_device(const talc_registry *registry, const talc_device *device,
                                talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!registry || !device || !device->id || !device->key) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "registry: an argument is NULL");
    }
    if (!talc_device_id_is_valid(device->id, strlen(device->id))) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TRUST,
                                "registry: the device ID is not 1 to %d characters of printable "
                                "ASCII without space, '\"' and '\\'",
                                TALC_DEVICE_ID_SIZE_MAX);
    }
    return TALC_OK;
}

talc_status talc_registry_enrol(talc_registry *registry, const talc_device *device,
                                talc_failure *failure)
{
    talc_status status = check_device(registry, device, failure);
    if (status != TALC_OK) {
        return status;
    }
    char name[sizeof("device ") + TALC_DEVICE_ID_SIZE_MAX];
    const talc_source source = { name, TALC_ERROR_TRUST, failure };
    uint8_t hash[TALC_DEVICE_KEY_SIZE];
    talc_registry_entry entry;
    snprintf(name, sizeof(name), "device %s", device->id);
    status = read_device(device, &entry, &source);
    if (status != TALC_OK) {
        return status;
    }
    if (talc_registry_hash(registry, device->id, strlen(device->id), hash) != TALC_OK) {
        return talc_source_error(&source, TALC_ERROR_MEMORY, "out of memory");
    }
    pthread_mutex_lock(&registry->lock);
    status = file_device(registry, hash, &entry, &source);
    pthread_mutex_unlock(&registry->lock);
    return status;
}

talc_status talc_registry_revoke(talc_registry *registry, const char *device_id)
{
    uint8_t hash[TALC_DEVICE_KEY_SIZE];
    if (!registry || !device_id) {
        return TALC_ERROR_ARGUMENT;
    }
    if (talc_registry_hash(registry, device_id, strlen(device_id), hash) != TALC_OK) {
        return TALC_ERROR_MEMORY;
    }
    pthread_mutex_lock(&registry->lock);
    talc_registered *device = talc_registered_find(registry->devices, hash);
    if (device) {
        device->entry.state = TALC_DEVICE_REVOKED;
        registry->generation++;
    }
    pthread_mutex_unlock(&registry->lock);
    return device ? TALC_OK : TALC_ERROR_TRUST;
}

/* --- Look-ups --- */

/* A look-up changes nothing but the lock. */
static void lock(const talc_registry *registry)
{
    pthread_mutex_lock((pthread_mutex_t *)&registry->lock);
}

static void unlock(const talc_registry *registry)
{
    pthread_mutex_unlock((pthread_mutex_t *)&registry->lock);
}

void talc_registry_look_up(const talc_registry *registry, const void *id, size_t id_size,
                           talc_registry_entry *entry)
{
    uint8_t hash[TALC_DEVICE_KEY_SIZE];
    memset(entry, 0, sizeof(*entry));
    if (!registry || talc_registry_hash(registry, id, id_size, hash) != TALC_OK) {
        return;
    }
    lock(registry);
    const talc_registered *device = talc_registered_find(registry->devices, hash);
    if (device) {
        *entry = device->entry;
    }
    unlock(registry);
}

talc_device_state talc_registry_state(const talc_registry *registry, const char *device_id)
{
    talc_registry_entry entry = { TALC_DEVICE_UNKNOWN, { 0 } };
    if (device_id) {
        talc_registry_look_up(registry, device_id, strlen(device_id), &entry);
    }
    return entry.state;
}

size_t talc_registry_size(const talc_registry *registry)
{
    if (!registry) {
        return 0;
    }
    lock(registry);
    size_t size = HASH_COUNT(registry->devices);
    unlock(registry);
    return size;
}

uint64_t talc_registry_generation(const talc_registry *registry)
{
    if (!registry) {
        return 0;
    }
    lock(registry);
    uint64_t generation = registry->generation;
    unlock(registry);
    return generation;
}
