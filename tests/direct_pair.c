/* SPDX-License-Identifier: MIT */
#include "tests/direct_pair.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- bodies */

static uint8_t *body_make(size_t size)
{
    static uint8_t bytes[DIRECT_PAIR_BODY_MAX];
    assert_true(size <= sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = coap_pair_byte(size, i);
    }
    return bytes;
}

void direct_pair_body_is(const uint8_t *bytes, size_t size, size_t wanted_size)
{
    assert_int_equal(size, wanted_size);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != coap_pair_byte(wanted_size, i)) {
            fail_msg("body of %zu bytes differs at %zu", size, i);
        }
    }
}

talc_frame direct_pair_frame(uint8_t code, const char *path, size_t body_size)
{
    talc_frame frame;
    talc_frame_init(&frame, code);
    assert_int_equal(talc_path_normalize(path, frame.path), TALC_OK);
    frame.payload = body_size > 0 ? body_make(body_size) : NULL;
    frame.payload_size = body_size;
    return frame;
}

/* ---------------------------------------------------------------- server */

static void answer_give(direct_pair *pair, void *handle, size_t size)
{
    talc_frame response;
    talc_frame_init(&response, pair->answer_code);
    response.content_format = pair->answer_format;
    response.payload = size > 0 ? body_make(size) : NULL;
    response.payload_size = size;
    pair->replied = talc_coap_direct_server.reply(pair->server, handle, &response);
}

static void on_request(void *context, const talc_direct_inbound *inbound)
{
    direct_pair *pair = context;
    pair->requests++;
    pair->request = *inbound->request;
    assert_true(pair->request.payload_size <= sizeof pair->body);
    if (pair->request.payload_size > 0) {
        memcpy(pair->body, pair->request.payload, pair->request.payload_size);
        assert_int_equal(pair->request.payload[pair->request.payload_size], 0);
    }
    pair->request.payload = pair->body;
    assert_int_equal(inbound->peer->engine, TALC_ENGINE_NONE);
    assert_string_equal(inbound->protocol, "");
    if (pair->hold) {
        assert_true(pair->held_count < DIRECT_PAIR_HELD_MAX);
        pair->held[pair->held_count++] = inbound->reply;
        return;
    }
    answer_give(pair, inbound->reply, pair->answer_size);
}

static void on_event(void *context, const talc_event *event)
{
    (void)context;
    fail_msg("mode none has no events, but here is number %d", (int)event->kind);
}

void direct_pair_server_open(direct_pair *pair, const char *uri)
{
    talc_direct_server_events events = { pair, on_request, on_event };
    talc_failure failure = { 0 };
    if (pair->server != NULL) {
        talc_coap_direct_server.close(pair->server);
    }
    if (talc_coap_direct_server.open(&pair->server, uri, &pair->config, &events, &failure) !=
        TALC_OK) {
        fail_msg("server: %s", failure.text);
    }
    if (pair->relay == NULL) {
        pair->relay = relay_new(direct_pair_port(pair));
        assert_non_null(pair->relay);
    }
    relay_server_set(pair->relay, direct_pair_port(pair));
}

uint16_t direct_pair_port(const direct_pair *pair)
{
    return talc_coap_direct_server.port(pair->server);
}

void direct_pair_release(direct_pair *pair, size_t held, size_t answer_size)
{
    answer_give(pair, pair->held[held], answer_size);
}

/* ---------------------------------------------------------------- client */

static void result_note(direct_pair *pair, const talc_direct_result *result)
{
    pair->results++;
    pair->exchange = result->exchange;
    pair->status = result->status;
    pair->answer_body_size = 0;
    memset(&pair->failure, 0, sizeof pair->failure);
    if (result->status != TALC_OK) {
        assert_null(result->response);
        pair->failure = *result->failure;
        assert_int_equal(pair->failure.status, result->status);
        assert_true(pair->failure.text[0] != '\0');
        return;
    }
    pair->code = result->response->code;
    pair->format = result->response->content_format;
    pair->answer_body_size = result->response->payload_size;
    assert_true(pair->answer_body_size <= sizeof pair->answer);
    if (pair->answer_body_size > 0) {
        memcpy(pair->answer, result->response->payload, pair->answer_body_size);
        assert_int_equal(result->response->payload[pair->answer_body_size], 0);
    }
}

static void on_ended(void *context, const talc_direct_result *result)
{
    direct_pair *pair = context;
    result_note(pair, result);
    if (pair->on_result != NULL) {
        pair->on_result(pair);
    }
}

