/* SPDX-License-Identifier: MIT */
#include "lib/identity_certificate.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/pem.h>
#include <mbedtls/psa_util.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/failure.h"

#define RSA_BITS_MIN 2048
#define EC_BITS_MIN 256

#define PEM_BEGIN "-----BEGIN "
#define PEM_BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define PEM_BEGIN_CRL "-----BEGIN X509 CRL-----"
#define PEM_END_CRL "-----END X509 CRL-----"

/* mbedTLS adds the code of a low layer (7 bits) to the one of a high layer. */
static bool is_out_of_memory(int code)
{
    int high = -(-code & 0xff80);
    int low = -(-code & 0x007f);
    return high == MBEDTLS_ERR_X509_ALLOC_FAILED || high == MBEDTLS_ERR_PK_ALLOC_FAILED ||
           high == MBEDTLS_ERR_PEM_ALLOC_FAILED || high == MBEDTLS_ERR_ECP_ALLOC_FAILED ||
           low == MBEDTLS_ERR_ASN1_ALLOC_FAILED || low == MBEDTLS_ERR_MPI_ALLOC_FAILED;
}

talc_status talc_source_tls_fault(const talc_source *source, const char *what, int code)
{
    char reason[160];
    mbedtls_strerror(code, reason, sizeof(reason));
    talc_status status = is_out_of_memory(code) ? TALC_ERROR_MEMORY : source->fault;
    talc_source_error(source, status, "%s: %s (-0x%04X)", what, reason, (unsigned)-code);
    if (source->failure) {
        source->failure->tls_code = code;
    }
    return status;
}

static bool is_pem(const talc_content *content)
{
    return strstr((const char *)content->bytes, PEM_BEGIN) != NULL;
}

static size_t count_text(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = strstr(text, wanted); at; at = strstr(at + 1, wanted)) {
        count++;
    }
    return count;
}

/* mbedTLS's PEM reader ends at the first NUL: what is behind it would be passed over. */
static talc_status check_text(const talc_content *content, const char *begin, const char *what,
                              const talc_source *source)
{
    if (memchr(content->bytes, '\0', content->size)) {
        return talc_source_fault(source, "is PEM with a NUL byte in it");
    }
    if (begin && count_text((const char *)content->bytes, begin) == 0) {
        return talc_source_fault(source, "is PEM, but holds no %s", what);
    }
    return TALC_OK;
}

/* --- Certificates --- */

static size_t chain_length(const mbedtls_x509_crt *chain)
{
    size_t count = 0;
    for (; chain && chain->version != 0; chain = chain->next) {
        count++;
    }
    return count;
}

static talc_status parse_certificates_pem(mbedtls_x509_crt *chain, const talc_content *content,
                                          const talc_source *source)
{
    talc_status status = check_text(content, PEM_BEGIN_CERTIFICATE, "certificate", source);
    if (status != TALC_OK) {
        return status;
    }
    int result = mbedtls_x509_crt_parse(chain, content->bytes, content->size + 1);
    if (result < 0) {
        return talc_source_tls_fault(source, "cannot read the certificate", result);
    }
    size_t blocks = count_text((const char *)content->bytes, PEM_BEGIN_CERTIFICATE);
    size_t parsed = chain_length(chain);
    if (result > 0 || parsed != blocks) {
        return talc_source_fault(source, "%zu of %zu certificates cannot be read", blocks - parsed,
                                 blocks);
    }
    return TALC_OK;
}

static talc_status parse_certificate_der(mbedtls_x509_crt *chain, const talc_content *content,
                                         const talc_source *source)
{
    int result = mbedtls_x509_crt_parse_der(chain, content->bytes, content->size);
    if (result != 0) {
        return talc_source_tls_fault(source, "holds no certificate in PEM or DER", result);
    }
    if (chain->raw.len != content->size) {
        return talc_source_fault(source, "%zu bytes follow the certificate",
                                 content->size - chain->raw.len);
    }
    return TALC_OK;
}

talc_status talc_certificates_parse(mbedtls_x509_crt *chain, const talc_content *content,
                                    const talc_source *source)
{
    talc_status status = is_pem(content) ? parse_certificates_pem(chain, content, source)
                                         : parse_certificate_der(chain, content, source);
    if (status != TALC_OK) {
        mbedtls_x509_crt_free(chain);
        mbedtls_x509_crt_init(chain);
    }
    return status;
}

