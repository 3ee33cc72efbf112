/* SPDX-License-Identifier: MIT */
/* What a trust can be filled with, that it changes as a whole or not at all, and not while used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credential_folder.h"
#include "lib/credentials.h"

#define KEY_16 "000102030405060708090a0b0c0d0e0f"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int make_trust(void **state)
{
    return talc_trust_new((talc_trust **)state) == TALC_OK ? 0 : -1;
}

static int free_trust(void **state)
{
    talc_trust_free(*state);
    return 0;
}

static size_t anchors_of(const talc_trust *trust)
{
    size_t count = 0;
    const mbedtls_x509_crt *anchor = trust->has_anchors ? &trust->anchors : NULL;
    for (; anchor; anchor = anchor->next) {
        assert_int_not_equal(anchor->version, 0);
        count++;
    }
    return count;
}

static size_t revocations_of(const talc_trust *trust)
{
    size_t count = 0;
    const mbedtls_x509_crl *list = trust->has_revocations ? &trust->revocations : NULL;
    for (; list; list = list->next) {
        assert_int_not_equal(list->version, 0);
        count++;
    }
    return count;
}

/* --- Life --- */

static void a_new_trust_believes_nobody(void **state)
{
    const talc_trust *trust = *state;
    assert_false(trust->has_anchors);
    assert_false(trust->has_revocations);
    assert_int_equal(trust->pin_count, 0);
    assert_null(trust->psks);
    assert_int_equal(talc_trust_new(NULL), TALC_ERROR_ARGUMENT);
    talc_trust_free(NULL);
}

static void two_trusts_have_different_names(void **state)
{
    const talc_trust *trust = *state;
    talc_trust *other = NULL;
    assert_int_equal(talc_trust_new(&other), TALC_OK);
    assert_memory_not_equal(trust->set_id, other->set_id, sizeof(trust->set_id));
    talc_trust_free(other);
}

/* --- Anchors and revocation lists --- */

static void anchors_add_up(void **state)
{
    talc_trust *trust = *state;
    static const struct {
        const char *file;
        size_t sum;
    } steps[] = {
        { "ca.pem", 1 }, { "anchors.pem", 3 }, /* with text between the certificates */
        { "ca.der", 4 }, { "rsa-ca.pem", 5 },  { "self-signed.pem", 6 },
    };
    for (size_t i = 0; i < COUNT(steps); i++) {
        assert_int_equal(talc_trust_add_anchor_file(trust, credential_path(steps[i].file), NULL),
                         TALC_OK);
        assert_int_equal(anchors_of(trust), steps[i].sum);
    }
}

static void anchors_come_from_memory_too(void **state)
{
    talc_trust *trust = *state;
    static const char *const files[] = { "ca.der", "anchors.pem" };
    for (size_t i = 0; i < COUNT(files); i++) {
        size_t size;
        uint8_t *bytes = credential_bytes(files[i], &size);
        assert_int_equal(talc_trust_add_anchor(trust, bytes, size, NULL), TALC_OK);
        free(bytes); /* they were copied */
    }
    assert_int_equal(anchors_of(trust), 3);
    assert_int_equal(talc_trust_add_anchor(trust, "", 0, NULL), TALC_ERROR_TRUST);
    assert_int_equal(talc_trust_add_anchor(trust, NULL, 1, NULL), TALC_ERROR_ARGUMENT);
}

