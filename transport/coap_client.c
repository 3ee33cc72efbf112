/* SPDX-License-Identifier: MIT */
#include "transport/coap_client.h"

#include "lib/failure.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TURNS_MAX 32 /* datagrams per process(), so that a flood does not hold the caller */
#define REPEAT_CHECK_MS 1000
#define NO_DESCRIPTOR_MS 20 /* how often to look without epoll */

/* ---------------------------------------------------------------- opening and closing */

static void sizes_set(talc_coap_client *client, const talc_coap_client_setup *setup)
{
    size_t block_size =
        setup->block_size < TALC_COAP_BLOCK_SIZE_MAX ? setup->block_size : TALC_COAP_BLOCK_SIZE_MAX;
    client->szx = talc_coap_block_szx(block_size);
    client->body_size = setup->body_size;
    client->single_size =
        setup->message_size < TALC_MESSAGE_BODY_MAX ? setup->message_size : TALC_MESSAGE_BODY_MAX;
    client->exchanges_max = setup->exchanges_max;
    client->is_tied =
        setup->transmission.above_nstart == TALC_COAP_PARTS ||
        (setup->proxy_uri != NULL && setup->transmission.above_nstart == TALC_COAP_QUEUES);
    /* Proxies cut blocks of their own, of 1024 bytes, whatever is asked for. */
    if (setup->block_size < TALC_COAP_BLOCK_SIZE_MAX && setup->proxy_uri == NULL) {
        client->blocks_only = 1;
        client->single_size = (size_t)16 << client->szx;
    }
}

static talc_status port_check(const talc_coap_uri *read, const char *uri, talc_failure *failure)
{
    if (read->port == 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" has port 0, which only a listener can use", uri);
    }
    return TALC_OK;
}

static talc_status uri_read(const talc_coap_client *client, talc_coap_uri *read, const char *uri,
                            talc_failure *failure)
{
    talc_status status = client->security->takes_coaps
                             ? talc_coap_uri_read_secure(read, uri, failure)
                             : talc_coap_uri_read(read, uri, failure);
    return status == TALC_OK ? port_check(read, uri, failure) : status;
}

/* A proxy may lead to servers that speak HTTP (RFC 7252 section 10.1, RFC 8075). */
static talc_status server_uri_read(talc_coap_client *client, const talc_coap_client_setup *setup,
                                   talc_failure *failure)
{
    if (!talc_coap_uri_is_http(setup->uri)) {
        return uri_read(client, &client->server, setup->uri, failure);
    }
    if (setup->proxy_uri == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" speaks HTTP: by CoAP only a proxy, coap://host:port, leads "
                                "there",
                                setup->uri);
    }
    talc_status status = talc_coap_uri_read_http(&client->server, setup->uri, failure);
    return status == TALC_OK ? port_check(&client->server, setup->uri, failure) : status;
}

static talc_status addresses_find(talc_coap_client *client, const talc_coap_client_setup *setup,
                                  talc_failure *failure)
{
    talc_coap_uri proxy;
    talc_status status = server_uri_read(client, setup, failure);
    if (status == TALC_OK && setup->proxy_uri != NULL) {
        status = uri_read(client, &proxy, setup->proxy_uri, failure);
        client->form = TALC_COAP_FORM_URI;
    }
    if (status != TALC_OK) {
        return status;
    }
    return talc_coap_resolve(&client->next_hop, setup->proxy_uri ? &proxy : &client->server,
                             failure);
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
    talc_coap_client *client = coap_get_app_data(coap_session_get_context(session));
    if (client->security_state != NULL && client->security->event != NULL) {
        client->security->event(client->security_state, session, event);
    }
    client->arrivals++;
    return 0;
}

static talc_status security_open(talc_coap_client *client, const talc_coap_client_setup *setup,
                                 talc_failure *failure)
{
    talc_coap_security_setup wanted = { .context = client->context,
                                        .config = setup->config,
                                        .server_name = setup->server_name };
    return client->security->open(&client->security_state, &wanted, failure);
}

