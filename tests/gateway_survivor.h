/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_GATEWAY_SURVIVOR_H
#define TALC_TESTS_GATEWAY_SURVIVOR_H

/** A talc-proxy as a process whose memory and descriptors are measured, between an HTTP origin and
 * a CoAP origin that misbehave on demand, and good requests that have to pass whatever happened.
 * One of them at a time. Everything that goes wrong fails the running test. */

#include "tests/coap_wire.h"
#include "tests/gateway_process.h"

#define SURVIVOR_GOOD_EVERY 20 /* others; below what may wait for one origin */
#define SURVIVOR_PATIENCE_MS 20000

typedef struct gateway_survivor {
    started_program gateway, http_origin, coap_origin;
    uint16_t coap_port, http_port; /**< of the gateway; it waits 2 s for an origin or a request */
    process_usage before;          /**< after the first good requests */
} gateway_survivor;

extern gateway_survivor survivor;

/** Group set-up and tear-down of cmocka. */
int survivor_start(void **state);
int survivor_stop(void **state);

/** A good request passes: from CoAP to HTTP, from HTTP to CoAP, and both. */
void survivor_passes_coap(void);
void survivor_passes_http(void);
void survivor_passes(void);

/** The same, and what the gateway takes is within its bounds, at once or as soon as connections
 * that were left have ended. Sanitizers keep freed memory, so there memory is told only. */
void survivor_expect_bounds(const char *what);

/** Below `limit`; the same numbers in every run. */
size_t survivor_random(size_t limit);

/** A connected socket to a port of 127.0.0.1: SOCK_DGRAM or SOCK_STREAM. */
int survivor_connect(uint16_t port, int kind);

/** A GET by Proxy-Uri of a path of the HTTP origin, with an id and a token of its own. */
void survivor_write_request(wire_message *request, const char *path);

/** Sends a request, repeats it as CoAP does, and waits for its response. */
void survivor_await_response(int asking, const wire_message *request, wire_message *response);

/** Reads, with a NUL behind, until the other side ends the connection or nothing comes. */
size_t survivor_read_to_end(int connected, char *text, size_t capacity);

#endif
