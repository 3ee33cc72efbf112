/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_CONDITIONS_H
#define TALC_GATEWAY_CONDITIONS_H

/** Conditional requests: ETag, If-Match and If-None-Match of CoAP (RFC 7252 sections 5.10.6 and
 * 5.10.8) and If-Match and If-None-Match of HTTP (RFC 9110 section 13.1). A condition on an action
 * is translated or refused, never left out; a validator of a GET may be left out. */

#include "gateway/draft.h"

/** Adds header fields, and to `asked` what the client has. */
void talc_gateway_conditions_to_http(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                     const talc_coap_message *request);

/** Adds options, and to `asked` what the client has. 0, or the code of a refusal: 4.12 if none of
 * the tags can be one of CoAP's, 5.01 for a condition that CoAP does not have. */
uint8_t talc_gateway_conditions_to_coap(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                        const talc_http_message *request);

/** Adds the options as they are, and to `asked` what the client has. */
void talc_gateway_conditions_onward(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                    const talc_coap_message *request);

#endif
