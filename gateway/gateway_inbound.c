/* SPDX-License-Identifier: MIT */
#include "gateway/gateway_state.h"

#include <stdio.h>
#include <string.h>

#include "gateway/asked_uri.h"

static void tell_request_in(const talc_gateway_exchange *exchange, const talc_coap_message *coap,
                            const talc_http_message *http)
{
    talc_gateway_tell(exchange,
                      (talc_gateway_event){ .kind = TALC_GATEWAY_REQUEST_IN,
                                            .scheme = exchange->listener->scheme,
                                            .peer = exchange->peer,
                                            .uri = exchange->uri != NULL ? exchange->uri : "",
                                            .coap = coap,
                                            .http = http });
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

/* Whether there is room at the gateway and at the origin; answers the request if there is none. */
static int is_admitted(talc_gateway_exchange *exchange)
{
    char reason[TALC_GATEWAY_REASON_SIZE];
    const talc_gateway *gateway = exchange->gateway;
    if (gateway->waiting_count >= gateway->config.outstanding_max) {
        talc_gateway_refuse(exchange, TALC_CODE(5, 3), "too many requests wait for their origins",
                            TALC_GATEWAY_RETRY_AFTER_S);
        return 0;
    }
    if (!has_share(exchange)) {
        talc_gateway_refuse(exchange, TALC_CODE(5, 3),
                            "too many requests of this client wait for their origins",
                            TALC_GATEWAY_RETRY_AFTER_S);
        return 0;
    }
    if (talc_gateway_exchanges_beside(exchange) >= gateway->config.outstanding_per_origin_max) {
        snprintf(reason, sizeof reason, "too many requests wait for %s", exchange->origin);
        talc_gateway_refuse(exchange, TALC_CODE(5, 3), reason, TALC_GATEWAY_RETRY_AFTER_S);
        return 0;
    }
    return 1;
}

/* Whether the decision leads somewhere; answers the request if it does not. */
static int is_allowed(talc_gateway_exchange *exchange)
{
    const talc_gateway_decision *decision = &exchange->gateway->decision;
    if (decision->refusal != 0) {
        talc_gateway_refuse(exchange, decision->refusal, decision->reason, 0);
        return 0;
    }
    if (decision->target.scheme == TALC_GATEWAY_COAPS) {
        talc_gateway_refuse(exchange, TALC_CODE(5, 5),
                            "this gateway holds no keys, so it reaches nothing by coaps", 0);
        return 0;
    }
    talc_status status = note_target(exchange, &decision->target);
    if (status != TALC_OK) {
        talc_gateway_refuse(
            exchange, status == TALC_ERROR_MEMORY ? TALC_CODE(5, 3) : TALC_CODE(4, 0),
            status == TALC_ERROR_MEMORY ? "out of memory" : "the URI is too long", 0);
        return 0;
    }
    return is_admitted(exchange);
}

/* Sends what the translation made of a request, or its refusal. */
static void go_on(talc_gateway_exchange *exchange, uint8_t refusal)
{
    talc_gateway *gateway = exchange->gateway;
    if (refusal != 0) {
        talc_gateway_refuse(exchange, refusal, gateway->draft.reason, 0);
    } else {
        talc_gateway_send(exchange, &gateway->decision.target);
    }
}

void talc_gateway_coap_arrived(void *context, const talc_coap_message_inbound *inbound)
{
    talc_gateway_listener *listener = context;
    talc_gateway *gateway = listener->gateway;
    const talc_coap_message *request = inbound->request;
    talc_gateway_exchange *exchange =
        talc_gateway_exchange_new(listener, inbound->reply, inbound->peer_text);
    if (exchange == NULL) {
        talc_coap_message_server_reply(listener->coap, inbound->reply, NULL);
        return;
    }
    exchange->uri = talc_gateway_asked_uri_coap(request);
    tell_request_in(exchange, request, NULL);
    talc_gateway_decide_coap(gateway->config.rules, request, &gateway->decision);
    if ((gateway->decision.refusal == TALC_CODE(4, 4) &&
         talc_gateway_links_coap(exchange, request)) ||
        !is_allowed(exchange)) {
        return;
    }
    const talc_gateway_uri *target = &gateway->decision.target;
    talc_gateway_asked *asked = &exchange->asked;
    int is_http = target->scheme == TALC_GATEWAY_HTTP || target->scheme == TALC_GATEWAY_HTTPS;
    uint8_t refusal =
        is_http
            ? talc_gateway_request_to_http(&gateway->draft, asked, request, target, &gateway->self)
            : talc_gateway_request_onward(&gateway->draft, asked, request, target, &gateway->self);
    go_on(exchange, refusal);
}

void talc_gateway_http_arrived(void *context, const talc_http_inbound *inbound)
{
    talc_gateway_listener *listener = context;
    talc_gateway *gateway = listener->gateway;
    const talc_http_message *request = inbound->request;
    talc_gateway_exchange *exchange =
        talc_gateway_exchange_new(listener, inbound->reply, inbound->peer_text);
    if (exchange == NULL) {
        talc_http_server_reply(listener->http, inbound->reply, NULL);
        return;
    }
    exchange->uri = talc_gateway_asked_uri_http(request);
    tell_request_in(exchange, NULL, request);
    talc_gateway_decide_http(gateway->config.rules, request, &gateway->decision);
    if ((gateway->decision.refusal == TALC_CODE(4, 4) &&
         talc_gateway_links_http(exchange, request)) ||
        !is_allowed(exchange)) {
        return;
    }
    const talc_gateway_uri *target = &gateway->decision.target;
    if (target->scheme != TALC_GATEWAY_COAP) {
        talc_gateway_refuse(exchange, TALC_CODE(5, 5),
                            "HTTP clients reach CoAP origins here; ask an HTTP origin itself", 0);
        return;
    }
    go_on(exchange, talc_gateway_request_to_coap(&gateway->draft, &exchange->asked, request, target,
                                                 &gateway->self));
}
