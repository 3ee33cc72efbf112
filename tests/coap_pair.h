/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_COAP_PAIR_H
#define TALC_TESTS_COAP_PAIR_H

/**
 * A CoAP listener with a simple server on it, a CoAP client, and a relay between them, on real
 * sockets of 127.0.0.1. The server answers each body with `answer_size` bytes; the client notes
 * what comes back. Everything that goes wrong in the plumbing fails the running test.
 */

#include "talc/carrier.h"
#include "tests/relay.h"
#include "transport/coap_carrier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COAP_PAIR_BODY_MAX 70000
#define COAP_PAIR_HELD_MAX 64
#define COAP_PAIR_PATH "/.well-known/atls"

typedef struct coap_pair {
    /* set by the test before or between exchanges */
    size_t message_size, body_size, block_size; /* both sides' */
    size_t server_body_size, anonymous_body_size;
    const char *uri;       /* NULL: the relay */
    const char *proxy_uri; /* NULL: none */
    size_t answer_size;
    uint8_t answer_code;
    uint32_t retry_after_s;
    int hold;  /* the server keeps handles in `held` instead of answering */
    int known; /* whether it knows the session id */

    void *server, *client;
    test_relay *relay;
    void (*extra)(struct coap_pair *pair, void *context); /* called in each turn of the loop */
    void *extra_context;
    int extra_descriptor; /* polled too; -1: none */

    /* what the server has seen */
    size_t inbounds;
    size_t empty_inbounds; /* those without a body */
    uint8_t inbound[COAP_PAIR_BODY_MAX];
    size_t inbound_size;
    int inbound_has_id;
    uint8_t inbound_id[TALC_SESSION_ID_SIZE];
    uint8_t peer[32], first_peer[32]; /* of the last and of the first inbound */
    void *held[COAP_PAIR_HELD_MAX];
    size_t held_count;
    size_t long_answer_size; /* for inbounds without a body */

    /* what the client has seen */
    size_t answers;
    uint32_t exchange; /* of the last answer */
    talc_outcome outcome;
    uint8_t code;
    uint32_t retry_after_ms;
    uint8_t answer[COAP_PAIR_BODY_MAX];
    size_t answer_body_size;
    void (*on_answer)(struct coap_pair *pair, const talc_carrier_answer *answer);
} coap_pair;

/** The session id of all requests. */
extern const uint8_t coap_pair_id[TALC_SESSION_ID_SIZE];

/** For cmocka: makes a pair with usual sizes and an open server; the client is opened by the test.
 * */
int coap_pair_setup(void **state);
int coap_pair_teardown(void **state);

/** Closes what is open and opens it again with the sizes that are set now. */
void coap_pair_server_open(coap_pair *pair, const char *uri);
void coap_pair_client_open(coap_pair *pair);
void coap_pair_client_close(coap_pair *pair);

/** The i-th byte of the test body of this size. */
uint8_t coap_pair_byte(size_t size, size_t i);

talc_status coap_pair_send(coap_pair *pair, uint32_t exchange, size_t body_size);
talc_status coap_pair_send_again(coap_pair *pair, uint32_t exchange, uint32_t attempt,
                                 size_t body_size);

/** The server answers a handle that it holds. */
void coap_pair_release(coap_pair *pair, size_t held, size_t answer_size);

/** One turn of the loop: waits for any descriptor at most `timeout_ms`, and less if a side says so.
 * */
void coap_pair_turn(coap_pair *pair, int timeout_ms);

/** Turns until the client has had so many answers, or the server so many inbounds; fails the test
 * if that takes longer than a minute. */
void coap_pair_await_answers(coap_pair *pair, size_t answers);
void coap_pair_await_inbounds(coap_pair *pair, size_t inbounds);

/** Turns until nothing has passed the relay for `quiet_ms`. */
void coap_pair_settle(coap_pair *pair, int quiet_ms);

/** One exchange from here to there and back, all bytes compared. */
void coap_pair_exchange(coap_pair *pair, size_t body_size, size_t answer_size);

#endif
