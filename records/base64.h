/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_BASE64_H
#define TALC_RECORDS_BASE64_H

/**
 * base64url without padding (RFC 4648 section 5), strict: every byte string has exactly one text,
 * and every other text is refused. Texts are not NUL-terminated; sizes are in bytes or characters.
 * Buffers belong to the caller, may hold secrets (scratch space is wiped) and must not overlap.
 * Both calls return TALC_ERROR_UNSUPPORTED if libb64 itself does not do its work, as when the
 * header of one version met the library of another.
 */

#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

/** Characters that `bytes` bytes encode to; SIZE_MAX if that does not fit a size_t. */
size_t talc_base64_encoded_size(size_t bytes);

/**
 * Bytes that `chars` characters decode to. No text has 4n+1 characters; for such a count this is
 * what the 4n characters before hold (so 0 for 1), which makes it also the number of bytes that
 * fit into `chars` characters.
 */
size_t talc_base64_decoded_size(size_t chars);

/**
 * Writes exactly talc_base64_encoded_size(size) characters, no NUL.
 * `bytes` may be NULL when size is 0.
 * TALC_OK; TALC_ERROR_TOO_LARGE if capacity is smaller than that (nothing is written).
 */
talc_status talc_base64_encode(const uint8_t *bytes, size_t size, char *text, size_t capacity);

/**
 * Writes exactly talc_base64_decoded_size(size) bytes. An empty text holds 0 bytes.
 * TALC_OK; TALC_ERROR_MALFORMED for a character outside A-Z a-z 0-9 - _ (padding and white space
 * too), for 4n+1 characters, and for a last character with bits that belong to no byte;
 * TALC_ERROR_TOO_LARGE if capacity is too small. On an error nothing is written.
 */
talc_status talc_base64_decode(const char *text, size_t size, uint8_t *bytes, size_t capacity);

#endif
