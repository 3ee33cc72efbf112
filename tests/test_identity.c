/* SPDX-License-Identifier: MIT */
/* Which certificates and keys may be an own identity, from files and from memory. */
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

#include "credential_folder.h"
#include "lib/credentials.h"
#include "lib/hex.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- Certificates and keys from files --- */

static void these_files_are_an_identity(void **state)
{
    (void)state;
    static const struct {
        const char *certificate;
        const char *key;
    } cases[] = {
        { "server.pem", "server.key" },
        { "server.der", "server-key.der" },
        { "server.pem", "server-key.der" },
        { "server-chain.pem", "server.key" },
        { "self-signed.pem", "self-signed.key" },
        { "expired.pem", "expired.key" }, /* the peer judges dates, by its own clock */
        { "rsa-2048.pem", "rsa-2048.key" },
        { "rsa-server.pem", "rsa-server.key" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_identity *identity = NULL;
        talc_failure failure;
        talc_status status =
            talc_identity_from_files(&identity, credential_path(cases[i].certificate),
                                     credential_path(cases[i].key), &failure);
        if (status != TALC_OK) {
            fail_msg("%s: %s", cases[i].certificate, failure.text);
        }
        assert_int_equal(identity->credential, TALC_CREDENTIAL_CERTIFICATE);
        talc_identity_free(identity);
    }
}

static void these_files_are_not_an_identity(void **state)
{
    (void)state;
    static const struct {
        const char *certificate;
        const char *key;
        talc_status status;
        const char *text;
    } cases[] = {
        { "none.pem", "server.key", TALC_ERROR_IO, "none.pem: cannot open it: No such file" },
        { "server.pem", "none.key", TALC_ERROR_IO, "none.key: cannot open it: No such file" },
        { "/tmp", "server.key", TALC_ERROR_IO, "/tmp: not a regular file" },
        { "/dev/zero", "server.key", TALC_ERROR_IO, "/dev/zero: not a regular file" },
        { "server.pem", "client.key", TALC_ERROR_IDENTITY,
          "client.key: the key does not fit the certificate" },
        { "server.pem", "rsa-2048.key", TALC_ERROR_IDENTITY,
          "rsa-2048.key: the key does not fit the certificate" },
        { "server.key", "server.key", TALC_ERROR_IDENTITY,
          "server.key: is PEM, but holds no certificate" },
        { "server.pin", "server.key", TALC_ERROR_IDENTITY,
          "server.pin: holds no certificate in PEM or DER" },
        { "server.pem", "psk-client.txt", TALC_ERROR_IDENTITY,
          "psk-client.txt: holds no private key" },
        { "server.pem", "ca.pin", TALC_ERROR_IDENTITY, "ca.pin: holds no private key" },
        { "server.pem", "encrypted.key", TALC_ERROR_IDENTITY,
          "encrypted.key: the private key is encrypted" },
        { "server.pem", "encrypted-old.key", TALC_ERROR_IDENTITY,
          "encrypted-old.key: the private key is encrypted" },
        { "weak.pem", "weak.key", TALC_ERROR_IDENTITY, "weak.key: the key has 1024 bits" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_identity *identity = (talc_identity *)&identity;
        talc_failure failure;
        assert_int_equal(talc_identity_from_files(&identity, credential_path(cases[i].certificate),
                                                  credential_path(cases[i].key), &failure),
                         cases[i].status);
        assert_null(identity);
        assert_int_equal(failure.status, cases[i].status);
        assert_int_equal(failure.stage, TALC_STAGE_CONFIGURE);
        assert_contains(failure.text, cases[i].text);
    }
}

static void a_tls_error_is_told_by_text_and_code(void **state)
{
    (void)state;
    talc_identity *identity = NULL;
    talc_failure failure;
    assert_int_equal(talc_identity_from_files(&identity, credential_path("server.pem"),
                                              credential_path("client.key"), &failure),
                     TALC_ERROR_IDENTITY);
    char code[16];
    assert_true(failure.tls_code < 0);
    snprintf(code, sizeof(code), "(-0x%04X)", (unsigned)-failure.tls_code);
    assert_contains(failure.text, code);
    assert_contains(failure.text, "ECP - ");
}

static void a_key_file_is_for_its_owner_only(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        talc_status status;
    } cases[] = {
        { 0600, TALC_OK },
        { 0400, TALC_OK },
        { 0700, TALC_OK },
        { 0640, TALC_ERROR_IDENTITY },
        { 0604, TALC_ERROR_IDENTITY },
        { 0620, TALC_ERROR_IDENTITY },
        { 0602, TALC_ERROR_IDENTITY },
        { 0644, TALC_ERROR_IDENTITY },
    };
    size_t size;
    uint8_t *key = credential_bytes("server.key", &size);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = scratch_file(key, size, cases[i].mode);
        talc_identity *identity = NULL;
        talc_failure failure;
        assert_int_equal(
            talc_identity_from_files(&identity, credential_path("server.pem"), path, &failure),
            cases[i].status);
        if (cases[i].status != TALC_OK) {
            assert_contains(failure.text, "chmod 600 ");
            assert_contains(failure.text, path);
        }
        talc_identity_free(identity);
    }
    free(key);
}

