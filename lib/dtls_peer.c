/* SPDX-License-Identifier: MIT */
#include "lib/dtls_peer.h"

#include <mbedtls/ssl_ciphersuites.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dtls_peer_state.h"
#include "lib/failure.h"

/* ---------------------------------------------------------------- policy */

talc_status talc_dtls_policy_new(talc_dtls_policy **made, talc_role role, const talc_config *config,
                                 const char *server_name, talc_failure *failure)
{
    *made = NULL;
    talc_dtls_policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    size_t size = server_name != NULL ? strlen(server_name) : 0;
    if (size >= sizeof policy->server_name) {
        free(policy);
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "the server name has %zu bytes, more than 255", size);
    }
    snprintf(policy->server_name, sizeof policy->server_name, "%s", size > 0 ? server_name : "");
    mbedtls_x509_crt_init(&policy->no_anchors);
    policy->role = role;
    policy->serves_anyone =
        role == TALC_ROLE_SERVER && config->client_authentication == TALC_CLIENTS_ANONYMOUS;
    policy->identity = talc_identity_hold(config->identity);
    policy->trust = talc_trust_hold(config->trust);
    *made = policy;
    return TALC_OK;
}

void talc_dtls_policy_free(talc_dtls_policy *policy)
{
    if (policy != NULL) {
        mbedtls_x509_crt_free(&policy->no_anchors);
        talc_identity_free(policy->identity);
        talc_trust_free(policy->trust);
        free(policy);
    }
}

bool talc_dtls_policy_take_news(talc_dtls_policy *policy)
{
    bool has_news = policy->has_news;
    policy->has_news = false;
    return has_news;
}

static bool believes_certificates(const talc_dtls_policy *policy)
{
    const talc_trust *trust = policy->trust;
    return trust != NULL && (trust->has_anchors || trust->pin_count > 0);
}

static bool is_psk_client(const talc_dtls_policy *policy)
{
    return policy->role == TALC_ROLE_CLIENT && policy->identity != NULL &&
           policy->identity->credential == TALC_CREDENTIAL_PSK;
}

/* ---------------------------------------------------------------- peer */

talc_dtls_peer *talc_dtls_peer_new(talc_dtls_policy *policy)
{
    talc_dtls_peer *peer = calloc(1, sizeof *peer);
    if (peer != NULL) {
        peer->policy = policy;
        peer->alert_received = TALC_DTLS_NO_ALERT;
        peer->alert_sent = TALC_DTLS_NO_ALERT;
    }
    return peer;
}

void talc_dtls_peer_free(talc_dtls_peer *peer)
{
    if (peer != NULL) {
        talc_dtls_chain_forget(peer);
        free(peer);
    }
}

void talc_dtls_peer_name_psk(talc_dtls_peer *peer, const void *name, size_t size, bool is_known)
{
    memset(&peer->psk_peer, 0, sizeof peer->psk_peer);
    memset(&peer->unknown_psk, 0, sizeof peer->unknown_psk);
    (void)talc_peer_from_psk(is_known ? &peer->psk_peer : &peer->unknown_psk, name, size);
}

bool talc_dtls_peer_has_refused(const talc_dtls_peer *peer)
{
    return peer->alert_sent > 0;
}

uint32_t talc_dtls_peer_heard(const talc_dtls_peer *peer)
{
    return peer->heard;
}

/* ---------------------------------------------------------------- on mbedTLS */

static int watch_send(void *context, const unsigned char *bytes, size_t size)
{
    talc_dtls_peer *peer = context;
    talc_dtls_shown shown;
    talc_dtls_shown_read(bytes, size, &shown);
    if (shown.alert != TALC_DTLS_NO_ALERT) {
        peer->alert_sent = shown.alert;
    }
    return peer->send(peer->io, bytes, size);
}

/* The ClientHello that began this session, once more: its cookie is still good, and mbedTLS would
 * take it for a client that begins again, and forget the session (RFC 6347 section 4.2.8 forbids
 * it). */
static bool is_replay(const talc_dtls_peer *peer, const talc_dtls_shown *shown)
{
    return peer->is_judged && shown->client_random != NULL &&
           memcmp(shown->client_random, peer->client_random, TALC_DTLS_RANDOM_SIZE) == 0;
}

