/* SPDX-License-Identifier: MIT */
/* Whatever a CoAP client sends: a target that the rules allow, and a request in the target's
 * protocol or a refusal in one line. */
#include <stdlib.h>

#include "fuzz/gateway_input.h"
#include "gateway/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static talc_gateway_draft draft;
static talc_gateway_decision decision;
static talc_gateway_rules *rules;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const talc_coap_message *request = gateway_input_coap(data, size);
    talc_failure failure = { 0 };
    if (rules == NULL) {
        rules = talc_gateway_rules_new();
        talc_gateway_rules_allow(rules, "any", &failure);
        talc_gateway_rules_route(rules, "/=http://svc.example/base", &failure);
    }
    talc_gateway_decide_coap(rules, request, &decision);
    if (decision.refusal != 0) {
        return 0;
    }
    uint8_t refusal = decision.target.scheme == TALC_GATEWAY_COAP
                          ? talc_gateway_request_onward(&draft, &gateway_input_asked, request,
                                                        &decision.target, &gateway_input_self)
                          : talc_gateway_request_to_http(&draft, &gateway_input_asked, request,
                                                         &decision.target, &gateway_input_self);
    gateway_input_check(&draft);
    if ((refusal != 0) != (draft.reason[0] != '\0')) {
        abort();
    }
    return 0;
}
