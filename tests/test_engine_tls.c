/* SPDX-License-Identifier: MIT */
/*
 * The tls engine against a TLS client that is not ours and plays by other rules: what it says of
 * itself never counts for more than what it proves.
 */
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/engine.h"
#include "tests/credential_folder.h"

typedef struct wire {
    uint8_t bytes[65536];
    size_t size;
    size_t read;
} wire;

static wire to_server;
static wire to_client;

static void wire_put(wire *to, const uint8_t *bytes, size_t size)
{
    assert_true(size <= sizeof to->bytes - to->size);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static talc_status server_puts(void *context, const uint8_t *bytes, size_t size)
{
    (void)context;
    wire_put(&to_client, bytes, size);
    return TALC_OK;
}

static int client_puts(void *context, const unsigned char *bytes, size_t size)
{
    (void)context;
    wire_put(&to_server, bytes, size);
    return (int)size;
}

static int client_gets(void *context, unsigned char *bytes, size_t size)
{
    size_t left = to_client.size - to_client.read;
    (void)context;
    if (left == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    size = size < left ? size : left;
    memcpy(bytes, to_client.bytes + to_client.read, size);
    to_client.read += size;
    return (int)size;
}

/* How the client behaves. */
typedef struct foreign_client {
    const char *label;
    const char *psk_name; /* NULL: none */
    const char *psk_key;
    int key_exchange_modes;
    const char *protocol; /* ALPN, NULL: none */
    talc_client_authentication server_wants;
    bool has_certificate_server;
    bool speaks_tls12;
    bool without_extended_master_secret;
    /* What must come of it. */
    bool is_taken;
    talc_credential credential;
    const char *name;
} foreign_client;

/* The key of client-1, as a trust without files. */
static const char right_key[] = "0123456789abcdef0123456789abcdef";
static const char wrong_key[] = "fedcba9876543210fedcba9876543210";

#define PSK_ONLY MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK
#define PSK_DHE MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL
#define DHE MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL

static const foreign_client clients[] = {
    { .label = "the right key",
      .psk_name = "client-1", .psk_key = right_key, .key_exchange_modes = PSK_DHE,
      .protocol = "coap", .server_wants = TALC_CLIENTS_ANONYMOUS, .has_certificate_server = true,
      .is_taken = true, .credential = TALC_CREDENTIAL_PSK, .name = "client-1" },
    { .label = "a name without its key, and a mode that this server does not have",
      .psk_name = "client-1", .psk_key = wrong_key, .key_exchange_modes = PSK_ONLY | DHE,
      .protocol = "coap", .server_wants = TALC_CLIENTS_ANONYMOUS, .has_certificate_server = true,
      .is_taken = true, .credential = TALC_CREDENTIAL_NONE, .name = "" },
    { .label = "a name without its key",
      .psk_name = "client-1", .psk_key = wrong_key, .key_exchange_modes = PSK_DHE | DHE,
      .protocol = "coap", .server_wants = TALC_CLIENTS_ANONYMOUS, .has_certificate_server = true },
    { .label = "nothing, where anyone is served",
      .key_exchange_modes = DHE, .protocol = "coap", .server_wants = TALC_CLIENTS_ANONYMOUS,
      .has_certificate_server = true, .is_taken = true, .name = "" },
    { .label = "nothing, where clients prove themselves",
      .key_exchange_modes = DHE, .protocol = "coap" },
    { .label = "the right key without forward secrecy",
      .psk_name = "client-1", .psk_key = right_key, .key_exchange_modes = PSK_ONLY,
      .protocol = "coap" },
    { .label = "the right key, and no protocol inside",
      .psk_name = "client-1", .psk_key = right_key, .key_exchange_modes = PSK_DHE },
    { .label = "the right key, and another protocol inside",
      .psk_name = "client-1", .psk_key = right_key, .key_exchange_modes = PSK_DHE,
      .protocol = "h2" },
    { .label = "a name that nobody has",
      .psk_name = "nobody", .psk_key = right_key, .key_exchange_modes = PSK_DHE,
      .protocol = "coap" },
    { .label = "TLS 1.2 with the extended master secret",
      .psk_name = "client-1", .psk_key = right_key, .protocol = "coap", .speaks_tls12 = true,
      .is_taken = true, .credential = TALC_CREDENTIAL_PSK, .name = "client-1" },
    { .label = "TLS 1.2 without the extended master secret",
      .psk_name = "client-1", .psk_key = right_key, .protocol = "coap", .speaks_tls12 = true,
      .without_extended_master_secret = true },
};

static void *server_context(const foreign_client *client)
{
    talc_failure failure;
    talc_identity *identity = NULL;
    talc_trust *trust;
    void *context;
    talc_psk psk = { "client-1", 8, right_key, sizeof right_key - 1 };
    memset(&failure, 0, sizeof failure);
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    assert_int_equal(talc_trust_add_psk(trust, &psk, &failure), TALC_OK);
    if (client->has_certificate_server) {
        assert_int_equal(talc_identity_from_files(&identity, credential_path("server.pem"),
                                                  credential_path("server.key"), &failure),
                         TALC_OK);
    }
    talc_config config = TALC_CONFIG_DEFAULT;
    config.identity = identity;
    config.trust = trust;
    config.client_authentication = client->server_wants;
    config.tls_version_min = client->speaks_tls12 ? TALC_TLS_1_2 : TALC_TLS_1_3;
    assert_int_equal(
        talc_engine_tls.context_new(&context, TALC_ROLE_SERVER, &config, &failure), TALC_OK);
    talc_identity_free(identity);
    talc_trust_free(trust);
    return context;
}

static void client_configure(mbedtls_ssl_config *config, const foreign_client *client,
                             const char **protocols)
{
    assert_int_equal(mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_protocol_version version =
        client->speaks_tls12 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
    mbedtls_ssl_conf_min_tls_version(config, version);
    mbedtls_ssl_conf_max_tls_version(config, version);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, client->key_exchange_modes);
    mbedtls_ssl_conf_extended_master_secret(config, client->without_extended_master_secret
                                                        ? MBEDTLS_SSL_EXTENDED_MS_DISABLED
                                                        : MBEDTLS_SSL_EXTENDED_MS_ENABLED);
    protocols[0] = client->protocol;
    if (client->protocol != NULL) {
        assert_int_equal(mbedtls_ssl_conf_alpn_protocols(config, protocols), 0);
    }
    if (client->psk_name != NULL) {
        assert_int_equal(mbedtls_ssl_conf_psk(config, (const unsigned char *)client->psk_key,
                                              strlen(client->psk_key),
                                              (const unsigned char *)client->psk_name,
                                              strlen(client->psk_name)),
                         0);
    }
}

static void shake_hands(mbedtls_ssl_context *ssl, void *engine)
{
    for (int round = 0; round < 6; round++) {
        int code = mbedtls_ssl_handshake(ssl);
        size_t size = to_server.size - to_server.read;
        if (size > 0) {
            (void)talc_engine_tls.feed(engine, to_server.bytes + to_server.read, size);
            to_server.read = to_server.size;
        }
        if (code != 0 && code != MBEDTLS_ERR_SSL_WANT_READ) {
            return;
        }
    }
}

static void check(const foreign_client *client, void *engine)
{
    talc_engine_facts facts;
    bool is_taken = talc_engine_tls.established(engine);
    if (is_taken != client->is_taken) {
        fail_msg("%s: taken %d, reason: %s", client->label, is_taken,
                 talc_engine_tls.failure(engine)->text);
    }
    if (!is_taken) {
        assert_true(talc_engine_tls.failure(engine)->text[0] != 0);
        return;
    }
    talc_engine_tls.describe(engine, &facts);
    if (facts.peer.credential != client->credential ||
        strcmp(facts.peer.name, client->name) != 0) {
        fail_msg("%s: credential %d, name %s", client->label, facts.peer.credential,
                 facts.peer.name);
    }
}

static void a_client_is_who_it_proves_to_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        const char *protocols[2] = { NULL, NULL };
        talc_failure failure;
        mbedtls_ssl_config config;
        mbedtls_ssl_context ssl;
        void *engine;
        memset(&to_server, 0, sizeof to_server);
        memset(&to_client, 0, sizeof to_client);
        memset(&failure, 0, sizeof failure);
        void *context = server_context(&clients[i]);
        talc_engine_setup setup = { context, NULL, { server_puts, NULL } };
        assert_int_equal(talc_engine_tls.open(&engine, &setup, &failure), TALC_OK);
        mbedtls_ssl_config_init(&config);
        mbedtls_ssl_init(&ssl);
        client_configure(&config, &clients[i], protocols);
        assert_int_equal(mbedtls_ssl_setup(&ssl, &config), 0);
        assert_int_equal(mbedtls_ssl_set_hostname(&ssl, NULL), 0);
        mbedtls_ssl_set_bio(&ssl, NULL, client_puts, client_gets, NULL);

        shake_hands(&ssl, engine);
        check(&clients[i], engine);

        mbedtls_ssl_free(&ssl);
        mbedtls_ssl_config_free(&config);
        talc_engine_tls.free(engine);
        talc_engine_tls.context_free(context);
    }
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_who_it_proves_to_be),
    };
    return cmocka_run_group_tests_name("engine_tls", tests, start, NULL);
}
