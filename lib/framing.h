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

    /* Requests and responses (RFC 7252 section 5.10). Path and query as in talc_request. */
    char path[TALC_PATH_SIZE_MAX + 1];
    char query[TALC_PATH_SIZE_MAX + 1];
    int content_format;
    int accept;
    uint32_t refused_option; /**< reader: the first critical option that nobody here understands,
                                  or 0; a request with one is answered 4.02 */

    /* CSM. */
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
 * How long the message is that begins at `bytes`, header, token, options and payload together.
 * TALC_OK; TALC_WANT_INPUT: the header itself is not complete yet; TALC_ERROR_MALFORMED: a token
 * length above 8.
 */
talc_status talc_frame_measure(const uint8_t *bytes, size_t size, uint64_t *frame_size);

/** Reads one whole message of exactly `size` bytes. TALC_OK; TALC_ERROR_MALFORMED (RFC 8323: the
 * connection is then aborted), TALC_ERROR_TOO_LARGE: path or query above our bounds. Options that
 * may appear once and appear again count as unknown (RFC 7252 section 5.4.5). */
talc_status talc_frame_read(const uint8_t *bytes, size_t size, talc_frame *frame);

/** Writes the message. TALC_OK; TALC_ERROR_TOO_LARGE: does not fit `capacity`, nothing usable was
 * written; TALC_ERROR_ARGUMENT: a path or query with a broken percent-encoding, or a segment above
 * 255 bytes. */
talc_status talc_frame_write(const talc_frame *frame, uint8_t *bytes, size_t capacity,
                             size_t *size);

/** An upper bound of what talc_frame_write() needs. */
size_t talc_frame_size_max(const talc_frame *frame);

/** Brings a path or query of an application into the one form that frames and tables of resources
 * use: no leading '/', canonical percent-encoding (only what must be encoded is). `text` may be
 * NULL. `form` holds TALC_PATH_SIZE_MAX + 1 bytes. TALC_ERROR_ARGUMENT, TALC_ERROR_TOO_LARGE. */
talc_status talc_path_normalize(const char *text, char *form);
talc_status talc_query_normalize(const char *text, char *form);

#endif
