/* SPDX-License-Identifier: MIT */
/* The client's carrier over CoAP: a link, its exchanges, and what the library calls. */
#include "transport/coap_client.h"

#include "lib/failure.h"
#include "records/base64.h"
#include "transport/coap_carrier.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX 1152 /* RFC 7252 section 4.6; libcoap resets what is longer */
#define HEADER_SIZE 4
#define MESSAGE_SIZE_MIN 256
#define TURNS_MAX 32 /* datagrams per process(), so that a flood does not hold the caller */
#define REPEAT_CHECK_MS 1000
#define NO_DESCRIPTOR_MS 20 /* how often to look without epoll */

static talc_status limits_set(talc_coap_client *client, const talc_carrier_target *target,
                              talc_failure *failure)
{
    size_t room = DATAGRAM_MAX - HEADER_SIZE - 1;
    size_t overhead = talc_coap_request_overhead(client);
    size_t message_size =
        target->message_size < TALC_MESSAGE_BODY_MAX ? target->message_size : TALC_MESSAGE_BODY_MAX;
    room = room > overhead ? room - overhead : 0;
    if (room < MESSAGE_SIZE_MIN || message_size < MESSAGE_SIZE_MIN) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TOO_LARGE,
                                "the address takes %zu of %d bytes of a message and leaves less "
                                "than %d for a body",
                                overhead, DATAGRAM_MAX, MESSAGE_SIZE_MIN);
    }
    client->limits.message_size = message_size < room ? message_size : room;
    client->limits.body_size = client->limits.message_size;
    client->single_size = client->limits.message_size;
    if (client->form != TALC_COAP_DIRECT) {
        return TALC_OK; /* proxies cut blocks of their own, of 1024 bytes */
    }
    if (target->body_size > client->limits.message_size) {
        client->limits.body_size = target->body_size;
    }
    if (target->block_size < TALC_COAP_BLOCK_SIZE_MAX) {
        client->blocks_only = 1;
        client->single_size = (size_t)16 << client->szx;
    }
    return TALC_OK;
}

static talc_status client_prepare(talc_coap_client *client, const talc_carrier_target *target,
                                  talc_failure *failure)
{
    const char *path = target->path + (target->path[0] == '/' ? 1 : 0);
    size_t block_size = target->block_size < TALC_COAP_BLOCK_SIZE_MAX ? target->block_size
                                                                      : TALC_COAP_BLOCK_SIZE_MAX;
    talc_coap_uri proxy;
    talc_status status = talc_coap_uri_read(&client->server, target->uri, failure);
    if (status == TALC_OK && target->proxy_uri != NULL) {
        status = talc_coap_uri_read(&proxy, target->proxy_uri, failure);
        client->form = TALC_COAP_PROXY_URI;
    }
    if (status != TALC_OK) {
        return status;
    }
    if (client->server.port == 0 || (target->proxy_uri != NULL && proxy.port == 0)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" has port 0, which only a listener can use",
                                client->server.port == 0 ? target->uri : target->proxy_uri);
    }
    client->szx = talc_coap_block_szx(block_size);
    client->path = malloc(strlen(path) + 1);
    client->context = coap_new_context(NULL);
    if (client->path == NULL || client->context == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    memcpy(client->path, path, strlen(path) + 1);
    talc_coap_responses_register(client->context);
    status = limits_set(client, target, failure);
    if (status != TALC_OK) {
        return status;
    }
    return talc_coap_resolve(&client->next_hop, target->proxy_uri ? &proxy : &client->server,
                             failure);
}

static void client_close(void *link)
{
    talc_coap_client *client = link;
    talc_coap_paths_close(client);
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        talc_coap_exchange_clear(&client->exchanges[i]);
    }
    if (client->context != NULL) {
        coap_free_context(client->context);
    }
    free(client->path);
    free(client);
}

static talc_status client_open(void **link, const talc_carrier_target *target,
                               const talc_carrier_events *events, talc_failure *failure)
{
    *link = NULL;
    talc_coap_startup();
    talc_coap_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    client->events = *events;
    talc_status status = client_prepare(client, target, failure);
    if (status != TALC_OK) {
        client_close(client);
        return status;
    }
    *link = client;
    return TALC_OK;
}

static talc_carrier_limits client_limits(void *link)
{
    const talc_coap_client *client = link;
    return client->limits;
}

static talc_coap_exchange *exchange_free(talc_coap_client *client)
{
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        if (client->exchanges[i].state == TALC_COAP_FREE) {
            return &client->exchanges[i];
        }
    }
    return NULL;
}

