/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_REGISTRY_H
#define TALC_LIB_REGISTRY_H

/** The inside of a registry, for the `ecc` engine and the server. Every call takes the registry's
 * lock for itself. */

#include "lib/credentials.h"
#include "talc/registry.h"

/** What is filed of one device. */
typedef struct talc_registry_entry {
    talc_device_state state;
    uint8_t key[TALC_P256_POINT_SIZE]; /**< zeros if the device is unknown */
} talc_registry_entry;

/** One more hold, to be dropped with talc_registry_free(). NULL is allowed. */
talc_registry *talc_registry_hold(talc_registry *registry);

/** Fills `entry` for an ID of any `id_size` bytes; unknown also for a NULL registry. How long it
 * takes tells no more than a look-up in a hash table with a keyed hash does. */
void talc_registry_look_up(const talc_registry *registry, const void *id, size_t id_size,
                           talc_registry_entry *entry);

/** Another number after each change of any device: what was looked up before may be out of date.
 * Never 0; ask for it before the look-up that it is kept with. */
uint64_t talc_registry_generation(const talc_registry *registry);

/** Reads the file again if it has changed and a second has passed since it was looked at. TALC_OK,
 * also for NULL, without a file, and while another thread reads it; or why the changed file was
 * refused: once, until it changes again. */
talc_status talc_registry_refresh(talc_registry *registry, uint64_t now_ms, talc_failure *failure);

#endif
