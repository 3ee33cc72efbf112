/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/local_port.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct sockaddr_in local_port_address(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int open_socket(int type)
{
    int opened = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(opened >= 0);
    return opened;
}

uint16_t local_port_free(int type)
{
    struct sockaddr_in address = local_port_address(0);
    socklen_t size = sizeof address;
    int bound = open_socket(type);
    assert_int_equal(bind(bound, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(bound, (struct sockaddr *)&address, &size), 0);
    close(bound);
    return ntohs(address.sin_port);
}

int local_port_answers_ping(uint16_t port)
{
    static const uint8_t ping[4] = { 0x40, 0, 0, 1 };
    uint8_t pong[64];
    struct sockaddr_in address = local_port_address(port);
    int asking = open_socket(SOCK_DGRAM);
    assert_int_equal(connect(asking, (struct sockaddr *)&address, sizeof address), 0);
    struct pollfd readable = { .fd = asking, .events = POLLIN };
    (void)!send(asking, ping, sizeof ping, 0);
    (void)poll(&readable, 1, LOCAL_PORT_PING_MS);
    int answered = recv(asking, pong, sizeof pong, MSG_DONTWAIT) == 4;
    close(asking);
    return answered;
}

int local_port_takes_connections(uint16_t port)
{
    struct sockaddr_in address = local_port_address(port);
    int asking = open_socket(SOCK_STREAM);
    int connected = connect(asking, (struct sockaddr *)&address, sizeof address) == 0;
    close(asking);
    return connected;
}
