/* SPDX-License-Identifier: MIT */
/* What the HTTP server takes for a request's header and what it refuses: another server that reads
 * the same bytes must not find other requests in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_stand.h"

#include <stdio.h>
#include <string.h>

typedef struct refusal {
    const char *sent;
    size_t size; /* 0: up to the NUL */
    unsigned status;
} refusal;

#define WITH_NUL(text) text, sizeof(text) - 1

static void what_is_no_request_is_refused(void **state)
{
    static const refusal cases[] = {
        { "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { "GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { "GET /a b HTTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { "G\x02T / HTTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { "G(T / HTTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { " / HTTP/1.1\r\n" HOST "\r\n", 0, 0 },
        { "GET / HTTP/1.1\r\n" HOST "X: a\x02z\r\n\r\n", 0, 400 },
        { "GET / HTTP/1.1\r\n" HOST "X\x02: az\r\n\r\n", 0, 400 },
        { "GET / HTTP/1.1\r\n" HOST "X : az\r\n\r\n", 0, 400 },
        { "GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 0, 400 },
        { WITH_NUL("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { WITH_NUL("G\0T / HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\n\r\n",
          0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\nabc", 0, 400 },
        { "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
          "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
          0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\nab", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: -2\r\n\r\nab", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 2x\r\n\r\nab", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x2\r\n\r\nab", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\nab", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\nab", 0, 413 },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 0, 400 },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 0,
          400 },
        { "GET / HTTP/2.0\r\n" HOST "\r\n", 0, 505 },
        { "GET / HTTP/0.9\r\n" HOST "\r\n", 0, 505 },
        { "GET / FTP/1.1\r\n" HOST "\r\n", 0, 400 },
        { "GET /\r\n\r\n", 0, 400 },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505 },
        { WITH_NUL("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n\r\n"), 400 }, /* TLS */
    };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size > 0 ? cases[i].size : strlen(cases[i].sent);
        http_caller *caller = http_stand_call(of);
        http_caller_send(caller, cases[i].sent, size);
        unsigned status = http_caller_answer(caller);
        if (status != cases[i].status || of->inbounds != i) {
            fail_msg("\"%s\": %u instead of %u", cases[i].sent, status, cases[i].status);
        }
        http_caller_await_close(caller);
        http_caller_close(caller);
        http_stand_serves(of);
    }
}

#define SECOND "GET /second HTTP/1.1\r\n" HOST "\r\n"

/* A field that another server reads on two lines must not be lost: it could say where the body
 * ends, and what is the body there would be the next request here. */
static void folded_lines_are_refused(void **state)
{
    static const char *const folded[] = {
        " X: first\r\n" HOST,
        "\tX: first\r\n" HOST,
        " \r\n" HOST,
        "Host: he\r\n re\r\n",
        "Host:\r\n here\r\n",
        "Host: here\r\n \r\n",
        "Host: here\n \n",
        HOST "Content-Length:\r\n 42\r\n",
        HOST "Content-Length:\n 42\n",
        HOST "Content-Length:\r\n\t42\r\n",
        HOST "Content-Length:  \r\n \r\n \t 42\r\n",
        HOST "Content-Length: 42\r\n \r\n",
        HOST "Content-Length: 42\r\n\t\r\n",
        HOST "Content-Length: 4\r\n 2\r\n",
        HOST "Content-Length: 0\r\n 42\r\nX: y\r\n",
        HOST "Content-Length:\r\n 42\r\nContent-Length: 0\r\n",
        HOST "Content-Length: 0\r\nContent-Length:\r\n 42\r\n",
        HOST "Transfer-Encoding:\r\n chunked\r\n",
        HOST "Transfer-Encoding: chun\r\n\tked\r\nX: y\r\n",
        HOST "Transfer-Encoding: gzip,\r\n chunked\r\n",
        HOST "Content-Length: 42\r\nTransfer-Encoding:\r\n chunked\r\n",
        HOST "Transfer-Encoding: chunked\r\nContent-Length:\r\n 5\r\n",
        HOST "X: y\r\n Transfer-Encoding: chunked\r\n",
        HOST "X:\r\n \r\n",
        HOST "X:\r\n y\r\nZ: z\r\n",
        HOST "X: y\r\n \r\n \r\n",
        HOST "X: y\r\n z",
        HOST "X: y\r\n a\r\n b\r\n\tc\r\nZ: z\r\n",
        HOST "X: y\r\n a\r\nY: y\r\n b\r\nZ: z\r\n c\r\n",
        HOST "Connection: keep-\r\n alive\r\n",
        HOST "Cookie: a=b;\r\n c=d\r\n",
    };
    http_stand *of = *state;
    for (size_t i = 0; i < 2 * sizeof folded / sizeof folded[0]; i++) {
        char text[400];
        http_caller *caller = http_stand_call(of);
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\n%s\r\n" SECOND SECOND,
                 i % 2 == 0 ? "GET" : "POST", folded[i / 2]);
        unsigned status = http_caller_ask(caller, text);
        if (status != 400 || of->inbounds != i) {
            fail_msg("\"%s\": %u, %zu", text, status, of->inbounds);
        }
        http_caller_await_close(caller);
        assert_int_equal(http_caller_answer(caller), 0);
        http_caller_close(caller);
        http_stand_serves(of);
    }
}

static void what_a_nul_hides_is_refused(void **state)
{
    static const refusal cases[] = {
        { WITH_NUL("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 400 },
        { WITH_NUL("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\nZ: z\r\n\r\n"), 400 },
        { WITH_NUL("GET / HTTP/1.1\r\n" HOST "X:\0Content-Length: 5\r\nZ: z\r\n\r\n"), 400 },
        { WITH_NUL("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\0 5\r\n\r\n"), 400 },
        { WITH_NUL("GET / HTTP/1.1\r\n" HOST "X\0Z: a\r\n\r\n"), 400 },
    };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http_caller *caller = http_stand_call(of);
        http_caller_send(caller, cases[i].sent, cases[i].size);
        if (http_caller_answer(caller) != cases[i].status || of->inbounds != i) {
            fail_msg("case %zu: %u", i, caller->status);
        }
        http_caller_await_close(caller);
        http_caller_close(caller);
        http_stand_serves(of);
    }
}

/* Lines that are none of these, however they come. */
static void whole_lines_are_taken(void **state)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\n" HOST "X:\n\n",
        "GET / HTTP/1.1\r\n" HOST "X:\r\nY: \t \r\nZ: z \t\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "\r\nGET /?a=%20&b HTTP/1.1\r\nX:y\nCookie: a=b; c=\"d\"\r\n" HOST "\n",
    };
    http_stand *of = *state;
    http_caller *caller = http_stand_call(of);
    for (size_t i = 0; i < 2 * sizeof texts / sizeof texts[0]; i++) {
        const char *text = texts[i / 2];
        for (; i % 2 == 1 && text[1] != '\0'; text++) {
            http_caller_send(caller, text, 1);
            http_loop_turn(&of->loop, -1, 0);
        }
        if (http_caller_ask(caller, text) != 200) {
            fail_msg("\"%s\": %u", texts[i / 2], caller->status);
        }
        if (caller->is_closed || strstr(texts[i / 2], "1.0") != NULL) {
            http_caller_close(caller);
            caller = http_stand_call(of);
        }
    }
    http_caller_close(caller);
}

