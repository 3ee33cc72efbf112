/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/http_played.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---------------------------------------------------------------- connections */

static void watch(http_played *server, int operation, int socket, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = socket };
    assert_int_equal(epoll_ctl(server->descriptor, operation, socket, &event), 0);
}

static void end(http_played_connection *connection)
{
    close(connection->socket); /* leaves the epoll set with it */
    connection->socket = -1;
    connection->pouring = NULL;
}

static http_played_connection *free_connection(http_played *server)
{
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        if (server->connections[i].socket < 0) {
            return &server->connections[i];
        }
    }
    fail_msg("more connections than a played server has room for");
    return NULL;
}

static void take_connection(http_played *server)
{
    int accepted = accept4(server->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) {
        return;
    }
    http_played_connection *connection = free_connection(server);
    char *request = connection->request;
    if (request == NULL) {
        request = malloc(HTTP_PLAYED_REQUEST_SIZE + 1);
        assert_non_null(request);
    }
    *connection = (http_played_connection){
        .server = server, .socket = accepted, .number = ++server->accepted, .request = request
    };
    watch(server, EPOLL_CTL_ADD, accepted, EPOLLIN);
}

/* ---------------------------------------------------------------- requests */

static size_t announced_body_size(const char *header)
{
    const char *field = strcasestr(header, "\r\nContent-Length:");
    return field == NULL ? 0 : (size_t)strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
}

static size_t whole_size(const http_played_connection *connection)
{
    const char *blank = strstr(connection->request, "\r\n\r\n");
    if (blank == NULL) {
        return 0;
    }
    size_t header_size = (size_t)(blank - connection->request) + 4;
    size_t size = header_size + announced_body_size(connection->request);
    return connection->request_size >= size ? size : 0;
}

static void take_bytes(http_played_connection *connection)
{
    /* A whole request stays to be looked at until the next one begins. */
    if (connection->header_size > 0) {
        connection->request_size = 0;
        connection->header_size = 0;
    }
    size_t room = HTTP_PLAYED_REQUEST_SIZE - connection->request_size;
    assert_true(room > 0);
    ssize_t count =
        recv(connection->socket, connection->request + connection->request_size, room, 0);
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN) {
            connection->server->endings++;
            end(connection);
        }
        return;
    }
    connection->request_size += (size_t)count;
    connection->request[connection->request_size] = '\0';
    if (whole_size(connection) > 0) {
        connection->header_size =
            (size_t)(strstr(connection->request, "\r\n\r\n") - connection->request) + 4;
        connection->requests++;
        connection->server->requests++;
        connection->server->script(connection);
    }
}

static void pour(http_played_connection *connection)
{
    size_t size = strlen(connection->pouring);
    for (int i = 0; i < 64; i++) {
        ssize_t sent = send(connection->socket, connection->pouring, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) {
                connection->server->endings++;
                end(connection);
            }
            return;
        }
        connection->poured += (size_t)sent;
    }
}

void http_played_turn(http_played *server)
{
    struct epoll_event ready[HTTP_PLAYED_CONNECTIONS_MAX];
    int count = epoll_wait(server->descriptor, ready, HTTP_PLAYED_CONNECTIONS_MAX, 0);
    for (int i = 0; i < count; i++) {
        if (ready[i].data.fd == server->listening) {
            take_connection(server);
        }
    }
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        http_played_connection *connection = &server->connections[i];
        if (connection->socket >= 0) {
            take_bytes(connection);
        }
        if (connection->socket >= 0 && connection->pouring != NULL) {
            pour(connection);
        }
    }
}

const char *http_played_body(const http_played_connection *from)
{
    return from->request + from->header_size;
}

/* ---------------------------------------------------------------- answers */

void http_played_send(http_played_connection *to, const char *text)
{
    size_t size = strlen(text);
    ssize_t sent = send(to->socket, text, size, MSG_NOSIGNAL);
    assert_true(sent < 0 ? errno == EPIPE || errno == ECONNRESET : (size_t)sent == size);
}

void http_played_pour(http_played_connection *to, const char *text)
{
    to->pouring = text;
    watch(to->server, EPOLL_CTL_MOD, to->socket, EPOLLIN | EPOLLOUT);
}

void http_played_hang_up(http_played_connection *to)
{
    end(to);
}

void http_played_reset(http_played_connection *to)
{
    const struct linger at_once = { .l_onoff = 1 };
    assert_int_equal(setsockopt(to->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    end(to);
}

void http_played_text(http_played_connection *from)
{
    http_played_send(from, from->server->text);
}

void http_played_text_and_end(http_played_connection *from)
{
    http_played_send(from, from->server->text);
    http_played_hang_up(from);
}

void http_played_silence(http_played_connection *from)
{
    (void)from;
}

/* ---------------------------------------------------------------- the server */

void http_played_open(http_played *server, http_played_script *script)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(server, 0, sizeof *server);
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        server->connections[i].socket = -1;
    }
    server->script = script;
    server->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(server->listening >= 0);
    assert_int_equal(bind(server->listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listening, HTTP_PLAYED_CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(server->listening, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    snprintf(server->uri, sizeof server->uri, "http://127.0.0.1:%u", (unsigned)server->port);
    server->descriptor = epoll_create1(EPOLL_CLOEXEC);
    assert_true(server->descriptor >= 0);
    watch(server, EPOLL_CTL_ADD, server->listening, EPOLLIN);
}

void http_played_close(http_played *server)
{
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        if (server->connections[i].socket >= 0) {
            end(&server->connections[i]);
        }
        free(server->connections[i].request);
    }
    close(server->listening);
    close(server->descriptor);
}
