/* SPDX-License-Identifier: MIT */
#include "tools/inspect_stream.h"

#include <string.h>

#include "lib/crypto.h"
#include "tools/array.h"

#define CHUNKS_MAX 1000000u
#define RECORDS_MAX 1000000u

static uint64_t end_of(const inspect_chunk *chunk)
{
    return chunk->offset + chunk->size;
}

/* The first chunk that ends behind `offset`. */
static size_t find_chunk(const inspect_stream *stream, uint64_t offset)
{
    size_t low = 0;
    size_t high = stream->chunk_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (end_of(&stream->chunks[middle]) <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Puts the bytes from..to of the range before the chunk with this number. */
static bool insert_chunk(inspect_stream *stream, size_t place, const inspect_range *range,
                         size_t from, size_t to)
{
    if (!array_grow((void **)&stream->chunks, stream->chunk_count, sizeof *stream->chunks,
                    CHUNKS_MAX)) {
        return false;
    }
    uint8_t *bytes = malloc(to - from);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, range->bytes + from, to - from);
    inspect_chunk *chunk = &stream->chunks[place];
    memmove(chunk + 1, chunk, (stream->chunk_count - place) * sizeof *chunk);
    *chunk = (inspect_chunk){ range->offset + from, to - from, range->sighting,
                              from == 0 && range->begins_record, bytes };
    stream->chunk_count++;
    stream->byte_count += to - from;
    return true;
}

/* Compares what the two share, from byte `from` of the range on; returns the end of that. */
static size_t compare(const inspect_chunk *chunk, const inspect_range *range, size_t from,
                      inspect_intake *intake)
{
    size_t skip = (size_t)(range->offset + from - chunk->offset);
    size_t shared = chunk->size - skip;
    shared = shared < range->size - from ? shared : range->size - from;
    for (size_t i = 0; i < shared; i++) {
        if (chunk->bytes[skip + i] != range->bytes[from + i]) {
            if (intake->changed == 0) {
                intake->changed_offset = range->offset + from + i;
            }
            intake->changed++;
        }
    }
    return from + shared;
}

bool inspect_stream_take(inspect_stream *stream, const inspect_range *range, inspect_intake *intake)
{
    size_t from = 0;
    memset(intake, 0, sizeof *intake);
    for (size_t i = find_chunk(stream, range->offset); from < range->size; i++) {
        uint64_t at = range->offset + from;
        bool is_last = i == stream->chunk_count;
        if (is_last || stream->chunks[i].offset > at) {
            uint64_t gap = is_last ? range->size - from : stream->chunks[i].offset - at;
            size_t size = gap < range->size - from ? (size_t)gap : range->size - from;
            if (!insert_chunk(stream, i, range, from, from + size)) {
                return false;
            }
            intake->added += size;
            from += size;
        } else {
            from = compare(&stream->chunks[i], range, from, intake);
        }
    }
    return true;
}

/* ---------------------------------------------------------------- putting together */

/* The chunks from `first` on that follow each other without a gap; returns the one behind. */
static size_t measure_run(const inspect_stream *stream, size_t first, size_t *size)
{
    size_t i = first;
    *size = 0;
    do {
        *size += stream->chunks[i].size;
        i++;
    } while (i < stream->chunk_count && stream->chunks[i].offset == end_of(&stream->chunks[i - 1]));
    return i;
}

static bool add_run(inspect_stream *stream, size_t first, size_t behind, size_t size)
{
    if (!array_grow((void **)&stream->runs, stream->run_count, sizeof *stream->runs, CHUNKS_MAX)) {
        return false;
    }
    uint8_t *bytes = malloc(size);
    if (bytes == NULL) {
        return false;
    }
    stream->runs[stream->run_count++] = (inspect_run){ stream->chunks[first].offset, size, bytes };
    for (size_t i = first, at = 0; i < behind; i++) {
        memcpy(bytes + at, stream->chunks[i].bytes, stream->chunks[i].size);
        at += stream->chunks[i].size;
        free(stream->chunks[i].bytes);
        stream->chunks[i].bytes = NULL;
    }
    return true;
}

/* Where records can be read from: the first chunk that begins with one. */
static size_t find_first_record(const inspect_stream *stream, size_t first, size_t behind)
{
    size_t skipped = 0;
    for (size_t i = first; i < behind && !stream->chunks[i].begins_record; i++) {
        skipped += stream->chunks[i].size;
    }
    return skipped;
}

/* Walks forward with the records: the latest sighting of the chunks up to an offset. */
typedef struct sighting_walk {
    size_t chunk;
    size_t latest;
} sighting_walk;

static size_t latest_sighting(const inspect_stream *stream, sighting_walk *walk, uint64_t end)
{
    while (walk->chunk < stream->chunk_count && stream->chunks[walk->chunk].offset < end) {
        size_t sighting = stream->chunks[walk->chunk].sighting;
        walk->latest = sighting > walk->latest ? sighting : walk->latest;
        walk->chunk++;
    }
    return walk->latest;
}

static bool add_record(inspect_stream *stream, const inspect_record *record)
{
    if (!array_grow((void **)&stream->records, stream->record_count, sizeof *stream->records,
                    RECORDS_MAX)) {
        return false;
    }
    inspect_record *added = &stream->records[stream->record_count];
    *added = *record;
    stream->record_count++;
    return talc_sha256(added->fragment, added->header.length, added->digest) == TALC_OK;
}

/* The records of a run from byte `at` on. */
static bool find_records(inspect_stream *stream, const inspect_run *run, size_t at,
                         sighting_walk *walk)
{
    inspect_record record;
    memset(&record, 0, sizeof record);
    while (at < run->size) {
        talc_status status =
            talc_record_header_parse(run->bytes + at, run->size - at, &record.header);
        if (status == TALC_ERROR_MALFORMED) {
            stream->broken_offset = stream->is_broken ? stream->broken_offset : run->offset + at;
            stream->is_broken = true;
            return true;
        }
        size_t left = run->size - at;
        if (status != TALC_OK || left < TALC_RECORD_HEADER_SIZE + (size_t)record.header.length) {
            return true; /* cut by the gap, or by the end */
        }
        record.offset = run->offset + at;
        record.fragment = run->bytes + at + TALC_RECORD_HEADER_SIZE;
        at += TALC_RECORD_HEADER_SIZE + (size_t)record.header.length;
        record.sighting = latest_sighting(stream, walk, run->offset + at);
        if (!add_record(stream, &record)) {
            return false;
        }
    }
    return true;
}

bool inspect_stream_finish(inspect_stream *stream)
{
    sighting_walk walk = { 0, 0 };
    for (size_t first = 0; first < stream->chunk_count;) {
        size_t size = 0;
        size_t behind = measure_run(stream, first, &size);
        if (!add_run(stream, first, behind, size)) {
            return false;
        }
        size_t at = find_first_record(stream, first, behind);
        if (!find_records(stream, &stream->runs[stream->run_count - 1], at, &walk)) {
            return false;
        }
        first = behind;
    }
    return true;
}

void inspect_stream_free(inspect_stream *stream)
{
    for (size_t i = 0; i < stream->chunk_count; i++) {
        free(stream->chunks[i].bytes);
    }
    for (size_t i = 0; i < stream->run_count; i++) {
        free(stream->runs[i].bytes);
    }
    free(stream->chunks);
    free(stream->runs);
    free(stream->records);
    memset(stream, 0, sizeof *stream);
}
