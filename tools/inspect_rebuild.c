/* SPDX-License-Identifier: MIT */
#include "tools/inspect_rebuild.h"

#include <string.h>

#include "tools/pcap_writer.h"

static size_t bytes_of(const inspect_session *session)
{
    return session->streams[0].byte_count + session->streams[1].byte_count;
}

/* Whether no other view that is shown has seen more of the session, or as much and comes first. */
static bool is_best(const inspection *all, const inspect_choice *choice, size_t view,
                    const inspect_session *session)
{
    for (size_t i = 0; i < all->view_count; i++) {
        const inspect_session *same = NULL;
        HASH_FIND(hh, all->views[i].sessions, session->id, sizeof session->id, same);
        if (i == view || same == NULL || !inspect_is_chosen(choice, &all->views[i], same)) {
            continue;
        }
        if (bytes_of(same) > bytes_of(session) ||
            (bytes_of(same) == bytes_of(session) && i < view)) {
            return false;
        }
    }
    return bytes_of(session) > 0;
}

/* How far one direction has been written. */
typedef struct side {
    const inspect_stream *stream;
    size_t chunk;
    size_t written; /* of the first run */
    size_t latest;  /* sighting that the chunks up to here waited for */
} side;

/* Moves to the next chunk that follows without a gap; false: there is none. */
static bool has_next(side *from)
{
    const inspect_stream *stream = from->stream;
    if (from->chunk == stream->chunk_count || stream->run_count == 0) {
        return false;
    }
    const inspect_chunk *chunk = &stream->chunks[from->chunk];
    if (chunk->offset != stream->runs[0].offset + from->written) {
        return false;
    }
    from->latest = chunk->sighting > from->latest ? chunk->sighting : from->latest;
    return true;
}

static void send_chunk(pcap_writer *writer, pcap_connection *connection, int sender,
                       const inspect_session *session, side *from)
{
    const inspect_chunk *chunk = &from->stream->chunks[from->chunk];
    uint64_t time_us = session->sightings[from->latest].time_us;
    connection->time_us = time_us > connection->time_us ? time_us : connection->time_us;
    pcap_connection_send(writer, connection, sender, from->stream->runs[0].bytes + from->written,
                         chunk->size);
    from->written += chunk->size;
    from->chunk++;
}

static void write_session(pcap_writer *writer, const inspect_session *session, size_t number,
                          inspect_rebuilt *rebuilt)
{
    side sides[2] = { { .stream = &session->streams[INSPECT_CLIENT] },
                      { .stream = &session->streams[INSPECT_SERVER] } };
    /* The addresses of RFC 5737: nobody's. */
    pcap_connection connection = {
        .ends = { { { 192, 0, 2, 1 }, (uint16_t)(10000 + number) },
                  { { 192, 0, 2, 2 }, INSPECT_REBUILT_PORT } },
        .sequence = { 1, 1 },
    };
    pcap_connection_open(writer, &connection, session->sightings[0].time_us);
    for (;;) {
        bool has_client = has_next(&sides[0]);
        bool has_server = has_next(&sides[1]);
        if (!has_client && !has_server) {
            break;
        }
        bool is_server = !has_client || (has_server && sides[1].latest < sides[0].latest);
        send_chunk(writer, &connection, is_server, session, &sides[is_server]);
    }
    pcap_connection_close(writer, &connection);
    rebuilt->cut += session->streams[0].run_count > 1 || session->streams[1].run_count > 1;
    rebuilt->ecc += session->is_ecc;
}

const inspect_session *inspect_rebuilt_session(const inspection *all, const inspect_choice *choice,
                                               size_t number)
{
    for (size_t i = 0; i < all->view_count; i++) {
        for (const inspect_session *session = all->views[i].sessions; session != NULL;
             session = session->hh.next) {
            if (inspect_is_chosen(choice, &all->views[i], session) &&
                is_best(all, choice, i, session) && number-- == 0) {
                return session;
            }
        }
    }
    return NULL;
}

/* Takes what a view has seen; bytes that differ have been noticed before. */
static void take_runs(inspect_stream *whole, const inspect_stream *stream)
{
    inspect_intake intake;
    for (size_t i = 0; i < stream->run_count; i++) {
        const inspect_run *run = &stream->runs[i];
        inspect_range range = { .offset = run->offset, .bytes = run->bytes, .size = run->size };
        if (!inspect_stream_take(whole, &range, &intake)) {
            return;
        }
    }
}

size_t inspect_rebuilt_without(const inspection *all, const inspect_session *session,
                               inspect_direction direction)
{
    inspect_stream whole;
    const inspect_stream *written = &session->streams[direction];
    memset(&whole, 0, sizeof whole);
    for (size_t i = 0; i < all->view_count; i++) {
        const inspect_session *same = NULL;
        HASH_FIND(hh, all->views[i].sessions, session->id, sizeof session->id, same);
        if (same != NULL) {
            take_runs(&whole, &same->streams[direction]);
        }
    }
    size_t seen = whole.byte_count;
    size_t held = written->run_count > 0 ? written->runs[0].size : 0;
    inspect_stream_free(&whole);
    return seen > held ? seen - held : 0;
}

void inspect_rebuild(const inspection *all, const inspect_choice *choice, FILE *file,
                     inspect_rebuilt *rebuilt)
{
    pcap_writer writer;
    memset(rebuilt, 0, sizeof *rebuilt);
    pcap_writer_begin(&writer, file);
    for (;;) {
        const inspect_session *session = inspect_rebuilt_session(all, choice, rebuilt->connections);
        if (session == NULL) {
            break;
        }
        write_session(&writer, session, rebuilt->connections, rebuilt);
        rebuilt->connections++;
    }
    rebuilt->failed = writer.failed || fflush(file) != 0;
}
