/* SPDX-License-Identifier: MIT */
#include <mbedtls/error.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <stdlib.h>
#include <string.h>

#include "lib/engine_tls.h"
#include "lib/failure.h"

/* X25519 first: 33 bytes less each way than P-256, which stays for the certificates of TLS 1.2. */
static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                   MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                   MBEDTLS_SSL_IANA_TLS_GROUP_NONE };

/* Each costs 2 bytes of a server's flight that has to fit one body. */
static const uint16_t signature_algorithms[] = { MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
                                                 MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
                                                 MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
                                                 MBEDTLS_TLS1_3_SIG_NONE };

static const char *protocols[] = { "coap", NULL }; /* RFC 8323 section 8.2 */

/* AEAD with forward secrecy only. CCM is the IoT profile's (RFC 7925), for constrained peers. */
static const int suites_tls13[] = { MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                    MBEDTLS_TLS1_3_AES_128_CCM_SHA256, 0 };
static const int suites_certificate[] = { MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, 0 };
static const int suites_psk[] = { MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, 0 };

bool talc_tls_context_is_psk(const talc_tls_context *context)
{
    return context->identity != NULL && context->identity->credential == TALC_CREDENTIAL_PSK;
}

static bool has_certificate(const talc_tls_context *context)
{
    return context->identity != NULL &&
           context->identity->credential == TALC_CREDENTIAL_CERTIFICATE;
}

static bool believes_certificates(const talc_tls_context *context)
{
    return context->trust != NULL &&
           (context->trust->has_anchors || context->trust->pin_count > 0);
}

static bool believes_psks(const talc_tls_context *context)
{
    return context->trust != NULL && context->trust->psks != NULL;
}

/* Which of the two kinds of handshake this side takes part in. */
typedef struct handshake_kinds {
    bool certificate;
    bool psk;
} handshake_kinds;

static handshake_kinds kinds_of(const talc_tls_context *context)
{
    handshake_kinds kinds;
    if (context->role == TALC_ROLE_CLIENT) {
        kinds.psk = talc_tls_context_is_psk(context);
        kinds.certificate = !kinds.psk && believes_certificates(context);
        return kinds;
    }
    kinds.psk = believes_psks(context);
    kinds.certificate =
        has_certificate(context) && (context->serves_anyone || believes_certificates(context));
    return kinds;
}

static void add_suites(talc_tls_context *context, const int *suites)
{
    size_t count = 0;
    while (context->suites[count] != 0) {
        count++;
    }
    for (; *suites != 0 && count < TALC_TLS_SUITES_MAX; suites++) {
        context->suites[count++] = *suites;
    }
}

