/* SPDX-License-Identifier: MIT */
#include "records/journal.h"
#include "tools/inspect_reader.h"

bool inspect_journal_read(inspection *all, const inspect_source *source, inspect_reading *reading)
{
    static uint8_t fragment[TALC_FRAGMENT_SIZE_MAX];
    char *line = NULL;
    size_t capacity = 0;
    size_t size = 0;
    int found;
    inspect_view *view = inspection_view(all, source->merges ? "all" : inspect_source_name(source));
    while (view != NULL && (found = inspect_line_read(source->file, &line, &capacity,
                                                      TALC_JOURNAL_LINE_SIZE_MAX, &size)) != 0) {
        talc_journal_entry entry;
        reading->lines++;
        if (found < 0 ||
            talc_journal_read_line(line, size, &entry, fragment, sizeof fragment) != TALC_OK) {
            inspect_reading_bad(reading, reading->lines);
            continue;
        }
        inspection_take_entry(all, view, &entry, reading->lines);
    }
    free(line);
    return true;
}
