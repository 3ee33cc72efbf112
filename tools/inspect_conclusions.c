/* SPDX-License-Identifier: MIT */
/* What follows from all that was seen: records, gaps, differences between views. */
#include <string.h>

#include "tools/inspect_names.h"
#include "tools/inspection.h"

const char *inspect_finding_text(inspect_finding_kind kind)
{
    static const char *const texts[INSPECT_FINDING_KINDS] = {
        [INSPECT_MALFORMED_ENVELOPE] = "malformed envelope",
        [INSPECT_CHANGED_BYTES] = "changed bytes",
        [INSPECT_CHANGED_BETWEEN_VIEWS] = "changed between hops",
        [INSPECT_WRONG_DIGEST] = "wrong digest",
        [INSPECT_BROKEN_RECORD] = "broken record",
        [INSPECT_GAP] = "gap",
        [INSPECT_ANSWER_TO_NO_REQUEST] = "answer to no request",
        [INSPECT_ACKNOWLEDGED_LESS] = "acknowledgement went back",
        [INSPECT_ACKNOWLEDGED_MORE] = "acknowledgement of unseen bytes",
        [INSPECT_GUARD_MISSING] = "guard tag missing",
        [INSPECT_LARGE_MESSAGE] = "large message",
        [INSPECT_ERROR_ANSWER] = "error answer",
        [INSPECT_ANSWER_OF_THE_PATH] = "answer of the path",
        [INSPECT_LONG_BODY] = "long body",
        [INSPECT_NOT_FROM_THE_START] = "not from the start",
        [INSPECT_TROUBLE] = "trouble of the proxy",
    };
    return (unsigned)kind < INSPECT_FINDING_KINDS ? texts[kind] : "";
}

static uint64_t end_of_run(const inspect_run *run)
{
    return run->offset + run->size;
}

/* Whether another view has bytes between these two offsets. */
static bool is_seen_elsewhere(const inspection *all, const inspect_spot *spot,
                              inspect_direction direction, uint64_t begin, uint64_t end)
{
    for (size_t i = 0; i < all->view_count; i++) {
        const inspect_session *same = NULL;
        HASH_FIND(hh, all->views[i].sessions, spot->session->id, sizeof spot->session->id, same);
        if (same == NULL || same == spot->session) {
            continue;
        }
        const inspect_stream *stream = &same->streams[direction];
        size_t low = 0;
        for (size_t high = stream->chunk_count; low < high;) {
            size_t middle = low + (high - low) / 2;
            const inspect_chunk *chunk = &stream->chunks[middle];
            bool is_before = chunk->offset + chunk->size <= begin;
            low = is_before ? middle + 1 : low;
            high = is_before ? high : middle;
        }
        if (low < stream->chunk_count && stream->chunks[low].offset < end) {
            return true;
        }
    }
    return false;
}

static void note_gap(inspection *all, inspect_spot spot, inspect_direction direction,
                     const inspect_run *before)
{
    uint64_t begin = end_of_run(before);
    uint64_t end = before[1].offset;
    inspection_note(all, INSPECT_GAP, spot, "%s stream: bytes %llu to %llu were not seen%s",
                    direction == INSPECT_CLIENT ? "the client's" : "the server's",
                    (unsigned long long)begin, (unsigned long long)end - 1,
                    is_seen_elsewhere(all, &spot, direction, begin, end)
                        ? " here, but by another view: try --merge"
                        : "");
}

static void find_gaps(inspection *all, inspect_spot spot, inspect_direction direction)
{
    const inspect_stream *stream = &spot.session->streams[direction];
    const char *whose = direction == INSPECT_CLIENT ? "the client's" : "the server's";
    if (stream->run_count > 0 && stream->runs[0].offset > 0) {
        inspection_note(all, INSPECT_NOT_FROM_THE_START, spot, "%s stream begins at %llu", whose,
                        (unsigned long long)stream->runs[0].offset);
    }
    for (size_t i = 1; i < stream->run_count; i++) {
        note_gap(all, spot, direction, &stream->runs[i - 1]);
    }
    if (stream->is_broken) {
        inspection_note(all, INSPECT_BROKEN_RECORD, spot,
                        "%s stream: what stands at %llu is no record header", whose,
                        (unsigned long long)stream->broken_offset);
    }
    uint64_t end = stream->run_count == 0 ? 0 : end_of_run(&stream->runs[stream->run_count - 1]);
    uint64_t acknowledged = spot.session->newest[1 - direction].acknowledged;
    if (acknowledged > end) {
        inspection_note(all, INSPECT_ACKNOWLEDGED_MORE, spot,
                        "%s stream: acknowledged to %llu, seen to %llu", whose,
                        (unsigned long long)acknowledged, (unsigned long long)end);
    }
}

static void finish_session(inspection *all, inspect_view *view, inspect_session *session)
{
    inspect_spot spot = { view, session, 0 };
    for (int direction = 0; direction < 2; direction++) {
        if (!inspect_stream_finish(&session->streams[direction])) {
            all->is_cut = true;
        }
        find_gaps(all, spot, (inspect_direction)direction);
    }
    inspect_names_set(session);
}

/* Both are in the order of their offsets. */
static void compare_streams(inspection *all, inspect_spot spot, const inspect_view *other,
                            const inspect_stream *streams[2])
{
    size_t i = 0;
    size_t j = 0;
    while (i < streams[0]->record_count && j < streams[1]->record_count) {
        const inspect_record *left = &streams[0]->records[i];
        const inspect_record *right = &streams[1]->records[j];
        if (left->offset != right->offset) {
            i += left->offset < right->offset;
            j += left->offset > right->offset;
            continue;
        }
        if (memcmp(left->digest, right->digest, sizeof left->digest) != 0 ||
            left->header.type != right->header.type) {
            inspection_note(all, INSPECT_CHANGED_BETWEEN_VIEWS, spot,
                            "the record at %llu is another one at %.80s",
                            (unsigned long long)left->offset, other->name);
        }
        i++;
        j++;
    }
}

/* With the views that come later, so that each pair is compared once. */
static void compare_views(inspection *all, size_t first, inspect_session *session)
{
    for (size_t i = first + 1; i < all->view_count; i++) {
        const inspect_session *same = NULL;
        HASH_FIND(hh, all->views[i].sessions, session->id, sizeof session->id, same);
        if (same == NULL) {
            continue;
        }
        inspect_spot spot = { &all->views[first], session, 0 };
        for (int direction = 0; direction < 2; direction++) {
            const inspect_stream *streams[] = { &session->streams[direction],
                                                &same->streams[direction] };
            compare_streams(all, spot, &all->views[i], streams);
        }
    }
}

void inspection_finish(inspection *all)
{
    for (size_t i = 0; i < all->view_count; i++) {
        inspect_session *session = NULL;
        inspect_session *next = NULL;
        HASH_ITER (hh, all->views[i].sessions, session, next) {
            finish_session(all, &all->views[i], session);
        }
    }
    for (size_t i = 0; i < all->view_count; i++) {
        inspect_session *session = NULL;
        inspect_session *next = NULL;
        HASH_ITER (hh, all->views[i].sessions, session, next) {
            compare_views(all, i, session);
        }
    }
}
