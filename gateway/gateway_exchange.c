/* SPDX-License-Identifier: MIT */
#include "gateway/gateway_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

talc_gateway_exchange *talc_gateway_exchange_new(talc_gateway_listener *listener, void *reply,
                                                 const char *peer)
{
    talc_gateway_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->gateway = listener->gateway;
    exchange->listener = listener;
    exchange->reply = reply;
    exchange->number = ++listener->gateway->exchanges;
    snprintf(exchange->peer, sizeof exchange->peer, "%s", peer);
    exchange->client = talc_gateway_client_address_of(peer);
    return exchange;
}

void talc_gateway_exchange_free(talc_gateway_exchange *exchange)
{
    talc_gateway *gateway = exchange->gateway;
    if (exchange->is_waiting) {
        DL_DELETE(gateway->waiting, exchange);
        gateway->waiting_count--;
    }
    free(exchange->uri);
    free(exchange->target_uri);
    free(exchange);
}

void talc_gateway_exchange_wait(talc_gateway_exchange *exchange)
{
    talc_gateway *gateway = exchange->gateway;
    exchange->end_ms = clock_ms(CLOCK_MONOTONIC) + gateway->config.timeout_ms;
    exchange->is_waiting = 1;
    DL_APPEND(gateway->waiting, exchange);
    gateway->waiting_count++;
}

talc_gateway_exchange *talc_gateway_exchange_find(const talc_gateway *gateway, uint32_t number)
{
    talc_gateway_exchange *at;
    DL_FOREACH (gateway->waiting, at) {
        if ((uint32_t)at->number == number) {
            return at;
        }
    }
    return NULL;
}

size_t talc_gateway_exchanges_beside(const talc_gateway_exchange *exchange)
{
    const talc_gateway_exchange *at;
    size_t count = 0;
    DL_FOREACH (exchange->gateway->waiting, at) {
        count += strcmp(at->origin, exchange->origin) == 0 ? 1 : 0;
    }
    return count;
}

size_t talc_gateway_exchanges_of_client(const talc_gateway_exchange *exchange)
{
    const talc_gateway_exchange *at;
    size_t count = 0;
    DL_FOREACH (exchange->gateway->waiting, at) {
        count += talc_gateway_client_address_equal(&at->client, &exchange->client) ? 1 : 0;
    }
    return count;
}

/* All wait equally long, so the oldest ends first. */
void talc_gateway_exchanges_expire(talc_gateway *gateway)
{
    char reason[TALC_GATEWAY_REASON_SIZE];
    uint64_t now = clock_ms(CLOCK_MONOTONIC);
    while (gateway->waiting != NULL && gateway->waiting->end_ms <= now) {
        talc_gateway_exchange *late = gateway->waiting;
        talc_gateway_cancel(late);
        snprintf(reason, sizeof reason, "%s did not answer within %u ms", late->origin,
                 (unsigned)gateway->config.timeout_ms);
        talc_gateway_fail(late, TALC_CODE(5, 4), reason);
    }
}

uint32_t talc_gateway_exchanges_timeout_ms(const talc_gateway *gateway)
{
    if (gateway->waiting == NULL) {
        return UINT32_MAX;
    }
    uint64_t now = clock_ms(CLOCK_MONOTONIC);
    return gateway->waiting->end_ms <= now ? 0 : (uint32_t)(gateway->waiting->end_ms - now);
}

void talc_gateway_tell(const talc_gateway_exchange *exchange, talc_gateway_event event)
{
    const talc_gateway_config *config = &exchange->gateway->config;
    if (config->event == NULL) {
        return;
    }
    event.exchange = exchange->number;
    event.time_ms = clock_ms(CLOCK_REALTIME);
    config->event(config->event_context, &event);
}