void direct_pair_client_open(direct_pair *pair)
{
    char uri[64];
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)relay_port(pair->relay));
    talc_direct_target target = { .config = &pair->config,
                                  .uri = pair->uri != NULL ? pair->uri : uri,
                                  .proxy_uri = pair->proxy_uri,
                                  .server_name = "" };
    talc_direct_client_events events = { pair, on_ended };
    talc_failure failure = { 0 };
    direct_pair_client_close(pair);
    if (talc_coap_direct_client.open(&pair->client, &target, &events, &failure) != TALC_OK) {
        fail_msg("client: %s", failure.text);
    }
}

void direct_pair_client_close(direct_pair *pair)
{
    if (pair->client != NULL) {
        talc_coap_direct_client.close(pair->client);
        pair->client = NULL;
    }
}

talc_status direct_pair_send(direct_pair *pair, uint32_t exchange, const talc_frame *request)
{
    return talc_coap_direct_client.send(pair->client, exchange, request);
}

/* ---------------------------------------------------------------- loop */

static int shorter(int timeout_ms, uint32_t wanted_ms)
{
    return wanted_ms < (uint32_t)timeout_ms ? (int)wanted_ms : timeout_ms;
}

void direct_pair_turn(direct_pair *pair, int timeout_ms)
{
    struct pollfd polled[4] = { { .fd = relay_descriptor(pair->relay), .events = POLLIN },
                                { .fd = -1, .events = POLLIN },
                                { .fd = -1, .events = POLLIN },
                                { .fd = -1, .events = POLLIN } };
    timeout_ms = shorter(timeout_ms, relay_timeout_ms(pair->relay));
    if (pair->server != NULL) {
        polled[1].fd = talc_coap_direct_server.descriptor(pair->server);
        timeout_ms = shorter(timeout_ms, talc_coap_direct_server.timeout_ms(pair->server));
    }
    if (pair->client != NULL) {
        polled[2].fd = talc_coap_direct_client.descriptor(pair->client);
        timeout_ms = shorter(timeout_ms, talc_coap_direct_client.timeout_ms(pair->client));
    }
    if (pair->played != NULL) {
        polled[3].fd = pair->played->socket;
    }
    assert_true(poll(polled, 4, timeout_ms) >= 0);
    relay_process(pair->relay);
    if (pair->server != NULL) {
        assert_int_equal(talc_coap_direct_server.process(pair->server), TALC_OK);
    }
    relay_process(pair->relay);
    if (pair->played != NULL) {
        played_turn(pair->played);
    }
    if (pair->client != NULL) {
        assert_int_equal(talc_coap_direct_client.process(pair->client), TALC_OK);
    }
}

static void await_count(direct_pair *pair, const size_t *count, size_t wanted, const char *what)
{
    uint64_t deadline_ms = now_ms() + pair->patience_ms;
    while (*count < wanted) {
        if (now_ms() > deadline_ms) {
            fail_msg("%zu of %zu %s", *count, wanted, what);
        }
        direct_pair_turn(pair, 1000);
    }
}

void direct_pair_await_results(direct_pair *pair, size_t results)
{
    await_count(pair, &pair->results, results, "results");
}

void direct_pair_await_requests(direct_pair *pair, size_t requests)
{
    await_count(pair, &pair->requests, requests, "requests");
}

void direct_play_await(direct_pair *pair, const unsigned *count, unsigned wanted)
{
    uint64_t deadline_ms = now_ms() + pair->patience_ms;
    while (*count < wanted) {
        if (now_ms() > deadline_ms) {
            fail_msg("%u of %u at the played peer", *count, wanted);
        }
        direct_pair_turn(pair, 100);
    }
}

static uint64_t datagrams_passed(const direct_pair *pair)
{
    uint64_t taken =
        pair->played != NULL ? pair->played->requests + pair->played->acknowledged : 0;
    return relay_counts_get(pair->relay, RELAY_UP).datagrams +
           relay_counts_get(pair->relay, RELAY_DOWN).datagrams + taken;
}

void direct_pair_settle(direct_pair *pair, int quiet_ms)
{
    uint64_t deadline_ms = now_ms() + pair->patience_ms;
    uint64_t passed = datagrams_passed(pair);
    uint64_t last_ms = now_ms();
    while (now_ms() - last_ms < (uint64_t)quiet_ms) {
        if (now_ms() > deadline_ms) {
            fail_msg("datagrams still pass: %llu", (unsigned long long)passed);
        }
        direct_pair_turn(pair, quiet_ms);
        if (datagrams_passed(pair) != passed) {
            passed = datagrams_passed(pair);
            last_ms = now_ms();
        }
    }
}

