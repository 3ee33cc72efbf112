/* SPDX-License-Identifier: MIT */
#include "lib/send_stream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "records/record.h"

#define ROUND_TRIP_GUESS_MS 1000u
#define ROUND_TRIP_MAX_MS 10000u

void talc_send_stream_init(talc_send_stream *stream)
{
    memset(stream, 0, sizeof *stream);
    stream->keeps_all = true;
    stream->round_trip_ms = ROUND_TRIP_GUESS_MS;
}

void talc_send_stream_free(talc_send_stream *stream)
{
    free(stream->bytes);
    stream->bytes = NULL;
    stream->size = stream->capacity = 0;
}

uint64_t talc_send_stream_end(const talc_send_stream *stream)
{
    return stream->base + stream->size;
}

static talc_status grow(talc_send_stream *stream, size_t wanted)
{
    size_t capacity = stream->capacity == 0 ? 1024 : stream->capacity;
    while (capacity < wanted) {
        if (capacity > SIZE_MAX / 2) {
            return TALC_ERROR_MEMORY;
        }
        capacity *= 2;
    }
    if (capacity == stream->capacity) {
        return TALC_OK;
    }
    uint8_t *bytes = realloc(stream->bytes, capacity);
    if (bytes == NULL) {
        return TALC_ERROR_MEMORY;
    }
    stream->bytes = bytes;
    stream->capacity = capacity;
    return TALC_OK;
}

talc_status talc_send_stream_append(talc_send_stream *stream, const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return TALC_OK;
    }
    if (size > SIZE_MAX / 2 - stream->size) {
        return TALC_ERROR_MEMORY;
    }
    talc_status status = grow(stream, stream->size + size);
    if (status != TALC_OK) {
        return status;
    }
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
    return TALC_OK;
}

/* The kept record that holds `offset`, or the one that begins there. */
static bool find_record(const talc_send_stream *stream, uint64_t offset, size_t *start,
                        talc_record_header *header)
{
    size_t at = 0;
    while (talc_record_header_parse(stream->bytes + at, stream->size - at, header) == TALC_OK) {
        size_t whole = TALC_RECORD_HEADER_SIZE + (size_t)header->length;
        if (whole > stream->size - at) {
            return false;
        }
        if (offset < stream->base + at + whole) {
            *start = at;
            return true;
        }
        at += whole;
    }
    return false;
}

/* Frees the records that lie wholly below `acknowledged`. */
static void release(talc_send_stream *stream)
{
    size_t start;
    talc_record_header header;
    size_t freed = (size_t)(stream->acknowledged - stream->base);
    if (freed < stream->size && find_record(stream, stream->acknowledged, &start, &header)) {
        freed = start;
    }
    if (stream->keeps_all || freed == 0) {
        return;
    }
    memmove(stream->bytes, stream->bytes + freed, stream->size - freed);
    stream->size -= freed;
    stream->base += freed;
}

static void drop_first_mark(talc_send_stream *stream)
{
    stream->mark_count--;
    memmove(stream->marks, stream->marks + 1, stream->mark_count * sizeof stream->marks[0]);
}

static void measure(talc_send_stream *stream, uint64_t sent_ms, uint64_t now_ms)
{
    uint64_t sample = now_ms - sent_ms;
    if (sample > ROUND_TRIP_MAX_MS) {
        sample = ROUND_TRIP_MAX_MS;
    }
    stream->round_trip_ms = (uint32_t)((7u * (uint64_t)stream->round_trip_ms + sample) / 8u);
}

talc_status talc_send_stream_acknowledge(talc_send_stream *stream, uint64_t offset, uint64_t now_ms)
{
    if (offset > stream->carried) {
        return TALC_ERROR_PROTOCOL;
    }
    if (offset > stream->acknowledged || (stream->keeps_all && offset >= stream->base)) {
        stream->acknowledged = offset;
        while (stream->mark_count > 0 && stream->marks[0].end <= offset) {
            measure(stream, stream->marks[0].sent_ms, now_ms);
            drop_first_mark(stream);
        }
    }
    release(stream);
    return TALC_OK;
}

void talc_send_stream_carry(talc_send_stream *stream, uint64_t start, uint64_t end, uint64_t now_ms)
{
    if (start <= stream->acknowledged) {
        /* Sent again from the first missing byte on: what these marks said is out of date. */
        while (stream->mark_count > 0 && stream->marks[0].end <= end) {
            drop_first_mark(stream);
        }
    }
    if (end > stream->carried) {
        stream->carried = end;
    }
    if (end <= stream->acknowledged) {
        return;
    }
    size_t at = 0;
    while (at < stream->mark_count && stream->marks[at].end < end) {
        at++;
    }
    if (at < stream->mark_count) {
        /* Part of a longer range that is still in flight: only the part has a new time. */
        if (stream->mark_count == TALC_SEND_MARKS) {
            return;
        }
        memmove(stream->marks + at + 1, stream->marks + at,
                (stream->mark_count - at) * sizeof stream->marks[0]);
        stream->marks[at] = (talc_send_mark){ end, now_ms };
        stream->mark_count++;
        return;
    }
    if (stream->mark_count == TALC_SEND_MARKS) {
        stream->marks[TALC_SEND_MARKS - 1].end = end;
        return;
    }
    stream->marks[stream->mark_count++] = (talc_send_mark){ end, now_ms };
}

bool talc_send_stream_is_overdue(const talc_send_stream *stream, uint64_t now_ms)
{
    return stream->mark_count > 0 &&
           now_ms - stream->marks[0].sent_ms >= stream->round_trip_ms;
}

bool talc_send_stream_view(const talc_send_stream *stream, uint64_t offset, talc_record_view *view)
{
    size_t start;
    talc_record_header header;
    if (stream->size == 0 || offset < stream->base || !find_record(stream, offset, &start, &header)) {
        return false;
    }
    size_t into = (size_t)(offset - stream->base) - start;
    size_t skipped = into > TALC_RECORD_HEADER_SIZE ? into - TALC_RECORD_HEADER_SIZE : 0;
    view->type = header.type;
    view->version = header.version;
    view->length = header.length;
    view->continues = into >= TALC_RECORD_HEADER_SIZE;
    view->fragment = stream->bytes + start + TALC_RECORD_HEADER_SIZE + skipped;
    view->fragment_size = header.length - skipped;
    view->end = stream->base + start + TALC_RECORD_HEADER_SIZE + header.length;
    return true;
}
