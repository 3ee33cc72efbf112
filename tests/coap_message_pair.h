/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_COAP_MESSAGE_PAIR_H
#define TALC_TESTS_COAP_MESSAGE_PAIR_H

/**
 * A gateway's two faces towards CoAP (coap_message_server.h, coap_message_client.h) on real sockets
 * of 127.0.0.1, the one behind the other with a relay between them; and in place of either, peers
 * played by hand and programs of others. The server answers each request as the test has said; both
 * sides note what came. Everything that goes wrong in the plumbing fails the running test.
 */

#include "tests/coap_played.h"
#include "tests/relay.h"
#include "transport/coap_message_client.h"
#include "transport/coap_message_server.h"

#define MESSAGE_PAIR_BODY_MAX 70000
#define MESSAGE_PAIR_HELD_MAX 64

/** A message that stays. */
typedef struct message_copy {
    talc_coap_message message; /* points to what follows */
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    uint8_t values[2048];
    uint8_t body[MESSAGE_PAIR_BODY_MAX];
} message_copy;

typedef struct message_pair {
    /* set by the test before or between requests */
    const char *uri;          /* of the client; NULL: the relay */
    size_t body_size;         /* both sides' limit */
    talc_coap_message answer; /* of the server */
    size_t answer_size;       /* of its body, which is coap_pair_byte() where `answer` has none */
    int hold;                 /* the server keeps handles in `held` instead of answering */
    int defers;               /* it answers in the next turn, after libcoap's acknowledgement */
    int stays_silent;         /* it answers with NULL */

    talc_coap_message_server *server;
    talc_coap_message_client *client;
    test_relay *relay;
    played *played; /* NULL: none */

    /* what the server has seen */
    size_t requests;
    message_copy request; /* the last one */
    char peer_text[80];
    uint8_t peer[64];
    size_t peer_size;
    void *held[MESSAGE_PAIR_HELD_MAX];
    size_t held_count;

    /* what the client has seen */
    size_t results;
    size_t answers;  /* of them */
    uint32_t number; /* of the last one */
    talc_coap_message_end end;
    message_copy response;
} message_pair;

/** For cmocka: a pair whose server and client are open, and lead to each other by the relay. */
int message_pair_setup(void **state);
int message_pair_teardown(void **state);

#define MESSAGE_CASE(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, message_pair_setup, message_pair_teardown)

/** Opens the client again with what is set now; the server. */
void message_pair_client_open(message_pair *pair);
void message_pair_server_open(message_pair *pair, const char *uri);

uint16_t message_pair_port(const message_pair *pair);

/** An option of text. */
talc_coap_message_option message_text(uint16_t number, const char *text);

/** A request with these options (NULL for none) and `body_size` bytes of coap_pair_byte(), which
 * stay until the next call. */
talc_coap_message message_request(uint8_t code, const talc_coap_message_option *options,
                                  size_t option_count, size_t body_size);

talc_status message_pair_send(message_pair *pair, uint32_t number,
                              const talc_coap_message *request);

/** Sends and awaits the result, which has to be an answer. */
void message_pair_exchange(message_pair *pair, const talc_coap_message *request);

/** The server answers a handle that it holds, as the test has said. */
void message_pair_release(message_pair *pair, size_t held);

/** One turn of the loop: waits for any descriptor at most `timeout_ms`, and less if a side says
 * so. */
void message_pair_turn(message_pair *pair, int timeout_ms);

/** Turns until there were so many; fails the test if that takes too long. */
void message_pair_await(message_pair *pair, const size_t *count, size_t wanted);

/** The same of a played peer. */
void message_pair_await_played(message_pair *pair, const unsigned *count, unsigned wanted);

/** Two messages have the same options, byte for byte. */
void message_options_are(const talc_coap_message *message,
                         const talc_coap_message_option *options, size_t count);

/** The body is that of coap_pair_byte(). */
void message_body_is(const talc_coap_message *message, size_t size);

/** Opens a played server and the client that leads to it. */
void message_play(message_pair *pair, played *server, played_script *script);
void message_play_end(message_pair *pair);

/** A client that is played by hand. */
typedef struct message_caller {
    message_pair *pair;
    int socket;
    uint16_t port;
    uint16_t next_id;
    wire_message answer;
} message_caller;

message_caller message_call_begin(message_pair *pair);
void message_call_end(message_caller *caller);

/** Begins a request with a token and an id of its own. */
void message_call_request(message_caller *caller, wire_message *request, unsigned type,
                          unsigned code);
void message_call_send(const message_caller *caller, const wire_message *request);
const wire_message *message_call_await(message_caller *caller);
const wire_message *message_call(message_caller *caller, const wire_message *request);

/** Acknowledges the last answer. */
void message_call_acknowledge(const message_caller *caller);

/** Fails the test if the server has said anything to what was sent: asks something else, whose
 * answer has to be the next one. It counts as a request. */
void message_call_expect_silence(message_caller *caller);

/** Runs a shell command beside the pair until it ends, which it has to with status 0. Returns what
 * it wrote to standard output, NUL-terminated, valid until the next call. */
const char *message_pair_run(message_pair *pair, const char *command, size_t *size);

#endif
