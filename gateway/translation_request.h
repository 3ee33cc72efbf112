/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_TRANSLATION_REQUEST_H
#define TALC_GATEWAY_TRANSLATION_REQUEST_H

/** What the translations of requests have in common. */

#include "gateway/draft.h"

/** Empties `asked`, but for its way, and keeps method and target. */
void talc_gateway_asked_begin(talc_gateway_asked *asked, uint8_t code,
                              const talc_gateway_uri *target);

/** Refuses what the options of a CoAP request say that nobody here understands: unsafe ones (RFC
 * 7252 section 5.7.1), and of its hop limit only the last (RFC 8768 section 3). `*hops_left` is
 * what the next hop is told. 0, 4.00, 4.02, 5.08. */
uint8_t talc_gateway_check_request(talc_gateway_draft *draft, const talc_coap_message *request,
                                   const talc_gateway_self *self, uint32_t *hops_left);

/** Refuses a body above self->body_size: 0, 4.13. */
uint8_t talc_gateway_check_body(talc_gateway_draft *draft, size_t body_size,
                                const talc_gateway_self *self);

/** Whether requests of this method have a body (RFC 7252 section 5.8, RFC 8132). */
bool talc_gateway_method_has_body(uint8_t code);

/** The end of all: 0, or 4.00 if the draft is full. */
uint8_t talc_gateway_finish_request(talc_gateway_draft *draft);

/** The options that name the target to its origin (RFC 7252 section 6.4). */
void talc_gateway_draft_target(talc_gateway_draft *draft, const talc_gateway_uri *target);

#define TALC_GATEWAY_HOPS_DEFAULT 16 /* RFC 8768 section 3 */

#endif