talc_status talc_coap_client_open(talc_coap_client *client, const talc_coap_client_setup *setup,
                                  talc_failure *failure)
{
    memset(client, 0, sizeof *client);
    client->security = setup->security;
    client->transmission = setup->transmission;
    client->passes_options = setup->passes_options;
    client->ended = setup->ended;
    client->ended_context = setup->context;
    talc_coap_startup();
    sizes_set(client, setup);
    talc_status status = addresses_find(client, setup, failure);
    if (status != TALC_OK) {
        return status;
    }
    client->context = coap_new_context(NULL);
    if (client->context == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    coap_set_app_data(client->context, client);
    coap_register_event_handler(client->context, on_event);
    talc_coap_responses_register(client->context);
    return security_open(client, setup, failure);
}

static void exchanges_free(talc_coap_exchange **list)
{
    talc_coap_exchange *exchange, *next;
    DL_FOREACH_SAFE(*list, exchange, next) {
        DL_DELETE(*list, exchange);
        talc_coap_exchange_free(exchange);
    }
}

void talc_coap_client_finish(talc_coap_client *client)
{
    exchanges_free(&client->exchanges);
    exchanges_free(&client->done);
    client->exchange_count = 0;
    talc_coap_paths_close(client);
}

void talc_coap_client_close(talc_coap_client *client)
{
    talc_coap_client_finish(client);
    client->security->close(client->security_state);
    client->security_state = NULL;
    if (client->context != NULL) {
        coap_free_context(client->context);
        client->context = NULL;
    }
}

/* ---------------------------------------------------------------- exchanges */

void talc_coap_exchange_free(talc_coap_exchange *exchange)
{
    free((char *)(uintptr_t)exchange->request.path); /* both texts */
    free((uint8_t *)(uintptr_t)exchange->request.body);
    talc_coap_option_list_clear(&exchange->request.options);
    talc_coap_option_list_clear(&exchange->answer_options);
    talc_coap_body_clear(&exchange->answer);
    free(exchange);
}

/* Keeps copies: later blocks, another proxy form and another path are made from them. */
static talc_status request_copy(talc_coap_request *copy, const talc_coap_request *request)
{
    size_t path_size = strlen(request->path) + 1;
    size_t query_size = strlen(request->query) + 1;
    char *texts = malloc(path_size + query_size);
    uint8_t *body = malloc(request->body_size + 1);
    *copy = *request;
    copy->path = texts;
    copy->body = body;
    if (talc_coap_option_list_copy(&copy->options, request->options.options,
                                   request->options.count) != TALC_OK ||
        texts == NULL || body == NULL) {
        return TALC_ERROR_MEMORY;
    }
    copy->query = texts + path_size;
    memcpy(texts, request->path, path_size);
    memcpy(texts + path_size, request->query, query_size);
    if (request->body_size > 0) {
        memcpy(body, request->body, request->body_size);
    }
    return TALC_OK;
}

/* A long answer would begin with a block of the server's choice, of 1024 bytes. What is safe may be
 * asked again without, of a server that knows no blocks. */
static int wants_small_blocks(const talc_coap_client *client, uint8_t code)
{
    return client->passes_options &&
           (code == COAP_REQUEST_CODE_GET || code == COAP_REQUEST_CODE_FETCH);
}

static talc_coap_exchange *exchange_new(talc_coap_client *client, uint32_t number,
                                        const talc_coap_request *request)
{
    talc_coap_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    if (request_copy(&exchange->request, request) != TALC_OK) {
        talc_coap_exchange_free(exchange);
        return NULL;
    }
    exchange->number = number;
    exchange->tag = ++client->tags;
    exchange->form = client->form;
    exchange->content_format = TALC_OPTION_ABSENT;
    exchange->addresses_left = client->next_hop.count - 1;
    exchange->wants_blocks = client->blocks_only || wants_small_blocks(client, request->code);
    exchange->single_size = client->single_size;
    exchange->block1.szx = client->szx;
    exchange->block2.szx = client->szx;
    return exchange;
}

/* On the wire, or waiting for its path. */
static talc_status exchange_start(talc_coap_client *client, talc_coap_exchange *exchange,
                                  uint32_t attempt)
{
    talc_status status = talc_coap_path_take(client, exchange, attempt);
    if (status == TALC_ERROR_UNREACHABLE) {
        return client->insecurity.status != TALC_OK ? TALC_PENDING : status;
    }
    if (status == TALC_WANT_ROOM || !exchange->path->is_ready ||
        !talc_coap_path_is_free(exchange->path)) {
        return TALC_OK;
    }
    exchange->state = TALC_COAP_OPEN;
    return talc_coap_request_send(client, exchange);
}

talc_status talc_coap_client_send(talc_coap_client *client, uint32_t number, uint32_t attempt,
                                  const talc_coap_request *request)
{
    if (client->exchange_count >= client->exchanges_max) {
        return TALC_WANT_ROOM;
    }
    if (request->body_size > client->body_size) {
        return TALC_ERROR_TOO_LARGE;
    }
    talc_coap_exchange *exchange = exchange_new(client, number, request);
    if (exchange == NULL) {
        return TALC_ERROR_MEMORY;
    }
    talc_status status = exchange_start(client, exchange, attempt);
    if (status != TALC_OK && status != TALC_PENDING) {
        talc_coap_exchange_free(exchange);
        return status;
    }
    DL_APPEND(client->exchanges, exchange);
    client->exchange_count++;
    if (status == TALC_PENDING) { /* there is a reason to tell */
        talc_coap_exchange_end(client, exchange, TALC_COAP_INSECURE);
    }
    return TALC_OK;
}

static void forget(talc_coap_client *client, talc_coap_exchange **list, uint32_t number)
{
    talc_coap_exchange *exchange, *next;
    DL_FOREACH_SAFE(*list, exchange, next) {
        if (exchange->number == number) {
            DL_DELETE(*list, exchange);
            client->exchange_count--;
            talc_coap_exchange_free(exchange);
        }
    }
}

void talc_coap_client_cancel(talc_coap_client *client, uint32_t number)
{
    forget(client, &client->exchanges, number);
    forget(client, &client->done, number);
    talc_coap_paths_sweep(client);
}

static int is_unheard(const talc_coap_exchange *exchange)
{
    const talc_coap_path *path = exchange->path;
    if (exchange->state == TALC_COAP_WAITING) {
        return !path->is_ready;
    }
    return path->heard == exchange->heard && path->is_unacknowledged &&
           memcmp(path->token, exchange->token, sizeof path->token) == 0;
}

void talc_coap_client_abandon(talc_coap_client *client, uint32_t number)
{
    const talc_coap_exchange *exchange;
    DL_FOREACH(client->exchanges, exchange) {
        if (exchange->number == number && exchange->path != NULL && is_unheard(exchange)) {
            exchange->path->broken = 1;
        }
    }
    talc_coap_client_cancel(client, number);
}

/* ---------------------------------------------------------------- turns */

/* Takes each out of its list first: the callback may send and cancel. What ends meanwhile waits for
 * the next call. */
static void deliver(talc_coap_client *client)
{
    talc_coap_exchange *exchange;
    size_t count = 0;
    DL_COUNT(client->done, exchange, count);
    for (; count > 0 && client->done != NULL; count--) {
        exchange = client->done;
        DL_DELETE(client->done, exchange);
        client->exchange_count--;
        client->ended(client->ended_context, exchange);
        talc_coap_exchange_free(exchange);
    }
}

static talc_status turn(talc_coap_client *client)
{
    uint64_t now_ms = talc_coap_now_ms();
    uint32_t before = client->arrivals;
    int is_readable = talc_coap_is_readable(client, now_ms);
    if (coap_io_process(client->context, COAP_IO_NO_WAIT) < 0) {
        return TALC_ERROR_IO;
    }
    talc_coap_acknowledgements_look(client, is_readable && client->arrivals == before, now_ms);
    if (client->security->process != NULL) {
        client->security->process(client->security_state);
    }
    talc_coap_paths_advance(client);
    return TALC_OK;
}

talc_status talc_coap_client_process(talc_coap_client *client)
{
    talc_status status;
    uint32_t before;
    int turns = 0;
    do {
        before = client->arrivals;
        status = turn(client);
    } while (status == TALC_OK && client->arrivals != before && ++turns < TURNS_MAX);
    deliver(client);
    talc_coap_paths_sweep(client);
    return status;
}

int talc_coap_client_descriptor(const talc_coap_client *client)
{
    return coap_context_get_coap_fd(client->context);
}

/* libcoap's own timer makes the descriptor readable for a retransmission, except when it finds the
 * time over just while it sets the timer; hence the second look while something is open. */
uint32_t talc_coap_client_timeout_ms(const talc_coap_client *client)
{
    uint32_t timeout_ms = UINT32_MAX;
    if (client->done != NULL) {
        return 0;
    }
    if (client->exchanges != NULL) {
        timeout_ms = talc_coap_client_descriptor(client) >= 0 ? REPEAT_CHECK_MS : NO_DESCRIPTOR_MS;
    }
    if (client->security->timeout_ms != NULL) {
        uint32_t wanted_ms = client->security->timeout_ms(client->security_state);
        timeout_ms = wanted_ms < timeout_ms ? wanted_ms : timeout_ms;
    }
    return timeout_ms;
}
