/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_ENVELOPE_H
#define TALC_RECORDS_ENVELOPE_H

/**
 * One envelope: the body of one request or answer, a JSON object that carries a range of a TLS
 * byte stream record by record. The model and the writer (envelope.c, envelope_writer.c) allocate
 * nothing and need no JSON library; the reader (envelope_reader.c) does.
 *
 * Ownership: an envelope that is to be written borrows its fragments. One that was read owns
 * `range`, its fragments point into it, and talc_envelope_clear frees it.
 *
 * On the wire (`key`: rule beyond the JSON type):
 *   `i` required. `n` required beside a non-empty `r`; without one it must be valid and is ignored.
 *   `a`, `b`, `w`, `m` 0 and an empty `r` mean the same as no such key, which is what is written.
 *   `b` 256..65535. `w` above 25 is read as 25. `m` and `p` 0 or 1. `g` 8 bytes in base64url.
 *   `c` 1..44 characters of the base64url alphabet. `e` 1..32 characters a-z 0-9 and `-`.
 *   In `r`: `t`, `v`, `l`, `p`, `f`, see talc_piece. Of a piece with `p` only `f` and the presence
 *   of `l` have a meaning here: `t`, `v` and the value of `l` repeat the first part's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/record.h"
#include "talc/status.h"

#define TALC_SESSION_ID_SIZE 12
#define TALC_GUARD_SIZE 8
#define TALC_COOKIE_SIZE_MAX 44
#define TALC_ENVELOPE_PIECES_MAX 64
#define TALC_ENVELOPE_NUMBER_MAX 9007199254740991u /**< 2^53-1, exact in every JSON reader */
#define TALC_ENVELOPE_BODY_LIMIT_MIN 256
#define TALC_ENVELOPE_BODY_LIMIT_MAX 65535
#define TALC_ENVELOPE_HOLD_MAX_S 25
#define TALC_ENVELOPE_ERROR_SIZE_MAX 32

typedef enum talc_envelope_error {
    TALC_ENVELOPE_ERROR_NONE = 0, /**< no `e` */
    TALC_ENVELOPE_ERROR_UNKNOWN_SESSION,
    TALC_ENVELOPE_ERROR_MALFORMED,
    TALC_ENVELOPE_ERROR_TOO_LARGE,
    TALC_ENVELOPE_ERROR_OVERLOADED,
    TALC_ENVELOPE_ERROR_UNSUPPORTED,
    TALC_ENVELOPE_ERROR_LOST_STATE,
    TALC_ENVELOPE_ERROR_OTHER /**< a text that this version does not know */
} talc_envelope_error;

/** The text of `e` ("unknown-session"); "" for NONE, OTHER and values outside the enum. Static. */
const char *talc_envelope_error_text(talc_envelope_error error);

/** The error with this NUL-terminated text; NONE for "", OTHER for an unknown one. */
talc_envelope_error talc_envelope_error_from_text(const char *text);

/** One object of `r`: a whole record, or a part of one. */
typedef struct talc_piece {
    uint8_t type;     /**< talc_record_type (`t`, left out when 23) */
    uint16_t version; /**< TALC_RECORD_VERSION_ (`v`, left out when 771) */
    uint16_t length;  /**< the record's whole fragment length, as in its 5-byte header: equal to
                           fragment_size when the record is whole in this object, else larger. With
                           `continues` the reader sets what `l` says, 0 if there is none */
    bool continues;   /**< `p`: no record begins here: these bytes have no header in the stream */
    bool open;        /**< the fragment does not end in this object: `l` is written */
    const uint8_t *fragment;
    size_t fragment_size; /**< bytes in this object, never 0 */
} talc_piece;

