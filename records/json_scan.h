/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_JSON_SCAN_H
#define TALC_RECORDS_JSON_SCAN_H

/**
 * A strict, linear check of a JSON text (RFC 8259) before a lenient parser that allocates for every
 * value sees it. It produces a copy without white space in which only harmless things are left.
 */

#include <stddef.h>

#include "talc/status.h"

typedef struct talc_json_limits {
    size_t depth;  /**< objects and arrays inside each other, the outermost counted */
    size_t values; /**< values of any type, the outermost counted, keys not counted */
} talc_json_limits;

/**
 * Reads `size` characters that must be one JSON object and nothing else but white space and one
 * byte order mark of UTF-8 before it, and writes it to `copy`, which the caller makes size + 1 characters large; a NUL follows the text.
 * Beyond the grammar: strings and keys hold printable ASCII only; of the escapes, `\/` and `\u0020`
 * to `\u007e` are undone (they come back only for `"` and `\`), all others are refused. A number
 * that is not made of digits alone, or above 2^53-1, becomes `{}`: who expects a number there finds
 * none, and who ignores the value is not bothered by it.
 * TALC_OK; TALC_ERROR_MALFORMED; TALC_ERROR_TOO_LARGE for more values than allowed.
 */
talc_status talc_json_scan(const char *text, size_t size, const talc_json_limits *limits,
                           char *copy, size_t *copy_size);

#endif
