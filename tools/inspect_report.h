/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_REPORT_H
#define TALC_TOOLS_INSPECT_REPORT_H

/** What `talc inspect` prints of a finished inspection. */

#include <stdio.h>

#include "tools/inspection.h"

typedef struct inspect_choice {
    bool has_session;
    uint8_t session_id[TALC_SESSION_ID_SIZE]; /**< the only one that is shown */
    bool is_summary;                          /**< without flights and records */
} inspect_choice;

/** Whether a session of this view is to be shown. */
bool inspect_is_chosen(const inspect_choice *choice, const inspect_view *view,
                       const inspect_session *session);

/** Tables to be read. */
void inspect_report_write(const inspection *all, const inspect_choice *choice, FILE *out);

/** The same as one JSON object. */
void inspect_json_write(const inspection *all, const inspect_choice *choice, FILE *out);

/** A line for each record: session, who sent it, offset, type, length, SHA-256 of the fragment;
 * sorted, each line once. False: no memory. */
bool inspect_digests_write(const inspection *all, const inspect_choice *choice, FILE *out);

#endif
