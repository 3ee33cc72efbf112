/* SPDX-License-Identifier: MIT */
/* Lines of files, and what kind of file it is. */
#include <string.h>

#include "records/journal.h"
#include "records/proxy_log_reader.h"
#include "tools/inspect_reader.h"

#define FIRST_LINES_MAX 100
#define LINE_SIZE_FIRST 4096u
#define SOURCE_NAME_MAX 90u

const char *inspect_source_name(const inspect_source *source)
{
    size_t size = strlen(source->path);
    return source->path + (size > SOURCE_NAME_MAX ? size - SOURCE_NAME_MAX : 0);
}

void inspect_reading_bad(inspect_reading *reading, uint64_t line)
{
    if (reading->bad < INSPECT_BAD_LINES_MAX) {
        reading->bad_lines[reading->bad] = line;
    }
    reading->bad++;
}

/* Room for one more character. */
static bool make_room(char **line, size_t *capacity, size_t size)
{
    if (size < *capacity) {
        return true;
    }
    size_t wanted = *capacity == 0 ? LINE_SIZE_FIRST : 2 * *capacity;
    char *grown = realloc(*line, wanted);
    if (grown == NULL) {
        return false;
    }
    *line = grown;
    *capacity = wanted;
    return true;
}

int inspect_line_read(FILE *file, char **line, size_t *capacity, size_t size_max, size_t *size)
{
    bool fits = true;
    int character = getc(file);
    *size = 0;
    if (character == EOF) {
        return 0;
    }
    for (; character != EOF && character != '\n'; character = getc(file)) {
        fits = fits && *size < size_max && make_room(line, capacity, *size);
        if (fits) {
            (*line)[(*size)++] = (char)character;
        }
    }
    return fits && make_room(line, capacity, *size) ? 1 : -1;
}

/* The magic numbers of pcap (both byte orders, micro- and nanoseconds) and pcapng. */
static bool is_capture(const uint8_t bytes[4])
{
    static const uint8_t magics[][4] = { { 0xa1, 0xb2, 0xc3, 0xd4 },
                                         { 0xd4, 0xc3, 0xb2, 0xa1 },
                                         { 0xa1, 0xb2, 0x3c, 0x4d },
                                         { 0x4d, 0x3c, 0xb2, 0xa1 },
                                         { 0x0a, 0x0d, 0x0d, 0x0a } };
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (memcmp(bytes, magics[i], sizeof magics[i]) == 0) {
            return true;
        }
    }
    return false;
}

static inspect_content content_of_line(const char *line, size_t size)
{
    static uint8_t fragment[TALC_FRAGMENT_SIZE_MAX];
    talc_journal_entry entry;
    talc_proxy_log_entry logged;
    inspect_content content = INSPECT_CONTENT_OTHER;
    if (talc_journal_read_line(line, size, &entry, fragment, sizeof fragment) == TALC_OK) {
        return INSPECT_CONTENT_JOURNAL;
    }
    char *text = malloc(2 * size + 16);
    if (text != NULL && talc_proxy_log_read_line(line, size, text, &logged) == TALC_OK) {
        content = INSPECT_CONTENT_PROXY_LOG;
    }
    free(text);
    return content;
}

inspect_content inspect_content_of(FILE *file)
{
    uint8_t bytes[4] = { 0 };
    char *line = NULL;
    size_t capacity = 0;
    size_t size = 0;
    size_t got = fread(bytes, 1, sizeof bytes, file);
    rewind(file);
    if (got == 0) {
        return INSPECT_CONTENT_EMPTY;
    }
    inspect_content content =
        got == sizeof bytes && is_capture(bytes) ? INSPECT_CONTENT_CAPTURE : INSPECT_CONTENT_OTHER;
    for (int i = 0; i < FIRST_LINES_MAX && content == INSPECT_CONTENT_OTHER; i++) {
        int found = inspect_line_read(file, &line, &capacity, TALC_PROXY_LOG_LINE_SIZE_MAX, &size);
        if (found == 0) {
            break;
        }
        content = found > 0 ? content_of_line(line, size) : content;
    }
    free(line);
    rewind(file);
    return content;
}