static int watch_receive(void *context, unsigned char *bytes, size_t size)
{
    talc_dtls_peer *peer = context;
    int got = peer->receive(peer->io, bytes, size);
    if (got <= 0) {
        return got;
    }
    talc_dtls_shown shown;
    talc_dtls_shown_read(bytes, (size_t)got, &shown);
    peer->heard++;
    if (shown.alert != TALC_DTLS_NO_ALERT && !peer->is_judged) {
        peer->alert_received = shown.alert;
    }
    peer->sealed_alert = peer->sealed_alert || shown.sealed_alert;
    peer->sealed_data = peer->sealed_data || shown.sealed_data;
    if (is_replay(peer, &shown)) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (shown.client_hello && peer->is_judged) {
        peer->policy->has_news = true;
    }
    return got;
}

/* The keys are nobody's business: only that there are new ones counts. */
static void count_keys(void *context, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                       size_t size, const unsigned char client_random[32],
                       const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    talc_dtls_peer *peer = context;
    (void)type;
    (void)secret;
    (void)size;
    (void)server_random;
    (void)prf;
    memcpy(peer->client_random, client_random, TALC_DTLS_RANDOM_SIZE);
    peer->keyed++;
}

static int authentication_mode(const talc_dtls_policy *policy)
{
    if (!policy->serves_anyone) {
        return MBEDTLS_SSL_VERIFY_REQUIRED;
    }
    return believes_certificates(policy) ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE;
}

/* Anchors and lists go straight from the trust: libcoap would parse a copy for every session. */
static void attach_handshake(talc_dtls_peer *peer, mbedtls_ssl_context *ssl)
{
    talc_dtls_policy *policy = peer->policy;
    talc_trust *trust = policy->trust;
    bool anchored = trust != NULL && trust->has_anchors;
    mbedtls_ssl_set_hs_authmode(ssl, authentication_mode(policy));
    mbedtls_ssl_set_hs_ca_chain(ssl, anchored ? &trust->anchors : &policy->no_anchors,
                                anchored && trust->has_revocations ? &trust->revocations : NULL);
    if (ssl->MBEDTLS_PRIVATE(hostname) == NULL) {
        (void)mbedtls_ssl_set_hostname(ssl, NULL); /* said: talc_dtls_chain_check() compares it */
    }
}

void talc_dtls_peer_attach(talc_dtls_peer *peer, void *session)
{
    mbedtls_ssl_context *ssl = session;
    if (ssl->MBEDTLS_PRIVATE(p_bio) != peer) {
        peer->send = ssl->MBEDTLS_PRIVATE(f_send);
        peer->receive = ssl->MBEDTLS_PRIVATE(f_recv);
        peer->io = ssl->MBEDTLS_PRIVATE(p_bio);
        mbedtls_ssl_set_bio(ssl, peer, watch_send, watch_receive, NULL);
    }
    mbedtls_ssl_set_verify(ssl, talc_dtls_chain_check, peer);
    mbedtls_ssl_set_export_keys_cb(ssl, count_keys, peer);
    if (ssl->MBEDTLS_PRIVATE(handshake) != NULL && !mbedtls_ssl_is_handshake_over(ssl)) {
        attach_handshake(peer, ssl);
    }
}

void talc_dtls_peer_detach(talc_dtls_peer *peer, void *session)
{
    mbedtls_ssl_context *ssl = session;
    if (ssl->MBEDTLS_PRIVATE(p_bio) == peer) {
        mbedtls_ssl_set_bio(ssl, peer->io, peer->send, peer->receive, NULL);
        mbedtls_ssl_set_verify(ssl, NULL, NULL);
        mbedtls_ssl_set_export_keys_cb(ssl, NULL, NULL);
    }
}

bool talc_dtls_session_has_begun(void *session)
{
    const mbedtls_ssl_context *ssl = session;
    return ssl->MBEDTLS_PRIVATE(state) > MBEDTLS_SSL_CLIENT_HELLO;
}

bool talc_dtls_peer_is_same(const talc_dtls_peer *peer, void *session)
{
    return peer->is_judged && peer->keyed == peer->keyed_then &&
           (session == NULL || mbedtls_ssl_is_handshake_over(session));
}

void talc_dtls_session_describe(void *session, char protocol[16], char cipher_suite[64])
{
    mbedtls_ssl_context *ssl = session;
    snprintf(protocol, 16, "%s", mbedtls_ssl_get_version(ssl));
    snprintf(cipher_suite, 64, "%s", mbedtls_ssl_get_ciphersuite(ssl));
    for (char *at = cipher_suite; *at != 0; at++) {
        *at = *at == '-' ? '_' : *at;
    }
}

