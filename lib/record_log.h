/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_RECORD_LOG_H
#define TALC_LIB_RECORD_LOG_H

/** What sessions show of their records, written into a journal. */

#include "lib/sighting.h"
#include "records/journal.h"

/** The observer of a session that writes into `journal`; nobody looks if that is NULL. The journal
 * has to outlive the session. */
talc_observer talc_record_log_observer(talc_journal *journal);

/** Opens the journal of a configuration, NULL if `path` is. TALC_ERROR_IO, TALC_ERROR_MEMORY. */
talc_status talc_record_log_open(talc_journal **journal, const char *path, talc_failure *failure);

#endif
