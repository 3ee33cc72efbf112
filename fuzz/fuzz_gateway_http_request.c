/* SPDX-License-Identifier: MIT */
/* Whatever an HTTP client sends: a target that the rules allow, and a CoAP request or a refusal in
 * one line. */
#include <stdlib.h>

#include "fuzz/gateway_input.h"
#include "gateway/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static talc_gateway_draft draft;
static talc_gateway_decision decision;
static talc_gateway_rules *rules;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const talc_http_message *request = gateway_input_http(data, size);
    talc_failure failure = { 0 };
    if (rules == NULL) {
        rules = talc_gateway_rules_new();
        talc_gateway_rules_allow(rules, "any", &failure);
        talc_gateway_rules_route(rules, "/dev=coap://192.0.2.1/base", &failure);
    }
    if (request->method == NULL) {
        return 0;
    }
    talc_gateway_decide_http(rules, request, &decision);
    if (decision.refusal != 0) {
        return 0;
    }
    uint8_t refusal = talc_gateway_request_to_coap(&draft, &gateway_input_asked, request,
                                                   &decision.target, &gateway_input_self);
    gateway_input_check(&draft);
    if (decision.target.scheme != TALC_GATEWAY_COAP ||
        (refusal != 0) != (draft.reason[0] != '\0')) {
        abort();
    }
    return 0;
}