static void configure_versions(talc_tls_context *context, const talc_config *config, handshake_kinds kinds)
{
    mbedtls_ssl_config *tls = &context->config;
    mbedtls_ssl_conf_min_tls_version(tls, config->tls_version_min == TALC_TLS_1_2
                                              ? MBEDTLS_SSL_VERSION_TLS1_2
                                              : MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_max_tls_version(tls, config->tls_version_max == TALC_TLS_1_2
                                              ? MBEDTLS_SSL_VERSION_TLS1_2
                                              : MBEDTLS_SSL_VERSION_TLS1_3);
    if (config->tls_version_max == TALC_TLS_1_3) {
        add_suites(context, suites_tls13);
    }
    if (config->tls_version_min == TALC_TLS_1_2) {
        add_suites(context, kinds.certificate ? suites_certificate : suites_psk);
        add_suites(context, kinds.certificate && kinds.psk ? suites_psk : (const int[]){ 0 });
    }
    mbedtls_ssl_conf_ciphersuites(tls, context->suites);
    /* psk_dhe_ke only: psk_ke has no forward secrecy (RFC 8446 section 4.2.9). A ticket is used as a
     * pre-shared key. */
    bool has_keys = kinds.psk || context->resumption != NULL;
    mbedtls_ssl_conf_tls13_key_exchange_modes(
        tls, (kinds.certificate ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL : 0) |
                 (has_keys ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL : 0));
}

/* mbedTLS asks for the key of the name that a client shows, and of a ticket that it cannot open: that is
 * longer than any name, and too long to be shown as one. An unknown name is refused like a wrong key
 * would be. */
static int find_psk(void *trust, mbedtls_ssl_context *ssl, const unsigned char *name,
                    size_t name_size)
{
    talc_tls_engine *engine = mbedtls_ssl_get_user_data_p(ssl);
    talc_tls_offer offer = { .kind = TALC_TLS_OFFER_PSK };
    const talc_psk_entry *entry = talc_trust_find_psk(trust, name, name_size);
    if (entry == NULL || talc_peer_from_psk(&offer.proof.peer, name, name_size) != TALC_OK) {
        (void)talc_peer_from_psk(&engine->unknown_psk, name, name_size);
        return MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
    }
    int code = mbedtls_ssl_set_hs_psk(ssl, entry->key, entry->key_size);
    engine->offer = code == 0 ? offer : engine->offer;
    return code;
}

static int configure_psk(talc_tls_context *context, handshake_kinds kinds)
{
    if (!kinds.psk) {
        return 0;
    }
    if (context->role == TALC_ROLE_SERVER) {
        mbedtls_ssl_conf_psk_cb(&context->config, find_psk, context->trust);
        return 0;
    }
    const talc_psk_entry *psk = &context->identity->psk;
    return mbedtls_ssl_conf_psk(&context->config, psk->key, psk->key_size, psk->name,
                                psk->name_size);
}

/* OPTIONAL only spares a client the certificate: one that is shown has to verify
 * (talc_tls_find_peer()). */
static int authentication_mode(const talc_tls_context *context)
{
    if (!context->serves_anyone) {
        return MBEDTLS_SSL_VERIFY_REQUIRED;
    }
    return believes_certificates(context) ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE;
}

static int configure_certificates(talc_tls_context *context, handshake_kinds kinds)
{
    mbedtls_ssl_config *tls = &context->config;
    mbedtls_ssl_conf_authmode(tls, authentication_mode(context));
    /* The chain is empty, never absent: absent, mbedTLS refuses before it asks our callback. */
    bool anchored = context->trust != NULL && context->trust->has_anchors;
    mbedtls_ssl_conf_ca_chain(tls, anchored ? &context->trust->anchors : &context->no_anchors,
                              anchored && context->trust->has_revocations
                                  ? &context->trust->revocations
                                  : NULL);
    if (!kinds.certificate || !has_certificate(context)) {
        return 0;
    }
    return mbedtls_ssl_conf_own_cert(tls, &context->identity->chain, &context->identity->key);
}

static int configure(talc_tls_context *context, const talc_config *config, handshake_kinds kinds)
{
    mbedtls_ssl_config *tls = &context->config;
    int endpoint =
        context->role == TALC_ROLE_CLIENT ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER;
    int code = mbedtls_ssl_config_defaults(tls, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                           MBEDTLS_SSL_PRESET_DEFAULT);
    if (code != 0) {
        return code;
    }
    mbedtls_ssl_conf_rng(tls, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    configure_versions(context, config, kinds);
    mbedtls_ssl_conf_groups(tls, groups);
    mbedtls_ssl_conf_sig_algs(tls, signature_algorithms);
    mbedtls_ssl_conf_session_tickets(tls, MBEDTLS_SSL_SESSION_TICKETS_DISABLED); /* of TLS 1.2 */
    talc_tls_resumption_configure(context);
    if (context->role == TALC_ROLE_SERVER) {
        mbedtls_ssl_conf_cert_req_ca_list(tls, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
    }
    code = mbedtls_ssl_conf_alpn_protocols(tls, protocols);
    if (code != 0) {
        return code;
    }
    code = configure_psk(context, kinds);
    return code != 0 ? code : configure_certificates(context, kinds);
}

static talc_status check_kinds(const talc_tls_context *context, handshake_kinds kinds, talc_failure *failure)
{
    if (kinds.certificate || kinds.psk) {
        return TALC_OK;
    }
    if (context->role == TALC_ROLE_CLIENT) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TRUST,
                                "a client needs trust that holds an anchor or a pin, or a pre-shared "
                                "key as its identity");
    }
    if (!has_certificate(context)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IDENTITY,
                                "a server needs a certificate as its identity, or trust that holds "
                                "pre-shared keys");
    }
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TRUST,
                            "a server needs trust that holds anchors or pins of its clients, or "
                            "client_authentication TALC_CLIENTS_ANONYMOUS");
}

talc_status talc_tls_context_new(void **made, talc_role role, const talc_config *config,
                                 talc_failure *failure)
{
    *made = NULL;
    talc_tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    context->role = role;
    context->serves_anyone = role == TALC_ROLE_SERVER &&
                             config->client_authentication == TALC_CLIENTS_ANONYMOUS;
    mbedtls_ssl_config_init(&context->config);
    mbedtls_x509_crt_init(&context->no_anchors);
    context->identity = talc_identity_hold(config->identity);
    context->trust = talc_trust_hold(config->trust);

    handshake_kinds kinds = kinds_of(context);
    talc_status status = check_kinds(context, kinds, failure);
    if (status == TALC_OK && kinds.certificate &&
        (status = talc_tls_resumption_new(context, config)) != TALC_OK) {
        (void)talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                               "no memory or no cryptography for tickets");
    }
    if (status == TALC_OK) {
        status = talc_key_log_open(&context->key_log, config->key_log_path, failure);
    }
    if (status == TALC_OK) {
        int code = configure(context, config, kinds);
        if (code != 0) {
            char text[96];
            mbedtls_strerror(code, text, sizeof text);
            status = talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IDENTITY,
                                      "the TLS configuration was refused: %s (-0x%04X)", text,
                                      (unsigned)-code);
        }
    }
    if (status != TALC_OK) {
        talc_tls_context_free(context);
        return status;
    }
    *made = context;
    return TALC_OK;
}

void talc_tls_context_free(void *made)
{
    talc_tls_context *context = made;
    if (context == NULL) {
        return;
    }
    mbedtls_ssl_config_free(&context->config);
    talc_tls_resumption_free(context->resumption);
    talc_key_log_close(context->key_log);
    mbedtls_x509_crt_free(&context->no_anchors);
    talc_identity_free(context->identity);
    talc_trust_free(context->trust);
    free(context);
}
