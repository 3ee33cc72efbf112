/* SPDX-License-Identifier: MIT */
/* Why TLS failed, in words that name the credential and the side at fault. */
#include <mbedtls/error.h>
#include <stdio.h>

#include "lib/engine_tls.h"
#include "lib/failure.h"
#include "lib/tls_alert.h"

typedef enum cause {
    CAUSE_OTHER = 0,
    CAUSE_ALERT,          /* the peer ended it, and says why */
    CAUSE_CERTIFICATE,    /* the peer's is not believed */
    CAUSE_NO_CERTIFICATE, /* the client shows none */
    CAUSE_UNKNOWN_PSK,    /* the client names one that is not known here */
    CAUSE_WRONG_PSK,      /* it names one that is, and has another key */
    CAUSE_WRONG_TICKET,   /* it shows a good ticket, and does not hold its secret */
    CAUSE_NOTHING_COMMON, /* no version, suite or kind of credential */
    CAUSE_TOO_LARGE,      /* a record of the peer */
    CAUSE_MEMORY
} cause;

bool talc_tls_is_plain_alert(const talc_tls_engine *engine, int code)
{
    return code == MBEDTLS_ERR_SSL_INVALID_MAC && !engine->has_read && engine->plain_alert != 0;
}

/* What mbedTLS's server says when it finds nothing to agree on, or when a binder or a Finished shows
 * another key: it says the same in several cases, and the callback for keys knows better. */
static cause cause_of_disagreement(const talc_tls_engine *engine, int code)
{
    bool may_be_key = code == MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE ||
                      code == MBEDTLS_ERR_SSL_INVALID_MAC ||
                      code == MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER ||
                      code == MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
    if (!may_be_key || engine->is_over || engine->context->role != TALC_ROLE_SERVER) {
        return CAUSE_OTHER;
    }
    if (engine->offer.kind != TALC_TLS_OFFER_NONE) {
        return engine->offer.kind == TALC_TLS_OFFER_PSK ? CAUSE_WRONG_PSK : CAUSE_WRONG_TICKET;
    }
    if (engine->unknown_psk.name[0] != 0) {
        return CAUSE_UNKNOWN_PSK;
    }
    return code == MBEDTLS_ERR_SSL_INVALID_MAC ? CAUSE_OTHER : CAUSE_NOTHING_COMMON;
}

static cause cause_of(const talc_tls_engine *engine, int code)
{
    if (talc_tls_is_plain_alert(engine, code)) {
        return CAUSE_ALERT;
    }
    switch (code) {
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return CAUSE_ALERT;
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        return CAUSE_CERTIFICATE;
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
        return CAUSE_NO_CERTIFICATE;
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
        return CAUSE_MEMORY;
    case MBEDTLS_ERR_SSL_BAD_INPUT_DATA:
        return CAUSE_TOO_LARGE; /* of what we hand in, only records can be bad */
    default:
        return cause_of_disagreement(engine, code);
    }
}

static talc_status status_of(const talc_tls_engine *engine, cause why)
{
    switch (why) {
    case CAUSE_CERTIFICATE:
    case CAUSE_NO_CERTIFICATE:
    case CAUSE_UNKNOWN_PSK:
    case CAUSE_WRONG_PSK:
    case CAUSE_WRONG_TICKET:
        return TALC_ERROR_VERIFY;
    case CAUSE_ALERT:
        /* In TLS 1.3 the server judges a client's credential after the client's handshake is over
         * (RFC 8446 section 4.4.2.4): until plaintext has come, an alert is a refusal. */
        return engine->has_read ? TALC_ERROR_PROTOCOL : TALC_ERROR_REFUSED;
    case CAUSE_MEMORY:
        return TALC_ERROR_MEMORY;
    default:
        return TALC_ERROR_PROTOCOL;
    }
}

static const char *peer_word(const talc_tls_engine *engine)
{
    return engine->context->role == TALC_ROLE_CLIENT ? "server" : "client";
}

/* A buffer that text is appended to, cut where it ends. */
typedef struct words {
    char *text;
    size_t capacity;
} words;