static void a_key_file_has_a_bounded_size(void **state)
{
    (void)state;
    static char bytes[64 * 1024 + 1];
    memset(bytes, ' ', sizeof(bytes));
    talc_identity *identity = NULL;
    talc_failure failure;
    const char *certificate = credential_path("server.pem");
    assert_int_equal(talc_identity_from_files(&identity, certificate,
                                              scratch_file(bytes, sizeof(bytes), 0600), &failure),
                     TALC_ERROR_IDENTITY);
    assert_contains(failure.text, "is larger than 65536 bytes");
    assert_int_equal(talc_identity_from_files(&identity, certificate, scratch_text(""), &failure),
                     TALC_ERROR_IDENTITY);
    assert_contains(failure.text, "is empty");
}

static void a_pipe_is_refused_and_not_waited_for(void **state)
{
    (void)state;
    char path[] = "/tmp/talc-pipe-XXXXXX";
    int made = mkstemp(path);
    assert_true(made >= 0);
    close(made);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    talc_identity *identity = NULL;
    talc_failure failure;
    assert_int_equal(
        talc_identity_from_files(&identity, path, credential_path("server.key"), &failure),
        TALC_ERROR_IO);
    unlink(path);
    assert_contains(failure.text, "not a regular file");
}

static void a_long_path_leaves_room_for_the_reason(void **state)
{
    (void)state;
    char path[600];
    memset(path, 'a', sizeof(path));
    memcpy(path, "/tmp/", 5);
    strcpy(path + sizeof(path) - 9, "last.pem");
    talc_identity *identity = NULL;
    talc_failure failure;
    assert_int_equal(
        talc_identity_from_files(&identity, path, credential_path("server.key"), &failure),
        TALC_ERROR_IO);
    assert_contains(failure.text, "alast.pem: cannot open it: File name too long");
}

