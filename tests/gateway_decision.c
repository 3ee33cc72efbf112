/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/gateway_decision.h"

talc_gateway_decision decision;

int gateway_rules_setup(void **state)
{
    *state = talc_gateway_rules_new();
    return *state != NULL ? 0 : -1;
}

int gateway_rules_teardown(void **state)
{
    talc_gateway_rules_free(*state);
    return 0;
}

void decision_ask_uri(const talc_gateway_rules *rules, const char *uri)
{
    const talc_coap_message_option option = { TALC_COAP_PROXY_URI, (uint16_t)strlen(uri),
                                              (const uint8_t *)uri };
    const talc_coap_message request = { .code = TALC_GET, .options = &option, .option_count = 1 };
    memset(&decision, 0xa5, sizeof decision);
    talc_gateway_decide_coap(rules, &request, &decision);
}

void decision_ask_http(const talc_gateway_rules *rules, const char *method, const char *target)
{
    const talc_http_message request = { .method = method, .target = target };
    memset(&decision, 0xa5, sizeof decision);
    talc_gateway_decide_http(rules, &request, &decision);
}

void decision_expect(const char *asked, uint8_t refusal, const char *target)
{
    char written[TALC_GATEWAY_URI_SIZE_MAX + TALC_GATEWAY_URI_ORIGIN_SIZE] = "";
    if (decision.refusal != refusal) {
        fail_msg("%s: refusal %u.%02u (%s)", asked, (unsigned)decision.refusal >> 5,
                 decision.refusal & 31u, decision.reason);
    }
    assert_int_equal(decision.reason[0] != '\0', refusal != 0);
    if (target != NULL) {
        assert_int_equal(talc_gateway_uri_write(&decision.target, written, sizeof written),
                         TALC_OK);
        assert_string_equal(written, target);
    }
}

void decision_allow(talc_gateway_rules *rules, const char *pattern)
{
    talc_failure failure = { 0 };
    if (talc_gateway_rules_allow(rules, pattern, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
}

void decision_route(talc_gateway_rules *rules, const char *text)
{
    talc_failure failure = { 0 };
    if (talc_gateway_rules_route(rules, text, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
}
