/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/registry_state.h"

#include "lib/failure.h"
#include "lib/identity_file.h"
#include "lib/identity_key.h"
#include "records/registry_reader.h"

#define FILE_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define LOOK_INTERVAL_MS 1000u
#define SETTLING_S 2 /* longer than a tick of any file system's clock, and FAT's is one of 2 s */

/* --- What the file says --- */

/** A table on its way. */
typedef struct registry_intake {
    const talc_registry *registry;
    talc_registered *devices;
} registry_intake;

static talc_status refuse(talc_registry_fault *fault, talc_status status, const char *field,
                          const char *reason)
{
    fault->field = field;
    fault->reason = reason;
    return status;
}

static talc_status take_device(void *context, const talc_registry_record *record,
                               talc_registry_fault *fault)
{
    registry_intake *intake = context;
    uint8_t hash[TALC_DEVICE_KEY_SIZE];
    talc_registry_entry entry = { record->is_revoked ? TALC_DEVICE_REVOKED : TALC_DEVICE_ENROLLED,
                                  { 0 } };
    if (HASH_COUNT(intake->devices) >= TALC_REGISTRY_DEVICES_MAX) {
        return refuse(fault, TALC_ERROR_MALFORMED, NULL, "there are more than 65536 devices");
    }
    if (!talc_device_id_is_valid(record->id, strlen(record->id))) {
        return refuse(fault, TALC_ERROR_MALFORMED, "id",
                      "is not 1 to 64 characters of printable ASCII without space, '\"' and '\\'");
    }
    talc_status status = talc_p256_info_read(record->key, record->key_size, entry.key);
    if (status == TALC_ERROR_MALFORMED) {
        return refuse(fault, status, "key",
                      "is no DER SubjectPublicKeyInfo of an uncompressed P-256 key");
    }
    if (status == TALC_OK) {
        status = talc_registry_hash(intake->registry, record->id, strlen(record->id), hash);
    }
    if (status == TALC_OK && talc_registered_find(intake->devices, hash)) {
        return refuse(fault, TALC_ERROR_MALFORMED, "id", "stands twice");
    }
    if (status == TALC_OK) {
        status = talc_registered_add(&intake->devices, hash, &entry);
    }
    return status == TALC_OK ? TALC_OK : refuse(fault, TALC_ERROR_MEMORY, NULL, "out of memory");
}

static talc_status tell(const talc_registry_fault *fault, talc_status status,
                        const talc_source *source)
{
    status = status == TALC_ERROR_MEMORY ? status : source->fault;
    if (fault->line == 0) {
        return talc_source_error(source, status, "%s", fault->reason);
    }
    if (fault->device == 0) {
        return talc_source_error(source, status, "line %zu: %s", fault->line, fault->reason);
    }
    if (!fault->field) {
        return talc_source_error(source, status, "device %zu, line %zu: %s", fault->device,
                                 fault->line, fault->reason);
    }
    return talc_source_error(source, status, "device %zu, line %zu: its \"%s\" %s", fault->device,
                             fault->line, fault->field, fault->reason);
}

/* --- Whether it has changed --- */

static talc_file_mark mark_of(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0) {
        return (talc_file_mark){ .exists = false };
    }
    return (talc_file_mark){ true,         file.st_dev,  file.st_ino,
                             file.st_size, file.st_mtim, file.st_ctim };
}

static bool same_time(const struct timespec *left, const struct timespec *right)
{
    return left->tv_sec == right->tv_sec && left->tv_nsec == right->tv_nsec;
}

static bool same_mark(const talc_file_mark *left, const talc_file_mark *right)
{
    return left->exists == right->exists && left->device == right->device &&
           left->inode == right->inode && left->size == right->size &&
           same_time(&left->modified, &right->modified) &&
           same_time(&left->changed, &right->changed);
}

bool talc_file_mark_is_settled(const talc_file_mark *mark, time_t now_s)
{
    time_t changed_s = mark->changed.tv_sec;
    return now_s - changed_s > SETTLING_S || changed_s - now_s > SETTLING_S;
}

