/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_HANDSHAKE_ALONE_H
#define TALC_BENCH_HANDSHAKE_ALONE_H

/** Handshakes without a request: two sessions in memory that hand each other their envelopes. */

#include "bench/credentials.h"

typedef struct handshake_alone {
    unsigned exchanges;        /**< until both sides are done */
    unsigned exchanges_client; /**< until the client is done */
    uint64_t record_bytes_up;  /**< as TLS would write them to TCP; up: client to server */
    uint64_t record_bytes_down;
    uint64_t envelope_bytes_up;
    uint64_t envelope_bytes_down;
} handshake_alone;

typedef struct handshake_case {
    const credentials *credentials;
    talc_tls_version version;
    talc_blockwise blockwise; /**< never: every body fits one message */
} handshake_case;

/** Does one handshake. On an error `failure` tells why. */
talc_status handshake_alone_run(const handshake_case *measured, handshake_alone *result,
                                talc_failure *failure);

#endif
