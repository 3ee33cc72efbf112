/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_CLIENT_H
#define TALC_TRANSPORT_HTTP_CLIENT_H

/**
 * An HTTP client: requests and their responses over http and https, many at once, in the caller's
 * event loop. http_client.c fills it with libcurl's multi interface, http_client_absent.c where
 * HTTP is left out. The carrier (http_carrier.c) and the gateway are its users.
 *
 * It follows no redirect, undoes no content coding, keeps no cookie, reads no .netrc and takes no
 * proxy from the environment. It never waits (names are resolved in a thread), calls back only
 * from within process(), and is used by one thread.
 *
 * Connections are kept and used again, but after an exchange that did not end well, and where
 * bytes came that nobody asked for. A request that leaves by a kept connection which proves dead
 * is sent again if its method is idempotent (RFC 9110 section 9.2.2), and never otherwise.
 *
 * Exchanges above connections_max wait for their turn, in their order. Of a response's header that
 * counts against header_size which comes in all: interim responses (1xx) and trailers, too. They
 * are not among its fields. It has at most 256 fields.
 */

#include "talc/status.h"
#include "transport/http_message.h"

typedef struct talc_http_client talc_http_client;

/** How an exchange ended. */
typedef enum talc_http_end {
    TALC_HTTP_ANSWERED,    /**< `response` is there, whole */
    TALC_HTTP_UNREACHABLE, /**< no connection, also not in time; nothing was sent */
    TALC_HTTP_INSECURE,    /**< https: the peer could not be verified; nothing was sent */
    TALC_HTTP_LOST,        /**< the connection or its framing broke before the response was whole */
    TALC_HTTP_LATE,        /**< timeout_ms has passed; nothing was sent if it was still waiting */
    TALC_HTTP_TOO_LARGE,   /**< the response's header or body is above the limit */
    TALC_HTTP_MALFORMED,   /**< what came is not HTTP */
    TALC_HTTP_NO_MEMORY
} talc_http_end;

/** Pointers are the client's, valid during the call. */
typedef struct talc_http_result {
    uint32_t number; /**< as in the request */
    talc_http_end end;
    const talc_http_message *response; /**< NULL unless answered */
    const char *reason; /**< never NULL; "" when answered, else one line that names the peer */
} talc_http_result;

/** Where connections may go, whatever a name resolves to. */
typedef enum talc_http_addresses {
    TALC_HTTP_ALL_ADDRESSES,
    TALC_HTTP_ADDRESSES_OF_ONE_HOST /**< as host_address.h has it; others are passed over */
} talc_http_addresses;

/** All pointers are the caller's, used during the call only, but `ended` and its context. */
typedef struct talc_http_client_setup {
    const char *proxy_uri; /**< "http://host:port": a forward proxy for all requests; NULL: none */
    const char *anchors_path; /**< PEM file of trust anchors for https; NULL: the system's, whose
                                      reading takes some 0.1 s of each new connection */
    size_t body_size;         /**< largest body of a response */
    size_t header_size;       /**< largest header of a response, in bytes */
    size_t exchanges_max;     /**< open at once */
    size_t connections_max;   /**< likewise; above 0 */
    size_t kept_max;          /**< of them, for later; 0: as many as connections_max */
    talc_http_addresses addresses;
    uint32_t connect_timeout_ms; /**< until a connection stands, its TLS counted */
    uint32_t timeout_ms;         /**< of an exchange, from send() to the last byte; 0: no limit */
    /** From process() only; may send and cancel. */
    void (*ended)(void *context, const talc_http_result *result);
    void *context;
} talc_http_client_setup;

/** Whether a text is a whole URL that can be sent to: http or https, printable ASCII, without user
 * name. */
int talc_http_is_url(const char *text);

/** On TALC_OK `*client` is the caller's: talc_http_client_close(). On error it is NULL and
 * `failure` (never NULL) tells why: TALC_ERROR_ARGUMENT (proxy), TALC_ERROR_TRUST (anchors),
 * TALC_ERROR_MEMORY, TALC_ERROR_IO, TALC_ERROR_UNSUPPORTED (this build has no HTTP). */
talc_status talc_http_client_open(talc_http_client **client, const talc_http_client_setup *setup,
                                  talc_failure *failure);

/** Starts an exchange; all of `request` is copied. `number` names it in its result and is not in
 * use. `attempt` above 0: over a new connection. TALC_OK: it will end; TALC_WANT_ROOM:
 * exchanges_max are open; TALC_ERROR_ARGUMENT: no http or https URL, one with a user name, the
 * method CONNECT, a body with HEAD, a field that talc_http_message does not allow;
 * TALC_ERROR_MEMORY. */
talc_status talc_http_client_send(talc_http_client *client, uint32_t number, uint32_t attempt,
                                  const talc_http_message *request);

/** Forgets an exchange, without callback; unknown ones are allowed. */
void talc_http_client_cancel(talc_http_client *client, uint32_t number);

/** These three as in talc_carrier; the descriptor is one epoll(7) descriptor for all connections.
 */
talc_status talc_http_client_process(talc_http_client *client);
int talc_http_client_descriptor(const talc_http_client *client);
uint32_t talc_http_client_timeout_ms(const talc_http_client *client);

/** Ends all without callbacks. NULL is allowed. */
void talc_http_client_close(talc_http_client *client);

#endif
