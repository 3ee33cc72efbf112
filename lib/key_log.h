/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_KEY_LOG_H
#define TALC_LIB_KEY_LOG_H

/** The secrets of TLS sessions in a file, for analysis: one line for each, "LABEL CLIENT_RANDOM
 * SECRET" in hexadecimal digits, the format of NSS (SSLKEYLOGFILE) that Wireshark reads. Whoever
 * has the file reads what was recorded of these sessions. Off unless a configuration names a file;
 * nothing else, no environment variable, turns it on. */

#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

#define TALC_CLIENT_RANDOM_SIZE 32
#define TALC_KEY_LOG_SECRET_SIZE_MAX 64 /**< bytes, of the longest hash */

typedef struct talc_key_log talc_key_log;

/** Opens the key log of a configuration to append to it, and creates it with mode 0600; NULL if
 * `path` is. TALC_OK: the caller closes `*log`. TALC_ERROR_IO: it cannot be opened, is no regular
 * file, or is there already and open to group or others; TALC_ERROR_MEMORY. */
talc_status talc_key_log_open(talc_key_log **log, const char *path, talc_failure *failure);

/** Appends one line in one piece. A NULL log is off: TALC_OK. TALC_ERROR_ARGUMENT for a secret
 * that is longer than TALC_KEY_LOG_SECRET_SIZE_MAX; TALC_ERROR_IO if it could not be written. */
talc_status talc_key_log_write(talc_key_log *log, const char *label,
                               const uint8_t client_random[TALC_CLIENT_RANDOM_SIZE],
                               const uint8_t *secret, size_t secret_size);

/** Closes and frees it. NULL is allowed. */
void talc_key_log_close(talc_key_log *log);

#endif
