/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_SIGHTING_H
#define TALC_LIB_SIGHTING_H

/**
 * What a session shows of its records to somebody who keeps a journal: each record once, as it is
 * put into an envelope for the first time, or when its last byte has arrived in order.
 */

#include "lib/send_stream.h"

typedef struct talc_sighting {
    const uint8_t *session_id; /**< TALC_SESSION_ID_SIZE bytes */
    bool is_outgoing;
    uint64_t request; /**< `i` of the envelope */
    uint64_t offset;  /**< of the record in its stream */
    uint64_t now_ms;
    const uint8_t *record; /**< header and fragment */
    size_t record_size;
} talc_sighting;

typedef struct talc_observer {
    void (*see)(void *context, const talc_sighting *sighting); /**< NULL: nobody looks */
    void *context;
} talc_observer;

typedef struct talc_sightings {
    talc_observer observer;
    uint64_t out_offset; /**< up to here records were shown */
    uint64_t in_offset;
    uint8_t *in_bytes; /**< owned: a record that has not arrived wholly */
    size_t in_size;
} talc_sightings;

void talc_sightings_free(talc_sightings *sightings);

/** Shows the records of the stream below `end` that were not shown before; they must be kept still.
 * `like` gives what all of them share. */
void talc_sightings_sent(talc_sightings *sightings, const talc_send_stream *stream, uint64_t end,
                         const talc_sighting *like);

/** The last `size` bytes that arrived count as not arrived; they were part of no record that was
 * shown. */
void talc_sightings_take_back(talc_sightings *sightings, size_t size);

/** Takes the bytes that arrive in order and shows the records that are whole. Out of memory, it
 * stops looking. */
void talc_sightings_received(talc_sightings *sightings, const uint8_t *bytes, size_t size,
                             const talc_sighting *like);

#endif
