/* SPDX-License-Identifier: MIT */
/* Whom a trust believes: mbedTLS's verification with talc's callback, as the TLS engine runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credential_folder.h"
#include "lib/credentials.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define EXPIRED MBEDTLS_X509_BADCERT_EXPIRED
#define REVOKED MBEDTLS_X509_BADCERT_REVOKED
#define OTHER_NAME MBEDTLS_X509_BADCERT_CN_MISMATCH
#define NOT_TRUSTED MBEDTLS_X509_BADCERT_NOT_TRUSTED
#define BAD_KEY MBEDTLS_X509_BADCERT_BAD_KEY

#define NONE TALC_CREDENTIAL_NONE
#define CERTIFICATE TALC_CREDENTIAL_CERTIFICATE
#define PIN TALC_CREDENTIAL_PIN

/* Files that fill a trust and make a chain; NULL: none. Pins are named by their certificates. */
typedef struct verify_case {
    const char *anchors;
    const char *revocations;
    const char *pinned;
    const char *revoked_pin;
    const char *sent[2]; /* the chain, leaf first */
    const char *name;    /* NULL: of a client, any */
    uint32_t flags;
    talc_credential credential;
} verify_case;

static void pin_of(const char *certificate_file, uint8_t pin[TALC_PIN_SIZE])
{
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt_init(&certificate);
    assert_int_equal(mbedtls_x509_crt_parse_file(&certificate, credential_path(certificate_file)),
                     0);
    assert_int_equal(talc_certificate_pin(&certificate, pin), TALC_OK);
    mbedtls_x509_crt_free(&certificate);
}

static talc_trust *trust_of(const verify_case *row)
{
    talc_trust *trust = NULL;
    uint8_t pin[TALC_PIN_SIZE];
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    if (row->anchors) {
        assert_int_equal(talc_trust_add_anchor_file(trust, credential_path(row->anchors), NULL),
                         TALC_OK);
    }
    if (row->revocations) {
        assert_int_equal(
            talc_trust_add_revocation_file(trust, credential_path(row->revocations), NULL),
            TALC_OK);
    }
    if (row->pinned) {
        pin_of(row->pinned, pin);
        assert_int_equal(talc_trust_add_pin(trust, pin), TALC_OK);
    }
    if (row->revoked_pin) {
        pin_of(row->revoked_pin, pin);
        assert_int_equal(talc_trust_revoke_pin(trust, pin), TALC_OK);
    }
    return trust;
}

/* As mbedtls_ssl_verify_certificate() does, with the arguments that the engine gives. */
static uint32_t verify(const talc_trust *trust, const verify_case *row,
                       talc_verification *verification)
{
    mbedtls_x509_crt chain;
    mbedtls_x509_crt no_anchors;
    mbedtls_x509_crt_init(&chain);
    mbedtls_x509_crt_init(&no_anchors);
    for (size_t i = 0; i < 2 && row->sent[i]; i++) {
        assert_int_equal(mbedtls_x509_crt_parse_file(&chain, credential_path(row->sent[i])), 0);
    }
    talc_trust *shared = talc_trust_hold((talc_trust *)trust);
    *verification = (talc_verification){ .trust = trust };
    uint32_t flags = 0;
    int result =
        mbedtls_x509_crt_verify(&chain, shared->has_anchors ? &shared->anchors : &no_anchors,
                                shared->has_revocations ? &shared->revocations : NULL, row->name,
                                &flags, talc_trust_verify, verification);
    assert_int_equal(result, flags == 0 ? 0 : MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
    mbedtls_x509_crt_free(&chain);
    talc_trust_free(shared);
    return flags;
}

static void check_rows(const verify_case *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        talc_trust *trust = trust_of(&rows[i]);
        talc_verification verification;
        uint32_t flags = verify(trust, &rows[i], &verification);
        if (flags != rows[i].flags || verification.credential != rows[i].credential) {
            char text[512];
            talc_verify_flags_text(flags, text, sizeof(text));
            fail_msg("row %zu (%s): flags 0x%x (%s), credential %d", i, rows[i].sent[0], flags,
                     text, (int)verification.credential);
        }
        assert_int_equal(verification.leaf_is_revoked, rows[i].revoked_pin != NULL);
        talc_trust_free(trust);
    }
}

