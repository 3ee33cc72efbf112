/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_SERVER_H
#define TALC_TRANSPORT_HTTP_SERVER_H

/**
 * An HTTP server: an endpoint, whole requests, responses at once and later, in the caller's event
 * loop. http_server.c fills it with libmicrohttpd, http_server_absent.c where HTTP is left out.
 * The listener (http_listener.c) and the gateway are its users.
 *
 * Everything that a peer can make grow is bounded: header, body, connections in all and of one
 * address, and time, of which no byte buys more: a connection is closed when it has no request
 * line idle_timeout_ms after it began or its last response ended, when header and body are not
 * there request_timeout_ms after that line, when the response is not taken request_timeout_ms
 * after it was given. Whoever takes the last of connections_max places ends the connection that
 * has waited longest without a request, else the one whose request began first and is not whole,
 * else the one that has been given a response first and has not taken all of it; those whose
 * requests are held stay. A peer that says no more is let go as soon as its last request is
 * answered; while a request is held it counts as gone (libmicrohttpd cannot tell the two apart),
 * and its answer reaches nobody.
 *
 * Refused by the server itself: what is no HTTP, bytes that no header has, folded lines, framing
 * that two servers could take for different things, no Host (in HTTP/1.1), two of them or what is
 * no host, more than 256 bytes of Connection fields (400), a large header (431) or body (413). It
 * closes the connection then. It calls back only from within process(), and is used by one thread.
 */

#include "talc/status.h"
#include "transport/http_message.h"

#define TALC_HTTP_PEER_PORT_SIZE 2 /**< bytes at the end of a peer's address that are its port */

typedef struct talc_http_server talc_http_server;

#define TALC_HTTP_BODIES_SIZE_MAX ((size_t)16 << 20) /**< bytes of all bodies together; 503 above */

/** A whole request. Pointers are the server's, valid during the call. */
typedef struct talc_http_inbound {
    const talc_http_message *request;
    const void *peer; /**< the sender's address (family, address, port) as bytes, to compare only;
                         another connection of the same sender has another port */
    size_t peer_size; /**< bytes, at most 64 */
    const char *peer_text; /**< "192.0.2.1:4711", "[2001:db8::1]:4711" */
    void *reply; /**< a handle: it is given back in exactly one call of talc_http_server_reply() */
} talc_http_inbound;

typedef struct talc_http_server_events {
    void *context;
    /** From within it talc_http_server_reply() may be called. */
    void (*inbound)(void *context, const talc_http_inbound *inbound);
    /** Bytes that the body of this request may have (its header is there, its body is not), not above
     * body_size. NULL: body_size for all. */
    size_t (*body_limit)(void *context, const talc_http_message *header);
    /** The body of an error of the server's own (400, 413, 431, 503), as static text, with its media
     * type. NULL: a line of plain text. (What libmicrohttpd cannot even read has its own page.) */
    const char *(*error_body)(void *context, unsigned status, const char **media_type);
} talc_http_server_events;

/** All pointers are the caller's, used during the call only; `events` is copied. */
typedef struct talc_http_server_setup {
    const char *
        uri; /**< "http://[::]:8080"; port 0 takes a free one; without a port 80 and, of https, 443 */
    const char *certificate_path; /**< https: PEM file with the certificate and its chain */
    const char *key_path;         /**< https: PEM file; refused when group or others may read it */
    size_t body_size;             /**< largest body of a request; 413 above */
    size_t header_size;           /**< largest header of a request, in bytes; 431 above, and above 100
                                       fields */
    size_t connections_max;       /**< less if the process may not have so many descriptors */
    size_t connections_per_address_max; /**< 0: as many as connections_max */
    uint32_t request_timeout_ms;        /**< of header and body, and of the response */
    uint32_t idle_timeout_ms;           /**< of a connection without a request line */
    talc_http_server_events events;
} talc_http_server_setup;

/** On TALC_OK `*server` is the caller's: talc_http_server_close(). On error it is NULL and
 * `failure` (never NULL) tells why: TALC_ERROR_ARGUMENT (URI, or https without certificate and
 * key), TALC_ERROR_IDENTITY (these cannot be read or used), TALC_ERROR_UNREACHABLE (the address
 * cannot be had), TALC_ERROR_MEMORY, TALC_ERROR_UNSUPPORTED (this build has no HTTP). */
talc_status talc_http_server_open(talc_http_server **server, const talc_http_server_setup *setup,
                                  talc_failure *failure);

/** Answers a request and gives its handle up, at once or later; all of `response` is copied. NULL:
 * no answer, the connection is closed. The peer may be gone: then nothing happens. To HEAD the
 * body is left out and its length told. */
void talc_http_server_reply(talc_http_server *server, void *handle,
                            const talc_http_message *response);

/** These three as in talc_listener; the descriptor is one epoll(7) descriptor for all connections.
 */
talc_status talc_http_server_process(talc_http_server *server);
int talc_http_server_descriptor(const talc_http_server *server);
uint32_t talc_http_server_timeout_ms(const talc_http_server *server);

/** The port that is bound. */
uint16_t talc_http_server_port(const talc_http_server *server);

/** Connections that are open. */
size_t talc_http_server_connections(const talc_http_server *server);

/** Ends all; every handle has been given back before. NULL is allowed. */
void talc_http_server_close(talc_http_server *server);

#endif
