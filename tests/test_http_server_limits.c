/* SPDX-License-Identifier: MIT */
/* What nobody can make grow in the HTTP server: sizes and time (on a virtual clock). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_stand.h"
#include "transport/http_server_state.h"
#include "tests/virtual_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- sizes */

/* A request whose header has exactly `size` bytes, in a static buffer. */
static const char *header_of(size_t size)
{
    static char text[300000];
    static const char begin[] = "GET / HTTP/1.1\r\n" HOST "X: ";
    assert_true(size > sizeof begin + 4 && size < sizeof text);
    memset(text, 'x', size);
    memcpy(text, begin, sizeof begin - 1);
    memcpy(text + size - 4, "\r\n\r\n", 5);
    return text;
}

static void headers_have_a_limit(void **state)
{
    http_stand *of = *state;
    static const struct {
        size_t size;
        unsigned status;
    } cases[] = {
        { HTTP_STAND_HEADER_SIZE, 200 },
        { HTTP_STAND_HEADER_SIZE + 1, 431 },
        { 3 * HTTP_STAND_HEADER_SIZE, 431 },
        { 200000, 431 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(http_stand_ask(of, header_of(cases[i].size)), cases[i].status);
        http_stand_serves(of);
    }
}

static void fields_have_a_limit(void **state)
{
    http_stand *of = *state;
    for (size_t count = 99; count <= 101; count++) {
        char text[1024];
        size_t used = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST);
        for (size_t i = 1; i < count; i++) {
            used += (size_t)snprintf(text + used, sizeof text - used, "a:b\r\n");
        }
        snprintf(text + used, sizeof text - used, "\r\n");
        assert_int_equal(http_stand_ask(of, text), count <= 100 ? 200 : 431);
    }
}

/* A query of thousands of parameters costs libmicrohttpd more than it is long. */
static void queries_have_a_limit(void **state)
{
    http_stand *of = *state;
    char text[HTTP_STAND_HEADER_SIZE];
    for (size_t size = 50; size < HTTP_STAND_HEADER_SIZE - 100; size += 50) {
        memset(text, '&', sizeof text);
        memcpy(text, "GET /?", 6);
        snprintf(text + size, sizeof text - size, " HTTP/1.1\r\n" HOST "\r\n");
        unsigned status = http_stand_ask(of, text);
        if (status != 200 && status != 414 && status != 431 && status != 0) {
            fail_msg("%zu: %u", size, status);
        }
        http_stand_serves(of);
    }
}

/* A chunk of so many bytes, and what begins and ends the request. */
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

static void say_chunk(http_caller *caller, size_t size)
{
    static char bytes[HTTP_STAND_BODY_SIZE + 20];
    int used = snprintf(bytes, sizeof bytes, "%zx\r\n", size);
    memset(bytes + used, 'x', size);
    memcpy(bytes + (size_t)used + size, "\r\n", 2);
    http_caller_send(caller, bytes, (size_t)used + size + 2);
}

static void bodies_have_a_limit(void **state)
{
    static char body[HTTP_STAND_BODY_SIZE + 1];
    http_stand *of = *state;
    char header[200];
    http_caller *caller = http_stand_call(of);
    memset(body, 'x', HTTP_STAND_BODY_SIZE);
    snprintf(header, sizeof header, "POST / HTTP/1.1\r\n" HOST "Content-Length: %u\r\n\r\n",
             HTTP_STAND_BODY_SIZE);
    http_caller_say(caller, header);
    assert_int_equal(http_caller_ask(caller, body), 200);
    assert_int_equal(of->body_size, HTTP_STAND_BODY_SIZE);
    http_caller_say(caller, CHUNKED);
    say_chunk(caller, HTTP_STAND_BODY_SIZE - 1);
    say_chunk(caller, 1);
    assert_int_equal(http_caller_ask(caller, "0\r\n\r\n"), 200);
    assert_int_equal(of->body_size, HTTP_STAND_BODY_SIZE);
    /* One byte more: refused before it comes, where it is announced, and else at the end. */
    http_caller_say(caller, CHUNKED);
    say_chunk(caller, HTTP_STAND_BODY_SIZE - 1);
    say_chunk(caller, 2);
    assert_int_equal(http_caller_ask(caller, "0\r\n\r\n"), 413);
    snprintf(header, sizeof header, "POST / HTTP/1.1\r\n" HOST "Content-Length: %u\r\n\r\n",
             HTTP_STAND_BODY_SIZE + 1);
    assert_int_equal(http_caller_ask(caller, header), 413);
    assert_string_equal(caller->body, "the body is too large\n");
    http_caller_await_close(caller);
    http_caller_close(caller);
    assert_int_equal(of->inbounds, 2);
    http_stand_serves(of);
}

