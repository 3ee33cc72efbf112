/* SPDX-License-Identifier: MIT */
#include "gateway/gateway_state.h"

#include <stdio.h>

static int is_to_http(const talc_gateway_exchange *exchange)
{
    return exchange->asked.target.scheme == TALC_GATEWAY_HTTP ||
           exchange->asked.target.scheme == TALC_GATEWAY_HTTPS;
}

static void tell_request_out(const talc_gateway_exchange *exchange)
{
    const talc_gateway_draft *draft = &exchange->gateway->draft;
    int is_http = is_to_http(exchange);
    const char *reason = exchange->asked.had_observe
                             ? "Observe is not mapped: one response, no notifications"
                             : NULL;
    talc_gateway_tell(exchange, (talc_gateway_event){
                                    .kind = TALC_GATEWAY_REQUEST_OUT,
                                    .scheme = exchange->asked.target.scheme,
                                    .peer = exchange->origin,
                                    .uri = exchange->target_uri != NULL ? exchange->target_uri : "",
                                    .coap = is_http ? NULL : &draft->coap,
                                    .http = is_http ? &draft->http : NULL,
                                    .reason = reason });
}

static void fail_to_send(talc_gateway_exchange *exchange, talc_status status)
{
    char reason[TALC_GATEWAY_REASON_SIZE];
    switch (status) {
    case TALC_WANT_ROOM:
        talc_gateway_fail(exchange, TALC_CODE(5, 3), "too many requests are under way");
        break;
    case TALC_ERROR_MEMORY: talc_gateway_fail(exchange, TALC_CODE(5, 3), "out of memory"); break;
    case TALC_ERROR_TOO_LARGE:
        talc_gateway_fail(exchange, TALC_CODE(4, 13),
                          "the request does not fit a message of the other protocol");
        break;
    case TALC_ERROR_UNSUPPORTED:
        talc_gateway_fail(exchange, TALC_CODE(5, 5), "this gateway was built without HTTP");
        break;
    default:
        snprintf(reason, sizeof reason, "%s cannot be reached: %s", exchange->origin,
                 talc_status_text(status));
        talc_gateway_fail(exchange, TALC_CODE(5, 2), reason);
        break;
    }
}

void talc_gateway_send(talc_gateway_exchange *exchange, const talc_gateway_uri *target)
{
    talc_gateway *gateway = exchange->gateway;
    uint32_t number = (uint32_t)exchange->number;
    talc_status status;
    tell_request_out(exchange);
    if (!is_to_http(exchange)) {
        status = talc_gateway_origins_send(gateway->origins, number, target, &gateway->draft.coap);
    } else if (gateway->http == NULL) {
        status = TALC_ERROR_UNSUPPORTED;
    } else {
        status = talc_http_client_send(gateway->http, number, 0, &gateway->draft.http);
    }
    if (status == TALC_OK) {
        talc_gateway_exchange_wait(exchange);
    } else {
        fail_to_send(exchange, status);
    }
}

void talc_gateway_cancel(const talc_gateway_exchange *exchange)
{
    uint32_t number = (uint32_t)exchange->number;
    if (!is_to_http(exchange)) {
        talc_gateway_origins_cancel(exchange->gateway->origins, number);
    } else if (exchange->gateway->http != NULL) {
        talc_http_client_cancel(exchange->gateway->http, number);
    }
}

/* ---------------------------------------------------------------- what comes back */

/* RFC 7252 section 5.7.1: 5.04 where there was no response in time, 5.02 for other errors. */
static uint8_t code_of_coap_end(talc_coap_message_end end)
{
    switch (end) {
    case TALC_COAP_MESSAGE_LATE: return TALC_CODE(5, 4);
    case TALC_COAP_MESSAGE_NO_MEMORY: return TALC_CODE(5, 3);
    default: return TALC_CODE(5, 2);
    }
}

static const char *words_of_coap_end(talc_coap_message_end end)
{
    switch (end) {
    case TALC_COAP_MESSAGE_LATE: return "did not answer in time";
    case TALC_COAP_MESSAGE_UNREACHABLE: return "cannot be reached";
    case TALC_COAP_MESSAGE_RESET: return "rejected the message";
    case TALC_COAP_MESSAGE_BROKEN: return "sent blocks that do not fit together";
    case TALC_COAP_MESSAGE_NO_MEMORY: return "was asked, but memory ran out";
    default: return "gave no response";
    }
}

void talc_gateway_coap_ended(void *context, const talc_gateway_origin_result *result)
{
    char reason[TALC_GATEWAY_REASON_SIZE];
    talc_gateway_exchange *exchange = talc_gateway_exchange_find(context, result->number);
    if (exchange == NULL) {
        return;
    }
    if (result->response != NULL) {
        talc_gateway_answer_coap(exchange, result->response);
        return;
    }
    if (result->end == TALC_COAP_MESSAGE_TOO_LARGE) {
        snprintf(reason, sizeof reason, "%s sent a response of more than %zu bytes (--max-body)",
                 exchange->origin, exchange->gateway->config.body_size_max);
    } else {
        snprintf(reason, sizeof reason, "%s %s%s%.128s", exchange->origin,
                 words_of_coap_end(result->end), result->reason[0] != '\0' ? ": " : "",
                 result->reason);
    }
    talc_gateway_fail(exchange, code_of_coap_end(result->end), reason);
}

static uint8_t code_of_http_end(talc_http_end end)
{
    switch (end) {
    case TALC_HTTP_LATE: return TALC_CODE(5, 4);
    case TALC_HTTP_NO_MEMORY: return TALC_CODE(5, 3);
    default: return TALC_CODE(5, 2);
    }
}

void talc_gateway_http_ended(void *context, const talc_http_result *result)
{
    talc_gateway_exchange *exchange = talc_gateway_exchange_find(context, result->number);
    if (exchange == NULL) {
        return;
    }
    if (result->response != NULL) {
        talc_gateway_answer_http(exchange, result->response);
    } else if (result->end == TALC_HTTP_TOO_LARGE) {
        char reason[TALC_GATEWAY_REASON_SIZE];
        snprintf(reason, sizeof reason, "%.400s (--max-body %zu)", result->reason,
                 exchange->gateway->config.body_size_max);
        talc_gateway_fail(exchange, code_of_http_end(result->end), reason);
    } else {
        talc_gateway_fail(exchange, code_of_http_end(result->end), result->reason);
    }
}
