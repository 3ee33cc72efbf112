/* SPDX-License-Identifier: MIT */
/* `none` and `dtls`: requests that arrive as messages. */
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "lib/server_state.h"

static talc_exchange *exchange_new(talc_listening *listening, const talc_direct_inbound *inbound)
{
    talc_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->listening = listening;
    exchange->handle = inbound->reply;
    exchange->peer = *inbound->peer;
    snprintf(exchange->protocol, sizeof exchange->protocol, "%s", inbound->protocol);
    snprintf(exchange->cipher_suite, sizeof exchange->cipher_suite, "%s", inbound->cipher_suite);
    DL_APPEND(listening->exchanges, exchange);
    return exchange;
}

static void refuse(talc_listening *listening, const talc_direct_inbound *inbound, uint8_t code)
{
    talc_frame frame;
    talc_frame_init(&frame, code);
    (void)listening->direct->reply(listening->link, inbound->reply, &frame);
}

static void take_request(void *context, const talc_direct_inbound *inbound)
{
    talc_listening *listening = context;
    uint8_t code;
    const talc_route_target *target =
        talc_server_target(listening->server, inbound->request, &code);
    if (target == NULL) {
        refuse(listening, inbound, code);
        return;
    }
    talc_exchange *exchange = exchange_new(listening, inbound);
    if (exchange == NULL) {
        refuse(listening, inbound, TALC_CODE_UNAVAILABLE);
        return;
    }
    talc_exchange_run(exchange, target, inbound->request);
}

static void take_event(void *context, const talc_event *event)
{
    const talc_listening *listening = context;
    const talc_config *config = &listening->server->configuration.config;
    if (config->on_event != NULL) {
        config->on_event(config->on_event_context, event);
    }
}

talc_direct_server_events talc_listening_events(talc_listening *listening)
{
    return (talc_direct_server_events){ listening, take_request, take_event };
}

talc_status talc_listening_respond(talc_exchange *exchange, const talc_frame *response)
{
    talc_listening *listening = exchange->listening;
    void *handle = exchange->handle;
    if (handle == NULL) {
        return TALC_ERROR_SESSION_LOST;
    }
    exchange->handle = NULL;
    return listening->direct->reply(listening->link, handle, response);
}

void talc_listening_orphan(talc_listening *listening)
{
    talc_exchange *exchange;
    talc_exchange *next;
    DL_FOREACH_SAFE(listening->exchanges, exchange, next) {
        (void)listening->direct->reply(listening->link, exchange->handle, NULL);
        exchange->handle = NULL;
        exchange->listening = NULL;
    }
    listening->exchanges = NULL;
}
