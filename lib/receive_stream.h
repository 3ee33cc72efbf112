/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_RECEIVE_STREAM_H
#define TALC_LIB_RECEIVE_STREAM_H

/**
 * What the other side sends, brought into order: each byte reaches the engine once, whatever the
 * path repeated, reordered or cut differently. A range that begins later is held, within bounds.
 */

#include <stdbool.h>

#include "talc/status.h"

#define TALC_RECEIVE_HELD_MAX 4         /**< ranges held */
#define TALC_RECEIVE_WINDOW_SIZE 32768u /**< bytes beyond the first missing one */

typedef struct talc_range {
    uint64_t offset;
    size_t size;
    uint8_t *bytes; /**< owned where the stream holds it */
} talc_range;

typedef struct talc_receive_stream {
    uint64_t next; /**< offset of the first byte that has not arrived: our acknowledgement */
    size_t held_count;
    talc_range held[TALC_RECEIVE_HELD_MAX];
} talc_receive_stream;

/** Takes bytes in order. An error ends the stream: nothing more is delivered. */
typedef talc_status talc_deliver(void *context, const uint8_t *bytes, size_t size);

typedef struct talc_receiver {
    talc_deliver *deliver;
    void *context;
    bool may_hold; /**< the peer vouches for the range. What anybody may have written is not kept:
                        it would go off once the stream gets there */
} talc_receiver;

void talc_receive_stream_init(talc_receive_stream *stream);
void talc_receive_stream_free(talc_receive_stream *stream);

/**
 * Takes a range of an envelope, which stays the caller's: skips what was had before, delivers what is next, then what was
 * held and has become next; holds what is later, if it may, and drops what lies beyond the window or does
 * not fit. TALC_OK, or what `deliver` returned; then what was held has been thrown away.
 */
talc_status talc_receive_stream_take(talc_receive_stream *stream, const talc_range *range,
                                     const talc_receiver *receiver);

/** The last `size` bytes that were delivered count as not arrived and have to come again. Only from
 * within `deliver`. */
void talc_receive_stream_take_back(talc_receive_stream *stream, size_t size);

#endif
