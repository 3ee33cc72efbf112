/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_JOURNAL_H
#define TALC_RECORDS_JOURNAL_H

/**
 * A log of records for analysis, off unless somebody opens one: JSON Lines, one line for each
 * record sent or received. It holds what the path sees (ciphertext, session ids), never a key.
 *
 * {"time_ms":1700000000000,"direction":"out","session":"AAECAwQFBgcICQoL","request":7,
 *  "offset":226,"type":22,"version":771,"length":3,"sha256":"...","fragment":"AQID"}
 * (on one line). `sha256` is that of the fragment; it, `session` and `fragment` are base64url.
 *
 * Not for two threads at once. Files are POSIX's, so this part is left out of small devices.
 */

#include <stddef.h>
#include <stdint.h>

#include "records/envelope.h"
#include "records/record.h"
#include "talc/status.h"

#define TALC_JOURNAL_DIGEST_SIZE 32

/** Longest line that is written, its newline counted. */
#define TALC_JOURNAL_LINE_SIZE_MAX (TALC_FRAGMENT_SIZE_MAX / 3 * 4 + 512)

typedef enum talc_journal_direction { TALC_JOURNAL_OUT, TALC_JOURNAL_IN } talc_journal_direction;

typedef struct talc_journal_entry {
    uint64_t time_ms; /**< since 1970-01-01 00:00 UTC, at most 2^53-1 like the next two numbers */
    talc_journal_direction direction;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    uint64_t request; /**< number of the envelope that brought the record's end */
    uint64_t offset;  /**< where the record's header begins in its stream */
    talc_record_header header;
    uint8_t digest[TALC_JOURNAL_DIGEST_SIZE]; /**< SHA-256 of the fragment, by the caller */
    const uint8_t *fragment;                  /**< header.length bytes, borrowed */
} talc_journal_entry;

typedef struct talc_journal talc_journal;

/**
 * Opens `path` to append to it, and creates it with mode 0600.
 * TALC_OK: the caller closes `*journal`. TALC_ERROR_IO: it cannot be opened, is no regular file, or
 * is there already and open to group or others. TALC_ERROR_MEMORY. `*journal` is NULL on an error.
 */
talc_status talc_journal_open(talc_journal **journal, const char *path);

/**
 * Appends one line in one piece, whoever else appends to the file; only a full disk can cut it, and
 * then nothing follows from this journal. A NULL journal is off: TALC_OK. TALC_ERROR_ARGUMENT for
 * an entry whose header or numbers are out of range (not counted as a failure); TALC_ERROR_IO if it
 * could not be written, which sticks.
 */
talc_status talc_journal_write(talc_journal *journal, const talc_journal_entry *entry);

/** Closes and frees it. Returns the first error of its life or TALC_ERROR_IO. NULL: TALC_OK. */
talc_status talc_journal_close(talc_journal *journal);

/**
 * Reads one line, with or without its newline. The fragment is written to `fragment`, which the
 * caller keeps as long as the entry; TALC_FRAGMENT_SIZE_MAX bytes are always enough. The digest is
 * not compared with the fragment. All keys must be there once; others are ignored.
 * TALC_OK; TALC_ERROR_MALFORMED; TALC_ERROR_TOO_LARGE if the line is longer than
 * TALC_JOURNAL_LINE_SIZE_MAX or the fragment than `capacity`; TALC_ERROR_MEMORY. On an error the
 * entry is all zero.
 */
talc_status talc_journal_read_line(const char *line, size_t size, talc_journal_entry *entry,
                                   uint8_t *fragment, size_t capacity);

#endif
