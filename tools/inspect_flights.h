/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_FLIGHTS_H
#define TALC_TOOLS_INSPECT_FLIGHTS_H

/** Flights: what one side says until the other says something, envelope by envelope. */

#include "tools/inspection.h"

typedef struct inspect_flight {
    inspect_direction direction;
    uint64_t time_us;    /**< of its first envelope */
    size_t envelopes;    /**< with records; retransmissions left out */
    size_t repeats;      /**< of them, such that brought nothing new */
    size_t raw;          /**< bytes of the stream that it brought */
    uint64_t body_bytes; /**< of its envelopes; 0 in a journal */
    size_t record;       /**< number of its first record in the stream of the direction */
    size_t record_count; /**< that it completed */
} inspect_flight;

typedef struct inspect_flight_cursor {
    size_t sighting;
    size_t records[2];
} inspect_flight_cursor;

/** The next flight of a session, from a cursor that begins all zero. False: there are no more. */
bool inspect_flight_next(const inspect_session *session, inspect_flight_cursor *cursor,
                         inspect_flight *flight);

/** What a session amounts to. */
typedef struct inspect_summary {
    uint64_t first_us;
    uint64_t last_us;
    size_t round_trips; /**< requests that were answered */
    size_t unanswered;
} inspect_summary;

void inspect_summarize(const inspect_session *session, inspect_summary *summary);

#endif