static void arguments_may_not_be_missing(void **state)
{
    (void)state;
    talc_identity *identity = NULL;
    talc_failure failure;
    assert_int_equal(talc_identity_from_files(NULL, "a", "b", &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_identity_from_files(&identity, NULL, "b", &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_identity_from_files(&identity, "a", NULL, &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_identity_from_bytes(&identity, NULL, &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_identity_from_psk(&identity, NULL, &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_identity_from_psk_file(&identity, NULL, &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(failure.status, TALC_ERROR_ARGUMENT);
    talc_identity_free(NULL);
}

/* --- Certificates and keys from memory --- */

typedef struct loaded_pair {
    uint8_t *certificate;
    size_t certificate_size;
    uint8_t *key;
    size_t key_size;
} loaded_pair;

static loaded_pair load_pair(const char *certificate, const char *key)
{
    loaded_pair pair;
    pair.certificate = credential_bytes(certificate, &pair.certificate_size);
    pair.key = credential_bytes(key, &pair.key_size);
    return pair;
}

static void free_pair(loaded_pair *pair)
{
    free(pair->certificate);
    free(pair->key);
}

static talc_status try_pair(const loaded_pair *pair, talc_failure *failure)
{
    talc_identity *identity = NULL;
    const talc_identity_bytes bytes = { pair->certificate, pair->certificate_size, pair->key,
                                        pair->key_size };
    talc_status status = talc_identity_from_bytes(&identity, &bytes, failure);
    assert_int_equal(identity != NULL, status == TALC_OK);
    talc_identity_free(identity);
    return status;
}

/* None has a NUL behind it, as files have none. */
static void bytes_need_no_final_nul(void **state)
{
    (void)state;
    static const struct {
        const char *certificate;
        const char *key;
    } cases[] = { { "server.pem", "server.key" },
                  { "server.der", "server-key.der" },
                  { "rsa-2048.pem", "rsa-2048.key" } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        loaded_pair pair = load_pair(cases[i].certificate, cases[i].key);
        assert_int_equal(try_pair(&pair, NULL), TALC_OK);
        free_pair(&pair);
    }
}

/* Every prefix of a DER certificate, and of its key, is refused. */
static void der_is_not_cut_off(void **state)
{
    (void)state;
    loaded_pair pair = load_pair("server.der", "server-key.der");
    loaded_pair cut = pair;
    for (cut.certificate_size = 0; cut.certificate_size < pair.certificate_size;
         cut.certificate_size++) {
        assert_int_equal(try_pair(&cut, NULL), TALC_ERROR_IDENTITY);
    }
    assert_int_equal(try_pair(&cut, NULL), TALC_OK);
    for (cut.key_size = 0; cut.key_size < pair.key_size; cut.key_size++) {
        assert_int_equal(try_pair(&cut, NULL), TALC_ERROR_IDENTITY);
    }
    free_pair(&pair);
}

static void nothing_follows_a_der_certificate(void **state)
{
    (void)state;
    loaded_pair pair = load_pair("server.der", "server-key.der");
    pair.certificate = realloc(pair.certificate, pair.certificate_size + 3);
    assert_non_null(pair.certificate);
    memset(pair.certificate + pair.certificate_size, 0, 3);
    pair.certificate_size += 3;
    talc_failure failure;
    assert_int_equal(try_pair(&pair, &failure), TALC_ERROR_IDENTITY);
    assert_string_equal(failure.text, "certificate: 3 bytes follow the certificate");
    free_pair(&pair);
}

static size_t last_block_of(const loaded_pair *pair)
{
    size_t last = 0;
    for (size_t i = 0; i + 11 <= pair->certificate_size; i++) {
        last = memcmp(pair->certificate + i, "-----BEGIN ", 11) == 0 ? i : last;
    }
    return last;
}

/* mbedTLS would pass over the last certificate without a word. */
static void a_pem_chain_is_not_cut_off(void **state)
{
    (void)state;
    loaded_pair pair = load_pair("server-chain.pem", "server.key");
    loaded_pair cut = pair;
    size_t whole = pair.certificate_size - 1; /* the last line feed may be missing */
    for (cut.certificate_size = last_block_of(&pair) + 27; cut.certificate_size < whole;
         cut.certificate_size++) {
        assert_int_equal(try_pair(&cut, NULL), TALC_ERROR_IDENTITY);
    }
    assert_int_equal(try_pair(&cut, NULL), TALC_OK);
    free_pair(&pair);
}

static void a_bad_certificate_in_a_chain_is_counted(void **state)
{
    (void)state;
    loaded_pair pair = load_pair("server-chain.pem", "server.key");
    pair.certificate[last_block_of(&pair) + 40] ^= 1;
    talc_failure failure;
    assert_int_equal(try_pair(&pair, &failure), TALC_ERROR_IDENTITY);
    assert_string_equal(failure.text, "certificate: 1 of 2 certificates cannot be read");
    free_pair(&pair);
}

static void pem_holds_no_nul(void **state)
{
    (void)state;
    loaded_pair pair = load_pair("server-chain.pem", "server.key");
    pair.certificate[last_block_of(&pair) - 1] = '\0';
    talc_failure failure;
    assert_int_equal(try_pair(&pair, &failure), TALC_ERROR_IDENTITY);
    assert_string_equal(failure.text, "certificate: is PEM with a NUL byte in it");
    free_pair(&pair);
}

/* --- The own pin --- */

static void the_pin_is_that_of_the_public_key(void **state)
{
    (void)state;
    static const char *const names[] = { "server", "client" };
    for (size_t i = 0; i < COUNT(names); i++) {
        char certificate[32];
        char key[32];
        char file[32];
        snprintf(certificate, sizeof(certificate), "%s.pem", names[i]);
        snprintf(key, sizeof(key), "%s.key", names[i]);
        snprintf(file, sizeof(file), "%s.pin", names[i]);
        talc_identity *identity = NULL;
        uint8_t pin[TALC_PIN_SIZE];
        char digits[2 * TALC_PIN_SIZE];
        assert_int_equal(talc_identity_from_files(&identity, credential_path(certificate),
                                                  credential_path(key), NULL),
                         TALC_OK);
        assert_int_equal(talc_identity_pin(identity, pin), TALC_OK);
        talc_hex_write(digits, pin, sizeof(pin));
        size_t size;
        uint8_t *known = credential_bytes(file, &size);
        assert_int_equal(size, sizeof(digits) + 1);
        assert_memory_equal(digits, known, sizeof(digits));
        free(known);
        talc_identity_free(identity);
    }
}

static void a_pre_shared_key_has_no_pin(void **state)
{
    (void)state;
    talc_identity *identity = NULL;
    uint8_t pin[TALC_PIN_SIZE];
    assert_int_equal(
        talc_identity_from_psk_file(&identity, credential_path("psk-client.txt"), NULL), TALC_OK);
    assert_int_equal(talc_identity_pin(identity, pin), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_identity_pin(NULL, pin), TALC_ERROR_ARGUMENT);
    talc_identity_free(identity);
}

/* --- Holds --- */

/* A sanitizer sees a hold too few, and a leak checker one too many. */
static void the_last_hold_frees(void **state)
{
    (void)state;
    talc_identity *identity = NULL;
    assert_int_equal(
        talc_identity_from_psk_file(&identity, credential_path("psk-client.txt"), NULL), TALC_OK);
    assert_ptr_equal(talc_identity_hold(identity), identity);
    talc_identity_free(identity);
    assert_int_equal(identity->psk.name_size, strlen("client-1"));
    talc_identity_free(identity);
    assert_null(talc_identity_hold(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(these_files_are_an_identity),
        cmocka_unit_test(these_files_are_not_an_identity),
        cmocka_unit_test(a_tls_error_is_told_by_text_and_code),
        cmocka_unit_test(a_key_file_is_for_its_owner_only),
        cmocka_unit_test(a_key_file_has_a_bounded_size),
        cmocka_unit_test(a_pipe_is_refused_and_not_waited_for),
        cmocka_unit_test(a_long_path_leaves_room_for_the_reason),
        cmocka_unit_test(arguments_may_not_be_missing),
        cmocka_unit_test(bytes_need_no_final_nul),
        cmocka_unit_test(der_is_not_cut_off),
        cmocka_unit_test(nothing_follows_a_der_certificate),
        cmocka_unit_test(a_pem_chain_is_not_cut_off),
        cmocka_unit_test(a_bad_certificate_in_a_chain_is_counted),
        cmocka_unit_test(pem_holds_no_nul),
        cmocka_unit_test(the_pin_is_that_of_the_public_key),
        cmocka_unit_test(a_pre_shared_key_has_no_pin),
        cmocka_unit_test(the_last_hold_frees),
    };
    return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
