/* SPDX-License-Identifier: MIT */
/* Who the other side of a TLS session is, and how long what proves it holds. */
#include <string.h>

#include "lib/engine_tls.h"

static void end_at(mbedtls_x509_time *end, const mbedtls_x509_time *other)
{
    if (mbedtls_x509_time_cmp(other, end) < 0) {
        *end = *other;
    }
}

int talc_tls_verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    talc_tls_engine *engine = context;
    end_at(&engine->chain_end, &certificate->valid_to);
    return talc_trust_verify(&engine->verification, certificate, depth, flags);
}

/* When a full handshake would not believe the certificate any more. The dates of a pinned one do not
 * matter; a revocation list that has ended speaks against everybody (mbedTLS). */
static mbedtls_x509_time end_of_belief(const talc_tls_engine *engine)
{
    const talc_trust *trust = engine->context->trust;
    mbedtls_x509_time end = engine->chain_end;
    if (engine->verification.credential == TALC_CREDENTIAL_PIN) {
        return talc_ticket_never;
    }
    const mbedtls_x509_crl *list = trust->has_revocations ? &trust->revocations : NULL;
    for (; list != NULL; list = list->next) {
        end_at(&end, &list->next_update);
    }
    return end;
}

static talc_status prove_by_certificate(talc_tls_engine *engine,
                                        const mbedtls_x509_crt *certificate)
{
    talc_ticket_proof *proof = &engine->proof;
    if (mbedtls_ssl_get_verify_result(&engine->ssl) != 0) {
        return TALC_ERROR_VERIFY;
    }
    proof->not_after = end_of_belief(engine);
    talc_status status = talc_certificate_pin(certificate, proof->pin);
    return status == TALC_OK ? talc_peer_from_certificate(&proof->peer, certificate,
                                                          engine->verification.credential)
                             : status;
}

/* Takes what the key that was offered proves. That one was offered, or looked up, proves nothing:
 * mbedTLS looks before it knows whether the key can be used, and goes on to a handshake by
 * certificate. Without a certificate the result is 0 only where a key was used; else it says that the
 * certificate is missing or unchecked. mbedTLS's server uses the last key that was found or none. */
static bool prove_by_key(talc_tls_engine *engine)
{
    if (engine->offer.kind == TALC_TLS_OFFER_NONE ||
        mbedtls_ssl_get_verify_result(&engine->ssl) != 0) {
        return false;
    }
    engine->proof = engine->offer.proof;
    engine->is_resumed = engine->offer.kind == TALC_TLS_OFFER_TICKET;
    return true;
}

talc_status talc_tls_find_peer(talc_tls_engine *engine)
{
    const talc_tls_context *context = engine->context;
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&engine->ssl);
    memset(&engine->proof, 0, sizeof engine->proof);
    engine->proof.proved_at_ms = talc_tls_now_ms(context);
    engine->proof.not_after = talc_ticket_never;
    if (certificate != NULL) {
        return prove_by_certificate(engine, certificate);
    }
    if (context->role == TALC_ROLE_CLIENT && talc_tls_context_is_psk(context)) {
        return talc_peer_from_psk(&engine->proof.peer, context->identity->psk.name,
                                  context->identity->psk.name_size);
    }
    if (prove_by_key(engine)) {
        return TALC_OK;
    }
    /* An unproven peer is only nobody where the server serves anyone. */
    engine->proof.peer.engine = TALC_ENGINE_TLS;
    return context->serves_anyone ? TALC_OK : TALC_ERROR_VERIFY;
}
