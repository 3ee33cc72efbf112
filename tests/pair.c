/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pair.h"

#define BLOCKED_STEP_MS 100u    /* a blocking call may have a deadline that only it knows */
#define TURNS_AT_ONE_TIME 20000 /* more than that without time passing is a loop without end */

/* ---------------------------------------------------------------- resources */

uint8_t pair_byte(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

static unsigned name_of(const talc_request *request)
{
    unsigned name = PAIR_NAMES_MAX;
    if (request->query == NULL || sscanf(request->query, "n=%u", &name) != 1) {
        return PAIR_NAMES_MAX;
    }
    return name;
}

static void note_run(test_pair *pair, const talc_request *request)
{
    unsigned name = name_of(request);
    pair->runs++;
    if (name < PAIR_NAMES_MAX) {
        pair->executed[name]++;
    }
    if (pair->on_request != NULL) {
        pair->on_request(pair->on_request_context, request);
    }
}

static void respond(talc_exchange *exchange, uint8_t code, const void *payload, size_t size)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    response.code = code;
    response.payload = payload;
    response.payload_size = size;
    assert_int_equal(talc_exchange_respond(exchange, &response), TALC_OK);
}

static void say_hello(void *context, talc_exchange *exchange, const talc_request *request)
{
    note_run(context, request);
    respond(exchange, TALC_CODE_CONTENT, "hello", 5);
}

static void echo(void *context, talc_exchange *exchange, const talc_request *request)
{
    char number[16];
    note_run(context, request);
    if (request->method == TALC_GET) {
        snprintf(number, sizeof number, "%u", name_of(request));
        respond(exchange, TALC_CODE_CONTENT, number, strlen(number));
    } else {
        respond(exchange, TALC_CODE_CHANGED, request->payload, request->payload_size);
    }
}

static void give_large(void *context, talc_exchange *exchange, const talc_request *request)
{
    static uint8_t payload[PAIR_LARGE_SIZE];
    note_run(context, request);
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = pair_byte(i);
    }
    respond(exchange, TALC_CODE_CONTENT, payload, sizeof payload);
}

static void put_off(void *context, talc_exchange *exchange, const talc_request *request)
{
    test_pair *pair = context;
    note_run(pair, request);
    assert_true(pair->later_count < PAIR_NAMES_MAX);
    pair->later[pair->later_count++] = (pair_later){ exchange, pair->path.now_ms + PAIR_LATER_MS };
}

talc_status pair_answer_later(test_pair *pair)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    assert_true(pair->later_count > 0);
    talc_exchange *exchange = pair->later[0].exchange;
    pair->later_count--;
    memmove(pair->later, pair->later + 1, pair->later_count * sizeof pair->later[0]);
    response.code = TALC_CODE_CHANGED;
    response.payload = "later";
    response.payload_size = 5;
    return talc_exchange_respond(exchange, &response);
}

static void add_resources(test_pair *pair)
{
    const unsigned all = TALC_ALLOW(TALC_GET) | TALC_ALLOW(TALC_POST) | TALC_ALLOW(TALC_PUT) |
                         TALC_ALLOW(TALC_DELETE);
    talc_server *server = pair->server;
    assert_int_equal(talc_server_handle(server, "hello", TALC_ALLOW(TALC_GET), say_hello, pair),
                     TALC_OK);
    assert_int_equal(talc_server_handle(server, "echo", all, echo, pair), TALC_OK);
    assert_int_equal(talc_server_handle(server, "large", TALC_ALLOW(TALC_GET), give_large, pair),
                     TALC_OK);
    assert_int_equal(talc_server_handle(server, "later", all, put_off, pair), TALC_OK);
}

/* ---------------------------------------------------------------- life */

static void note_event(void *context, const talc_event *event)
{
    test_pair *pair = context;
    assert_in_range(event->kind, TALC_EVENT_SESSION_OPENED, TALC_EVENT_REGISTRY_REFUSED);
    pair->events[event->kind]++;
    if (event->failure != NULL) {
        pair->last_failure = *event->failure;
    }
}

