/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_CHAIN_H
#define TALC_TESTS_CHAIN_H

/**
 * Clients and a talc server with a chain of foreign machines between them, each in a process of its
 * own and as it comes:
 *
 *   forward: clients - coap-server - talc-proxy (CoAP to HTTPS) - nginx - server (HTTP)
 *   reverse: clients (HTTPS) - nginx - talc-proxy (HTTP to CoAP) - server (CoAP)
 *
 * On every leg that can be read a relay stands, which counts and notes what passes. In the reverse
 * direction every other client names the server by the gateway's mapping (RFC 8075 section 5.3), the
 * others ask a path that the gateway routes to it.
 *
 * Clients, server and relays run in one thread, in chain_await(). Whatever goes wrong in the plumbing
 * fails the running test.
 */

#include "tests/fragment_set.h"
#include "tests/gateway_process.h"
#include "tests/nginx_process.h"
#include "tests/peers.h"
#include "tests/tcp_tap.h"

#define CHAIN_HOPS_MAX 8

typedef enum chain_direction { CHAIN_FORWARD, CHAIN_REVERSE } chain_direction;

typedef struct chain_options {
    chain_direction direction;
    talc_mode mode;
    const peers_credentials *credentials;
    size_t client_count; /**< to PEERS_CLIENTS_MAX */
} chain_options;

/** What passed at one place, by direction: RELAY_UP from the clients to the server. */
typedef struct chain_hop {
    const char *name;
    fragment_set seen[2];
} chain_hop;

typedef struct chain {
    chain_options options;
    char folder[64];
    talc_server *server;
    uint16_t server_port;
    resources *resources;
    peers_events events;
    proxy_process proxy;
    started_program gateway;
    nginx_process nginx;
    test_relay *near; /**< forward: between the clients and coap-server */
    test_relay *far;  /**< in front of talc-proxy (forward) or of the server (reverse) */
    tcp_tap *tap;     /**< behind nginx */
    chain_hop hops[CHAIN_HOPS_MAX];
    size_t hop_count;
    talc_client *clients[PEERS_CLIENTS_MAX];
    size_t outstanding;
} chain;

/** A request and what came of it. */
typedef struct chain_call {
    chain *of;
    size_t client;
    int is_done;
    talc_status status;
    uint8_t code;
    uint8_t *payload; /**< chain_call_clear() */
    size_t payload_size;
    talc_failure failure; /**< the client's, then */
} chain_call;

/** Starts all of it; chain_free() takes it down. */
chain *chain_new(const chain_options *options);
void chain_free(chain *of);

/** Frees the one that a failed test left behind; as a tear-down of cmocka. */
int chain_free_left(void **state);

/** Queues a request; `call` has to live until it is done. */
void chain_send(chain *of, size_t client, const talc_request *request, chain_call *call);
void chain_call_clear(chain_call *call);

/** Runs it until all calls are done. */
void chain_await(chain *of);

/** Runs it until every hop has seen the same fragments in both directions, ends the gateway, and fails
 * the test, naming the hop, if one has not. Returns how many there are in both directions. */
size_t chain_expect_equal(chain *of);

/** Bytes of the largest CoAP payload that passed on any leg. */
size_t chain_payload_max(const chain *of);

#endif
