/* SPDX-License-Identifier: MIT */
#include "records/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "records/private_file.h"
#include "records/text_writer.h"

struct talc_journal {
    FILE *file;
    talc_status status; /* TALC_OK or the first error */
    char line[TALC_JOURNAL_LINE_SIZE_MAX];
};

talc_status talc_journal_open(talc_journal **journal, const char *path)
{
    *journal = calloc(1, sizeof **journal);
    if (*journal == NULL) {
        return TALC_ERROR_MEMORY;
    }
    (*journal)->file = talc_private_file_open(path);
    if ((*journal)->file == NULL) {
        free(*journal);
        *journal = NULL;
        return TALC_ERROR_IO;
    }
    return TALC_OK;
}

static bool entry_is_valid(const talc_journal_entry *entry)
{
    return talc_record_header_check(&entry->header) == TALC_OK && entry->fragment != NULL &&
           entry->time_ms <= TALC_ENVELOPE_NUMBER_MAX &&
           entry->request <= TALC_ENVELOPE_NUMBER_MAX &&
           entry->offset <= TALC_ENVELOPE_NUMBER_MAX &&
           (entry->direction == TALC_JOURNAL_OUT || entry->direction == TALC_JOURNAL_IN);
}

static void write_number(talc_text_writer *writer, const char *key, uint64_t number)
{
    talc_text_writer_string(writer, key);
    talc_text_writer_number(writer, number);
}

static void write_bytes(talc_text_writer *writer, const char *key, const uint8_t *bytes,
                        size_t size)
{
    talc_text_writer_string(writer, key);
    talc_text_writer_base64(writer, bytes, size);
    talc_text_writer_put(writer, '"');
}

static void write_line(talc_text_writer *writer, const talc_journal_entry *entry)
{
    const char *direction = entry->direction == TALC_JOURNAL_OUT ? "out" : "in";
    write_number(writer, "{\"time_ms\":", entry->time_ms);
    talc_text_writer_string(writer, ",\"direction\":\"");
    talc_text_writer_string(writer, direction);
    write_bytes(writer, "\",\"session\":\"", entry->session_id, TALC_SESSION_ID_SIZE);
    write_number(writer, ",\"request\":", entry->request);
    write_number(writer, ",\"offset\":", entry->offset);
    write_number(writer, ",\"type\":", entry->header.type);
    write_number(writer, ",\"version\":", entry->header.version);
    write_number(writer, ",\"length\":", entry->header.length);
    write_bytes(writer, ",\"sha256\":\"", entry->digest, TALC_JOURNAL_DIGEST_SIZE);
    write_bytes(writer, ",\"fragment\":\"", entry->fragment, entry->header.length);
    talc_text_writer_string(writer, "}\n");
}

talc_status talc_journal_write(talc_journal *journal, const talc_journal_entry *entry)
{
    talc_text_writer writer;
    if (journal == NULL || journal->status != TALC_OK) {
        return journal == NULL ? TALC_OK : journal->status;
    }
    if (!entry_is_valid(entry)) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_text_writer_init(&writer, journal->line, sizeof journal->line);
    write_line(&writer, entry);
    if (writer.full || fwrite(journal->line, 1, writer.size, journal->file) != writer.size) {
        journal->status = TALC_ERROR_IO;
    }
    return journal->status;
}

talc_status talc_journal_close(talc_journal *journal)
{
    if (journal == NULL) {
        return TALC_OK;
    }
    talc_status status = journal->status;
    if (fclose(journal->file) != 0 && status == TALC_OK) {
        status = TALC_ERROR_IO;
    }
    free(journal);
    return status;
}
