/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_GATEWAY_MESSAGES_H
#define TALC_TESTS_GATEWAY_MESSAGES_H

/** Messages and what belongs to them, read from rows of vectors (tests/vectors/README.md says how
 * they are written), and compared with them. Whatever is wrong with a row fails the test. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/translation.h"
#include "tests/vectors.h"

/** A message of a row; `coap` or `http` is set, and points into the rest. */
typedef struct gateway_message {
    talc_coap_message coap;
    talc_http_message http;
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    talc_http_field fields[TALC_GATEWAY_FIELDS_MAX];
    uint8_t store[8192];
    size_t stored;
} gateway_message;

/** "2.05" as it is on the wire. */
uint8_t gateway_code(const char *text);

/** True if the message is one of CoAP: it has a `code`. */
bool gateway_message_read(gateway_message *message, const cJSON *row);

void gateway_uri_read(talc_gateway_uri *uri, const char *text);

/** What the gateway is, by `self` of a row or by its default: "gw-1", 64 KiB. */
talc_gateway_self gateway_self_read(const cJSON *self);

void gateway_asked_read(talc_gateway_asked *asked, const cJSON *row);

/** Fails with the name of the row unless the draft is what the row says. */
void gateway_draft_check(const talc_gateway_draft *draft, const cJSON *wanted, const char *name);

/** Likewise; what the row leaves out is 0. The target is not compared. */
void gateway_asked_check(const talc_gateway_asked *asked, const cJSON *wanted, const char *name);

#endif
