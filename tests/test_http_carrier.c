/* SPDX-License-Identifier: MIT */
/* The client's carrier over HTTP: where bodies go, and what its user is told of responses. The
 * other side is a played server, alone or behind nginx. */
#include "talc/message.h"
#include "tests/credential_folder.h"
#include "tests/http_played.h"
#include "tests/nginx_process.h"
#include "transport/http_carrier.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 60000
#define ANSWERED "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

typedef struct carrying {
    talc_carrier_target target; /* set by the test before carrying_open() */
    const talc_carrier *carrier;
    void *link;
    http_played server;
    nginx_process nginx;
    size_t answers;
    uint32_t exchange; /* of the last answer */
    talc_outcome outcome;
    uint8_t code;
    uint32_t retry_after_ms;
    uint8_t body[65536];
    size_t body_size;
} carrying;

/* Without padding: "-__-BAUGBwgJCgsM". */
static const uint8_t id[TALC_SESSION_ID_SIZE] = { 0xfb, 0xff, 0xfe, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static void on_answer(void *context, const talc_carrier_answer *answer)
{
    carrying *of = context;
    of->answers++;
    of->exchange = answer->exchange;
    of->outcome = answer->outcome;
    of->code = answer->code;
    of->retry_after_ms = answer->retry_after_ms;
    of->body_size = answer->body_size;
    assert_true(answer->body_size <= sizeof of->body);
    if (answer->body_size > 0) {
        memcpy(of->body, answer->body, answer->body_size);
    }
}

static int setup(void **state)
{
    carrying *of = calloc(1, sizeof *of);
    assert_non_null(of);
    http_played_open(&of->server, http_played_text);
    of->server.text = ANSWERED;
    of->target = (talc_carrier_target){ .uri = of->server.uri,
                                        .path = "/.well-known/atls",
                                        .message_size = 1023,
                                        .body_size = 16384,
                                        .block_size = 512 };
    of->carrier = &talc_http_carrier;
    *state = of;
    return 0;
}

static int teardown(void **state)
{
    carrying *of = *state;
    if (of->link != NULL) {
        of->carrier->close(of->link);
    }
    nginx_process_stop(&of->nginx);
    http_played_close(&of->server);
    free(of);
    return 0;
}

static void carrying_open(carrying *of)
{
    const talc_carrier_events events = { of, on_answer };
    talc_failure failure = { 0 };
    if (of->link != NULL) {
        of->carrier->close(of->link);
    }
    if (of->carrier->open(&of->link, &of->target, &events, &failure) != TALC_OK) {
        fail_msg("carrier: %s", failure.text);
    }
}

static talc_status send_body(carrying *of, uint32_t exchange, uint32_t attempt, size_t size)
{
    uint8_t body[1024];
    memset(body, 'b', sizeof body);
    const talc_carrier_request request = {
        .exchange = exchange, .attempt = attempt, .session_id = id, .body = body, .body_size = size
    };
    assert_true(size <= sizeof body);
    return of->carrier->send(of->link, &request);
}

static void turn(carrying *of)
{
    struct pollfd polled[] = {
        { .fd = of->carrier->descriptor(of->link), .events = POLLIN },
        { .fd = of->server.descriptor, .events = POLLIN },
    };
    uint32_t wanted_ms = of->carrier->timeout_ms(of->link);
    int ready = poll(polled, 2, wanted_ms < PATIENCE_MS ? (int)wanted_ms : PATIENCE_MS);
    assert_true(ready > 0 || wanted_ms < PATIENCE_MS);
    http_played_turn(&of->server);
    assert_int_equal(of->carrier->process(of->link), TALC_OK);
}

static void await_answers(carrying *of, size_t answers)
{
    while (of->answers < answers) {
        turn(of);
    }
}

static void exchange(carrying *of)
{
    size_t answers = of->answers;
    assert_int_equal(send_body(of, 7, 0, 100), TALC_OK);
    await_answers(of, answers + 1);
    assert_int_equal(of->exchange, 7);
}

/* Of the connection that asked last. */
static const char *last_request(const carrying *of)
{
    const http_played_connection *last = NULL;
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        const http_played_connection *one = &of->server.connections[i];
        if (one->requests > 0 && (last == NULL || one->number > last->number)) {
            last = one;
        }
    }
    assert_non_null(last);
    return last->request;
}

