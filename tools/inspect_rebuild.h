/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_REBUILD_H
#define TALC_TOOLS_INSPECT_REBUILD_H

/** The sessions of an inspection as TCP connections, as if TLS had travelled the usual way: that is
 * what other programs know how to decrypt. */

#include <stdio.h>

#include "tools/inspect_report.h"

#define INSPECT_REBUILT_PORT 5684 /**< coaps+tcp (RFC 8323 section 8.2) */

/** What was written. */
typedef struct inspect_rebuilt {
    size_t connections; /**< the first one is number 0 in the file */
    size_t cut;         /**< of them, such that end before a gap */
    size_t ecc;         /**< of them, such of `ecc`, which nobody else can decrypt */
    bool failed;        /**< the file could not be written */
} inspect_rebuilt;

/** A session is written once, from the view that has seen most of it. */
void inspect_rebuild(const inspection *all, const inspect_choice *choice, FILE *file,
                     inspect_rebuilt *rebuilt);

/** The session that has this number in such a file; NULL behind the last one. */
const inspect_session *inspect_rebuilt_session(const inspection *all, const inspect_choice *choice,
                                               size_t number);

/** How many bytes of this session and direction some view has seen and such a file does not hold:
 * they stand behind a gap, or only another view has them. */
size_t inspect_rebuilt_without(const inspection *all, const inspect_session *session,
                               inspect_direction direction);

#endif
