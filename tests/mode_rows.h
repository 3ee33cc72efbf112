/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_MODE_ROWS_H
#define TALC_TESTS_MODE_ROWS_H

/** Modes x carriers x credentials, and the one conversation that is the same in all of them. */

#include "tests/peers.h"

typedef struct mode_row {
    const char *name; /**< "dtls-psk/coap": what protects, what carries */
    talc_mode mode;
    talc_tls_version version;
    const peers_credentials *credentials;
    peers_path path;
    const char *scheme;      /**< of the URIs */
    talc_engine_kind engine; /**< of the peers that each side sees */
    const char *protocol;    /**< likewise of the sessions */
    int is_resumed;          /**< 1 if the second session begins with a ticket of the first */
    int may_time_out;        /**< 1 if nothing but CoAP's transmission (RFC 7252 section 4.2) is
                                    between a request and a lossy path: it gives up some time */
    int may_repeat; /**< 1 if a path that repeats a request makes a new one of it: libcoap's
                                    proxy does not de-duplicate (RFC 7252 section 4.5) */
} mode_row;

extern const mode_row mode_rows[];
extern const size_t mode_row_count;

/** The options of two peers of this row. */
peers_options mode_row_options(const mode_row *row);

/**
 * Connects, sends GET, PUT, POST with 3 KB, DELETE, asks for what is not there, lets one answer wait
 * while others pass, has 20 requests in flight, closes and connects again. Each response is compared
 * byte for byte, each request has run exactly once, and after each both sides know whom they talk to
 * as the row says, with or without a ticket. The application's part is the same in each row.
 */
void mode_converse(peers *of, const mode_row *row);

#endif