/* ---------------------------------------------------------------- requests */

static void a_body_is_posted_as_json(void **state)
{
    static const char *const lines[] = {
        "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.1\r\n",
        "\r\nContent-Type: application/json\r\n",
        "\r\nAccept: application/json\r\n",
        "\r\nCache-Control: no-store\r\n",
        "\r\nContent-Length: 100\r\n",
        "\r\n\r\nbbbbbbbb",
    };
    carrying *of = *state;
    carrying_open(of);
    exchange(of);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_contains(last_request(of), lines[i]);
    }
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(of->code, TALC_CODE(2, 4));
    assert_int_equal(of->body_size, 2);
    assert_memory_equal(of->body, "{}", 2);
    assert_int_equal(of->retry_after_ms, 0);
}

/* "%s" is the played server; it is the origin, the proxy or the gateway. */
static const struct {
    const char *uri;
    const char *proxy_uri;
    const char *path;
    const char *line;
} addresses[] = {
    { "%s", NULL, "/.well-known/atls", "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.1\r\n" },
    { "%s/", NULL, "/.well-known/atls", "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.1\r\n" },
    { "%s/base", NULL, "/.well-known/atls", "POST /base/.well-known/atls?s=-__" },
    { "%s/a/b%%20c//", NULL, "/x", "POST /a/b%20c/x?s=-__" },
    { "%s", NULL, "/a b/\xc3\xa4?", "POST /a%20b/%C3%A4%3F?s=-__" },
    { "http://server.example", "%s", "/x", "POST http://server.example/x?s=-__" },
    { "http://server.example:8080/base", "%s/", "/x",
      "POST http://server.example:8080/base/x?s=-__" },
    { "coap://device.example", "%s/hc", "/.well-known/atls",
      "POST /hc/coap://device.example/.well-known/atls?s=-__" },
    { "coap://device.example/", "%s", "/x", "POST /hc/coap://device.example/x?s=-__" },
    { "coap://device.example:5684", "%s/", "/x", "POST /hc/coap://device.example:5684/x?s=-__" },
    { "coap://[2001:db8::1]:61616", "%s/a/hc/", "/x",
      "POST /a/hc/coap://%5B2001:db8::1%5D:61616/x?s=-__" },
};

static void addresses_lead_to_the_server_the_proxy_or_the_gateway(void **state)
{
    carrying *of = *state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char uri[128], proxy_uri[128];
        snprintf(uri, sizeof uri, addresses[i].uri, of->server.uri);
        of->target.uri = uri;
        of->target.proxy_uri = NULL;
        if (addresses[i].proxy_uri != NULL) {
            snprintf(proxy_uri, sizeof proxy_uri, addresses[i].proxy_uri, of->server.uri);
            of->target.proxy_uri = proxy_uri;
        }
        of->target.path = addresses[i].path;
        carrying_open(of);
        memset(uri, 'x', sizeof uri); /* all has been copied */
        exchange(of);
        assert_memory_equal(last_request(of), addresses[i].line, strlen(addresses[i].line));
    }
}

static void https_goes_through_a_proxy_in_a_tunnel(void **state)
{
    carrying *of = *state;
    of->server.text = "HTTP/1.1 502 No Way\r\nContent-Length: 0\r\n\r\n";
    of->target.proxy_uri = of->server.uri;
    of->target.uri = "https://server.example/base";
    carrying_open(of);
    exchange(of);
    assert_contains(last_request(of), "CONNECT server.example:443 HTTP/1.1\r\n");
    assert_int_equal(of->outcome, TALC_OUTCOME_UNREACHABLE);
}

