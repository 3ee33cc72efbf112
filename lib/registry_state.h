/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_REGISTRY_STATE_H
#define TALC_LIB_REGISTRY_STATE_H

/**
 * The inside of a registry, for its files:
 *
 *   registry.c        the table, and the calls that look something up or change one device
 *   registry_file.c   the file: when it has changed, and a table made of it
 *
 * Two locks. `lock` is for the table and is held for single steps only, so that a look-up never
 * waits for a file. `file_lock` is for everything about the file and is held while it is read; it
 * is taken first where both are.
 */

#include <pthread.h>
#include <sys/stat.h>

#include "lib/crypto.h"
#include "lib/registry.h"

#define TALC_DEVICE_KEY_SIZE 16

/** A device. Its ID is not kept: nothing asks for it. */
typedef struct talc_registered {
    UT_hash_handle hh;
    uint8_t hash[TALC_DEVICE_KEY_SIZE]; /**< keyed hash of its ID */
    talc_registry_entry entry;
} talc_registered;

/** What tells one content of a file from another. */
typedef struct talc_file_mark {
    bool exists; /**< the rest is zero if not */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed; /**< rights too, and what a copy gives an old date */
} talc_file_mark;

/** Whether the file was changed so long ago that the next change gives it another mark. What is
 * written twice within a tick of the file system's clock keeps its mark. A date that lies ahead is
 * that of a clock which was set back. */
bool talc_file_mark_is_settled(const talc_file_mark *mark, time_t now_s);

/** The file of a registry, as it was when it was looked at last. */
typedef struct talc_registry_file {
    char *path; /**< owned; NULL: none */
    talc_file_mark mark;
    bool is_settled;                  /**< a later change cannot leave the mark as it is */
    uint8_t digest[TALC_SHA256_SIZE]; /**< of the content that the registry holds */
    talc_status status;               /**< TALC_OK, or why it could not be used */
    uint64_t looked_ms;
    bool has_looked;
} talc_registry_file;

struct talc_registry {
    atomic_uint holds;
    uint8_t secret[TALC_HMAC_KEY_SIZE]; /**< never changes */
    pthread_mutex_t lock;
    talc_registered *devices; /**< under `lock` */
    uint64_t generation;      /**< under `lock` */
    pthread_mutex_t file_lock;
    talc_registry_file file; /**< under `file_lock` */
};

/** The name under which a device is filed. TALC_ERROR_RANDOM. */
talc_status talc_registry_hash(const talc_registry *registry, const void *id, size_t id_size,
                               uint8_t hash[TALC_DEVICE_KEY_SIZE]);

talc_registered *talc_registered_find(talc_registered *devices,
                                      const uint8_t hash[TALC_DEVICE_KEY_SIZE]);

/** Adds a device that is not in the table. TALC_ERROR_MEMORY. */
talc_status talc_registered_add(talc_registered **devices, const uint8_t hash[TALC_DEVICE_KEY_SIZE],
                                const talc_registry_entry *entry);

void talc_registered_free(talc_registered **devices);

/** Puts a table in the place of the registry's, which is then in `*devices`. */
void talc_registry_replace(talc_registry *registry, talc_registered **devices);

/** Reads the file for the first time. As talc_registry_from_file(). */
talc_status talc_registry_file_open(talc_registry *registry, const char *path,
                                    talc_failure *failure);

#endif
