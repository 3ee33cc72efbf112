/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_WHO_ASKS_H
#define TALC_TESTS_WHO_ASKS_H

/**
 * A pair (pair.h) whose server notes who asks, one request in each session: what both sides make of a
 * session that may have been resumed. Include it after cmocka.h.
 */

#include <time.h>

#include "tests/pair.h"

#define WHO_CLOSE_MS 10000u

typedef struct who_sight {
    talc_peer peer;
    talc_session_info session;
} who_sight;

extern who_sight who_at_server; /**< what the handler saw last */
extern who_sight who_at_client; /**< what the client saw in the same session */

/** How far the date in this program is ahead, which certificates are held against: time() of the C
 * library is replaced for all that is linked to this. Clocks that only go on are not moved by it. */
extern time_t who_ahead_s;

/** A pair of TLS 1.3, and no more ahead of time. */
void who_begin(test_pair *pair, const pair_credentials *credentials);

/** A store for the clients that are made from now on, and the caller's. */
talc_tickets *who_new_store(test_pair *pair);

void who_start(test_pair *pair);
void who_restart_server(test_pair *pair);

/** One request; its status. */
talc_status who_asks(test_pair *pair, talc_client *client);

/** One request in a session of its own, which has to be answered; both sides have to say of the session
 * that it was resumed, or that it was not. */
void who_asks_anew(test_pair *pair, talc_client *client, int is_resumed);

#endif