static void these_files_are_no_anchors(void **state)
{
    talc_trust *trust = *state;
    static const struct {
        const char *file;
        talc_status status;
        const char *text;
    } cases[] = {
        { "none.pem", TALC_ERROR_IO, "none.pem: cannot open it: No such file" },
        { "/tmp", TALC_ERROR_IO, "/tmp: not a regular file" },
        { "ca.key", TALC_ERROR_TRUST, "ca.key: is PEM, but holds no certificate" },
        { "crl.pem", TALC_ERROR_TRUST, "crl.pem: is PEM, but holds no certificate" },
        { "crl.der", TALC_ERROR_TRUST, "crl.der: holds no certificate in PEM or DER" },
        { "psk-server.txt", TALC_ERROR_TRUST, "psk-server.txt: holds no certificate" },
    };
    for (int filled = 0; filled <= 1; filled++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            talc_failure failure;
            assert_int_equal(
                talc_trust_add_anchor_file(trust, credential_path(cases[i].file), &failure),
                cases[i].status);
            assert_int_equal(failure.status, cases[i].status);
            assert_contains(failure.text, cases[i].text);
            assert_int_equal(anchors_of(trust), filled);
        }
        if (!filled) {
            assert_int_equal(talc_trust_add_anchor_file(trust, credential_path("ca.pem"), NULL),
                             TALC_OK);
        }
    }
}

/* Neither is the good certificate before the bad one. */
static void a_bundle_with_a_bad_certificate_is_not_added(void **state)
{
    talc_trust *trust = *state;
    size_t size;
    uint8_t *bytes = credential_bytes("anchors.pem", &size);
    talc_failure failure;
    assert_int_equal(talc_trust_add_anchor(trust, bytes, size - 40, &failure), TALC_ERROR_TRUST);
    assert_string_equal(failure.text, "trust anchor: 1 of 2 certificates cannot be read");
    assert_int_equal(anchors_of(trust), 0);
    free(bytes);
}

static void revocation_lists_add_up(void **state)
{
    talc_trust *trust = *state;
    static const struct {
        const char *file;
        size_t sum;
    } steps[] = {
        { "crl.pem", 1 },
        { "crls.pem", 3 }, /* ends with an empty line */
        { "crl.der", 4 },
    };
    for (size_t i = 0; i < COUNT(steps); i++) {
        talc_failure failure;
        assert_int_equal(
            talc_trust_add_revocation_file(trust, credential_path(steps[i].file), &failure),
            TALC_OK);
        assert_int_equal(revocations_of(trust), steps[i].sum);
    }
}

static void these_files_are_no_revocation_lists(void **state)
{
    talc_trust *trust = *state;
    size_t size;
    uint8_t *lists = credential_bytes("crls.pem", &size);
    const char *cut = scratch_file(lists, size - 10, 0644);
    const struct {
        const char *file;
        talc_status status;
        const char *text;
    } cases[] = {
        { "none.pem", TALC_ERROR_IO, "none.pem: cannot open it: No such file" },
        { "ca.pem", TALC_ERROR_TRUST, "ca.pem: is PEM, but holds no revocation list" },
        { "ca.der", TALC_ERROR_TRUST, "ca.der: holds no revocation list in PEM or DER" },
        { cut, TALC_ERROR_TRUST, "the last revocation list is cut off" },
    };
    free(lists);
    for (size_t filled = 0; filled <= 1; filled++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            talc_failure failure;
            assert_int_equal(
                talc_trust_add_revocation_file(trust, credential_path(cases[i].file), &failure),
                cases[i].status);
            assert_contains(failure.text, cases[i].text);
            assert_int_equal(revocations_of(trust), filled);
        }
        if (!filled) {
            assert_int_equal(
                talc_trust_add_revocation_file(trust, credential_path("crl.pem"), NULL), TALC_OK);
        }
    }
}

/* --- Pins --- */

