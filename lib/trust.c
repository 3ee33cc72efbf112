/* SPDX-License-Identifier: MIT */
#include <mbedtls/platform.h>
#include <stdlib.h>
#include <string.h>

#include "lib/credentials.h"
#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/hex.h"
#include "lib/identity_certificate.h"
#include "lib/identity_file.h"
#include "lib/identity_key.h"
#include "lib/identity_psk.h"

/* --- Life --- */

talc_status talc_trust_new(talc_trust **trust)
{
    if (!trust) {
        return TALC_ERROR_ARGUMENT;
    }
    *trust = NULL;
    talc_trust *made = calloc(1, sizeof(*made));
    if (!made) {
        return TALC_ERROR_MEMORY;
    }
    atomic_init(&made->holds, 1);
    mbedtls_x509_crt_init(&made->anchors);
    mbedtls_x509_crl_init(&made->revocations);
    talc_status status = talc_random_fill(made->set_id, sizeof(made->set_id));
    if (status != TALC_OK) {
        talc_trust_free(made);
        return status;
    }
    *trust = made;
    return TALC_OK;
}

talc_trust *talc_trust_hold(talc_trust *trust)
{
    if (trust) {
        atomic_fetch_add_explicit(&trust->holds, 1, memory_order_relaxed);
    }
    return trust;
}

/* Removes all keys but the `keep` oldest: the table keeps the order in which they were added. */
static void cut_psks(talc_trust *trust, unsigned keep)
{
    unsigned index = 0;
    talc_psk_entry *entry = NULL;
    talc_psk_entry *next = NULL;
    HASH_ITER (hh, trust->psks, entry, next) {
        if (index++ >= keep) {
            HASH_DEL(trust->psks, entry);
            talc_wipe(entry, sizeof(*entry));
            free(entry);
        }
    }
}

void talc_trust_free(talc_trust *trust)
{
    if (!trust || atomic_fetch_sub_explicit(&trust->holds, 1, memory_order_acq_rel) != 1) {
        return;
    }
    mbedtls_x509_crt_free(&trust->anchors);
    mbedtls_x509_crl_free(&trust->revocations);
    cut_psks(trust, 0);
    free(trust->pins);
    free(trust->revoked_pins);
    free(trust);
}

/* --- Changes --- */

/* May `trust` be changed? The maker's own hold is the only one then, and nobody else can take one
 * meanwhile. */
static bool may_change(const talc_trust *trust)
{
    return trust && atomic_load_explicit(&trust->holds, memory_order_acquire) == 1;
}

static talc_status check_change(const talc_trust *trust, const void *argument,
                                talc_failure *failure)
{
    talc_failure_clear(failure);
    if (!trust || !argument) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "trust: an argument is NULL");
    }
    if (!may_change(trust)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "trust: a client or server uses it, it may not change any more");
    }
    return TALC_OK;
}

/* What was agreed under the trust as it was must not pass for agreed under the new one. Counting
 * up cannot fail, as drawing another number could. */
static talc_status changed(talc_trust *trust, talc_status status)
{
    if (status == TALC_OK) {
        for (size_t i = 0; i < sizeof(trust->set_id) && ++trust->set_id[i] == 0; i++) {
        }
    }
    return status;
}

/* --- Content --- */

typedef talc_status appender(talc_trust *trust, const talc_content *content,
                             const talc_source *source);

/* Appends what a file holds; `source` names it. */
static talc_status add_file(talc_trust *trust, const talc_source *source, appender *append,
                            size_t size_max)
{
    const talc_content_rule rule = { size_max, TALC_CONTENT_PUBLIC };
    talc_content content;
    talc_status status = check_change(trust, source->name, source->failure);
    if (status == TALC_OK) {
        status = talc_content_read(&content, source, &rule);
    }
    if (status == TALC_OK) {
        status = append(trust, &content, source);
        talc_content_free(&content);
        return changed(trust, status);
    }
    return status;
}

/* The same from memory. */
static talc_status add_bytes(talc_trust *trust, const talc_source *source, appender *append,
                             const void *bytes, size_t size)
{
    talc_content content;
    talc_status status = check_change(trust, bytes, source->failure);
    if (status == TALC_OK) {
        status = talc_content_copy(&content, bytes, size, TALC_CERTIFICATE_FILE_SIZE_MAX, source);
    }
    if (status == TALC_OK) {
        status = append(trust, &content, source);
        talc_content_free(&content);
        return changed(trust, status);
    }
    return status;
}

/* --- Anchors --- */

