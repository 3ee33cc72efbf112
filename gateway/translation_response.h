/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_TRANSLATION_RESPONSE_H
#define TALC_GATEWAY_TRANSLATION_RESPONSE_H

/** What the translations of responses have in common. */

#include "gateway/draft.h"

/** Empties the draft, and its reason. */
void talc_gateway_begin_response(talc_gateway_draft *draft);

/** False, with a reason, if the response of a CoAP origin is no response, has an option that must
 * not pass here (RFC 7252 section 5.7.1), or a body above self->body_size. */
bool talc_gateway_check_response(talc_gateway_draft *draft, const talc_coap_message *response,
                                 const talc_gateway_self *self);

/** Puts the own pseudonym before the diagnosis of a 5.08 in draft->coap (RFC 8768 section 4); other
 * codes are left alone. False, with a reason, if it stands there already. */
bool talc_gateway_prepend_self(talc_gateway_draft *draft, const talc_gateway_self *self);

/** 5.02 and 502 with draft->reason; if there is none yet, that the response was too much. */
void talc_gateway_fail_coap(talc_gateway_draft *draft);
void talc_gateway_fail_http(talc_gateway_draft *draft);

/** Diagnoses pass up to this many bytes (RFC 7252 section 5.5.2 wants them short). */
#define TALC_GATEWAY_DIAGNOSIS_SIZE_MAX 512

#endif
