/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/tcp_tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include <cmocka.h>

#define CHUNK 16384

/* One direction of a connection. */
typedef struct flow {
    char *bytes; /* what it carried and the hook still wants */
    size_t size, capacity;
    int is_over;
} flow;

typedef struct connection {
    struct connection *next;
    int ends[2]; /* TCP_TAP_UP: reads the client; TCP_TAP_DOWN: reads the server */
    flow flows[2];
} connection;

struct tcp_tap {
    int listening;
    int events;
    uint16_t port, server_port;
    tcp_tap_hook *hook;
    void *hook_context;
    connection *connections;
};

static struct sockaddr_in loopback_address(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void watch(const tcp_tap *tap, int descriptor)
{
    struct epoll_event event = { .events = EPOLLIN };
    assert_int_equal(epoll_ctl(tap->events, EPOLL_CTL_ADD, descriptor, &event), 0);
}

tcp_tap *tcp_tap_new(uint16_t server_port, tcp_tap_hook *hook, void *context)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    tcp_tap *tap = calloc(1, sizeof *tap);
    assert_non_null(tap);
    tap->server_port = server_port;
    tap->hook = hook;
    tap->hook_context = context;
    tap->events = epoll_create1(EPOLL_CLOEXEC);
    tap->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(tap->listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(tap->listening, 128), 0);
    assert_int_equal(getsockname(tap->listening, (struct sockaddr *)&address, &size), 0);
    tap->port = ntohs(address.sin_port);
    watch(tap, tap->listening);
    return tap;
}

static void connection_free(connection *one)
{
    for (int i = 0; i < 2; i++) {
        close(one->ends[i]);
        free(one->flows[i].bytes);
    }
    free(one);
}

void tcp_tap_free(tcp_tap *tap)
{
    connection *at, *after;
    if (tap == NULL) {
        return;
    }
    LL_FOREACH_SAFE (tap->connections, at, after) {
        connection_free(at);
    }
    close(tap->listening);
    close(tap->events);
    free(tap);
}

uint16_t tcp_tap_port(const tcp_tap *tap)
{
    return tap->port;
}

int tcp_tap_descriptor(const tcp_tap *tap)
{
    return tap->events;
}

/* A server that is not there is for the client to find out. */
static void take_connection(tcp_tap *tap, int client)
{
    static const int on = 1;
    struct sockaddr_in address = loopback_address(tap->server_port);
    connection *made = calloc(1, sizeof *made);
    assert_non_null(made);
    made->ends[TCP_TAP_UP] = client;
    made->ends[TCP_TAP_DOWN] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(made->ends[TCP_TAP_DOWN], (struct sockaddr *)&address, sizeof address) != 0) {
        connection_free(made);
        return;
    }
    for (int i = 0; i < 2; i++) {
        setsockopt(made->ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(tap, made->ends[i]);
    }
    LL_PREPEND(tap->connections, made);
}

static void flow_add(flow *one, const char *bytes, size_t size)
{
    if (one->size + size > one->capacity) {
        one->capacity = 2 * (one->size + size);
        one->bytes = realloc(one->bytes, one->capacity);
        assert_non_null(one->bytes);
    }
    memcpy(one->bytes + one->size, bytes, size);
    one->size += size;
}

static void flow_show(const tcp_tap *tap, flow *one, tcp_tap_direction direction)
{
    size_t done = tap->hook(tap->hook_context, direction, one->bytes, one->size);
    memmove(one->bytes, one->bytes + done, one->size - done);
    one->size -= done;
}

static void flow_end(tcp_tap *tap, connection *one, tcp_tap_direction direction)
{
    one->flows[direction].is_over = 1;
    (void)epoll_ctl(tap->events, EPOLL_CTL_DEL, one->ends[direction], NULL);
    (void)shutdown(one->ends[!direction], SHUT_WR);
}

/* What is sent is less than any socket holds: nobody waits. */
static void flow_pass(tcp_tap *tap, connection *one, tcp_tap_direction direction)
{
    char bytes[CHUNK];
    flow *passing = &one->flows[direction];
    while (!passing->is_over) {
        ssize_t size = recv(one->ends[direction], bytes, sizeof bytes, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (size <= 0 || send(one->ends[!direction], bytes, (size_t)size, MSG_NOSIGNAL) != size) {
            flow_end(tap, one, direction);
            return;
        }
        flow_add(passing, bytes, (size_t)size);
        flow_show(tap, passing, direction);
    }
}

void tcp_tap_process(tcp_tap *tap)
{
    connection *at, *after;
    int client;
    while ((client = accept4(tap->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        take_connection(tap, client);
    }
    LL_FOREACH_SAFE (tap->connections, at, after) {
        flow_pass(tap, at, TCP_TAP_UP);
        flow_pass(tap, at, TCP_TAP_DOWN);
        if (at->flows[TCP_TAP_UP].is_over && at->flows[TCP_TAP_DOWN].is_over) {
            LL_DELETE(tap->connections, at);
            connection_free(at);
        }
    }
}
