/* SPDX-License-Identifier: MIT */
#include "lib/dtls_credentials.h"

#include <mbedtls/build_info.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <stdlib.h>

#include "lib/credentials.h"
#include "lib/failure.h"

#define KEY_PEM_SIZE_MAX 16384 /* RSA of 4096 bits takes 3.3 KB */
#define CERTIFICATE_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define CERTIFICATE_END "-----END CERTIFICATE-----\n"

uint32_t talc_dtls_mbedtls_version(void)
{
    return MBEDTLS_VERSION_NUMBER;
}

/* ---------------------------------------------------------------- PEM */

void talc_dtls_pem_free(talc_dtls_pem *pem)
{
    if (pem->bytes != NULL) {
        talc_wipe(pem->bytes, pem->size);
        free(pem->bytes);
    }
    *pem = (talc_dtls_pem){ 0 };
}

/* Bytes of one certificate in PEM, with its NUL. */
static size_t certificate_pem_size(const mbedtls_x509_crt *certificate)
{
    size_t size = 0;
    (void)mbedtls_pem_write_buffer(CERTIFICATE_BEGIN, CERTIFICATE_END, certificate->raw.p,
                                   certificate->raw.len, NULL, 0, &size);
    return size;
}

/* Each certificate's NUL is overwritten by the next one's first byte. */
static talc_status chain_export(talc_dtls_pem *pem, const mbedtls_x509_crt *chain)
{
    size_t size = 1;
    for (const mbedtls_x509_crt *at = chain; at != NULL; at = at->next) {
        size += certificate_pem_size(at) - 1;
    }
    *pem = (talc_dtls_pem){ calloc(1, size), size };
    size_t used = 0;
    for (const mbedtls_x509_crt *at = chain; at != NULL && pem->bytes != NULL; at = at->next) {
        size_t written = 0;
        if (mbedtls_pem_write_buffer(CERTIFICATE_BEGIN, CERTIFICATE_END, at->raw.p, at->raw.len,
                                     pem->bytes + used, size - used, &written) != 0) {
            talc_dtls_pem_free(pem);
            return TALC_ERROR_MEMORY;
        }
        used += written - 1;
    }
    return pem->bytes != NULL ? TALC_OK : TALC_ERROR_MEMORY;
}

static talc_status key_export(talc_dtls_pem *pem, const mbedtls_pk_context *key)
{
    *pem = (talc_dtls_pem){ calloc(1, KEY_PEM_SIZE_MAX), KEY_PEM_SIZE_MAX };
    if (pem->bytes == NULL || mbedtls_pk_write_key_pem(key, pem->bytes, KEY_PEM_SIZE_MAX) != 0) {
        talc_dtls_pem_free(pem);
        return TALC_ERROR_MEMORY;
    }
    while (pem->size > 1 && pem->bytes[pem->size - 2] == 0) {
        pem->size--; /* mbedTLS does not tell how much it wrote */
    }
    return TALC_OK;
}

talc_status talc_dtls_anchors_export(talc_dtls_pem *anchors, const talc_trust *trust)
{
    *anchors = (talc_dtls_pem){ 0 };
    if (trust == NULL || !trust->has_anchors) {
        return TALC_OK;
    }
    return chain_export(anchors, &trust->anchors);
}

/* ---------------------------------------------------------------- pre-shared keys */

bool talc_dtls_psk_find(talc_psk *psk, const talc_trust *trust, const void *name, size_t name_size)
{
    const talc_psk_entry *entry =
        trust != NULL ? talc_trust_find_psk(trust, name, name_size) : NULL;
    if (entry == NULL) {
        return false;
    }
    *psk = (talc_psk){ entry->name, entry->name_size, entry->key, entry->key_size };
    return true;
}

/* TLS 1.2 of mbedTLS takes shorter keys than an identity may have. */
static talc_status psk_check(const talc_psk_entry *entry, talc_status fault, talc_failure *failure)
{
    if (entry->key_size <= MBEDTLS_PSK_MAX_LEN) {
        return TALC_OK;
    }
    talc_peer shown;
    (void)talc_peer_from_psk(&shown, entry->name, entry->name_size);
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, fault,
                            "the pre-shared key \"%.128s\" has %zu bytes; DTLS takes %d at most",
                            shown.name, entry->key_size, MBEDTLS_PSK_MAX_LEN);
}

