/* SPDX-License-Identifier: MIT */
#include "gateway/gateway_state.h"

#include <stdio.h>
#include <string.h>

#include "gateway/asked_uri.h"

/* Why a request goes nowhere. */
typedef struct refusal {
    uint8_t code; /* 0: it goes on */
    uint32_t retry_after_s;
    char reason[TALC_GATEWAY_REASON_SIZE];
} refusal;

static void tell_request_in(const talc_gateway_exchange *exchange, const talc_coap_message *coap,
                            const talc_http_message *http, const refusal *refused)
{
    talc_gateway_tell(exchange,
                      (talc_gateway_event){ .kind = TALC_GATEWAY_REQUEST_IN,
                                            .scheme = exchange->listener->scheme,
                                            .peer = exchange->peer,
                                            .uri = exchange->uri != NULL ? exchange->uri : "",
                                            .coap = coap,
                                            .http = http,
                                            .is_refused = refused->code != 0 });
}

/* What the exchange has to know of its origin. */
static talc_status note_target(talc_gateway_exchange *exchange, const talc_gateway_uri *target)
{
    char text[TALC_GATEWAY_URI_TEXT_SIZE];
    exchange->asked.target = *target;
    exchange->asked.way = exchange->gateway->decision.way;
    if (talc_gateway_uri_write_origin(target, exchange->origin, sizeof exchange->origin) !=
            TALC_OK ||
        talc_gateway_uri_write(target, text, sizeof text) != TALC_OK) {
        return TALC_ERROR_TOO_LARGE;
    }
    exchange->target_uri = strdup(text);
    return exchange->target_uri != NULL ? TALC_OK : TALC_ERROR_MEMORY;
}

/* Once half of the places are taken, nobody gets more than a share: the other half is for those who
 * have less. */
static int has_share(const talc_gateway_exchange *exchange)
{
    const talc_gateway *gateway = exchange->gateway;
    return gateway->waiting_count < gateway->config.outstanding_max / 2 ||
           talc_gateway_exchanges_of_client(exchange) < gateway->config.outstanding_per_client_max;
}

static void refuse(refusal *refused, uint8_t code, const char *reason)
{
    refused->code = code;
    snprintf(refused->reason, sizeof refused->reason, "%s", reason);
}

/* Whether there is room at the gateway and at the origin. */
static void admit(const talc_gateway_exchange *exchange, refusal *refused)
{
    const talc_gateway *gateway = exchange->gateway;
    if (gateway->waiting_count >= gateway->config.outstanding_max) {
        refuse(refused, TALC_CODE(5, 3), "too many requests wait for their origins");
    } else if (!has_share(exchange)) {
        refuse(refused, TALC_CODE(5, 3), "too many requests of this client wait for their origins");
    } else if (talc_gateway_exchanges_beside(exchange) >=
               gateway->config.outstanding_per_origin_max) {
        refused->code = TALC_CODE(5, 3);
        snprintf(refused->reason, sizeof refused->reason, "too many requests wait for %s",
                 exchange->origin);
    }
    refused->retry_after_s = refused->code != 0 ? TALC_GATEWAY_RETRY_AFTER_S : 0;
}

static int is_from_http(const talc_gateway_exchange *exchange)
{
    return exchange->listener->http != NULL;
}

/* Whether the decision leads somewhere. */
static void judge(talc_gateway_exchange *exchange, refusal *refused)
{
    const talc_gateway_decision *decision = &exchange->gateway->decision;
    talc_status status = TALC_OK;
    refused->code = 0;
    refused->retry_after_s = 0;
    if (decision->refusal != 0) {
        refuse(refused, decision->refusal, decision->reason);
    } else if (decision->target.scheme == TALC_GATEWAY_COAPS) {
        refuse(refused, TALC_CODE(5, 5),
               "this gateway holds no keys, so it reaches nothing by coaps");
    } else if (is_from_http(exchange) && decision->target.scheme != TALC_GATEWAY_COAP) {
        refuse(refused, TALC_CODE(5, 5),
               "HTTP clients reach CoAP origins here; ask an HTTP origin itself");
    } else if ((status = note_target(exchange, &decision->target)) == TALC_ERROR_MEMORY) {
        refuse(refused, TALC_CODE(5, 3), "out of memory");
    } else if (status != TALC_OK) {
        refuse(refused, TALC_CODE(4, 0), "the URI is too long");
    } else {
        admit(exchange, refused);
    }
}

