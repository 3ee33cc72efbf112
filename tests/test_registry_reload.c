/* SPDX-License-Identifier: MIT */
/* When the file of a registry is read again. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "credential_folder.h"
#include "lib/registry_state.h"
#include "registry_texts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- One thread --- */

/* Puts another file in the place of the scratch file. */
static void rename_over(const char *path, const char *text)
{
    char other[80];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(other, 0600), 0);
    assert_int_equal(rename(other, path), 0);
}

static void a_change_counts_after_a_second(void **state)
{
    (void)state;
    const char *path = scratch_text(filled(ONE_DEVICE("enrolled")));
    talc_registry *registry = registry_of(path);
    uint64_t generation = talc_registry_generation(registry);
    assert_int_equal(talc_registry_refresh(registry, 5000, NULL), TALC_OK);
    rename_over(path, filled(ONE_DEVICE("revoked")));
    assert_int_equal(talc_registry_refresh(registry, 5999, NULL), TALC_OK);
    assert_device(registry, "device-7", TALC_DEVICE_ENROLLED, registry_points[0]);
    assert_int_equal(talc_registry_generation(registry), generation);
    assert_int_equal(talc_registry_refresh(registry, 6000, NULL), TALC_OK);
    assert_device(registry, "device-7", TALC_DEVICE_REVOKED, registry_points[0]);
    assert_true(talc_registry_generation(registry) > generation);
    generation = talc_registry_generation(registry);
    assert_int_equal(talc_registry_refresh(registry, 60000, NULL), TALC_OK);
    assert_int_equal(talc_registry_generation(registry), generation);
    talc_registry_free(registry);
}

/* The first look needs no second, for nobody knows when the registry was made. */
static void a_change_before_the_first_look_counts_at_once(void **state)
{
    (void)state;
    const char *path = scratch_text(filled(ONE_DEVICE("enrolled")));
    talc_registry *registry = registry_of(path);
    rename_over(path, filled(ONE_DEVICE("revoked")));
    assert_int_equal(talc_registry_refresh(registry, 0, NULL), TALC_OK);
    assert_device(registry, "device-7", TALC_DEVICE_REVOKED, registry_points[0]);
    talc_registry_free(registry);
}

/* Another key of the same size, written into the same file so soon that the file system's clock may
 * not have ticked. */
static void a_change_within_a_tick_counts(void **state)
{
    (void)state;
    const char *path = scratch_text(filled("{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"state\":\"enrolled\"}]}"));
    talc_registry *registry = registry_of(path);
    for (uint64_t i = 1; i <= 50; i++) {
        scratch_text(filled(i % 2 == 1 ? "{\"devices\":[{\"id\":\"a\",\"key\":\"#\",\"state\":\"enrolled\"}]}"
                                       : "{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"state\":\"enrolled\"}]}"));
        assert_int_equal(talc_registry_refresh(registry, i * 1000, NULL), TALC_OK);
        assert_device(registry, "a", TALC_DEVICE_ENROLLED, registry_points[i % 2]);
    }
    talc_registry_free(registry);
}

/* As a copy that keeps dates leaves it. */
static void a_change_under_an_old_date_counts(void **state)
{
    (void)state;
    const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
    const char *path = scratch_text(filled("{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"state\":\"enrolled\"}]}"));
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    talc_registry *registry = registry_of(path);
    scratch_text(filled("{\"devices\":[{\"id\":\"a\",\"key\":\"#\",\"state\":\"enrolled\"}]}"));
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_int_equal(talc_registry_refresh(registry, 0, NULL), TALC_OK);
    assert_device(registry, "a", TALC_DEVICE_ENROLLED, registry_points[1]);
    talc_registry_free(registry);
}

static void the_file_takes_the_place_of_all_devices(void **state)
{
    (void)state;
    const char *path = scratch_text(filled(ONE_DEVICE("enrolled")));
    talc_registry *registry = registry_of(path);
    size_t size;
    uint8_t *key = credential_bytes("device2.pub", &size);
    const talc_device mine = { "mine", key, size };
    assert_int_equal(talc_registry_enrol(registry, &mine, NULL), TALC_OK);
    free(key);
    assert_int_equal(talc_registry_refresh(registry, 1000, NULL), TALC_OK);
    assert_device(registry, "mine", TALC_DEVICE_ENROLLED,
                  registry_points[1]); /* nothing has changed */
    rename_over(path, filled("{\"devices\":[{\"id\":\"other\",\"key\":\"#\",\"state\":\"enrolled\"}]}"));
    assert_int_equal(talc_registry_refresh(registry, 2000, NULL), TALC_OK);
    assert_int_equal(talc_registry_size(registry), 1);
    assert_device(registry, "other", TALC_DEVICE_ENROLLED, registry_points[1]);
    talc_registry_free(registry);
}

