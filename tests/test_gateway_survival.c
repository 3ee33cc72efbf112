/* SPDX-License-Identifier: MIT */
/* What a gateway has to outlive, as a process whose memory and descriptors can be measured: malformed
 * requests on both sides, origins and clients that stop, trickle, flood or vanish. After each of
 * them a good request passes, both ways. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/coap_wire.h"
#include "tests/gateway_process.h"

#define COAP 0 /* listeners of the gateway */
#define HTTP 1
#define MALFORMED 10000
#define GOOD_EVERY 20 /* others; below what may wait for one origin */
#define GROWTH_KIB                                                                                 \
    16384UL              /* of resident memory, from the first good requests to the end of a part */
#define PEAK_KIB 32768UL /* of its highest point, likewise */
#define DESCRIPTORS 100u /* kept connections to HTTP origins (64), sockets to CoAP origins, slack */
#define PATIENCE_MS 20000
#define ANSWER_MS 5
#define TURN_MS 50
#define TURNS_MAX 800

static started_program gateway, http_origin, coap_script;
static finished_program run;
static process_usage before;
static uint64_t generator;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = generator += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(size_t limit)
{
    return (size_t)(next_random() % limit);
}

/* ---------------------------------------------------------------- good requests */

static int connect_to(uint16_t port, int kind)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int connected = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    assert_true(connected >= 0);
    assert_int_equal(connect(connected, (struct sockaddr *)&address, sizeof address), 0);
    return connected;
}

static void write_proxy_request(wire_message *request, const char *path)
{
    static uint16_t id;
    char uri[128];
    uint8_t token[4];
    uint64_t random = next_random();
    memcpy(token, &random, sizeof token);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u%s", http_origin.ports[0], path);
    wire_begin(request, WIRE_CON, 1, ++id, token, sizeof token);
    wire_text(request, WIRE_PROXY_URI, uri);
}

/* The response to `request`, which is repeated as CoAP does. */
static void await_response(int asking, const wire_message *request, wire_message *response)
{
    struct pollfd readable = { .fd = asking, .events = POLLIN };
    size_t wanted, size;
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 2000) {
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

static void a_good_coap_request_passes(void)
{
    wire_message request, response;
    int asking = connect_to(gateway.ports[COAP], SOCK_DGRAM);
    write_proxy_request(&request, "/bytes/300");
    await_response(asking, &request, &response);
    acknowledge(asking, &response);
    close(asking);
    if (wire_code(&response) != WIRE_CODE(2, 5)) {
        size_t size;
        const uint8_t *words = wire_payload_find(&response, &size);
        fail_msg("a good request got %u.%02u %.*s", wire_code(&response) >> 5,
                 wire_code(&response) & 31, (int)size, (const char *)words);
    }
}

/* Reads until the other side ends the connection, or nothing comes for `patience_ms`. */
static size_t read_to_end(int connected, char *text, size_t capacity, int patience_ms)
{
    struct pollfd readable = { .fd = connected, .events = POLLIN };
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size + 1 < capacity && poll(&readable, 1, patience_ms) == 1) {
        got = recv(connected, text + size, capacity - 1 - size, 0);
        size += got > 0 ? (size_t)got : 0;
    }
    text[size] = '\0';
    return size;
}

static void a_good_http_request_passes(void)
{
    char text[2048];
    int asking = connect_to(gateway.ports[HTTP], SOCK_STREAM);
    snprintf(text, sizeof text,
             "GET /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\n"
             "Connection: close\r\n\r\n",
             coap_script.ports[0]);
    assert_true(send(asking, text, strlen(text), MSG_NOSIGNAL) > 0);
    (void)read_to_end(asking, text, sizeof text, PATIENCE_MS);
    close(asking);
    if (strstr(text, " 200 ") == NULL || strstr(text, "good") == NULL) {
        fail_msg("a good request got %s", text);
    }
}

static void good_requests_pass(void)
{
    a_good_coap_request_passes();
    a_good_http_request_passes();
}

/* ---------------------------------------------------------------- the bounds */

static int start_all(void **state)
{
    (void)state;
    origin_script_start(&http_origin, "tests/http_origin.py");
    origin_script_start(&coap_script, "tests/coap_origin.py");
    gateway_process_start(&gateway,
                          "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --timeout 2 "
                          "--quiet --ready-fd 1 --allow http://127.0.0.1:%u "
                          "--allow coap://127.0.0.1:%u --route /site=http://127.0.0.1:%u",
                          http_origin.ports[0], coap_script.ports[0], http_origin.ports[0]);
    generator = 20260101;
    for (int i = 0; i < 20; i++) {
        good_requests_pass();
    }
    process_usage_read(&before, gateway.process);
    return 0;
}

