/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_FAILURE_H
#define TALC_LIB_FAILURE_H

#include "talc/status.h"

/**
 * Writes a failure unless one is there already (the first sticks) and returns `status`, so that a
 * function can end with it. Codes that stand in it already (tls_code, alert ...) stay. `failure` may be
 * NULL. The text is cut, never overrun.
 */
talc_status talc_failure_set(talc_failure *failure, talc_stage stage, talc_status status,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Empties a failure, so that the next one is written. */
void talc_failure_clear(talc_failure *failure);

#endif