static void other_addresses_are_refused_with_words(void **state)
{
    static const struct {
        const char *uri;
        const char *proxy_uri;
        const char *named;
    } rows[] = {
        { "", NULL, "http://host:port/base" },
        { "ftp://server.example", NULL, "ftp://server.example" },
        { "server.example", NULL, "server.example" },
        { "http://", NULL, "http://" },
        { "http://a b/", NULL, "http://a b/" },
        { "http://server.example:0x50", NULL, "server.example:0x50" },
        { "http://user@server.example", NULL, "user@server.example" },
        { "http://server.example/?q", NULL, "server.example/?q" },
        { "http://server.example/#f", NULL, "server.example/#f" },
        { "http://server.example", "https://proxy.example", "https://proxy.example" },
        { "http://server.example", "http://proxy.example/path", "http://proxy.example/path" },
        { "coap://device.example", NULL, "gateway" },
        { "coap://device.example", "coap://proxy.example", "gateway" },
        { "coap://device.example/path", "http://gateway.example", "coap://device.example/path" },
        { "coap://device.example?q", "http://gateway.example", "coap://device.example?q" },
        { "coap://u@device.example", "http://gateway.example", "coap://u@device.example" },
        { "coap://device.example", "http://gateway.example/hc?target={tu}", "gateway.example/hc?" },
        { "coaps://device.example", "http://gateway.example", "coaps://device.example" },
    };
    carrying *of = *state;
    const talc_carrier_events events = { of, on_answer };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talc_failure failure = { 0 };
        of->target.uri = rows[i].uri;
        of->target.proxy_uri = rows[i].proxy_uri;
        talc_status status = of->carrier->open(&of->link, &of->target, &events, &failure);
        if (status != TALC_ERROR_ARGUMENT || of->link != NULL) {
            fail_msg("%s: %d", rows[i].uri, (int)status);
        }
        assert_int_equal(failure.status, TALC_ERROR_ARGUMENT);
        assert_contains(failure.text, rows[i].named);
    }
}

static void anchors_that_cannot_be_used_are_refused(void **state)
{
    carrying *of = *state;
    const talc_carrier_events events = { of, on_answer };
    talc_failure failure = { 0 };
    of->target.https_anchors_path = "/nowhere/ca.pem";
    assert_int_equal(of->carrier->open(&of->link, &of->target, &events, &failure),
                     TALC_ERROR_TRUST);
    assert_null(of->link);
    assert_contains(failure.text, "/nowhere/ca.pem");
}

static void no_body_is_longer_than_a_message(void **state)
{
    carrying *of = *state;
    of->target.message_size = 300;
    carrying_open(of);
    talc_carrier_limits limits = of->carrier->limits(of->link);
    assert_int_equal(limits.message_size, 300);
    assert_int_equal(limits.body_size, 300);
    assert_int_equal(send_body(of, 1, 0, 301), TALC_ERROR_TOO_LARGE);
    assert_int_equal(send_body(of, 1, 0, 300), TALC_OK);
    await_answers(of, 1);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
}

/* ---------------------------------------------------------------- responses */

