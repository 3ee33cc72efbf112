/* SPDX-License-Identifier: MIT */
#include "gateway/origins.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <utlist.h>

#include "gateway/message_copy.h"
#include "gateway/resolver.h"

#define NAME_LIFE_MS 60000 /* a name is looked up again after this */
#define BLIND_WAIT_MS 10u  /* for a client without a descriptor */

typedef struct origin_request {
    struct origin_request *prev, *next;
    uint32_t number;
    int is_sent;
    talc_coap_message
        *copy; /* kept while another address may have to be tried; NULL: sent for good */
} origin_request;

typedef struct origin {
    int is_used;
    char host[256];
    uint16_t port;
    uint32_t asked; /* number of the question to the resolver, 0: none is open */
    talc_gateway_resolution found;
    size_t address;
    uint64_t resolved_ms; /* 0: the host is an address */
    int has_failed;       /* nobody was there: the name is looked up again */
    int is_proven;        /* somebody answers at this address */
    int has_to_move;      /* to the next one, once libcoap is left */
    talc_coap_message_client *client;
    struct origin_request *requests;
    size_t request_count;
    uint64_t used_ms;
    struct talc_gateway_origins *pool;
} origin;

struct talc_gateway_origins {
    talc_gateway_origins_setup setup;
    talc_gateway_resolver *resolver;
    uint32_t questions;
    origin *list; /* setup.origins_max of them */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

talc_status talc_gateway_origins_new(talc_gateway_origins **origins,
                                     const talc_gateway_origins_setup *setup)
{
    struct epoll_event readable = { .events = EPOLLIN };
    talc_gateway_origins *made = calloc(1, sizeof *made);
    *origins = NULL;
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    made->setup = *setup;
    made->list = calloc(setup->origins_max, sizeof *made->list);
    talc_status status =
        made->list == NULL ? TALC_ERROR_MEMORY : talc_gateway_resolver_new(&made->resolver);
    if (status == TALC_OK &&
        epoll_ctl(setup->epoll, EPOLL_CTL_ADD, talc_gateway_resolver_descriptor(made->resolver),
                  &readable) != 0) {
        status = TALC_ERROR_IO;
    }
    if (status != TALC_OK) {
        talc_gateway_origins_free(made);
        return status;
    }
    *origins = made;
    return TALC_OK;
}

/* ---------------------------------------------------------------- requests of an origin */

static void request_free(origin *of, origin_request *gone)
{
    DL_DELETE(of->requests, gone);
    of->request_count--;
    of->used_ms = now_ms();
    free(gone->copy);
    free(gone);
}

static origin_request *request_find(const origin *of, uint32_t number)
{
    origin_request *at;
    DL_FOREACH (of->requests, at) {
        if (at->number == number) {
            return at;
        }
    }
    return NULL;
}

static void request_end(origin *of, origin_request *ended, const talc_gateway_origin_result *result)
{
    of->pool->setup.ended(of->pool->setup.context, result);
    request_free(of, ended);
}

static void requests_end(origin *of, talc_coap_message_end end, const char *reason)
{
    origin_request *at, *next;
    DL_FOREACH_SAFE (of->requests, at, next) {
        talc_gateway_origin_result result = { .number = at->number, .end = end, .reason = reason };
        request_end(of, at, &result);
    }
}

/* ---------------------------------------------------------------- a client for an address */

static int has_another_address(const origin *of)
{
    return !of->is_proven && of->address + 1 < of->found.count;
}

static void on_ended(void *context, const talc_coap_message_result *result)
{
    origin *of = context;
    origin_request *ended = request_find(of, result->number);
    if (ended == NULL) {
        return;
    }
    if (result->end == TALC_COAP_MESSAGE_UNREACHABLE && has_another_address(of) &&
        ended->copy != NULL) {
        ended->is_sent = 0;
        of->has_to_move = 1;
        return;
    }
    of->has_failed =
        result->end == TALC_COAP_MESSAGE_UNREACHABLE || result->end == TALC_COAP_MESSAGE_LATE;
    of->is_proven = of->is_proven || !of->has_failed;
    talc_gateway_origin_result told = {
        .number = result->number, .end = result->end, .response = result->response, .reason = ""
    };
    request_end(of, ended, &told);
}

static void client_close(origin *of)
{
    int descriptor = of->client != NULL ? talc_coap_message_client_descriptor(of->client) : -1;
    if (descriptor >= 0) {
        (void)epoll_ctl(of->pool->setup.epoll, EPOLL_CTL_DEL, descriptor, NULL);
    }
    talc_coap_message_client_close(of->client);
    of->client = NULL;
}

static talc_status client_open(origin *of)
{
    char uri[TALC_GATEWAY_ADDRESS_SIZE + 32];
    const char *address = of->found.addresses[of->address];
    talc_failure failure = { 0 };
    snprintf(uri, sizeof uri, strchr(address, ':') != NULL ? "coap://[%s]:%u" : "coap://%s:%u",
             address, of->port);
    const talc_coap_message_client_setup setup = { .uri = uri,
                                                   .body_size = of->pool->setup.body_size,
                                                   .exchanges_max = of->pool->setup.exchanges_max,
                                                   .ended = on_ended,
                                                   .context = of };
    talc_status status = talc_coap_message_client_open(&of->client, &setup, &failure);
    if (status != TALC_OK) {
        return status;
    }
    struct epoll_event readable = { .events = EPOLLIN };
    int descriptor = talc_coap_message_client_descriptor(of->client);
    if (descriptor >= 0 &&
        epoll_ctl(of->pool->setup.epoll, EPOLL_CTL_ADD, descriptor, &readable) != 0) {
        talc_coap_message_client_close(of->client);
        of->client = NULL;
        return TALC_ERROR_MEMORY;
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- the pool */

static void origin_free(origin *of)
{
    origin_request *at, *next;
    DL_FOREACH_SAFE (of->requests, at, next) {
        request_free(of, at);
    }
    client_close(of);
    memset(of, 0, sizeof *of);
}

/* A name may have moved since it was looked up. */
static int is_stale(const origin *of, uint64_t now)
{
    return of->request_count == 0 && of->resolved_ms != 0 &&
           (of->has_failed || now - of->resolved_ms > NAME_LIFE_MS);
}

static origin *origin_find(const talc_gateway_origins *pool, const talc_gateway_uri *target)
{
    for (size_t i = 0; i < pool->setup.origins_max; i++) {
        origin *at = &pool->list[i];
        if (at->is_used && at->port == target->port && strcmp(at->host, target->host) == 0) {
            return at;
        }
    }
    return NULL;
}

/* The one that has been idle longest. NULL: all are busy. */
static origin *oldest_idle(const talc_gateway_origins *pool)
{
    origin *oldest = NULL;
    for (size_t i = 0; i < pool->setup.origins_max; i++) {
        origin *at = &pool->list[i];
        if (at->is_used && at->request_count == 0 &&
            (oldest == NULL || at->used_ms < oldest->used_ms)) {
            oldest = at;
        }
    }
    return oldest;
}

/* Gives up what is idle until no more than `kept` are left, or all of these are busy. */
static void origins_trim(talc_gateway_origins *pool, size_t kept)
{
    origin *idle = oldest_idle(pool);
    for (size_t count = talc_gateway_origins_count(pool); idle != NULL && count > kept; count--) {
        origin_free(idle);
        idle = oldest_idle(pool);
    }
}

/* An empty place. NULL: all are busy. */
static origin *place_find(talc_gateway_origins *pool)
{
    origins_trim(pool, pool->setup.kept_max - 1);
    for (size_t i = 0; i < pool->setup.origins_max; i++) {
        if (!pool->list[i].is_used) {
            return &pool->list[i];
        }
    }
    return NULL;
}

static int is_address(const talc_gateway_uri *target)
{
    struct in_addr address;
    return target->has_colon || inet_pton(AF_INET, target->host, &address) == 1;
}

/* Opens the client, or asks for the host's addresses. */
static talc_status origin_begin(origin *of, const talc_gateway_uri *target)
{
    if (is_address(target)) {
        of->found.count = 1;
        snprintf(of->found.addresses[0], TALC_GATEWAY_ADDRESS_SIZE, "%.63s", target->host);
        return client_open(of);
    }
    do {
        of->asked = ++of->pool->questions;
    } while (of->asked == 0);
    return talc_gateway_resolver_ask(of->pool->resolver, of->asked, of->host);
}

static talc_status origin_take(talc_gateway_origins *pool, const talc_gateway_uri *target,
                               origin **taken)
{
    origin *of = origin_find(pool, target);
    if (of != NULL && is_stale(of, now_ms())) {
        origin_free(of);
        of = NULL;
    }
    if (of == NULL) {
        if ((of = place_find(pool)) == NULL) {
            return TALC_WANT_ROOM;
        }
        of->is_used = 1;
        of->pool = pool;
        of->port = target->port;
        snprintf(of->host, sizeof of->host, "%s", target->host);
        talc_status status = origin_begin(of, target);
        if (status != TALC_OK) {
            origin_free(of);
            return status;
        }
    }
    *taken = of;
    return TALC_OK;
}

/* Sends what was not sent yet. TALC_OK also when another address will have to be tried. */
static talc_status request_send(origin *of, origin_request *sent, const talc_coap_message *message)
{
    talc_status status = talc_coap_message_client_send(of->client, sent->number, message);
    if (status == TALC_ERROR_UNREACHABLE && has_another_address(of) && sent->copy != NULL) {
        of->has_to_move = 1;
        return TALC_OK;
    }
    sent->is_sent = status == TALC_OK;
    return status;
}

static talc_status request_start(origin *of, uint32_t number, const talc_coap_message *message)
{
    origin_request *added = calloc(1, sizeof *added);
    if (added == NULL) {
        return TALC_ERROR_MEMORY;
    }
    added->number = number;
    DL_APPEND(of->requests, added);
    of->request_count++;
    talc_status status = TALC_OK;
    if (of->client == NULL || has_another_address(of)) {
        added->copy = talc_gateway_message_copy(message);
        status = added->copy == NULL ? TALC_ERROR_MEMORY : TALC_OK;
    }
    if (status == TALC_OK && of->client != NULL && !of->has_to_move) {
        status = request_send(of, added, message);
    }
    if (status != TALC_OK) {
        request_free(of, added);
    }
    return status;
}

talc_status talc_gateway_origins_send(talc_gateway_origins *origins, uint32_t number,
                                      const talc_gateway_uri *target,
                                      const talc_coap_message *request)
{
    origin *of = NULL;
    talc_status status = origin_take(origins, target, &of);
    if (status != TALC_OK) {
        return status;
    }
    if (of->request_count >= origins->setup.exchanges_max) {
        return TALC_WANT_ROOM;
    }
    of->used_ms = now_ms();
    return request_start(of, number, request);
}

void talc_gateway_origins_cancel(talc_gateway_origins *origins, uint32_t number)
{
    for (size_t i = 0; i < origins->setup.origins_max; i++) {
        origin *of = &origins->list[i];
        origin_request *found = of->is_used ? request_find(of, number) : NULL;
        if (found != NULL) {
            if (of->client != NULL) {
                talc_coap_message_client_cancel(of->client, number);
            }
            request_free(of, found);
            return;
        }
    }
}

/* ---------------------------------------------------------------- processing */

static talc_coap_message_end end_of(talc_status status)
{
    switch (status) {
    case TALC_ERROR_TOO_LARGE: return TALC_COAP_MESSAGE_TOO_LARGE;
    case TALC_ERROR_MEMORY: return TALC_COAP_MESSAGE_NO_MEMORY;
    default: return TALC_COAP_MESSAGE_UNREACHABLE;
    }
}

static void send_waiting(origin *of)
{
    origin_request *at, *next;
    DL_FOREACH_SAFE (of->requests, at, next) {
        if (at->is_sent || at->copy == NULL || of->has_to_move) {
            continue;
        }
        talc_status status = request_send(of, at, at->copy);
        if (status != TALC_OK) {
            talc_gateway_origin_result result = { .number = at->number,
                                                  .end = end_of(status),
                                                  .reason = "" };
            request_end(of, at, &result);
        }
    }
}

/* Opens the client for the current address, or for one of those behind it. */
static void origin_connect(origin *of)
{
    origin_request *at;
    of->has_to_move = 0;
    DL_FOREACH (of->requests, at) {
        at->is_sent = 0;
    }
    talc_status status = client_open(of);
    while (status != TALC_OK && has_another_address(of)) {
        of->address++;
        status = client_open(of);
    }
    if (status == TALC_OK) {
        send_waiting(of);
    } else {
        requests_end(of, end_of(status), "");
        origin_free(of);
    }
}

static void take_resolutions(talc_gateway_origins *pool)
{
    talc_gateway_resolution found;
    while (talc_gateway_resolver_take(pool->resolver, &found)) {
        for (size_t i = 0; i < pool->setup.origins_max; i++) {
            origin *of = &pool->list[i];
            if (!of->is_used || of->asked != found.number) {
                continue;
            }
            of->asked = 0;
            of->found = found;
            of->resolved_ms = now_ms();
            if (found.count > 0) {
                origin_connect(of);
            } else {
                requests_end(of, TALC_COAP_MESSAGE_UNREACHABLE, found.reason);
                origin_free(of);
            }
            break;
        }
    }
}

/* What has been sent to an address where nobody was is sent to the next one. */
static void origin_move(origin *of)
{
    client_close(of);
    of->address++;
    origin_connect(of);
}

void talc_gateway_origins_process(talc_gateway_origins *origins)
{
    take_resolutions(origins);
    for (size_t i = 0; i < origins->setup.origins_max; i++) {
        origin *of = &origins->list[i];
        if (of->client != NULL) {
            (void)talc_coap_message_client_process(of->client);
        }
        while (of->is_used && of->has_to_move) {
            origin_move(of);
        }
    }
    origins_trim(origins, origins->setup.kept_max);
}

uint32_t talc_gateway_origins_timeout_ms(const talc_gateway_origins *origins)
{
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < origins->setup.origins_max; i++) {
        const origin *of = &origins->list[i];
        if (of->client == NULL) {
            continue;
        }
        uint32_t wanted = talc_coap_message_client_timeout_ms(of->client);
        if (talc_coap_message_client_descriptor(of->client) < 0 && wanted > BLIND_WAIT_MS) {
            wanted = BLIND_WAIT_MS;
        }
        wanted = of->has_to_move ? 0 : wanted;
        least = wanted < least ? wanted : least;
    }
    return least;
}

size_t talc_gateway_origins_count(const talc_gateway_origins *origins)
{
    size_t count = 0;
    for (size_t i = 0; i < origins->setup.origins_max; i++) {
        count += origins->list[i].is_used ? 1 : 0;
    }
    return count;
}

void talc_gateway_origins_free(talc_gateway_origins *origins)
{
    if (origins == NULL) {
        return;
    }
    for (size_t i = 0; origins->list != NULL && i < origins->setup.origins_max; i++) {
        if (origins->list[i].is_used) {
            origin_free(&origins->list[i]);
        }
    }
    talc_gateway_resolver_free(origins->resolver);
    free(origins->list);
    free(origins);
}
