/* SPDX-License-Identifier: MIT */
#include "talc/identity.h"

#include <mbedtls/psa_util.h>
#include <stdlib.h>
#include <string.h>

#include "lib/credentials.h"
#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/identity_certificate.h"
#include "lib/identity_file.h"
#include "lib/identity_key.h"
#include "lib/identity_psk.h"

static talc_identity *identity_new(talc_credential credential)
{
    talc_identity *identity = calloc(1, sizeof(*identity));
    if (identity) {
        atomic_init(&identity->holds, 1);
        identity->credential = credential;
        mbedtls_x509_crt_init(&identity->chain);
        mbedtls_pk_init(&identity->key);
    }
    return identity;
}

/* Hands `made` over to the caller, or frees it. */
static talc_status finish(talc_identity **identity, talc_identity *made, talc_status status)
{
    if (status == TALC_OK) {
        *identity = made;
    } else {
        talc_identity_free(made);
    }
    return status;
}

static talc_status refuse_argument(talc_failure *failure, const char *what)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT, "identity: %s",
                            what);
}

/* --- Certificate and key --- */

static talc_status check_pair(talc_identity *identity, const talc_source *key_source)
{
    int result = mbedtls_pk_check_pair(&identity->chain.pk, &identity->key, mbedtls_psa_get_random,
                                       MBEDTLS_PSA_RANDOM_STATE);
    return result == 0
               ? TALC_OK
               : talc_source_tls_fault(key_source, "the key does not fit the certificate", result);
}

typedef struct content_pair {
    talc_content certificate;
    talc_content key;
    talc_source certificate_source;
    talc_source key_source;
} content_pair;

static talc_status fill(talc_identity *identity, const content_pair *pair)
{
    talc_status status =
        talc_certificates_parse(&identity->chain, &pair->certificate, &pair->certificate_source);
    if (status == TALC_OK) {
        status = talc_key_parse(&identity->key, &pair->key, &pair->key_source);
    }
    if (status == TALC_OK) {
        status = check_pair(identity, &pair->key_source);
    }
    return status;
}

/* Takes the contents of the pair, whatever it returns. */
static talc_status identity_from_pair(talc_identity **identity, content_pair *pair,
                                      talc_status status)
{
    talc_failure *failure = pair->key_source.failure;
    talc_identity *made = NULL;
    if (status == TALC_OK && talc_crypto_start() != TALC_OK) {
        status = talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_RANDOM,
                                  "identity: cryptography cannot be started");
    }
    if (status == TALC_OK && !(made = identity_new(TALC_CREDENTIAL_CERTIFICATE))) {
        status = talc_source_error(&pair->key_source, TALC_ERROR_MEMORY, "out of memory");
    }
    if (status == TALC_OK) {
        status = fill(made, pair);
    }
    talc_content_free(&pair->certificate);
    talc_content_free(&pair->key);
    return finish(identity, made, status);
}

static content_pair pair_of(const char *certificate_name, const char *key_name,
                            talc_failure *failure)
{
    return (content_pair){
        .certificate_source = { certificate_name, TALC_ERROR_IDENTITY, failure },
        .key_source = { key_name, TALC_ERROR_IDENTITY, failure },
    };
}

talc_status talc_identity_from_files(talc_identity **identity, const char *certificate_path,
                                     const char *key_path, talc_failure *failure)
{
    static const talc_content_rule certificate_rule = { TALC_CERTIFICATE_FILE_SIZE_MAX,
                                                        TALC_CONTENT_PUBLIC };
    static const talc_content_rule key_rule = { TALC_KEY_FILE_SIZE_MAX, TALC_CONTENT_SECRET };
    talc_failure_clear(failure);
    if (!identity || !certificate_path || !key_path) {
        return refuse_argument(failure, "a path or the place for the result is NULL");
    }
    *identity = NULL;
    content_pair pair = pair_of(certificate_path, key_path, failure);
    talc_status status =
        talc_content_read(&pair.certificate, &pair.certificate_source, &certificate_rule);
    if (status == TALC_OK) {
        status = talc_content_read(&pair.key, &pair.key_source, &key_rule);
    }
    return identity_from_pair(identity, &pair, status);
}

talc_status talc_identity_from_bytes(talc_identity **identity, const talc_identity_bytes *bytes,
                                     talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!identity || !bytes || !bytes->certificate || !bytes->key) {
        return refuse_argument(failure, "the bytes or the place for the result is NULL");
    }
    *identity = NULL;
    content_pair pair = pair_of("certificate", "private key", failure);
    talc_status status =
        talc_content_copy(&pair.certificate, bytes->certificate, bytes->certificate_size,
                          TALC_CERTIFICATE_FILE_SIZE_MAX, &pair.certificate_source);
    if (status == TALC_OK) {
        status = talc_content_copy(&pair.key, bytes->key, bytes->key_size, TALC_KEY_FILE_SIZE_MAX,
                                   &pair.key_source);
    }
    return identity_from_pair(identity, &pair, status);
}

/* --- Bare key --- */

/* `device_id` NULL: a server's. */
static talc_status check_device_id(const char *device_id, const talc_source *source)
{
    if (!device_id || talc_device_id_is_valid(device_id, strlen(device_id))) {
        return TALC_OK;
    }
    return talc_source_fault(source,
                             "the device ID is not 1 to %d characters of printable ASCII without "
                             "space, '\"' and '\\'",
                             TALC_DEVICE_ID_SIZE_MAX);
}

