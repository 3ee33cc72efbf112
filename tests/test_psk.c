/* SPDX-License-Identifier: MIT */
/* Pre-shared keys as identities: their bounds, and their files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "credential_folder.h"
#include "lib/credentials.h"

#define KEY_32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_pre_shared_key_has_bounded_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t name_size;
        size_t key_size;
        talc_status status;
    } cases[] = {
        { 1, TALC_PSK_SIZE_MIN, TALC_OK },
        { TALC_PSK_NAME_SIZE_MAX, TALC_PSK_SIZE_MAX, TALC_OK },
        { 0, 32, TALC_ERROR_IDENTITY },
        { TALC_PSK_NAME_SIZE_MAX + 1, 32, TALC_ERROR_IDENTITY },
        { 8, 0, TALC_ERROR_IDENTITY },
        { 8, TALC_PSK_SIZE_MIN - 1, TALC_ERROR_IDENTITY },
        { 8, TALC_PSK_SIZE_MAX + 1, TALC_ERROR_IDENTITY },
    };
    char name[TALC_PSK_NAME_SIZE_MAX + 1];
    uint8_t key[TALC_PSK_SIZE_MAX + 1];
    memset(name, 'n', sizeof(name));
    memset(key, 7, sizeof(key));
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_identity *identity = NULL;
        const talc_psk psk = { name, cases[i].name_size, key, cases[i].key_size };
        assert_int_equal(talc_identity_from_psk(&identity, &psk, NULL), cases[i].status);
        if (identity) {
            assert_int_equal(identity->credential, TALC_CREDENTIAL_PSK);
            assert_int_equal(identity->psk.name_size, cases[i].name_size);
            assert_int_equal(identity->psk.key_size, cases[i].key_size);
            assert_memory_equal(identity->psk.key, key, cases[i].key_size);
        }
        talc_identity_free(identity);
    }
}

static void a_key_file_holds_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        talc_status status;
        const char *name; /* or the reason */
    } cases[] = {
        { "n:" KEY_32 "\n", TALC_OK, "n" },
        { "n:" KEY_32, TALC_OK, "n" },
        { "n:000102030405060708090A0B0C0D0E0F\n", TALC_OK, "n" },
        { "urn:dev:1:" KEY_32 "\n", TALC_OK, "urn:dev:1" },
        { "two words:" KEY_32 "\n", TALC_OK, "two words" },
        { "# a comment\n\nn:" KEY_32 "\n\n", TALC_OK, "n" },
        { "", TALC_ERROR_IDENTITY, "is empty" },
        { "\n# nothing\n", TALC_ERROR_IDENTITY, "holds no line NAME:HEX-KEY" },
        { "n:" KEY_32 "\nm:" KEY_32 "\n", TALC_ERROR_IDENTITY, "holds more than one key" },
        { "n\n", TALC_ERROR_IDENTITY, "line 1: is not NAME:HEX-KEY" },
        { ":" KEY_32 "\n", TALC_ERROR_IDENTITY, "line 1: the name has 0 bytes" },
        { " n:" KEY_32 "\n", TALC_ERROR_IDENTITY, "blanks at its ends" },
        { "n :" KEY_32 "\n", TALC_ERROR_IDENTITY, "blanks at its ends" },
        { "n\t:" KEY_32 "\n", TALC_ERROR_IDENTITY, "control characters" },
        { "n:" KEY_32 "\r\n", TALC_OK, "n" },
        { "n:" KEY_32 "\r\r\n", TALC_ERROR_IDENTITY, "the key has 65 characters" },
        { "n:" KEY_32 " \n", TALC_ERROR_IDENTITY, "the key has 65 characters" },
        { "n: " KEY_32 "\n", TALC_ERROR_IDENTITY, "the key has 65 characters" },
        { "n:0001020304050607\n", TALC_ERROR_IDENTITY, "the key has 16 characters" },
        { "n:" KEY_32 KEY_32 "00\n", TALC_ERROR_IDENTITY, "the key has 130 characters" },
        { "#\n\nn:0x" KEY_32 "\n", TALC_ERROR_IDENTITY, "line 3: the key is not written in hex" },
        { "n:" KEY_32 "\nbad\n", TALC_ERROR_IDENTITY, "line 2: is not NAME:HEX-KEY" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_identity *identity = NULL;
        talc_failure failure;
        talc_status status =
            talc_identity_from_psk_file(&identity, scratch_text(cases[i].text), &failure);
        assert_int_equal(status, cases[i].status);
        if (status == TALC_OK) {
            assert_int_equal(identity->psk.name_size, strlen(cases[i].name));
            assert_memory_equal(identity->psk.name, cases[i].name, strlen(cases[i].name));
            assert_int_equal(identity->psk.key[15], 15);
        } else {
            assert_null(identity);
            assert_contains(failure.text, cases[i].name);
            assert_null(strstr(failure.text, "0001020304")); /* no key in a text */
        }
        talc_identity_free(identity);
    }
}

static void a_pre_shared_key_file_is_for_its_owner_only(void **state)
{
    (void)state;
    static const char line[] = "n:" KEY_32 "\n";
    talc_identity *identity = NULL;
    talc_failure failure;
    assert_int_equal(talc_identity_from_psk_file(
                         &identity, scratch_file(line, sizeof(line) - 1, 0640), &failure),
                     TALC_ERROR_IDENTITY);
    assert_contains(failure.text, "chmod 600 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pre_shared_key_has_bounded_sizes),
        cmocka_unit_test(a_key_file_holds_one_line),
        cmocka_unit_test(a_pre_shared_key_file_is_for_its_owner_only),
    };
    return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