#define SENSOR "sensor.example"

static void by_anchors(void **state)
{
    (void)state;
    static const verify_case rows[] = {
        /* anchors, revocations, pinned, revoked pin, sent, name, flags, credential */
        { "ca.pem", NULL, NULL, NULL, { "server.pem" }, SENSOR, 0, CERTIFICATE },
        { "ca.der", NULL, NULL, NULL, { "server.pem" }, SENSOR, 0, CERTIFICATE },
        { "ca.pem", NULL, NULL, NULL, { "server.pem", "ca.pem" }, SENSOR, 0, CERTIFICATE },
        { "ca.pem", NULL, NULL, NULL, { "server-ip.pem" }, "127.0.0.1", 0, CERTIFICATE },
        { "ca.pem", NULL, NULL, NULL, { "client.pem" }, NULL, 0, CERTIFICATE },
        { "anchors.pem", NULL, NULL, NULL, { "server.pem" }, SENSOR, 0, CERTIFICATE },
        { "anchors.pem", NULL, NULL, NULL, { "other-server.pem" }, SENSOR, 0, CERTIFICATE },
        { "self-signed.pem", NULL, NULL, NULL, { "self-signed.pem" }, SENSOR, 0, CERTIFICATE },
        { "rsa-ca.pem", NULL, NULL, NULL, { "rsa-server.pem" }, SENSOR, 0, CERTIFICATE },
        { "rsa-ca.pem", NULL, NULL, NULL, { "rsa-2048.pem" }, SENSOR, 0, CERTIFICATE },

        { NULL, NULL, NULL, NULL, { "server.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { NULL, NULL, NULL, NULL, { "server.pem", "ca.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { NULL, NULL, NULL, NULL, { "self-signed.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { "other-ca.pem", NULL, NULL, NULL, { "server.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { "other-ca.pem", NULL, NULL, NULL, { "server-chain.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { "ca.pem", NULL, NULL, NULL, { "other-client.pem" }, NULL, NOT_TRUSTED, NONE },
        { "ca.pem", NULL, NULL, NULL, { "self-signed.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { "ca.pem", NULL, NULL, NULL, { "expired.pem" }, SENSOR, EXPIRED, NONE },
        { "ca.pem", NULL, NULL, NULL, { "wrong-name.pem" }, SENSOR, OTHER_NAME, NONE },
        { "ca.pem", NULL, NULL, NULL, { "server-ip.pem" }, SENSOR, OTHER_NAME, NONE },
        { "ca.pem", NULL, NULL, NULL, { "server.pem" }, "127.0.0.1", OTHER_NAME, NONE },
        { "ca.pem", NULL, NULL, NULL, { "weak.pem" }, SENSOR, BAD_KEY, NONE },
        { NULL,
          NULL,
          NULL,
          NULL,
          { "expired.pem" },
          "other",
          EXPIRED | OTHER_NAME | NOT_TRUSTED,
          NONE },
    };
    check_rows(rows, COUNT(rows));
}

static void by_revocation_lists(void **state)
{
    (void)state;
    static const verify_case rows[] = {
        { "ca.pem", NULL, NULL, NULL, { "revoked.pem" }, SENSOR, 0, CERTIFICATE },
        { "ca.pem", "crl.pem", NULL, NULL, { "revoked.pem" }, SENSOR, REVOKED, NONE },
        { "ca.pem", "crl.der", NULL, NULL, { "revoked.pem" }, SENSOR, REVOKED, NONE },
        { "anchors.pem", "crls.pem", NULL, NULL, { "revoked.pem" }, SENSOR, REVOKED, NONE },
        { "ca.pem", "crl.pem", NULL, NULL, { "server.pem" }, SENSOR, 0, CERTIFICATE },
        { "anchors.pem", "crls.pem", NULL, NULL, { "other-server.pem" }, SENSOR, 0, CERTIFICATE },
        { "ca.pem", "other-crl.pem", NULL, NULL, { "revoked.pem" }, SENSOR, 0, CERTIFICATE },
    };
    check_rows(rows, COUNT(rows));
}

/* A pin stands for the key alone: neither the dates nor the name nor the rest of the chain count. */
static void by_pins(void **state)
{
    (void)state;
    static const verify_case rows[] = {
        { NULL, NULL, "server.pem", NULL, { "server.pem" }, SENSOR, 0, PIN },
        { NULL, NULL, "server.pem", NULL, { "server.pem" }, "other", 0, PIN },
        { NULL, NULL, "self-signed.pem", NULL, { "self-signed.pem" }, SENSOR, 0, PIN },
        { NULL, NULL, "expired.pem", NULL, { "expired.pem" }, SENSOR, 0, PIN },
        { NULL, NULL, "client.pem", NULL, { "client.pem" }, NULL, 0, PIN },
        { "ca.pem", "crl.pem", "revoked.pem", NULL, { "revoked.pem" }, SENSOR, 0, PIN },
        { "other-ca.pem", NULL, "server.pem", NULL, { "server.pem" }, SENSOR, 0, PIN },

        /* believed by the anchor too: known by the pin all the same */
        { "ca.pem", NULL, "server.pem", NULL, { "server.pem" }, SENSOR, 0, PIN },

        /* whatever is sent along with the leaf, in a good order or not */
        { NULL, NULL, "server.pem", NULL, { "server-chain.pem" }, SENSOR, 0, PIN },
        { NULL, NULL, "server.pem", NULL, { "server.pem", "other-ca.pem" }, SENSOR, 0, PIN },
        { NULL, NULL, "server.pem", NULL, { "server.pem", "expired.pem" }, SENSOR, 0, PIN },
        { NULL, NULL, "rsa-server.pem", NULL, { "rsa-server.pem" }, SENSOR, 0, PIN },
        { "other-ca.pem", NULL, "server.pem", NULL, { "server-chain.pem" }, SENSOR, 0, PIN },

        /* another key is not believed, and the pin of a CA is no anchor */
        { NULL, NULL, "client.pem", NULL, { "server.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { NULL, NULL, "ca.pem", NULL, { "server.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { NULL, NULL, "ca.pem", NULL, { "server-chain.pem" }, SENSOR, NOT_TRUSTED, NONE },
        { NULL, NULL, "server.pem", NULL, { "client.pem", "server.pem" }, NULL, NOT_TRUSTED, NONE },

        /* a pin does not make a weak key strong */
        { NULL, NULL, "weak.pem", NULL, { "weak.pem" }, SENSOR, BAD_KEY, NONE },
        { "ca.pem", NULL, "weak.pem", NULL, { "weak.pem" }, SENSOR, BAD_KEY, NONE },
    };
    check_rows(rows, COUNT(rows));
}

static void revoked_pins_win(void **state)
{
    (void)state;
    static const verify_case rows[] = {
        { "ca.pem", NULL, NULL, "server.pem", { "server.pem" }, SENSOR, REVOKED, NONE },
        { NULL, NULL, "server.pem", "server.pem", { "server.pem" }, SENSOR, REVOKED, NONE },
        { "ca.pem", NULL, "server.pem", "server.pem", { "server.pem" }, SENSOR, REVOKED, NONE },

        /* anywhere in the chain, sent along or not */
        { "ca.pem", NULL, NULL, "ca.pem", { "server.pem" }, SENSOR, REVOKED, NONE },
        { "ca.pem", NULL, "server.pem", "ca.pem", { "server.pem" }, SENSOR, REVOKED, NONE },
        { NULL, NULL, "server.pem", "ca.pem", { "server-chain.pem" }, SENSOR, REVOKED, NONE },
        { "rsa-ca.pem",
          NULL,
          NULL,
          "rsa-intermediate.pem",
          { "rsa-server.pem" },
          SENSOR,
          REVOKED,
          NONE },

        /* with the other reasons */
        { NULL,
          NULL,
          NULL,
          "server.pem",
          { "server.pem" },
          "other",
          REVOKED | NOT_TRUSTED | OTHER_NAME,
          NONE },
    };
    check_rows(rows, COUNT(rows));
}

static void a_revoked_pin_of_another_does_no_harm(void **state)
{
    (void)state;
    static const verify_case row = { "ca.pem",         NULL,   NULL, "client.pem",
                                     { "server.pem" }, SENSOR, 0,    CERTIFICATE };
    talc_trust *trust = trust_of(&row);
    talc_verification verification;
    assert_int_equal(verify(trust, &row, &verification), 0);
    assert_int_equal(verification.credential, CERTIFICATE);
    assert_false(verification.leaf_is_revoked);
    talc_trust_free(trust);
}

/* What was held back of one verification does not reach the next. */
static void verifications_do_not_mix(void **state)
{
    (void)state;
    static const verify_case bad = { NULL,   NULL,        NULL, NULL, { "server-chain.pem" },
                                     SENSOR, NOT_TRUSTED, NONE };
    talc_trust *trust = trust_of(&bad);
    talc_verification verification;
    assert_int_equal(verify(trust, &bad, &verification), NOT_TRUSTED);
    assert_int_equal(verification.upper_flags, 0);
    talc_trust_free(trust);
}

static void without_a_trust_nothing_is_verified(void **state)
{
    (void)state;
    talc_verification verification = { 0 };
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt_init(&certificate);
    assert_int_equal(mbedtls_x509_crt_parse_file(&certificate, credential_path("server.pem")), 0);
    uint32_t flags = 0;
    assert_int_equal(talc_trust_verify(&verification, &certificate, 0, &flags),
                     MBEDTLS_ERR_X509_FATAL_ERROR);
    mbedtls_x509_crt_free(&certificate);
}

/* --- The reasons as text --- */

static void flags_have_texts(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        const char *text;
    } cases[] = {
        { 0, "" },
        { EXPIRED, "the certificate has expired" },
        { OTHER_NAME, "the certificate is for another name" },
        { EXPIRED | NOT_TRUSTED,
          "the certificate has expired; no trust anchor vouches for the certificate" },
        { UINT32_MAX, "the certificate chain could not be examined" },
        { 0x40000000, "for an unknown reason" },
        { EXPIRED | 0x40000000, "the certificate has expired; for an unknown reason" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[256];
        talc_verify_flags_text(cases[i].flags, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

static void texts_of_flags_are_cut_to_fit(void **state)
{
    (void)state;
    static const uint32_t flags = EXPIRED | NOT_TRUSTED | OTHER_NAME;
    char whole[256];
    talc_verify_flags_text(flags, whole, sizeof(whole));
    for (size_t capacity = 1; capacity <= strlen(whole) + 1; capacity++) {
        char *text = malloc(capacity);
        assert_non_null(text);
        talc_verify_flags_text(flags, text, capacity);
        assert_int_equal(strlen(text), capacity - 1);
        assert_memory_equal(text, whole, capacity - 1);
        free(text);
    }
    talc_verify_flags_text(flags, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_anchors),
        cmocka_unit_test(by_revocation_lists),
        cmocka_unit_test(by_pins),
        cmocka_unit_test(revoked_pins_win),
        cmocka_unit_test(a_revoked_pin_of_another_does_no_harm),
        cmocka_unit_test(verifications_do_not_mix),
        cmocka_unit_test(without_a_trust_nothing_is_verified),
        cmocka_unit_test(flags_have_texts),
        cmocka_unit_test(texts_of_flags_are_cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
