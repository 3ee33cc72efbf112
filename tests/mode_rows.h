/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_MODE_ROWS_H
#define TALC_TESTS_MODE_ROWS_H

/** Modes x carriers x credentials, and the one conversation that is the same in all of them. */

#include "tests/peers.h"

/** What is promised of a request over a path that loses and doubles datagrams. */
typedef enum mode_promise {
    /** It is answered, and runs exactly once. */
    MODE_KEEPS_ON = 0,
    /** Nothing but CoAP's transmission (RFC 7252 section 4.2) is between it and the path: that gives
     * up some time. It is answered and runs exactly once, or TALC_ERROR_TIMEOUT says that it ran once
     * or not at all. */
    MODE_GIVES_UP,
    /** A proxy is the peer, which sends a repeated request on as a new one (libcoap's does not
     * de-duplicate, RFC 7252 section 4.5) and falls over bodies whose blocks come twice. It is
     * answered rightly, or fails with TALC_ERROR_TIMEOUT, TALC_ERROR_PROTOCOL or the proxy's own
     * 5.02; nothing is said of how often it runs. */
    MODE_BELIEVES_A_PROXY
} mode_promise;

typedef struct mode_row {
    const char *name; /**< "dtls-psk/coap": what protects, what carries */
    talc_mode mode;
    talc_tls_version version;
    const peers_credentials *credentials;
    peers_path path;
    const char *scheme;      /**< of the URIs; NULL: what the path wants */
    talc_engine_kind engine; /**< of the peers that each side sees */
    const char *protocol;    /**< likewise of the sessions */
    int is_resumed;          /**< 1 if the second session begins with a ticket of the first */
    mode_promise promise;
} mode_row;

extern const mode_row mode_rows[];
extern const size_t mode_row_count;

/** The options of two peers of this row. */
peers_options mode_row_options(const mode_row *row);

/** Connects, sends GET, PUT, POST with 3 KB, DELETE, asks for what is not there, lets one answer
 * wait while others pass, has 20 requests in flight, closes and connects again. Each response is
 * compared byte for byte, each request has run as often as the row promises, and after each both
 * sides know whom they talk to as the row says, with or without a ticket. The application's part
 * is the same in each row. Returns how many requests failed, as far as the row allows it, and were
 * sent again as new ones. */
unsigned mode_converse(peers *of, const mode_row *row);

#endif
