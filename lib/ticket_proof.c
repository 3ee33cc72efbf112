/* SPDX-License-Identifier: MIT */
#include "lib/ticket_proof.h"

#include <string.h>

#include "lib/hex.h"

const mbedtls_x509_time talc_ticket_never = { 9999, 12, 31, 23, 59, 59 };

/* ---------------------------------------------------------------- belief */

/* As a full handshake would believe it today. A certificate whose key is pinned meanwhile would
 * name somebody else: the pin. */
static bool is_believed(const talc_ticket_proof *proof, const talc_ticket_terms *terms)
{
    const talc_trust *trust = terms->trust;
    if (proof->peer.credential == TALC_CREDENTIAL_NONE) {
        return terms->serves_anyone;
    }
    if (trust == NULL || talc_trust_revokes(trust, proof->pin)) {
        return false;
    }
    bool is_pinned = talc_trust_has_pin(trust, proof->pin);
    switch (proof->peer.credential) {
    case TALC_CREDENTIAL_PIN: return is_pinned;
    case TALC_CREDENTIAL_CERTIFICATE: return trust->has_anchors && !is_pinned;
    default: return false;
    }
}

uint64_t talc_ticket_proof_left_ms(const talc_ticket_proof *proof, const talc_ticket_terms *terms)
{
    if (terms->now_ms < proof->proved_at_ms ||
        terms->now_ms - proof->proved_at_ms >= terms->lifetime_ms ||
        mbedtls_x509_time_is_past(&proof->not_after) || !is_believed(proof, terms)) {
        return 0;
    }
    return terms->lifetime_ms - (terms->now_ms - proof->proved_at_ms);
}

/* ---------------------------------------------------------------- bytes */

typedef struct writer {
    uint8_t *bytes;
    size_t used;
} writer;

static void put_number(writer *to, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        to->bytes[to->used++] = (uint8_t)(value >> (8 * (i - 1)));
    }
}

static void put_bytes(writer *to, const void *bytes, size_t size)
{
    memcpy(to->bytes + to->used, bytes, size);
    to->used += size;
}

static void put_time(writer *to, const mbedtls_x509_time *time)
{
    put_number(to, (uint64_t)time->year, 2);
    put_number(to, (uint64_t)time->mon, 1);
    put_number(to, (uint64_t)time->day, 1);
    put_number(to, (uint64_t)time->hour, 1);
    put_number(to, (uint64_t)time->min, 1);
    put_number(to, (uint64_t)time->sec, 1);
}

size_t talc_ticket_proof_write(const talc_ticket_proof *proof,
                               uint8_t bytes[TALC_TICKET_PROOF_SIZE_MAX])
{
    writer to = { bytes, 0 };
    put_number(&to, proof->proved_at_ms, 8);
    put_time(&to, &proof->not_after);
    put_number(&to, proof->peer.credential, 1);
    put_bytes(&to, proof->pin, sizeof proof->pin);
    if (proof->peer.credential == TALC_CREDENTIAL_CERTIFICATE) {
        size_t name_size = strlen(proof->peer.name);
        put_number(&to, name_size, 1);
        put_bytes(&to, proof->peer.name, name_size);
    }
    return to.used;
}

/* Checked reader: once something is missing, everything is. */
typedef struct reader {
    const uint8_t *bytes;
    size_t size;
    size_t used;
    bool failed;
} reader;

static void take_bytes(reader *from, void *bytes, size_t size)
{
    from->failed = from->failed || size > from->size - from->used;
    if (!from->failed && size > 0) {
        memcpy(bytes, from->bytes + from->used, size);
        from->used += size;
    }
}

static uint64_t take_number(reader *from, size_t size)
{
    uint8_t bytes[8] = { 0 };
    uint64_t value = 0;
    take_bytes(from, bytes, size);
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void take_time(reader *from, mbedtls_x509_time *time)
{
    time->year = (int)take_number(from, 2);
    time->mon = (int)take_number(from, 1);
    time->day = (int)take_number(from, 1);
    time->hour = (int)take_number(from, 1);
    time->min = (int)take_number(from, 1);
    time->sec = (int)take_number(from, 1);
}

static void take_name(reader *from, talc_peer *peer)
{
    size_t size = (size_t)take_number(from, 1);
    take_bytes(from, peer->name, size);
    from->failed = from->failed || strlen(peer->name) != size || size == 0;
}

talc_status talc_ticket_proof_read(talc_ticket_proof *proof, const uint8_t *bytes, size_t size,
                                   size_t *used)
{
    reader from = { bytes, size, 0, false };
    memset(proof, 0, sizeof *proof);
    proof->proved_at_ms = take_number(&from, 8);
    take_time(&from, &proof->not_after);
    uint64_t credential = take_number(&from, 1);
    proof->peer.engine = TALC_ENGINE_TLS;
    proof->peer.credential = (talc_credential)credential;
    take_bytes(&from, proof->pin, sizeof proof->pin);
    switch (credential) {
    case TALC_CREDENTIAL_NONE: break;
    case TALC_CREDENTIAL_CERTIFICATE: take_name(&from, &proof->peer); break;
    case TALC_CREDENTIAL_PIN:
        talc_hex_write(proof->peer.name, proof->pin, sizeof proof->pin);
        break;
    default: from.failed = true;
    }
    *used = from.used;
    if (from.failed) {
        memset(proof, 0, sizeof *proof);
        return TALC_ERROR_MALFORMED;
    }
    return TALC_OK;
}
