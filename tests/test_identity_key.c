/* SPDX-License-Identifier: MIT */
/* Which bare keys may be an identity, a device's key or a server's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <psa/crypto.h>

#include "credential_folder.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/identity_key.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The point of a made file. */
static void point_of(const char *name, uint8_t point[TALC_P256_POINT_SIZE])
{
    size_t size;
    uint8_t *bytes = credential_bytes(name, &size);
    assert_int_equal(talc_p256_point_read(bytes, size, point), TALC_OK);
    free(bytes);
}

static talc_identity *identity_of(const char *device_id, const char *name)
{
    talc_identity *identity = NULL;
    talc_failure failure;
    if (talc_identity_from_key_file(&identity, device_id, credential_path(name), &failure) !=
        TALC_OK) {
        fail_msg("%s", failure.text);
    }
    return identity;
}

/* --- Private keys --- */

static void these_keys_are_an_identity(void **state)
{
    (void)state;
    static const struct {
        const char *device_id;
        const char *key;
        const char *public_key;
    } cases[] = {
        { "device-7", "device.key", "device.pub" },
        { "device-7", "device-sec1.key", "device.pub" },
        { "device-7", "device-key.der", "device.pub" },
        { NULL, "ecc-server.key", "ecc-server.pub" },
        { NULL, "server.key", "server.pem" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t secret[TALC_P256_SECRET_SIZE];
        uint8_t points[2][TALC_P256_POINT_SIZE];
        talc_identity *identity = identity_of(cases[i].device_id, cases[i].key);
        assert_int_equal(identity->credential, TALC_CREDENTIAL_DEVICE);
        assert_string_equal(identity->device_id, cases[i].device_id ? cases[i].device_id : "");
        assert_int_equal(talc_identity_p256(identity, secret, points[0]), TALC_OK);
        point_of(cases[i].public_key, points[1]);
        assert_memory_equal(points[0], points[1], TALC_P256_POINT_SIZE);
        talc_identity_free(identity);
    }
}

static void these_keys_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        talc_status status;
        const char *text;
    } cases[] = {
        { "none.key", TALC_ERROR_IO, "none.key: cannot open it: No such file" },
        { "/tmp", TALC_ERROR_IO, "/tmp: not a regular file" },
        { "device.pub", TALC_ERROR_IDENTITY, "device.pub: holds no private key" },
        { "psk-client.txt", TALC_ERROR_IDENTITY, "psk-client.txt: holds no private key" },
        { "p384.key", TALC_ERROR_IDENTITY, "p384.key: the key is none of P-256" },
        { "rsa-2048.key", TALC_ERROR_IDENTITY, "rsa-2048.key: the key is none of P-256" },
        { "weak.key", TALC_ERROR_IDENTITY, "weak.key: the key has 1024 bits" },
        { "mixed.key", TALC_ERROR_IDENTITY,
          "mixed.key: its public key does not fit the private one" },
        { "encrypted.key", TALC_ERROR_IDENTITY, "encrypted.key: the private key is encrypted" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_identity *identity = (talc_identity *)&identity;
        talc_failure failure;
        assert_int_equal(talc_identity_from_key_file(&identity, "device-7",
                                                     credential_path(cases[i].key), &failure),
                         cases[i].status);
        assert_null(identity);
        assert_int_equal(failure.status, cases[i].status);
        assert_int_equal(failure.stage, TALC_STAGE_CONFIGURE);
        assert_contains(failure.text, cases[i].text);
    }
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
        { 0640, TALC_ERROR_IDENTITY },
        { 0604, TALC_ERROR_IDENTITY },
        { 0620, TALC_ERROR_IDENTITY },
    };
    size_t size;
    uint8_t *key = credential_bytes("device.key", &size);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *path = scratch_file(key, size, cases[i].mode);
        talc_identity *identity = NULL;
        talc_failure failure;
        assert_int_equal(talc_identity_from_key_file(&identity, "device-7", path, &failure),
                         cases[i].status);
        if (cases[i].status != TALC_OK) {
            assert_contains(failure.text, "chmod 600 ");
        }
        talc_identity_free(identity);
    }
    free(key);
}

