/* SPDX-License-Identifier: MIT */
#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <string.h>

#include "lib/credentials.h"
#include "lib/hex.h"

/* The context tag of a dNSName in a GeneralName (RFC 5280 section 4.2.1.6). */
#define DNS_NAME_TAG (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME)

/* Writes one byte as it is shown; returns how many characters that takes. */
static size_t show_byte(char shown[4], uint8_t byte)
{
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
        shown[0] = (char)byte;
        return 1;
    }
    shown[0] = '\\';
    shown[1] = 'x';
    talc_hex_write(shown + 2, &byte, 1);
    return 4;
}

static talc_status show_name(talc_peer *peer, const uint8_t *name, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char shown[4];
        size_t shown_size = show_byte(shown, name[i]);
        if (shown_size >= sizeof(peer->name) - used) {
            peer->name[0] = '\0';
            return TALC_ERROR_VERIFY;
        }
        memcpy(peer->name + used, shown, shown_size);
        used += shown_size;
    }
    peer->name[used] = '\0';
    return used > 0 ? TALC_OK : TALC_ERROR_VERIFY;
}

static void begin_peer(talc_peer *peer, talc_credential credential)
{
    memset(peer, 0, sizeof(*peer));
    peer->engine = TALC_ENGINE_TLS;
    peer->credential = credential;
}

talc_status talc_peer_from_psk(talc_peer *peer, const void *name, size_t name_size)
{
    begin_peer(peer, TALC_CREDENTIAL_PSK);
    return show_name(peer, name, name_size);
}

static const mbedtls_x509_buf *first_dns_name(const mbedtls_x509_crt *certificate)
{
    const mbedtls_x509_sequence *name = &certificate->subject_alt_names;
    for (; name && name->buf.p; name = name->next) {
        if (name->buf.tag == DNS_NAME_TAG) {
            return &name->buf;
        }
    }
    return NULL;
}

/* Other string types are left out: the same bytes mean other characters in them. */
static bool is_byte_string(int tag)
{
    return tag == MBEDTLS_ASN1_UTF8_STRING || tag == MBEDTLS_ASN1_PRINTABLE_STRING ||
           tag == MBEDTLS_ASN1_IA5_STRING;
}

static const mbedtls_x509_buf *first_common_name(const mbedtls_x509_crt *certificate)
{
    for (const mbedtls_x509_name *name = &certificate->subject; name; name = name->next) {
        if (name->oid.p && MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) {
            return is_byte_string(name->val.tag) ? &name->val : NULL;
        }
    }
    return NULL;
}

static talc_status name_by_pin(talc_peer *peer, const mbedtls_x509_crt *certificate)
{
    uint8_t pin[TALC_PIN_SIZE];
    talc_status status = talc_certificate_pin(certificate, pin);
    if (status == TALC_OK) {
        talc_hex_write(peer->name, pin, sizeof(pin));
    }
    return status;
}

talc_status talc_peer_from_certificate(talc_peer *peer, const mbedtls_x509_crt *certificate,
                                       talc_credential credential)
{
    begin_peer(peer, credential);
    if (credential == TALC_CREDENTIAL_PIN) {
        return name_by_pin(peer, certificate);
    }
    const mbedtls_x509_buf *name = first_dns_name(certificate);
    if (!name) {
        name = first_common_name(certificate);
    }
    return name ? show_name(peer, name->p, name->len) : TALC_ERROR_VERIFY;
}

bool talc_peer_is_same(const talc_peer *left, const talc_peer *right)
{
    return left->credential != TALC_CREDENTIAL_NONE && left->engine == right->engine &&
           left->credential == right->credential && strcmp(left->name, right->name) == 0;
}