static void explain_certificate(talc_tls_engine *engine, words *to)
{
    char reasons[192];
    uint32_t flags = mbedtls_ssl_get_verify_result(&engine->ssl);
    const talc_trust *trust = engine->context->trust;
    bool pins_only = trust != NULL && !trust->has_anchors;
    talc_verify_flags_text(flags, reasons, sizeof reasons);
    engine->failure.verify_flags = flags;
    if (pins_only && (flags & MBEDTLS_X509_BADCERT_REVOKED) == 0) {
        snprintf(to->text, to->capacity, "the %s's key is not one of those that are pinned",
                 peer_word(engine));
    } else if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        snprintf(to->text, to->capacity,
                 "the %s's certificate is not believed: %s (\"%.100s\" was wanted)", peer_word(engine),
                 reasons, engine->server_name);
    } else {
        snprintf(to->text, to->capacity, "the %s's certificate is not believed: %s",
                 peer_word(engine), reasons);
    }
}

static bool is_about_psk(const talc_tls_engine *engine, int alert)
{
    return engine->context->role == TALC_ROLE_CLIENT && talc_tls_context_is_psk(engine->context) &&
           (alert == MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE ||
            alert == MBEDTLS_SSL_ALERT_MSG_MISSING_EXTENSION ||
            alert == MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY);
}

static void explain_alert(talc_tls_engine *engine, words *to)
{
    /* mbedTLS 3.6 has no getter for the alert that it has just read. */
    int alert = engine->plain_alert != 0 && !engine->has_read
                    ? engine->plain_alert
                    : engine->ssl.MBEDTLS_PRIVATE(in_msg)[1];
    engine->failure.alert = alert;
    snprintf(to->text, to->capacity, "the %s sent the alert %s (%d): %s", peer_word(engine),
             talc_tls_alert_name(alert), alert,
             is_about_psk(engine, alert)
                 ? "it does not know our pre-shared key, or serves certificates only"
                 : talc_tls_alert_meaning(alert));
}

static void explain_code(const talc_tls_engine *engine, int code, words *to)
{
    char mbedtls_text[128];
    mbedtls_strerror(code, mbedtls_text, sizeof mbedtls_text);
    snprintf(to->text, to->capacity, "TLS with the %s failed: %s (-0x%04X)", peer_word(engine),
             mbedtls_text, (unsigned)-code);
}

static void explain(talc_tls_engine *engine, int code, cause why, words *to)
{
    switch (why) {
    case CAUSE_CERTIFICATE:
        explain_certificate(engine, to);
        break;
    case CAUSE_ALERT:
        explain_alert(engine, to);
        break;
    case CAUSE_UNKNOWN_PSK:
        snprintf(to->text, to->capacity,
                 "the client named the pre-shared key \"%.128s\", which is not known here",
                 engine->unknown_psk.name);
        break;
    case CAUSE_WRONG_PSK:
        snprintf(to->text, to->capacity,
                 "the client named the pre-shared key \"%.128s\" and does not hold it",
                 engine->offer.proof.peer.name);
        break;
    case CAUSE_WRONG_TICKET:
        snprintf(to->text, to->capacity,
                 "the client showed a ticket of \"%.128s\" and does not hold its secret",
                 engine->offer.proof.peer.name);
        break;
    case CAUSE_TOO_LARGE:
        snprintf(to->text, to->capacity,
                 "the %s sent a record above %d bytes, the limit that TLS told it (RFC 8449): "
                 "configure it to send smaller ones",
                 peer_word(engine), MBEDTLS_SSL_IN_CONTENT_LEN);
        break;
    case CAUSE_NO_CERTIFICATE:
        snprintf(to->text, to->capacity, "the client showed no certificate, and one is required");
        break;
    case CAUSE_NOTHING_COMMON:
        snprintf(to->text, to->capacity,
                 "the client and this server have no TLS version, suite or kind of credential in "
                 "common (-0x%04X)",
                 (unsigned)-code);
        break;
    default:
        explain_code(engine, code, to);
        break;
    }
}

talc_status talc_tls_fail_with(talc_tls_engine *engine, talc_status status, int code,
                               const char *text)
{
    engine->status = status;
    engine->failure.tls_code = code;
    return talc_failure_set(&engine->failure,
                            engine->has_read ? TALC_STAGE_SESSION : TALC_STAGE_HANDSHAKE, status,
                            "%s", text);
}

talc_status talc_tls_fail(talc_tls_engine *engine, int code)
{
    char text[TALC_FAILURE_TEXT_SIZE];
    words to = { text, sizeof text };
    cause why = cause_of(engine, code);
    explain(engine, code, why, &to);
    return talc_tls_fail_with(engine, status_of(engine, why), code, text);
}
