/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_IDENTITY_PSK_H
#define TALC_LIB_IDENTITY_PSK_H

/** Pre-shared keys: their bounds, and the files with lines `NAME:HEX-KEY`. */

#include "lib/credentials.h"
#include "lib/identity_file.h"

/** Copies name and key into a zeroed entry. The source's fault: a size is out of range, or the
 * name is too long to be shown as the name of a peer (talc_peer). */
talc_status talc_psk_entry_fill(talc_psk_entry *entry, const talc_psk *psk,
                                const talc_source *source);

/**
 * Reads a file line by line. A line is `NAME:HEX-KEY` and ends with a line feed, or with the file.
 * The name ends at the last colon, so it may hold colons; control characters and blanks at its
 * ends are refused, as they are mistakes that nobody sees. Empty lines and lines that start with
 * '#' are passed over.
 */
typedef struct talc_psk_reader {
    talc_content content;
    size_t offset;
    unsigned line; /**< number of the line read last, from 1 */
    talc_psk psk;  /**< what it says, borrowed from here; name NULL: the file is at its end */
    uint8_t key[TALC_PSK_SIZE_MAX];
} talc_psk_reader;

/** Reads the file `source->name`, which must not be readable by group or others. Returns as
 * talc_content_read(). On TALC_OK to be closed. */
talc_status talc_psk_reader_open(talc_psk_reader *reader, const talc_source *source);

/** Puts the next line into `psk`. The source's fault, with the number of the line. */
talc_status talc_psk_reader_next(talc_psk_reader *reader, const talc_source *source);

/** Wipes everything. */
void talc_psk_reader_close(talc_psk_reader *reader);

#endif