static const struct {
    unsigned status;
    talc_outcome outcome;
    uint8_t code;
} codes[] = {
    { 200, TALC_OUTCOME_ANSWER, TALC_CODE(2, 4) },
    { 201, TALC_OUTCOME_ANSWER, TALC_CODE(2, 4) },
    { 226, TALC_OUTCOME_ANSWER, TALC_CODE(2, 4) },
    { 301, TALC_OUTCOME_ANSWER, 0 },
    { 302, TALC_OUTCOME_ANSWER, 0 },
    { 400, TALC_OUTCOME_ANSWER, TALC_CODE(4, 0) },
    { 401, TALC_OUTCOME_ANSWER, TALC_CODE(4, 1) },
    { 402, TALC_OUTCOME_ANSWER, TALC_CODE(4, 0) },
    { 403, TALC_OUTCOME_ANSWER, TALC_CODE(4, 3) },
    { 404, TALC_OUTCOME_ANSWER, TALC_CODE(4, 4) },
    { 405, TALC_OUTCOME_ANSWER, TALC_CODE(4, 5) },
    { 406, TALC_OUTCOME_ANSWER, TALC_CODE(4, 6) },
    { 407, TALC_OUTCOME_ANSWER, TALC_CODE(4, 0) },
    { 408, TALC_OUTCOME_LOST, 0 },
    { 409, TALC_OUTCOME_ANSWER, TALC_CODE(4, 9) },
    { 412, TALC_OUTCOME_ANSWER, TALC_CODE(4, 12) },
    { 413, TALC_OUTCOME_ANSWER, TALC_CODE(4, 13) },
    { 414, TALC_OUTCOME_ANSWER, TALC_CODE(4, 0) },
    { 415, TALC_OUTCOME_ANSWER, TALC_CODE(4, 15) },
    { 418, TALC_OUTCOME_ANSWER, TALC_CODE(4, 0) },
    { 422, TALC_OUTCOME_ANSWER, TALC_CODE(4, 22) },
    { 429, TALC_OUTCOME_ANSWER, TALC_CODE(4, 29) },
    { 431, TALC_OUTCOME_ANSWER, TALC_CODE(4, 0) },
    { 499, TALC_OUTCOME_ANSWER, TALC_CODE(4, 0) },
    { 500, TALC_OUTCOME_ANSWER, TALC_CODE(5, 0) },
    { 501, TALC_OUTCOME_ANSWER, TALC_CODE(5, 1) },
    { 502, TALC_OUTCOME_ANSWER, TALC_CODE(5, 2) },
    { 503, TALC_OUTCOME_ANSWER, TALC_CODE(5, 3) },
    { 504, TALC_OUTCOME_ANSWER, TALC_CODE(5, 4) },
    { 505, TALC_OUTCOME_ANSWER, TALC_CODE(5, 0) },
    { 508, TALC_OUTCOME_ANSWER, TALC_CODE(5, 8) },
    { 599, TALC_OUTCOME_ANSWER, TALC_CODE(5, 0) },
};

static void statuses_become_codes_and_bodies_pass(void **state)
{
    carrying *of = *state;
    carrying_open(of);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "HTTP/1.1 %u X\r\nContent-Length: 7\r\n\r\n{\"i\":1}",
                 codes[i].status);
        of->server.text = text;
        exchange(of);
        if (of->outcome != codes[i].outcome || of->code != codes[i].code) {
            fail_msg("%u: outcome %d, code %u", codes[i].status, (int)of->outcome, of->code);
        }
        if (of->outcome == TALC_OUTCOME_ANSWER) {
            assert_int_equal(of->body_size, 7);
            assert_memory_equal(of->body, "{\"i\":1}", 7);
        } else {
            assert_int_equal(of->body_size, 0);
        }
    }
}

static void a_body_may_be_missing(void **state)
{
    carrying *of = *state;
    carrying_open(of);
    of->server.text = "HTTP/1.1 204 No Content\r\n\r\n";
    exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(of->code, TALC_CODE(2, 4));
    assert_int_equal(of->body_size, 0);
}

