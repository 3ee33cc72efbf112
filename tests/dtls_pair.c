/* SPDX-License-Identifier: MIT */
#include "tests/dtls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/oid.h>
#include <mbedtls/psa_util.h>

#include "lib/dtls_credentials.h"
#include "tests/credential_folder.h"

#define TURNS_MAX 200

static const char address[] = "192.0.2.1:5684";
static const uint8_t decoy[32] = { 1 };

/* ---------------------------------------------------------------- datagrams */

static int end_send(void *context, const unsigned char *bytes, size_t size)
{
    dtls_end *from = context;
    dtls_end *to = from->other;
    assert_true(size <= DTLS_DATAGRAM_SIZE_MAX && to->count < DTLS_DATAGRAMS_MAX);
    dtls_datagram *place = &to->inbox[(to->first + to->count++) % DTLS_DATAGRAMS_MAX];
    memcpy(place->bytes, bytes, size);
    place->size = size;
    if (size > 13 && bytes[0] == MBEDTLS_SSL_MSG_HANDSHAKE &&
        bytes[13] == MBEDTLS_SSL_HS_CLIENT_HELLO) {
        from->hello = *place;
    }
    return (int)size;
}

static int end_receive(void *context, unsigned char *bytes, size_t size)
{
    dtls_end *at = context;
    if (at->count == 0) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    const dtls_datagram *got = &at->inbox[at->first];
    assert_true(got->size <= size);
    memcpy(bytes, got->bytes, got->size);
    at->first = (at->first + 1) % DTLS_DATAGRAMS_MAX;
    at->count--;
    return (int)got->size;
}

/* ---------------------------------------------------------------- an end */

static void end_init(dtls_end *end, dtls_end *other)
{
    end->other = other;
    mbedtls_ssl_init(&end->ssl);
    mbedtls_ssl_config_init(&end->config);
    mbedtls_ssl_cookie_init(&end->cookies);
    mbedtls_x509_crt_init(&end->chain);
    mbedtls_pk_init(&end->key);
}

static void end_free(dtls_end *end)
{
    mbedtls_ssl_free(&end->ssl);
    mbedtls_ssl_config_free(&end->config);
    mbedtls_ssl_cookie_free(&end->cookies);
    mbedtls_x509_crt_free(&end->chain);
    mbedtls_pk_free(&end->key);
}

