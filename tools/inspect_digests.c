/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/hex.h"
#include "tools/array.h"
#include "tools/inspect_report.h"

/* A line to be: who compares two hops compares these, so nothing of a hop is in them. */
typedef struct digest_row {
    const inspect_session *session;
    const inspect_record *record;
    int direction;
} digest_row;

typedef struct digest_rows {
    digest_row *rows;
    size_t count;
    bool failed;
} digest_rows;

static int compare(const void *one, const void *two)
{
    const digest_row *left = one;
    const digest_row *right = two;
    int order = memcmp(left->session->id, right->session->id, sizeof left->session->id);
    if (order == 0) {
        order = left->direction - right->direction;
    }
    if (order == 0) {
        order = (left->record->offset > right->record->offset) -
                (left->record->offset < right->record->offset);
    }
    if (order == 0) {
        order = left->record->header.type - right->record->header.type;
    }
    return order != 0
               ? order
               : memcmp(left->record->digest, right->record->digest, sizeof left->record->digest);
}

static void add_session(digest_rows *lines, const inspect_session *session)
{
    for (int direction = 0; direction < 2; direction++) {
        const inspect_stream *stream = &session->streams[direction];
        for (size_t i = 0; i < stream->record_count && !lines->failed; i++) {
            lines->failed = !array_grow((void **)&lines->rows, lines->count, sizeof *lines->rows,
                                        SIZE_MAX / sizeof *lines->rows / 2);
            if (!lines->failed) {
                lines->rows[lines->count++] =
                    (digest_row){ session, &stream->records[i], direction };
            }
        }
    }
}

static void write_row(FILE *out, const digest_row *row)
{
    char id[INSPECT_ID_TEXT_SIZE];
    char digest[2 * sizeof row->record->digest + 1];
    talc_hex_write(digest, row->record->digest, sizeof row->record->digest);
    digest[sizeof digest - 1] = '\0';
    fprintf(out, "%s %s %llu %u %u %s\n", inspect_id_text(row->session->id, id),
            row->direction == INSPECT_CLIENT ? "client" : "server",
            (unsigned long long)row->record->offset, row->record->header.type,
            row->record->header.length, digest);
}

bool inspect_digests_write(const inspection *all, const inspect_choice *choice, FILE *out)
{
    digest_rows lines = { NULL, 0, false };
    for (size_t i = 0; i < all->view_count; i++) {
        for (const inspect_session *session = all->views[i].sessions; session != NULL;
             session = session->hh.next) {
            if (inspect_is_chosen(choice, &all->views[i], session)) {
                add_session(&lines, session);
            }
        }
    }
    if (lines.count > 0) {
        qsort(lines.rows, lines.count, sizeof *lines.rows, compare);
    }
    for (size_t i = 0; i < lines.count && !lines.failed; i++) {
        if (i == 0 || compare(&lines.rows[i - 1], &lines.rows[i]) != 0) {
            write_row(out, &lines.rows[i]);
        }
    }
    free(lines.rows);
    return !lines.failed;
}
