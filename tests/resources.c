/* SPDX-License-Identifier: MIT */
#include "tests/resources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint8_t resources_byte(size_t at)
{
    return (uint8_t)(at * 31 + at / 251);
}

/* memcpy() takes no NULL, not even for no bytes. */
static void copy(uint8_t *into, const void *from, size_t size)
{
    if (size > 0) {
        memcpy(into, from, size);
    }
}

static void respond(talc_exchange *exchange, uint8_t code, const void *payload, size_t size)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    response.code = code;
    response.payload = payload;
    response.payload_size = size;
    (void)talc_exchange_respond(exchange, &response);
}

/* The number in the query "n=NUMBER"; RESOURCES_COUNTERS: none. */
static size_t number_of(const talc_request *request)
{
    if (request->query == NULL || strncmp(request->query, "n=", 2) != 0) {
        return RESOURCES_COUNTERS;
    }
    size_t number = strtoul(request->query + 2, NULL, 10);
    return number < RESOURCES_COUNTERS ? number : RESOURCES_COUNTERS;
}

static void note(resources *served, const talc_exchange *exchange, const talc_request *request)
{
    size_t number = number_of(request);
    if (number < RESOURCES_COUNTERS) {
        served->executions[number]++;
    }
    served->handled++;
    served->last_peer = *talc_exchange_peer(exchange);
    talc_exchange_info(exchange, &served->last_session);
}

static void handle_hello(void *context, talc_exchange *exchange, const talc_request *request)
{
    note(context, exchange, request);
    respond(exchange, TALC_CODE_CONTENT, "21.5", 4);
}

static void handle_value(void *context, talc_exchange *exchange, const talc_request *request)
{
    resources *served = context;
    note(served, exchange, request);
    if (request->method == TALC_PUT && request->payload_size <= sizeof served->value) {
        uint8_t code = served->has_value ? TALC_CODE_CHANGED : TALC_CODE_CREATED;
        copy(served->value, request->payload, request->payload_size);
        served->value_size = request->payload_size;
        served->has_value = 1;
        respond(exchange, code, NULL, 0);
    } else if (request->method == TALC_DELETE) {
        served->has_value = 0;
        respond(exchange, TALC_CODE_DELETED, NULL, 0);
    } else if (served->has_value) {
        respond(exchange, TALC_CODE_CONTENT, served->value, served->value_size);
    } else {
        respond(exchange, TALC_CODE_NOT_FOUND, NULL, 0);
    }
}

static resources_owned *owned_by(resources *served, const talc_peer *peer)
{
    for (size_t i = 0; i < served->owned_count; i++) {
        const talc_peer *owner = &served->owned[i].peer;
        if (owner->engine == peer->engine && owner->credential == peer->credential &&
            strcmp(owner->name, peer->name) == 0) {
            return &served->owned[i];
        }
    }
    if (served->owned_count == RESOURCES_PEERS) {
        return NULL;
    }
    served->owned[served->owned_count].peer = *peer;
    return &served->owned[served->owned_count++];
}

static void handle_mine(void *context, talc_exchange *exchange, const talc_request *request)
{
    note(context, exchange, request);
    resources_owned *owned = owned_by(context, talc_exchange_peer(exchange));
    if (owned == NULL || request->payload_size > sizeof owned->bytes) {
        respond(exchange, TALC_CODE_UNAVAILABLE, NULL, 0);
    } else if (request->method == TALC_PUT) {
        copy(owned->bytes, request->payload, request->payload_size);
        owned->size = request->payload_size;
        respond(exchange, TALC_CODE_CHANGED, NULL, 0);
    } else {
        respond(exchange, TALC_CODE_CONTENT, owned->bytes, owned->size);
    }
}

static void handle_echo(void *context, talc_exchange *exchange, const talc_request *request)
{
    note(context, exchange, request);
    respond(exchange, TALC_CODE_CHANGED, request->payload, request->payload_size);
}

static void handle_large(void *context, talc_exchange *exchange, const talc_request *request)
{
    uint8_t bytes[RESOURCES_LARGE_SIZE];
    note(context, exchange, request);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = resources_byte(i);
    }
    respond(exchange, TALC_CODE_CONTENT, bytes, sizeof bytes);
}

static void handle_counter(void *context, talc_exchange *exchange, const talc_request *request)
{
    bool is_counted = number_of(request) < RESOURCES_COUNTERS;
    note(context, exchange, request);
    respond(exchange, is_counted ? TALC_CODE_CHANGED : TALC_CODE_BAD_REQUEST, NULL, 0);
}

static void handle_later(void *context, talc_exchange *exchange, const talc_request *request)
{
    resources *served = context;
    note(served, exchange, request);
    if (served->later_count == RESOURCES_LATER) {
        respond(exchange, TALC_CODE_UNAVAILABLE, NULL, 0);
    } else {
        served->later[served->later_count++] = exchange;
    }
}

void resources_release(resources *served)
{
    size_t count = served->later_count;
    served->later_count = 0;
    for (size_t i = 0; i < count; i++) {
        respond(served->later[i], TALC_CODE_CONTENT, "now", 3);
    }
}

static void handle_release(void *context, talc_exchange *exchange, const talc_request *request)
{
    note(context, exchange, request);
    respond(exchange, TALC_CODE_CHANGED, NULL, 0);
    resources_release(context);
}

void resources_serve(resources *served, talc_server *server)
{
    const unsigned get = TALC_ALLOW(TALC_GET), put = TALC_ALLOW(TALC_PUT);
    const unsigned post = TALC_ALLOW(TALC_POST), delete = TALC_ALLOW(TALC_DELETE);
    const struct {
        const char *path;
        unsigned methods;
        talc_handler *handler;
    } rows[] = {
        { "hello", get, handle_hello },     { "value", get | put | delete, handle_value },
        { "mine", get | put, handle_mine }, { "echo", post, handle_echo },
        { "large", get, handle_large },     { "counter", post, handle_counter },
        { "later", get, handle_later },     { "release", post, handle_release },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(
            talc_server_handle(server, rows[i].path, rows[i].methods, rows[i].handler, served),
            TALC_OK);
    }
}
