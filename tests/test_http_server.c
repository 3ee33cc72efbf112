/* SPDX-License-Identifier: MIT */
/* The HTTP server against callers that are written by hand: what arrives and what goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- what arrives */

static void requests_arrive_as_they_were_sent(void **state)
{
    static const struct {
        const char *sent, *method, *target, *fields, *body;
    } cases[] = {
        { "GET / HTTP/1.1\r\n" HOST "\r\n", "GET", "/", "Host=here;", "" },
        { "POST /a%2Fb//../c?s=%41&x=+%26#f HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody",
          "POST", "/a%2Fb//../c?s=%41&x=+%26#f", "Host=here;", "body" },
        { "iPATCH http://other:99/x?y HTTP/1.1\r\n" HOST "\r\n", "iPATCH", "http://other:99/x?y",
          "Host=here;", "" },
        { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*", "Host=here;", "" },
        { "CONNECT there:443 HTTP/1.1\r\n" HOST "\r\n", "CONNECT", "there:443", "Host=here;", "" },
        { "GET / HTTP/1.0\r\n\r\n", "GET", "/", "", "" },
        { "GET /b HTTP/1.1\nHost:here\nb:  2\nA: 1 \nb: 3\n\n", "GET", "/b",
          "Host=here;b=2;A=1;b=3;", "" },
        /* The transfer's own fields and those that belong to one hop are left out. */
        { "PUT /c HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTE: x\r\nTrailer: T\r\n"
          "Connection: close, X-Mine\r\nx-mine: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n"
          "Proxy-Connection: close\r\nX-Theirs: 2\r\n\r\n3;e=f\r\nabc\r\n1\r\nd\r\n0\r\nT: "
          "t\r\n\r\n",
          "PUT", "/c", "Host=here;X-Theirs=2;", "abcd" },
    };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(http_stand_ask(of, cases[i].sent), 200);
        assert_int_equal(of->inbounds, i + 1);
        assert_string_equal(of->method, cases[i].method);
        assert_string_equal(of->target, cases[i].target);
        assert_string_equal(of->fields, cases[i].fields);
        assert_string_equal((const char *)of->body, cases[i].body);
        assert_int_equal(strncmp(of->peer, "127.0.0.1:", 10), 0);
    }
}

static void pieces_make_a_request(void **state)
{
    static const char text[] = "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello";
    http_stand *of = *state;
    http_caller *caller = http_stand_call(of);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        http_caller_send(caller, text + i, 1);
        http_loop_turn(&of->loop, -1, 5);
    }
    assert_int_equal(http_caller_answer(caller), 200);
    assert_string_equal((const char *)of->body, "hello");
    /* And several requests of one connection may come at once. */
    http_caller_say(caller, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(http_caller_answer(caller), 200);
    assert_int_equal(http_caller_answer(caller), 200);
    assert_string_equal(of->target, "/2");
    assert_int_equal(talc_http_server_connections(of->server), 1);
    http_caller_close(caller);
}

static void who_waits_to_be_asked_is_asked(void **state)
{
    http_stand *of = *state;
    http_caller *caller = http_stand_call(of);
    assert_int_equal(http_caller_ask(caller, "POST / HTTP/1.1\r\n" HOST
                                             "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
                     100);
    assert_int_equal(http_caller_ask(caller, "ab"), 200);
    assert_string_equal((const char *)of->body, "ab");
    http_caller_close(caller);
}

/* ---------------------------------------------------------------- what goes back */

static void responses_go_back_as_they_were_given(void **state)
{
    static const talc_http_field fields[] = { { "ETag", "\"1\"" },
                                              { "X-Empty", "" },
                                              { "Connection", "close" },
                                              { "Content-Length", "7" },
                                              { "Transfer-Encoding", "chunked" },
                                              { "Content-Type", "text/html" } };
    static const struct {
        unsigned status;
        const char *body, *length;
    } cases[] = {
        { 200, "some text", "9" }, { 200, "", "0" },  { 404, "no", "2" },
        { 204, "", NULL },         { 304, "", NULL }, { 599, "strange", "7" },
    };
    http_stand *of = *state;
    http_caller *caller = http_stand_call(of);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        of->answer = (talc_http_message){ .status = cases[i].status,
                                          .fields = fields,
                                          .field_count = 6,
                                          .body = (const uint8_t *)cases[i].body,
                                          .body_size = strlen(cases[i].body) };
        assert_int_equal(http_caller_ask(caller, "GET / HTTP/1.1\r\n" HOST "\r\n"),
                         cases[i].status);
        assert_string_equal(caller->body, cases[i].body);
        assert_string_equal(http_caller_field(caller, "etag"), "\"1\"");
        assert_string_equal(http_caller_field(caller, "Content-Type"), "text/html");
        assert_null(http_caller_field(caller, "Transfer-Encoding"));
        assert_null(http_caller_field(caller, "Connection"));
        if (cases[i].length != NULL) {
            assert_string_equal(http_caller_field(caller, "Content-Length"), cases[i].length);
        }
    }
    /* To HEAD only the length of the body is told. */
    caller->is_head = 1;
    assert_int_equal(http_caller_ask(caller, "HEAD / HTTP/1.1\r\n" HOST "\r\n"), 599);
    assert_string_equal(http_caller_field(caller, "Content-Length"), "7");
    assert_int_equal(http_caller_ask(caller, "GET / HTTP/1.1\r\n" HOST "\r\n"), 599);
    assert_int_equal(talc_http_server_connections(of->server), 1);
    http_caller_close(caller);
}

