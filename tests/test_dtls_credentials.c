/* SPDX-License-Identifier: MIT */
/* Identities and trust as libcoap takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/ssl.h>

#include "lib/credentials.h"
#include "lib/crypto.h"
#include "lib/dtls_credentials.h"
#include "tests/credential_folder.h"
#include "tests/peers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CA .anchors = "ca.pem"

static talc_status credentials_of(const peers_side *side, talc_role role,
                                  talc_dtls_credentials **made,
                                  talc_failure *failure)
{
    talc_config config;
    peers_configure(&config, side);
    memset(failure, 0, sizeof *failure);
    talc_status status = talc_dtls_credentials_new(made, role, &config, failure);
    peers_configure_drop(&config);
    return status;
}

static void an_identity_is_exported_whole(void **state)
{
    (void)state;
    static const char *const names[] = { "server", "rsa-server" };
    for (size_t i = 0; i < COUNT(names); i++) {
        const peers_side side = { .certificate = names[i], CA };
        talc_failure failure;
        talc_dtls_credentials *credentials = NULL;
        assert_int_equal(credentials_of(&side, TALC_ROLE_SERVER, &credentials, &failure), TALC_OK);
        assert_true(credentials->by_certificate && credentials->wants_client &&
                    credentials->needs_client && !credentials->by_psk);
        const talc_identity_bytes bytes = { credentials->chain.bytes, credentials->chain.size - 1,
                                            credentials->key.bytes, credentials->key.size - 1 };
        assert_int_equal(bytes.certificate_size, strlen(bytes.certificate));
        assert_int_equal(bytes.key_size, strlen(bytes.key));
        talc_identity *read_back = NULL;
        assert_int_equal(talc_identity_from_bytes(&read_back, &bytes, &failure), TALC_OK);
        talc_config config;
        peers_configure(&config, &side);
        const mbedtls_x509_crt *left = &config.identity->chain;
        const mbedtls_x509_crt *right = &read_back->chain;
        for (; left != NULL && right != NULL; left = left->next, right = right->next) {
            assert_int_equal(left->raw.len, right->raw.len);
            assert_memory_equal(left->raw.p, right->raw.p, left->raw.len);
        }
        assert_true(left == NULL && right == NULL);
        peers_configure_drop(&config);
        talc_identity_free(read_back);
        talc_dtls_credentials_free(credentials);
    }
}

static void anchors_are_exported_all(void **state)
{
    (void)state;
    static const peers_side side = { .anchors = "anchors.pem" };
    talc_config config;
    talc_dtls_pem anchors;
    talc_trust *read_back = NULL;
    peers_configure(&config, &side);
    assert_int_equal(talc_dtls_anchors_export(&anchors, config.trust), TALC_OK);
    assert_int_equal(talc_trust_new(&read_back), TALC_OK);
    assert_int_equal(talc_trust_add_anchor(read_back, anchors.bytes, anchors.size - 1, NULL),
                     TALC_OK);
    assert_non_null(read_back->anchors.next);
    assert_null(read_back->anchors.next->next);
    talc_trust_free(read_back);
    talc_dtls_pem_free(&anchors);
    assert_null(anchors.bytes);
    assert_int_equal(talc_dtls_anchors_export(&anchors, NULL), TALC_OK);
    assert_null(anchors.bytes);
    peers_configure_drop(&config);
}

static void credentials_that_do_not_suffice_are_refused(void **state)
{
    (void)state;
    static const struct {
        talc_role role;
        peers_side side;
        talc_status status;
        const char *words;
    } rows[] = {
        { TALC_ROLE_CLIENT, { 0 }, TALC_ERROR_TRUST, "a client needs trust" },
        { TALC_ROLE_CLIENT, { .certificate = "client" }, TALC_ERROR_TRUST, "a client needs trust" },
        { TALC_ROLE_SERVER, { CA }, TALC_ERROR_IDENTITY, "a server needs a certificate" },
        { TALC_ROLE_SERVER, { .certificate = "server" }, TALC_ERROR_TRUST, "a server needs trust" },
        { TALC_ROLE_SERVER, { .psk = "psk-client.txt", CA }, TALC_ERROR_IDENTITY,
          "a server needs a certificate" },
        { TALC_ROLE_CLIENT, { .psk = "psk-client.txt" }, TALC_OK, "" },
        { TALC_ROLE_SERVER, { .psks = "psk-server.txt" }, TALC_OK, "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        talc_failure failure;
        talc_dtls_credentials *credentials = NULL;
        assert_int_equal(credentials_of(&rows[i].side, rows[i].role, &credentials, &failure),
                         rows[i].status);
        assert_contains(failure.text, rows[i].words);
        assert_int_equal(credentials != NULL, rows[i].status == TALC_OK);
        talc_dtls_credentials_free(credentials);
    }
}

/* What comes of the longest key that talc takes at all. scripts/mbedtls_config.h lets DTLS take it;
 * by default mbedTLS takes 48 bytes, and that is said at once and not by a handshake. */
#if MBEDTLS_PSK_MAX_LEN >= TALC_PSK_SIZE_MAX
#define OF_CLIENT TALC_OK
#define OF_SERVER TALC_OK
#define WORDS_OF_CLIENT ""
#define WORDS_OF_SERVER ""
#else
#define OF_CLIENT TALC_ERROR_IDENTITY
#define OF_SERVER TALC_ERROR_TRUST
#define WORDS_OF_CLIENT "the pre-shared key \"long\" has 64 bytes; DTLS takes 48 at most"
#define WORDS_OF_SERVER "\"long\""
#endif

static void the_longest_key_is_taken_or_named(void **state)
{
    (void)state;
    static const uint8_t key[TALC_PSK_SIZE_MAX] = { 1 };
    const talc_psk psk = { "long", 4, key, sizeof key };
    talc_config config = TALC_CONFIG_DEFAULT;
    talc_dtls_credentials *credentials = NULL;
    talc_failure failure = { 0 };
    assert_int_equal(talc_identity_from_psk(&config.identity, &psk, NULL), TALC_OK);
    assert_int_equal(talc_dtls_credentials_new(&credentials, TALC_ROLE_CLIENT, &config, &failure),
                     OF_CLIENT);
    assert_contains(failure.text, WORDS_OF_CLIENT);
    talc_dtls_credentials_free(credentials);
    talc_identity_free(config.identity);
    config.identity = NULL;
    credentials = NULL;
    memset(&failure, 0, sizeof failure);
    assert_int_equal(talc_trust_new(&config.trust), TALC_OK);
    assert_int_equal(talc_trust_add_psk(config.trust, &psk, NULL), TALC_OK);
    assert_int_equal(talc_dtls_credentials_new(&credentials, TALC_ROLE_SERVER, &config, &failure),
                     OF_SERVER);
    assert_contains(failure.text, WORDS_OF_SERVER);
    talc_dtls_credentials_free(credentials);
    talc_trust_free(config.trust);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_is_exported_whole),
        cmocka_unit_test(anchors_are_exported_all),
        cmocka_unit_test(credentials_that_do_not_suffice_are_refused),
        cmocka_unit_test(the_longest_key_is_taken_or_named),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