talc_status talc_certificate_pin(const mbedtls_x509_crt *certificate, uint8_t pin[TALC_PIN_SIZE])
{
    if (!certificate->pk_raw.p || certificate->pk_raw.len == 0) {
        talc_wipe(pin, TALC_PIN_SIZE);
        return TALC_ERROR_MALFORMED;
    }
    return talc_sha256(certificate->pk_raw.p, certificate->pk_raw.len, pin);
}

/* --- Revocation lists --- */

static size_t list_length(const mbedtls_x509_crl *list)
{
    size_t count = 0;
    for (; list && list->version != 0; list = list->next) {
        count++;
    }
    return count;
}

/* mbedTLS takes anything behind the last list, even an empty line, for a list that it cannot
 * read. Returns the size of the text up to there. */
static size_t end_of_lists(const talc_content *content)
{
    const char *text = (const char *)content->bytes;
    size_t end = 0;
    for (const char *at = strstr(text, PEM_END_CRL); at; at = strstr(at + 1, PEM_END_CRL)) {
        end = (size_t)(at - text) + strlen(PEM_END_CRL);
    }
    return end;
}

static talc_status parse_revocations_pem(mbedtls_x509_crl *list, const talc_content *content,
                                         const talc_source *source)
{
    talc_status status = check_text(content, PEM_BEGIN_CRL, "revocation list", source);
    if (status != TALC_OK) {
        return status;
    }
    size_t blocks = count_text((const char *)content->bytes, PEM_BEGIN_CRL);
    size_t end = end_of_lists(content);
    content->bytes[end] = '\0';
    int result = mbedtls_x509_crl_parse(list, content->bytes, end + 1);
    if (result != 0) {
        return talc_source_tls_fault(source, "cannot read the revocation list", result);
    }
    if (list_length(list) != blocks) {
        return talc_source_fault(source, "the last revocation list is cut off");
    }
    return TALC_OK;
}

/* mbedTLS itself refuses what follows a DER list. */
static talc_status parse_revocation_der(mbedtls_x509_crl *list, const talc_content *content,
                                        const talc_source *source)
{
    int result = mbedtls_x509_crl_parse_der(list, content->bytes, content->size);
    if (result != 0) {
        return talc_source_tls_fault(source, "holds no revocation list in PEM or DER", result);
    }
    return TALC_OK;
}

talc_status talc_revocations_parse(mbedtls_x509_crl *list, const talc_content *content,
                                   const talc_source *source)
{
    talc_status status = is_pem(content) ? parse_revocations_pem(list, content, source)
                                         : parse_revocation_der(list, content, source);
    if (status != TALC_OK) {
        mbedtls_x509_crl_free(list);
        mbedtls_x509_crl_init(list);
    }
    return status;
}

/* --- Keys --- */

bool talc_key_is_weak(const mbedtls_pk_context *key)
{
    size_t bits = mbedtls_pk_get_bitlen(key);
    if (mbedtls_pk_can_do(key, MBEDTLS_PK_RSA)) {
        return bits < RSA_BITS_MIN;
    }
    return !mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA) || bits < EC_BITS_MIN;
}

static talc_status key_fault(int code, const talc_source *source)
{
    if (code == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || code == MBEDTLS_ERR_PK_PASSWORD_MISMATCH) {
        return talc_source_tls_fault(source,
                                     "the private key is encrypted, which is not "
                                     "supported; decrypt it first",
                                     code);
    }
    return talc_source_tls_fault(source, "holds no private key in PEM or DER (or an encrypted one)",
                                 code);
}

talc_status talc_key_parse(mbedtls_pk_context *key, const talc_content *content,
                           const talc_source *source)
{
    bool text = is_pem(content);
    talc_status status = text ? check_text(content, NULL, NULL, source) : TALC_OK;
    if (status != TALC_OK) {
        return status;
    }
    int result = mbedtls_pk_parse_key(key, content->bytes, content->size + (text ? 1 : 0), NULL, 0,
                                      mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (result != 0) {
        status = key_fault(result, source);
    } else if (talc_key_is_weak(key)) {
        status = talc_source_fault(source, "the key has %zu bits; RSA needs %d, a curve %d",
                                   mbedtls_pk_get_bitlen(key), RSA_BITS_MIN, EC_BITS_MIN);
    }
    if (status != TALC_OK) {
        mbedtls_pk_free(key);
        mbedtls_pk_init(key);
    }
    return status;
}
