/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_CODES_H
#define TALC_GATEWAY_CODES_H

/** Methods and codes of CoAP (RFC 7252 section 12.1, RFC 8132, RFC 8516, RFC 8768) and HTTP. */

#include "talc/message.h"

/* Methods of RFC 8132. */
#define TALC_GATEWAY_FETCH 5
#define TALC_GATEWAY_PATCH 6
#define TALC_GATEWAY_IPATCH 7

#define TALC_GATEWAY_VALID TALC_CODE(2, 3)
#define TALC_GATEWAY_NOT_ACCEPTABLE TALC_CODE(4, 6)
#define TALC_GATEWAY_PRECONDITION_FAILED TALC_CODE(4, 12)
#define TALC_GATEWAY_TOO_MANY_REQUESTS TALC_CODE(4, 29)
#define TALC_GATEWAY_NOT_IMPLEMENTED TALC_CODE(5, 1)
#define TALC_GATEWAY_BAD_GATEWAY TALC_CODE(5, 2)
#define TALC_GATEWAY_PROXYING_NOT_SUPPORTED TALC_CODE(5, 5)
#define TALC_GATEWAY_HOP_LIMIT_REACHED TALC_CODE(5, 8)

/** The HTTP method for a CoAP method, NULL if it has none. */
const char *talc_gateway_method_text(uint8_t code);

/** The CoAP method for an HTTP method, 0 if it has none. GET for HEAD. */
uint8_t talc_gateway_method_of(const char *method);

/** The response code for an HTTP status 2xx that answers this method; 0: there is none, it was not
 * asked for. */
uint8_t talc_gateway_success_of(unsigned status, uint8_t method);

#endif