static void servers_say_when_to_come_again(void **state)
{
    static const struct {
        const char *text;
        uint32_t retry_after_ms;
    } rows[] = {
        { "503 X\r\nRetry-After: 5\r\n", 5000 },
        { "429 X\r\nretry-after:  120 \r\n", 120000 },
        { "503 X\r\nRetry-After: 0\r\n", 0 },
        { "503 X\r\n", 0 },
        { "503 X\r\nRetry-After:\r\n", 0 },
        { "503 X\r\nRetry-After: -1\r\n", 0 },
        { "503 X\r\nRetry-After: 1.5\r\n", 0 },
        { "503 X\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n", 0 },
        { "503 X\r\nRetry-After: 429496\r\n", 429496000 },
        { "503 X\r\nRetry-After: 4294968\r\n", UINT32_MAX },
        { "503 X\r\nRetry-After: 99999999999999999999\r\n", UINT32_MAX },
        { "500 X\r\nRetry-After: 5\r\n", 0 },
        { "200 X\r\nRetry-After: 5\r\n", 0 },
    };
    carrying *of = *state;
    carrying_open(of);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "HTTP/1.1 %sContent-Length: 0\r\n\r\n", rows[i].text);
        of->server.text = text;
        exchange(of);
        if (of->retry_after_ms != rows[i].retry_after_ms) {
            fail_msg("%s: %lu ms", rows[i].text, (unsigned long)of->retry_after_ms);
        }
    }
}

/* A gateway that indents the JSON makes it longer than any message. */
static void answers_may_have_grown_to_64_kib(void **state)
{
    carrying *of = *state;
    carrying_open(of);
    for (size_t more = 0; more < 2; more++) {
        size_t size = 65536 + more;
        char *text = malloc(size + 128);
        assert_non_null(text);
        int header = snprintf(text, 128, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
        memset(text + header, '{', size);
        text[(size_t)header + size] = '\0';
        of->server.text = text;
        exchange(of);
        assert_int_equal(of->outcome, more == 0 ? TALC_OUTCOME_ANSWER : TALC_OUTCOME_TOO_LARGE);
        assert_int_equal(of->body_size, more == 0 ? size : 0);
        free(text);
    }
}

static void what_is_no_response_is_lost(void **state)
{
    static const char *const texts[] = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        "<html>hello</html>\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    };
    carrying *of = *state;
    carrying_open(of);
    of->server.script = http_played_text_and_end;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        of->server.text = texts[i];
        exchange(of);
        assert_int_equal(of->outcome, TALC_OUTCOME_LOST);
        assert_int_equal(of->code, 0);
        assert_int_equal(of->body_size, 0);
    }
}

static void nobody_there_is_unreachable(void **state)
{
    carrying *of = *state;
    char uri[64];
    http_played nobody;
    http_played_open(&nobody, http_played_silence);
    strcpy(uri, nobody.uri);
    http_played_close(&nobody);
    of->target.uri = uri;
    carrying_open(of);
    exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_UNREACHABLE);
}

/* ---------------------------------------------------------------- connections */

static void repeats_take_a_connection_of_their_own(void **state)
{
    carrying *of = *state;
    carrying_open(of);
    exchange(of);
    exchange(of);
    assert_int_equal(of->server.accepted, 1);
    assert_int_equal(send_body(of, 8, 1, 100), TALC_OK);
    await_answers(of, 3);
    assert_int_equal(of->server.accepted, 2);
}

static void a_cancelled_exchange_has_no_answer(void **state)
{
    carrying *of = *state;
    carrying_open(of);
    of->server.script = http_played_silence;
    assert_int_equal(send_body(of, 1, 0, 100), TALC_OK);
    assert_int_equal(send_body(of, 2, 0, 100), TALC_OK);
    while (of->server.requests < 2) {
        turn(of);
    }
    of->carrier->cancel(of->link, 1);
    of->carrier->cancel(of->link, 99);
    for (size_t i = 0; i < 2; i++) {
        if (of->server.connections[i].socket >= 0) {
            http_played_send(&of->server.connections[i], ANSWERED);
        }
    }
    await_answers(of, 1);
    assert_int_equal(of->exchange, 2);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
}

static void exchanges_are_bounded(void **state)
{
    carrying *of = *state;
    carrying_open(of);
    of->server.script = http_played_silence;
    for (uint32_t number = 1; number <= 16; number++) {
        assert_int_equal(send_body(of, number, 0, 100), TALC_OK);
    }
    assert_int_equal(send_body(of, 17, 0, 100), TALC_ERROR_MEMORY);
}

