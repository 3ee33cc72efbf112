/* SPDX-License-Identifier: MIT */
/*
 * Tickets in the hands of a TLS client that is not ours. A ticket names its owner to the server; it
 * counts only with the secret that belongs to it, in the version, the time and the server that it was
 * given for, and never takes anybody anywhere else than that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/credentials.h"
#include "lib/crypto.h"
#include "tests/credential_folder.h"
#include "tests/foreign_tls.h"

#define LIFETIME_S 600u

static const char psk_key[] = "0123456789abcdef0123456789abcdef";
static const char wrong_key[] = "fedcba9876543210fedcba9876543210";

static talc_identity *owner; /* client-1 */
static talc_identity *thief; /* client-2.example */
static uint64_t now_ms;

static uint64_t clock_ms(void *context)
{
    (void)context;
    return now_ms;
}

static talc_identity *identity_of(const char *certificate, const char *key)
{
    talc_identity *identity;
    assert_int_equal(talc_identity_from_files(&identity, credential_path(certificate),
                                              credential_path(key), NULL),
                     TALC_OK);
    return identity;
}

/* A server of certificates and pre-shared keys, TLS 1.2 and 1.3. */
static void *server_context(talc_client_authentication wants)
{
    void *context;
    talc_trust *trust;
    talc_failure failure;
    talc_psk psk = { "client-3", 8, psk_key, sizeof psk_key - 1 };
    memset(&failure, 0, sizeof failure);
    assert_int_equal(talc_trust_new(&trust), TALC_OK);
    assert_int_equal(talc_trust_add_psk(trust, &psk, NULL), TALC_OK);
    assert_int_equal(talc_trust_add_anchor_file(trust, credential_path("ca.pem"), NULL), TALC_OK);
    talc_config config = TALC_CONFIG_DEFAULT;
    config.identity = identity_of("server.pem", "server.key");
    config.trust = trust;
    config.client_authentication = wants;
    config.tls_version_min = TALC_TLS_1_2;
    config.ticket_lifetime_s = LIFETIME_S;
    config.clock_ms = clock_ms;
    assert_int_equal(talc_engine_tls.context_new(&context, TALC_ROLE_SERVER, &config, &failure),
                     TALC_OK);
    talc_identity_free(config.identity);
    talc_trust_free(trust);
    return context;
}

static foreign_manners usual_manners(void)
{
    return (foreign_manners){ .key_exchange_modes = FOREIGN_PSK_DHE | FOREIGN_DHE,
                              .protocol = "coap" };
}

/* A full handshake of the ticket's owner. */
static void earn_ticket(void *context, mbedtls_ssl_session *session)
{
    static foreign_tls tls;
    foreign_manners manners = usual_manners();
    manners.identity = owner;
    foreign_tls_begin(&tls, &manners, context);
    foreign_tls_shake_hands(&tls);
    assert_true(foreign_tls_take_ticket(&tls, session));
    foreign_tls_end(&tls);
}

/* ---------------------------------------------------------------- what becomes of a ticket */

static void keep(mbedtls_ssl_session *session)
{
    (void)session;
}

static void forget_secret(mbedtls_ssl_session *session)
{
    session->MBEDTLS_PRIVATE(resumption_key)[0] ^= 1;
}

static void change_ticket(mbedtls_ssl_session *session)
{
    session->MBEDTLS_PRIVATE(ticket)[session->MBEDTLS_PRIVATE(ticket_len) / 2] ^= 1;
}

static void cut_ticket(mbedtls_ssl_session *session)
{
    session->MBEDTLS_PRIVATE(ticket_len)--;
}

/* Offered in a mode in which this server uses no keys. */
static void prefer_no_secrecy(mbedtls_ssl_session *session)
{
    forget_secret(session);
    session->MBEDTLS_PRIVATE(ticket_flags) = FOREIGN_PSK_ONLY;
}

/* Good, but mbedTLS finds that its age does not fit, after it has been read: in milliseconds, above all
 * that it tolerates. */
static void lie_about_age(mbedtls_ssl_session *session)
{
    session->MBEDTLS_PRIVATE(ticket_age_add) += 700000000;
}

/* scripts/mbedtls_config.h tolerates more than mbedTLS by default, so that a ticket or a hello may be
 * late. */