static void a_long_response_arrives_whole(void **state)
{
    http_stand *of = *state;
    size_t size = 150000;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)('a' + i * 7 % 26);
    }
    of->answer.body = bytes;
    of->answer.body_size = size;
    http_caller *caller = http_stand_call(of);
    assert_int_equal(http_caller_ask(caller, "GET / HTTP/1.1\r\n" HOST "\r\n"), 200);
    assert_int_equal(caller->body_size, size);
    assert_memory_equal(caller->body, bytes, size);
    http_caller_close(caller);
    free(bytes);
}

static void answers_may_come_later_in_any_order(void **state)
{
    http_stand *of = *state;
    http_caller *callers[3];
    char body[2] = "0";
    of->hold = 1;
    for (size_t i = 0; i < 3; i++) {
        callers[i] = http_stand_call(of);
        http_caller_say(callers[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        http_stand_await_inbounds(of, i + 1);
    }
    of->answer.body = (const uint8_t *)body;
    of->answer.body_size = 1;
    for (size_t i = 3; i-- > 0;) {
        body[0] = (char)('0' + i);
        talc_http_server_reply(of->server, of->held[i], &of->answer);
        body[0] = '!'; /* it was copied */
        /* Nothing on the connection wakes a loop for it. */
        assert_int_equal(talc_http_server_timeout_ms(of->server), 0);
        assert_int_equal(http_caller_answer(callers[i]), 200);
        assert_int_equal(callers[i]->body[0], '0' + (int)i);
    }
    of->held_count = 0;
    for (size_t i = 0; i < 3; i++) {
        http_caller_close(callers[i]);
    }
    http_stand_await_connections(of, 0);
}

/* Callers that went away, a connection that says more, and the server's end. */
static void a_held_request_outlives_its_caller(void **state)
{
    http_stand *of = *state;
    http_caller *callers[4];
    of->hold = 1;
    for (size_t i = 0; i < 4; i++) {
        callers[i] = http_stand_call(of);
        http_caller_say(callers[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        http_stand_await_inbounds(of, i + 1);
    }
    http_caller_say(callers[1], "GET /more HTTP/1.1\r\n" HOST "\r\n");
    http_caller_close(callers[0]);
    for (int turns = 0; turns < 20; turns++) {
        http_loop_turn(&of->loop, -1, 1);
    }
    assert_int_equal(of->inbounds, 4);
    talc_http_server_reply(of->server, of->held[0], &of->answer);
    talc_http_server_reply(of->server, of->held[2], &of->answer);
    of->held[0] = of->held[3];
    of->held_count = 2;
    assert_int_equal(http_caller_answer(callers[2]), 200);
    of->hold = 0;
    http_stand_serves(of);
    for (size_t i = 1; i < 4; i++) {
        http_caller_close(callers[i]);
    }
}

/* What a caller has not said before it goes will never come: nobody waits for it. */
static void who_leaves_is_let_go(void **state)
{
    static const char *const texts[] = {
        "",
        "G",
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        "GET / HTTP/1.1\r\n" HOST "\r\nGET",
    };
    http_stand *of = *state;
    for (size_t i = 0; i < 2 * sizeof texts / sizeof texts[0]; i++) {
        http_caller *caller = http_stand_call(of);
        http_caller_say(caller, texts[i / 2]);
        if (i % 2 == 0) {
            http_caller_close(caller);
        } else {
            http_caller_finish(caller);
        }
        for (int turns = 0; turns < 20; turns++) { /* far from any time-out */
            http_loop_turn(&of->loop, -1, 5);
        }
        assert_int_equal(talc_http_server_connections(of->server), 0);
        if (i % 2 == 1) {
            http_caller_close(caller);
        }
    }
}

/* As `printf ... | nc -N` does. */
static void who_asks_and_says_no_more_is_answered(void **state)
{
    http_stand *of = *state;
    http_caller *caller = http_stand_call(of);
    http_caller_say(caller, "GET /1 HTTP/1.1\r\n" HOST "\r\n");
    http_caller_finish(caller);
    assert_int_equal(http_caller_answer(caller), 200);
    http_caller_await_close(caller);
    http_caller_close(caller);
    http_stand_await_connections(of, 0);
}

static void without_an_answer_the_connection_is_closed(void **state)
{
    http_stand *of = *state;
    of->is_mute = 1;
    assert_int_equal(http_stand_ask(of, "GET / HTTP/1.1\r\n" HOST "\r\n"), 0);
    of->is_mute = 0;
    http_stand_serves(of);
}

/* ---------------------------------------------------------------- too much */

/* Most clients say all before they listen. */
static void who_says_too_much_hears_why(void **state)
{
    enum { SIZE = 1024 * 1024, TRIES = 50 };
    http_stand *of = *state;
    char header[200];
    char *body = calloc(1, SIZE);
    assert_non_null(body);
    snprintf(header, sizeof header, "POST / HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", SIZE);
    for (int i = 0; i < TRIES; i++) {
        http_caller *caller = http_stand_call(of);
        http_caller_say(caller, header);
        http_caller_send(caller, body, SIZE);
        assert_int_equal(http_caller_answer(caller), 413);
        http_caller_close(caller);
    }
    free(body);
}

/* ---------------------------------------------------------------- noise */

#ifdef TALC_SAMPLED
#define NOISES 500u
#else
#define NOISES 3000u
#endif

static uint32_t noise_state = 1;

static uint32_t noise(uint32_t below)
{
    noise_state = noise_state * 1664525u + 1013904223u;
    return (noise_state >> 8) % below;
}

/* Changes, drops, doubles or inserts a byte, or cuts the rest. */
static size_t spoil(char *text, size_t size)
{
    static const char bytes[] = { '\0', '\r', '\n', ' ', ':', ';', '0', 'f', '\x7f', '\x80', '&' };
    size_t at = noise((uint32_t)size);
    char byte = bytes[noise(sizeof bytes)];
    switch (noise(5)) {
    case 0: text[at] = (char)(text[at] ^ (1 << noise(8))); return size;
    case 1: text[at] = byte; return size;
    case 2: memmove(text + at, text + at + 1, size - at - 1); return size - 1;
    case 3:
        memmove(text + at + 1, text + at, size - at);
        text[at] = byte;
        return size + 1;
    default: return at + 1;
    }
}

/* Whatever is said, the server is there for the next one, and nothing of it stays. */
static void noise_does_no_harm(void **state)
{
    static const char *const texts[] = {
        "GET /a?b=%20&c HTTP/1.1\r\n" HOST "A: b\r\n  c\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n12345",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n12345\r\n0\r\nT: u\r\n\r\n",
        "PUT / HTTP/1.0\r\nCookie: a=b; c=\"d\"\r\nContent-Length: 3\r\n\r\nabc",
    };
    http_stand *of = *state;
    size_t before = 0;
    for (unsigned i = 0; i < NOISES; i++) {
        char text[256];
        size_t size = strlen(texts[i % 4]);
        memcpy(text, texts[i % 4], size);
        for (uint32_t changes = 1 + noise(3); changes > 0 && size > 1; changes--) {
            size = spoil(text, size);
        }
        http_caller *caller = http_stand_call(of);
        http_caller_send(caller, text, size);
        http_loop_turn(&of->loop, -1, 5);
        http_loop_turn(&of->loop, caller->socket, 0);
        http_caller_close(caller);
        http_stand_serves(of);
        http_stand_await_connections(of, 0);
        before = i == 100 ? http_stand_heap_size() : before;
    }
    assert_true(http_stand_heap_size() < before + 64 * 1024);
}

int main(void)
{
#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, http_stand_setup, http_stand_teardown)
    const struct CMUnitTest tests[] = {
        CASE(requests_arrive_as_they_were_sent),
        CASE(pieces_make_a_request),
        CASE(who_waits_to_be_asked_is_asked),
        CASE(responses_go_back_as_they_were_given),
        CASE(a_long_response_arrives_whole),
        CASE(answers_may_come_later_in_any_order),
        CASE(a_held_request_outlives_its_caller),
        CASE(who_leaves_is_let_go),
        CASE(who_asks_and_says_no_more_is_answered),
        CASE(without_an_answer_the_connection_is_closed),
        CASE(who_says_too_much_hears_why),
        CASE(noise_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
