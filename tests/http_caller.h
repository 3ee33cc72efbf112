/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_HTTP_CALLER_H
#define TALC_TESTS_HTTP_CALLER_H

/**
 * An HTTP client that is written by hand: it says exactly what the test wants, in the pieces that
 * the test wants, over a real socket of 127.0.0.1. What it calls runs in the same thread, in
 * http_loop_turn(). Whatever goes wrong in the plumbing fails the running test. Include it after
 * cmocka.h.
 */

#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

#define HTTP_CALLER_MAX 200000

/** What runs beside the callers. */
typedef struct http_loop {
    void *link;
    talc_status (*process)(void *link);
    int (*descriptor)(void *link);
    uint32_t (*timeout_ms)(void *link);
} http_loop;

/** One turn: waits for the loop, or for `socket` (-1: none), at most `timeout_ms`. */
void http_loop_turn(const http_loop *loop, int socket, int timeout_ms);

typedef struct http_caller {
    const http_loop *loop;
    int socket;
    int is_closed; /**< the server has closed the connection, or it broke */
    char received[HTTP_CALLER_MAX + 1];
    size_t size;
    /* the last answer; its strings end with a NUL */
    unsigned status;
    char header[16384];
    char body[HTTP_CALLER_MAX + 1];
    size_t body_size;
    int is_head; /**< the next answer has no body, whatever its header says */
} http_caller;

/** Connects to 127.0.0.1; the server has not seen it yet. For http_caller_close(). */
http_caller *http_caller_open(const http_loop *loop, uint16_t port);
void http_caller_close(http_caller *caller);

/** Sends all of it, unless the connection breaks. */
void http_caller_send(http_caller *caller, const void *bytes, size_t size);
void http_caller_say(http_caller *caller, const char *text);

/** Says no more; still listens. */
void http_caller_finish(http_caller *caller);

/** Waits for a whole answer and takes it. Its status; 0: the connection ended without one. */
unsigned http_caller_answer(http_caller *caller);

/** http_caller_say() and http_caller_answer(). */
unsigned http_caller_ask(http_caller *caller, const char *text);

/** Waits until the server closes the connection. */
void http_caller_await_close(http_caller *caller);

/** 1 if the server has closed the connection, as far as this can be seen without waiting. */
int http_caller_is_over(http_caller *caller);

/** A field of the last answer, as a static copy; NULL: there is none. */
const char *http_caller_field(const http_caller *caller, const char *name);

#endif
