/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_DIRECT_PAIR_H
#define TALC_TESTS_DIRECT_PAIR_H

/**
 * The links of mode `none` on real sockets of 127.0.0.1: a server with a simple application on it,
 * a client, and a relay between them; and in place of either, peers played by hand and programs of
 * others. The application answers each request with `answer_size` bytes; the client notes what
 * comes back. Everything that goes wrong in the plumbing fails the running test.
 */

#include "lib/direct.h"
#include "tests/coap_played.h"
#include "tests/relay.h"
#include "transport/coap_direct.h"

#define DIRECT_PAIR_BODY_MAX 70000
#define DIRECT_PAIR_HELD_MAX 4096

typedef struct direct_pair {
    /* set by the test before or between requests */
    talc_config config;    /* both sides' */
    const char *uri;       /* of the client; NULL: the relay */
    const char *proxy_uri; /* NULL: none */
    size_t answer_size;
    uint8_t answer_code;
    int answer_format; /* as options hold them */
    int hold;             /* the server keeps handles in `held` instead of answering */
    uint64_t patience_ms; /* until a wait fails the test */

    void *server, *client;
    test_relay *relay;
    played *played; /* NULL: none */

    /* what the server has seen */
    size_t requests;
    talc_frame request; /* the last one */
    uint8_t body[DIRECT_PAIR_BODY_MAX];
    void *held[DIRECT_PAIR_HELD_MAX];
    size_t held_count;
    talc_status replied; /* of the last reply() */

    /* what the client has seen */
    size_t results;
    uint32_t exchange; /* of the last one */
    talc_status status;
    talc_failure failure;
    uint8_t code;
    int format;
    uint8_t answer[DIRECT_PAIR_BODY_MAX];
    size_t answer_body_size;
    void (*on_result)(struct direct_pair *pair); /* called with each; NULL: not */
} direct_pair;

/** For cmocka: makes a pair with the usual configuration and an open server; the client is opened
 * by the test. */
int direct_pair_setup(void **state);
int direct_pair_teardown(void **state);

#define DIRECT_CASE(function)                                                                      \
    cmocka_unit_test_setup_teardown(function, direct_pair_setup, direct_pair_teardown)

/** Closes what is open and opens it again with what is set now. */
void direct_pair_server_open(direct_pair *pair, const char *uri);
void direct_pair_client_open(direct_pair *pair);
void direct_pair_client_close(direct_pair *pair);

uint16_t direct_pair_port(const direct_pair *pair);

/** A frame of this method for the path; `body_size` bytes as payload, which stay until the next
 * call. */
talc_frame direct_pair_frame(uint8_t code, const char *path, size_t body_size);

talc_status direct_pair_send(direct_pair *pair, uint32_t exchange, const talc_frame *request);

/** The server answers a handle that it holds. */
void direct_pair_release(direct_pair *pair, size_t held, size_t answer_size);

/** One turn of the loop: waits for any descriptor at most `timeout_ms`, and less if a side says
 * so. */
void direct_pair_turn(direct_pair *pair, int timeout_ms);

/** Turns until the client has had so many results, or the server so many requests; fails the test
 * if that takes longer than half a minute. */
void direct_pair_await_results(direct_pair *pair, size_t results);
void direct_pair_await_requests(direct_pair *pair, size_t requests);

/** Turns until nothing has passed the relay, nor come to the played peer, for `quiet_ms`. */
void direct_pair_settle(direct_pair *pair, int quiet_ms);

/** The bytes are those that a body of this size has. */
void direct_pair_body_is(const uint8_t *bytes, size_t size, size_t wanted_size);

/** Turns until a count of the played peer has come to this; fails the test as above. */
void direct_play_await(direct_pair *pair, const unsigned *count, unsigned wanted);

/** Opens a played server and a client that leads to it, or to the pair's `uri` by way of it. */
void direct_play(direct_pair *pair, played *server, played_script *script);
void direct_play_by_proxy(direct_pair *pair, played *proxy, played_script *script);
void direct_play_end(direct_pair *pair);

/** A client that is played by hand. */
typedef struct direct_caller {
    direct_pair *pair;
    int socket;
    uint16_t port;
    uint16_t next_id;
    wire_message answer;
    size_t answers;
} direct_caller;

direct_caller direct_call_begin(direct_pair *pair);

/** The same from another address of this machine, as 127.0.0.2. */
direct_caller direct_call_begin_from(direct_pair *pair, const char *address);
void direct_call_end(direct_caller *caller);

/** Begins a request with a token and an id of its own. */
void direct_call_request(direct_caller *caller, wire_message *request, unsigned type,
                         unsigned code);

/** Sends to the server, and runs it until it says something. */
void direct_call_send(const direct_caller *caller, const wire_message *request);
const wire_message *direct_call_await(direct_caller *caller);
const wire_message *direct_call(direct_caller *caller, const wire_message *request);

/** Fails the test if the server has said anything to what was sent: asks something else, whose
 * answer has to be the next one. It counts as a request. */
void direct_call_expect_silence(direct_caller *caller);

/** Runs a shell command beside the server until it ends, which it has to with status 0. Returns
 * what it wrote to standard output, NUL-terminated, valid until the next call. */
const char *direct_pair_run(direct_pair *pair, const char *command, size_t *size);

#endif