#if MBEDTLS_SSL_TLS1_3_TICKET_AGE_TOLERANCE > 600000
#define OUR_TOLERANCE                                                                              \
    { .label = "an owner whose clock is off by ten minutes", .change = be_late,                    \
      .has_identity = true, .is_resumed = true, TAKEN_AS(CERTIFICATE, "client-1") },

static void be_late(mbedtls_ssl_session *session)
{
    session->MBEDTLS_PRIVATE(ticket_age_add) += 600000;
}
#else
#define OUR_TOLERANCE
#endif

/* RFC 5077: TLS 1.2 carries a ticket in an extension. Its secret is made up. */
static void show_in_tls12(mbedtls_ssl_session *session)
{
    session->MBEDTLS_PRIVATE(tls_version) = MBEDTLS_SSL_VERSION_TLS1_2;
    session->MBEDTLS_PRIVATE(ciphersuite) = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    memset(session->MBEDTLS_PRIVATE(master), 0, sizeof session->MBEDTLS_PRIVATE(master));
}

static void outlive(mbedtls_ssl_session *session)
{
    (void)session;
    now_ms += LIFETIME_S * 1000u;
}

typedef struct theft {
    const char *label;
    void (*change)(mbedtls_ssl_session *session);
    talc_client_authentication server_wants;
    bool has_identity; /* the thief's own */
    bool at_another_server;
    const char *psk_key; /* of client-3, offered too; NULL: not */
    int key_exchange_modes; /* 0: the usual */
    /* What must come of it. */
    bool is_taken;
    bool is_resumed;
    talc_credential credential;
    const char *name;
    const char *reason; /* part of the failure's text */
} theft;

#define TAKEN_AS(kind, who) .is_taken = true, .credential = TALC_CREDENTIAL_##kind, .name = who
#define ANYONE .server_wants = TALC_CLIENTS_ANONYMOUS

static const theft thefts[] = {
    { .label = "the owner, as it should be", .change = keep, .is_resumed = true,
      TAKEN_AS(CERTIFICATE, "client-1") },
    { .label = "the owner, where anyone is served", .change = keep, ANYONE, .is_resumed = true,
      TAKEN_AS(CERTIFICATE, "client-1") },

    { .label = "a thief without the secret", .change = forget_secret, .has_identity = true,
      .reason = "a ticket of \"client-1\" and does not hold its secret" },
    { .label = "a thief without secret and certificate", .change = forget_secret,
      .reason = "a ticket of \"client-1\" and does not hold its secret" },
    { .label = "a thief without the secret, where anyone is served", .change = forget_secret,
      ANYONE, .reason = "a ticket of \"client-1\" and does not hold its secret" },
    { .label = "a thief in a mode that this server does not have", .change = prefer_no_secrecy,
      .has_identity = true, .key_exchange_modes = FOREIGN_PSK_ONLY | FOREIGN_DHE,
      TAKEN_AS(CERTIFICATE, "client-2.example") },
    { .label = "a thief without certificate in a mode that this server does not have",
      .change = prefer_no_secrecy, .key_exchange_modes = FOREIGN_PSK_ONLY | FOREIGN_DHE,
      .reason = "showed no certificate" },
    { .label = "the same, where anyone is served", .change = prefer_no_secrecy, ANYONE,
      .key_exchange_modes = FOREIGN_PSK_ONLY | FOREIGN_DHE, TAKEN_AS(NONE, "") },
    { .label = "a thief in TLS 1.2", .change = show_in_tls12, .has_identity = true,
      TAKEN_AS(CERTIFICATE, "client-2.example") },
    { .label = "a thief without certificate in TLS 1.2", .change = show_in_tls12,
      .reason = "showed no certificate" },
    { .label = "a thief in TLS 1.2, where anyone is served", .change = show_in_tls12, ANYONE,
      TAKEN_AS(NONE, "") },

    { .label = "a changed ticket", .change = change_ticket, .has_identity = true,
      TAKEN_AS(CERTIFICATE, "client-2.example") },
    { .label = "a cut ticket", .change = cut_ticket, .has_identity = true,
      TAKEN_AS(CERTIFICATE, "client-2.example") },
    { .label = "a changed ticket, where anyone is served", .change = change_ticket, ANYONE,
      TAKEN_AS(NONE, "") },
    { .label = "a ticket of another server", .change = keep, .has_identity = true,
      .at_another_server = true, TAKEN_AS(CERTIFICATE, "client-2.example") },
    { .label = "a ticket of another server alone", .change = keep, .at_another_server = true,
      .reason = "showed no certificate" },
    { .label = "a ticket of another server, and no other way", .change = keep,
      .at_another_server = true, .key_exchange_modes = FOREIGN_PSK_DHE,
      .reason = "no TLS version, suite or kind of credential in common" },
    { .label = "a ticket that is too old", .change = outlive, .has_identity = true,
      TAKEN_AS(CERTIFICATE, "client-2.example") },
    { .label = "a ticket that is too old alone", .change = outlive,
      .reason = "showed no certificate" },
    { .label = "a ticket of another age", .change = lie_about_age, .has_identity = true,
      TAKEN_AS(CERTIFICATE, "client-2.example") },
    { .label = "a ticket of another age, where anyone is served", .change = lie_about_age, ANYONE,
      TAKEN_AS(NONE, "") },

    OUR_TOLERANCE
    { .label = "a good ticket before a pre-shared key", .change = keep, .psk_key = psk_key,
      .is_resumed = true, TAKEN_AS(CERTIFICATE, "client-1") },
    { .label = "a ticket of another age before a pre-shared key", .change = lie_about_age,
      .psk_key = psk_key, TAKEN_AS(PSK, "client-3") },
    { .label = "a ticket of another server before a pre-shared key", .change = keep,
      .at_another_server = true, .psk_key = psk_key, TAKEN_AS(PSK, "client-3") },
    { .label = "a changed ticket before a wrong pre-shared key", .change = change_ticket,
      .psk_key = wrong_key, .reason = "the pre-shared key \"client-3\" and does not hold it" },
    { .label = "a ticket of another age before a wrong pre-shared key", .change = lie_about_age,
      .psk_key = wrong_key, .reason = "the pre-shared key \"client-3\" and does not hold it" },
};

