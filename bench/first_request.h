/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_FIRST_REQUEST_H
#define TALC_BENCH_FIRST_REQUEST_H

/** A handshake and the first request and response, by the public calls: in memory for processor
 * time and heap, over UDP and CoAP for what the wire carries. */

#include "bench/handshake_alone.h"
#include "talc/talc.h"
#include "tests/relay.h"

/** One session in memory. */
typedef struct first_request {
    unsigned handshake_exchanges; /**< until the client's handshake was over */
    unsigned exchanges;           /**< until the response was there */
    uint64_t record_bytes;        /**< both directions, as TLS would write them to TCP */
    uint64_t envelope_bytes;      /**< the same as bodies */
    double client_cpu_us;
    double server_cpu_us;
} first_request;

/** What one more session takes on each side, without the carrier's share. */
typedef struct session_heap {
    size_t client_peak_bytes;
    size_t server_peak_bytes;
    size_t client_idle_bytes; /**< once the response is there */
    size_t server_idle_bytes;
} session_heap;

/** UDP payload. */
typedef struct wire {
    relay_counts up; /**< client to server */
    relay_counts down;
} wire;

/** A server in memory that serves one client after the other. */
typedef struct memory_server memory_server;

talc_status memory_server_new(memory_server **server, const handshake_case *measured,
                              talc_failure *failure);
void memory_server_free(memory_server *server);

/** A new client does its first request, and is freed. `heap` may be NULL; it is filled while
 * heap_watch() is on. */
talc_status first_request_run(memory_server *server, first_request *result, session_heap *heap,
                              talc_failure *failure);

/** The parts of it: a server with the resource that is asked for, on this address, and the request.
 * `*server` is the caller's, on an error too. Return as talc_server_listen() and
 * talc_client_send(). */
talc_status first_request_serve(talc_server **server, const talc_config *config, const char *uri);
talc_status first_request_send(talc_client *client, talc_response_callback *callback,
                               void *context);

/** The same over real sockets with a relay between. */
talc_status first_request_wire(const handshake_case *measured, wire *result, talc_failure *failure);

#endif
