/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_SEND_STREAM_H
#define TALC_LIB_SEND_STREAM_H

/**
 * What this side sends: one stream of TLS record bytes, kept until the other side has it.
 *
 *        base         acknowledged         carried             end
 *   freed | kept whole      | in envelopes     | never sent yet   |
 *
 * Invariants: base <= acknowledged <= carried <= end; base is always the start of a record, so
 * record boundaries are found by walking headers from there.
 */

#include <stdbool.h>

#include "talc/status.h"

/** When the bytes below `end` were last put into an envelope. */
typedef struct talc_send_mark {
    uint64_t end;
    uint64_t sent_ms;
} talc_send_mark;

/** Two envelopes may be open; more marks than that are merged into the last. */
#define TALC_SEND_MARKS 4

typedef struct talc_send_stream {
    uint8_t *bytes; /**< owned; from `base` on */
    size_t size;
    size_t capacity;
    uint64_t base;
    uint64_t acknowledged;
    uint64_t carried;
    bool keeps_all; /**< until the peer's first right guard tag nothing is freed and `acknowledged`
                         is what the last envelope said, also if that is less: anyone could have
                         written the one before */
    talc_send_mark marks[TALC_SEND_MARKS];
    size_t mark_count;
    uint32_t round_trip_ms; /**< smoothed, from mark to acknowledgement */
} talc_send_stream;

/** The part of a record from some offset on. */
typedef struct talc_record_view {
    uint8_t type;
    uint16_t version;
    uint16_t length;         /**< of the whole fragment */
    bool continues;          /**< the view begins inside the fragment */
    const uint8_t *fragment; /**< into the stream */
    size_t fragment_size;    /**< bytes of the fragment from the view's begin to its end */
    uint64_t end;            /**< offset behind the record */
} talc_record_view;

void talc_send_stream_init(talc_send_stream *stream);
void talc_send_stream_free(talc_send_stream *stream);

/** Appends engine output; never refused for its size. TALC_ERROR_MEMORY. */
talc_status talc_send_stream_append(talc_send_stream *stream, const uint8_t *bytes, size_t size);

/** Offset behind the last byte. */
uint64_t talc_send_stream_end(const talc_send_stream *stream);

/** Takes a cumulative acknowledgement. An older one is no news, but while keeps_all is set.
 * TALC_ERROR_PROTOCOL: beyond what was ever put into an envelope. */
talc_status talc_send_stream_acknowledge(talc_send_stream *stream, uint64_t offset,
                                         uint64_t now_ms);

/** Notes that an envelope carries [start, end). */
void talc_send_stream_carry(talc_send_stream *stream, uint64_t start, uint64_t end,
                            uint64_t now_ms);

/** Whether the oldest unacknowledged byte was sent longer than a round trip ago. */
bool talc_send_stream_is_overdue(const talc_send_stream *stream, uint64_t now_ms);

/** The record at `offset`, or the rest of it. An offset inside a header means the record's start.
 * False if there is no whole record there. */
bool talc_send_stream_view(const talc_send_stream *stream, uint64_t offset,
                           talc_record_view *view);

#endif
