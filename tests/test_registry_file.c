/* SPDX-License-Identifier: MIT */
/* What may stand in the file of a registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "credential_folder.h"
#include "records/base64.h"
#include "registry_texts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- What it says --- */

static void the_made_file_is_a_registry(void **state)
{
    (void)state;
    talc_registry *registry = registry_of(credential_path("registry.json"));
    assert_int_equal(talc_registry_size(registry), 2);
    assert_device(registry, "device-7", TALC_DEVICE_ENROLLED, registry_points[0]);
    assert_device(registry, "device-8", TALC_DEVICE_REVOKED, registry_points[1]);
    assert_device(registry, "device-9", TALC_DEVICE_UNKNOWN, NULL);
    talc_registry_free(registry);
}

static void these_texts_are_a_registry(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        talc_device_state state;
    } cases[] = {
        { "{\"devices\":[]}", 0, TALC_DEVICE_UNKNOWN },
        { " {\r\n\t\"devices\" : [ ] } \n", 0, TALC_DEVICE_UNKNOWN },
        { "{\"devices\":[{\"id\":\"a/7\",\"key\":\"@\",\"state\":\"enrolled\"}]}", 1, TALC_DEVICE_ENROLLED },
        { "{\"devices\":[{\"state\":\"revoked\",\"key\":\"@\",\"id\":\"a\\/7\"}]}", 1,
          TALC_DEVICE_REVOKED },
        { "{\"d\\u0065vices\":[{\"\\u0069d\":\"\\u0061/7\",\"key\":\"@\",\"state\":\"enrolled\"}]}", 1,
          TALC_DEVICE_ENROLLED },
        { "{\"deep\":[[[[{\"a\":{\"b\":[[\"]\"]]}}]]]],\"devices\":[]}", 0, TALC_DEVICE_UNKNOWN },
        { "{\"version\":1,\"devices\":[ {\"id\" : \"a/7\" ,\n\"key\":\"@\",\"state\":\"enrolled\",\"note\":[1,{\"b\":2}]} "
          ",{\"id\":\"b\",\"key\":\"@\",\"state\":\"enrolled\"}],\"by\":{\"x\":[true,null,\"]}\",-1.5e3]},\"z\":\"\"}",
          2, TALC_DEVICE_ENROLLED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_registry *registry = registry_of(scratch_text(filled(cases[i].text)));
        assert_int_equal(talc_registry_size(registry), cases[i].size);
        assert_device(registry, "a/7", cases[i].state,
                      cases[i].size > 0 ? registry_points[0] : NULL);
        talc_registry_free(registry);
    }
}

