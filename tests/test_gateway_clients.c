/* SPDX-License-Identifier: MIT */
/* What a gateway has to outlive of its clients: those that leave in the middle, trickle and flood.
 * After each of them a good request passes, both ways, and its memory stays bounded. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/gateway_survivor.h"

static void send_and_leave(const char *text)
{
    int asking = survivor_connect(survivor.http_port, SOCK_STREAM);
    (void)!send(asking, text, strlen(text), MSG_NOSIGNAL);
    close(asking);
}

static void http_clients_leave(void **state)
{
    char text[256];
    (void)state;
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text,
                 "PUT /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\n"
                 "Content-Length: 60000\r\n\r\nonly this",
                 survivor.coap_origin.ports[0]);
        send_and_leave(text);
        snprintf(text, sizeof text,
                 "GET /hc/coap://127.0.0.1:%u/%s HTTP/1.1\r\nHost: gate.test\r\n\r\n",
                 survivor.coap_origin.ports[0], i % 50 == 0 ? "silent" : "good");
        send_and_leave(text);
        if (i % SURVIVOR_GOOD_EVERY == 0) {
            survivor_passes();
        }
    }
    survivor_expect_bounds("HTTP clients that leave");
}

/* A byte at a time, and never enough of them. */
static void slow_http_clients_are_cut_off(void **state)
{
    static const char line[] = "GET /hc/x HTTP/1.1\r\n";
    static const char text[] = "X-Slow: a";
    char answer[1024];
    int asking[100];
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        asking[i] = survivor_connect(survivor.http_port, SOCK_STREAM);
        (void)!send(asking[i], line, sizeof line - 1, MSG_NOSIGNAL);
    }
    for (size_t at = 0; at < 8; at++) {
        for (size_t i = 0; i < 100; i++) {
            (void)!send(asking[i], text + at, 1, MSG_NOSIGNAL);
        }
        survivor_passes();
    }
    for (size_t i = 0; i < 100; i++) {
        /* The end comes although nothing more is sent. */
        struct pollfd readable = { .fd = asking[i], .events = POLLIN };
        assert_int_equal(poll(&readable, 1, SURVIVOR_PATIENCE_MS), 1);
        (void)survivor_read_to_end(asking[i], answer, sizeof answer);
        close(asking[i]);
    }
    survivor_expect_bounds("slow HTTP clients");
}

static int connect_from(const char *own)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(own) };
    int connected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(connected >= 0);
    assert_int_equal(bind(connected, (struct sockaddr *)&address, sizeof address), 0);
    address.sin_port = htons(survivor.http_port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(connected, (struct sockaddr *)&address, sizeof address), 0);
    return connected;
}

/* The connections that one address has leave as many for the others. */
static void one_http_client_leaves_room(void **state)
{
    enum { HIS = 256, MORE = 300 };
    static const char text[] =
        "GET /nothing HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n";
    char answer[4096];
    int asking[MORE];
    (void)state;
    for (size_t i = 0; i < MORE; i++) {
        asking[i] = connect_from("127.0.0.3");
    }
    for (size_t i = HIS; i < MORE; i++) {
        struct pollfd readable = { .fd = asking[i], .events = POLLIN };
        assert_int_equal(poll(&readable, 1, SURVIVOR_PATIENCE_MS), 1);
        assert_int_equal(survivor_read_to_end(asking[i], answer, sizeof answer), 0);
    }
    const int served[] = { asking[0], asking[HIS - 1], connect_from("127.0.0.4") };
    for (size_t i = 0; i < 3; i++) {
        (void)!send(served[i], text, sizeof text - 1, MSG_NOSIGNAL);
        assert_true(survivor_read_to_end(served[i], answer, sizeof answer) > 0);
        assert_int_equal(strncmp(answer, "HTTP/1.1 ", 9), 0);
    }
    close(served[2]);
    for (size_t i = 0; i < MORE; i++) {
        close(asking[i]);
    }
    survivor_passes();
    survivor_expect_bounds("an HTTP client with many connections");
}

