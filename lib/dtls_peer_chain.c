/* SPDX-License-Identifier: MIT */
/* Whether a DTLS peer's certificates are believed. */
#include <mbedtls/oid.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <stdlib.h>

#include "lib/dtls_peer_state.h"

/* What mbedtls_ssl_check_cert_usage() asks of a server in TLS 1.2; without the suite either will
 * do. */
static bool server_usage_is_good(const mbedtls_x509_crt *certificate, int suite)
{
    const mbedtls_ssl_ciphersuite_t *info = mbedtls_ssl_ciphersuite_from_id(suite);
    bool may_sign =
        mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0;
    bool may_encipher =
        mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_KEY_ENCIPHERMENT) == 0;
    bool may_agree =
        mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_KEY_AGREEMENT) == 0;
    if (info == NULL) {
        return may_sign || may_encipher;
    }
    switch (info->MBEDTLS_PRIVATE(key_exchange)) {
    case MBEDTLS_KEY_EXCHANGE_RSA:
    case MBEDTLS_KEY_EXCHANGE_RSA_PSK: return may_encipher;
    case MBEDTLS_KEY_EXCHANGE_ECDH_RSA:
    case MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA: return may_agree;
    default: return may_sign;
    }
}

static uint32_t usage_flags(talc_role role, const mbedtls_x509_crt *certificate, int suite)
{
    bool is_server = role == TALC_ROLE_CLIENT;
    bool is_good =
        is_server
            ? server_usage_is_good(certificate, suite)
            : mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0;
    uint32_t flags = is_good ? 0 : MBEDTLS_X509_BADCERT_KEY_USAGE;
    const char *wanted = is_server ? MBEDTLS_OID_SERVER_AUTH : MBEDTLS_OID_CLIENT_AUTH;
    size_t size = is_server ? MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)
                            : MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH);
    if (mbedtls_x509_crt_check_extended_key_usage(certificate, wanted, size) != 0) {
        flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    }
    return flags;
}

static const char *wanted_name(const talc_dtls_policy *policy)
{
    return policy->role == TALC_ROLE_CLIENT ? policy->server_name : NULL;
}

static talc_verification verification_of(const talc_dtls_policy *policy)
{
    return (talc_verification){ .trust = policy->trust, .credential = TALC_CREDENTIAL_NONE };
}

uint32_t talc_dtls_chain_verify(talc_dtls_peer *peer, const mbedtls_x509_crt *chain, int suite)
{
    talc_dtls_policy *policy = peer->policy;
    talc_trust *trust = policy->trust;
    bool anchored = trust != NULL && trust->has_anchors;
    uint32_t flags = 0;
    peer->verification = verification_of(policy);
    int code = mbedtls_x509_crt_verify_with_profile(
        (mbedtls_x509_crt *)chain, anchored ? &trust->anchors : &policy->no_anchors,
        anchored && trust->has_revocations ? &trust->revocations : NULL,
        &mbedtls_x509_crt_profile_default, wanted_name(policy), &flags, talc_trust_verify,
        &peer->verification);
    if (code != 0 && code != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        flags = UINT32_MAX;
    }
    flags |= usage_flags(policy->role, chain, suite);
    peer->verify_flags = flags;
    return flags;
}

/* The name alone: the certificate vouches for itself here. */
static bool shows_name(mbedtls_x509_crt *certificate, const char *name)
{
    uint32_t flags = 0;
    (void)mbedtls_x509_crt_verify(certificate, certificate, NULL, name, &flags, NULL, NULL);
    return (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) == 0;
}

/* The name is compared here, because mbedTLS also sends the one that it compares (SNI), where an
 * address must not stand (RFC 6066 section 3). */
int talc_dtls_chain_check(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    talc_dtls_peer *peer = context;
    const char *name = wanted_name(peer->policy);
    if (peer->verification.credential != TALC_CREDENTIAL_NONE || peer->verify_flags != 0) {
        peer->verification = verification_of(peer->policy); /* another handshake */
        peer->verify_flags = 0;
    }
    peer->verification.trust = peer->policy->trust;
    if (depth == 0 && name != NULL && !shows_name(certificate, name)) {
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    int code = talc_trust_verify(&peer->verification, certificate, depth, flags);
    if (code != 0) {
        peer->verify_flags = UINT32_MAX;
    } else if (depth == 0) {
        /* mbedTLS looks at the usage after this, and tells it in the same way. */
        peer->verify_flags =
            *flags | usage_flags(peer->policy->role, certificate, TALC_DTLS_SUITE_UNKNOWN);
    }
    return code;
}

/* ---------------------------------------------------------------- chains that are shown */

void talc_dtls_chain_forget(talc_dtls_peer *peer)
{
    while (peer->shown != NULL) {
        mbedtls_x509_crt *next = peer->shown->next;
        peer->shown->next = NULL; /* or mbedTLS frees it too */
        mbedtls_x509_crt_free(peer->shown);
        free(peer->shown);
        peer->shown = next;
    }
    peer->has_leaf = false;
}

static bool remember(talc_dtls_peer *peer, const talc_dtls_certificate *certificate)
{
    mbedtls_x509_crt *node = malloc(sizeof *node);
    if (node == NULL) {
        return false;
    }
    mbedtls_x509_crt_init(node);
    if (mbedtls_x509_crt_parse_der(node, certificate->der, certificate->size) != 0) {
        free(node);
        return false;
    }
    node->next = peer->shown;
    peer->shown = node;
    peer->shown_depth = certificate->depth;
    peer->shown_is_anchored = certificate->is_anchored;
    return true;
}

/* The rest of the chain was not shown, and we are told that it leads to our anchors. */
static bool is_believed_of_others(const talc_dtls_peer *peer, uint32_t flags)
{
    const talc_trust *trust = peer->policy->trust;
    return flags == MBEDTLS_X509_BADCERT_NOT_TRUSTED && peer->shown->next == NULL &&
           peer->shown_is_anchored && trust != NULL && trust->has_anchors &&
           !trust->has_revocations && trust->revoked_pin_count == 0;
}

bool talc_dtls_peer_show(talc_dtls_peer *peer, const talc_dtls_certificate *certificate)
{
    if (peer->shown != NULL && certificate->depth >= peer->shown_depth) {
        talc_dtls_chain_forget(peer); /* another handshake */
    }
    peer->verify_flags = UINT32_MAX;
    if (!remember(peer, certificate)) {
        return false;
    }
    if (certificate->depth > 0) {
        return true;
    }
    uint32_t flags = talc_dtls_chain_verify(peer, peer->shown, TALC_DTLS_SUITE_UNKNOWN);
    if (is_believed_of_others(peer, flags)) {
        peer->verification.credential = TALC_CREDENTIAL_CERTIFICATE;
        peer->verify_flags = flags = 0;
    }
    peer->has_leaf = true;
    return flags == 0;
}
