/* SPDX-License-Identifier: MIT */
/*
 * The tls engine against a TLS client that is not ours and plays by other rules: what it says of
 * itself never counts for more than what it proves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "tests/credential_folder.h"
#include "tests/foreign_tls.h"

/* How the client behaves. */
typedef struct foreign_client {
    const char *label;
    foreign_manners manners;
    talc_client_authentication server_wants;
    bool has_certificate_server;
    /* What must come of it. */
    bool is_taken;
    talc_credential credential;
    const char *name;
} foreign_client;

/* The key of client-1, as a trust without files. */
static const char right_key[] = "0123456789abcdef0123456789abcdef";
static const char wrong_key[] = "fedcba9876543210fedcba9876543210";

#define PSK(name, key) .psk_name = name, .psk_key = key

static const foreign_client clients[] = {
    { .label = "the right key",
      .manners = { PSK("client-1", right_key), .key_exchange_modes = FOREIGN_PSK_DHE,
                   .protocol = "coap" },
      .server_wants = TALC_CLIENTS_ANONYMOUS, .has_certificate_server = true,
      .is_taken = true, .credential = TALC_CREDENTIAL_PSK, .name = "client-1" },
    { .label = "a name without its key, and a mode that this server does not have",
      .manners = { PSK("client-1", wrong_key),
                   .key_exchange_modes = FOREIGN_PSK_ONLY | FOREIGN_DHE, .protocol = "coap" },
      .server_wants = TALC_CLIENTS_ANONYMOUS, .has_certificate_server = true,
      .is_taken = true, .credential = TALC_CREDENTIAL_NONE, .name = "" },
    { .label = "a name without its key",
      .manners = { PSK("client-1", wrong_key),
                   .key_exchange_modes = FOREIGN_PSK_DHE | FOREIGN_DHE, .protocol = "coap" },
      .server_wants = TALC_CLIENTS_ANONYMOUS, .has_certificate_server = true },
    { .label = "nothing, where anyone is served",
      .manners = { .key_exchange_modes = FOREIGN_DHE, .protocol = "coap" },
      .server_wants = TALC_CLIENTS_ANONYMOUS, .has_certificate_server = true, .is_taken = true,
      .name = "" },
    { .label = "nothing, where clients prove themselves",
      .manners = { .key_exchange_modes = FOREIGN_DHE, .protocol = "coap" } },
    { .label = "the right key without forward secrecy",
      .manners = { PSK("client-1", right_key), .key_exchange_modes = FOREIGN_PSK_ONLY,
                   .protocol = "coap" } },
    { .label = "the right key, and no protocol inside",
      .manners = { PSK("client-1", right_key), .key_exchange_modes = FOREIGN_PSK_DHE } },
    { .label = "the right key, and another protocol inside",
      .manners = { PSK("client-1", right_key), .key_exchange_modes = FOREIGN_PSK_DHE,
                   .protocol = "h2" } },
    { .label = "a name that nobody has",
      .manners = { PSK("nobody", right_key), .key_exchange_modes = FOREIGN_PSK_DHE,
                   .protocol = "coap" } },
    { .label = "TLS 1.2 with the extended master secret",
      .manners = { PSK("client-1", right_key), .protocol = "coap", .speaks_tls12 = true },
      .is_taken = true, .credential = TALC_CREDENTIAL_PSK, .name = "client-1" },
    { .label = "TLS 1.2 without the extended master secret",
      .manners = { PSK("client-1", right_key), .protocol = "coap", .speaks_tls12 = true,
                   .without_extended_master_secret = true } },
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
    config.tls_version_min = client->manners.speaks_tls12 ? TALC_TLS_1_2 : TALC_TLS_1_3;
    assert_int_equal(
        talc_engine_tls.context_new(&context, TALC_ROLE_SERVER, &config, &failure), TALC_OK);
    talc_identity_free(identity);
    talc_trust_free(trust);
    return context;
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
        static foreign_tls tls;
        void *context = server_context(&clients[i]);
        foreign_tls_begin(&tls, &clients[i].manners, context);
        foreign_tls_shake_hands(&tls);
        check(&clients[i], tls.engine);
        foreign_tls_end(&tls);
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
