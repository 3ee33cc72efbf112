/* SPDX-License-Identifier: MIT */
#ifndef TALC_FUZZ_GATEWAY_INPUT_H
#define TALC_FUZZ_GATEWAY_INPUT_H

/* Messages for a gateway, made of any bytes; they last until the next one is made. */
#include "gateway/translation.h"

/** The code, and options of two bytes of number, one of size, and the value; 0xff 0xff begins the
 * body. */
const talc_coap_message *gateway_input_coap(const uint8_t *data, size_t size);

/** Lines: a method with its target, or a status; fields; behind an empty line the body. */
const talc_http_message *gateway_input_http(const uint8_t *data, size_t size);

/** Aborts unless the drafts' options are in order, and the head of HTTP is printable. */
void gateway_input_check(const talc_gateway_draft *draft);

/** The request that a response answers. */
extern talc_gateway_asked gateway_input_asked;
extern const talc_gateway_self gateway_input_self;

/** Chooses what was asked by a byte. */
void gateway_input_ask(uint8_t choice);

#endif
