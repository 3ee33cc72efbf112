/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_LOCATION_H
#define TALC_GATEWAY_LOCATION_H

/** Where a created resource is: Location-Path and Location-Query of CoAP (RFC 7252 section 5.10.7)
 * and Location of HTTP (RFC 9110 section 10.2.2). The client gets it in the way in which it named
 * the target. A location that cannot be named so (at another origin, or outside the base of a
 * route) is left out. */

#include "gateway/draft.h"

/** For a CoAP client, of an HTTP origin. */
void talc_gateway_location_to_coap(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const char *location);

/** For a CoAP client, of a CoAP origin. */
void talc_gateway_location_back(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                const talc_coap_message *response);

/** For an HTTP client, of a CoAP origin. */
void talc_gateway_location_to_http(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                   const talc_coap_message *response);

#endif