/* Sends up to a gigabyte and says how much was taken before the gateway ended it. */
static size_t flood(const char *header, const char *piece_head)
{
    static char piece[65536];
    size_t sent = 0;
    ssize_t took = 1;
    int asking = survivor_connect(survivor.http_port, SOCK_STREAM);
    memset(piece, 'x', sizeof piece);
    memcpy(piece, piece_head, strlen(piece_head));
    memcpy(piece + sizeof piece - 2, "\r\n", 2);
    (void)!send(asking, header, strlen(header), MSG_NOSIGNAL);
    while (took > 0 && sent < (size_t)1 << 30) {
        struct pollfd writable = { .fd = asking, .events = POLLOUT };
        took = poll(&writable, 1, SURVIVOR_PATIENCE_MS) == 1
                   ? send(asking, piece, sizeof piece, MSG_NOSIGNAL)
                   : -1;
        sent += took > 0 ? (size_t)took : 0;
    }
    close(asking);
    return sent;
}

static void http_clients_flood(void **state)
{
    char header[256];
    (void)state;
    snprintf(header, sizeof header,
             "PUT /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\n"
             "Content-Length: 1073741824\r\n\r\n",
             survivor.coap_origin.ports[0]);
    assert_true(flood(header, "") < (size_t)64 << 20);
    snprintf(header, sizeof header,
             "PUT /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\n"
             "Transfer-Encoding: chunked\r\n\r\n",
             survivor.coap_origin.ports[0]);
    assert_true(flood(header, "fff8\r\n") < (size_t)64 << 20);
    assert_true(flood("GET / HTTP/1.1\r\nX: ", "") < (size_t)64 << 20);
    survivor_expect_bounds("HTTP clients that flood");
}

/* Begins bodies that never end, and asks for bodies that it never takes, from many ports. */
static void coap_clients_leave(void **state)
{
    static const uint8_t token[4] = { 9, 9, 9, 9 };
    char payload[512];
    (void)state;
    memset(payload, 'p', sizeof payload);
    for (unsigned i = 0; i < 300; i++) {
        wire_message request;
        int asking = survivor_connect(survivor.coap_port, SOCK_DGRAM);
        wire_begin(&request, WIRE_CON, 3, (uint16_t)i, token, sizeof token);
        wire_text(&request, WIRE_URI_PATH, "site");
        wire_text(&request, WIRE_URI_PATH, "echo");
        wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(0, 1, 5));
        wire_uint(&request, WIRE_SIZE1, 0x10000000);
        wire_payload(&request, payload, sizeof payload);
        (void)!send(asking, request.bytes, request.size, 0);
        survivor_write_request(&request, "/bytes/60000");
        (void)!send(asking, request.bytes, request.size, 0);
        close(asking);
        if (i % SURVIVOR_GOOD_EVERY == 0) {
            survivor_passes();
        }
    }
    survivor_expect_bounds("CoAP clients that leave");
}

static void coap_clients_flood(void **state)
{
    char payload[512];
    wire_message request, response;
    unsigned number = 0;
    int asking = survivor_connect(survivor.coap_port, SOCK_DGRAM);
    (void)state;
    memset(payload, 'p', sizeof payload);
    do {
        const uint8_t token[4] = { 8, 8, (uint8_t)(number >> 8), (uint8_t)number };
        wire_begin(&request, WIRE_CON, 3, (uint16_t)(1000 + number), token, sizeof token);
        wire_text(&request, WIRE_URI_PATH, "site");
        wire_text(&request, WIRE_URI_PATH, "echo");
        wire_uint(&request, WIRE_CONTENT_FORMAT, 42);
        wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(number, 1, 5));
        wire_payload(&request, payload, sizeof payload);
        survivor_await_response(asking, &request, &response);
        number++;
    } while (wire_code(&response) == WIRE_CODE(2, 31) && number < 1000);
    close(asking);
    assert_int_equal(wire_code(&response), WIRE_CODE(4, 13));
    survivor_expect_bounds("a CoAP client that floods");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_clients_leave),
        cmocka_unit_test(slow_http_clients_are_cut_off),
        cmocka_unit_test(one_http_client_leaves_room),
        cmocka_unit_test(http_clients_flood),
        cmocka_unit_test(coap_clients_leave),
        cmocka_unit_test(coap_clients_flood),
    };
    return cmocka_run_group_tests(tests, survivor_start, survivor_stop);
}