static void keys_come_from_memory_too(void **state)
{
    (void)state;
    static const char *const names[] = { "device.key", "device-sec1.key", "device-key.der" };
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t size;
        uint8_t *key = credential_bytes(names[i], &size);
        talc_identity *identity = NULL;
        talc_failure failure;
        assert_int_equal(talc_identity_from_key(&identity, "device-7", key, size, &failure),
                         TALC_OK);
        talc_identity_free(identity);
        assert_int_equal(talc_identity_from_key(&identity, "device-7", key, size / 2, &failure),
                         TALC_ERROR_IDENTITY);
        assert_null(identity);
        assert_contains(failure.text, "private key: ");
        assert_int_equal(talc_identity_from_key(&identity, "device-7", key, 0, &failure),
                         TALC_ERROR_IDENTITY);
        free(key);
    }
}

static void null_is_no_argument(void **state)
{
    (void)state;
    talc_identity *identity = NULL;
    talc_failure failure;
    assert_int_equal(talc_identity_from_key(NULL, "a", "b", 1, &failure), TALC_ERROR_ARGUMENT);
    assert_contains(failure.text, "NULL");
    assert_int_equal(talc_identity_from_key(&identity, "a", NULL, 1, NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_identity_from_key_file(NULL, "a", "b", &failure), TALC_ERROR_ARGUMENT);
    assert_contains(failure.text, "NULL");
    assert_int_equal(talc_identity_from_key_file(&identity, "a", NULL, NULL), TALC_ERROR_ARGUMENT);
}

/* --- Device IDs --- */

static void a_device_id_is_printable_ascii_without_three_characters(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char id[] = { 'a', (char)byte, 'b' };
        bool good = byte > 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        assert_int_equal(talc_device_id_is_valid(id, sizeof id), good);
    }
}

static void a_device_id_has_1_to_64_characters(void **state)
{
    (void)state;
    char id[TALC_DEVICE_ID_SIZE_MAX + 2] = { 0 };
    assert_false(talc_device_id_is_valid(id, 0));
    assert_false(talc_device_id_is_valid(NULL, 1));
    for (size_t size = 1; size <= TALC_DEVICE_ID_SIZE_MAX + 1; size++) {
        memset(id, 'x', size);
        talc_identity *identity = NULL;
        talc_failure failure;
        bool good = size <= TALC_DEVICE_ID_SIZE_MAX;
        assert_int_equal(talc_device_id_is_valid(id, size), good);
        assert_int_equal(
            talc_identity_from_key_file(&identity, id, credential_path("device.key"), &failure),
            good ? TALC_OK : TALC_ERROR_IDENTITY);
        if (good) {
            assert_string_equal(identity->device_id, id);
        } else {
            assert_contains(failure.text, "the device ID is not 1 to 64 characters");
        }
        talc_identity_free(identity);
    }
}

static void an_identity_has_a_good_id_or_none(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "a b", "a\"", "a\\", "\x7f", "\xc3\xa4", "a\n" };
    size_t size;
    uint8_t *key = credential_bytes("device.key", &size);
    for (size_t i = 0; i < COUNT(bad); i++) {
        talc_identity *identity = NULL;
        talc_failure failure;
        assert_int_equal(talc_identity_from_key(&identity, bad[i], key, size, &failure),
                         TALC_ERROR_IDENTITY);
        assert_null(identity);
        assert_contains(failure.text, "device ID");
    }
    free(key);
}

/* --- What ecc takes of an identity --- */

/* The public key of the secret, by PSA. */
static void derive(const uint8_t secret[TALC_P256_SECRET_SIZE], uint8_t point[TALC_P256_POINT_SIZE])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id;
    size_t size;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    assert_int_equal(psa_import_key(&attributes, secret, TALC_P256_SECRET_SIZE, &id), PSA_SUCCESS);
    assert_int_equal(psa_export_public_key(id, point, TALC_P256_POINT_SIZE, &size), PSA_SUCCESS);
    assert_int_equal(size, TALC_P256_POINT_SIZE);
    psa_destroy_key(id);
}

