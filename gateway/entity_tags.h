/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_ENTITY_TAGS_H
#define TALC_GATEWAY_ENTITY_TAGS_H

/**
 * Entity-tags of CoAP (1 to 8 bytes, RFC 7252 section 5.10.6) and of HTTP (a quoted text of any
 * length, weak or strong, RFC 9110 section 8.8.3).
 *
 * The bytes of CoAP become their hexadecimal digits in lower case, and these become the bytes
 * again, in either direction and over any number of gateways. Of another strong tag of HTTP the
 * CoAP side gets 8 bytes of its SHA-256: enough to compare with, so a GET can be answered with
 * 2.03, but nothing that a condition of the origin's could be made of.
 */

#include "gateway/draft.h"
#include "gateway/text_reader.h"
#include "records/text_writer.h"

/** `"61626364"`, with the quotes. */
void talc_gateway_tag_write(talc_text_writer *writer, const uint8_t *bytes, size_t size);

/** The bytes of a tag in a condition, weak or strong as it says; false if it is no tag of CoAP's.
 */
bool talc_gateway_tag_read(talc_text_reader *reader, talc_gateway_tag *tag, bool *is_weak);

/** What the CoAP side gets of a strong tag in a response; false for a weak one, or none. */
bool talc_gateway_tag_of_response(const talc_http_message *response, talc_gateway_tag *tag);

/** Whether the client has what this tag names. */
bool talc_gateway_tag_is_asked(const talc_gateway_asked *asked, const talc_gateway_tag *tag);

/** Remembers a tag that the client has; more than TALC_GATEWAY_TAGS_MAX are forgotten. False then.
 */
bool talc_gateway_tag_ask(talc_gateway_asked *asked, const talc_gateway_tag *tag);

#endif
