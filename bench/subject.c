/* SPDX-License-Identifier: MIT */
#include "bench/subject.h"

#include <stdlib.h>
#include <string.h>

#include "bench/codec_plain.h"
#include "records/base64.h"

/* A tagged envelope of a handshake record and an application record, as bodies mostly are. */
static void envelope_fill(subject *made, size_t large_size, uint64_t acknowledged)
{
    talc_envelope *envelope = &made->envelope;
    talc_envelope_init(envelope);
    envelope->request = 7654321;
    envelope->offset = 226;
    envelope->acknowledged = acknowledged;
    envelope->has_guard = true;
    envelope->piece_count = 2;
    envelope->pieces[0] = (talc_piece){ .type = TALC_RECORD_HANDSHAKE, .fragment_size = 90 };
    envelope->pieces[1] =
        (talc_piece){ .type = TALC_RECORD_APPLICATION_DATA, .fragment_size = large_size };
    for (size_t i = 0; i < envelope->piece_count; i++) {
        talc_piece *piece = &envelope->pieces[i];
        piece->version = TALC_RECORD_VERSION_TLS12;
        piece->length = (uint16_t)piece->fragment_size;
        piece->fragment = made->fragments;
    }
    made->bytes_size = large_size;
}

/* base64 leaves gaps between sizes, which the digits of a number fill. */
static bool subject_make_sized(subject *made, size_t body_size)
{
    for (size_t large_size = body_size / 4 * 3; large_size > 0; large_size--) {
        for (uint64_t number = 1; number < 1000000; number *= 10) {
            envelope_fill(made, large_size, number);
            if (talc_envelope_write(&made->envelope, made->text, sizeof made->text,
                                    &made->text_size) == TALC_OK &&
                made->text_size == body_size) {
                return true;
            }
        }
    }
    return false;
}

bool subject_make(subject *made, size_t body_size)
{
    memset(made, 0, sizeof *made);
    for (size_t i = 0; i < sizeof made->fragments; i++) {
        made->fragments[i] = (uint8_t)((i * 2654435761u) >> 13); /* looks like ciphertext */
    }
    if (!subject_make_sized(made, body_size)) {
        return false;
    }
    made->plain_text = plain_envelope_write(&made->envelope);
    made->base64_size = talc_base64_encoded_size(made->bytes_size);
    made->plain_base64_size =
        plain_base64_encode_unbroken(made->fragments, made->bytes_size, made->plain_base64);
    return made->plain_text != NULL &&
           talc_base64_encode(made->fragments, made->bytes_size, made->base64,
                              sizeof made->base64) == TALC_OK;
}

bool subject_reads_alike(const subject *on)
{
    talc_envelope strict;
    talc_envelope plain;
    bool agree = talc_envelope_read(on->text, on->text_size, SUBJECT_TEXT_SIZE, &strict) == TALC_OK;
    agree = plain_envelope_read(on->plain_text, &plain) && agree;
    agree = agree && strict.range_size == plain.range_size && strict.request == plain.request &&
            strict.acknowledged == plain.acknowledged && plain.has_guard &&
            memcmp(strict.range, plain.range, strict.range_size) == 0;
    talc_envelope_clear(&strict);
    talc_envelope_clear(&plain);
    return agree;
}

void subject_clear(subject *cleared)
{
    free(cleared->plain_text);
    cleared->plain_text = NULL;
}
