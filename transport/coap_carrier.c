/* SPDX-License-Identifier: MIT */
/* The client's carrier over CoAP: envelopes are the bodies of POST requests to one resource. */
#include "transport/coap_carrier.h"

#include "lib/failure.h"
#include "records/base64.h"
#include "transport/coap_client.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX 1152 /* RFC 7252 section 4.6; libcoap resets what is longer */
#define HEADER_SIZE 4
#define MESSAGE_SIZE_MIN 256
#define EXCHANGES_MAX 16
#define ID_TEXT_SIZE 16 /* a session id in base64url */
#define QUERY_SIZE (2 + ID_TEXT_SIZE + 1)

typedef struct carrier_link {
    talc_coap_client client;
    talc_carrier_events events;
    talc_carrier_limits limits;
    char *path;
} carrier_link;

/* ACK_TIMEOUT is below CoAP's default of 2 s, which RFC 7252 section 4.8.1 allows with a reason: a
 * session has at most two exchanges open, backs off by doubling, and a lost flight should cost 1 s,
 * not 2. */
static const talc_coap_transmission transmission = { 1, 2, 2, TALC_COAP_SPREADS };

static talc_outcome outcome_of(const talc_coap_exchange *exchange)
{
    switch (exchange->end) {
    case TALC_COAP_ANSWERED:
        return exchange->refused_option == 0 ? TALC_OUTCOME_ANSWER : TALC_OUTCOME_LOST;
    case TALC_COAP_RESET: return TALC_OUTCOME_RESET;
    case TALC_COAP_UNREACHABLE: return TALC_OUTCOME_UNREACHABLE;
    case TALC_COAP_TOO_LARGE: return TALC_OUTCOME_TOO_LARGE;
    default: return TALC_OUTCOME_LOST;
    }
}

/* 5.03 and 4.29 (RFC 8516) name a time. */
static uint32_t retry_after_ms(const talc_coap_exchange *exchange)
{
    uint32_t seconds = exchange->max_age_s;
    if (exchange->code != COAP_RESPONSE_CODE(503) && exchange->code != COAP_RESPONSE_CODE(429)) {
        return 0;
    }
    return seconds < UINT32_MAX / 1000 ? seconds * 1000 : UINT32_MAX;
}

static void on_ended(void *context, const talc_coap_exchange *exchange)
{
    carrier_link *carrier = context;
    talc_failure failure = { 0 };
    talc_carrier_answer answer = { .exchange = exchange->number,
                                   .outcome = outcome_of(exchange) };
    if (exchange->end != TALC_COAP_ANSWERED) {
        (void)talc_coap_end_explain(&carrier->client, exchange->end, &failure);
        answer.reason = failure.text;
    }
    if (answer.outcome == TALC_OUTCOME_ANSWER) {
        answer.code = exchange->code;
        answer.retry_after_ms = retry_after_ms(exchange);
        answer.body = exchange->answer.size > 0 ? exchange->answer.bytes : NULL;
        answer.body_size = exchange->answer.size;
    }
    carrier->events.answer(carrier->events.context, &answer);
}

static talc_coap_request request_of(const carrier_link *carrier, const char *query)
{
    return (talc_coap_request){ .code = COAP_REQUEST_CODE_POST,
                                .path = carrier->path,
                                .query = query,
                                .content_format = TALC_COAP_CONTENT_JSON,
                                .accept = TALC_OPTION_ABSENT };
}

