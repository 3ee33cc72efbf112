/* SPDX-License-Identifier: MIT */
#include "lib/identity_key.h"

#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/identity_certificate.h"

#define INFO_HEAD_SIZE (TALC_P256_INFO_SIZE - TALC_P256_POINT_SIZE)
#define PEM_BEGIN "-----BEGIN "
#define PEM_BEGIN_PUBLIC_KEY "-----BEGIN PUBLIC KEY-----"
#define PEM_BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"

/* SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING of 65 bytes }: RFC 5480. */
static const uint8_t info_head[INFO_HEAD_SIZE] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
};

/* --- Public keys --- */

/* mbedTLS has checked that the point lies on its curve, and writes an info of no other kind with
 * this head and this size. */
bool talc_p256_key_point(const mbedtls_pk_context *key, uint8_t point[TALC_P256_POINT_SIZE])
{
    uint8_t info[TALC_P256_INFO_SIZE];
    int size = mbedtls_pk_write_pubkey_der(key, info, sizeof info);
    if (size != (int)sizeof info || memcmp(info, info_head, sizeof info_head) != 0) {
        return false;
    }
    memcpy(point, info + sizeof info_head, TALC_P256_POINT_SIZE);
    return true;
}

static talc_status take_point(const mbedtls_pk_context *key, const talc_source *source,
                              uint8_t point[TALC_P256_POINT_SIZE])
{
    return talc_p256_key_point(key, point)
               ? TALC_OK
               : talc_source_fault(source, "holds a key that is none of P-256 (prime256v1)");
}

static talc_status read_certificate(const talc_content *content, const talc_source *source,
                                    uint8_t point[TALC_P256_POINT_SIZE])
{
    mbedtls_x509_crt chain;
    mbedtls_x509_crt_init(&chain);
    talc_status status = talc_certificates_parse(&chain, content, source);
    if (status == TALC_OK && chain.next != NULL) {
        status = talc_source_fault(source, "holds several certificates: which key is meant?");
    }
    if (status == TALC_OK) {
        status = take_point(&chain.pk, source, point);
    }
    mbedtls_x509_crt_free(&chain);
    return status;
}

static talc_status take_key(int code, const mbedtls_pk_context *key, const talc_source *source,
                            uint8_t point[TALC_P256_POINT_SIZE])
{
    return code == 0 ? take_point(key, source, point)
                     : talc_source_tls_fault(source, "holds no P-256 public key and no certificate",
                                             code);
}

/* One SubjectPublicKeyInfo in DER, and nothing behind it. */
static talc_status read_info(const uint8_t *info, size_t size, const talc_source *source,
                             uint8_t point[TALC_P256_POINT_SIZE])
{
    mbedtls_pk_context key;
    unsigned char *at = (unsigned char *)info; /* mbedTLS only reads */
    mbedtls_pk_init(&key);
    int code = mbedtls_pk_parse_subpubkey(&at, info + size, &key);
    talc_status status = code == 0 && at != info + size
                             ? talc_source_fault(source, "more follows the public key")
                             : take_key(code, &key, source, point);
    mbedtls_pk_free(&key);
    return status;
}

static talc_status read_info_pem(const talc_content *content, const talc_source *source,
                                 uint8_t point[TALC_P256_POINT_SIZE])
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int code = mbedtls_pk_parse_public_key(&key, content->bytes, content->size + 1);
    talc_status status = take_key(code, &key, source, point);
    mbedtls_pk_free(&key);
    return status;
}

static talc_status read_pem(const talc_content *content, const talc_source *source,
                            uint8_t point[TALC_P256_POINT_SIZE])
{
    const char *text = (const char *)content->bytes;
    const char *info = strstr(text, PEM_BEGIN_PUBLIC_KEY);
    bool has_certificate = strstr(text, PEM_BEGIN_CERTIFICATE) != NULL;
    if (memchr(text, '\0', content->size) != NULL) {
        return talc_source_fault(source, "is PEM with a NUL byte in it");
    }
    if (info == NULL && !has_certificate) {
        return talc_source_fault(source, "is PEM, but holds no public key and no certificate");
    }
    if (info != NULL && (has_certificate || strstr(info + 1, PEM_BEGIN_PUBLIC_KEY) != NULL)) {
        return talc_source_fault(source, "holds several keys: which one is meant?");
    }
    return has_certificate ? read_certificate(content, source, point)
                           : read_info_pem(content, source, point);
}

static talc_status read_der(const talc_content *content, const talc_source *source,
                            uint8_t point[TALC_P256_POINT_SIZE])
{
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt_init(&certificate);
    int code = mbedtls_x509_crt_parse_der(&certificate, content->bytes, content->size);
    mbedtls_x509_crt_free(&certificate);
    return code == 0 ? read_certificate(content, source, point)
                     : read_info(content->bytes, content->size, source, point);
}

