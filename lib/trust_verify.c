/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lib/credentials.h"

static bool has_pin(uint8_t (*pins)[TALC_PIN_SIZE], size_t count, const uint8_t pin[TALC_PIN_SIZE])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(pins[i], pin, TALC_PIN_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

bool talc_trust_has_pin(const talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE])
{
    return has_pin(trust->pins, trust->pin_count, pin);
}

bool talc_trust_revokes(const talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE])
{
    return has_pin(trust->revoked_pins, trust->revoked_pin_count, pin);
}

/* The flags of a leaf, with those that were held back. */
static uint32_t judge_leaf(talc_verification *verification, const mbedtls_x509_crt *leaf,
                           const uint8_t pin[TALC_PIN_SIZE], uint32_t flags)
{
    const talc_trust *trust = verification->trust;
    verification->credential = TALC_CREDENTIAL_CERTIFICATE;
    flags |= verification->upper_flags;
    verification->upper_flags = 0;
    if (talc_trust_has_pin(trust, pin)) {
        verification->credential = TALC_CREDENTIAL_PIN;
        flags = talc_key_is_weak(&leaf->pk) ? MBEDTLS_X509_BADCERT_BAD_KEY : 0;
    } else if (!trust->has_anchors) {
        flags |= MBEDTLS_X509_BADCERT_NOT_TRUSTED;
    }
    if (verification->leaf_is_revoked) {
        flags |= MBEDTLS_X509_BADCERT_REVOKED;
    }
    if (flags != 0) {
        verification->credential = TALC_CREDENTIAL_NONE;
    }
    return flags;
}

int talc_trust_verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    talc_verification *verification = context;
    uint8_t pin[TALC_PIN_SIZE];
    if (!verification->trust || talc_certificate_pin(certificate, pin) != TALC_OK) {
        return MBEDTLS_ERR_X509_FATAL_ERROR;
    }
    const talc_trust *trust = verification->trust;
    if (talc_trust_revokes(trust, pin)) {
        verification->leaf_is_revoked = true;
    }
    if (depth > 0) {
        verification->upper_flags |= *flags;
        *flags = 0;
    } else {
        *flags = judge_leaf(verification, certificate, pin, *flags);
    }
    return 0;
}

typedef struct verify_reason {
    uint32_t flag;
    const char *text;
} verify_reason;

static const verify_reason reasons[] = {
    { MBEDTLS_X509_BADCERT_EXPIRED, "the certificate has expired" },
    { MBEDTLS_X509_BADCERT_FUTURE, "the certificate is not valid yet" },
    { MBEDTLS_X509_BADCERT_REVOKED, "the certificate or its key is revoked" },
    { MBEDTLS_X509_BADCERT_CN_MISMATCH, "the certificate is for another name" },
    { MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no trust anchor vouches for the certificate" },
    { MBEDTLS_X509_BADCERT_MISSING, "no certificate was sent" },
    { MBEDTLS_X509_BADCERT_SKIP_VERIFY, "the certificate was not verified" },
    { MBEDTLS_X509_BADCERT_OTHER, "the certificate was refused" },
    { MBEDTLS_X509_BADCERT_KEY_USAGE, "the certificate's key usage does not allow this" },
    { MBEDTLS_X509_BADCERT_EXT_KEY_USAGE,
      "the certificate's extended key usage does not allow this" },
    { MBEDTLS_X509_BADCERT_NS_CERT_TYPE, "the certificate's type does not allow this" },
    { MBEDTLS_X509_BADCERT_BAD_MD, "the certificate is signed with an unacceptable hash" },
    { MBEDTLS_X509_BADCERT_BAD_PK, "the certificate is signed with an unacceptable algorithm" },
    { MBEDTLS_X509_BADCERT_BAD_KEY, "a key is too weak or of an unacceptable kind" },
    { MBEDTLS_X509_BADCRL_NOT_TRUSTED, "no trust anchor vouches for the revocation list" },
    { MBEDTLS_X509_BADCRL_EXPIRED, "the revocation list has expired" },
    { MBEDTLS_X509_BADCRL_FUTURE, "the revocation list is not valid yet" },
    { MBEDTLS_X509_BADCRL_BAD_MD, "the revocation list is signed with an unacceptable hash" },
    { MBEDTLS_X509_BADCRL_BAD_PK, "the revocation list is signed with an unacceptable algorithm" },
    { MBEDTLS_X509_BADCRL_BAD_KEY, "the revocation list's key is too weak" },
};

/* Appends as much as fits; returns the new length. */
static size_t append_text(char *text, size_t used, size_t capacity, const char *reason)
{
    int size = snprintf(text + used, capacity - used, "%s%s", used > 0 ? "; " : "", reason);
    if (size < 0) {
        return used;
    }
    size_t room = capacity - used - 1;
    return used + ((size_t)size < room ? (size_t)size : room);
}

void talc_verify_flags_text(uint32_t flags, char *text, size_t capacity)
{
    if (capacity == 0) {
        return;
    }
    text[0] = '\0';
    if (flags == UINT32_MAX) {
        append_text(text, 0, capacity, "the certificate chain could not be examined");
        return;
    }
    size_t used = 0;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (flags & reasons[i].flag) {
            used = append_text(text, used, capacity, reasons[i].text);
            flags &= ~reasons[i].flag;
        }
    }
    if (flags != 0) {
        append_text(text, used, capacity, "for an unknown reason");
    }
}
