/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_TAMPERING_INTERCEPTION_H
#define EXAMPLES_TAMPERING_INTERCEPTION_H

/**
 * Somebody in the middle who plays the server towards clients and a client towards the server, each
 * with a handshake and credentials of his own, and hands on in the clear what he is asked. He gets
 * nothing where each side proves who it is; this shows it.
 */

#include <talc/talc.h>

#define INTERCEPTION_PATHS_MAX 16

typedef struct interception interception;

typedef struct interception_setup {
    /** The interceptor's credentials, as those of a server and of a client. Their events, contexts and
     * failure are set here. Copied as talc_config says. */
    talc_config towards_clients;
    talc_config towards_server;
    const char *listen_uri;
    const char *server_uri;
    const char *const *paths; /**< that he serves, ends with NULL; up to INTERCEPTION_PATHS_MAX */
    /** A line for the operator: what a side says of the handshake with it. May be NULL. */
    void (*told)(void *context, const char *line);
    void *context;
    talc_failure *failure; /**< why interception_new() failed; never NULL */
} interception_setup;

/** What came of it so far. */
typedef struct interception_report {
    unsigned clients_opened;  /**< sessions with clients that took us for their server */
    unsigned clients_refused; /**< handshakes with clients that did not */
    unsigned server_answered; /**< requests that the server answered to us */
    unsigned server_refused;  /**< requests that ended otherwise, handshake and all */
    unsigned seen;            /**< requests of clients that were read in the clear */
    char server_reason[TALC_FAILURE_TEXT_SIZE];
    char client_reason[TALC_FAILURE_TEXT_SIZE];
} interception_report;

/** For interception_free(). Other statuses: `*made` is NULL, and the setup's failure tells why. */
talc_status interception_new(interception **made, const interception_setup *setup);
void interception_free(interception *in);

/** Asks the server for the first path, with our own handshake. Once is enough to see whether it
 * takes us. */
void interception_try_server(interception *in);

/** Does what can be done without waiting. */
void interception_process(interception *in);

/** Milliseconds until the next call. */
uint32_t interception_timeout_ms(const interception *in);

/** Waits at most `timeout_ms` for something to do, and does it. */
void interception_wait(interception *in, uint32_t timeout_ms);

const interception_report *interception_report_of(const interception *in);

uint16_t interception_port(const interception *in);

#endif
