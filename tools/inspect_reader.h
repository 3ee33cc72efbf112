/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_READER_H
#define TALC_TOOLS_INSPECT_READER_H

/** The readers of `talc inspect`: each takes a file into an inspection. */

#include <stdio.h>

#include "tools/inspection.h"

typedef enum inspect_leg { INSPECT_LEG_IN, INSPECT_LEG_OUT, INSPECT_LEG_BOTH } inspect_leg;

typedef struct inspect_source {
    const char *path;
    FILE *file;      /**< at its beginning; of a capture NULL */
    inspect_leg leg; /**< of a proxy's log, the one that is shown */
    bool merges;     /**< all hops count as one view */
    unsigned port;   /**< of a capture, the server's port that is looked at; 0: all */
} inspect_source;

/** The file in the names of its views: of a long path the end, where files differ. */
const char *inspect_source_name(const inspect_source *source);

/** What could not be read; at most INSPECT_BAD_LINES_MAX are named. */
#define INSPECT_BAD_LINES_MAX 8
typedef struct inspect_reading {
    uint64_t lines; /**< read: lines, or frames of a capture */
    uint64_t bad;
    uint64_t bad_lines[INSPECT_BAD_LINES_MAX];
    char failure[320];   /**< why nothing at all could be read, "" otherwise */
    char early_end[320]; /**< why its last part could not be read, "" otherwise */
} inspect_reading;

typedef enum inspect_content {
    INSPECT_CONTENT_JOURNAL,
    INSPECT_CONTENT_PROXY_LOG,
    INSPECT_CONTENT_CAPTURE,
    INSPECT_CONTENT_EMPTY,
    INSPECT_CONTENT_OTHER
} inspect_content;

/** What a file holds, by its first bytes, and of JSON Lines by its first line that is one of the
 * two kinds. The file stands at its beginning afterwards. */
inspect_content inspect_content_of(FILE *file);

/** False: `reading->failure` says why. Bad lines are no failure. */
bool inspect_journal_read(inspection *all, const inspect_source *source, inspect_reading *reading);
bool inspect_proxy_log_read(inspection *all, const inspect_source *source,
                            inspect_reading *reading);
bool inspect_capture_read(inspection *all, const inspect_source *source, inspect_reading *reading);

/** Notes a line that could not be read. */
void inspect_reading_bad(inspect_reading *reading, uint64_t line);

/** Reads a line without its newline into `*line`, which grows up to `size_max` and is the caller's
 * to free. 1: a line; 0: the end; -1: a line that is too long, passed over, or no memory. */
int inspect_line_read(FILE *file, char **line, size_t *capacity, size_t size_max, size_t *size);

#endif
