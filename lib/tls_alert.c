/* SPDX-License-Identifier: MIT */
#include "lib/tls_alert.h"

#include <stddef.h>

typedef struct alert_row {
    int alert;
    const char *name;
    const char *meaning;
} alert_row;

/* RFC 8446 section 6. */
static const alert_row alerts[] = {
    { 0, "close_notify", "it ended the session" },
    { 10, "unexpected_message", "it got a message out of order" },
    { 20, "bad_record_mac", "what it received was altered, or the keys of both sides differ" },
    { 22, "record_overflow", "a record was too large for it" },
    { 40, "handshake_failure", "no common version, suite or credential" },
    { 41, "no_certificate", "it wants a certificate of us" }, /* SSL 3.0's, still sent by mbedTLS */
    { 42, "bad_certificate", "it does not believe our certificate" },
    { 43, "unsupported_certificate", "our certificate is of a kind that it does not take" },
    { 44, "certificate_revoked", "our certificate is revoked" },
    { 45, "certificate_expired", "our certificate has expired or is not valid yet" },
    { 46, "certificate_unknown", "it does not accept our certificate" },
    { 47, "illegal_parameter", "a field of a handshake message was out of range" },
    { 48, "unknown_ca", "it does not know the authority behind our certificate" },
    { 49, "access_denied", "it knows who we are and lets us not in" },
    { 50, "decode_error", "it could not read a handshake message" },
    { 51, "decrypt_error", "a signature or a pre-shared key did not verify" },
    { 70, "protocol_version", "it does not speak our version of TLS" },
    { 71, "insufficient_security", "it wants stronger parameters" },
    { 80, "internal_error", "it failed by itself" },
    { 86, "inappropriate_fallback", "it saw a downgrade" },
    { 90, "user_canceled", "it gave up" },
    { 109, "missing_extension", "a handshake message lacked an extension" },
    { 110, "unsupported_extension", "a handshake message held an extension it did not ask for" },
    { 112, "unrecognized_name", "it does not serve the name that we asked for" },
    { 115, "unknown_psk_identity", "it does not know our pre-shared key" },
    { 116, "certificate_required", "it wants a certificate of us" },
    { 120, "no_application_protocol", "it does not speak CoAP inside TLS" },
};

static const alert_row *find(int alert)
{
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
        if (alerts[i].alert == alert) {
            return &alerts[i];
        }
    }
    return NULL;
}

const char *talc_tls_alert_name(int alert)
{
    const alert_row *row = find(alert);
    return row == NULL ? "unknown" : row->name;
}

const char *talc_tls_alert_meaning(int alert)
{
    const alert_row *row = find(alert);
    return row == NULL ? "RFC 8446 does not define it" : row->meaning;
}