/* ---------------------------------------------------------------- Host */

static void a_request_names_one_host(void **state)
{
    static const struct {
        const char *version, *fields;
        unsigned status;
    } cases[] = {
        { "1.1", "", 400 },
        { "1.0", "", 200 },
        { "1.1", "X-Host: here\r\n", 400 },
        { "1.1", "Host: here\r\nHost: there\r\n", 400 },
        { "1.1", "Host: here\r\nX: y\r\nhOST: here\r\n", 400 },
        { "1.1", "Host:\r\nHost:\r\n", 400 },
        { "1.0", "Host: here\r\nHost: there\r\n", 400 },
        { "1.1", "Host:\r\n", 200 },
        { "1.1", "host:here \t\r\n", 200 },
        { "1.1", "Host: here.example:8080\r\n", 200 },
        { "1.1", "Host: here:\r\n", 200 },
        { "1.1", "Host: 192.0.2.1:65535\r\n", 200 },
        { "1.1", "Host: [2001:db8::1]:80\r\n", 200 },
        { "1.1", "Host: [fe80::1%25eth0]\r\n", 200 },
        { "1.1", "Host: a%2Fb_~!$&'()*+,;=\r\n", 200 },
        { "1.1", "Host: here/there\r\n", 400 },
        { "1.1", "Host: here?a\r\n", 400 },
        { "1.1", "Host: here#a\r\n", 400 },
        { "1.1", "Host: me@here\r\n", 400 },
        { "1.1", "Host: here there\r\n", 400 },
        { "1.1", "Host: http://here\r\n", 400 },
        { "1.1", "Host: here:80:80\r\n", 400 },
        { "1.1", "Host: here:8o\r\n", 400 },
        { "1.0", "Host: here:8o\r\n", 400 },
        { "1.1", "Host: here:-1\r\n", 400 },
        { "1.1", "Host: :\r\n", 200 },
        { "1.1", "Host: h%2\r\n", 400 },
        { "1.1", "Host: h%zz\r\n", 400 },
        { "1.1", "Host: [::1\r\n", 400 },
        { "1.1", "Host: ::1]\r\n", 400 },
        { "1.1", "Host: []\r\n", 400 },
        { "1.1", "Host: [::1]x\r\n", 400 },
        { "1.1", "Host: [a/b]\r\n", 400 },
        { "1.1", "Host: h\xc3\xa4r\r\n", 400 },
        { "1.1", "Host: <here>\r\n", 400 },
    };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "GET / HTTP/%s\r\n%s\r\n", cases[i].version, cases[i].fields);
        unsigned status = http_stand_ask(of, text);
        if (status != cases[i].status) {
            fail_msg("\"%s\": %u instead of %u", text, status, cases[i].status);
        }
    }
}

/* ---------------------------------------------------------------- Connection */

/* All that its fields name is looked for among all fields. */
static void connection_fields_have_a_limit(void **state)
{
    static const struct {
        size_t sizes[2];
        unsigned status;
    } cases[] = {
        { { 256, 0 }, 200 },   { { 257, 0 }, 400 },  { { 128, 128 }, 200 },
        { { 128, 129 }, 400 }, { { 1500, 0 }, 400 },
    };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char value[2000], text[2100];
        memset(value, 'a', sizeof value);
        for (size_t at = 1; at < sizeof value; at += 2) {
            value[at] = ',';
        }
        snprintf(text, sizeof text,
                 "GET / HTTP/1.1\r\n" HOST "Connection: %.*s\r\nconnection: %.*s\r\n\r\n",
                 (int)cases[i].sizes[0], value, (int)cases[i].sizes[1], value);
        assert_int_equal(http_stand_ask(of, text), cases[i].status);
    }
}

int main(void)
{
#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, http_stand_setup, http_stand_teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_is_no_request_is_refused), CASE(folded_lines_are_refused),
        CASE(what_a_nul_hides_is_refused),   CASE(whole_lines_are_taken),
        CASE(a_request_names_one_host),      CASE(connection_fields_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