static int stop_all(void **state)
{
    (void)state;
    gateway_process_stop(&gateway);
    started_program_stop(&http_origin);
    started_program_stop(&coap_script);
    return 0;
}

/* Sanitizers keep freed memory, so there it is told only. */
static void expect_bounds(const char *what)
{
    process_usage after;
    unsigned turns = 0;
    do { /* connections that were left end a little later */
        good_requests_pass();
        process_usage_read(&after, gateway.process);
        (void)poll(NULL, 0, TURN_MS);
    } while (after.descriptors > before.descriptors + DESCRIPTORS && ++turns < TURNS_MAX);
    print_message("%s: resident %lu -> %lu KiB, peak %lu -> %lu KiB, descriptors %u -> %u\n", what,
                  before.resident_kib, after.resident_kib, before.peak_kib, after.peak_kib,
                  before.descriptors, after.descriptors);
    assert_true(after.descriptors <= before.descriptors + DESCRIPTORS);
#ifndef TALC_SAMPLED
    assert_true(after.resident_kib <= before.resident_kib + GROWTH_KIB);
    assert_true(after.peak_kib <= before.peak_kib + PEAK_KIB);
#endif
}

/* ---------------------------------------------------------------- malformed requests */

/* Changes a few bytes, cuts, doubles or moves pieces. */
static size_t mutate(uint8_t *bytes, size_t size, size_t capacity)
{
    size_t changes = 1 + below(4);
    for (size_t i = 0; i < changes && size > 0; i++) {
        size_t at = below(size), length = 1 + below(size - at);
        switch (below(6)) {
        case 0: bytes[at] ^= (uint8_t)(1u << below(8)); break;
        case 1: bytes[at] = (uint8_t)next_random(); break;
        case 2: size = at; break;
        case 3:
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            break;
        case 4:
            if (size + length <= capacity) {
                memmove(bytes + at + length, bytes + at, size - at);
                size += length;
            }
            break;
        default: bytes[at] = below(2) ? 0xff : 0; break;
        }
    }
    return size;
}