static void the_secret_and_the_point_belong_together(void **state)
{
    (void)state;
    uint8_t secret[TALC_P256_SECRET_SIZE];
    uint8_t points[2][TALC_P256_POINT_SIZE];
    talc_identity *identities[2] = { identity_of("device-7", "device.key") };
    assert_int_equal(talc_identity_from_files(&identities[1], credential_path("server.pem"),
                                              credential_path("server.key"), NULL),
                     TALC_OK);
    for (size_t i = 0; i < COUNT(identities); i++) {
        assert_int_equal(talc_identity_p256(identities[i], secret, points[0]), TALC_OK);
        derive(secret, points[1]);
        assert_memory_equal(points[0], points[1], TALC_P256_POINT_SIZE);
        talc_identity_free(identities[i]);
    }
    point_of("server.pem", points[0]);
    assert_memory_equal(points[0], points[1], TALC_P256_POINT_SIZE);
}

static void these_identities_have_no_p256_key(void **state)
{
    (void)state;
    talc_identity *identities[3] = { NULL };
    assert_int_equal(talc_identity_from_files(&identities[1], credential_path("rsa-2048.pem"),
                                              credential_path("rsa-2048.key"), NULL),
                     TALC_OK);
    assert_int_equal(
        talc_identity_from_psk_file(&identities[2], credential_path("psk-client.txt"), NULL),
        TALC_OK);
    for (size_t i = 0; i < COUNT(identities); i++) {
        static const uint8_t zeros[TALC_P256_POINT_SIZE];
        uint8_t secret[TALC_P256_SECRET_SIZE] = { 1 };
        uint8_t point[TALC_P256_POINT_SIZE] = { 1 };
        assert_int_equal(talc_identity_p256(identities[i], secret, point), TALC_ERROR_IDENTITY);
        assert_memory_equal(secret, zeros, sizeof secret);
        assert_memory_equal(point, zeros, sizeof point);
        talc_identity_free(identities[i]);
    }
}

static void pins_are_those_of_the_public_key(void **state)
{
    (void)state;
    uint8_t point[TALC_P256_POINT_SIZE];
    uint8_t pins[3][TALC_PIN_SIZE];
    size_t size;
    char *text = (char *)credential_bytes("server.pin", &size);
    assert_true(size > (size_t)2 * TALC_PIN_SIZE);
    assert_true(talc_hex_read(pins[0], TALC_PIN_SIZE, text));
    free(text);
    point_of("server.pem", point);
    assert_int_equal(talc_p256_pin(point, pins[1]), TALC_OK);
    talc_identity *identity = identity_of(NULL, "server.key");
    assert_int_equal(talc_identity_pin(identity, pins[2]), TALC_OK);
    talc_identity_free(identity);
    assert_memory_equal(pins[0], pins[1], TALC_PIN_SIZE);
    assert_memory_equal(pins[0], pins[2], TALC_PIN_SIZE);
}

static void a_bare_key_is_not_for_tls(void **state)
{
    (void)state;
    talc_failure failure = { .status = TALC_OK };
    talc_identity *identity = identity_of("device-7", "device.key");
    assert_int_equal(talc_identity_check_tls(identity, &failure), TALC_ERROR_IDENTITY);
    assert_contains(failure.text, "this identity is a bare key, for ecc; tls and dtls need ");
    talc_identity_free(identity);
    assert_int_equal(talc_identity_check_tls(NULL, NULL), TALC_OK);
    assert_int_equal(
        talc_identity_from_psk_file(&identity, credential_path("psk-client.txt"), NULL), TALC_OK);
    assert_int_equal(talc_identity_check_tls(identity, NULL), TALC_OK);
    talc_identity_free(identity);
    assert_int_equal(talc_identity_from_files(&identity, credential_path("server.pem"),
                                              credential_path("server.key"), NULL),
                     TALC_OK);
    assert_int_equal(talc_identity_check_tls(identity, NULL), TALC_OK);
    talc_identity_free(identity);
}

/* --- Public keys --- */