static void these_texts_are_none_and_the_place_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        { "[]", ": line 1: it is not an object of JSON" },
        { "\n\n5", ": line 3: it is not an object of JSON" },
        { "{}", ": it has no \"devices\"" },
        { "{\"Devices\":[]}", ": it has no \"devices\"" },
        { "{\"devices\":[]", ": line 1: a ',' or '}' is expected here" },
        { "{\"devices\":[]}\n{", ": line 2: more follows the object" },
        { "{\"devices\":[],}", ": line 1: a key of the object is expected here" },
        { "{\"devices\"\n[]}", ": line 2: a ':' is expected here" },
        { "{\"devices\":{}}", ": line 1: \"devices\" is not an array" },
        { "{\"devices\":[],\n\"devices\":[]}", ": line 2: \"devices\" stands twice" },
        { "{\"a\":01,\"devices\":[]}", ": line 1: this is not JSON" },
        { "{\n\"a\":[1}],\"devices\":[]}", ": line 2: this is not JSON" },
        { "{\"a\":,\"devices\":[]}", ": line 1: this is not JSON" },
        { "{\"a\":\n\"b}", ": line 2: this is not JSON" },
        { "{\"a\":\"\\\"\"}", ": line 1: this is not JSON" },
        { "{\"a\\\"\":1}", ": line 1: this is not JSON" },
        { "{\"a\n\":1}", ": line 1: this is not JSON" },
        { "{\"devices\":[\n{\"id\":\"a\",\"key\":\"@\",\"state\":\"enrolled\"}\n{\"id\":\"b\"}]}",
          ": line 3: no ',' or ']' follows a device" },
        { "{\"devices\":[,]}", ": device 1, line 1: it is not an object of JSON" },
        { "{\"devices\":[\n7]}", ": device 1, line 2: it is not an object of JSON" },
        { "{\"devices\":[\n{\"id\":\"a\",\"key\":\"@\",\"state\":\"enrolled\"},\n{\"id\":\"b\"",
          ": device 2, line 3: it is not an object of JSON" },
        { "{\"devices\":[{\"id\":\"\xc3\xa4\",\"key\":\"@\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: it is not an object of JSON, or holds a character or an escape" },
        { "{\"devices\":[{\"id\":\"a\\nb\",\"key\":\"@\",\"state\":\"enrolled\"}]}", ": device 1, line 1: it is not" },
        { "{\"devices\":[{\"x\":[[[[1]]]]}]}", ": device 1, line 1: it is not an object" },
        { "{\"devices\":[{\"x\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
          "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}]}",
          ": device 1, line 1: it holds too many values" },
        { "{\"devices\":[{\"key\":\"@\",\"state\":\"enrolled\"}]}", ": device 1, line 1: its \"id\" is missing" },
        { "{\"devices\":[{\"id\":\"a\"}]}", ": device 1, line 1: its \"key\" is missing" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@\"}]}",
          ": device 1, line 1: its \"state\" is missing" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"State\":\"revoked\"}]}",
          ": device 1, line 1: its \"state\" is missing" },
        { "{\"devices\":[{\"id\":7,\"key\":\"@\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: its \"id\" is not a string" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":null}]}",
          ": device 1, line 1: its \"key\" is not a string" },
        { "{\"devices\":[{\"id\":\"a\",\"id\":\"a\",\"key\":\"@\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: one of its fields stands twice" },
        { "{\"devices\":[{\"id\":\"\",\"key\":\"@\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: its \"id\" is not 1 to 64 characters" },
        { "{\"devices\":[{\"id\":\"a b\",\"key\":\"@\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: its \"id\" is not 1 to 64 characters" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"state\":\"enrolled\"},\n\n{\"id\":\"a\",\"key\":\"#\",\"state\":\"enrolled\"}]}",
          ": device 2, line 3: its \"id\" stands twice" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@=\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: its \"key\" is not base64url without padding" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: its \"key\" is no DER SubjectPublicKeyInfo" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@AAAA\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: its \"key\" is no DER SubjectPublicKeyInfo" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@@\",\"state\":\"enrolled\"}]}",
          ": device 1, line 1: its \"key\" is too long" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"state\":\"Revoked\"}]}",
          ": device 1, line 1: its \"state\" is neither \"enrolled\" nor \"revoked\"" },
        { "{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"state\":null}]}",
          ": device 1, line 1: its \"state\" is neither \"enrolled\" nor \"revoked\"" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_registry *registry = (talc_registry *)&registry;
        talc_failure failure;
        const char *path = scratch_text(filled(cases[i].text));
        talc_status status = talc_registry_from_file(&registry, path, &failure);
        if (status != TALC_ERROR_TRUST) {
            fail_msg("%s: %d", cases[i].text, status);
        }
        assert_null(registry);
        assert_contains(failure.text, path);
        assert_contains(failure.text, cases[i].reason);
    }
}

/* A key of another curve point has the form of one. */
static void a_key_off_the_curve_is_no_key(void **state)
{
    (void)state;
    uint8_t info[REGISTRY_INFO_SIZE];
    char text[REGISTRY_KEY_TEXT_SIZE + 1] = "";
    char file[512];
    talc_registry *registry = NULL;
    talc_failure failure;
    assert_int_equal(
        talc_base64_decode(registry_key_texts[0], REGISTRY_KEY_TEXT_SIZE, info, sizeof info),
        TALC_OK);
    info[REGISTRY_INFO_SIZE - 1] ^= 1;
    assert_int_equal(talc_base64_encode(info, sizeof info, text, REGISTRY_KEY_TEXT_SIZE), TALC_OK);
    snprintf(file, sizeof file, "{\"devices\":[{\"id\":\"a\",\"key\":\"%s\",\"state\":\"enrolled\"}]}", text);
    assert_int_equal(talc_registry_from_file(&registry, scratch_text(file), &failure),
                     TALC_ERROR_TRUST);
    assert_contains(failure.text, "its \"key\" is no DER SubjectPublicKeyInfo");
}

/* Whatever is cut off, a text that was cut is none. */
static void every_cut_is_seen(void **state)
{
    (void)state;
    const char *text = filled("{\"devices\":[{\"id\":\"a\",\"key\":\"@\",\"state\":\"revoked\"}]}");
    for (size_t size = 1; size < strlen(text); size++) {
        talc_registry *registry = NULL;
        assert_int_equal(talc_registry_from_file(&registry, scratch_file(text, size, 0600), NULL),
                         TALC_ERROR_TRUST);
        assert_null(registry);
    }
}