/* What may be otherwise the next time although the file is the same. */
static bool is_passing(talc_status status)
{
    return status == TALC_ERROR_IO || status == TALC_ERROR_MEMORY || status == TALC_ERROR_RANDOM;
}

/* --- Reading it --- */

static talc_status load(talc_registry *registry, const talc_content *content,
                        const talc_source *source)
{
    registry_intake intake = { registry, NULL };
    talc_registry_fault fault;
    uint8_t digest[TALC_SHA256_SIZE];
    if (talc_sha256(content->bytes, content->size, digest) != TALC_OK) {
        return talc_source_error(source, TALC_ERROR_RANDOM, "cryptography cannot be used");
    }
    if (memcmp(digest, registry->file.digest, sizeof(digest)) == 0) {
        return TALC_OK;
    }
    talc_status status = talc_registry_read((const char *)content->bytes, content->size,
                                            take_device, &intake, &fault);
    if (status == TALC_OK) {
        memcpy(registry->file.digest, digest, sizeof(digest));
        talc_registry_replace(registry, &intake.devices);
    }
    talc_registered_free(&intake.devices);
    return status == TALC_OK ? TALC_OK : tell(&fault, status, source);
}

/* Looks at the file and reads it unless it is what it was. The mark is taken before the content, so
 * that a change between the two is seen the next time. */
static talc_status look(talc_registry *registry, talc_failure *failure)
{
    static const talc_content_rule rule = { FILE_SIZE_MAX, TALC_CONTENT_GUARDED };
    talc_registry_file *file = &registry->file;
    const talc_source source = { file->path, TALC_ERROR_TRUST, failure };
    talc_content content;
    talc_file_mark mark = mark_of(file->path);
    bool is_settled = talc_file_mark_is_settled(&mark, time(NULL));
    talc_status status = talc_content_read(&content, &source, &rule);
    if (status == TALC_OK) {
        status = load(registry, &content, &source);
        talc_content_free(&content);
    }
    file->mark = mark;
    file->is_settled = is_settled;
    file->status = status;
    return status;
}

static bool has_changed(const talc_registry_file *file)
{
    talc_file_mark mark = mark_of(file->path);
    return !same_mark(&mark, &file->mark) || !file->is_settled;
}

talc_status talc_registry_file_open(talc_registry *registry, const char *path,
                                    talc_failure *failure)
{
    registry->file.path = strdup(path);
    if (!registry->file.path) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY,
                                "registry: out of memory");
    }
    return look(registry, failure);
}

talc_status talc_registry_reload(talc_registry *registry, talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!registry) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "registry: an argument is NULL");
    }
    talc_status status = TALC_OK;
    pthread_mutex_lock(&registry->file_lock);
    const talc_registry_file *file = &registry->file;
    if (file->path && (file->status != TALC_OK || has_changed(file))) {
        status = look(registry, failure);
    }
    pthread_mutex_unlock(&registry->file_lock);
    return status;
}

/* --- Now and then --- */

static bool is_due(const talc_registry_file *file, uint64_t now_ms)
{
    return file->path && (!file->has_looked || now_ms - file->looked_ms >= LOOK_INTERVAL_MS);
}

/* Under the lock. What was said of this file already is not said again. */
static talc_status look_again(talc_registry *registry, talc_failure *failure)
{
    const talc_registry_file before = registry->file;
    if (!has_changed(&before) && !is_passing(before.status)) {
        return TALC_OK;
    }
    talc_status status = look(registry, failure);
    if (status == before.status && same_mark(&before.mark, &registry->file.mark)) {
        talc_failure_clear(failure);
        return TALC_OK;
    }
    return status;
}

talc_status talc_registry_refresh(talc_registry *registry, uint64_t now_ms, talc_failure *failure)
{
    talc_status status = TALC_OK;
    talc_failure_clear(failure);
    /* If the lock is taken, somebody is looking at the file right now. */
    if (!registry || pthread_mutex_trylock(&registry->file_lock) != 0) {
        return TALC_OK;
    }
    if (is_due(&registry->file, now_ms)) {
        registry->file.looked_ms = now_ms;
        registry->file.has_looked = true;
        status = look_again(registry, failure);
    }
    pthread_mutex_unlock(&registry->file_lock);
    return status;
}