/* Keeps a copy of the body: later blocks and another proxy form are made from it. */
static talc_status exchange_fill(talc_coap_client *client, talc_coap_exchange *exchange,
                                 const talc_carrier_request *request)
{
    talc_status status = talc_base64_encode(request->session_id, TALC_SESSION_ID_SIZE, exchange->id,
                                            sizeof exchange->id);
    if (status == TALC_OK) {
        status = talc_coap_body_append(&exchange->request, request->body, request->body_size,
                                       client->limits.body_size);
    }
    exchange->number = request->exchange;
    exchange->tag = ++client->tags;
    exchange->block1.szx = client->szx;
    exchange->block2.szx = client->szx;
    return status;
}

static talc_status client_send(void *link, const talc_carrier_request *request)
{
    talc_coap_client *client = link;
    talc_coap_exchange *exchange = exchange_free(client);
    if (exchange == NULL) {
        return TALC_ERROR_MEMORY;
    }
    talc_status status = exchange_fill(client, exchange, request);
    if (status == TALC_OK) {
        exchange->path = talc_coap_path_take(client, request->attempt);
        status = exchange->path != NULL ? TALC_OK : TALC_ERROR_UNREACHABLE;
    }
    if (status == TALC_OK) {
        exchange->state = TALC_COAP_OPEN;
        status = talc_coap_request_send(client, exchange);
    }
    if (status != TALC_OK) {
        talc_coap_exchange_clear(exchange);
    }
    return status;
}

static void client_cancel(void *link, uint32_t number)
{
    talc_coap_client *client = link;
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        talc_coap_exchange *exchange = &client->exchanges[i];
        if (exchange->state != TALC_COAP_FREE && exchange->number == number) {
            talc_coap_exchange_clear(exchange);
        }
    }
    talc_coap_paths_sweep(client);
}

/* The one that has been DONE longest, not after `last`. */
static talc_coap_exchange *exchange_done(talc_coap_client *client, uint64_t last)
{
    talc_coap_exchange *first = NULL;
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        talc_coap_exchange *exchange = &client->exchanges[i];
        if (exchange->state == TALC_COAP_DONE && exchange->order <= last &&
            (first == NULL || exchange->order < first->order)) {
            first = exchange;
        }
    }
    return first;
}

/* Frees the place first: the callback may send and cancel. */
static void deliver(talc_coap_client *client, talc_coap_exchange *exchange)
{
    talc_coap_body body = exchange->answer;
    talc_carrier_answer answer = {
        .exchange = exchange->number,
        .outcome = exchange->outcome,
        .code = exchange->code,
        .body = body.size > 0 ? body.bytes : NULL,
        .body_size = body.size,
        .retry_after_ms = exchange->retry_after_ms,
    };
    memset(&exchange->answer, 0, sizeof exchange->answer);
    talc_coap_exchange_clear(exchange);
    client->events.answer(client->events.context, &answer);
    talc_coap_body_clear(&body);
}

static talc_status client_process(void *link)
{
    talc_coap_client *client = link;
    talc_status status = TALC_OK;
    uint32_t before;
    int turns = 0;
    do {
        before = client->arrivals;
        if (coap_io_process(client->context, COAP_IO_NO_WAIT) < 0) {
            status = TALC_ERROR_IO;
            break;
        }
    } while (client->arrivals != before && ++turns < TURNS_MAX);
    uint64_t last = client->done;
    talc_coap_exchange *exchange;
    while ((exchange = exchange_done(client, last)) != NULL) {
        deliver(client, exchange);
    }
    talc_coap_paths_sweep(client);
    return status;
}

static int client_descriptor(void *link)
{
    const talc_coap_client *client = link;
    return coap_context_get_coap_fd(client->context);
}

/* libcoap's own timer makes the descriptor readable for a retransmission, except when it finds the
 * time over just while it sets the timer; hence the second look while something is open. */
static uint32_t client_timeout_ms(void *link)
{
    talc_coap_client *client = link;
    if (exchange_done(client, UINT64_MAX) != NULL) {
        return 0;
    }
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        if (client->exchanges[i].state == TALC_COAP_OPEN) {
            return client_descriptor(client) >= 0 ? REPEAT_CHECK_MS : NO_DESCRIPTOR_MS;
        }
    }
    return UINT32_MAX;
}

const talc_carrier talc_coap_carrier = {
    .scheme = "coap",
    .open = client_open,
    .limits = client_limits,
    .send = client_send,
    .cancel = client_cancel,
    .process = client_process,
    .descriptor = client_descriptor,
    .timeout_ms = client_timeout_ms,
    .close = client_close,
};