/* Takes the content, whatever it returns. */
static talc_status identity_from_content(talc_identity **identity, const char *device_id,
                                         talc_content *content, const talc_source *source)
{
    talc_identity *made = NULL;
    talc_status status = TALC_OK;
    if (talc_crypto_start() != TALC_OK) {
        status = talc_source_error(source, TALC_ERROR_RANDOM, "cryptography cannot be started");
    } else if (!(made = identity_new(TALC_CREDENTIAL_DEVICE))) {
        status = talc_source_error(source, TALC_ERROR_MEMORY, "out of memory");
    } else {
        status = talc_p256_key_parse(&made->key, content, source);
    }
    if (status == TALC_OK && device_id) {
        memcpy(made->device_id, device_id, strlen(device_id));
    }
    talc_content_free(content);
    return finish(identity, made, status);
}

talc_status talc_identity_from_key(talc_identity **identity, const char *device_id, const void *key,
                                   size_t key_size, talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!identity || !key) {
        return refuse_argument(failure, "the key or the place for the result is NULL");
    }
    *identity = NULL;
    const talc_source source = { "private key", TALC_ERROR_IDENTITY, failure };
    talc_content content = { 0 };
    talc_status status = check_device_id(device_id, &source);
    if (status == TALC_OK) {
        status = talc_content_copy(&content, key, key_size, TALC_KEY_FILE_SIZE_MAX, &source);
    }
    return status == TALC_OK ? identity_from_content(identity, device_id, &content, &source)
                             : status;
}

talc_status talc_identity_from_key_file(talc_identity **identity, const char *device_id,
                                        const char *key_path, talc_failure *failure)
{
    static const talc_content_rule rule = { TALC_KEY_FILE_SIZE_MAX, TALC_CONTENT_SECRET };
    talc_failure_clear(failure);
    if (!identity || !key_path) {
        return refuse_argument(failure, "the path or the place for the result is NULL");
    }
    *identity = NULL;
    const talc_source source = { key_path, TALC_ERROR_IDENTITY, failure };
    talc_content content = { 0 };
    talc_status status = check_device_id(device_id, &source);
    if (status == TALC_OK) {
        status = talc_content_read(&content, &source, &rule);
    }
    return status == TALC_OK ? identity_from_content(identity, device_id, &content, &source)
                             : status;
}

/* --- Pre-shared key --- */

static talc_status identity_from_entry(talc_identity **identity, const talc_psk *psk,
                                       const talc_source *source)
{
    talc_identity *made = identity_new(TALC_CREDENTIAL_PSK);
    if (!made) {
        return talc_source_error(source, TALC_ERROR_MEMORY, "out of memory");
    }
    return finish(identity, made, talc_psk_entry_fill(&made->psk, psk, source));
}

talc_status talc_identity_from_psk(talc_identity **identity, const talc_psk *psk,
                                   talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!identity || !psk) {
        return refuse_argument(failure, "the key or the place for the result is NULL");
    }
    *identity = NULL;
    const talc_source source = { "pre-shared key", TALC_ERROR_IDENTITY, failure };
    return identity_from_entry(identity, psk, &source);
}

static talc_status only_psk_of(talc_psk_reader *reader, talc_identity **identity,
                               const talc_source *source)
{
    talc_status status = talc_psk_reader_next(reader, source);
    if (status != TALC_OK) {
        return status;
    }
    if (!reader->psk.name) {
        return talc_source_fault(source, "holds no line NAME:HEX-KEY");
    }
    status = identity_from_entry(identity, &reader->psk, source);
    if (status == TALC_OK) {
        status = talc_psk_reader_next(reader, source);
    }
    if (status == TALC_OK && reader->psk.name) {
        status = talc_source_fault(source, "holds more than one key");
    }
    return status;
}

talc_status talc_identity_from_psk_file(talc_identity **identity, const char *path,
                                        talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!identity || !path) {
        return refuse_argument(failure, "the path or the place for the result is NULL");
    }
    *identity = NULL;
    const talc_source source = { path, TALC_ERROR_IDENTITY, failure };
    talc_psk_reader reader;
    talc_status status = talc_psk_reader_open(&reader, &source);
    if (status == TALC_OK) {
        status = only_psk_of(&reader, identity, &source);
        talc_psk_reader_close(&reader);
    }
    if (status != TALC_OK) {
        talc_identity_free(*identity);
        *identity = NULL;
    }
    return status;
}

/* --- Pins --- */

static talc_status pin_of_bare(const talc_identity *identity, uint8_t pin[TALC_PIN_SIZE])
{
    uint8_t point[TALC_P256_POINT_SIZE];
    return talc_p256_key_point(&identity->key, point) ? talc_p256_pin(point, pin)
                                                      : TALC_ERROR_MALFORMED;
}

talc_status talc_identity_pin(const talc_identity *identity, uint8_t pin[TALC_PIN_SIZE])
{
    if (!identity || !pin || identity->credential == TALC_CREDENTIAL_PSK) {
        return TALC_ERROR_ARGUMENT;
    }
    return identity->credential == TALC_CREDENTIAL_DEVICE
               ? pin_of_bare(identity, pin)
               : talc_certificate_pin(&identity->chain, pin);
}

/* --- Holds --- */

talc_identity *talc_identity_hold(talc_identity *identity)
{
    if (identity) {
        atomic_fetch_add_explicit(&identity->holds, 1, memory_order_relaxed);
    }
    return identity;
}

void talc_identity_free(talc_identity *identity)
{
    if (!identity || atomic_fetch_sub_explicit(&identity->holds, 1, memory_order_acq_rel) != 1) {
        return;
    }
    mbedtls_x509_crt_free(&identity->chain);
    mbedtls_pk_free(&identity->key);
    talc_wipe(&identity->psk, sizeof(identity->psk));
    free(identity);
}
