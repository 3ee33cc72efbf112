/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_CACHING_H
#define TALC_GATEWAY_CACHING_H

/** How long a response may be reused: Max-Age of CoAP (RFC 7252 section 5.6.1) and Cache-Control,
 * Age, Expires and Retry-After of HTTP (RFC 9111 sections 4.2 and 5, RFC 9110 section 10.2.3). */

#include "gateway/draft.h"

/** Adds Max-Age to a response for a CoAP client, whose code is set. Where HTTP says nothing it is
 * 0: heuristics are left to those who have a cache. */
void talc_gateway_caching_to_coap(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                  const talc_http_message *response);

/** Adds Cache-Control, Vary and Retry-After to a response for an HTTP client, whose status is set.
 * An error may be kept only if it has a Max-Age and the request had no condition. */
void talc_gateway_caching_to_http(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                  const talc_coap_message *response);

#endif
