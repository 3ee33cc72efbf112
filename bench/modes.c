/* SPDX-License-Identifier: MIT */
#include "bench/modes.h"

#include <math.h>

/* The publication has one figure for coaps: it stands beside both credentials. */
const mode_row mode_rows[MODES] = {
    [MODE_NONE] = { "none", "none", "-", TALC_MODE_NONE, CREDENTIAL_NOTHING, false, 119 },
    [MODE_DTLS_PSK] = { "dtls_psk", "dtls", "PSK", TALC_MODE_DTLS, CREDENTIAL_PSK, false, 382 },
    [MODE_DTLS_CERTIFICATE] = { "dtls_certificate", "dtls", "P-256", TALC_MODE_DTLS,
                                CREDENTIAL_SMALL_CERTIFICATE, false, 382 },
    [MODE_ECC] = { "ecc", "ecc", "device", TALC_MODE_ECC, CREDENTIAL_DEVICE, false, 337 },
    [MODE_TLS_PSK] = { "tls_psk", "tls", "PSK", TALC_MODE_TLS, CREDENTIAL_PSK, false, (double)NAN },
    [MODE_TLS_CERTIFICATE] = { "tls_certificate", "tls", "P-256", TALC_MODE_TLS,
                               CREDENTIAL_SMALL_CERTIFICATE, false, (double)NAN },
    [MODE_TLS_RESUMED] = { "tls_resumed", "tls", "ticket", TALC_MODE_TLS,
                           CREDENTIAL_SMALL_CERTIFICATE, true, (double)NAN },
};
