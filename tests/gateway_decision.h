/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_GATEWAY_DECISION_H
#define TALC_TESTS_GATEWAY_DECISION_H

/** Rules of a gateway in a test, and what they decide. Include it after cmocka.h. */

#include "gateway/rules.h"
#include "talc/message.h"

#define NO_URI TALC_CODE(4, 0)
#define FORBIDDEN TALC_CODE(4, 3)
#define NO_ROUTE TALC_CODE(4, 4)
#define NO_METHOD TALC_CODE(5, 1)
#define NO_SCHEME TALC_CODE(5, 5)

/** Of the last question. */
extern talc_gateway_decision decision;

/** `*state` is a talc_gateway_rules that allows nothing. */
int gateway_rules_setup(void **state);
int gateway_rules_teardown(void **state);

/** A CoAP request for a URI, as to a forward proxy. */
void decision_ask_uri(const talc_gateway_rules *rules, const char *uri);

void decision_ask_http(const talc_gateway_rules *rules, const char *method, const char *target);

/** Fails unless that was the decision; `target` NULL: whichever. */
void decision_expect(const char *asked, uint8_t refusal, const char *target);

/** These fail if the rule is refused. */
void decision_allow(talc_gateway_rules *rules, const char *pattern);
void decision_route(talc_gateway_rules *rules, const char *text);

#endif