/* Many that are half there: told by the server's own count, as if others had the rest. */
static void all_bodies_together_have_a_limit(void **state)
{
    static const char request[] = "PUT / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc";
    http_stand *of = *state;
    size_t *used = &of->server->bodies_size;
    assert_int_equal(http_stand_ask(of, request), 200);
    http_stand_serves(of);
    size_t before = *used; /* a connection that is open may hold what its last request had */
    *used = TALC_HTTP_BODIES_SIZE_MAX;
    assert_int_equal(http_stand_ask(of, request), 503);
    assert_int_equal(http_stand_ask(of, "GET / HTTP/1.1\r\n" HOST "\r\n"), 200);
    *used = before;
    assert_int_equal(http_stand_ask(of, request), 200);
    http_stand_await_connections(of, 0);
    assert_int_equal(*used, 0);
}

static void a_body_without_end_ends_the_connection(void **state)
{
    http_stand *of = *state;
    http_caller *caller = http_stand_call(of);
    size_t sent = 0;
    http_caller_say(caller, CHUNKED);
    while (!caller->is_closed && sent < 100 * 1024 * 1024) {
        say_chunk(caller, HTTP_STAND_BODY_SIZE);
        sent += HTTP_STAND_BODY_SIZE;
        http_loop_turn(&of->loop, -1, 0);
        if (http_caller_is_over(caller)) {
            break;
        }
    }
    assert_true(sent < 10 * 1024 * 1024);
    http_caller_close(caller);
    assert_int_equal(of->inbounds, 0);
    http_stand_serves(of);
}

static size_t limit_of(void *context, const talc_http_message *header)
{
    (void)context;
    return strcmp(header->target, "/large") == 0 ? HTTP_STAND_BODY_SIZE * 10 : 5;
}

static const char *error_of(void *context, unsigned status, const char **media_type)
{
    (void)context;
    *media_type = "text/x-error";
    return status == 413 ? "much" : "what";
}

static void the_user_sets_limits_and_words_errors(void **state)
{
    http_stand *of = *state;
    of->setup.events.body_limit = limit_of;
    of->setup.events.error_body = error_of;
    http_stand_reopen(of);
    assert_int_equal(
        http_stand_ask(of, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n12345"), 200);
    assert_int_equal(
        http_stand_ask(of, "POST /large HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n123456"), 200);
    http_caller *caller = http_stand_call(of);
    assert_int_equal(
        http_caller_ask(caller, "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n123456"), 413);
    assert_string_equal(caller->body, "much");
    assert_string_equal(http_caller_field(caller, "Content-Type"), "text/x-error");
    http_caller_close(caller);
    caller = http_stand_call(of);
    assert_int_equal(http_caller_ask(caller, "POST /\x01 HTTP/1.1\r\n" HOST "\r\n"), 400);
    assert_string_equal(caller->body, "what");
    http_caller_close(caller);
    /* What the user allows is never more than what was set up. */
    caller = http_stand_call(of);
    assert_int_equal(
        http_caller_ask(caller, "POST /large HTTP/1.1\r\n" HOST "Content-Length: 4001\r\n\r\n"),
        413);
    http_caller_close(caller);
}

static void announced_bodies_take_little_memory(void **state)
{
    enum { CALLERS = 50, ANNOUNCED = 100 * 1024 * 1024 };
    static http_caller *callers[CALLERS];
    http_stand *of = *state;
    char header[200];
    of->setup.body_size = ANNOUNCED;
    http_stand_reopen(of);
    snprintf(header, sizeof header, "POST / HTTP/1.1\r\n" HOST "Content-Length: %u\r\n\r\nabc",
             ANNOUNCED);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = http_stand_call(of);
    }
    size_t before = http_stand_heap_size();
    for (size_t i = 0; i < CALLERS; i++) {
        http_caller_say(callers[i], header);
    }
    http_stand_await_connections(of, CALLERS);
    for (int turns = 0; turns < 100; turns++) {
        http_loop_turn(&of->loop, -1, 0);
    }
    assert_true(http_stand_heap_size() < before + CALLERS * 32 * 1024);
    for (size_t i = 0; i < CALLERS; i++) {
        http_caller_close(callers[i]);
    }
}

/* ---------------------------------------------------------------- time */

typedef struct slowness {
    const char *begin;   /* said at once */
    const char *trickle; /* said again and again, a byte a second */
    unsigned answers;    /* had before */
    uint32_t limit_ms;
} slowness;

/* Says a byte a second until the connection is closed; after how many milliseconds that is. */
static uint32_t trickle(const http_stand *of, http_caller *caller, const char *bytes)
{
    uint64_t begin_ns = virtual_clock_ns();
    size_t size = strlen(bytes);
    for (size_t i = 0; !http_caller_is_over(caller); i++) {
        uint64_t second_ns = virtual_clock_ns() + 1000000000u;
        if (size > 0) {
            http_caller_send(caller, bytes + i % size, 1);
        }
        while (virtual_clock_ns() < second_ns && !http_caller_is_over(caller)) {
            http_loop_turn(&of->loop, caller->socket,
                           (int)((second_ns - virtual_clock_ns()) / 1000000u));
        }
        assert_true(i < 10000);
    }
    return (uint32_t)((virtual_clock_ns() - begin_ns) / 1000000u);
}

static void no_byte_buys_more_time(void **state)
{
    static const slowness cases[] = {
        { "", "", 0, HTTP_STAND_IDLE_TIMEOUT_MS },
        { "G", "E", 0, HTTP_STAND_IDLE_TIMEOUT_MS },
        { "\r\n", "\r\n", 0, HTTP_STAND_IDLE_TIMEOUT_MS },
        { "GET / HTTP/1.1\r\n" HOST, "", 0, HTTP_STAND_REQUEST_TIMEOUT_MS },
        { "GET / HTTP/1.1\r\n" HOST, "a:b\n", 0, HTTP_STAND_REQUEST_TIMEOUT_MS },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n", "x", 0,
          HTTP_STAND_REQUEST_TIMEOUT_MS },
        { CHUNKED, "1\r\nx\r\n", 0, HTTP_STAND_REQUEST_TIMEOUT_MS },
        { CHUNKED "0\r\n", "a:b\n", 0, HTTP_STAND_REQUEST_TIMEOUT_MS },
        { "GET / HTTP/1.1\r\n" HOST "\r\n", "", 1, HTTP_STAND_IDLE_TIMEOUT_MS },
        { "GET / HTTP/1.1\r\n" HOST "\r\n", "G", 1, HTTP_STAND_IDLE_TIMEOUT_MS },
        { "GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n", "", 1,
          HTTP_STAND_REQUEST_TIMEOUT_MS },
    };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http_caller *caller = http_stand_call(of);
        virtual_clock_start();
        http_caller_say(caller, cases[i].begin);
        for (unsigned answer = 0; answer < cases[i].answers; answer++) {
            assert_int_equal(http_caller_answer(caller), 200);
        }
        uint32_t took_ms = trickle(of, caller, cases[i].trickle);
        if (took_ms < cases[i].limit_ms - 1000 || took_ms > cases[i].limit_ms + 1000) {
            fail_msg("case %zu: closed after %u ms", i, took_ms);
        }
        virtual_clock_stop();
        http_caller_close(caller);
        http_stand_await_connections(of, 0);
    }
    http_stand_serves(of);
}

