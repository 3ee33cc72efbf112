/* SPDX-License-Identifier: MIT */
#include "lib/guard.h"

#include <string.h>

#define FIELDS_SIZE 67 /* without the text of `e` */
#define SPANS_MAX (2 + 2 * TALC_ENVELOPE_PIECES_MAX + 1)

static const char domain[8] = { 't', 'a', 'l', 'c', ' ', 'g', ' ', '1' };

/* Checked big-endian writer over a buffer of a size known at compile time. */
typedef struct cursor {
    uint8_t *bytes;
    size_t used;
    size_t capacity;
} cursor;

static void put_bytes(cursor *to, const void *bytes, size_t size)
{
    if (size <= to->capacity - to->used) {
        memcpy(to->bytes + to->used, bytes, size);
        to->used += size;
    }
}

static void put_number(cursor *to, uint64_t number, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    }
    put_bytes(to, bytes, size);
}

static void put_fields(cursor *to, const talc_guard *guard, const talc_envelope *envelope)
{
    const char *error = talc_envelope_error_sent(envelope);
    put_bytes(to, domain, sizeof domain);
    put_number(to, (uint64_t)guard->sender, 1);
    put_bytes(to, guard->session_id, TALC_SESSION_ID_SIZE);
    put_number(to, envelope->request, 8);
    put_number(to, envelope->piece_count == 0 ? 0 : envelope->offset, 8);
    put_number(to, envelope->acknowledged, 8);
    put_number(to, envelope->body_limit, 4);
    put_number(to, envelope->hold_s, 4);
    put_number(to, envelope->more, 1);
    put_number(to, strlen(error), 1);
    put_bytes(to, error, strlen(error));
    put_number(to, talc_envelope_range_size(envelope), 4);
}

static talc_status compute(const talc_guard *guard, const talc_envelope *envelope,
                           uint8_t tag[TALC_SHA256_SIZE])
{
    static const uint8_t zero_key[TALC_HMAC_KEY_SIZE];
    uint8_t fields[FIELDS_SIZE + TALC_ENVELOPE_ERROR_SIZE_MAX];
    uint8_t headers[TALC_ENVELOPE_PIECES_MAX][TALC_RECORD_HEADER_SIZE];
    talc_span spans[SPANS_MAX];
    size_t count = 0;
    cursor to = { fields, 0, sizeof fields };

    put_fields(&to, guard, envelope);
    spans[count++] = (talc_span){ fields, to.used };
    for (size_t i = 0; i < envelope->piece_count; i++) {
        const talc_piece *piece = &envelope->pieces[i];
        if (!piece->continues) {
            talc_record_header header = { piece->type, piece->version, piece->length };
            talc_record_header_build(&header, headers[i]);
            spans[count++] = (talc_span){ headers[i], TALC_RECORD_HEADER_SIZE };
        }
        spans[count++] = (talc_span){ piece->fragment, piece->fragment_size };
    }
    return talc_hmac(guard->key == NULL ? zero_key : guard->key, spans, count, tag);
}

talc_status talc_guard_tag(const talc_guard *guard, talc_envelope *envelope)
{
    uint8_t tag[TALC_SHA256_SIZE];
    talc_status status = compute(guard, envelope, tag);
    if (status != TALC_OK) {
        return status;
    }
    memcpy(envelope->guard, tag, TALC_GUARD_SIZE);
    envelope->has_guard = true;
    return TALC_OK;
}

bool talc_guard_verify(const talc_guard *guard, const talc_envelope *envelope)
{
    uint8_t tag[TALC_SHA256_SIZE];
    return envelope->has_guard && compute(guard, envelope, tag) == TALC_OK &&
           talc_bytes_equal(tag, envelope->guard, TALC_GUARD_SIZE);
}
