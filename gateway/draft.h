/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_DRAFT_H
#define TALC_GATEWAY_DRAFT_H

/** How the translations write a message. What does not fit is left out, and draft->is_full says so;
 * whoever made the draft asks for it at the end. */

#include "gateway/translation.h"

#include <stdbool.h>

/** Empties it, but for draft->reason, which may be what is to be written. */
void talc_gateway_draft_begin(talc_gateway_draft *draft);

/** Adds an option behind those of the same number or a lower one; the value is copied. */
void talc_gateway_draft_option(talc_gateway_draft *draft, uint16_t number, const uint8_t *value,
                               size_t size);

/** As few bytes as possible (RFC 7252 section 3.2). */
void talc_gateway_draft_uint(talc_gateway_draft *draft, uint16_t number, uint32_t value);

/** The path and the query of a URI, as options of these numbers (RFC 7252 section 6.4). A segment
 * of more than 255 bytes counts as one that does not fit. */
void talc_gateway_draft_path(talc_gateway_draft *draft, uint16_t number, const char *path);
void talc_gateway_draft_query(talc_gateway_draft *draft, uint16_t number, const char *query);

/** Adds a field; `name` is static, `value` is copied. A value with anything but printable ASCII and
 * blanks is left out: it cannot stand in a header (RFC 9110 section 5.5). */
void talc_gateway_draft_field(talc_gateway_draft *draft, const char *name, const char *value);

/** A copy of a text in the draft, NULL if it is full. */
const char *talc_gateway_draft_text(talc_gateway_draft *draft, const char *text);

/** Writes the reason and returns `code`. */
uint8_t talc_gateway_draft_refuse(talc_gateway_draft *draft, uint8_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** "coap response code" and the like: a code as "4.04" in the text of a reason. */
#define TALC_GATEWAY_CODE_FORMAT "%u.%02u"
#define TALC_GATEWAY_CODE_ARGUMENTS(code) (unsigned)((code) >> 5), (unsigned)((code)&31)

#endif