static void a_pin_is_64_hex_digits(void **state)
{
    (void)state;
#define DIGITS_62 "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"
    static const struct {
        const char *text;
        talc_status status;
    } cases[] = {
        { DIGITS_62 "ff", TALC_OK },
        { DIGITS_62 "FF", TALC_OK },
        { DIGITS_62, TALC_ERROR_MALFORMED },
        { DIGITS_62 "f", TALC_ERROR_MALFORMED },
        { DIGITS_62 "fff", TALC_ERROR_MALFORMED },
        { DIGITS_62 "ff\n", TALC_ERROR_MALFORMED },
        { DIGITS_62 "fg", TALC_ERROR_MALFORMED },
        { " " DIGITS_62 "f", TALC_ERROR_MALFORMED },
        { "", TALC_ERROR_MALFORMED },
        { NULL, TALC_ERROR_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t pin[TALC_PIN_SIZE];
        assert_int_equal(talc_pin_parse(cases[i].text, pin), cases[i].status);
        if (cases[i].status == TALC_OK) {
            assert_int_equal(pin[1], 0x11);
            assert_int_equal(pin[31], 0xff);
        }
    }
}

/* --- Pre-shared keys --- */

static talc_status add_numbered_psk(talc_trust *trust, unsigned number)
{
    char name[16];
    uint8_t key[16] = { 0 };
    int size = snprintf(name, sizeof(name), "client-%u", number);
    memcpy(key, &number, sizeof(number));
    const talc_psk psk = { name, (size_t)size, key, sizeof(key) };
    return talc_trust_add_psk(trust, &psk, NULL);
}

static const talc_psk_entry *find_numbered_psk(const talc_trust *trust, unsigned number)
{
    char name[16];
    int size = snprintf(name, sizeof(name), "client-%u", number);
    return talc_trust_find_psk(trust, name, (size_t)size);
}

static void a_key_is_found_by_its_whole_name(void **state)
{
    talc_trust *trust = *state;
    static const struct {
        const char *name;
        size_t size;
        bool found;
    } cases[] = {
        { "client-1", 8, true },    { "client-", 7, false },  { "client-12", 9, false },
        { "client-1\0", 9, false }, { "Client-1", 8, false }, { "", 0, false },
        { NULL, 0, false },
    };
    assert_null(find_numbered_psk(trust, 1));
    assert_int_equal(add_numbered_psk(trust, 1), TALC_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const talc_psk_entry *entry = talc_trust_find_psk(trust, cases[i].name, cases[i].size);
        assert_int_equal(entry != NULL, cases[i].found);
    }
    assert_null(talc_trust_find_psk(NULL, "client-1", 8));
}

static void a_name_is_any_bytes(void **state)
{
    talc_trust *trust = *state;
    static const struct {
        const char *bytes;
        size_t size;
    } names[] = { { "a\0b", 3 }, { "a\0c", 3 }, { "a", 1 }, { "\xff\n", 2 } };
    for (size_t i = 0; i < COUNT(names); i++) {
        const talc_psk psk = { names[i].bytes, names[i].size, KEY_16, 16 + i };
        assert_int_equal(talc_trust_add_psk(trust, &psk, NULL), TALC_OK);
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        const talc_psk_entry *entry = talc_trust_find_psk(trust, names[i].bytes, names[i].size);
        assert_non_null(entry);
        assert_int_equal(entry->key_size, 16 + i);
    }
}

static void a_name_is_added_once(void **state)
{
    talc_trust *trust = *state;
    const talc_psk psk = { "client-1", 8, "another key of 16", 16 };
    talc_failure failure;
    assert_int_equal(add_numbered_psk(trust, 1), TALC_OK);
    assert_int_equal(talc_trust_add_psk(trust, &psk, &failure), TALC_ERROR_TRUST);
    assert_contains(failure.text, "has a pre-shared key of this name already");
    assert_int_equal(find_numbered_psk(trust, 1)->key[0], 1);
}

static void sizes_out_of_range_are_refused(void **state)
{
    talc_trust *trust = *state;
    static const char bytes[TALC_PSK_NAME_SIZE_MAX + 1] = "name";
    const talc_psk cases[] = {
        { bytes, 0, bytes, 16 },
        { bytes, TALC_PSK_NAME_SIZE_MAX + 1, bytes, 16 },
        { NULL, 4, bytes, 16 },
        { bytes, 4, bytes, TALC_PSK_SIZE_MIN - 1 },
        { bytes, 4, bytes, TALC_PSK_SIZE_MAX + 1 },
        { bytes, 4, NULL, 16 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(talc_trust_add_psk(trust, &cases[i], NULL), TALC_ERROR_TRUST);
    }
    assert_null(trust->psks);
}

static void the_table_has_a_bound_and_all_are_found(void **state)
{
    talc_trust *trust = *state;
    for (unsigned i = 0; i < TALC_TRUST_PSKS_MAX; i++) {
        assert_int_equal(add_numbered_psk(trust, i), TALC_OK);
    }
    assert_int_equal(add_numbered_psk(trust, TALC_TRUST_PSKS_MAX), TALC_ERROR_TRUST);
    for (unsigned i = 0; i < TALC_TRUST_PSKS_MAX; i++) {
        const talc_psk_entry *entry = find_numbered_psk(trust, i);
        assert_non_null(entry);
        assert_memory_equal(entry->key, &i, sizeof(i));
    }
    assert_null(find_numbered_psk(trust, TALC_TRUST_PSKS_MAX));
}

static void a_key_file_holds_many_lines(void **state)
{
    talc_trust *trust = *state;
    assert_int_equal(talc_trust_add_psk_file(trust, credential_path("psk-server.txt"), NULL),
                     TALC_OK);
    assert_non_null(find_numbered_psk(trust, 1));
    assert_non_null(find_numbered_psk(trust, 2));
    assert_int_equal(HASH_COUNT(trust->psks), 2);
}

/* The other side of the same file: what a client presents is what the server finds. */
static void client_and_server_files_agree(void **state)
{
    talc_trust *trust = *state;
    talc_identity *identity = NULL;
    assert_int_equal(
        talc_identity_from_psk_file(&identity, credential_path("psk-client.txt"), NULL), TALC_OK);
    assert_int_equal(talc_trust_add_psk_file(trust, credential_path("psk-server.txt"), NULL),
                     TALC_OK);
    const talc_psk_entry *entry =
        talc_trust_find_psk(trust, identity->psk.name, identity->psk.name_size);
    assert_non_null(entry);
    assert_int_equal(entry->key_size, identity->psk.key_size);
    assert_memory_equal(entry->key, identity->psk.key, entry->key_size);
    talc_identity_free(identity);
}

static void a_bad_line_is_named_and_nothing_is_added(void **state)
{
    talc_trust *trust = *state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        { "a:" KEY_16 "\nb\n", "line 2: is not NAME:HEX-KEY" },
        { "a:" KEY_16 "\n\n# c\nb:00\n", "line 4: the key has 2 characters" },
        { "a:" KEY_16 "\nb:" KEY_16 "\na:" KEY_16 "\n", "line 3: the name is known already" },
        { "a:" KEY_16 "\nclient-1:" KEY_16 "\n", "line 2: the name is known already" },
        { "a:" KEY_16 "\n:" KEY_16 "\n", "line 2: the name has 0 bytes" },
    };
    assert_int_equal(add_numbered_psk(trust, 1), TALC_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_failure failure;
        assert_int_equal(talc_trust_add_psk_file(trust, scratch_text(cases[i].text), &failure),
                         TALC_ERROR_TRUST);
        assert_contains(failure.text, cases[i].reason);
        assert_int_equal(HASH_COUNT(trust->psks), 1);
        assert_non_null(find_numbered_psk(trust, 1));
        assert_null(talc_trust_find_psk(trust, "a", 1));
    }
}

static void a_key_file_is_for_its_owner_only(void **state)
{
    talc_trust *trust = *state;
    static const char line[] = "a:" KEY_16 "\n";
    talc_failure failure;
    const char *path = scratch_file(line, sizeof(line) - 1, 0604);
    assert_int_equal(talc_trust_add_psk_file(trust, path, &failure), TALC_ERROR_TRUST);
    assert_contains(failure.text, "chmod 600 ");
    assert_int_equal(talc_trust_add_psk_file(trust, "/none", &failure), TALC_ERROR_IO);
    assert_int_equal(talc_trust_add_psk_file(trust, NULL, &failure), TALC_ERROR_ARGUMENT);
}

/* --- Changes --- */

/* Tries every change with good arguments; all have to return this. */
static void try_all_changes(talc_trust *trust, talc_status status)
{
    static const uint8_t pin[TALC_PIN_SIZE] = { 1 };
    size_t size;
    uint8_t *anchor = credential_bytes("ca.der", &size);
    const talc_psk psk = { "a", 1, KEY_16, 16 };
    talc_failure failure = { .status = TALC_OK };
    assert_int_equal(talc_trust_add_anchor(trust, anchor, size, &failure), status);
    assert_int_equal(failure.text[0] != '\0', status != TALC_OK);
    free(anchor);
    assert_int_equal(talc_trust_add_anchor_file(trust, credential_path("ca.pem"), NULL), status);
    assert_int_equal(talc_trust_add_revocation_file(trust, credential_path("crl.pem"), NULL),
                     status);
    assert_int_equal(talc_trust_add_pin(trust, pin), status);
    assert_int_equal(talc_trust_revoke_pin(trust, pin), status);
    assert_int_equal(talc_trust_add_psk(trust, &psk, NULL), status);
    assert_int_equal(talc_trust_add_psk_file(trust, credential_path("psk-server.txt"), &failure),
                     status);
    if (status == TALC_ERROR_ARGUMENT) {
        assert_contains(failure.text, "it may not change any more");
    }
}

static void a_trust_in_use_does_not_change(void **state)
{
    talc_trust *trust = *state;
    assert_ptr_equal(talc_trust_hold(trust), trust);
    try_all_changes(trust, TALC_ERROR_ARGUMENT);
    a_new_trust_believes_nobody(state);
    talc_trust_free(trust);
    try_all_changes(trust, TALC_OK);
    assert_null(talc_trust_hold(NULL));
}

static void every_change_gives_another_name(void **state)
{
    talc_trust *trust = *state;
    static const uint8_t pin[TALC_PIN_SIZE] = { 1 };
    uint8_t names[3][TALC_PIN_SIZE];
    memcpy(names[0], trust->set_id, TALC_PIN_SIZE);
    assert_int_equal(talc_trust_add_pin(trust, pin), TALC_OK);
    memcpy(names[1], trust->set_id, TALC_PIN_SIZE);
    assert_int_equal(talc_trust_revoke_pin(trust, pin), TALC_OK);
    memcpy(names[2], trust->set_id, TALC_PIN_SIZE);
    assert_memory_not_equal(names[0], names[1], TALC_PIN_SIZE);
    assert_memory_not_equal(names[1], names[2], TALC_PIN_SIZE);
    assert_memory_not_equal(names[0], names[2], TALC_PIN_SIZE);
    assert_int_equal(talc_trust_add_anchor_file(trust, "/none", NULL), TALC_ERROR_IO);
    assert_memory_equal(trust->set_id, names[2], TALC_PIN_SIZE);
}

#define WITH_TRUST(test) cmocka_unit_test_setup_teardown(test, make_trust, free_trust)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TRUST(a_new_trust_believes_nobody),
        WITH_TRUST(two_trusts_have_different_names),
        WITH_TRUST(anchors_add_up),
        WITH_TRUST(anchors_come_from_memory_too),
        WITH_TRUST(these_files_are_no_anchors),
        WITH_TRUST(a_bundle_with_a_bad_certificate_is_not_added),
        WITH_TRUST(revocation_lists_add_up),
        WITH_TRUST(these_files_are_no_revocation_lists),
        cmocka_unit_test(a_pin_is_64_hex_digits),
        WITH_TRUST(a_key_is_found_by_its_whole_name),
        WITH_TRUST(a_name_is_any_bytes),
        WITH_TRUST(a_name_is_added_once),
        WITH_TRUST(sizes_out_of_range_are_refused),
        WITH_TRUST(the_table_has_a_bound_and_all_are_found),
        WITH_TRUST(a_key_file_holds_many_lines),
        WITH_TRUST(client_and_server_files_agree),
        WITH_TRUST(a_bad_line_is_named_and_nothing_is_added),
        WITH_TRUST(a_key_file_is_for_its_owner_only),
        WITH_TRUST(a_trust_in_use_does_not_change),
        WITH_TRUST(every_change_gives_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