typedef struct talc_envelope {
    uint64_t request;      /**< `i`, at most TALC_ENVELOPE_NUMBER_MAX like the next two */
    uint64_t offset;       /**< `n`: where the range begins; 0 when there are no pieces */
    uint64_t acknowledged; /**< `a` */
    uint32_t body_limit;   /**< `b` in bytes, 0 = left out, else 256..65535 */
    uint32_t hold_s;       /**< `w`, 0..25 */
    bool more;             /**< `m` */
    bool has_guard;
    uint8_t guard[TALC_GUARD_SIZE];                    /**< `g`, if has_guard */
    talc_envelope_error error;                         /**< `e` */
    char error_text[TALC_ENVELOPE_ERROR_SIZE_MAX + 1]; /**< with OTHER: the text as received, NUL-
                                                            terminated (the guard covers it) */
    char cookie[TALC_COOKIE_SIZE_MAX + 1];             /**< `c`, NUL-terminated, "" = none */
    size_t piece_count;
    talc_piece pieces[TALC_ENVELOPE_PIECES_MAX];
    uint8_t *range; /**< reader: the stream bytes of all pieces, headers included, NULL if none.
                         The writer does not look at it */
    size_t range_size;
} talc_envelope;

/** All zero: an empty envelope with request number 0. Does not free anything. */
void talc_envelope_init(talc_envelope *envelope);

/** Frees the range of an envelope that was read and makes the envelope empty. NULL is allowed. */
void talc_envelope_clear(talc_envelope *envelope);

/** What stands in `e`: the known text, the received one for OTHER, "" for NONE. Borrowed. */
const char *talc_envelope_error_sent(const talc_envelope *envelope);

/** Stream bytes that the pieces stand for, headers included. */
size_t talc_envelope_range_size(const talc_envelope *envelope);

/**
 * Whether the envelope keeps every rule of the format. Writer and reader both ask this.
 * TALC_OK or TALC_ERROR_MALFORMED. Fragments are not looked into.
 */
talc_status talc_envelope_check(const talc_envelope *envelope);

/**
 * Characters of everything but the objects of `r`, exactly, as if there were pieces, `m` and `g`
 * (whether `fields` has them or not). With talc_piece_size, which counts one comma for each object,
 * the text of an envelope with pieces, `m` and `g` is one character less than the sum.
 */
size_t talc_envelope_overhead(const talc_envelope *fields);

/**
 * Characters that talc_envelope_write() makes of a valid envelope, of one that was read too: whatever
 * the path has made of its text meanwhile.
 */
size_t talc_envelope_text_size(const talc_envelope *envelope);

/** Characters of the object, exactly, and one comma. `fragment` may be NULL. */
size_t talc_piece_size(const talc_piece *piece);

/**
 * How many fragment bytes fit into an object with the type, version, length and flags of `piece`
 * that may take json_room characters, its comma counted; 0 if none. fragment_size is ignored.
 * Not cut to `length`: the caller takes the smaller of the two.
 */
size_t talc_piece_fragment_room(const talc_piece *piece, size_t json_room);

/**
 * Writes the envelope without white space, no NUL: i, n, a, b, w, r, m, e, c, g; n and r only when
 * there are pieces. `*size` becomes the number of characters, 0 on an error.
 * TALC_OK; TALC_ERROR_ARGUMENT if talc_envelope_check refuses it; TALC_ERROR_TOO_LARGE if it does
 * not fit into `capacity` (what was written so far is of no use).
 */
talc_status talc_envelope_write(const talc_envelope *envelope, char *text, size_t capacity,
                                size_t *size);

/**
 * Reads `size` characters (no NUL needed) into an envelope that is overwritten, so clear an older
 * one first. The text is not kept.
 * TALC_OK: the caller clears the envelope in the end. On every error it is left empty:
 * TALC_ERROR_TOO_LARGE: more than size_max characters, TALC_ENVELOPE_PIECES_MAX objects in `r`, or
 * 512 JSON values; TALC_ERROR_MALFORMED: anything the format does not allow; TALC_ERROR_MEMORY.
 * Memory while it runs is bounded by some 80 KiB plus twice `size`, and by `size` afterwards.
 */
talc_status talc_envelope_read(const char *text, size_t size, size_t size_max,
                               talc_envelope *envelope);

#endif
