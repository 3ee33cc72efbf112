/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_HTTP_PLAYED_H
#define TALC_TESTS_HTTP_PLAYED_H

/** An HTTP server that a script plays in the test's own loop: it sends exact bytes, whatever HTTP
 * says of them. */

#include <stddef.h>
#include <stdint.h>

#define HTTP_PLAYED_CONNECTIONS_MAX 96
#define HTTP_PLAYED_REQUEST_SIZE 2000000

typedef struct http_played http_played;

typedef struct http_played_connection {
    http_played *server;
    int socket;      /* -1: none, or it has ended */
    unsigned number; /* 1 is the first that was accepted */
    unsigned requests;
    char *request; /* the last whole one, NUL-terminated */
    size_t request_size;
    size_t header_size;  /* of it; 0: it is not there yet */
    const char *pouring; /* sent again and again; NULL: nothing */
    size_t poured;       /* bytes */
} http_played_connection;

/** Gets each whole request and answers it or not. */
typedef void http_played_script(http_played_connection *from);

struct http_played {
    int descriptor; /* readable when http_played_turn() has something to do */
    int listening;
    uint16_t port;
    char uri[64]; /* "http://127.0.0.1:port" */
    http_played_script *script;
    void *context;    /* the test's */
    const char *text; /* likewise: what a script may answer */
    unsigned accepted;
    unsigned requests;
    unsigned endings; /* connections that the other side has ended */
    http_played_connection connections[HTTP_PLAYED_CONNECTIONS_MAX];
};

void http_played_open(http_played *server, http_played_script *script);
void http_played_close(http_played *server);

/** Takes what has arrived and sends what is poured, without waiting. */
void http_played_turn(http_played *server);

/** Sends a text; it has to fit into the socket's buffer. */
void http_played_send(http_played_connection *to, const char *text);

/** Sends a text again and again until the other side closes. */
void http_played_pour(http_played_connection *to, const char *text);

/** Closes in good order, and with a reset. */
void http_played_hang_up(http_played_connection *to);
void http_played_reset(http_played_connection *to);

/** The body of the last request. */
const char *http_played_body(const http_played_connection *from);

/** Scripts: `text`; `text`, then the end of the connection; silence. */
void http_played_text(http_played_connection *from);
void http_played_text_and_end(http_played_connection *from);
void http_played_silence(http_played_connection *from);

#endif