/* The DER of device.pub, by hand: what RFC 5480 puts before the point. */
static void info_of(const char *name, uint8_t info[TALC_P256_INFO_SIZE])
{
    static const char head[] = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    assert_true(talc_hex_read(info, TALC_P256_INFO_SIZE - TALC_P256_POINT_SIZE, head));
    point_of(name, info + TALC_P256_INFO_SIZE - TALC_P256_POINT_SIZE);
}

static void a_public_key_has_many_forms(void **state)
{
    (void)state;
    uint8_t info[TALC_P256_INFO_SIZE];
    uint8_t points[3][TALC_P256_POINT_SIZE];
    info_of("device.pub", info);
    assert_int_equal(talc_p256_info_read(info, sizeof info, points[0]), TALC_OK);
    assert_int_equal(talc_p256_point_read(info, sizeof info, points[1]), TALC_OK);
    assert_memory_equal(points[0], points[1], TALC_P256_POINT_SIZE);
    assert_int_equal(points[0][0], 4);

    point_of("server.pem", points[0]);
    point_of("server.der", points[1]);
    assert_memory_equal(points[0], points[1], TALC_P256_POINT_SIZE);
    point_of("expired.pem", points[2]); /* dates do not matter */
    assert_memory_not_equal(points[0], points[2], TALC_P256_POINT_SIZE);
}

/* RFC 5480 allows a compressed point: the key is the same, its form in a registry is not. */
static void a_compressed_point_is_unpacked(void **state)
{
    (void)state;
    enum { HEAD_SIZE = 26, COMPRESSED_SIZE = 33 };
    uint8_t info[TALC_P256_INFO_SIZE];
    uint8_t points[2][TALC_P256_POINT_SIZE];
    info_of("device.pub", info);
    point_of("device.pub", points[0]);
    info[1] = HEAD_SIZE - 2 + COMPRESSED_SIZE;
    info[HEAD_SIZE - 2] = 1 + COMPRESSED_SIZE;
    info[HEAD_SIZE] = (uint8_t)(2 + (points[0][TALC_P256_POINT_SIZE - 1] & 1));
    assert_int_equal(talc_p256_point_read(info, HEAD_SIZE + COMPRESSED_SIZE, points[1]), TALC_OK);
    assert_memory_equal(points[0], points[1], TALC_P256_POINT_SIZE);
    assert_int_equal(talc_p256_info_read(info, HEAD_SIZE + COMPRESSED_SIZE, points[1]),
                     TALC_ERROR_MALFORMED);
}

static void these_hold_no_public_key_of_p256(void **state)
{
    (void)state;
    static const char *const names[] = {
        "device.key", "device-key.der", "p384.pub",   "rsa-2048.pem",     "weak.pem",
        "crl.pem",    "psk-client.txt", "server.pin", "server-chain.pem", "anchors.pem",
    };
    static const uint8_t zeros[TALC_P256_POINT_SIZE];
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t size;
        uint8_t point[TALC_P256_POINT_SIZE] = { 1 };
        uint8_t *bytes = credential_bytes(names[i], &size);
        assert_int_equal(talc_p256_point_read(bytes, size, point), TALC_ERROR_MALFORMED);
        assert_memory_equal(point, zeros, sizeof point);
        free(bytes);
    }
    uint8_t point[TALC_P256_POINT_SIZE];
    assert_int_equal(talc_p256_point_read("", 0, point), TALC_ERROR_MALFORMED);
}

