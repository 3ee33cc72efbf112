/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_FIELD_LIST_H
#define TALC_GATEWAY_FIELD_LIST_H

/** A header field whose value is a list, over all its lines (RFC 9110 section 5.6.1). */

#include "gateway/text_reader.h"
#include "transport/http_message.h"

typedef struct talc_gateway_field_list {
    const talc_http_message *message;
    const char *name;
    size_t next_field;
    talc_text_reader line;
} talc_gateway_field_list;

/** `message` and `name` have to live as long as the list. */
void talc_gateway_field_list_init(talc_gateway_field_list *list, const talc_http_message *message,
                                  const char *name);

/** The next element that is not empty, without blanks around it; false at the end. A comma inside a
 * quoted string parts nothing. */
bool talc_gateway_field_list_next(talc_gateway_field_list *list, talc_text_reader *element);

/** How many lines this field has. */
size_t talc_gateway_field_count(const talc_http_message *message, const char *name);

#endif
