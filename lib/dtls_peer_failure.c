/* SPDX-License-Identifier: MIT */
/* Why a DTLS session ended, in the words of engine_tls_failure.c. */
#include <mbedtls/ssl.h>
#include <stdio.h>

#include "lib/dtls_peer_state.h"
#include "lib/failure.h"
#include "lib/tls_alert.h"

static const char *peer_word(const talc_dtls_policy *policy)
{
    return policy->role == TALC_ROLE_CLIENT ? "server" : "client";
}

void talc_dtls_explain_chain(const talc_dtls_peer *peer, talc_failure *failure)
{
    const talc_dtls_policy *policy = peer->policy;
    const talc_trust *trust = policy->trust;
    uint32_t flags = peer->verify_flags;
    bool pins_only = trust != NULL && !trust->has_anchors;
    char reasons[192];
    char wanted[160] = "";
    talc_verify_flags_text(flags, reasons, sizeof reasons);
    if (peer->shown != NULL && !peer->has_leaf) {
        snprintf(reasons, sizeof reasons, "the TLS library refuses it and does not say why");
    }
    if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        snprintf(wanted, sizeof wanted, " (\"%.100s\" was wanted)", policy->server_name);
    }
    failure->verify_flags = flags;
    failure->tls_code = MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
    if (pins_only && (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0 &&
        (flags & MBEDTLS_X509_BADCERT_REVOKED) == 0) {
        talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_VERIFY,
                         "the %s's key is not one of those that are pinned", peer_word(policy));
        return;
    }
    talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_VERIFY,
                     "the %s's certificate is not believed: %s%s", peer_word(policy), reasons,
                     wanted);
}

static bool is_psk_client(const talc_dtls_policy *policy)
{
    return policy->role == TALC_ROLE_CLIENT && policy->identity != NULL &&
           policy->identity->credential == TALC_CREDENTIAL_PSK;
}

/* A server does not tell an unknown name from a wrong key, and mbedTLS's finds the latter by a
 * record that it cannot read. */
static bool is_about_psk(const talc_dtls_policy *policy, int alert)
{
    return is_psk_client(policy) && (alert == MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE ||
                                     alert == MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC ||
                                     alert == MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR ||
                                     alert == MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY);
}

static talc_status explain_received(const talc_dtls_peer *peer, talc_failure *failure)
{
    int alert = peer->alert_received;
    failure->alert = alert;
    return talc_failure_set(
        failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_REFUSED, "the %s sent the alert %s (%d): %s",
        peer_word(peer->policy), talc_tls_alert_name(alert), alert,
        is_about_psk(peer->policy, alert)
            ? "it does not know our pre-shared key, or holds another, or serves certificates only"
            : talc_tls_alert_meaning(alert));
}

/* Closed, or by an alert under keys that we have not: a wrong pre-shared key looks like that,
 * because what cannot be decrypted is dropped in DTLS (RFC 6347 section 4.1.2.7). */
static talc_status explain_unsaid(const talc_dtls_peer *peer, talc_failure *failure)
{
    return talc_failure_set(
        failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_REFUSED,
        "the %s ended the handshake and did not say why%s", peer_word(peer->policy),
        is_psk_client(peer->policy) ? ": it may not know our pre-shared key, or hold another" : "");
}

static talc_status explain_sent(const talc_dtls_peer *peer, talc_failure *failure)
{
    int alert = peer->alert_sent;
    bool is_server = peer->policy->role == TALC_ROLE_SERVER;
    if (is_server && (alert == MBEDTLS_SSL_ALERT_MSG_NO_CERT || alert == 116)) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_VERIFY,
                                "the client showed no certificate, and one is required");
    }
    if (is_server && alert == MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_PROTOCOL,
                                "the client and this server have no DTLS version, suite or kind "
                                "of credential in common");
    }
    return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_PROTOCOL,
                            "DTLS with the %s failed, it was sent the alert %s (%d)",
                            peer_word(peer->policy), talc_tls_alert_name(alert), alert);
}

talc_status talc_dtls_peer_explain(const talc_dtls_peer *peer, talc_failure *failure)
{
    if (peer->is_judged) {
        /* Its first word under our keys is an alert: it has seen our credential, and no more. */
        return peer->sealed_alert && !peer->sealed_data
                   ? talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_REFUSED,
                                      "the %s ended the session before it answered anything: it "
                                      "does not believe us, or has no room",
                                      peer_word(peer->policy))
                   : TALC_OK;
    }
    if (peer->verify_flags != 0) {
        talc_dtls_explain_chain(peer, failure);
        return TALC_ERROR_VERIFY;
    }
    if (peer->unknown_psk.name[0] != 0) {
        return talc_failure_set(
            failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_VERIFY,
            "the client named the pre-shared key \"%.128s\", which is not known here",
            peer->unknown_psk.name);
    }
    if (peer->psk_peer.name[0] != 0) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_VERIFY,
                                "the client named the pre-shared key \"%.128s\" and does not "
                                "hold it",
                                peer->psk_peer.name);
    }
    if (peer->has_leaf) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_REFUSED,
                                "the %s's certificate is believed, and the handshake failed all "
                                "the same: it seems to have refused us, which the TLS library does "
                                "not tell",
                                peer_word(peer->policy));
    }
    if (peer->alert_received > 0) {
        return explain_received(peer, failure);
    }
    if (peer->sealed_alert || peer->alert_received == MBEDTLS_SSL_ALERT_MSG_CLOSE_NOTIFY) {
        return explain_unsaid(peer, failure);
    }
    return peer->alert_sent > 0 ? explain_sent(peer, failure) : TALC_OK;
}
