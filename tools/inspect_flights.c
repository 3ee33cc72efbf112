/* SPDX-License-Identifier: MIT */
#include "tools/inspect_flights.h"

#include <string.h>

static bool counts(const inspect_sighting *sighting)
{
    return sighting->range_size > 0 && !sighting->is_retransmission;
}

static void add(inspect_flight *flight, const inspect_sighting *sighting)
{
    flight->envelopes++;
    flight->repeats += sighting->added == 0;
    flight->raw += sighting->added;
    flight->body_bytes += sighting->body_size;
}

bool inspect_flight_next(const inspect_session *session, inspect_flight_cursor *cursor,
                         inspect_flight *flight)
{
    size_t i = cursor->sighting;
    while (i < session->sighting_count && !counts(&session->sightings[i])) {
        i++;
    }
    memset(flight, 0, sizeof *flight);
    if (i == session->sighting_count) {
        return false;
    }
    flight->direction = session->sightings[i].direction;
    flight->time_us = session->sightings[i].time_us;
    for (; i < session->sighting_count; i++) {
        if (!counts(&session->sightings[i])) {
            continue;
        }
        if (session->sightings[i].direction != flight->direction) {
            break;
        }
        add(flight, &session->sightings[i]);
    }
    cursor->sighting = i;
    const inspect_stream *stream = &session->streams[flight->direction];
    size_t *record = &cursor->records[flight->direction];
    flight->record = *record;
    while (*record < stream->record_count && stream->records[*record].sighting < i) {
        (*record)++;
    }
    flight->record_count = *record - flight->record;
    return true;
}

void inspect_summarize(const inspect_session *session, inspect_summary *summary)
{
    memset(summary, 0, sizeof *summary);
    for (size_t i = 0; i < session->sighting_count; i++) {
        uint64_t time_us = session->sightings[i].time_us;
        summary->first_us = i == 0 || time_us < summary->first_us ? time_us : summary->first_us;
        summary->last_us = time_us > summary->last_us ? time_us : summary->last_us;
    }
    for (size_t i = 0; i < session->exchange_count; i++) {
        const inspect_exchange *exchange = &session->exchanges[i];
        summary->round_trips += exchange->is_asked && exchange->is_answered;
        summary->unanswered += exchange->is_asked && !exchange->is_answered;
    }
}
