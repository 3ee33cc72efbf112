/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_FRAMING_H
#define TALC_LIB_FRAMING_H

/**
 * The messages inside a session: CoAP over reliable transports (RFC 8323 section 3.2), read from
 * and written to plaintext with checked cursors. Requests, responses and signaling messages.
 */

#include <stdbool.h>

#include "talc/carrier.h"
#include "talc/message.h"

#define TALC_TOKEN_SIZE_MAX 8
#define TALC_OPTION_ABSENT (-1) /**< of an option that is a number on the wire, 0 included */
#define TALC_MESSAGE_SIZE_BASE 1152 /**< until the peer's CSM has been read (RFC 8323, 5.3.1) */
#define TALC_FRAME_HEADER_SIZE_MAX 6 /**< Len and TKL, extended length, code */

/** Signaling codes (RFC 8323 section 5). */
enum {
    TALC_CODE_EMPTY = 0,
    TALC_CODE_CSM = TALC_CODE(7, 1),
    TALC_CODE_PING = TALC_CODE(7, 2),
    TALC_CODE_PONG = TALC_CODE(7, 3),
    TALC_CODE_RELEASE = TALC_CODE(7, 4),
    TALC_CODE_ABORT = TALC_CODE(7, 5)
};

/** Options of a CSM. 2 and 4 are RFC 8323's; ours are elective, from the range for experiments. */
enum {
    TALC_CSM_MAX_MESSAGE_SIZE = 2,
    TALC_CSM_BLOCK_WISE = 4,
    TALC_CSM_GUARD = 65002,    /**< empty: the sender tags all its envelopes */
    TALC_CSM_REPLACES = 65004, /**< client: 12 bytes, the session that this one replaces */
    TALC_CSM_REPLACED = 65006  /**< server: 12 bytes, that session is no more */
};

typedef struct talc_frame {
    uint8_t code;
    uint8_t token_size;
    uint8_t token[TALC_TOKEN_SIZE_MAX];

    /* Requests and, of these, only the format of their payload: responses (RFC 7252 section 5.10).
     * Path and query as in talc_request, "" for none; from the reader in their one form, see
     * talc_path_normalize(). */
    char path[TALC_PATH_SIZE_MAX + 1];
    char query[TALC_PATH_SIZE_MAX + 1];
    int content_format; /**< 0..65535 or TALC_OPTION_ABSENT */
    int accept;         /**< likewise */

    /** Reader, every code but 0.00: the first critical option that is not understood here, or 0.
     * Then the fields above and below are incomplete and only good for a refusal: a request is
     * answered 4.02, a response rejected (RFC 7252 section 5.4.1), a signaling message aborts the
     * connection (RFC 8323 section 5.2). */
    uint32_t refused_option;

    /* CSM. The reader sets at most one of `replaces` and `replaced`. */
    uint32_t max_message_size; /**< 0: left out */
    bool guard;
    bool replaces;
    bool replaced;
    uint8_t other_session[TALC_SESSION_ID_SIZE]; /**< of `replaces` or `replaced` */

    const uint8_t *payload; /**< reader: into the bytes read */
    size_t payload_size;
} talc_frame;

/** An empty frame: no options, no payload. */
void talc_frame_init(talc_frame *frame, uint8_t code);

/**
 * How long the message is that begins at `bytes`: header, token, options and payload together, up
 * to 2^32 + 65825. Needs no more than its first TALC_FRAME_HEADER_SIZE_MAX - 1 bytes.
 * TALC_OK; TALC_WANT_INPUT: these are not complete yet; TALC_ERROR_MALFORMED: a token length above
 * 8. `*frame_size` is set with TALC_OK only.
 */
talc_status talc_frame_measure(const uint8_t *bytes, size_t size, uint64_t *frame_size);

/**
 * Reads one whole message of exactly `size` bytes. The payload stays where it is: `bytes` must
 * outlive it. What is skipped without a trace: elective options that are not understood, Uri-Host
 * and Uri-Port of a request, all options of an Empty message (0.00, which the caller ignores: RFC
 * 8323 section 3.4).
 *
 * Counts as not understood, so is skipped or becomes `refused_option`: an option whose value has a
 * size that is not allowed or that may appear once and appears again (RFC 7252 sections 5.4.3 and
 * 5.4.5), one that its code does not define (section 5.4), a path or query that begins with an
 * empty segment (see talc_path_normalize()), TALC_CSM_REPLACED beside TALC_CSM_REPLACES.
 *
 * TALC_OK; TALC_ERROR_MALFORMED: no such message, or a segment of the path is "." or ".."; the
 * connection is then aborted. TALC_ERROR_TOO_LARGE: well-formed, but path or query are longer than
 * TALC_PATH_SIZE_MAX (they are "" now); code and token are there for an answer.
 */
talc_status talc_frame_read(const uint8_t *bytes, size_t size, talc_frame *frame);

/**
 * Writes the message, options in ascending order and in their shortest form. Fields that the code
 * has no option for are left out; the payload is written whatever the code, and must not overlap
 * `bytes`. `*size` is what was written, 0 on errors.
 * TALC_OK; TALC_ERROR_TOO_LARGE: does not fit `capacity`, nothing usable was written;
 * TALC_ERROR_ARGUMENT: a path or query that talc_path_normalize() would not have, a token longer
 * than TALC_TOKEN_SIZE_MAX, a format above 65535, `replaces` with `replaced`, a payload that is
 * NULL and has a size.
 */
talc_status talc_frame_write(const talc_frame *frame, uint8_t *bytes, size_t capacity,
                             size_t *size);

/** An upper bound of what talc_frame_write() needs; SIZE_MAX if it does not fit a size_t. */
size_t talc_frame_size_max(const talc_frame *frame);

/** Content formats as applications write them (talc/message.h) and as options hold them. */
bool talc_format_is_valid(int format);
int talc_format_to_option(int format);
int talc_format_from_option(int option);

/**
 * Brings a path or query of an application into the one form that frames and tables of resources
 * use: segments joined by '/' (parts of a query by '&'), no leading '/', and in them only the bytes
 * percent-encoded, with capital digits, that RFC 7252 section 6.5 does not allow as they are. Two
 * lists of segments have the same form only if they are the same list. So a list cannot begin with
 * an empty segment ("coap://host/" has no segment at all, and "//a" would look like "/a");
 * elsewhere empty segments count: "a" is not "a/".
 *
 * `text` may be NULL for none; a leading '/' of a path makes no difference, bytes that should have
 * been encoded are. `form` is the caller's, holds TALC_PATH_SIZE_MAX + 1 bytes and does not overlap
 * `text`; it is "" on errors.
 * TALC_OK; TALC_ERROR_ARGUMENT: '%' without two hexadecimal digits, a segment above 255 bytes, one
 * that is "." or ".." (paths only) however encoded, an empty first one; TALC_ERROR_TOO_LARGE: the
 * form is longer than TALC_PATH_SIZE_MAX.
 */
talc_status talc_path_normalize(const char *text, char *form);
talc_status talc_query_normalize(const char *text, char *form);

#endif
