/* SPDX-License-Identifier: MIT */
#include "gateway/gateway_state.h"

#include <stdio.h>

static int is_from_coap(const talc_gateway_exchange *exchange)
{
    return exchange->listener->coap != NULL;
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void talc_gateway_answer_draft(talc_gateway_exchange *exchange, const char *reason)
{
    const talc_gateway_draft *draft = &exchange->gateway->draft;
    int is_coap = is_from_coap(exchange);
    talc_gateway_tell(exchange, (talc_gateway_event){ .kind = TALC_GATEWAY_RESPONSE_OUT,
                                                      .scheme = exchange->listener->scheme,
                                                      .peer = exchange->peer,
                                                      .uri = text_or_empty(exchange->uri),
                                                      .coap = is_coap ? &draft->coap : NULL,
                                                      .http = is_coap ? NULL : &draft->http,
                                                      .reason = reason });
    if (is_coap) {
        talc_coap_message_server_reply(exchange->listener->coap, exchange->reply, &draft->coap);
    } else {
        talc_http_server_reply(exchange->listener->http, exchange->reply, &draft->http);
    }
    talc_gateway_exchange_free(exchange);
}

static void tell_response_in(const talc_gateway_exchange *exchange, const talc_coap_message *coap,
                             const talc_http_message *http)
{
    talc_gateway_tell(exchange, (talc_gateway_event){ .kind = TALC_GATEWAY_RESPONSE_IN,
                                                      .scheme = exchange->asked.target.scheme,
                                                      .peer = exchange->origin,
                                                      .uri = text_or_empty(exchange->target_uri),
                                                      .coap = coap,
                                                      .http = http });
}

/* What the translation made of a response may be an error of its own. */
static void answer_translated(talc_gateway_exchange *exchange)
{
    char reason[TALC_GATEWAY_REASON_SIZE];
    snprintf(reason, sizeof reason, "%s", exchange->gateway->draft.reason);
    talc_gateway_answer_draft(exchange, reason[0] != '\0' ? reason : NULL);
}

void talc_gateway_answer_coap(talc_gateway_exchange *exchange, const talc_coap_message *response)
{
    talc_gateway *gateway = exchange->gateway;
    tell_response_in(exchange, response, NULL);
    gateway->draft.reason[0] = '\0';
    if (is_from_coap(exchange)) {
        talc_gateway_response_back(&gateway->draft, &exchange->asked, response, &gateway->self);
    } else {
        talc_gateway_response_to_http(&gateway->draft, &exchange->asked, response, &gateway->self);
    }
    answer_translated(exchange);
}

void talc_gateway_answer_http(talc_gateway_exchange *exchange, const talc_http_message *response)
{
    talc_gateway *gateway = exchange->gateway;
    tell_response_in(exchange, NULL, response);
    gateway->draft.reason[0] = '\0';
    talc_gateway_response_to_coap(&gateway->draft, &exchange->asked, response, &gateway->self);
    answer_translated(exchange);
}

void talc_gateway_refuse(talc_gateway_exchange *exchange, uint8_t code, const char *reason,
                         uint32_t retry_after_s)
{
    /* The reason may stand in the draft. */
    char text[TALC_GATEWAY_REASON_SIZE];
    talc_gateway_draft *draft = &exchange->gateway->draft;
    snprintf(text, sizeof text, "%s", reason);
    if (is_from_coap(exchange)) {
        talc_gateway_error_coap(draft, code, text, retry_after_s);
    } else {
        talc_gateway_error_http(draft, code, text, retry_after_s);
    }
    talc_gateway_answer_draft(exchange, text);
}

void talc_gateway_fail(talc_gateway_exchange *exchange, uint8_t code, const char *reason)
{
    talc_gateway_tell(exchange, (talc_gateway_event){ .kind = TALC_GATEWAY_TROUBLE,
                                                      .scheme = exchange->asked.target.scheme,
                                                      .peer = exchange->origin,
                                                      .uri = text_or_empty(exchange->target_uri),
                                                      .reason = reason });
    talc_gateway_refuse(exchange, code, reason,
                        code == TALC_CODE(5, 3) ? TALC_GATEWAY_RETRY_AFTER_S : 0);
}
