/* SPDX-License-Identifier: MIT */
#include "tests/coap_message_pair.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 200000 /* longer than CoAP takes to give up, on a virtual clock */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const uint8_t *body_of(size_t size)
{
    static uint8_t body[MESSAGE_PAIR_BODY_MAX];
    assert_true(size <= sizeof body);
    for (size_t i = 0; i < size; i++) {
        body[i] = coap_pair_byte(size, i);
    }
    return size > 0 ? body : NULL;
}

/* ---------------------------------------------------------------- both sides */

static void copy_make(message_copy *copy, const talc_coap_message *message)
{
    size_t used = 0;
    assert_true(message->option_count <= TALC_COAP_MESSAGE_OPTIONS_MAX);
    assert_true(message->body_size <= sizeof copy->body);
    copy->message = *message;
    copy->message.options = copy->options;
    copy->message.body = copy->body;
    for (size_t i = 0; i < message->option_count; i++) {
        const talc_coap_message_option *option = &message->options[i];
        assert_true(i == 0 || option->number >= message->options[i - 1].number);
        assert_true(used + option->size <= sizeof copy->values);
        copy->options[i] = *option;
        copy->options[i].value = copy->values + used;
        if (option->size > 0) {
            memcpy(copy->values + used, option->value, option->size);
        }
        used += option->size;
    }
    if (message->body_size > 0) {
        memcpy(copy->body, message->body, message->body_size);
    }
}

static void reply(message_pair *pair, void *handle)
{
    talc_coap_message answer = pair->answer;
    if (answer.body == NULL) {
        answer.body = body_of(pair->answer_size);
        answer.body_size = pair->answer_size;
    }
    talc_coap_message_server_reply(pair->server, handle, pair->stays_silent ? NULL : &answer);
}

static void on_inbound(void *context, const talc_coap_message_inbound *inbound)
{
    message_pair *pair = context;
    pair->requests++;
    copy_make(&pair->request, inbound->request);
    assert_true(inbound->peer_size <= sizeof pair->peer);
    memcpy(pair->peer, inbound->peer, inbound->peer_size);
    pair->peer_size = inbound->peer_size;
    snprintf(pair->peer_text, sizeof pair->peer_text, "%s", inbound->peer_text);
    if (!pair->hold && !pair->defers) {
        reply(pair, inbound->reply);
        return;
    }
    assert_true(pair->held_count < MESSAGE_PAIR_HELD_MAX);
    pair->held[pair->held_count++] = inbound->reply;
}

void message_pair_release(message_pair *pair, size_t held)
{
    assert_true(held < pair->held_count && pair->held[held] != NULL);
    reply(pair, pair->held[held]);
    pair->held[held] = NULL;
}

static void on_ended(void *context, const talc_coap_message_result *result)
{
    message_pair *pair = context;
    pair->results++;
    pair->number = result->number;
    pair->end = result->end;
    assert_int_equal(result->end == TALC_COAP_MESSAGE_ANSWERED, result->response != NULL);
    if (result->response != NULL) {
        pair->answers++;
        copy_make(&pair->response, result->response);
    }
}

/* ---------------------------------------------------------------- opening */

