/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_SERVER_STATE_H
#define TALC_TRANSPORT_HTTP_SERVER_STATE_H

/**
 * What the files of the HTTP server share.
 *
 *     http_server.c           setting up, the loop, connections and their deadlines
 *          | MHD's callbacks
 *     http_server_request.c   a request from its first line to its response
 *          |
 *     http_server_header.c    what a header may hold
 *
 * libmicrohttpd owns connections; it tells of their beginning and end, and of every request's. Its
 * own time-out starts again with each byte, so that deadlines are kept here: a connection is in one
 * phase, and each phase but the waiting for a reply has a list in the order of its deadlines.
 */

#include "transport/http_server.h"
#include "transport/http_server_address.h"

#include <microhttpd.h>

#define TALC_HTTP_FIELDS_MAX 100 /* of a request */

typedef enum talc_http_phase {
    TALC_HTTP_IDLE,                   /* no request line yet, and as long as its TLS is not up */
    TALC_HTTP_RECEIVING,              /* header and body */
    TALC_HTTP_ANSWERING,              /* the response is on its way */
    TALC_HTTP_TIMED,                  /* so many have a list */
    TALC_HTTP_HELD = TALC_HTTP_TIMED, /* the user has the handle */
    TALC_HTTP_ENDING                  /* shut down; libmicrohttpd will notice */
} talc_http_phase;

struct talc_http_request;

typedef struct talc_http_connection {
    struct talc_http_connection *prev, *next; /* in the list of its phase */
    talc_http_server *server;
    int descriptor; /* libmicrohttpd's */
    talc_http_phase phase;
    uint64_t deadline_ms;
    int is_finished;                   /* the peer says no more */
    struct talc_http_request *request; /* NULL between two */
    talc_http_peer peer;
} talc_http_connection;

/* A request. libmicrohttpd is given its address with the request line and gives it back with the
 * request's end; between the two its connection lives too. */
typedef struct talc_http_request {
    talc_http_connection *connection;
    struct MHD_Connection *link;
    char *target;
    const char *seen;        /* where it stood in libmicrohttpd's memory */
    const char *method;      /* libmicrohttpd's, as are the strings of the fields */
    talc_http_field *fields; /* TALC_HTTP_FIELDS_MAX of them have room */
    size_t field_count;
    uint8_t *body;
    size_t body_size, body_capacity, body_limit;
    size_t discarded;              /* bytes of a body that is refused */
    unsigned refused;              /* with this status; 0: not */
    int has_begun;                 /* its header was looked at */
    int is_suspended;              /* and has not answered at once */
    int is_replied;                /* the handle is back */
    unsigned status;               /* of the response */
    struct MHD_Response *response; /* NULL: none will be given */
} talc_http_request;

struct talc_http_server {
    struct MHD_Daemon *daemon;
    talc_http_server_events events;
    size_t body_size, header_size, connections_max;
    uint32_t phase_ms[TALC_HTTP_TIMED];
    talc_http_connection *phases[TALC_HTTP_TIMED]; /* earliest deadline first */
    size_t connections;
    size_t finished; /* of them, those whose peers say no more */
    size_t bodies_size; /* bytes that the bodies of all requests have room for */
    int has_resumed; /* an answer was given that libmicrohttpd does not know of yet */
    int descriptor;  /* epoll(7): libmicrohttpd's own, and the ends of streams */
    uint16_t port;
    char complaint[128]; /* what libmicrohttpd said last, while it is being set up */
};

/* ---------------------------------------------------------------- http_server.c */

/* Goes into a phase; its time begins now. */
void talc_http_connection_enter(talc_http_connection *connection, talc_http_phase phase);

/* Ends it as soon as libmicrohttpd notices, in the next turn. */
void talc_http_connection_end(talc_http_connection *connection);

/* ---------------------------------------------------------------- http_server_request.c */

/* For MHD_OPTION_URI_LOG_CALLBACK (`context` is the server), MHD_AccessHandlerCallback and
 * MHD_OPTION_NOTIFY_COMPLETED. */
void *talc_http_request_start(void *context, const char *target, struct MHD_Connection *link);
enum MHD_Result talc_http_request_handle(void *context, struct MHD_Connection *link,
                                         const char *url, const char *method, const char *version,
                                         const char *bytes, size_t *size, void **slot);
void talc_http_request_end(void *context, struct MHD_Connection *link, void **slot,
                           enum MHD_RequestTerminationCode code);

/* Frees the request of a connection, if there is one. */
void talc_http_request_drop(talc_http_connection *connection);

/* ---------------------------------------------------------------- http_server_header.c */

/* Collects the fields for the user. 0, or the status of a refusal: 400 (a line that is none, bytes
 * that no header has, framing that two servers could take for different things), 431. */
unsigned talc_http_header_read(talc_http_request *request, const char *version);

/* 1 if such a field belongs to one connection and is nobody else's (RFC 9110 section 7.6.1). */
int talc_http_field_is_hop(const char *name);

/* The Content-Length, which talc_http_header_read() found sound; 0 if there is none. */
uint64_t talc_http_content_length(struct MHD_Connection *link);

#endif