static void configure(talc_config *config, test_pair *pair, const pair_options *options)
{
    *config = (talc_config)TALC_CONFIG_DEFAULT;
    config->mode = options->credentials->kind == PAIR_ECC ? TALC_MODE_ECC : TALC_MODE_TLS;
    if (options->version != 0) {
        config->tls_version_min = options->version;
        config->tls_version_max = options->version;
    }
    config->clock_ms = path_clock_ms;
    config->clock_context = &pair->path;
    config->carrier = &path_carrier;
    config->listener = &path_listener;
    config->failure = &pair->last_failure;
}

void pair_begin(test_pair *pair, const pair_options *options)
{
    memset(pair, 0, sizeof *pair);
    path_begin(&pair->path, &options->weather);
    configure(&pair->client_config, pair, options);
    configure(&pair->server_config, pair, options);
    pair->client_config.identity = options->credentials->client;
    pair->client_config.trust = options->credentials->client_trust;
    pair->client_config.request_timeout_ms = 3600000;
    pair->server_config.identity = options->credentials->server;
    pair->server_config.trust = options->credentials->server_trust;
    pair->server_config.registry = options->credentials->registry;
    pair->server_config.on_event = note_event;
    pair->server_config.on_event_context = pair;
    pair->answers_later = true;
}

void pair_start_server(test_pair *pair)
{
    if (talc_server_new(&pair->server, &pair->server_config) != TALC_OK) {
        fail_msg("%s", pair->last_failure.text);
    }
    add_resources(pair);
    assert_int_equal(talc_server_listen(pair->server, PAIR_URI), TALC_OK);
}

talc_client *pair_add_client(test_pair *pair, talc_identity *identity)
{
    talc_config config = pair->client_config;
    config.identity = identity == NULL ? config.identity : identity;
    assert_true(pair->client_count < PAIR_CLIENTS_MAX);
    talc_client *client;
    if (talc_client_new(&client, &config, PAIR_URI, NULL) != TALC_OK) {
        fail_msg("%s", pair->last_failure.text);
    }
    pair->clients[pair->client_count++] = client;
    return client;
}

void pair_start(test_pair *pair)
{
    pair_start_server(pair);
    pair->client = pair_add_client(pair, NULL);
}

void pair_stop_server(test_pair *pair)
{
    talc_server_free(pair->server);
    pair->server = NULL;
}

void pair_restart_server(test_pair *pair)
{
    pair_stop_server(pair);
    pair_start_server(pair);
}

void pair_end(test_pair *pair)
{
    for (size_t i = 0; i < pair->client_count; i++) {
        talc_client_free(pair->clients[i]);
    }
    pair_stop_server(pair);
    while (pair->later_count > 0) {
        assert_int_equal(pair_answer_later(pair), TALC_ERROR_SESSION_LOST);
    }
    path_end(&pair->path);
}

/* ---------------------------------------------------------------- requests */

static void note_outcome(void *context, talc_status status, const talc_response *response)
{
    pair_outcome *outcome = context;
    outcome->calls++;
    assert_int_equal(outcome->calls, 1);
    outcome->is_done = true;
    outcome->status = status;
    assert_true((status == TALC_OK) == (response != NULL));
    if (response == NULL) {
        return;
    }
    outcome->code = response->code;
    outcome->payload_size = response->payload_size;
    outcome->payload = malloc(response->payload_size + 1);
    assert_non_null(outcome->payload);
    if (response->payload_size > 0) {
        memcpy(outcome->payload, response->payload, response->payload_size);
    }
    outcome->payload[response->payload_size] = 0;
}

void pair_outcome_clear(pair_outcome *outcome)
{
    free(outcome->payload);
    memset(outcome, 0, sizeof *outcome);
}

void pair_send(talc_client *client, const talc_request *request, pair_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    assert_int_equal(talc_client_send(client, request, note_outcome, outcome), TALC_PENDING);
}

talc_request pair_request(talc_method method, const char *path, unsigned name)
{
    static char queries[PAIR_NAMES_MAX][8];
    talc_request request = TALC_REQUEST_DEFAULT;
    assert_true(name < PAIR_NAMES_MAX);
    snprintf(queries[name], sizeof queries[name], "n=%u", name);
    request.method = method;
    request.path = path;
    request.query = queries[name];
    return request;
}

/* ---------------------------------------------------------------- time */