static talc_status limits_set(carrier_link *carrier, const talc_carrier_target *target,
                              talc_failure *failure)
{
    talc_coap_request request = request_of(carrier, "s=0123456789abcdef");
    size_t room = talc_coap_request_room(&carrier->client, &request, DATAGRAM_MAX - HEADER_SIZE);
    size_t message_size =
        target->message_size < TALC_MESSAGE_BODY_MAX ? target->message_size : TALC_MESSAGE_BODY_MAX;
    if (room < MESSAGE_SIZE_MIN || message_size < MESSAGE_SIZE_MIN) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TOO_LARGE,
                                "the address takes %zu of %d bytes of a message and leaves less "
                                "than %d for a body",
                                DATAGRAM_MAX - room, DATAGRAM_MAX, MESSAGE_SIZE_MIN);
    }
    carrier->limits.message_size = message_size < room ? message_size : room;
    carrier->limits.body_size = carrier->limits.message_size;
    /* Proxies cut blocks of their own, of 1024 bytes. */
    if (target->proxy_uri == NULL && target->body_size > carrier->limits.message_size) {
        carrier->limits.body_size = target->body_size;
    }
    carrier->client.body_size = carrier->limits.body_size;
    carrier->client.takes_another = 1;
    return TALC_OK;
}

static talc_status carrier_prepare(carrier_link *carrier, const talc_carrier_target *target,
                                   talc_failure *failure)
{
    const char *path = target->path + (target->path[0] == '/' ? 1 : 0);
    talc_coap_client_setup setup = { .uri = target->uri,
                                     .proxy_uri = target->proxy_uri,
                                     .security = &talc_coap_security_none,
                                     .message_size = target->message_size,
                                     .block_size = target->block_size,
                                     .exchanges_max = EXCHANGES_MAX,
                                     .transmission = transmission,
                                     .ended = on_ended,
                                     .context = carrier };
    talc_status status = talc_coap_client_open(&carrier->client, &setup, failure);
    if (status != TALC_OK) {
        return status;
    }
    carrier->path = malloc(strlen(path) + 1);
    if (carrier->path == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    memcpy(carrier->path, path, strlen(path) + 1);
    return limits_set(carrier, target, failure);
}

static void carrier_close(void *link)
{
    carrier_link *carrier = link;
    talc_coap_client_close(&carrier->client);
    free(carrier->path);
    free(carrier);
}

static talc_status carrier_open(void **link, const talc_carrier_target *target,
                                const talc_carrier_events *events, talc_failure *failure)
{
    *link = NULL;
    carrier_link *carrier = calloc(1, sizeof *carrier);
    if (carrier == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    carrier->events = *events;
    talc_status status = carrier_prepare(carrier, target, failure);
    if (status != TALC_OK) {
        carrier_close(carrier);
        return status;
    }
    *link = carrier;
    return TALC_OK;
}

static talc_carrier_limits carrier_limits(void *link)
{
    const carrier_link *carrier = link;
    return carrier->limits;
}

static talc_status carrier_send(void *link, const talc_carrier_request *sent)
{
    carrier_link *carrier = link;
    char query[QUERY_SIZE] = "s=";
    talc_coap_request request = request_of(carrier, query);
    request.body = sent->body;
    request.body_size = sent->body_size;
    talc_status status =
        talc_base64_encode(sent->session_id, TALC_SESSION_ID_SIZE, query + 2, ID_TEXT_SIZE);
    if (status == TALC_OK) {
        status = talc_coap_client_send(&carrier->client, sent->exchange, sent->attempt, &request);
    }
    return status == TALC_WANT_ROOM ? TALC_ERROR_MEMORY : status;
}

static void carrier_cancel(void *link, uint32_t exchange)
{
    carrier_link *carrier = link;
    talc_coap_client_cancel(&carrier->client, exchange);
}

static talc_status carrier_process(void *link)
{
    carrier_link *carrier = link;
    return talc_coap_client_process(&carrier->client);
}

static int carrier_descriptor(void *link)
{
    const carrier_link *carrier = link;
    return talc_coap_client_descriptor(&carrier->client);
}

static uint32_t carrier_timeout_ms(void *link)
{
    const carrier_link *carrier = link;
    return talc_coap_client_timeout_ms(&carrier->client);
}

const talc_carrier talc_coap_carrier = {
    .scheme = "coap",
    .open = carrier_open,
    .limits = carrier_limits,
    .send = carrier_send,
    .cancel = carrier_cancel,
    .process = carrier_process,
    .descriptor = carrier_descriptor,
    .timeout_ms = carrier_timeout_ms,
    .close = carrier_close,
};
