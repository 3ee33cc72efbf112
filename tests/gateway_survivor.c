/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/gateway_survivor.h"

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

#define BUSY_TRIES_MAX 200
#define BUSY_MS 20

#define GROWTH_KIB 16384ul /* of resident memory since the first good requests */
#define PEAK_KIB 32768ul   /* of its highest point, likewise */
#define DESCRIPTORS 100u /* kept connections to HTTP origins (64), sockets to CoAP origins, slack */
#define TURN_MS 50
#define TURNS_MAX 800

gateway_survivor survivor;
static uint64_t generator;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = generator += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t survivor_random(size_t limit)
{
    return (size_t)(next_random() % limit);
}

/* ---------------------------------------------------------------- good requests */

int survivor_connect(uint16_t port, int kind)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int connected = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    assert_true(connected >= 0);
    assert_int_equal(connect(connected, (struct sockaddr *)&address, sizeof address), 0);
    return connected;
}

void survivor_write_request(wire_message *request, const char *path)
{
    static uint16_t id;
    char uri[128];
    uint8_t token[4];
    uint64_t random = next_random();
    memcpy(token, &random, sizeof token);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u%s", survivor.http_origin.ports[0], path);
    wire_begin(request, WIRE_CON, 1, ++id, token, sizeof token);
    wire_text(request, WIRE_PROXY_URI, uri);
}

void survivor_await_response(int asking, const wire_message *request, wire_message *response)
{
    struct pollfd readable = { .fd = asking, .events = POLLIN };
    size_t wanted, size;
    for (int waited_ms = 0; waited_ms < SURVIVOR_PATIENCE_MS; waited_ms += 2000) {
        (void)!send(asking, request->bytes, request->size, 0);
        while (poll(&readable, 1, 2000) == 1) {
            ssize_t got = recv(asking, response->bytes, sizeof response->bytes, 0);
            response->size = got > 0 ? (size_t)got : 0;
            if (response->size < 4 || wire_code(response) == 0) {
                continue;
            }
            const uint8_t *token = wire_token(request, &wanted);
            const uint8_t *theirs = wire_token(response, &size);
            if (size == wanted && memcmp(token, theirs, size) == 0) {
                return;
            }
        }
    }
    fail_msg("a good request got no response");
}

static void acknowledge(int asking, const wire_message *response)
{
    wire_message empty;
    if (wire_type(response) == WIRE_CON) {
        wire_begin(&empty, WIRE_ACK, 0, wire_id(response), NULL, 0);
        (void)!send(asking, empty.bytes, empty.size, 0);
    }
}

static void ask_coap(wire_message *response)
{
    wire_message request;
    int asking = survivor_connect(survivor.coap_port, SOCK_DGRAM);
    survivor_write_request(&request, "/bytes/300");
    survivor_await_response(asking, &request, response);
    acknowledge(asking, response);
    close(asking);
}

/* 5.03 says that the origin still has as many requests as it may have at once: those of the others,
 * who have just left. It answers them in its own time. */
void survivor_passes_coap(void)
{
    wire_message response;
    ask_coap(&response);
    for (int tries = 0; tries < BUSY_TRIES_MAX && wire_code(&response) == WIRE_CODE(5, 3); tries++) {
        (void)poll(NULL, 0, BUSY_MS);
        ask_coap(&response);
    }
    if (wire_code(&response) != WIRE_CODE(2, 5)) {
        size_t size;
        const uint8_t *words = wire_payload_find(&response, &size);
        fail_msg("a good request got %u.%02u %.*s", wire_code(&response) >> 5,
                 wire_code(&response) & 31, (int)size, (const char *)words);
    }
}

size_t survivor_read_to_end(int connected, char *text, size_t capacity)
{
    struct pollfd readable = { .fd = connected, .events = POLLIN };
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size + 1 < capacity && poll(&readable, 1, SURVIVOR_PATIENCE_MS) == 1) {
        got = recv(connected, text + size, capacity - 1 - size, 0);
        size += got > 0 ? (size_t)got : 0;
    }
    text[size] = '\0';
    return size;
}

void survivor_passes_http(void)
{
    char text[2048];
    int asking = survivor_connect(survivor.http_port, SOCK_STREAM);
    snprintf(text, sizeof text,
             "GET /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\n"
             "Connection: close\r\n\r\n",
             survivor.coap_origin.ports[0]);
    assert_true(send(asking, text, strlen(text), MSG_NOSIGNAL) > 0);
    (void)survivor_read_to_end(asking, text, sizeof text);
    close(asking);
    if (strstr(text, " 200 ") == NULL || strstr(text, "good") == NULL) {
        fail_msg("a good request got %s", text);
    }
}

void survivor_passes(void)
{
    survivor_passes_coap();
    survivor_passes_http();
}

/* ---------------------------------------------------------------- the bounds */

int survivor_start(void **state)
{
    (void)state;
    origin_script_start(&survivor.http_origin, "tests/http_origin.py");
    origin_script_start(&survivor.coap_origin, "tests/coap_origin.py");
    gateway_process_start(&survivor.gateway,
                          "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --timeout 2 "
                          "--quiet --ready-fd 1 --allow http://127.0.0.1:%u "
                          "--allow coap://127.0.0.1:%u --route /site=http://127.0.0.1:%u",
                          survivor.http_origin.ports[0], survivor.coap_origin.ports[0],
                          survivor.http_origin.ports[0]);
    survivor.coap_port = survivor.gateway.ports[0];
    survivor.http_port = survivor.gateway.ports[1];
    generator = 20260101;
    for (int i = 0; i < 20; i++) {
        survivor_passes();
    }
    process_usage_read(&survivor.before, survivor.gateway.process);
    return 0;
}

int survivor_stop(void **state)
{
    (void)state;
    gateway_process_stop(&survivor.gateway);
    started_program_stop(&survivor.http_origin);
    started_program_stop(&survivor.coap_origin);
    return 0;
}

void survivor_expect_bounds(const char *what)
{
    process_usage after;
    unsigned turns = 0;
    do { /* connections that were left end a little later */
        survivor_passes();
        process_usage_read(&after, survivor.gateway.process);
        (void)poll(NULL, 0, TURN_MS);
    } while (after.descriptors > survivor.before.descriptors + DESCRIPTORS && ++turns < TURNS_MAX);
    print_message("%s: resident %lu -> %lu KiB, peak %lu -> %lu KiB, descriptors %u -> %u\n", what,
                  survivor.before.resident_kib, after.resident_kib, survivor.before.peak_kib,
                  after.peak_kib, survivor.before.descriptors, after.descriptors);
    assert_true(after.descriptors <= survivor.before.descriptors + DESCRIPTORS);
#ifndef TALC_SAMPLED
    assert_true(after.resident_kib <= survivor.before.resident_kib + GROWTH_KIB);
    assert_true(after.peak_kib <= survivor.before.peak_kib + PEAK_KIB);
#endif
}
