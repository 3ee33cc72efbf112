/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_MESSAGE_H
#define TALC_TRANSPORT_COAP_MESSAGE_H

/** CoAP requests and responses with all their options, as a gateway needs them (RFC 7252 section
 * 5.7): no library's type in it. What belongs to one hop (type, message id, token, Block1, Block2,
 * Size1, Size2, Request-Tag, Echo, No-Response) is the endpoints' own business and never among the
 * options: they leave it out of what they send and of what they hand over. */

#include <stddef.h>
#include <stdint.h>

#define TALC_COAP_MESSAGE_OPTIONS_MAX 64

/** Numbers of the options that talc knows how to translate (RFC 7252 section 12.2, RFC 7641, RFC
 * 8768). */
enum {
    TALC_COAP_IF_MATCH = 1,
    TALC_COAP_URI_HOST = 3,
    TALC_COAP_ETAG = 4,
    TALC_COAP_IF_NONE_MATCH = 5,
    TALC_COAP_OBSERVE = 6,
    TALC_COAP_URI_PORT = 7,
    TALC_COAP_LOCATION_PATH = 8,
    TALC_COAP_URI_PATH = 11,
    TALC_COAP_CONTENT_FORMAT = 12,
    TALC_COAP_MAX_AGE = 14,
    TALC_COAP_URI_QUERY = 15,
    TALC_COAP_HOP_LIMIT = 16,
    TALC_COAP_ACCEPT = 17,
    TALC_COAP_LOCATION_QUERY = 20,
    TALC_COAP_PROXY_URI = 35,
    TALC_COAP_PROXY_SCHEME = 39
};

typedef struct talc_coap_message_option {
    uint16_t number;
    uint16_t size;        /**< bytes, at most 1034 */
    const uint8_t *value; /**< may be NULL when size is 0; no NUL behind it */
} talc_coap_message_option;

/** A request if code is below 1.00 (0.32), else a response. All pointers are the giver's, valid
 * during the call. */
typedef struct talc_coap_message {
    uint8_t code;
    const talc_coap_message_option *options; /**< in the order of their numbers */
    size_t option_count;                     /**< at most TALC_COAP_MESSAGE_OPTIONS_MAX */
    const uint8_t *body;                     /**< may be NULL when body_size is 0 */
    size_t body_size;                        /**< bytes */
} talc_coap_message;

/** The first option of this number, or NULL. */
const talc_coap_message_option *talc_coap_message_find(const talc_coap_message *message,
                                                       uint16_t number);

/** Its value as a number (RFC 7252 section 3.2); `fallback` if it is not there or longer than 4
 * bytes. */
uint32_t talc_coap_message_uint(const talc_coap_message *message, uint16_t number,
                                uint32_t fallback);

#endif
