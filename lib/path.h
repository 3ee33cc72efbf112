/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_PATH_H
#define TALC_LIB_PATH_H

/**
 * Lists of segments (Uri-Path) and of parts (Uri-Query) and the texts that stand for them
 * (RFC 7252 sections 6.4 and 6.5). Two different lists never have the same text.
 *
 * No list begins with an empty segment: "coap://host/" is the empty list, and the text of a list
 * that begins with one could not be told from a leading '/'. Empty segments further on are fine.
 * No segment of a path is "." or ".." (RFC 7252 section 5.10.1).
 */

#include "framing_wire.h"
#include "talc/message.h"

#define TALC_SEGMENT_SIZE_MAX 255 /**< RFC 7252 section 5.10 */

/** How segments are parted and which bytes stand for themselves: talc_path_syntax_path,
 * talc_path_syntax_query. */
typedef struct talc_path_syntax {
    char separator;
    const char *literals; /**< beside letters and digits; every other byte is percent-encoded */
} talc_path_syntax;

extern const talc_path_syntax talc_path_syntax_path;
extern const talc_path_syntax talc_path_syntax_query;

/** A text that grows by segments. */
typedef struct talc_path_form {
    const talc_path_syntax *syntax;
    talc_byte_writer text;
    size_t count;
} talc_path_form;

/** Begins with the empty list. `text` holds TALC_PATH_SIZE_MAX + 1 bytes, belongs to the caller
 * and is NUL-terminated from now on. */
void talc_path_form_start(talc_path_form *form, const talc_path_syntax *syntax, char *text);

/**
 * Appends one segment, given by its raw bytes.
 * TALC_OK; TALC_ERROR_MALFORMED: "." or ".." in a path; TALC_ERROR_UNSUPPORTED: the first one and
 * empty; TALC_ERROR_TOO_LARGE: the text would be longer than TALC_PATH_SIZE_MAX, it is empty now
 * and stays so.
 */
talc_status talc_path_form_append(talc_path_form *form, const uint8_t *value, size_t size);

/** Takes one segment; any status but TALC_OK ends talc_path_each(). */
typedef talc_status (*talc_path_take)(void *context, const uint8_t *value, size_t size);

/**
 * Decodes a text of `size` characters and hands its segments to `take`, in order. One leading '/'
 * of a path is passed over. Bytes that should have been encoded stand for themselves.
 * TALC_OK; TALC_ERROR_ARGUMENT: a broken percent-encoding, a segment above TALC_SEGMENT_SIZE_MAX
 * bytes, or one that talc_path_form_append() would not have for its value; a status of `take`.
 */
talc_status talc_path_each(const talc_path_syntax *syntax, const char *text, size_t size,
                           talc_path_take take, void *context);

#endif
