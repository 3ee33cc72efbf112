/* SPDX-License-Identifier: MIT */
#include "lib/sighting.h"

#include <stdlib.h>
#include <string.h>

#include "records/record.h"

void talc_sightings_free(talc_sightings *sightings)
{
    free(sightings->in_bytes);
    sightings->in_bytes = NULL;
    sightings->in_size = 0;
    sightings->observer.see = NULL;
}

static void show(const talc_sightings *sightings, const talc_sighting *sighting)
{
    sightings->observer.see(sightings->observer.context, sighting);
}

void talc_sightings_sent(talc_sightings *sightings, const talc_send_stream *stream, uint64_t end,
                         const talc_sighting *like)
{
    talc_record_view view;
    while (sightings->observer.see != NULL && sightings->out_offset < end &&
           talc_send_stream_view(stream, sightings->out_offset, &view) && view.end <= end) {
        talc_sighting sighting = *like;
        sighting.is_outgoing = true;
        sighting.offset = sightings->out_offset;
        sighting.record = view.fragment - TALC_RECORD_HEADER_SIZE;
        sighting.record_size = view.fragment_size + TALC_RECORD_HEADER_SIZE;
        show(sightings, &sighting);
        sightings->out_offset = view.end;
    }
}

/* Shows the record that begins the buffer; false if it is not whole. */
static bool show_received(talc_sightings *sightings, const talc_sighting *like, size_t *at)
{
    talc_record_header header;
    size_t left = sightings->in_size - *at;
    if (talc_record_header_parse(sightings->in_bytes + *at, left, &header) != TALC_OK ||
        left < TALC_RECORD_HEADER_SIZE + (size_t)header.length) {
        return false;
    }
    talc_sighting sighting = *like;
    sighting.is_outgoing = false;
    sighting.offset = sightings->in_offset;
    sighting.record = sightings->in_bytes + *at;
    sighting.record_size = TALC_RECORD_HEADER_SIZE + (size_t)header.length;
    show(sightings, &sighting);
    sightings->in_offset += sighting.record_size;
    *at += sighting.record_size;
    return true;
}

void talc_sightings_take_back(talc_sightings *sightings, size_t size)
{
    sightings->in_size -= size < sightings->in_size ? size : sightings->in_size;
}

void talc_sightings_received(talc_sightings *sightings, const uint8_t *bytes, size_t size,
                             const talc_sighting *like)
{
    if (sightings->observer.see == NULL || size == 0) {
        return;
    }
    uint8_t *grown = realloc(sightings->in_bytes, sightings->in_size + size);
    if (grown == NULL) {
        talc_sightings_free(sightings);
        return;
    }
    memcpy(grown + sightings->in_size, bytes, size);
    sightings->in_bytes = grown;
    sightings->in_size += size;
    size_t at = 0;
    while (show_received(sightings, like, &at)) {
    }
    sightings->in_size -= at;
    memmove(grown, grown + at, sightings->in_size);
}