/* RFC 8446 section 6.2, as engine_tls.c chooses. */
static uint8_t alert_for(uint32_t flags)
{
    if (flags == 0 || flags == UINT32_MAX) {
        return MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED;
    }
    if ((flags & MBEDTLS_X509_BADCERT_REVOKED) != 0) {
        return MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED;
    }
    if ((flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) != 0) {
        return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
    }
    return (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0 ? MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA
                                                           : MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
}

void talc_dtls_peer_refuse(talc_dtls_peer *peer, void *session)
{
    if (session != NULL) {
        (void)mbedtls_ssl_send_alert_message(session, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                             alert_for(peer->verify_flags));
    }
}

/* ---------------------------------------------------------------- the judgement */

/* What there is to judge. */
typedef struct evidence {
    const mbedtls_x509_crt *certificate; /* leaf first; NULL: none was shown */
    bool is_by_psk;
    uint32_t flags;
} evidence;

/* mbedTLS has no public call that says it. */
static bool suite_is_by_psk(int suite)
{
    const mbedtls_ssl_ciphersuite_t *info = mbedtls_ssl_ciphersuite_from_id(suite);
    if (info == NULL) {
        return false;
    }
    switch (info->MBEDTLS_PRIVATE(key_exchange)) {
    case MBEDTLS_KEY_EXCHANGE_PSK:
    case MBEDTLS_KEY_EXCHANGE_DHE_PSK:
    case MBEDTLS_KEY_EXCHANGE_ECDHE_PSK:
    case MBEDTLS_KEY_EXCHANGE_RSA_PSK: return true;
    default: return false;
    }
}

static evidence evidence_of(talc_dtls_peer *peer, mbedtls_ssl_context *ssl)
{
    evidence found = { 0 };
    if (ssl == NULL) {
        found.certificate = peer->has_leaf ? peer->shown : NULL;
        found.is_by_psk = found.certificate == NULL &&
                          (is_psk_client(peer->policy) || peer->psk_peer.name[0] != 0);
        found.flags = peer->verify_flags;
        return found;
    }
    int suite = mbedtls_ssl_get_ciphersuite_id_from_ssl(ssl);
    found.is_by_psk = suite_is_by_psk(suite);
    found.certificate = found.is_by_psk ? NULL : mbedtls_ssl_get_peer_cert(ssl);
    if (found.certificate != NULL) {
        found.flags = talc_dtls_chain_verify(peer, found.certificate, suite);
    }
    return found;
}

static talc_status nobody(const talc_dtls_policy *policy, talc_failure *failure)
{
    if (policy->role == TALC_ROLE_SERVER && policy->serves_anyone) {
        return TALC_OK; /* `who` is empty */
    }
    return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_VERIFY,
                            policy->role == TALC_ROLE_SERVER
                                ? "the client showed no certificate, and one is required"
                                : "the server showed no certificate");
}

static talc_status by_certificate(talc_dtls_peer *peer, const evidence *found, talc_peer *who,
                                  talc_failure *failure)
{
    if (found->flags != 0) {
        talc_dtls_explain_chain(peer, failure);
        return TALC_ERROR_VERIFY;
    }
    talc_status status =
        talc_peer_from_certificate(who, found->certificate, peer->verification.credential);
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, status,
                                "the peer's credential was accepted but names nobody: a "
                                "certificate needs a dNSName or a common name, within 255 bytes");
    }
    return TALC_OK;
}

static talc_status by_psk(const talc_dtls_peer *peer, talc_peer *who, talc_failure *failure)
{
    if (is_psk_client(peer->policy)) {
        const talc_psk_entry *psk = &peer->policy->identity->psk;
        return talc_peer_from_psk(who, psk->name, psk->name_size);
    }
    if (peer->policy->role == TALC_ROLE_SERVER && peer->psk_peer.name[0] != 0) {
        *who = peer->psk_peer;
        return TALC_OK;
    }
    return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_VERIFY,
                            "the session is by a pre-shared key that is not known here");
}

talc_status talc_dtls_peer_judge(talc_dtls_peer *peer, void *session, talc_peer *who,
                                 talc_failure *failure)
{
    talc_status status;
    memset(who, 0, sizeof *who);
    talc_failure_clear(failure);
    peer->is_judged = false;
    if (session != NULL && !mbedtls_ssl_is_handshake_over(session)) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_PROTOCOL,
                                "the handshake is not over");
    }
    evidence found = evidence_of(peer, session);
    if (found.is_by_psk) {
        status = by_psk(peer, who, failure);
    } else if (found.certificate != NULL) {
        status = by_certificate(peer, &found, who, failure);
    } else {
        status = nobody(peer->policy, failure);
    }
    who->engine = TALC_ENGINE_DTLS;
    peer->is_judged = status == TALC_OK;
    peer->keyed_then = peer->keyed;
    return status;
}