static void only_its_owner_may_change_it(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        talc_status status;
    } cases[] = {
        { 0600, TALC_OK },          { 0644, TALC_OK },          { 0444, TALC_OK },
        { 0664, TALC_ERROR_TRUST }, { 0646, TALC_ERROR_TRUST }, { 0620, TALC_ERROR_TRUST },
    };
    const char *text = filled(ONE_DEVICE("enrolled"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_registry *registry = NULL;
        talc_failure failure;
        const char *path = scratch_file(text, strlen(text), cases[i].mode);
        assert_int_equal(talc_registry_from_file(&registry, path, &failure), cases[i].status);
        if (cases[i].status != TALC_OK) {
            assert_contains(failure.text, "others than its owner may change it: chmod go-w ");
        }
        talc_registry_free(registry);
    }
}

static void these_are_no_files_of_a_registry(void **state)
{
    (void)state;
    talc_registry *registry = NULL;
    talc_failure failure;
    assert_int_equal(talc_registry_from_file(&registry, "/none", &failure), TALC_ERROR_IO);
    assert_contains(failure.text, "/none: cannot open it: No such file");
    assert_int_equal(talc_registry_from_file(&registry, "/tmp", &failure), TALC_ERROR_IO);
    assert_int_equal(talc_registry_from_file(&registry, NULL, &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_from_file(NULL, "/none", NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_registry_from_file(&registry, scratch_text(""), &failure),
                     TALC_ERROR_TRUST);
    const char *path = scratch_text("{");
    assert_int_equal(truncate(path, 16 * 1024 * 1024 + 1), 0);
    assert_int_equal(talc_registry_from_file(&registry, path, &failure), TALC_ERROR_TRUST);
    assert_contains(failure.text, "is larger than 16777216 bytes");
    assert_null(registry);
}

/* Writes a file of so many devices with IDs as long as they may be; its path. */
static const char *file_of_many(unsigned count)
{
    size_t capacity = (size_t)count * 240 + 64;
    char *text = malloc(capacity);
    assert_non_null(text);
    size_t size = (size_t)snprintf(text, capacity, "{\"devices\":[\n");
    for (unsigned i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, capacity - size,
                                 "{\"id\":\"%064u\",\"key\":\"%s\",\"state\":\"%s\"}%s\n", i,
                                 registry_key_texts[i % 2], i % 3 == 0 ? "revoked" : "enrolled",
                                 i + 1 < count ? "," : "]}");
        assert_true(size < capacity);
    }
    const char *path = scratch_file(text, size, 0600);
    free(text);
    return path;
}

static void the_largest_registry_is_read(void **state)
{
    (void)state;
    talc_registry *registry = registry_of(file_of_many(TALC_REGISTRY_DEVICES_MAX));
    assert_int_equal(talc_registry_size(registry), TALC_REGISTRY_DEVICES_MAX);
    for (unsigned i = 0; i < TALC_REGISTRY_DEVICES_MAX; i++) {
        char id[TALC_DEVICE_ID_SIZE_MAX + 1];
        snprintf(id, sizeof id, "%064u", i);
        assert_device(registry, id, i % 3 == 0 ? TALC_DEVICE_REVOKED : TALC_DEVICE_ENROLLED,
                      registry_points[i % 2]);
    }
    talc_failure failure;
    talc_registry *larger = NULL;
    assert_int_equal(
        talc_registry_from_file(&larger, file_of_many(TALC_REGISTRY_DEVICES_MAX + 1), &failure),
        TALC_ERROR_TRUST);
    assert_contains(failure.text, "device 65537, line 65538: there are more than 65536 devices");
    talc_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_made_file_is_a_registry),
        cmocka_unit_test(these_texts_are_a_registry),
        cmocka_unit_test(these_texts_are_none_and_the_place_is_named),
        cmocka_unit_test(a_key_off_the_curve_is_no_key),
        cmocka_unit_test(every_cut_is_seen),
        cmocka_unit_test(only_its_owner_may_change_it),
        cmocka_unit_test(these_are_no_files_of_a_registry),
        cmocka_unit_test(the_largest_registry_is_read),
    };
    return cmocka_run_group_tests(tests, read_registry_keys, remove_scratch);
}