/* Notes what the translation into the draft said; 0: nothing against it. */
static void judge_translated(const talc_gateway_exchange *exchange, uint8_t code, refusal *refused)
{
    if (code != 0) {
        refuse(refused, code, exchange->gateway->draft.reason);
    }
}

static void translate_coap(talc_gateway_exchange *exchange, const talc_coap_message *request,
                           refusal *refused)
{
    talc_gateway *gateway = exchange->gateway;
    const talc_gateway_uri *target = &gateway->decision.target;
    talc_gateway_asked *asked = &exchange->asked;
    int is_http = target->scheme == TALC_GATEWAY_HTTP || target->scheme == TALC_GATEWAY_HTTPS;
    judge_translated(
        exchange,
        is_http
            ? talc_gateway_request_to_http(&gateway->draft, asked, request, target, &gateway->self)
            : talc_gateway_request_onward(&gateway->draft, asked, request, target, &gateway->self),
        refused);
}

static void translate_http(talc_gateway_exchange *exchange, const talc_http_message *request,
                           refusal *refused)
{
    talc_gateway *gateway = exchange->gateway;
    uint8_t code = talc_gateway_request_to_coap(&gateway->draft, &exchange->asked, request,
                                                &gateway->decision.target, &gateway->self);
    judge_translated(exchange, code, refused);
}

/* Sends what stands in the draft, or the refusal. */
static void go_on(talc_gateway_exchange *exchange, const refusal *refused)
{
    if (refused->code != 0) {
        talc_gateway_refuse(exchange, refused->code, refused->reason, refused->retry_after_s);
    } else {
        talc_gateway_send(exchange, &exchange->gateway->decision.target);
    }
}

void talc_gateway_coap_arrived(void *context, const talc_coap_message_inbound *inbound)
{
    talc_gateway_listener *listener = context;
    talc_gateway *gateway = listener->gateway;
    const talc_coap_message *request = inbound->request;
    refusal refused;
    talc_gateway_exchange *exchange =
        talc_gateway_exchange_new(listener, inbound->reply, inbound->peer_text);
    if (exchange == NULL) {
        talc_coap_message_server_reply(listener->coap, inbound->reply, NULL);
        return;
    }
    exchange->uri = talc_gateway_asked_uri_coap(request);
    talc_gateway_decide_coap(gateway->config.rules, request, &gateway->decision);
    judge(exchange, &refused);
    if (refused.code == 0) {
        translate_coap(exchange, request, &refused);
    }
    tell_request_in(exchange, request, NULL, &refused);
    if (gateway->decision.refusal != TALC_CODE(4, 4) ||
        !talc_gateway_links_coap(exchange, request)) {
        go_on(exchange, &refused);
    }
}

void talc_gateway_http_arrived(void *context, const talc_http_inbound *inbound)
{
    talc_gateway_listener *listener = context;
    talc_gateway *gateway = listener->gateway;
    const talc_http_message *request = inbound->request;
    refusal refused;
    talc_gateway_exchange *exchange =
        talc_gateway_exchange_new(listener, inbound->reply, inbound->peer_text);
    if (exchange == NULL) {
        talc_http_server_reply(listener->http, inbound->reply, NULL);
        return;
    }
    exchange->uri = talc_gateway_asked_uri_http(request);
    talc_gateway_decide_http(gateway->config.rules, request, &gateway->decision);
    judge(exchange, &refused);
    if (refused.code == 0) {
        translate_http(exchange, request, &refused);
    }
    tell_request_in(exchange, NULL, request, &refused);
    if (gateway->decision.refusal != TALC_CODE(4, 4) ||
        !talc_gateway_links_http(exchange, request)) {
        go_on(exchange, &refused);
    }
}
