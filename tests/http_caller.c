/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 60
#define TURN_MS 20
#define RESTLESS_MAX 20000u /* turns in which the loop did not want to wait */

void http_loop_turn(const http_loop *loop, int socket, int timeout_ms)
{
    struct pollfd waited[2] = { { loop->descriptor(loop->link), POLLIN, 0 },
                                { socket, POLLIN, 0 } };
    uint32_t wish_ms = loop->timeout_ms(loop->link);
    int wait_ms = wish_ms < (uint32_t)timeout_ms ? (int)wish_ms : timeout_ms;
    static unsigned restless;
    restless = wish_ms == 0 ? restless + 1 : 0;
    if (restless > RESTLESS_MAX) {
        fail_msg("the loop wants to be called again and again");
    }
    assert_true(poll(waited, 2, wait_ms) >= 0 || errno == EINTR);
    assert_int_equal(loop->process(loop->link), TALC_OK);
}

http_caller *http_caller_open(const http_loop *loop, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    http_caller *caller = calloc(1, sizeof *caller);
    const int on = 1;
    assert_non_null(caller);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    caller->loop = loop;
    caller->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(caller->socket >= 0);
    assert_int_equal(connect(caller->socket, (struct sockaddr *)&address, sizeof address), 0);
    /* A second piece would wait for the first one's acknowledgement, which is slow to come. */
    assert_int_equal(setsockopt(caller->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    assert_int_equal(fcntl(caller->socket, F_SETFL, O_NONBLOCK), 0);
    return caller;
}

void http_caller_close(http_caller *caller)
{
    close(caller->socket);
    free(caller);
}

/* ---------------------------------------------------------------- bytes */

/* Takes what is there. */
static void listen_once(http_caller *caller)
{
    ssize_t got =
        recv(caller->socket, caller->received + caller->size, HTTP_CALLER_MAX - caller->size, 0);
    if (got > 0) {
        caller->size += (size_t)got;
        caller->received[caller->size] = '\0';
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        caller->is_closed = 1;
    }
}

static void turn(http_caller *caller)
{
    http_loop_turn(caller->loop, caller->is_closed ? -1 : caller->socket, TURN_MS);
    if (!caller->is_closed) {
        listen_once(caller);
    }
}

void http_caller_send(http_caller *caller, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0 && !caller->is_closed) {
        ssize_t sent = send(caller->socket, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            turn(caller);
        } else {
            return;
        }
    }
}

void http_caller_say(http_caller *caller, const char *text)
{
    http_caller_send(caller, text, strlen(text));
}

void http_caller_finish(http_caller *caller)
{
    assert_int_equal(shutdown(caller->socket, SHUT_WR), 0);
}

/* ---------------------------------------------------------------- answers */

static int takes_too_long(time_t since)
{
    return time(NULL) > since + PATIENCE_S;
}

static void drop_front(http_caller *caller, size_t size)
{
    memmove(caller->received, caller->received + size, caller->size - size + 1);
    caller->size -= size;
}

/* Takes an answer if it is whole. */
static int take_answer(http_caller *caller)
{
    const char *end = memmem(caller->received, caller->size, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    size_t header = (size_t)(end - caller->received) + 2;
    assert_true(header < sizeof caller->header);
    memcpy(caller->header, caller->received, header);
    caller->header[header] = '\0';
    assert_int_equal(sscanf(caller->header, "HTTP/1.%*1u %3u", &caller->status), 1);
    const char *length = http_caller_field(caller, "Content-Length");
    size_t size = length != NULL ? (size_t)atol(length) : 0;
    size = caller->is_head || caller->status == 204 || caller->status == 304 ? 0 : size;
    if (caller->size < header + 2 + size) {
        return 0;
    }
    memcpy(caller->body, caller->received + header + 2, size);
    caller->body[size] = '\0';
    caller->body_size = size;
    drop_front(caller, header + 2 + size);
    return 1;
}

unsigned http_caller_answer(http_caller *caller)
{
    time_t begin = time(NULL);
    while (!take_answer(caller)) {
        if (caller->is_closed) {
            return 0;
        }
        if (takes_too_long(begin)) {
            fail_msg("no answer, but \"%s\"", caller->received);
        }
        turn(caller);
    }
    caller->is_head = 0;
    return caller->status;
}

unsigned http_caller_ask(http_caller *caller, const char *text)
{
    http_caller_say(caller, text);
    return http_caller_answer(caller);
}

void http_caller_await_close(http_caller *caller)
{
    time_t begin = time(NULL);
    while (!caller->is_closed) {
        if (takes_too_long(begin)) {
            fail_msg("the connection stays open");
        }
        turn(caller);
    }
}

int http_caller_is_over(http_caller *caller)
{
    if (!caller->is_closed) {
        listen_once(caller);
    }
    return caller->is_closed;
}

const char *http_caller_field(const http_caller *caller, const char *name)
{
    static char value[1024];
    size_t size = strlen(name);
    const char *line = strchr(caller->header, '\n');
    for (; line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            line += size + 1;
            line += strspn(line, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r"), line);
            return value;
        }
    }
    return NULL;
}
