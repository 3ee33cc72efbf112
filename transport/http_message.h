/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_MESSAGE_H
#define TALC_TRANSPORT_HTTP_MESSAGE_H

/** HTTP requests and responses (RFC 9110) as the client and the server in this folder exchange
 * them with their users: no library's type in it. */

#include <stddef.h>
#include <stdint.h>

/** A header field. Names compare without case. Both strings are NUL-terminated and hold neither
 * control characters (a tab in the value aside) nor line ends. */
typedef struct talc_http_field {
    const char *name;
    const char *value;
} talc_http_field;

/** A request, if `method` is set, else a response. All pointers are the giver's, valid during the
 * call. */
typedef struct talc_http_message {
    const char *method; /**< "POST"; NULL: a response */
    const char
        *target;     /**< of a request: at the client the whole URL; at the server what stood in the
                             request line, "/path?query" or (from the client of a forward proxy)
                             "scheme://..." , nothing decoded */
    unsigned status; /**< of a response: 200..599 */
    const talc_http_field *fields; /**< in their order; those of the transfer itself (Connection,
                                        Transfer-Encoding, Content-Length, Expect) are not among
                                        them */
    size_t field_count;
    const uint8_t *body; /**< may be NULL when body_size is 0 */
    size_t body_size;    /**< bytes */
} talc_http_message;

/** The value of the first field of this name, or NULL. */
const char *talc_http_field_find(const talc_http_message *message, const char *name);

/** Whether a text is what a field's name or a method may be: a token (RFC 9110 section 5.6.2). */
int talc_http_is_token(const char *text);

/** Whether a text is what talc_http_field says of values. */
int talc_http_is_value(const char *text);

/** Whether fields of this name speak of one connection and are not passed on (RFC 9110 section
 * 7.6.1): those with a fixed meaning, and those that Connection names in this message. */
int talc_http_is_of_hop(const talc_http_message *message, const char *name);

#endif
