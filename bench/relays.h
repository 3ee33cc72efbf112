/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_RELAYS_H
#define TALC_BENCH_RELAYS_H

/**
 * The paths between clients and servers: a thread that runs any number of tests/relay.h, each for one
 * client, to the microsecond. All calls may come from one other thread.
 */

#include <stdio.h>

#include "tests/relay.h"

typedef struct relays relays;   /**< the thread and its relays */
typedef struct relayed relayed; /**< one of them */

/** What a path does to datagrams, half of the round trip in each direction. */
typedef struct relay_path {
    unsigned round_trip_ms;
    double loss; /**< probabilities, from the seed */
    double duplication;
    double reordering; /**< of arriving half a round trip, at least 1 ms, later than it would */
    uint64_t seed;
} relay_path;

/** What passed a relay: as sent, lost datagrams counted, the relay's own copies not. */
typedef struct relay_traffic {
    relay_counts up;
    relay_counts down;
    unsigned round_trips; /**< how often a datagram down followed one up */
} relay_traffic;

/** NULL if the system gives no thread or socket. */
relays *relays_start(void);

/** Ends the thread and all relays. NULL is allowed. */
void relays_stop(relays *all);

/** A path to a port of 127.0.0.1. NULL if the system gives no socket. */
relayed *relays_add(relays *all, const relay_path *path, uint16_t server_port);

/** Ends one. NULL is allowed. */
void relays_remove(relays *all, relayed *one);

/** Where its client sends to. */
uint16_t relays_port(const relayed *one);

relay_traffic relays_traffic(relays *all, const relayed *one);
void relays_traffic_reset(relays *all, relayed *one);

/** Prints what has passed since the last reset, a line for each of the first 64 datagrams. */
void relays_timeline_print(relays *all, const relayed *one, FILE *file);

/** How long a datagram of 64 bytes takes through such a path and back, when what it reaches answers
 * at once; milliseconds, median of `count`; NAN if one does not come back within a second. */
double relays_echo_ms(relays *all, unsigned round_trip_ms, size_t count);

#endif
