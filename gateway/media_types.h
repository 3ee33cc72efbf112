/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_MEDIA_TYPES_H
#define TALC_GATEWAY_MEDIA_TYPES_H

/** Content formats of CoAP (RFC 7252 section 12.3, by the registry "CoAP Content-Formats") and
 * media types with content codings of HTTP (RFC 8075 section 6). */

#include "gateway/text_reader.h"
#include "transport/http_message.h"

#define TALC_GATEWAY_FORMAT_TEXT_PLAIN 0
#define TALC_GATEWAY_FORMAT_NONE (-1)

/** A value of Content-Type, or an element of Accept, in lower case. */
typedef struct talc_gateway_media_type {
    char name[128];    /**< "application/json", "*" and "/" and "*" in Accept too */
    char charset[128]; /**< "" if there is none */
    char variant[128]; /**< of cose-type or smime-type, "" if there is none */
    int32_t cf;      /**< of application/coap-payload (RFC 8075 section 6.2), -1 if there is none */
    uint32_t weight; /**< q in thousandths, 1000 if there is none */
} talc_gateway_media_type;

/** False if it is none. */
bool talc_gateway_media_type_read(talc_gateway_media_type *type, talc_text_reader *reader);

/** The content format of a media type in a content coding ("" for none); -1 if there is none.
 * Parameters that the registry does not name make no difference, but a character set does that is
 * neither UTF-8 nor a part of it. application/coap-payload is its cf. */
int32_t talc_gateway_format_of(const talc_gateway_media_type *type, const char *coding);

/** That of the more general type: +json, +cbor and +xml count as JSON, CBOR and XML (RFC 8075
 * section 6.3). -1 if there is none. */
int32_t talc_gateway_format_general(const talc_gateway_media_type *type);

/** Whether it is one that programs write for programs: JSON, CBOR or something based on them. */
bool talc_gateway_media_type_is_structured(const talc_gateway_media_type *type);

/** Whether RFC 8075 section 6.2 stands for the type. */
bool talc_gateway_media_type_is_payload(const talc_gateway_media_type *type);

#define TALC_GATEWAY_MEDIA_TYPE_SIZE 80 /* characters with the NUL */

/** Writes the media type of a format (application/coap-payload;cf=N if it is not known) and returns
 * its content coding, NULL for none. */
const char *talc_gateway_format_text(uint16_t format, char text[TALC_GATEWAY_MEDIA_TYPE_SIZE]);

/** The content coding of a message: "" for none or identity, a name in lower case, or "?" for more
 * than one. */
void talc_gateway_coding_read(const talc_http_message *message, char coding[16]);

/** The format that Accept prefers among those with a number; -1: no wish. A range (with an
 * asterisk) that the client takes is no wish either: Accept of CoAP would exclude what the range
 * allows. */
typedef struct talc_gateway_wish {
    int32_t format;
    bool is_payload; /**< named as application/coap-payload */
} talc_gateway_wish;

talc_gateway_wish talc_gateway_accept_read(const talc_http_message *message);

#endif
