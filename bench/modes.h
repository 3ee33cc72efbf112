/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_MODES_H
#define TALC_BENCH_MODES_H

/** What is compared: each mode with each credential that it is measured with. */

#include <stdbool.h>

#include "bench/credentials.h"

typedef enum mode_name {
    MODE_NONE = 0, /**< the others are measured by this one */
    MODE_DTLS_PSK,
    MODE_DTLS_CERTIFICATE,
    MODE_ECC,
    MODE_TLS_PSK,
    MODE_TLS_CERTIFICATE,
    MODE_TLS_RESUMED,
    MODES
} mode_name;

typedef struct mode_row {
    const char *key;        /**< in files: "tls_psk" */
    const char *name;       /**< of the mode, as in the configuration of the programs */
    const char *credential; /**< in the table */
    talc_mode mode;
    credential_kind kind;
    bool is_resumed;     /**< by a ticket of an earlier session */
    double published_ms; /**< average of the published experiment; NAN where there is none */
} mode_row;

extern const mode_row mode_rows[MODES];

#endif
