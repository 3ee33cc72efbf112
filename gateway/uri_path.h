/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_URI_PATH_H
#define TALC_GATEWAY_URI_PATH_H

/** Path and query of a URI, and their parts as the values of CoAP options (RFC 7252 sections 6.4
 * and 6.5). */

#include "gateway/text_reader.h"
#include "gateway/uri.h"
#include "transport/coap_message.h"

#define TALC_GATEWAY_PART_SIZE_MAX 255 /* bytes of a segment or a part of a query in CoAP */

/** Reads a path (empty means "/") and "?query" to the end of the text. TALC_OK;
 * TALC_ERROR_ARGUMENT: a character that RFC 3986 does not allow there (as '#'), a broken
 * percent-encoding, a dot segment; TALC_ERROR_TOO_LARGE. */
talc_status talc_gateway_uri_read_path(talc_gateway_uri *uri, talc_text_reader *reader);

/** Makes path and query of the options with these numbers (RFC 7252 section 6.5). TALC_OK;
 * TALC_ERROR_ARGUMENT: a dot segment; TALC_ERROR_TOO_LARGE. */
talc_status talc_gateway_uri_set_path(talc_gateway_uri *uri, const talc_coap_message *message,
                                      uint16_t path_number, uint16_t query_number);

/** Whether a part of the path is "." or ".." once it is decoded, or decoded twice. '\' and an
 * encoded '/' part it here as well: an origin that decodes before it looks for parts would leave
 * the path by them. What follows a ';', '?' or '#' in a part does not count: servlet containers
 * read "..;x" as "..". */
bool talc_gateway_path_has_dots(const char *path);

/** Whether the path, decoded once or twice, has a byte below 0x20 or 0x7f. Some origins end a
 * segment at them, or leave them out, so no rule can tell which path they mean. */
bool talc_gateway_path_has_controls(const char *path);

/** Decodes a part of a path or a query; its percent-encodings are sound. `*size` of at most
 * TALC_GATEWAY_PART_SIZE_MAX bytes; false if there are more. */
bool talc_gateway_uri_decode(talc_text_piece part, uint8_t *bytes, size_t *size);

#endif
