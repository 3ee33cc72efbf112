/* SPDX-License-Identifier: MIT */
#include "lib/receive_stream.h"

#include <stdlib.h>
#include <string.h>

void talc_receive_stream_init(talc_receive_stream *stream)
{
    memset(stream, 0, sizeof *stream);
}

void talc_receive_stream_free(talc_receive_stream *stream)
{
    for (size_t i = 0; i < stream->held_count; i++) {
        free(stream->held[i].bytes);
    }
    stream->held_count = 0;
}

static void hold(talc_receive_stream *stream, const talc_range *range)
{
    uint64_t ahead = range->offset - stream->next;
    if (stream->held_count == TALC_RECEIVE_HELD_MAX || ahead > TALC_RECEIVE_WINDOW_SIZE ||
        range->size > TALC_RECEIVE_WINDOW_SIZE - ahead) {
        return;
    }
    uint8_t *bytes = malloc(range->size);
    if (bytes == NULL) {
        return;
    }
    memcpy(bytes, range->bytes, range->size);
    stream->held[stream->held_count++] = (talc_range){ range->offset, range->size, bytes };
}

static talc_status deliver(talc_receive_stream *stream, const talc_range *range,
                           const talc_receiver *receiver)
{
    if (range->size <= stream->next - range->offset) {
        return TALC_OK;
    }
    size_t had = (size_t)(stream->next - range->offset);
    stream->next = range->offset + range->size;
    return receiver->deliver(receiver->context, range->bytes + had, range->size - had);
}

/* Takes a held range out that has become next; the caller frees its bytes. */
static bool next_held(talc_receive_stream *stream, talc_range *range)
{
    for (size_t i = 0; i < stream->held_count; i++) {
        if (stream->held[i].offset <= stream->next) {
            *range = stream->held[i];
            stream->held[i] = stream->held[--stream->held_count];
            return true;
        }
    }
    return false;
}

talc_status talc_receive_stream_take(talc_receive_stream *stream, const talc_range *range,
                                     const talc_receiver *receiver)
{
    if (range->size == 0) {
        return TALC_OK;
    }
    if (range->offset > stream->next) {
        if (receiver->may_hold) {
            hold(stream, range);
        }
        return TALC_OK;
    }
    talc_range held;
    talc_status status = deliver(stream, range, receiver);
    while (status == TALC_OK && next_held(stream, &held)) {
        status = deliver(stream, &held, receiver);
        free(held.bytes);
    }
    if (status != TALC_OK) {
        talc_receive_stream_free(stream);
    }
    return status;
}

void talc_receive_stream_take_back(talc_receive_stream *stream, size_t size)
{
    stream->next -= size < stream->next ? size : stream->next;
}
