/* SPDX-License-Identifier: MIT */

/* The model of an envelope: its rules in one place, for the writer and the reader. */
#include "records/envelope.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_COUNT (TALC_ENVELOPE_ERROR_OTHER + 1)

static const char *const error_texts[ERROR_COUNT] = {
    [TALC_ENVELOPE_ERROR_NONE] = "",
    [TALC_ENVELOPE_ERROR_UNKNOWN_SESSION] = "unknown-session",
    [TALC_ENVELOPE_ERROR_MALFORMED] = "malformed",
    [TALC_ENVELOPE_ERROR_TOO_LARGE] = "too-large",
    [TALC_ENVELOPE_ERROR_OVERLOADED] = "overloaded",
    [TALC_ENVELOPE_ERROR_UNSUPPORTED] = "unsupported",
    [TALC_ENVELOPE_ERROR_LOST_STATE] = "lost-state",
    [TALC_ENVELOPE_ERROR_OTHER] = "",
};

static const char error_alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
static const char cookie_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *talc_envelope_error_text(talc_envelope_error error)
{
    return (unsigned)error < ERROR_COUNT ? error_texts[error] : "";
}

talc_envelope_error talc_envelope_error_from_text(const char *text)
{
    for (int error = 0; error < TALC_ENVELOPE_ERROR_OTHER; error++) {
        if (strcmp(text, error_texts[error]) == 0) {
            return (talc_envelope_error)error;
        }
    }
    return TALC_ENVELOPE_ERROR_OTHER;
}

const char *talc_envelope_error_sent(const talc_envelope *envelope)
{
    return envelope->error == TALC_ENVELOPE_ERROR_OTHER ? envelope->error_text
                                                        : talc_envelope_error_text(envelope->error);
}

void talc_envelope_init(talc_envelope *envelope)
{
    memset(envelope, 0, sizeof *envelope);
}

void talc_envelope_clear(talc_envelope *envelope)
{
    if (envelope != NULL) {
        free(envelope->range);
        talc_envelope_init(envelope);
    }
}

size_t talc_envelope_range_size(const talc_envelope *envelope)
{
    size_t size = 0;
    for (size_t i = 0; i < envelope->piece_count; i++) {
        const talc_piece *piece = &envelope->pieces[i];
        size += piece->fragment_size + (piece->continues ? 0 : TALC_RECORD_HEADER_SIZE);
    }
    return size;
}

/* NUL-terminated within `size` bytes and made of these characters only. */
static bool text_is_made_of(const char *text, size_t size, const char *alphabet)
{
    return memchr(text, '\0', size) != NULL && text[strspn(text, alphabet)] == '\0';
}

static bool error_is_valid(const talc_envelope *envelope)
{
    if ((unsigned)envelope->error >= ERROR_COUNT) {
        return false;
    }
    if (envelope->error != TALC_ENVELOPE_ERROR_OTHER) {
        return true;
    }
    return text_is_made_of(envelope->error_text, sizeof envelope->error_text, error_alphabet) &&
           talc_envelope_error_from_text(envelope->error_text) == TALC_ENVELOPE_ERROR_OTHER;
}

static bool fields_are_valid(const talc_envelope *envelope)
{
    uint32_t body_limit = envelope->body_limit;
    bool body_limit_valid = body_limit == 0 || (body_limit >= TALC_ENVELOPE_BODY_LIMIT_MIN &&
                                                body_limit <= TALC_ENVELOPE_BODY_LIMIT_MAX);
    return envelope->request <= TALC_ENVELOPE_NUMBER_MAX &&
           envelope->offset <= TALC_ENVELOPE_NUMBER_MAX &&
           envelope->acknowledged <= TALC_ENVELOPE_NUMBER_MAX && body_limit_valid &&
           envelope->hold_s <= TALC_ENVELOPE_HOLD_MAX_S && error_is_valid(envelope) &&
           text_is_made_of(envelope->cookie, sizeof envelope->cookie, cookie_alphabet);
}

static bool piece_is_valid(const talc_piece *piece)
{
    /* The length of a continuation is not in the stream; there it may be unknown (0). */
    bool length_unknown = piece->continues && !piece->open && piece->length == 0;
    talc_record_header header = { piece->type, piece->version,
                                  length_unknown ? TALC_FRAGMENT_SIZE_MAX : piece->length };
    if (talc_record_header_check(&header) != TALC_OK || piece->fragment_size == 0 ||
        piece->fragment_size > header.length) {
        return false;
    }
    if (piece->open) {
        return piece->fragment_size < header.length;
    }
    return piece->continues || piece->fragment_size == header.length;
}

/* A record that lies in several objects, followed from object to object. */
typedef struct talc_piece_chain {
    bool open;        /* the last object left a fragment open */
    bool from_header; /* the record's first object stands in this body too */
    uint32_t whole;   /* its fragment length as the first object seen says; 0 = unknown */
    uint32_t size;    /* fragment bytes seen in this body */
} talc_piece_chain;

static void chain_begin(talc_piece_chain *chain, const talc_piece *piece)
{
    chain->from_header = !piece->continues;
    chain->whole = piece->open ? piece->length : 0;
    chain->size = 0;
}

/* Whether the object may follow those before it: an open one only by its continuation, and the
 * parts have to add up to the length that was promised. */
static bool chain_add(talc_piece_chain *chain, const talc_piece *piece, size_t index)
{
    if (chain->open ? !piece->continues : piece->continues && index > 0) {
        return false;
    }
    if (!chain->open) {
        chain_begin(chain, piece);
    }
    chain->open = piece->open;
    chain->size += (uint32_t)piece->fragment_size;
    if (chain->whole == 0) {
        return true;
    }
    if (piece->open) {
        return piece->length == chain->whole && chain->size < chain->whole;
    }
    return chain->from_header ? chain->size == chain->whole : chain->size <= chain->whole;
}

static bool pieces_are_valid(const talc_envelope *envelope)
{
    talc_piece_chain chain = { false, false, 0, 0 };
    if (envelope->piece_count > TALC_ENVELOPE_PIECES_MAX) {
        return false;
    }
    for (size_t i = 0; i < envelope->piece_count; i++) {
        if (!piece_is_valid(&envelope->pieces[i]) || !chain_add(&chain, &envelope->pieces[i], i)) {
            return false;
        }
    }
    return true;
}

talc_status talc_envelope_check(const talc_envelope *envelope)
{
    if (!fields_are_valid(envelope) || !pieces_are_valid(envelope)) {
        return TALC_ERROR_MALFORMED;
    }
    uint64_t room = TALC_ENVELOPE_NUMBER_MAX - envelope->offset;
    return talc_envelope_range_size(envelope) <= room ? TALC_OK : TALC_ERROR_MALFORMED;
}