/* One step of the file, and what the registry makes of it. */
typedef struct file_step {
    const char *text; /* NULL: the file is removed; "": it stays as it is */
    mode_t mode;
    talc_status status;
    const char *reason;
} file_step;

static void take_step(const char *path, const file_step *step)
{
    if (!step->text) {
        unlink(path);
    } else if (step->text[0] != '\0') {
        rename_over(path, filled(step->text));
        assert_int_equal(chmod(path, step->mode), 0);
    }
}

static void a_bad_file_is_told_once_and_changes_nothing(void **state)
{
    (void)state;
    static const file_step steps[] = {
        { "{", 0600, TALC_ERROR_TRUST, "line 1: a key of the object is expected here" },
        { "", 0, TALC_OK, NULL },
        { "", 0, TALC_OK, NULL },
        { "{}", 0600, TALC_ERROR_TRUST, "it has no \"devices\"" },
        { "", 0, TALC_OK, NULL },
        { NULL, 0, TALC_ERROR_IO, "cannot open it" },
        { NULL, 0, TALC_OK, NULL },
        { ONE_DEVICE("enrolled"), 0622, TALC_ERROR_TRUST, "others than its owner may change it" },
        { "", 0, TALC_OK, NULL },
        { ONE_DEVICE("enrolled"), 0600, TALC_OK, NULL }, /* what it was at first */
        { "{", 0600, TALC_ERROR_TRUST, "line 1: " },
    };
    const char *path = scratch_text(filled(ONE_DEVICE("enrolled")));
    talc_registry *registry = registry_of(path);
    uint64_t generation = talc_registry_generation(registry);
    for (size_t i = 0; i < COUNT(steps); i++) {
        talc_failure failure;
        take_step(path, &steps[i]);
        assert_int_equal(talc_registry_refresh(registry, 1000 * i, &failure), steps[i].status);
        assert_int_equal(failure.status, steps[i].status);
        if (steps[i].reason) {
            assert_contains(failure.text, path);
            assert_contains(failure.text, steps[i].reason);
        }
        assert_device(registry, "device-7", TALC_DEVICE_ENROLLED, registry_points[0]);
        assert_int_equal(talc_registry_generation(registry), generation);
    }
    rename_over(path, filled(ONE_DEVICE("revoked")));
    assert_int_equal(talc_registry_refresh(registry, 60000, NULL), TALC_OK);
    assert_device(registry, "device-7", TALC_DEVICE_REVOKED, registry_points[0]);
    talc_registry_free(registry);
}

static void reload_reads_at_once_and_tells_each_time(void **state)
{
    (void)state;
    const char *path = scratch_text(filled(ONE_DEVICE("enrolled")));
    talc_registry *registry = registry_of(path);
    talc_failure failure;
    assert_int_equal(talc_registry_reload(registry, &failure), TALC_OK);
    rename_over(path, filled(ONE_DEVICE("revoked")));
    assert_int_equal(talc_registry_reload(registry, &failure), TALC_OK);
    assert_device(registry, "device-7", TALC_DEVICE_REVOKED, registry_points[0]);
    rename_over(path, "{");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(talc_registry_reload(registry, &failure), TALC_ERROR_TRUST);
        assert_contains(failure.text, "line 1: a key of the object is expected here");
        assert_device(registry, "device-7", TALC_DEVICE_REVOKED, registry_points[0]);
    }
    unlink(path);
    assert_int_equal(talc_registry_reload(registry, &failure), TALC_ERROR_IO);
    talc_registry_free(registry);
    remove_scratch(state);
}

/* --- Whether a file is the same --- */

/* A registry that takes its file for one that it has not read, so that a reading shows in its
 * generation, and whose file is old enough for its mark to be believed. */
static talc_registry *settled_registry(const char *text)
{
    talc_registry *registry = registry_of(scratch_text(filled(text)));
    memset(registry->file.digest, 0, sizeof registry->file.digest);
    registry->file.is_settled = true;
    return registry;
}

static bool is_read_again(talc_registry *registry)
{
    uint64_t generation = talc_registry_generation(registry);
    assert_int_equal(talc_registry_refresh(registry, 0, NULL), TALC_OK);
    return talc_registry_generation(registry) != generation;
}

static void a_file_with_its_old_mark_is_not_read(void **state)
{
    (void)state;
    talc_registry *registry = settled_registry(ONE_DEVICE("enrolled"));
    assert_false(is_read_again(registry));
    talc_registry_free(registry);
}

static void a_young_mark_proves_nothing(void **state)
{
    (void)state;
    talc_registry *registry = settled_registry(ONE_DEVICE("enrolled"));
    registry->file.is_settled = false;
    assert_true(is_read_again(registry));
    talc_registry_free(registry);
}