static void write_coap_seed(wire_message *request, size_t which)
{
    uint8_t token[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    char payload[700];
    memset(payload, 'p', sizeof payload);
    switch (which) {
    case 0: write_proxy_request(request, "/bytes/10"); return;
    case 1: write_proxy_request(request, "/bytes/5000"); return;
    case 2:
        wire_begin(request, WIRE_NON, 2, 7, token, 8);
        wire_text(request, WIRE_URI_PATH, "site");
        wire_text(request, WIRE_URI_PATH, "echo");
        wire_uint(request, WIRE_CONTENT_FORMAT, 50);
        wire_payload(request, payload, sizeof payload);
        return;
    case 3:
        wire_begin(request, WIRE_CON, 3, 8, token, 2);
        wire_text(request, WIRE_URI_PATH, "site");
        wire_uint(request, WIRE_CONTENT_FORMAT, 42);
        wire_uint(request, WIRE_BLOCK1, WIRE_BLOCK(0, 1, 5));
        wire_uint(request, WIRE_SIZE1, 60000);
        wire_payload(request, payload, 512);
        return;
    case 4:
        wire_begin(request, WIRE_CON, 1, 9, token, 4);
        wire_text(request, WIRE_URI_HOST, "127.0.0.1");
        wire_uint(request, WIRE_URI_PORT, http_origin.ports[0]);
        wire_text(request, WIRE_URI_PATH, "bytes");
        wire_text(request, WIRE_URI_PATH, "3000");
        wire_uint(request, WIRE_BLOCK2, WIRE_BLOCK(1, 0, 5));
        wire_text(request, WIRE_PROXY_SCHEME, "http");
        return;
    case 5: wire_begin(request, WIRE_RST, 0, 10, NULL, 0); return;
    default:
        wire_begin(request, WIRE_CON, WIRE_CODE(2, 5), 11, token, 8);
        wire_option(request, WIRE_ETAG, token, 8);
        wire_payload(request, payload, 20);
        return;
    }
}

static void ten_thousand_malformed_coap_requests(void **state)
{
    int asking = connect_to(gateway.ports[COAP], SOCK_DGRAM);
    (void)state;
    for (size_t i = 1; i <= MALFORMED; i++) {
        wire_message request;
        uint8_t ignored[WIRE_SIZE_MAX];
        write_coap_seed(&request, below(7));
        size_t size = mutate(request.bytes, request.size, sizeof request.bytes);
        (void)!send(asking, request.bytes, size, 0);
        while (recv(asking, ignored, sizeof ignored, MSG_DONTWAIT) >= 0) {
        }
        if (i % 500 == 0) { /* another sender: a port has its bounds */
            close(asking);
            asking = connect_to(gateway.ports[COAP], SOCK_DGRAM);
        }
        if (i % GOOD_EVERY == 0) {
            a_good_coap_request_passes();
        }
    }
    close(asking);
    expect_bounds("malformed CoAP");
}

static size_t write_http_seed(uint8_t *bytes, size_t capacity, size_t which)
{
    static const char *const seeds[] = {
        "GET /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\nAccept: "
        "text/plain\r\n\r\n",
        "POST /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\nContent-Type: "
        "application/json\r\nContent-Length: 10\r\n\r\n{\"a\":1234}",
        "PUT /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\nTransfer-Encoding: "
        "chunked\r\nContent-Type: text/plain\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n",
        "GET coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\nIf-None-Match: \"abc\", "
        "W/\"d\""
        "\r\nCache-Control: no-cache\r\nVia: 1.1 other\r\nX-Long: "
        "aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
        "HEAD /hc/coap://127.0.0.1:%u/good?a=%%20b&c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\nExpect: 100-continue\r\n"
        "Content-Length: 3\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    };
    int size = snprintf((char *)bytes, capacity, seeds[which % 6], coap_script.ports[0]);
    return (size_t)size;
}

static void ten_thousand_malformed_http_requests(void **state)
{
    static const struct linger reset = { 1, 0 };
    (void)state;
    for (size_t i = 1; i <= MALFORMED; i++) {
        uint8_t request[2048];
        char ignored[4096];
        struct pollfd readable = { .events = POLLIN };
        size_t size = write_http_seed(request, sizeof request, below(6));
        size = mutate(request, size, sizeof request);
        int asking = connect_to(gateway.ports[HTTP], SOCK_STREAM);
        (void)!send(asking, request, size, MSG_NOSIGNAL);
        readable.fd = asking; /* an answer, or its end; some wait for more */
        if (poll(&readable, 1, ANSWER_MS) == 1) {
            (void)!recv(asking, ignored, sizeof ignored, 0);
        }
        setsockopt(asking, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(asking);
        if (i % GOOD_EVERY == 0) {
            a_good_http_request_passes();
        }
    }
    expect_bounds("malformed HTTP");
}

/* ---------------------------------------------------------------- origins */

static void http_origins_misbehave(void **state)
{
    static const struct {
        const char *name, *words;
    } rows[] = {
        { "silent", "c:5.04" },      { "drip", "c:5.04" },     { "drip-header", "c:5.04" },
        { "gigabyte", "c:5.02" },    { "endless", "c:5.02" },  { "loop", "c:5.02" },
        { "cut", "c:5.02" },         { "nonsense", "c:5.02" }, { "many-fields", "c:5.02" },
        { "two-lengths", "c:5.02" }, { "twice", "one" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        finished_program_expect(
            &run, rows[i].words,
            "coap-client-notls -v 6 -B 20 -P coap://127.0.0.1:%u http://127.0.0.1:%u/%s",
            gateway.ports[COAP], http_origin.ports[0], rows[i].name);
        good_requests_pass();
    }
    expect_bounds("HTTP origins");
}

static void coap_origins_misbehave(void **state)
{
    static const struct {
        const char *name, *words;
    } rows[] = {
        { "silent", "HTTP/1.1 504" },       { "acknowledged", "HTTP/1.1 504" },
        { "reset", "HTTP/1.1 502" },        { "twice", "one" },
        { "gigabyte", "HTTP/1.1 502" },     { "drip", "HTTP/1.1 504" },
        { "cut", "HTTP/1.1 50" },           { "swapped", "HTTP/1.1 502" },
        { "changed", "HTTP/1.1 502" },      { "nonsense", "HTTP/1.1 50" },
        { "another-token", "HTTP/1.1 50" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        finished_program_expect(&run, rows[i].words,
                                "curl -sS -i -m 20 http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/%s",
                                gateway.ports[HTTP], coap_script.ports[0], rows[i].name);
        good_requests_pass();
    }
    expect_bounds("CoAP origins");
}

/* ---------------------------------------------------------------- clients */

static void send_and_leave(const char *text)
{
    int asking = connect_to(gateway.ports[HTTP], SOCK_STREAM);
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
                 coap_script.ports[0]);
        send_and_leave(text);
        snprintf(text, sizeof text,
                 "GET /hc/coap://127.0.0.1:%u/%s HTTP/1.1\r\nHost: gate.test\r\n\r\n",
                 coap_script.ports[0], i % 50 == 0 ? "silent" : "good");
        send_and_leave(text);
        if (i % GOOD_EVERY == 0) {
            good_requests_pass();
        }
    }
    expect_bounds("HTTP clients that leave");
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
        asking[i] = connect_to(gateway.ports[HTTP], SOCK_STREAM);
        (void)!send(asking[i], line, sizeof line - 1, MSG_NOSIGNAL);
    }
    for (size_t at = 0; at < 8; at++) {
        for (size_t i = 0; i < 100; i++) {
            (void)!send(asking[i], text + at, 1, MSG_NOSIGNAL);
        }
        good_requests_pass();
    }
    for (size_t i = 0; i < 100; i++) {
        /* The end comes although nothing more is sent. */
        struct pollfd readable = { .fd = asking[i], .events = POLLIN };
        assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
        (void)read_to_end(asking[i], answer, sizeof answer, PATIENCE_MS);
        close(asking[i]);
    }
    expect_bounds("slow HTTP clients");
}

/* Sends up to a gigabyte and says how much was taken before the gateway ended it. */
static size_t flood(const char *header, const char *piece_head)
{
    static char piece[65536];
    size_t sent = 0;
    ssize_t took = 1;
    int asking = connect_to(gateway.ports[HTTP], SOCK_STREAM);
    memset(piece, 'x', sizeof piece);
    memcpy(piece, piece_head, strlen(piece_head));
    memcpy(piece + sizeof piece - 2, "\r\n", 2);
    (void)!send(asking, header, strlen(header), MSG_NOSIGNAL);
    while (took > 0 && sent < (size_t)1 << 30) {
        struct pollfd writable = { .fd = asking, .events = POLLOUT };
        took = poll(&writable, 1, PATIENCE_MS) == 1
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
             coap_script.ports[0]);
    assert_true(flood(header, "") < (size_t)64 << 20);
    snprintf(header, sizeof header,
             "PUT /hc/coap://127.0.0.1:%u/good HTTP/1.1\r\nHost: gate.test\r\n"
             "Transfer-Encoding: chunked\r\n\r\n",
             coap_script.ports[0]);
    assert_true(flood(header, "fff8\r\n") < (size_t)64 << 20);
    assert_true(flood("GET / HTTP/1.1\r\nX: ", "") < (size_t)64 << 20);
    expect_bounds("HTTP clients that flood");
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
        int asking = connect_to(gateway.ports[COAP], SOCK_DGRAM);
        wire_begin(&request, WIRE_CON, 3, (uint16_t)i, token, sizeof token);
        wire_text(&request, WIRE_URI_PATH, "site");
        wire_text(&request, WIRE_URI_PATH, "echo");
        wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(0, 1, 5));
        wire_uint(&request, WIRE_SIZE1, 0x10000000);
        wire_payload(&request, payload, sizeof payload);
        (void)!send(asking, request.bytes, request.size, 0);
        write_proxy_request(&request, "/bytes/60000");
        (void)!send(asking, request.bytes, request.size, 0);
        close(asking);
        if (i % GOOD_EVERY == 0) {
            good_requests_pass();
        }
    }
    expect_bounds("CoAP clients that leave");
}

static void coap_clients_flood(void **state)
{
    char payload[512];
    wire_message request, response;
    unsigned number = 0;
    int asking = connect_to(gateway.ports[COAP], SOCK_DGRAM);
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
        await_response(asking, &request, &response);
        number++;
    } while (wire_code(&response) == WIRE_CODE(2, 31) && number < 1000);
    close(asking);
    assert_int_equal(wire_code(&response), WIRE_CODE(4, 13));
    expect_bounds("a CoAP client that floods");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_malformed_coap_requests),
        cmocka_unit_test(ten_thousand_malformed_http_requests),
        cmocka_unit_test(http_origins_misbehave),
        cmocka_unit_test(coap_origins_misbehave),
        cmocka_unit_test(http_clients_leave),
        cmocka_unit_test(slow_http_clients_are_cut_off),
        cmocka_unit_test(http_clients_flood),
        cmocka_unit_test(coap_clients_leave),
        cmocka_unit_test(coap_clients_flood),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
