/* SPDX-License-Identifier: MIT */
/* Under which name an authenticated peer is known: no two different names look the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credential_folder.h"
#include "lib/credentials.h"

#define KEY_32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_certificate_names_its_owner(void **state)
{
    (void)state;
    static const struct {
        const char *certificate;
        const char *name;
    } cases[] = {
        { "server.pem", "sensor.example" }, /* dNSName before common name */
        { "client-san.pem", "client-2.example" },
        { "client.pem", "client-1" },       /* no subjectAltName */
        { "server-ip.pem", "server" },      /* no dNSName in it */
        { "rsa-client.pem", "client-rsa" }, /* the first of a chain */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        mbedtls_x509_crt certificate;
        talc_peer peer;
        mbedtls_x509_crt_init(&certificate);
        assert_int_equal(
            mbedtls_x509_crt_parse_file(&certificate, credential_path(cases[i].certificate)), 0);
        assert_int_equal(
            talc_peer_from_certificate(&peer, &certificate, TALC_CREDENTIAL_CERTIFICATE), TALC_OK);
        assert_int_equal(peer.engine, TALC_ENGINE_TLS);
        assert_int_equal(peer.credential, TALC_CREDENTIAL_CERTIFICATE);
        assert_string_equal(peer.name, cases[i].name);
        mbedtls_x509_crt_free(&certificate);
    }
}

static void a_pin_names_its_owner_by_the_hash(void **state)
{
    (void)state;
    mbedtls_x509_crt certificate;
    talc_peer peer;
    mbedtls_x509_crt_init(&certificate);
    assert_int_equal(mbedtls_x509_crt_parse_file(&certificate, credential_path("server.pem")), 0);
    assert_int_equal(talc_peer_from_certificate(&peer, &certificate, TALC_CREDENTIAL_PIN), TALC_OK);
    assert_int_equal(peer.credential, TALC_CREDENTIAL_PIN);
    size_t size;
    uint8_t *known = credential_bytes("server.pin", &size);
    assert_int_equal(strlen(peer.name), 2 * TALC_PIN_SIZE);
    assert_memory_equal(peer.name, known, 2 * TALC_PIN_SIZE);
    free(known);
    mbedtls_x509_crt_free(&certificate);
}

/* Writes `bytes` over the common name "client-1" of client.pem, and `tag` over its string type.
 * The signature is wrong then, which is not what is looked at here. */
static talc_status name_of_patched(talc_peer *peer, uint8_t tag, const char bytes[8])
{
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt_init(&certificate);
    assert_int_equal(mbedtls_x509_crt_parse_file(&certificate, credential_path("client.pem")), 0);
    for (size_t i = 0; i + 8 <= certificate.raw.len; i++) {
        if (memcmp(certificate.raw.p + i, "client-1", 8) == 0) {
            memcpy(certificate.raw.p + i, bytes, 8);
            certificate.raw.p[i - 2] = tag;
        }
    }
    mbedtls_x509_crt patched;
    mbedtls_x509_crt_init(&patched);
    assert_int_equal(mbedtls_x509_crt_parse_der(&patched, certificate.raw.p, certificate.raw.len),
                     0);
    talc_status status = talc_peer_from_certificate(peer, &patched, TALC_CREDENTIAL_CERTIFICATE);
    mbedtls_x509_crt_free(&patched);
    mbedtls_x509_crt_free(&certificate);
    return status;
}

static void odd_bytes_of_a_common_name_are_shown(void **state)
{
    (void)state;
    static const struct {
        uint8_t tag;
        char bytes[9];
        talc_status status;
        const char *name;
    } cases[] = {
        { 0x0c, "client-9", TALC_OK, "client-9" }, /* UTF8String */
        { 0x13, "client-9", TALC_OK, "client-9" }, /* PrintableString */
        { 0x16, "client-9", TALC_OK, "client-9" }, /* IA5String */
        { 0x0c, "admin\0.x", TALC_OK, "admin\\x00.x" },
        { 0x0c, "admin\n\x7f.", TALC_OK, "admin\\x0a\\x7f." },
        { 0x0c,
          "\xc3\xa4"
          "dmin!!",
          TALC_OK, "\\xc3\\xa4dmin!!" },
        { 0x0c, "a\\x00bcd", TALC_OK, "a\\x5cx00bcd" },
        { 0x1e, "client-9", TALC_ERROR_VERIFY, "" }, /* BMPString: other characters */
        { 0x14, "client-9", TALC_ERROR_VERIFY, "" }, /* TeletexString */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_peer peer;
        assert_int_equal(name_of_patched(&peer, cases[i].tag, cases[i].bytes), cases[i].status);
        assert_string_equal(peer.name, cases[i].name);
    }
}

static void a_psk_identity_names_its_owner(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t size;
        const char *shown;
    } cases[] = {
        { "client-1", 8, "client-1" }, { " ~", 2, " ~" },          { "a\0b", 3, "a\\x00b" },
        { "\\", 1, "\\x5c" },          { "\\x00", 4, "\\x5cx00" }, { "\xff\x1f", 2, "\\xff\\x1f" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        talc_peer peer;
        assert_int_equal(talc_peer_from_psk(&peer, cases[i].name, cases[i].size), TALC_OK);
        assert_int_equal(peer.engine, TALC_ENGINE_TLS);
        assert_int_equal(peer.credential, TALC_CREDENTIAL_PSK);
        assert_string_equal(peer.name, cases[i].shown);
    }
}

static void a_name_fits_or_is_refused(void **state)
{
    (void)state;
    talc_peer peer;
    char name[TALC_PEER_NAME_SIZE_MAX];
    memset(name, 'n', sizeof(name));
    assert_int_equal(talc_peer_from_psk(&peer, name, sizeof(name) - 1), TALC_OK);
    assert_int_equal(strlen(peer.name), TALC_PEER_NAME_SIZE_MAX - 1);
    assert_int_equal(talc_peer_from_psk(&peer, name, sizeof(name)), TALC_ERROR_VERIFY);
    assert_int_equal(talc_peer_from_psk(&peer, name, 0), TALC_ERROR_VERIFY);
    memset(name, '\n', sizeof(name));
    assert_int_equal(talc_peer_from_psk(&peer, name, 63), TALC_OK);
    assert_int_equal(talc_peer_from_psk(&peer, name, 64), TALC_ERROR_VERIFY);
    /* So such a key is refused when it is added, and not in each handshake. */
    talc_identity *identity = NULL;
    const talc_psk psk = { name, 64, KEY_32, 32 };
    assert_int_equal(talc_identity_from_psk(&identity, &psk, NULL), TALC_ERROR_IDENTITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_names_its_owner),
        cmocka_unit_test(a_pin_names_its_owner_by_the_hash),
        cmocka_unit_test(odd_bytes_of_a_common_name_are_shown),
        cmocka_unit_test(a_psk_identity_names_its_owner),
        cmocka_unit_test(a_name_fits_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