/*
 * The first node of mbedTLS's lists lies in the trust, the others come from mbedtls_calloc(). A
 * further file is parsed into a node of its own and appended when it is good: so nothing changes
 * on failure. (mbedTLS, asked to append by itself, frees the list's last CRL when memory ends.)
 */
static talc_status append_anchors(talc_trust *trust, const talc_content *content,
                                  const talc_source *source)
{
    if (!trust->has_anchors) {
        talc_status status = talc_certificates_parse(&trust->anchors, content, source);
        trust->has_anchors = status == TALC_OK;
        return status;
    }
    mbedtls_x509_crt *node = mbedtls_calloc(1, sizeof(*node));
    if (!node) {
        return talc_source_error(source, TALC_ERROR_MEMORY, "out of memory");
    }
    mbedtls_x509_crt_init(node);
    talc_status status = talc_certificates_parse(node, content, source);
    if (status != TALC_OK) {
        mbedtls_free(node);
        return status;
    }
    mbedtls_x509_crt *last = &trust->anchors;
    while (last->next) {
        last = last->next;
    }
    last->next = node;
    return TALC_OK;
}

talc_status talc_trust_add_anchor_file(talc_trust *trust, const char *path, talc_failure *failure)
{
    const talc_source source = { path, TALC_ERROR_TRUST, failure };
    return add_file(trust, &source, append_anchors, TALC_CERTIFICATE_FILE_SIZE_MAX);
}

talc_status talc_trust_add_anchor(talc_trust *trust, const void *certificates, size_t size,
                                  talc_failure *failure)
{
    const talc_source source = { "trust anchor", TALC_ERROR_TRUST, failure };
    return add_bytes(trust, &source, append_anchors, certificates, size);
}

/* --- Revocation lists --- */

/* As append_anchors(). */
static talc_status append_revocations(talc_trust *trust, const talc_content *content,
                                      const talc_source *source)
{
    if (!trust->has_revocations) {
        talc_status status = talc_revocations_parse(&trust->revocations, content, source);
        trust->has_revocations = status == TALC_OK;
        return status;
    }
    mbedtls_x509_crl *node = mbedtls_calloc(1, sizeof(*node));
    if (!node) {
        return talc_source_error(source, TALC_ERROR_MEMORY, "out of memory");
    }
    mbedtls_x509_crl_init(node);
    talc_status status = talc_revocations_parse(node, content, source);
    if (status != TALC_OK) {
        mbedtls_free(node);
        return status;
    }
    mbedtls_x509_crl *last = &trust->revocations;
    while (last->next) {
        last = last->next;
    }
    last->next = node;
    return TALC_OK;
}

talc_status talc_trust_add_revocation_file(talc_trust *trust, const char *path,
                                           talc_failure *failure)
{
    const talc_source source = { path, TALC_ERROR_TRUST, failure };
    return add_file(trust, &source, append_revocations, TALC_REVOCATION_FILE_SIZE_MAX);
}

/* --- Pins --- */

static talc_status append_pin(uint8_t (**pins)[TALC_PIN_SIZE], size_t *count,
                              const uint8_t pin[TALC_PIN_SIZE])
{
    if (*count >= SIZE_MAX / TALC_PIN_SIZE - 1) {
        return TALC_ERROR_MEMORY;
    }
    void *grown = realloc(*pins, (*count + 1) * TALC_PIN_SIZE);
    if (!grown) {
        return TALC_ERROR_MEMORY;
    }
    *pins = grown;
    memcpy((*pins)[*count], pin, TALC_PIN_SIZE);
    (*count)++;
    return TALC_OK;
}

talc_status talc_trust_add_pin(talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE])
{
    if (!pin || !may_change(trust)) {
        return TALC_ERROR_ARGUMENT;
    }
    return changed(trust, append_pin(&trust->pins, &trust->pin_count, pin));
}

talc_status talc_trust_revoke_pin(talc_trust *trust, const uint8_t pin[TALC_PIN_SIZE])
{
    if (!pin || !may_change(trust)) {
        return TALC_ERROR_ARGUMENT;
    }
    return changed(trust, append_pin(&trust->revoked_pins, &trust->revoked_pin_count, pin));
}

talc_status talc_pin_parse(const char *text, uint8_t pin[TALC_PIN_SIZE])
{
    if (!text || !pin || strlen(text) != (size_t)2 * TALC_PIN_SIZE ||
        !talc_hex_read(pin, TALC_PIN_SIZE, text)) {
        return TALC_ERROR_MALFORMED;
    }
    return TALC_OK;
}

/* --- Servers' keys --- */