void message_pair_server_open(message_pair *pair, const char *uri)
{
    talc_failure failure = { 0 };
    talc_coap_message_server_setup setup = { uri, pair->body_size, on_inbound, pair };
    talc_coap_message_server_close(pair->server);
    if (talc_coap_message_server_open(&pair->server, &setup, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    if (pair->relay != NULL) {
        relay_server_set(pair->relay, message_pair_port(pair));
    }
}

void message_pair_client_open(message_pair *pair)
{
    talc_failure failure = { 0 };
    char uri[64];
    talc_coap_message_client_close(pair->client);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)relay_port(pair->relay));
    talc_coap_message_client_setup setup = { pair->uri != NULL ? pair->uri : uri, pair->body_size,
                                             64, on_ended, pair };
    if (talc_coap_message_client_open(&pair->client, &setup, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
}

uint16_t message_pair_port(const message_pair *pair)
{
    return talc_coap_message_server_port(pair->server);
}

int message_pair_setup(void **state)
{
    message_pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    *state = pair;
    pair->body_size = 65536;
    pair->answer.code = WIRE_CODE(2, 5);
    message_pair_server_open(pair, "coap://127.0.0.1:0");
    pair->relay = relay_new(message_pair_port(pair));
    assert_non_null(pair->relay);
    message_pair_client_open(pair);
    return 0;
}

int message_pair_teardown(void **state)
{
    message_pair *pair = *state;
    pair->stays_silent = 1;
    for (size_t i = 0; i < pair->held_count; i++) {
        if (pair->held[i] != NULL) {
            message_pair_release(pair, i);
        }
    }
    talc_coap_message_client_close(pair->client);
    talc_coap_message_server_close(pair->server);
    relay_free(pair->relay);
    free(pair);
    return 0;
}

/* ---------------------------------------------------------------- turns */

static int shorter(int timeout_ms, uint32_t wanted_ms)
{
    return wanted_ms < (uint32_t)timeout_ms ? (int)wanted_ms : timeout_ms;
}

static void answer_deferred(message_pair *pair)
{
    for (size_t i = 0; i < pair->held_count; i++) {
        message_pair_release(pair, i);
    }
    pair->held_count = 0;
}

void message_pair_turn(message_pair *pair, int timeout_ms)
{
    struct pollfd polled[] = {
        { .fd = talc_coap_message_server_descriptor(pair->server), .events = POLLIN },
        { .fd = talc_coap_message_client_descriptor(pair->client), .events = POLLIN },
        { .fd = relay_descriptor(pair->relay), .events = POLLIN },
        { .fd = pair->played != NULL ? pair->played->socket : -1, .events = POLLIN },
    };
    timeout_ms = shorter(timeout_ms, talc_coap_message_server_timeout_ms(pair->server));
    timeout_ms = shorter(timeout_ms, talc_coap_message_client_timeout_ms(pair->client));
    timeout_ms = shorter(timeout_ms, relay_timeout_ms(pair->relay));
    (void)poll(polled, 4, timeout_ms);
    relay_process(pair->relay);
    assert_int_equal(talc_coap_message_server_process(pair->server), TALC_OK);
    assert_int_equal(talc_coap_message_client_process(pair->client), TALC_OK);
    if (pair->defers) {
        answer_deferred(pair);
    }
    if (pair->played != NULL) {
        played_turn(pair->played);
    }
}

void message_pair_await(message_pair *pair, const size_t *count, size_t wanted)
{
    uint64_t deadline_ms = now_ms() + PATIENCE_MS;
    while (*count < wanted) {
        if (now_ms() > deadline_ms) {
            fail_msg("%zu of %zu", *count, wanted);
        }
        message_pair_turn(pair, 1000);
    }
}

void message_pair_await_played(message_pair *pair, const unsigned *count, unsigned wanted)
{
    uint64_t deadline_ms = now_ms() + PATIENCE_MS;
    while (*count < wanted) {
        if (now_ms() > deadline_ms) {
            fail_msg("%u of %u at the played peer", *count, wanted);
        }
        message_pair_turn(pair, 100);
    }
}

/* ---------------------------------------------------------------- messages */

talc_coap_message_option message_text(uint16_t number, const char *text)
{
    return (talc_coap_message_option){ number, (uint16_t)strlen(text), (const uint8_t *)text };
}

talc_coap_message message_request(uint8_t code, const talc_coap_message_option *options,
                                  size_t option_count, size_t body_size)
{
    return (talc_coap_message){ code, options, option_count, body_of(body_size), body_size };
}

talc_status message_pair_send(message_pair *pair, uint32_t number,
                              const talc_coap_message *request)
{
    return talc_coap_message_client_send(pair->client, number, request);
}

void message_pair_exchange(message_pair *pair, const talc_coap_message *request)
{
    size_t results = pair->results;
    assert_int_equal(message_pair_send(pair, (uint32_t)(1000 + results), request), TALC_OK);
    message_pair_await(pair, &pair->results, results + 1);
    assert_int_equal(pair->end, TALC_COAP_MESSAGE_ANSWERED);
    assert_int_equal(pair->number, 1000 + results);
}

void message_options_are(const talc_coap_message *message,
                         const talc_coap_message_option *options, size_t count)
{
    assert_int_equal(message->option_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(message->options[i].number, options[i].number);
        assert_int_equal(message->options[i].size, options[i].size);
        if (options[i].size > 0) {
            assert_memory_equal(message->options[i].value, options[i].value, options[i].size);
        }
    }
}

void message_body_is(const talc_coap_message *message, size_t size)
{
    assert_int_equal(message->body_size, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(message->body[i], coap_pair_byte(size, i));
    }
}

/* ---------------------------------------------------------------- played servers */

void message_play(message_pair *pair, played *server, played_script *script)
{
    played_open(server, script);
    pair->uri = server->uri;
    pair->played = server;
    message_pair_client_open(pair);
}

void message_play_end(message_pair *pair)
{
    pair->uri = NULL;
    message_pair_client_open(pair);
    close(pair->played->socket);
    pair->played = NULL;
}

/* ---------------------------------------------------------------- played clients */

message_caller message_call_begin(message_pair *pair)
{
    message_caller made = { .pair = pair, .next_id = 1 };
    made.socket = wire_socket(&made.port);
    assert_true(made.socket >= 0);
    return made;
}

void message_call_end(message_caller *caller)
{
    close(caller->socket);
}

void message_call_request(message_caller *caller, wire_message *request, unsigned type,
                          unsigned code)
{
    uint8_t token[2] = { (uint8_t)(caller->next_id >> 8), (uint8_t)caller->next_id };
    wire_begin(request, type, code, caller->next_id++, token, sizeof token);
}

void message_call_send(const message_caller *caller, const wire_message *request)
{
    wire_send(caller->socket, request, message_pair_port(caller->pair));
}

const wire_message *message_call_await(message_caller *caller)
{
    uint64_t deadline_ms = now_ms() + PATIENCE_MS;
    uint16_t from;
    while (!wire_receive(caller->socket, &caller->answer, &from)) {
        if (now_ms() > deadline_ms) {
            fail_msg("the server says nothing");
        }
        message_pair_turn(caller->pair, 5);
    }
    return &caller->answer;
}

const wire_message *message_call(message_caller *caller, const wire_message *request)
{
    message_call_send(caller, request);
    return message_call_await(caller);
}

void message_call_acknowledge(const message_caller *caller)
{
    wire_message acknowledgement;
    wire_begin(&acknowledgement, WIRE_ACK, 0, wire_id(&caller->answer), NULL, 0);
    message_call_send(caller, &acknowledgement);
}

void message_call_expect_silence(message_caller *caller)
{
    wire_message request;
    message_call_request(caller, &request, WIRE_CON, WIRE_CODE(0, 1));
    wire_text(&request, WIRE_URI_PATH, "silence");
    int hold = caller->pair->hold;
    int stays_silent = caller->pair->stays_silent;
    caller->pair->hold = caller->pair->stays_silent = 0;
    message_call(caller, &request);
    caller->pair->hold = hold;
    caller->pair->stays_silent = stays_silent;
    assert_int_equal(wire_id(&caller->answer), wire_id(&request));
}

/* ---------------------------------------------------------------- programs */

const char *message_pair_run(message_pair *pair, const char *command, size_t *size)
{
    static char output[MESSAGE_PAIR_BODY_MAX + 1];
    uint64_t deadline_ms = now_ms() + PATIENCE_MS;
    FILE *program = popen(command, "r");
    assert_non_null(program);
    int descriptor = fileno(program);
    assert_int_equal(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
    *size = 0;
    for (ssize_t got = -1; got != 0;) {
        if (now_ms() > deadline_ms) {
            fail_msg("%s: does not end", command);
        }
        message_pair_turn(pair, 5);
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
