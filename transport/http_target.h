/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_TARGET_H
#define TALC_TRANSPORT_HTTP_TARGET_H

/** Reads what a request line asks for, "/.well-known/atls?s=..." or "http://host/..." (RFC 9112
 * section 3.2), as gateways write it: they encode characters that need not be encoded, and whole
 * queries. */

#include "talc/carrier.h"

/** 1 if the path of `target`, one layer of percent-encoding undone, is `path`. */
int talc_http_target_has_path(const char *target, const char *path);

/** Reads the one "s=..." of the query, one layer of percent-encoding undone. 0 if it is missing,
 * malformed, or there twice; `session_id` is zeros then. */
int talc_http_target_session_id(const char *target, uint8_t session_id[TALC_SESSION_ID_SIZE]);

#endif
