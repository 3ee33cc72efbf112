/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_TRANSLATION_H
#define TALC_GATEWAY_TRANSLATION_H

/** RFC 8075 and RFC 7252 sections 5.7 and 10, as functions of messages: methods, codes and status,
 * options and header fields, content formats and media types, caching. No socket, no clock, no
 * state. Bodies pass as they are and are borrowed from the message that is translated. */

#include "gateway/uri.h"
#include "gateway/way.h"
#include "transport/coap_message.h"
#include "transport/http_message.h"

#define TALC_GATEWAY_FIELDS_MAX 64
#define TALC_GATEWAY_STORE_SIZE                                                                    \
    16384 /* characters of all names and values of a translated message */

/** A translated message, with the memory of its texts. It is the caller's, may lie anywhere, and
 * is valid as long as it stays in place and the translated message's body does. */
typedef struct talc_gateway_draft {
    talc_coap_message coap; /**< either this */
    talc_http_message http; /**< or this */
    char reason[128];       /**< of a refusal: one line for the client */
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    talc_http_field fields[TALC_GATEWAY_FIELDS_MAX];
    char store[TALC_GATEWAY_STORE_SIZE];
    size_t stored;
    int is_full; /**< something did not fit */
} talc_gateway_draft;

/** What a gateway says of itself on the way. */
typedef struct talc_gateway_self {
    const char *
        pseudonym; /**< in Via (RFC 9110 section 7.6.3) and in the diagnosis of a 5.08 (RFC 8768) */
    size_t body_size; /**< largest body that it passes */
    /** HTTP clients may name any content format, as application/coap-payload;cf=N. RFC 8075 section
     * 6.2 wants this asked for. */
    int passes_any_format;
} talc_gateway_self;

/** An entity-tag of CoAP. */
typedef struct talc_gateway_tag {
    uint8_t bytes[8];
    uint8_t size; /**< 1..8; 0: none */
} talc_gateway_tag;

#define TALC_GATEWAY_TAGS_MAX 8 /* of one request; further ones are left out */

/** What the response's translation has to know of its request. */
typedef struct talc_gateway_asked {
    uint8_t code;          /**< method of the CoAP request, translated or not: TALC_GET ... */
    int is_head;           /**< the HTTP request was HEAD */
    int has_if_none_match; /**< If-None-Match: * */
    int has_condition;     /**< a field of the HTTP request became a critical option */
    int had_observe;       /**< the CoAP request wanted to observe: not mapped */
    /** What the client has of the resource: with these 304 means 2.03, and 2.03 means 304. */
    talc_gateway_tag tags[TALC_GATEWAY_TAGS_MAX];
    size_t tag_count;
    talc_gateway_uri target; /**< of the request; Location stays below its origin */
    talc_gateway_way way;    /**< the caller copies it from the decision; not touched here */
} talc_gateway_asked;

/* These three fill draft->http or draft->coap with a request for `target`, and `asked`. They
 * return 0, or the CoAP code of a refusal with draft->reason: 4.02 (an unsafe or critical option
 * that is not understood), 4.00, 4.05 or 5.01 (a method without translation), 4.06, 4.12 (a
 * condition that no entity-tag of CoAP can fulfil), 4.13, 4.15 (a media type or a content coding
 * without a content format), 5.08 (hop limit, or this gateway's pseudonym in Via; the reason is the
 * pseudonym, RFC 8768 section 4). `draft` needs no initialisation. */
uint8_t talc_gateway_request_to_http(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                     const talc_coap_message *request,
                                     const talc_gateway_uri *target, const talc_gateway_self *self);
uint8_t talc_gateway_request_to_coap(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                     const talc_http_message *request,
                                     const talc_gateway_uri *target, const talc_gateway_self *self);
uint8_t talc_gateway_request_onward(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                    const talc_coap_message *request,
                                    const talc_gateway_uri *target, const talc_gateway_self *self);

/* These three fill draft->coap or draft->http with a response for the client. A response that
 * cannot be translated becomes 5.02 or 502 with draft->reason, which is "" otherwise. The body of a
 * response to HEAD is kept: the server leaves it out and tells its length. */
void talc_gateway_response_to_coap(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const talc_http_message *response,
                                   const talc_gateway_self *self);
void talc_gateway_response_to_http(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const talc_coap_message *response,
                                   const talc_gateway_self *self);
void talc_gateway_response_back(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                const talc_coap_message *response, const talc_gateway_self *self);

/** An error of the gateway's own: `code` as CoAP (with `reason` as diagnostic payload, RFC 7252
 * section 5.5.2) and its HTTP status (text/plain); `retry_after_s` above 0 goes into Max-Age and
 * Retry-After. `reason` stays the caller's, and may be draft->reason. For HTTP clients 5.05 is 501
 * here (RFC 7252 section 10.2). */
void talc_gateway_error_coap(talc_gateway_draft *draft, uint8_t code, const char *reason,
                             uint32_t retry_after_s);
void talc_gateway_error_http(talc_gateway_draft *draft, uint8_t code, const char *reason,
                             uint32_t retry_after_s);

/** The HTTP status of a CoAP response code (RFC 8075 section 7) and the code of a status; 502 and
 * 5.02 for what has none. Some depend on more than the code: that is the response translation's
 * business. */
unsigned talc_gateway_status_of(uint8_t code);
uint8_t talc_gateway_code_of(unsigned status);

#endif