/* Any other bit of the point or before it: another key at best, but never one off the curve. */
static void every_bit_of_an_info_counts(void **state)
{
    (void)state;
    uint8_t info[TALC_P256_INFO_SIZE];
    info_of("device.pub", info);
    for (size_t bit = 0; bit < sizeof info * 8; bit++) {
        uint8_t point[TALC_P256_POINT_SIZE];
        info[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(talc_p256_info_read(info, sizeof info, point), TALC_ERROR_MALFORMED);
        assert_int_equal(talc_p256_point_read(info, sizeof info, point), TALC_ERROR_MALFORMED);
        info[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void an_info_is_whole_and_alone(void **state)
{
    (void)state;
    uint8_t info[TALC_P256_INFO_SIZE + 1] = { 0 };
    uint8_t point[TALC_P256_POINT_SIZE];
    info_of("device.pub", info);
    for (size_t size = 0; size <= sizeof info; size++) {
        uint8_t *exact = malloc(size + 1); /* a sanitizer sees what is read behind it */
        assert_non_null(exact);
        memcpy(exact + 1, info, size);
        talc_status expected = size == TALC_P256_INFO_SIZE ? TALC_OK : TALC_ERROR_MALFORMED;
        assert_int_equal(talc_p256_info_read(exact + 1, size, point), expected);
        assert_int_equal(talc_p256_point_read(exact + 1, size, point), expected);
        free(exact);
    }
}

static void a_text_holds_one_key(void **state)
{
    (void)state;
    size_t sizes[3];
    uint8_t *parts[] = { credential_bytes("device.pub", &sizes[0]),
                         credential_bytes("device.pub", &sizes[1]),
                         credential_bytes("server.pem", &sizes[2]) };
    static const struct {
        size_t first;
        size_t second;
        const char *text;
    } cases[] = {
        { 0, 1, "server key: holds several keys: which one is meant?" },
        { 0, 2, "server key: holds several keys: which one is meant?" },
        { 2, 2, "server key: holds several certificates: which key is meant?" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const talc_source source = { "server key", TALC_ERROR_TRUST, NULL };
        talc_failure failure = { .status = TALC_OK };
        talc_source told = source;
        told.failure = &failure;
        uint8_t point[TALC_P256_POINT_SIZE];
        talc_content both = { 0 };
        both.size = sizes[cases[i].first] + sizes[cases[i].second];
        both.bytes = calloc(1, both.size + 1);
        assert_non_null(both.bytes);
        memcpy(both.bytes, parts[cases[i].first], sizes[cases[i].first]);
        memcpy(both.bytes + sizes[cases[i].first], parts[cases[i].second], sizes[cases[i].second]);
        assert_int_equal(talc_p256_content_read(&both, &told, point), TALC_ERROR_TRUST);
        assert_string_equal(failure.text, cases[i].text);
        both.bytes[sizes[cases[i].first]] = '\0'; /* what follows would be passed over */
        assert_int_equal(talc_p256_content_read(&both, &source, point), TALC_ERROR_TRUST);
        talc_content_free(&both);
    }
    for (size_t i = 0; i < COUNT(parts); i++) {
        free(parts[i]);
    }
}

/* --- Servers' keys in a trust --- */

static int make_trust(void **state)
{
    talc_trust *trust = NULL;
    int failed = talc_trust_new(&trust) != TALC_OK;
    *state = trust;
    return failed;
}

static int free_trust(void **state)
{
    talc_trust_free(*state);
    return 0;
}

static void a_trust_takes_the_keys_of_8_servers(void **state)
{
    talc_trust *trust = *state;
    static const char *const names[] = { "ecc-server.pub", "ecc-other-server.pub",
                                         "server.pem",     "server-ip.pem",
                                         "device.pub",     "client.pem",
                                         "expired.pem",    "ca.der" };
    talc_failure failure;
    for (size_t i = 0; i < COUNT(names); i++) {
        uint8_t point[TALC_P256_POINT_SIZE];
        uint8_t set_id[TALC_PIN_SIZE];
        memcpy(set_id, trust->set_id, sizeof set_id);
        assert_int_equal(talc_trust_add_server_key_file(trust, credential_path(names[i]), &failure),
                         TALC_OK);
        assert_int_equal(trust->server_key_count, i + 1);
        point_of(names[i], point);
        assert_memory_equal(trust->server_keys[i], point, sizeof point);
        assert_memory_not_equal(trust->set_id, set_id, sizeof set_id);
    }
    assert_int_equal(
        talc_trust_add_server_key_file(trust, credential_path("stranger.pub"), &failure),
        TALC_ERROR_TRUST);
    assert_contains(failure.text, "stranger.pub: the trust has 8 servers' keys");
    assert_int_equal(trust->server_key_count, 8);
}

static void a_server_key_comes_from_memory_too(void **state)
{
    talc_trust *trust = *state;
    size_t size;
    uint8_t *key = credential_bytes("ecc-server.pub", &size);
    talc_failure failure;
    assert_int_equal(talc_trust_add_server_key(trust, key, size, &failure), TALC_OK);
    assert_int_equal(trust->server_key_count, 1);
    assert_int_equal(talc_trust_add_server_key(trust, key, size / 2, &failure), TALC_ERROR_TRUST);
    assert_contains(failure.text, "server key: holds no P-256 public key");
    assert_int_equal(talc_trust_add_server_key(trust, key, 0, &failure), TALC_ERROR_TRUST);
    assert_int_equal(talc_trust_add_server_key(trust, NULL, size, &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_trust_add_server_key(NULL, key, size, &failure), TALC_ERROR_ARGUMENT);
    assert_int_equal(trust->server_key_count, 1);
    talc_trust_hold(trust);
    assert_int_equal(talc_trust_add_server_key(trust, key, size, &failure), TALC_ERROR_ARGUMENT);
    assert_contains(failure.text, "it may not change any more");
    talc_trust_free(trust);
    free(key);
}

static void these_files_are_no_server_keys(void **state)
{
    talc_trust *trust = *state;
    static const struct {
        const char *file;
        talc_status status;
        const char *text;
    } cases[] = {
        { "none.pub", TALC_ERROR_IO, "none.pub: cannot open it: No such file" },
        { "ecc-server.key", TALC_ERROR_TRUST,
          "ecc-server.key: is PEM, but holds no public key and no certificate" },
        { "p384.pub", TALC_ERROR_TRUST, "p384.pub: holds a key that is none of P-256" },
        { "rsa-2048.pem", TALC_ERROR_TRUST, "rsa-2048.pem: holds a key that is none of P-256" },
        { "server-chain.pem", TALC_ERROR_TRUST, "holds several certificates" },
        { "server.pin", TALC_ERROR_TRUST, "server.pin: holds no P-256 public key" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_failure failure;
        assert_int_equal(
            talc_trust_add_server_key_file(trust, credential_path(cases[i].file), &failure),
            cases[i].status);
        assert_contains(failure.text, cases[i].text);
        assert_int_equal(trust->server_key_count, 0);
    }
    assert_int_equal(talc_trust_add_server_key_file(trust, NULL, NULL), TALC_ERROR_ARGUMENT);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

#define WITH_TRUST(test) cmocka_unit_test_setup_teardown(test, make_trust, free_trust)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(these_keys_are_an_identity),
        cmocka_unit_test(these_keys_are_not),
        cmocka_unit_test(a_key_file_is_for_its_owner_only),
        cmocka_unit_test(keys_come_from_memory_too),
        cmocka_unit_test(null_is_no_argument),
        cmocka_unit_test(a_device_id_is_printable_ascii_without_three_characters),
        cmocka_unit_test(a_device_id_has_1_to_64_characters),
        cmocka_unit_test(an_identity_has_a_good_id_or_none),
        cmocka_unit_test(the_secret_and_the_point_belong_together),
        cmocka_unit_test(these_identities_have_no_p256_key),
        cmocka_unit_test(pins_are_those_of_the_public_key),
        cmocka_unit_test(a_bare_key_is_not_for_tls),
        cmocka_unit_test(a_public_key_has_many_forms),
        cmocka_unit_test(a_compressed_point_is_unpacked),
        cmocka_unit_test(these_hold_no_public_key_of_p256),
        cmocka_unit_test(every_bit_of_an_info_counts),
        cmocka_unit_test(an_info_is_whole_and_alone),
        cmocka_unit_test(a_text_holds_one_key),
        WITH_TRUST(a_trust_takes_the_keys_of_8_servers),
        WITH_TRUST(a_server_key_comes_from_memory_too),
        WITH_TRUST(these_files_are_no_server_keys),
    };
    return cmocka_run_group_tests(tests, start, remove_scratch);
}