/* ---------------------------------------------------------------- nginx between */

static void start_nginx(carrying *of, const char *certificate, const char *key)
{
    const nginx_setup setup_of_nginx = { .upstream_port = of->server.port,
                                         .certificate = certificate,
                                         .key = key };
    nginx_process_start(&of->nginx, &setup_of_nginx);
}

static void bodies_pass_nginx(void **state)
{
    carrying *of = *state;
    char uri[64];
    start_nginx(of, NULL, NULL);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u", (unsigned)of->nginx.port);
    of->target.uri = uri;
    carrying_open(of);
    exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(of->code, TALC_CODE(2, 4));
    assert_memory_equal(of->body, "{}", 2);
    assert_contains(last_request(of), "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.0\r\n");
}

static void bodies_pass_nginx_over_tls(void **state)
{
    carrying *of = *state;
    char uri[64];
    start_nginx(of, "server-ip.pem", "server-ip.key");
    snprintf(uri, sizeof uri, "https://127.0.0.1:%u/base", (unsigned)of->nginx.tls_port);
    of->carrier = &talc_https_carrier;
    of->target.uri = uri;
    of->target.https_anchors_path = credential_path("ca.pem");
    carrying_open(of);
    for (unsigned i = 0; i < 3; i++) {
        exchange(of);
        assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
        assert_int_equal(of->code, TALC_CODE(2, 4));
    }
    assert_contains(last_request(of),
                    "POST /base/.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.0\r\n");
}

static void nothing_reaches_a_server_that_cannot_be_verified(void **state)
{
    carrying *of = *state;
    char uri[64];
    start_nginx(of, "server-ip.pem", "server-ip.key");
    snprintf(uri, sizeof uri, "https://127.0.0.1:%u", (unsigned)of->nginx.tls_port);
    of->carrier = &talc_https_carrier;
    of->target.uri = uri;
    of->target.https_anchors_path = credential_path("other-ca.pem");
    carrying_open(of);
    exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_UNREACHABLE);
    assert_int_equal(of->server.requests, 0);
}

/* nginx answers for a server that is gone: with a page of its own. */
static void pages_of_nginx_pass_as_answers(void **state)
{
    carrying *of = *state;
    char uri[64];
    http_played nobody;
    http_played_open(&nobody, http_played_silence);
    const nginx_setup setup_of_nginx = { .upstream_port = nobody.port };
    http_played_close(&nobody);
    nginx_process_start(&of->nginx, &setup_of_nginx);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u", (unsigned)of->nginx.port);
    of->target.uri = uri;
    carrying_open(of);
    exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(of->code, TALC_CODE(5, 2));
    assert_memory_equal(of->body, "<html>", 6);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_body_is_posted_as_json),
        EACH(addresses_lead_to_the_server_the_proxy_or_the_gateway),
        EACH(https_goes_through_a_proxy_in_a_tunnel),
        EACH(other_addresses_are_refused_with_words),
        EACH(anchors_that_cannot_be_used_are_refused),
        EACH(no_body_is_longer_than_a_message),
        EACH(statuses_become_codes_and_bodies_pass),
        EACH(a_body_may_be_missing),
        EACH(servers_say_when_to_come_again),
        EACH(answers_may_have_grown_to_64_kib),
        EACH(what_is_no_response_is_lost),
        EACH(nobody_there_is_unreachable),
        EACH(repeats_take_a_connection_of_their_own),
        EACH(a_cancelled_exchange_has_no_answer),
        EACH(exchanges_are_bounded),
        EACH(bodies_pass_nginx),
        EACH(bodies_pass_nginx_over_tls),
        EACH(nothing_reaches_a_server_that_cannot_be_verified),
        EACH(pages_of_nginx_pass_as_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
