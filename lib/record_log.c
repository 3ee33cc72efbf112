/* SPDX-License-Identifier: MIT */
#include "lib/record_log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/crypto.h"
#include "lib/failure.h"

static uint64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void write_entry(void *context, const talc_sighting *sighting)
{
    talc_journal_entry entry = { .time_ms = wall_clock_ms(),
                                 .direction = sighting->is_outgoing ? TALC_JOURNAL_OUT
                                                                    : TALC_JOURNAL_IN,
                                 .request = sighting->request,
                                 .offset = sighting->offset,
                                 .fragment = sighting->record + TALC_RECORD_HEADER_SIZE };
    memcpy(entry.session_id, sighting->session_id, sizeof entry.session_id);
    if (talc_record_header_parse(sighting->record, sighting->record_size, &entry.header) ==
            TALC_OK &&
        talc_sha256(entry.fragment, entry.header.length, entry.digest) == TALC_OK) {
        /* The error sticks in the journal; a full disk must not end a session. */
        (void)talc_journal_write(context, &entry);
    }
}

talc_observer talc_record_log_observer(talc_journal *journal)
{
    return (talc_observer){ journal == NULL ? NULL : write_entry, journal };
}

talc_status talc_record_log_open(talc_journal **journal, const char *path, talc_failure *failure)
{
    *journal = NULL;
    if (path == NULL) {
        return TALC_OK;
    }
    errno = 0;
    talc_status status = talc_journal_open(journal, path);
    const char *reason = errno != 0 ? strerror(errno) : "not such a file";
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                "the journal %.200s cannot be opened (%s): it must be a regular "
                                "file that only its owner may read",
                                path, reason);
    }
    return TALC_OK;
}