static void answer_due(test_pair *pair)
{
    while (pair->answers_later && pair->later_count > 0 &&
           pair->later[0].at_ms <= pair->path.now_ms) {
        (void)pair_answer_later(pair);
    }
}

/* How far the clock may go without passing over anything. */
static uint64_t idle_ms(const test_pair *pair)
{
    uint64_t next_ms = path_next_ms(&pair->path);
    if (pair->server != NULL) {
        uint32_t server_ms = talc_server_timeout_ms(pair->server);
        next_ms = server_ms < next_ms ? server_ms : next_ms;
    } else if (next_ms == 0) {
        next_ms = 1; /* what nobody takes waits */
    }
    if (pair->answers_later && pair->later_count > 0) {
        uint64_t now = pair->path.now_ms;
        uint64_t later_ms = pair->later[0].at_ms > now ? pair->later[0].at_ms - now : 0;
        next_ms = later_ms < next_ms ? later_ms : next_ms;
    }
    for (size_t i = 0; i < pair->client_count; i++) {
        uint32_t client_ms = talc_client_timeout_ms(pair->clients[i]);
        next_ms = client_ms < next_ms ? client_ms : next_ms;
    }
    return next_ms;
}

static void turn(test_pair *pair)
{
    for (size_t i = 0; i < pair->client_count; i++) {
        assert_int_equal(talc_client_process(pair->clients[i]), TALC_OK);
    }
    if (pair->server != NULL) {
        assert_int_equal(talc_server_process(pair->server), TALC_OK);
    }
    answer_due(pair);
}

static bool is_done(const pair_outcome *outcome)
{
    return outcome != NULL && outcome->is_done;
}

bool pair_run(test_pair *pair, const pair_outcome *outcome, uint64_t limit_ms)
{
    uint64_t end_ms = pair->path.now_ms + limit_ms;
    unsigned turns = 0;
    for (;;) {
        turn(pair);
        if (is_done(outcome)) {
            return true;
        }
        uint64_t ms = idle_ms(pair);
        uint64_t left = end_ms - pair->path.now_ms;
        if (ms > 0 && left == 0) {
            return false;
        }
        turns = ms > 0 ? 0 : turns + 1;
        if (turns > TURNS_AT_ONE_TIME) {
            fail_msg("something wants to be called again and again, and time stands still");
        }
        pair->path.now_ms += ms < left ? ms : left;
    }
}

void pair_pass(test_pair *pair, uint64_t time_ms)
{
    (void)pair_run(pair, NULL, time_ms);
}

void pair_fetch(test_pair *pair, const talc_request *request, pair_outcome *outcome)
{
    pair_send(pair->client, request, outcome);
    if (!pair_run(pair, outcome, 600000)) {
        fail_msg("no answer within ten minutes of virtual time");
    }
}

void pair_say_hello(test_pair *pair, talc_client *client)
{
    pair_outcome outcome;
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "hello";
    pair_send(client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, 600000));
    if (outcome.status != TALC_OK) {
        fail_msg("%s: %s", talc_status_text(outcome.status), talc_client_failure(client)->text);
    }
    assert_int_equal(outcome.code, TALC_CODE_CONTENT);
    assert_int_equal(outcome.payload_size, 5);
    assert_memory_equal(outcome.payload, "hello", 5);
    pair_outcome_clear(&outcome);
}

/* What a blocking call waits for: the server, and time. */
static void meanwhile(void *context)
{
    test_pair *pair = context;
    uint64_t before = pair->path.bodies[PATH_TO_CLIENT];
    if (pair->server != NULL) {
        (void)talc_server_process(pair->server);
    }
    answer_due(pair);
    uint64_t ms = idle_ms(pair);
    if (before == pair->path.bodies[PATH_TO_CLIENT]) {
        pair->path.now_ms += ms < BLOCKED_STEP_MS ? ms : BLOCKED_STEP_MS;
    }
}

void pair_block(test_pair *pair)
{
    pair->path.meanwhile = meanwhile;
    pair->path.meanwhile_context = pair;
}

talc_status pair_close(test_pair *pair, talc_client *client, uint32_t timeout_ms)
{
    pair_block(pair);
    talc_status status = talc_client_close(client, timeout_ms);
    pair->path.meanwhile = NULL;
    return status;
}