static talc_status append_server_key(talc_trust *trust, const talc_content *content,
                                     const talc_source *source)
{
    uint8_t point[TALC_P256_POINT_SIZE];
    if (talc_crypto_start() != TALC_OK) {
        return talc_source_error(source, TALC_ERROR_RANDOM, "cryptography cannot be started");
    }
    talc_status status = talc_p256_content_read(content, source, point);
    if (status == TALC_OK && trust->server_key_count == TALC_SERVER_KEYS_MAX) {
        status = talc_source_fault(source, "the trust has %d servers' keys, which is the most",
                                   TALC_SERVER_KEYS_MAX);
    }
    if (status == TALC_OK) {
        memcpy(trust->server_keys[trust->server_key_count++], point, sizeof(point));
    }
    return status;
}

talc_status talc_trust_add_server_key(talc_trust *trust, const void *key, size_t size,
                                      talc_failure *failure)
{
    const talc_source source = { "server key", TALC_ERROR_TRUST, failure };
    return add_bytes(trust, &source, append_server_key, key, size);
}

talc_status talc_trust_add_server_key_file(talc_trust *trust, const char *path,
                                           talc_failure *failure)
{
    const talc_source source = { path, TALC_ERROR_TRUST, failure };
    return add_file(trust, &source, append_server_key, TALC_CERTIFICATE_FILE_SIZE_MAX);
}

/* --- Pre-shared keys --- */

const talc_psk_entry *talc_trust_find_psk(const talc_trust *trust, const void *name,
                                          size_t name_size)
{
    talc_psk_entry *entry = NULL;
    if (trust && name && name_size > 0 && name_size <= TALC_PSK_NAME_SIZE_MAX) {
        HASH_FIND(hh, trust->psks, name, name_size, entry);
    }
    return entry;
}

/* Takes the entry if it returns TALC_OK. */
static talc_status insert_entry(talc_trust *trust, talc_psk_entry *entry, const talc_source *source)
{
    if (talc_trust_find_psk(trust, entry->name, entry->name_size)) {
        return talc_source_fault(source, "the trust has a pre-shared key of this name already");
    }
    if (HASH_COUNT(trust->psks) >= TALC_TRUST_PSKS_MAX) {
        return talc_source_fault(source, "the trust has %d pre-shared keys, which is the most",
                                 TALC_TRUST_PSKS_MAX);
    }
    HASH_ADD_KEYPTR(hh, trust->psks, entry->name, entry->name_size, entry);
    if (!talc_trust_find_psk(trust, entry->name, entry->name_size)) {
        return talc_source_error(source, TALC_ERROR_MEMORY, "out of memory");
    }
    return TALC_OK;
}

static talc_status add_psk(talc_trust *trust, const talc_psk *psk, const talc_source *source)
{
    talc_psk_entry *entry = calloc(1, sizeof(*entry));
    if (!entry) {
        return talc_source_error(source, TALC_ERROR_MEMORY, "out of memory");
    }
    talc_status status = talc_psk_entry_fill(entry, psk, source);
    if (status == TALC_OK) {
        status = insert_entry(trust, entry, source);
    }
    if (status != TALC_OK) {
        talc_wipe(entry, sizeof(*entry));
        free(entry);
    }
    return status;
}

talc_status talc_trust_add_psk(talc_trust *trust, const talc_psk *psk, talc_failure *failure)
{
    const talc_source source = { "pre-shared key", TALC_ERROR_TRUST, failure };
    talc_status status = check_change(trust, psk, failure);
    return status == TALC_OK ? changed(trust, add_psk(trust, psk, &source)) : status;
}

static talc_status add_psks_of(talc_psk_reader *reader, talc_trust *trust,
                               const talc_source *source)
{
    for (;;) {
        talc_status status = talc_psk_reader_next(reader, source);
        if (status != TALC_OK || !reader->psk.name) {
            return status;
        }
        status = talc_trust_find_psk(trust, reader->psk.name, reader->psk.name_size)
                     ? talc_source_fault(source, "line %u: the name is known already", reader->line)
                     : add_psk(trust, &reader->psk, source);
        if (status != TALC_OK) {
            return status;
        }
    }
}

talc_status talc_trust_add_psk_file(talc_trust *trust, const char *path, talc_failure *failure)
{
    const talc_source source = { path, TALC_ERROR_TRUST, failure };
    talc_psk_reader reader;
    talc_status status = check_change(trust, path, failure);
    if (status == TALC_OK) {
        status = talc_psk_reader_open(&reader, &source);
    }
    if (status != TALC_OK) {
        return status;
    }
    unsigned before = HASH_COUNT(trust->psks);
    status = add_psks_of(&reader, trust, &source);
    talc_psk_reader_close(&reader);
    if (status != TALC_OK) {
        cut_psks(trust, before);
    }
    return changed(trust, status);
}