static talc_status psks_check(const talc_trust *trust, talc_failure *failure)
{
    const talc_psk_entry *entry = NULL;
    for (entry = trust->psks; entry != NULL; entry = entry->hh.next) {
        talc_status status = psk_check(entry, TALC_ERROR_TRUST, failure);
        if (status != TALC_OK) {
            return status;
        }
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- the whole */

static bool is_a(const talc_identity *identity, talc_credential credential)
{
    return identity != NULL && identity->credential == credential;
}

static void client_kinds(talc_dtls_credentials *credentials, const talc_config *config)
{
    credentials->by_psk = is_a(config->identity, TALC_CREDENTIAL_PSK);
    credentials->by_certificate =
        !credentials->by_psk && (credentials->has_anchors || credentials->has_pins);
    if (credentials->by_psk) {
        const talc_psk_entry *entry = &config->identity->psk;
        credentials->psk = (talc_psk){ entry->name, entry->name_size, entry->key, entry->key_size };
    }
}

static void server_kinds(talc_dtls_credentials *credentials, const talc_config *config)
{
    bool serves_anyone = config->client_authentication == TALC_CLIENTS_ANONYMOUS;
    credentials->wants_client = credentials->has_anchors || credentials->has_pins;
    credentials->needs_client = !serves_anyone;
    credentials->by_psk = config->trust != NULL && config->trust->psks != NULL;
    credentials->by_certificate = is_a(config->identity, TALC_CREDENTIAL_CERTIFICATE) &&
                                  (serves_anyone || credentials->wants_client);
}

static talc_status kinds_check(const talc_dtls_credentials *credentials, talc_role role,
                               const talc_config *config, talc_failure *failure)
{
    if (credentials->by_certificate || credentials->by_psk) {
        return TALC_OK;
    }
    if (role == TALC_ROLE_CLIENT) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TRUST,
                                "a client needs trust that holds an anchor or a pin, or a "
                                "pre-shared key as its identity");
    }
    if (!is_a(config->identity, TALC_CREDENTIAL_CERTIFICATE)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IDENTITY,
                                "a server needs a certificate as its identity, or trust that "
                                "holds pre-shared keys");
    }
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TRUST,
                            "a server needs trust that holds anchors or pins of its clients, or "
                            "client_authentication TALC_CLIENTS_ANONYMOUS");
}

static talc_status psk_sizes_check(const talc_dtls_credentials *credentials, talc_role role,
                                   const talc_config *config, talc_failure *failure)
{
    if (!credentials->by_psk) {
        return TALC_OK;
    }
    return role == TALC_ROLE_CLIENT
               ? psk_check(&config->identity->psk, TALC_ERROR_IDENTITY, failure)
               : psks_check(config->trust, failure);
}

static talc_status identity_export(talc_dtls_credentials *credentials,
                                   const talc_identity *identity, talc_failure *failure)
{
    talc_status status = TALC_OK;
    if (credentials->by_certificate && is_a(identity, TALC_CREDENTIAL_CERTIFICATE)) {
        status = chain_export(&credentials->chain, &identity->chain);
        if (status == TALC_OK) {
            status = key_export(&credentials->key, &identity->key);
        }
    }
    return status == TALC_OK ? TALC_OK
                             : talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                                "out of memory, or a key that cannot be exported");
}

talc_status talc_dtls_credentials_new(talc_dtls_credentials **made, talc_role role,
                                      const talc_config *config, talc_failure *failure)
{
    *made = NULL;
    talc_dtls_credentials *credentials = calloc(1, sizeof *credentials);
    if (credentials == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    credentials->has_anchors = config->trust != NULL && config->trust->has_anchors;
    credentials->has_pins = config->trust != NULL && config->trust->pin_count > 0;
    if (role == TALC_ROLE_CLIENT) {
        client_kinds(credentials, config);
    } else {
        server_kinds(credentials, config);
    }
    talc_status status = kinds_check(credentials, role, config, failure);
    if (status == TALC_OK) {
        status = psk_sizes_check(credentials, role, config, failure);
    }
    if (status == TALC_OK) {
        status = identity_export(credentials, config->identity, failure);
    }
    if (status != TALC_OK) {
        talc_dtls_credentials_free(credentials);
        return status;
    }
    *made = credentials;
    return TALC_OK;
}

void talc_dtls_credentials_free(talc_dtls_credentials *credentials)
{
    if (credentials == NULL) {
        return;
    }
    talc_dtls_pem_free(&credentials->chain);
    talc_dtls_pem_free(&credentials->key);
    free(credentials);
}