static foreign_manners manners_of(const theft *row, const mbedtls_ssl_session *session)
{
    foreign_manners manners = usual_manners();
    manners.session = session;
    manners.identity = row->has_identity ? thief : NULL;
    manners.psk_name = row->psk_key == NULL ? NULL : "client-3";
    manners.psk_key = row->psk_key;
    manners.speaks_tls12 = row->change == show_in_tls12;
    if (row->key_exchange_modes != 0) {
        manners.key_exchange_modes = row->key_exchange_modes;
    }
    return manners;
}

static void check(const theft *row, void *engine)
{
    talc_engine_facts facts;
    const char *reason = talc_engine_tls.failure(engine)->text;
    bool is_taken = talc_engine_tls.established(engine);
    if (is_taken != row->is_taken || (!is_taken && strstr(reason, row->reason) == NULL)) {
        fail_msg("%s: taken %d, reason: %s", row->label, is_taken, reason);
    }
    if (!is_taken) {
        return;
    }
    talc_engine_tls.describe(engine, &facts);
    if (facts.is_resumed != row->is_resumed || facts.peer.engine != TALC_ENGINE_TLS ||
        facts.peer.credential != row->credential || strcmp(facts.peer.name, row->name) != 0) {
        fail_msg("%s: resumed %d, credential %d, name %s", row->label, facts.is_resumed,
                 facts.peer.credential, facts.peer.name);
    }
}

static void a_ticket_counts_for_no_more_than_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof thefts / sizeof thefts[0]; i++) {
        static foreign_tls tls;
        mbedtls_ssl_session session;
        void *context = server_context(thefts[i].server_wants);
        void *other = server_context(thefts[i].server_wants);
        earn_ticket(thefts[i].at_another_server ? other : context, &session);
        thefts[i].change(&session);
        foreign_manners manners = manners_of(&thefts[i], &session);

        foreign_tls_begin(&tls, &manners, context);
        foreign_tls_shake_hands(&tls);
        check(&thefts[i], tls.engine);

        foreign_tls_end(&tls);
        mbedtls_ssl_session_free(&session);
        talc_engine_tls.context_free(context);
        talc_engine_tls.context_free(other);
    }
}

/* ---------------------------------------------------------------- who is given one */

