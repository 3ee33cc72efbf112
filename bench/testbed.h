/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_TESTBED_H
#define TALC_BENCH_TESTBED_H

/** All that a client of any mode needs: servers, paths to them, and credentials. */

#include "bench/hosts.h"
#include "bench/modes.h"
#include "bench/relays.h"
#include "talc/client.h"

typedef struct testbed {
    hosts *servers;
    relays *paths;
    credentials clients[MODES];
    bool is_served[MODES]; /**< the library has the mode; else `refusals` says what it said */
    talc_failure refusals[MODES];
} testbed;

/** Starts it all, with the credentials of the folder; for each mode tries to make a client. On TALC_OK
 * to be closed. */
talc_status testbed_open(testbed *opened, const char *folder, talc_failure *failure);
void testbed_close(testbed *closed);

/** A client of this mode that talks to `port` of 127.0.0.1 and waits at most `timeout_ms`. `tickets`
 * may be NULL. As talc_client_new(). */
typedef struct testbed_client {
    mode_name mode;
    uint16_t port;
    talc_tickets *tickets;
    uint32_t timeout_ms;
} testbed_client;

talc_status testbed_client_new(const testbed *of, const testbed_client *wanted,
                               talc_client **client, talc_failure *failure);

#endif
