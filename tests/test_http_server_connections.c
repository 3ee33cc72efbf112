/* SPDX-License-Identifier: MIT */
/* Who stays and who gives way when more connect to the HTTP server than it has places for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_stand.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PLACES 4

/* All places but the last one, which is kept free. */
static void fill(http_stand *of, http_caller *callers[PLACES], const char *text)
{
    of->setup.connections_max = PLACES + 1;
    http_stand_reopen(of);
    for (size_t i = 0; i < PLACES; i++) {
        callers[i] = http_stand_call(of);
        http_caller_say(callers[i], text);
        http_stand_await_connections(of, i + 1);
        for (int turns = 0; turns < 10; turns++) {
            http_loop_turn(&of->loop, -1, 0);
        }
    }
}

static void drain(const http_stand *of, http_caller *callers[PLACES])
{
    for (size_t i = 0; i < PLACES; i++) {
        http_caller_close(callers[i]);
    }
    http_stand_await_connections(of, 0);
}

static void who_waits_longest_gives_way(void **state)
{
    static const char *const texts[] = { "", "GE", "GET / HTTP/1.1\r\n",
                                         "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx" };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        http_caller *callers[PLACES];
        fill(of, callers, texts[i]);
        http_caller *newest = http_stand_call(of);
        assert_int_equal(http_caller_ask(newest, "GET / HTTP/1.1\r\n" HOST "\r\n"), 200);
        assert_true(http_caller_is_over(callers[0]));
        for (size_t left = 1; left < PLACES; left++) {
            assert_false(http_caller_is_over(callers[left]));
        }
        http_caller_close(newest);
        drain(of, callers);
    }
}

/* Takes what comes until `most` bytes or the end; how many they were. */
static size_t take(const http_stand *of, const http_caller *caller, size_t most)
{
    static char bytes[65536];
    size_t taken = 0;
    ssize_t size = 1;
    while (taken < most && size != 0) {
        size = recv(caller->socket, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN) {
            return taken;
        }
        if (size < 0) {
            http_loop_turn(&of->loop, caller->socket, 1000);
        }
        taken += size > 0 ? (size_t)size : 0;
    }
    return taken;
}

/* The first of those that do not read what they have asked for goes when its place is needed. */
static void who_does_not_read_gives_way(void **state)
{
    enum { SIZE = 32 * 1024 * 1024 };
    http_stand *of = *state;
    http_caller *callers[PLACES];
    uint8_t *bytes = calloc(1, SIZE);
    assert_non_null(bytes);
    of->answer.body = bytes;
    of->answer.body_size = SIZE;
    fill(of, callers, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(of->inbounds, PLACES);
    of->answer.body_size = 1;
    http_stand_serves(of);
    http_stand_await_connections(of, PLACES - 1);
    assert_true(take(of, callers[0], SIZE) < SIZE);
    for (size_t i = 1; i < PLACES; i++) {
        assert_true(take(of, callers[i], SIZE) >= SIZE);
    }
    drain(of, callers);
    free(bytes);
    of->answer.body_size = 0;
}

static void who_has_a_whole_request_stays(void **state)
{
    http_stand *of = *state;
    http_caller *callers[PLACES];
    of->setup.connections_max = PLACES;
    http_stand_reopen(of);
    of->hold = 1;
    for (size_t i = 0; i < PLACES; i++) {
        callers[i] = http_stand_call(of);
        http_caller_say(callers[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        http_stand_await_inbounds(of, i + 1);
    }
    http_caller *late = http_stand_call(of);
    http_caller_say(late, "GET /late HTTP/1.1\r\n" HOST "\r\n");
    for (int turns = 0; turns < 50; turns++) {
        http_loop_turn(&of->loop, -1, 1);
    }
    assert_int_equal(of->inbounds, PLACES);
    assert_int_equal(talc_http_server_connections(of->server), PLACES);
    of->hold = 0;
    of->held_count = 0;
    for (size_t i = 0; i < PLACES; i++) {
        talc_http_server_reply(of->server, of->held[i], &of->answer);
        assert_int_equal(http_caller_answer(callers[i]), 200);
    }
    http_caller_close(callers[0]);
    assert_int_equal(http_caller_answer(late), 200);
    http_caller_close(late);
    for (size_t i = 1; i < PLACES; i++) {
        http_caller_close(callers[i]);
    }
}

static void a_flood_of_connections_keeps_nobody_out(void **state)
{
    enum { FLOOD = 200 };
    static http_caller *callers[FLOOD];
    http_stand *of = *state;
    of->setup.connections_max = PLACES;
    http_stand_reopen(of);
    for (size_t i = 0; i < FLOOD; i++) {
        callers[i] = http_stand_call(of);
        http_caller_say(callers[i], i % 2 == 0 ? "GET / HTTP/1.1\r\n" : "");
        if (i % 20 == 0) {
            http_stand_serves(of);
        }
        assert_true(talc_http_server_connections(of->server) <= PLACES);
    }
    http_stand_serves(of);
    for (size_t i = 0; i < FLOOD; i++) {
        http_caller_close(callers[i]);
    }
}

static void an_address_has_so_many_connections(void **state)
{
    http_stand *of = *state;
    http_caller *callers[3];
    of->setup.connections_per_address_max = 2;
    http_stand_reopen(of);
    for (size_t i = 0; i < 3; i++) {
        callers[i] = http_stand_call(of);
        http_caller_say(callers[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        assert_int_equal(http_caller_answer(callers[i]), i < 2 ? 200 : 0);
    }
    http_caller_close(callers[0]);
    http_stand_await_connections(of, 1);
    http_stand_serves(of);
    http_caller_close(callers[1]);
    http_caller_close(callers[2]);
}

/* Nothing here, libraries included, may end the process by SIGPIPE. */
static void callers_that_leave_do_no_harm(void **state)
{
    http_stand *of = *state;
    size_t size = 4 * 1024 * 1024;
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    of->answer.body = bytes;
    of->answer.body_size = size;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    for (int i = 0; i < 20; i++) {
        http_caller *caller = http_stand_call(of);
        http_caller_say(caller, "GET / HTTP/1.1\r\n" HOST "\r\n");
        for (int turns = 0; turns < i % 4; turns++) {
            http_loop_turn(&of->loop, -1, 5);
        }
        http_caller_close(caller);
        http_stand_await_connections(of, 0);
    }
    free(bytes);
    of->answer.body_size = 0;
    http_stand_serves(of);
}

int main(void)
{
#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, http_stand_setup, http_stand_teardown)
    const struct CMUnitTest tests[] = {
        CASE(who_waits_longest_gives_way),        CASE(who_does_not_read_gives_way),
        CASE(who_has_a_whole_request_stays),      CASE(a_flood_of_connections_keeps_nobody_out),
        CASE(an_address_has_so_many_connections), CASE(callers_that_leave_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