static void end_configure(dtls_end *end, int endpoint)
{
    assert_int_equal(mbedtls_ssl_config_defaults(&end->config, endpoint,
                                                 MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(&end->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_authmode(&end->config, MBEDTLS_SSL_VERIFY_NONE);
    if (endpoint == MBEDTLS_SSL_IS_SERVER) {
        mbedtls_ssl_conf_dtls_cookies(&end->config, NULL, NULL, NULL);
    }
}

static void end_load(dtls_end *end, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    assert_int_equal(mbedtls_x509_crt_parse_file(&end->chain, credential_path(file)), 0);
    snprintf(file, sizeof file, "%s.key", name);
    assert_int_equal(mbedtls_pk_parse_keyfile(&end->key, credential_path(file), NULL,
                                              mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE),
                     0);
}

static void end_show(dtls_end *end)
{
    assert_int_equal(mbedtls_ssl_conf_own_cert(&end->config, &end->chain, &end->key), 0);
}

static void end_begin(dtls_end *end)
{
    assert_int_equal(mbedtls_ssl_setup(&end->ssl, &end->config), 0);
    mbedtls_ssl_set_bio(&end->ssl, end, end_send, end_receive, NULL);
    mbedtls_ssl_set_timer_cb(&end->ssl, &end->timer, mbedtls_timing_set_delay,
                             mbedtls_timing_get_delay);
    end->code = MBEDTLS_ERR_SSL_WANT_READ;
}

static void end_hold_psk(dtls_end *end, const talc_identity *identity)
{
    const talc_psk_entry *psk = &identity->psk;
    assert_int_equal(
        mbedtls_ssl_conf_psk(&end->config, psk->key, psk->key_size, psk->name, psk->name_size), 0);
}

/* ---------------------------------------------------------------- our end */

/* As the listener does it: an unknown name gets a key that nobody holds. */
static int find_psk(void *context, mbedtls_ssl_context *ssl, const unsigned char *name, size_t size)
{
    dtls_pair *pair = context;
    talc_psk psk = { .key = decoy, .key_size = sizeof decoy };
    bool is_known = talc_dtls_psk_find(&psk, pair->config.trust, name, size);
    talc_dtls_peer_name_psk(pair->peer, name, size, is_known);
    return mbedtls_ssl_set_hs_psk(ssl, psk.key, psk.key_size);
}

static void ours_as_server(dtls_pair *pair)
{
    dtls_end *ours = &pair->ours;
    assert_int_equal(
        mbedtls_ssl_cookie_setup(&ours->cookies, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE),
        0);
    mbedtls_ssl_conf_dtls_cookies(&ours->config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &ours->cookies);
    if (pair->config.trust != NULL && pair->config.trust->psks != NULL) {
        mbedtls_ssl_conf_psk_cb(&ours->config, find_psk, pair);
    }
    end_load(ours, "server");
    end_show(ours);
}

static void ours_as_client(dtls_pair *pair)
{
    if (pair->config.identity != NULL) {
        end_hold_psk(&pair->ours, pair->config.identity);
        return;
    }
    end_load(&pair->ours, "client");
    end_show(&pair->ours);
}

/* Once it is known whether our verification is to be on it. */
static void ours_begin(dtls_pair *pair)
{
    dtls_end *ours = &pair->ours;
    bool is_server = pair->role == TALC_ROLE_SERVER;
    int mode = is_server ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE;
    if (!pair->is_detached) {
        mode = is_server && pair->config.client_authentication == TALC_CLIENTS_ANONYMOUS
                   ? MBEDTLS_SSL_VERIFY_NONE
                   : MBEDTLS_SSL_VERIFY_REQUIRED;
    }
    mbedtls_ssl_conf_authmode(&ours->config, mode);
    mbedtls_ssl_conf_ca_chain(&ours->config, pair->is_detached ? &ours->chain : NULL, NULL);
    end_begin(ours);
    if (is_server) {
        assert_int_equal(mbedtls_ssl_set_client_transport_id(&ours->ssl, (const uint8_t *)address,
                                                             sizeof address),
                         0);
    } else if (pair->is_detached) {
        assert_int_equal(mbedtls_ssl_set_hostname(&ours->ssl, NULL), 0);
    }
}

static dtls_pair *pair_new(talc_role role, const peers_side *judge, const char *name,
                           talc_client_authentication authentication)
{
    dtls_pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->role = role;
    peers_configure(&pair->config, judge);
    pair->config.client_authentication = authentication;
    assert_int_equal(talc_dtls_policy_new(&pair->policy, role, &pair->config, name, NULL), TALC_OK);
    pair->peer = talc_dtls_peer_new(pair->policy);
    assert_non_null(pair->peer);
    end_init(&pair->ours, &pair->theirs);
    end_init(&pair->theirs, &pair->ours);
    end_configure(&pair->ours,
                  role == TALC_ROLE_SERVER ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT);
    if (role == TALC_ROLE_SERVER) {
        ours_as_server(pair);
    } else {
        ours_as_client(pair);
    }
    return pair;
}

dtls_pair *dtls_pair_new(talc_role role, const peers_side *judge, const char *name)
{
    return pair_new(role, judge, name, TALC_CLIENTS_AUTHENTICATED);
}

dtls_pair *dtls_pair_of_anyone(const peers_side *judge)
{
    return pair_new(TALC_ROLE_SERVER, judge, NULL, TALC_CLIENTS_ANONYMOUS);
}

void dtls_pair_free(dtls_pair *pair)
{
    end_free(&pair->ours);
    end_free(&pair->theirs);
    talc_dtls_peer_free(pair->peer);
    talc_dtls_policy_free(pair->policy);
    peers_configure_drop(&pair->config);
    free(pair);
}

/* ---------------------------------------------------------------- their end */

static void theirs_renew(dtls_pair *pair)
{
    end_free(&pair->theirs);
    end_init(&pair->theirs, &pair->ours);
    end_configure(&pair->theirs,
                  pair->role == TALC_ROLE_CLIENT ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT);
}

static void add_usage(mbedtls_x509write_cert *writing, dtls_usage usage)
{
    mbedtls_asn1_sequence purpose = {
        .buf = { MBEDTLS_ASN1_OID, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH),
                 (uint8_t *)MBEDTLS_OID_SERVER_AUTH },
    };
    if (usage == DTLS_FOR_SIGNING) {
        assert_int_equal(
            mbedtls_x509write_crt_set_key_usage(writing, MBEDTLS_X509_KU_KEY_CERT_SIGN), 0);
        return;
    }
    if (usage == DTLS_FOR_CLIENTS) {
        purpose.buf.len = MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH);
        purpose.buf.p = (uint8_t *)MBEDTLS_OID_CLIENT_AUTH;
    }
    assert_int_equal(mbedtls_x509write_crt_set_ext_key_usage(writing, &purpose), 0);
}

static void write_certificate(dtls_end *end, dtls_usage usage)
{
    static const char name[] = "sensor.example";
    static uint8_t serial[] = { 0x51 };
    mbedtls_x509_san_list names = {
        .node = { .type = MBEDTLS_X509_SAN_DNS_NAME,
                  .san.unstructured_name = { 0, sizeof name - 1, (uint8_t *)name } },
    };
    uint8_t der[1024];
    mbedtls_pk_context authority;
    mbedtls_x509write_cert writing;
    mbedtls_pk_init(&authority);
    mbedtls_x509write_crt_init(&writing);
    assert_int_equal(mbedtls_pk_parse_keyfile(&authority, credential_path("ca.key"), NULL,
                                              mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE),
                     0);
    mbedtls_x509write_crt_set_subject_key(&writing, &end->key);
    mbedtls_x509write_crt_set_issuer_key(&writing, &authority);
    mbedtls_x509write_crt_set_md_alg(&writing, MBEDTLS_MD_SHA256);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&writing, "CN=used"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&writing, "CN=talc CA"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_serial_raw(&writing, serial, sizeof serial), 0);
    assert_int_equal(
        mbedtls_x509write_crt_set_validity(&writing, "20240101000000", "20990101000000"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_subject_alternative_name(&writing, &names), 0);
    add_usage(&writing, usage);
    int size = mbedtls_x509write_crt_der(&writing, der, sizeof der, mbedtls_psa_get_random,
                                         MBEDTLS_PSA_RANDOM_STATE);
    assert_true(size > 0); /* it stands at the end of the buffer */
    mbedtls_x509_crt_free(&end->chain);
    mbedtls_x509_crt_init(&end->chain);
    assert_int_equal(mbedtls_x509_crt_parse_der(&end->chain, der + sizeof der - size, (size_t)size),
                     0);
    mbedtls_x509write_crt_free(&writing);
    mbedtls_pk_free(&authority);
}

void dtls_pair_show(dtls_pair *pair, const char *name, dtls_usage usage)
{
    dtls_end *theirs = &pair->theirs;
    theirs_renew(pair);
    if (name != NULL) {
        end_load(theirs, name);
        if (usage != DTLS_FOR_ALL) {
            write_certificate(theirs, usage);
        }
        end_show(theirs);
    }
    end_begin(theirs);
}

void dtls_pair_show_psk(dtls_pair *pair, const char *file)
{
    static const int suites[] = { MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, 0 };
    talc_identity *identity = NULL;
    theirs_renew(pair);
    assert_int_equal(talc_identity_from_psk_file(&identity, credential_path(file), NULL), TALC_OK);
    end_hold_psk(&pair->theirs, identity);
    talc_identity_free(identity);
    mbedtls_ssl_conf_ciphersuites(&pair->theirs.config, suites);
    end_begin(&pair->theirs);
}

/* ---------------------------------------------------------------- the handshake */

static bool is_under_way(const dtls_end *end)
{
    return end->code == MBEDTLS_ERR_SSL_WANT_READ;
}

static void theirs_turn(dtls_pair *pair)
{
    if (is_under_way(&pair->theirs)) {
        pair->theirs.code = mbedtls_ssl_handshake(&pair->theirs.ssl);
    }
}

/* Our verification goes on where libcoap lets us: after a client's first flight, and after a
 * server's HelloVerifyRequest. */
static void ours_turn(dtls_pair *pair)
{
    dtls_end *ours = &pair->ours;
    if (!is_under_way(ours)) {
        return;
    }
    ours->code = mbedtls_ssl_handshake(&ours->ssl);
    if (ours->code == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
        assert_int_equal(mbedtls_ssl_session_reset(&ours->ssl), 0);
        assert_int_equal(mbedtls_ssl_set_client_transport_id(&ours->ssl, (const uint8_t *)address,
                                                             sizeof address),
                         0);
        ours->code = MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (ours->code == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) {
        (void)mbedtls_ssl_send_alert_message(&ours->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                             MBEDTLS_SSL_ALERT_MSG_NO_CERT); /* as libcoap does */
    }
    if (!pair->is_detached && is_under_way(ours)) {
        talc_dtls_peer_attach(pair->peer, &ours->ssl);
    }
}

void dtls_pair_run(dtls_pair *pair)
{
    if (pair->ours.ssl.MBEDTLS_PRIVATE(conf) == NULL) {
        ours_begin(pair);
    }
    int turns = 0;
    do {
        theirs_turn(pair);
        ours_turn(pair);
        theirs_turn(pair);
        assert_true(++turns < TURNS_MAX);
    } while ((is_under_way(&pair->ours) && pair->ours.count > 0) ||
             (is_under_way(&pair->theirs) && pair->theirs.count > 0));
}

void dtls_pair_begin_again(dtls_pair *pair)
{
    uint8_t nothing[16];
    int code = 0;
    for (int turns = 0; code != MBEDTLS_ERR_SSL_CLIENT_RECONNECT; turns++) {
        assert_true(turns < TURNS_MAX);
        theirs_turn(pair);
        code = mbedtls_ssl_read(&pair->ours.ssl, nothing, sizeof nothing);
    }
    pair->ours.code = MBEDTLS_ERR_SSL_WANT_READ;
}

void dtls_pair_put(dtls_pair *pair, const uint8_t *bytes, size_t size)
{
    assert_int_equal(end_send(&pair->theirs, bytes, size), (int)size);
}

bool dtls_pair_is_up(const dtls_pair *pair)
{
    return pair->ours.code == 0 && pair->theirs.code == 0;
}

int dtls_pair_alert(const dtls_pair *pair)
{
    return pair->theirs.code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE
               ? pair->theirs.ssl.MBEDTLS_PRIVATE(in_msg)[1]
               : 0;
}

int dtls_pair_read(dtls_pair *pair)
{
    uint8_t bytes[64];
    return mbedtls_ssl_read(&pair->theirs.ssl, bytes, sizeof bytes);
}
