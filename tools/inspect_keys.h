/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_KEYS_H
#define TALC_TOOLS_INSPECT_KEYS_H

/** What was said inside sessions, with a key log: tshark decrypts the connections of
 * inspect_rebuild(), and the CoAP messages in them (RFC 8323) are read and printed here. */

#include "tools/inspect_rebuild.h"

/** Paths of the rebuilt capture and of the key log. */
typedef struct inspect_decryption {
    const char *capture_path;
    const char *keys_path;
    char failure[320]; /**< why nothing could be done, "" otherwise */
} inspect_decryption;

/** Prints the messages of every session that was written. False: `failure` says why. A session
 * whose keys are not in the log is named, and is no failure. */
bool inspect_keys_use(const inspection *all, const inspect_choice *choice,
                      inspect_decryption *decryption, FILE *out);

#endif