talc_status talc_p256_content_read(const talc_content *content, const talc_source *source,
                                   uint8_t point[TALC_P256_POINT_SIZE])
{
    memset(point, 0, TALC_P256_POINT_SIZE);
    return strstr((const char *)content->bytes, PEM_BEGIN) != NULL
               ? read_pem(content, source, point)
               : read_der(content, source, point);
}

talc_status talc_p256_point_read(const void *key, size_t size, uint8_t point[TALC_P256_POINT_SIZE])
{
    const talc_source source = { "public key", TALC_ERROR_MALFORMED, NULL };
    talc_content content;
    memset(point, 0, TALC_P256_POINT_SIZE);
    talc_status status =
        talc_content_copy(&content, key, size, TALC_CERTIFICATE_FILE_SIZE_MAX, &source);
    if (status == TALC_OK) {
        status = talc_p256_content_read(&content, &source, point);
        talc_content_free(&content);
    }
    return status;
}

talc_status talc_p256_info_read(const uint8_t *info, size_t size,
                                uint8_t point[TALC_P256_POINT_SIZE])
{
    const talc_source source = { "public key", TALC_ERROR_MALFORMED, NULL };
    memset(point, 0, TALC_P256_POINT_SIZE);
    if (size != TALC_P256_INFO_SIZE || memcmp(info, info_head, sizeof info_head) != 0) {
        return TALC_ERROR_MALFORMED;
    }
    return read_info(info, size, &source, point);
}

talc_status talc_p256_pin(const uint8_t point[TALC_P256_POINT_SIZE], uint8_t pin[TALC_PIN_SIZE])
{
    uint8_t info[TALC_P256_INFO_SIZE];
    memcpy(info, info_head, sizeof info_head);
    memcpy(info + sizeof info_head, point, TALC_P256_POINT_SIZE);
    return talc_sha256(info, sizeof info, pin);
}

/* --- Private keys --- */

talc_status talc_p256_key_parse(mbedtls_pk_context *key, const talc_content *content,
                                const talc_source *source)
{
    uint8_t point[TALC_P256_POINT_SIZE];
    talc_status status = talc_key_parse(key, content, source);
    if (status == TALC_OK && !talc_p256_key_point(key, point)) {
        status = talc_source_fault(source, "the key is none of P-256 (prime256v1)");
    }
    if (status == TALC_OK) {
        /* mbedTLS takes a public key that stands in the file as it is. */
        int code =
            mbedtls_pk_check_pair(key, key, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
        if (code != 0) {
            status =
                talc_source_tls_fault(source, "its public key does not fit the private one", code);
        }
    }
    if (status != TALC_OK) {
        mbedtls_pk_free(key);
        mbedtls_pk_init(key);
    }
    return status;
}

/* PSA gives the private key away only if it is told so when the key comes in. */
static talc_status export_secret(const mbedtls_pk_context *key,
                                 uint8_t secret[TALC_P256_SECRET_SIZE])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id = PSA_KEY_ID_NULL;
    size_t size = 0;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_EXPORT);
    if (mbedtls_pk_import_into_psa(key, &attributes, &id) != 0) {
        return TALC_ERROR_IDENTITY;
    }
    psa_status_t status = psa_export_key(id, secret, TALC_P256_SECRET_SIZE, &size);
    psa_destroy_key(id);
    return status == PSA_SUCCESS && size == TALC_P256_SECRET_SIZE ? TALC_OK : TALC_ERROR_IDENTITY;
}

talc_status talc_identity_p256(const talc_identity *identity, uint8_t secret[TALC_P256_SECRET_SIZE],
                               uint8_t point[TALC_P256_POINT_SIZE])
{
    talc_status status = TALC_ERROR_IDENTITY;
    if (identity != NULL && identity->credential != TALC_CREDENTIAL_PSK &&
        talc_p256_key_point(&identity->key, point)) {
        status = export_secret(&identity->key, secret);
    }
    if (status != TALC_OK) {
        talc_wipe(secret, TALC_P256_SECRET_SIZE);
        memset(point, 0, TALC_P256_POINT_SIZE);
    }
    return status;
}

/* --- What may be used where --- */

bool talc_device_id_is_valid(const void *id, size_t size)
{
    const uint8_t *bytes = id;
    if (id == NULL || size == 0 || size > TALC_DEVICE_ID_SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] <= 0x20 || bytes[i] > 0x7e || bytes[i] == '"' || bytes[i] == '\\') {
            return false;
        }
    }
    return true;
}

talc_status talc_identity_check_tls(const talc_identity *identity, talc_failure *failure)
{
    if (identity == NULL || identity->credential != TALC_CREDENTIAL_DEVICE) {
        return TALC_OK;
    }
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IDENTITY,
                            "this identity is a bare key, for ecc; tls and dtls need a certificate "
                            "or a pre-shared key");
}