/* ---------------------------------------------------------------- played servers */

static void play_on(direct_pair *pair, played *server)
{
    pair->played = server;
    direct_pair_client_open(pair);
}

void direct_play(direct_pair *pair, played *server, played_script *script)
{
    played_open(server, script);
    pair->uri = server->uri;
    play_on(pair, server);
}

void direct_play_by_proxy(direct_pair *pair, played *proxy, played_script *script)
{
    played_open(proxy, script);
    pair->proxy_uri = proxy->uri;
    play_on(pair, proxy);
}

void direct_play_end(direct_pair *pair)
{
    direct_pair_client_close(pair);
    close(pair->played->socket);
    pair->played = NULL;
}

/* ---------------------------------------------------------------- played clients */

direct_caller direct_call_begin(direct_pair *pair)
{
    return direct_call_begin_from(pair, "127.0.0.1");
}

direct_caller direct_call_begin_from(direct_pair *pair, const char *address)
{
    direct_caller made = { .pair = pair, .next_id = 1 };
    made.socket = wire_socket_at(&made.port, address);
    assert_true(made.socket >= 0);
    return made;
}

void direct_call_end(direct_caller *caller)
{
    close(caller->socket);
}

void direct_call_request(direct_caller *caller, wire_message *request, unsigned type, unsigned code)
{
    uint8_t token[2] = { (uint8_t)(caller->next_id >> 8), (uint8_t)caller->next_id };
    wire_begin(request, type, code, caller->next_id++, token, sizeof token);
}

void direct_call_send(const direct_caller *caller, const wire_message *request)
{
    wire_send(caller->socket, request, direct_pair_port(caller->pair));
}

const wire_message *direct_call_await(direct_caller *caller)
{
    uint64_t deadline_ms = now_ms() + caller->pair->patience_ms;
    uint16_t from;
    while (!wire_receive(caller->socket, &caller->answer, &from)) {
        if (now_ms() > deadline_ms) {
            fail_msg("the server says nothing");
        }
        direct_pair_turn(caller->pair, 5);
    }
    caller->answers++;
    return &caller->answer;
}

const wire_message *direct_call(direct_caller *caller, const wire_message *request)
{
    direct_call_send(caller, request);
    return direct_call_await(caller);
}

void direct_call_expect_silence(direct_caller *caller)
{
    wire_message request;
    direct_call_request(caller, &request, WIRE_CON, WIRE_CODE(0, 1));
    wire_text(&request, WIRE_URI_PATH, "silence");
    int hold = caller->pair->hold;
    caller->pair->hold = 0;
    direct_call(caller, &request);
    caller->pair->hold = hold;
    assert_int_equal(wire_id(&caller->answer), wire_id(&request));
}

/* ---------------------------------------------------------------- programs */

const char *direct_pair_run(direct_pair *pair, const char *command, size_t *size)
{
    static char output[DIRECT_PAIR_BODY_MAX + 1];
    uint64_t deadline_ms = now_ms() + pair->patience_ms;
    FILE *program = popen(command, "r");
    assert_non_null(program);
    int descriptor = fileno(program);
    assert_int_equal(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
    *size = 0;
    for (ssize_t got = -1; got != 0;) {
        if (now_ms() > deadline_ms) {
            fail_msg("%s: does not end", command);
        }
        direct_pair_turn(pair, 5);
        got = read(descriptor, output + *size, sizeof output - 1 - *size);
        *size += got > 0 ? (size_t)got : 0;
    }
    output[*size] = '\0';
    int ending = pclose(program);
    if (ending != 0) {
        fail_msg("%s: ends with %d and says \"%s\"", command, ending, output);
    }
    return output;
}

/* ---------------------------------------------------------------- fixture */

int direct_pair_setup(void **state)
{
    const talc_config config = TALC_CONFIG_DEFAULT;
    direct_pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    *state = pair;
    pair->config = config;
    pair->config.mode = TALC_MODE_NONE;
    pair->answer_code = TALC_CODE_CONTENT;
    pair->patience_ms = PATIENCE_MS;
    pair->answer_format = TALC_OPTION_ABSENT;
    direct_pair_server_open(pair, "coap://127.0.0.1:0");
    return 0;
}

int direct_pair_teardown(void **state)
{
    direct_pair *pair = *state;
    direct_pair_client_close(pair);
    if (pair->server != NULL) {
        talc_coap_direct_server.close(pair->server);
    }
    relay_free(pair->relay);
    free(pair);
    return 0;
}
