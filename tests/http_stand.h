/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_HTTP_STAND_H
#define TALC_TESTS_HTTP_STAND_H

/** An HTTP server that notes what arrives and answers, or keeps the handles, and callers for it.
 * Whatever goes wrong in the plumbing fails the running test. Include it after cmocka.h. */

#include "tests/http_caller.h"
#include "transport/http_server.h"

#define HTTP_STAND_BODY_SIZE 4000u
#define HTTP_STAND_HEADER_SIZE 2000u
#define HTTP_STAND_REQUEST_TIMEOUT_MS 10000u
#define HTTP_STAND_IDLE_TIMEOUT_MS 20000u
#define HTTP_STAND_HELD_MAX 16

#define HOST "Host: here\r\n" /**< a line of every request */

typedef struct http_stand {
    talc_http_server *server;
    talc_http_server_setup setup;
    http_loop loop;
    uint16_t port;
    /* how it answers; the test sets it */
    talc_http_message answer;
    int hold;    /**< keeps the handle in `held` */
    int is_mute; /**< gives it back without an answer */
    /* what it has seen; of a request: the last one */
    size_t inbounds;
    char method[32], target[2048], fields[4096], peer[80];
    uint8_t body[HTTP_STAND_BODY_SIZE + 1];
    size_t body_size;
    void *held[HTTP_STAND_HELD_MAX];
    size_t held_count;
} http_stand;

/** For cmocka: makes one and opens it with the sizes above. The tear-down gives back what is held.
 */
int http_stand_setup(void **state);
int http_stand_teardown(void **state);

/** Closes it and opens it again with what stands in `setup` now. */
void http_stand_reopen(http_stand *of);

http_caller *http_stand_call(const http_stand *of);

/** One request on its own connection; the status, 0 if there was no answer. */
unsigned http_stand_ask(const http_stand *of, const char *text);

/** Fails the test unless a good request is answered with 200. */
void http_stand_serves(const http_stand *of);

/** Turns until it has so many connections, or has had so many requests. */
void http_stand_await_connections(const http_stand *of, size_t count);
void http_stand_await_inbounds(const http_stand *of, size_t count);

/** Bytes that the program has allocated. */
size_t http_stand_heap_size(void);

#endif