static void a_mark_settles_after_two_seconds(void **state)
{
    (void)state;
    static const struct {
        time_t now_s;
        bool is_settled;
    } cases[] = {
        { 90, true },   { 97, true },   { 98, false }, { 100, false },
        { 101, false }, { 102, false }, { 103, true }, { 200, true },
    };
    const talc_file_mark mark = { .exists = true, .changed = { 100, 999999999 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(talc_file_mark_is_settled(&mark, cases[i].now_s), cases[i].is_settled);
    }
}

static void every_part_of_the_mark_counts(void **state)
{
    (void)state;
    enum { PARTS = 8 };
    for (unsigned part = 0; part < PARTS; part++) {
        talc_registry *registry = settled_registry(ONE_DEVICE("enrolled"));
        talc_file_mark *mark = &registry->file.mark;
        mark->exists = part != 0;
        mark->device += part == 1;
        mark->inode += part == 2;
        mark->size += part == 3;
        mark->modified.tv_sec += part == 4;
        mark->modified.tv_nsec += part == 5;
        mark->changed.tv_sec += part == 6;
        mark->changed.tv_nsec += part == 7;
        assert_true(is_read_again(registry));
        talc_registry_free(registry);
    }
}

/* Memory or descriptors may be there again although the file is the same. */
static void what_failed_for_now_is_tried_again(void **state)
{
    (void)state;
    static const struct {
        talc_status status;
        bool again;
    } cases[] = {
        { TALC_ERROR_MEMORY, true },
        { TALC_ERROR_IO, true },
        { TALC_ERROR_RANDOM, true },
        { TALC_ERROR_TRUST, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_registry *registry = settled_registry(ONE_DEVICE("enrolled"));
        registry->file.status = cases[i].status;
        assert_int_equal(is_read_again(registry), cases[i].again);
        talc_registry_free(registry);
    }
}

static void reload_tells_of_a_settled_fault_too(void **state)
{
    (void)state;
    talc_registry *registry = settled_registry(ONE_DEVICE("enrolled"));
    scratch_text("{");
    for (unsigned i = 0; i < 3; i++) {
        talc_failure failure;
        assert_int_equal(talc_registry_reload(registry, &failure), TALC_ERROR_TRUST);
        assert_contains(failure.text, "line 1: a key of the object is expected here");
        registry->file.is_settled = true;
    }
    talc_registry_free(registry);
}

/* --- Threads --- */

typedef struct refresher {
    talc_registry *registry;
    size_t broken;
    uint64_t rounds;
} refresher;

static void *refresh(void *context)
{
    refresher *self = context;
    for (uint64_t i = 0; i < self->rounds; i++) {
        talc_registry_entry entry;
        self->broken += talc_registry_refresh(self->registry, i * 1000, NULL) != TALC_OK;
        talc_registry_look_up(self->registry, "device-7", 8, &entry);
        self->broken += entry.state == TALC_DEVICE_UNKNOWN ||
                        memcmp(entry.key, registry_points[0], sizeof registry_points[0]) != 0;
    }
    return NULL;
}

static void threads_share_one_file(void **state)
{
    (void)state;
    const char *path = scratch_text(filled(ONE_DEVICE("enrolled")));
    talc_registry *registry = registry_of(path);
    refresher refreshers[] = { { registry, 0, 500 }, { registry, 0, 500 } };
    pthread_t threads[COUNT(refreshers)];
    for (size_t i = 0; i < COUNT(refreshers); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, refresh, &refreshers[i]), 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        rename_over(path, filled(i % 2 == 0 ? ONE_DEVICE("revoked") : ONE_DEVICE("enrolled")));
        assert_int_equal(talc_registry_reload(registry, NULL), TALC_OK);
        assert_device(registry, "device-7", i % 2 == 0 ? TALC_DEVICE_REVOKED : TALC_DEVICE_ENROLLED,
                      registry_points[0]);
    }
    for (size_t i = 0; i < COUNT(refreshers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(refreshers[i].broken, 0);
    }
    talc_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_counts_after_a_second),
        cmocka_unit_test(a_change_before_the_first_look_counts_at_once),
        cmocka_unit_test(a_change_within_a_tick_counts),
        cmocka_unit_test(a_change_under_an_old_date_counts),
        cmocka_unit_test(the_file_takes_the_place_of_all_devices),
        cmocka_unit_test(a_bad_file_is_told_once_and_changes_nothing),
        cmocka_unit_test(reload_reads_at_once_and_tells_each_time),
        cmocka_unit_test(a_file_with_its_old_mark_is_not_read),
        cmocka_unit_test(a_young_mark_proves_nothing),
        cmocka_unit_test(a_mark_settles_after_two_seconds),
        cmocka_unit_test(every_part_of_the_mark_counts),
        cmocka_unit_test(what_failed_for_now_is_tried_again),
        cmocka_unit_test(reload_tells_of_a_settled_fault_too),
        cmocka_unit_test(threads_share_one_file),
    };
    return cmocka_run_group_tests(tests, read_registry_keys, remove_scratch);
}
