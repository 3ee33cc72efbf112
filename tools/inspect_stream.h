/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_STREAM_H
#define TALC_TOOLS_INSPECT_STREAM_H

/**
 * The bytes of one direction of a session, put together from ranges that were seen in any order,
 * repeated, cut differently, or changed; and the records in them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/record.h"

/** Bytes that a range added, in their place. Chunks never overlap. */
typedef struct inspect_chunk {
    uint64_t offset;
    size_t size;
    size_t sighting; /**< number of the sighting that brought them */
    bool begins_record;
    uint8_t *bytes; /**< owned */
} inspect_chunk;

typedef struct inspect_record {
    uint64_t offset; /**< of its header */
    talc_record_header header;
    size_t sighting;         /**< that brought the last byte that was missing up to its end */
    uint8_t digest[32];      /**< SHA-256 of the fragment */
    const uint8_t *fragment; /**< the stream's; header.length bytes */
    char name[96];           /**< what can be read of it, "" if nothing */
} inspect_record;

/** A piece of the stream that is whole, from one gap to the next. */
typedef struct inspect_run {
    uint64_t offset;
    size_t size;
    uint8_t *bytes; /**< owned */
} inspect_run;

typedef struct inspect_stream {
    inspect_chunk *chunks; /**< in the order of their offsets */
    size_t chunk_count;
    inspect_run *runs; /**< after inspect_stream_finish() */
    size_t run_count;
    inspect_record *records; /**< likewise, in order */
    size_t record_count;
    size_t byte_count;      /**< each byte once */
    uint64_t broken_offset; /**< after finish: where the first header stands that is none */
    bool is_broken;
} inspect_stream;

/** A range as an envelope carried it. */
typedef struct inspect_range {
    uint64_t offset;
    const uint8_t *bytes;
    size_t size;
    bool begins_record; /**< false: its first bytes go on with a fragment */
    size_t sighting;
} inspect_range;

typedef struct inspect_intake {
    size_t added;            /**< bytes that were not there */
    size_t changed;          /**< bytes that were there and had other values: the first ones stay */
    uint64_t changed_offset; /**< of the first of them */
} inspect_intake;

/** Takes a range. False: no memory, or more pieces than it keeps. */
bool inspect_stream_take(inspect_stream *stream, const inspect_range *range,
                         inspect_intake *intake);

/** Puts the chunks together and finds the records. False: no memory. */
bool inspect_stream_finish(inspect_stream *stream);

void inspect_stream_free(inspect_stream *stream);

#endif
