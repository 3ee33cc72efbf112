/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_URI_HOST_H
#define TALC_GATEWAY_URI_HOST_H

/** The host of a URI, in one form only. A rule compares hosts as text and addresses as numbers, so
 * no host may have a second spelling that a resolver understands. */

#include "gateway/text_reader.h"
#include "gateway/uri.h"

/** A name or an IPv4 address into uri->host: letters in lower case, digits, '-' and '_', labels of
 * 1 to 63 characters (so no dot at the end), nothing percent-encoded. A host that resolvers take
 * for a number (its last label is decimal, octal or hexadecimal) has to be a plain dotted quad.
 * TALC_OK, TALC_ERROR_ARGUMENT. */
talc_status talc_gateway_uri_set_host(talc_gateway_uri *uri, talc_text_piece host);

/** What stood in brackets: an IPv6 address, rewritten as in RFC 5952. TALC_ERROR_ARGUMENT: none,
 * one with a zone, or one that embeds an IPv4 address (::/96, ::ffff:0:0/96, 64:ff9b::/96), which
 * has a plain form. */
talc_status talc_gateway_uri_set_literal(talc_gateway_uri *uri, talc_text_piece literal);

#endif
