/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_ASKED_URI_H
#define TALC_GATEWAY_ASKED_URI_H

/** The URI of a request as its client named it, for people and logs: an absolute URI where it named
 * an origin, "/path?query" where it asked the gateway itself. Nothing is decided by it. */

#include "transport/coap_message.h"
#include "transport/http_message.h"

/** Allocated: free(). NULL: out of memory. Cut at 4095 characters. */
char *talc_gateway_asked_uri_coap(const talc_coap_message *request);
char *talc_gateway_asked_uri_http(const talc_http_message *request);

#endif
