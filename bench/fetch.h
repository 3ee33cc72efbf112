/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_FETCH_H
#define TALC_BENCH_FETCH_H

/** `GET index` by a client of its own, over a path of its own: once with a fresh session, then as
 * often as wanted in the same one. */

#include "bench/testbed.h"

typedef struct fetch {
    /* what is wanted */
    mode_name mode;
    bool is_direct;  /**< without a relay: nothing is known of the traffic then */
    relay_path path; /**< otherwise */

    /* what came of the last request */
    talc_status status; /**< TALC_PENDING while it is under way. TALC_OK: what the server says has
                             come, in a session that was resumed if it should be */
    double time_ms;     /**< from the call that sends it to the callback that brings the response */
    relay_traffic traffic; /**< of this request, when its response was there */
    talc_failure failure;

    /* inside */
    const testbed *on;
    relayed *relay;
    talc_client *client;
    talc_tickets *tickets;
    bool is_earlier; /* it only gets the ticket for another one */
    uint64_t begun_ns;
    uint64_t due_ns; /* when the client wants to be called even if nothing arrives */
} fetch;

#define FETCH_TIMEOUT_MS 120000u /**< what takes longer hangs */

/** What a fetch of a row that is resumed needs: a ticket, by a full handshake of another client, without
 * a relay. fetch_open() does it unless it was done. Returns as that. */
talc_status fetch_prepare(fetch *prepared, const testbed *on);

/** Makes the path and the client, sends nothing. On an error `status` and `failure` tell. fetch_end()
 * in any case. */
talc_status fetch_open(fetch *opened, const testbed *on);

/** Sends a request; false if that is refused. */
bool fetch_send(fetch *sent);

/** Waits for all of them that are under way; at most `wait_ms`, or until one of them is done. NULLs are
 * passed over. */
void fetch_turn(fetch *const *all, size_t count, uint32_t wait_ms);

/** fetch_send(), and fetch_turn() until it is done. True if it was answered. */
bool fetch_again(fetch *sent);

/** Waits until nothing has passed for 30 ms longer than a round trip, and counts that to the traffic of
 * the last request. */
void fetch_settle(fetch *settled);

/** Ends the session without a word, and the path. What came of the request stays. */
void fetch_end(fetch *ended);

#endif
