/* SPDX-License-Identifier: MIT */
/* From CoAP to CoAP, there and back (RFC 7252 section 5.7). */
#include "gateway/codes.h"
#include "gateway/conditions.h"
#include "gateway/known_options.h"
#include "gateway/location.h"
#include "gateway/translation_request.h"
#include "gateway/translation_response.h"

/* Copies options: what is not understood and safe, and of the others these. */
static void copy_options(talc_gateway_draft *draft, const talc_coap_message *message,
                         const uint16_t *numbers, size_t count)
{
    for (size_t i = 0; i < message->option_count; i++) {
        const talc_coap_message_option *option = &message->options[i];
        talc_gateway_option_class class = talc_gateway_option_classify(message, i);
        bool is_wanted = class == TALC_GATEWAY_OPTION_FORWARD;
        for (size_t k = 0; k < count && class == TALC_GATEWAY_OPTION_KNOWN; k++) {
            is_wanted = is_wanted || numbers[k] == option->number;
        }
        if (is_wanted) {
            talc_gateway_draft_option(draft, option->number, option->value, option->size);
        }
    }
}

uint8_t talc_gateway_request_onward(talc_gateway_draft *draft, talc_gateway_asked *asked,
                                    const talc_coap_message *request,
                                    const talc_gateway_uri *target, const talc_gateway_self *self)
{
    static const uint16_t passed[] = { TALC_COAP_CONTENT_FORMAT, TALC_COAP_ACCEPT };
    uint32_t hops_left;
    draft->reason[0] = '\0';
    talc_gateway_draft_begin(draft);
    talc_gateway_asked_begin(asked, request->code, target);
    if (request->code == 0 || request->code > TALC_GATEWAY_IPATCH) {
        return talc_gateway_draft_refuse(draft, TALC_CODE_METHOD_NOT_ALLOWED,
                                         "unknown method 0.%02u", (unsigned)request->code);
    }
    uint8_t refusal = talc_gateway_check_request(draft, request, self, &hops_left);
    if (refusal != 0) {
        return refusal;
    }
    asked->had_observe = talc_coap_message_find(request, TALC_COAP_OBSERVE) != NULL;
    draft->coap.code = request->code;
    if (talc_gateway_method_has_body(request->code)) {
        draft->coap.body = request->body;
        draft->coap.body_size = request->body_size;
    }
    talc_gateway_draft_target(draft, target);
    talc_gateway_draft_uint(draft, TALC_COAP_HOP_LIMIT, hops_left);
    talc_gateway_conditions_onward(draft, asked, request);
    copy_options(draft, request, passed, sizeof passed / sizeof passed[0]);
    return talc_gateway_finish_request(draft);
}

void talc_gateway_response_back(talc_gateway_draft *draft, const talc_gateway_asked *asked,
                                const talc_coap_message *response, const talc_gateway_self *self)
{
    static const uint16_t passed[] = { TALC_COAP_ETAG, TALC_COAP_CONTENT_FORMAT,
                                       TALC_COAP_MAX_AGE };
    talc_gateway_begin_response(draft);
    draft->coap.code = response->code;
    draft->coap.body = response->body;
    draft->coap.body_size = response->body_size;
    copy_options(draft, response, passed, sizeof passed / sizeof passed[0]);
    talc_gateway_location_back(draft, asked, response);
    if (!talc_gateway_check_response(draft, response, self) ||
        !talc_gateway_prepend_self(draft, self) || draft->is_full) {
        talc_gateway_fail_coap(draft);
    }
}
