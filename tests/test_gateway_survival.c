/* SPDX-License-Identifier: MIT */
/* What a gateway has to outlive: malformed requests on both sides, and origins that stop, trickle,
 * flood or vanish. After each of them a good request passes, both ways, and its memory stays
 * bounded. */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/gateway_survivor.h"

#define MALFORMED 10000
#define ANSWER_MS 5

static finished_program run;

/* ---------------------------------------------------------------- malformed requests */

/* Changes a few bytes, cuts, doubles or moves pieces. */
static size_t mutate(uint8_t *bytes, size_t size, size_t capacity)
{
    size_t changes = 1 + survivor_random(4);
    for (size_t i = 0; i < changes && size > 0; i++) {
        size_t at = survivor_random(size), length = 1 + survivor_random(size - at);
        switch (survivor_random(6)) {
        case 0: bytes[at] ^= (uint8_t)(1u << survivor_random(8)); break;
        case 1: bytes[at] = (uint8_t)survivor_random(256); break;
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
        default: bytes[at] = survivor_random(2) ? 0xff : 0; break;
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
    case 0: survivor_write_request(request, "/bytes/10"); return;
    case 1: survivor_write_request(request, "/bytes/5000"); return;
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
        wire_uint(request, WIRE_URI_PORT, survivor.http_origin.ports[0]);
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
    int asking = survivor_connect(survivor.coap_port, SOCK_DGRAM);
    (void)state;
    for (size_t i = 1; i <= MALFORMED; i++) {
        wire_message request;
        uint8_t ignored[WIRE_SIZE_MAX];
        write_coap_seed(&request, survivor_random(7));
        size_t size = mutate(request.bytes, request.size, sizeof request.bytes);
        (void)!send(asking, request.bytes, size, 0);
        while (recv(asking, ignored, sizeof ignored, MSG_DONTWAIT) >= 0) {
        }
        if (i % 500 == 0) { /* another sender: a port has its bounds */
            close(asking);
            asking = survivor_connect(survivor.coap_port, SOCK_DGRAM);
        }
        if (i % SURVIVOR_GOOD_EVERY == 0) {
            survivor_passes_coap();
        }
    }
    close(asking);
    survivor_expect_bounds("malformed CoAP");
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
    int size = snprintf((char *)bytes, capacity, seeds[which % 6], survivor.coap_origin.ports[0]);
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
        size_t size = write_http_seed(request, sizeof request, survivor_random(6));
        size = mutate(request, size, sizeof request);
        int asking = survivor_connect(survivor.http_port, SOCK_STREAM);
        (void)!send(asking, request, size, MSG_NOSIGNAL);
        readable.fd = asking; /* an answer, or its end; some wait for more */
        if (poll(&readable, 1, ANSWER_MS) == 1) {
            (void)!recv(asking, ignored, sizeof ignored, 0);
        }
        setsockopt(asking, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(asking);
        if (i % SURVIVOR_GOOD_EVERY == 0) {
            survivor_passes_http();
        }
    }
    survivor_expect_bounds("malformed HTTP");
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
            survivor.coap_port, survivor.http_origin.ports[0], rows[i].name);
        survivor_passes();
    }
    survivor_expect_bounds("HTTP origins");
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
                                survivor.http_port, survivor.coap_origin.ports[0], rows[i].name);
        survivor_passes();
    }
    survivor_expect_bounds("CoAP origins");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_malformed_coap_requests),
        cmocka_unit_test(ten_thousand_malformed_http_requests),
        cmocka_unit_test(http_origins_misbehave),
        cmocka_unit_test(coap_origins_misbehave),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, survivor_start, survivor_stop);
}