static void who_does_not_read_is_not_waited_for(void **state)
{
    enum { SIZE = 32 * 1024 * 1024 };
    http_stand *of = *state;
    uint8_t *bytes = calloc(1, SIZE);
    assert_non_null(bytes);
    of->answer.body = bytes;
    of->answer.body_size = SIZE;
    http_caller *caller = http_stand_call(of);
    http_caller_say(caller, "GET / HTTP/1.1\r\n" HOST "\r\n");
    virtual_clock_start();
    http_stand_await_inbounds(of, 1);
    uint64_t begin_ns = virtual_clock_ns();
    while (talc_http_server_connections(of->server) > 0) {
        http_loop_turn(&of->loop, -1, 1000);
        assert_true(virtual_clock_ns() - begin_ns < 1000000000ull * 3600);
    }
    assert_in_range((virtual_clock_ns() - begin_ns) / 1000000u, HTTP_STAND_REQUEST_TIMEOUT_MS - 100,
                    HTTP_STAND_REQUEST_TIMEOUT_MS + 1000);
    http_caller_close(caller);
    free(bytes);
}

static void a_held_request_has_time(void **state)
{
    http_stand *of = *state;
    of->hold = 1;
    http_caller *caller = http_stand_call(of);
    http_caller_say(caller, "GET / HTTP/1.1\r\n" HOST "\r\n");
    virtual_clock_start();
    http_stand_await_inbounds(of, 1);
    uint64_t begin_ns = virtual_clock_ns();
    while (virtual_clock_ns() - begin_ns < 1000000000ull * 3600) {
        http_loop_turn(&of->loop, caller->socket, 60000);
    }
    talc_http_server_reply(of->server, of->held[0], &of->answer);
    of->held_count = 0;
    assert_int_equal(http_caller_answer(caller), 200);
    http_caller_close(caller);
}

static int real_time_again(void **state)
{
    virtual_clock_stop();
    return http_stand_teardown(state);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, http_stand_setup, real_time_again)
    const struct CMUnitTest tests[] = {
        CASE(headers_have_a_limit),
        CASE(fields_have_a_limit),
        CASE(queries_have_a_limit),
        CASE(bodies_have_a_limit),
        CASE(all_bodies_together_have_a_limit),
        CASE(a_body_without_end_ends_the_connection),
        CASE(the_user_sets_limits_and_words_errors),
        CASE(announced_bodies_take_little_memory),
        CASE(no_byte_buys_more_time),
        CASE(who_does_not_read_is_not_waited_for),
        CASE(a_held_request_has_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
