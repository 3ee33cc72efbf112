/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_NAMES_H
#define TALC_TOOLS_INSPECT_NAMES_H

/** What can be read of records without keys: messages of a handshake and alerts in the clear, and
 * the version of the session. */

#include "tools/inspection.h"

/** Names the records of a session and says its protocol; after its streams are finished. */
void inspect_names_set(inspect_session *session);

/** "handshake", "alert" and so on; static. */
const char *inspect_type_text(uint8_t type);

#endif