static void only_who_needs_a_ticket_gets_one(void **state)
{
    static const struct {
        const char *label;
        bool has_identity;
        const char *psk_key;
        const char *protocol;
        int key_exchange_modes;
        bool gets_one;
    } cases[] = {
        { "a certificate", true, NULL, "coap", FOREIGN_PSK_DHE | FOREIGN_DHE, true },
        { "nobody", false, NULL, "coap", FOREIGN_PSK_DHE | FOREIGN_DHE, true },
        { "a client that cannot use one", true, NULL, "coap", FOREIGN_DHE, false },
        { "a pre-shared key", false, psk_key, "coap", FOREIGN_PSK_DHE | FOREIGN_DHE, false },
        { "a client that is refused", true, NULL, "h2", FOREIGN_PSK_DHE | FOREIGN_DHE, false },
        { "a client of nothing", true, NULL, NULL, FOREIGN_PSK_DHE | FOREIGN_DHE, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static foreign_tls tls;
        mbedtls_ssl_session session;
        void *context = server_context(TALC_CLIENTS_ANONYMOUS);
        foreign_manners manners = { .identity = cases[i].has_identity ? owner : NULL,
                                    .psk_name = cases[i].psk_key == NULL ? NULL : "client-3",
                                    .psk_key = cases[i].psk_key,
                                    .protocol = cases[i].protocol,
                                    .key_exchange_modes = cases[i].key_exchange_modes };
        foreign_tls_begin(&tls, &manners, context);
        foreign_tls_shake_hands(&tls);
        if (foreign_tls_take_ticket(&tls, &session) != cases[i].gets_one) {
            fail_msg("%s: %s", cases[i].label, cases[i].gets_one ? "none" : "one");
        }
        mbedtls_ssl_session_free(&session);
        foreign_tls_end(&tls);
        talc_engine_tls.context_free(context);
    }
}

/* mbedTLS's client asks for tickets in TLS 1.2 (RFC 5077) and is sent an empty one. */
static void tls12_has_no_tickets(void **state)
{
    talc_identity *const identities[] = { owner, NULL };
    (void)state;
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        static foreign_tls tls;
        mbedtls_ssl_session session;
        void *context = server_context(TALC_CLIENTS_ANONYMOUS);
        foreign_manners manners = usual_manners();
        manners.identity = identities[i];
        manners.speaks_tls12 = true;
        foreign_tls_begin(&tls, &manners, context);
        foreign_tls_shake_hands(&tls);
        assert_true(talc_engine_tls.established(tls.engine));
        assert_true(mbedtls_ssl_is_handshake_over(&tls.ssl));
        mbedtls_ssl_session_init(&session);
        assert_int_equal(mbedtls_ssl_get_session(&tls.ssl, &session), 0);
        assert_int_equal(session.MBEDTLS_PRIVATE(ticket_len), 0);
        mbedtls_ssl_session_free(&session);
        foreign_tls_end(&tls);
        talc_engine_tls.context_free(context);
    }
}

/* The server looks up whatever it cannot open as the name of a pre-shared key: no ticket may pass for
 * one. Anonymous clients have the shortest. */
static void a_ticket_is_longer_than_any_name_of_a_key(void **state)
{
    static foreign_tls tls;
    mbedtls_ssl_session session;
    void *context = server_context(TALC_CLIENTS_ANONYMOUS);
    foreign_manners manners = usual_manners();
    (void)state;
    foreign_tls_begin(&tls, &manners, context);
    foreign_tls_shake_hands(&tls);
    assert_true(foreign_tls_take_ticket(&tls, &session));
    assert_in_range(session.MBEDTLS_PRIVATE(ticket_len), TALC_PSK_NAME_SIZE_MAX + 1, 256);
    mbedtls_ssl_session_free(&session);
    foreign_tls_end(&tls);
    talc_engine_tls.context_free(context);
}

static int start(void **state)
{
    (void)state;
    if (talc_crypto_start() != TALC_OK) {
        return -1;
    }
    owner = identity_of("client.pem", "client.key");
    thief = identity_of("client-san.pem", "client-san.key");
    return 0;
}

static int end(void **state)
{
    (void)state;
    talc_identity_free(owner);
    talc_identity_free(thief);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_counts_for_no_more_than_it_is),
        cmocka_unit_test(only_who_needs_a_ticket_gets_one),
        cmocka_unit_test(tls12_has_no_tickets),
        cmocka_unit_test(a_ticket_is_longer_than_any_name_of_a_key),
    };
    return cmocka_run_group_tests_name("ticket_theft", tests, start, end);
}
