/* SPDX-License-Identifier: MIT */
/* The HTTP server against callers that are written by hand: what arrives and what goes back, what is
 * refused, and what nobody can make grow, in virtual time where time matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_caller.h"
#include "tests/virtual_clock.h"
#include "transport/http_server.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_SIZE 4000u
#define HEADER_SIZE 2000u
#define REQUEST_TIMEOUT_MS 10000u
#define IDLE_TIMEOUT_MS 20000u
#define HELD_MAX 16
#define HOST "Host: here\r\n"

/* A server that notes what arrives and answers, or keeps the handles. */
typedef struct stand {
    talc_http_server *server;
    talc_http_server_setup setup;
    http_loop loop;
    uint16_t port;
    /* how it answers */
    talc_http_message answer;
    int hold;    /* keeps the handle */
    int is_mute; /* gives it back without an answer */
    /* what it has seen */
    size_t inbounds;
    char method[32], target[2048], fields[4096], peer[80];
    uint8_t body[BODY_SIZE + 1];
    size_t body_size;
    void *held[HELD_MAX];
    size_t held_count;
} stand;

/* ---------------------------------------------------------------- the server's side */

static void note(stand *of, const talc_http_inbound *inbound)
{
    const talc_http_message *request = inbound->request;
    size_t used = 0;
    snprintf(of->method, sizeof of->method, "%s", request->method);
    snprintf(of->target, sizeof of->target, "%s", request->target);
    snprintf(of->peer, sizeof of->peer, "%s", inbound->peer_text);
    of->fields[0] = '\0';
    for (size_t i = 0; i < request->field_count; i++) {
        used += (size_t)snprintf(of->fields + used, sizeof of->fields - used, "%s=%s;",
                                 request->fields[i].name, request->fields[i].value);
        assert_true(used < sizeof of->fields);
    }
    assert_true(request->body_size <= BODY_SIZE);
    of->body_size = request->body_size;
    if (request->body_size > 0) {
        memcpy(of->body, request->body, request->body_size);
    }
    of->body[of->body_size] = '\0';
}

static void on_inbound(void *context, const talc_http_inbound *inbound)
{
    stand *of = context;
    of->inbounds++;
    note(of, inbound);
    if (of->hold) {
        assert_true(of->held_count < HELD_MAX);
        of->held[of->held_count++] = inbound->reply;
        return;
    }
    talc_http_server_reply(of->server, inbound->reply, of->is_mute ? NULL : &of->answer);
}

static talc_status loop_process(void *link)
{
    return talc_http_server_process(link);
}

static int loop_descriptor(void *link)
{
    return talc_http_server_descriptor(link);
}

static uint32_t loop_timeout_ms(void *link)
{
    return talc_http_server_timeout_ms(link);
}

static void stand_open(stand *of)
{
    talc_failure failure = { 0 };
    of->setup.events.context = of;
    of->setup.events.inbound = on_inbound;
    if (talc_http_server_open(&of->server, &of->setup, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    of->loop = (http_loop){ of->server, loop_process, loop_descriptor, loop_timeout_ms };
    of->port = talc_http_server_port(of->server);
    assert_int_not_equal(of->port, 0);
}

static int stand_setup(void **state)
{
    stand *of = calloc(1, sizeof *of);
    assert_non_null(of);
    of->setup = (talc_http_server_setup){ .uri = "http://127.0.0.1:0",
                                          .body_size = BODY_SIZE,
                                          .header_size = HEADER_SIZE,
                                          .connections_max = 64,
                                          .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                          .idle_timeout_ms = IDLE_TIMEOUT_MS };
    of->answer =
        (talc_http_message){ .status = 200, .body = (const uint8_t *)"yes", .body_size = 3 };
    stand_open(of);
    *state = of;
    return 0;
}

static void stand_close(stand *of)
{
    for (size_t i = 0; i < of->held_count; i++) {
        talc_http_server_reply(of->server, of->held[i], NULL);
    }
    of->held_count = 0;
    of->hold = 0;
    talc_http_server_close(of->server);
    of->server = NULL;
}

/* The setup has been changed. */
__attribute__((unused)) static void stand_reopen(stand *of)
{
    stand_close(of);
    stand_open(of);
}

static int stand_teardown(void **state)
{
    stand *of = *state;
    virtual_clock_stop();
    stand_close(of);
    free(of);
    return 0;
}

static http_caller *call(const stand *of)
{
    return http_caller_open(&of->loop, of->port);
}

/* One request on its own connection. */
static unsigned ask(const stand *of, const char *text)
{
    http_caller *caller = call(of);
    unsigned status = http_caller_ask(caller, text);
    http_caller_close(caller);
    return status;
}

static void a_good_request_passes(const stand *of)
{
    if (ask(of, "GET /good HTTP/1.1\r\n" HOST "\r\n") != 200) {
        fail_msg("the server does not serve any more");
    }
}

/* Turns until the server has so many connections. */
static void await_connections(const stand *of, size_t count)
{
    for (int turns = 0; talc_http_server_connections(of->server) != count; turns++) {
        assert_true(turns < 5000);
        http_loop_turn(&of->loop, -1, 10);
    }
}

static void await_inbounds(const stand *of, size_t count)
{
    for (int turns = 0; of->inbounds < count; turns++) {
        assert_true(turns < 5000);
        http_loop_turn(&of->loop, -1, 10);
    }
}

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
    stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask(of, cases[i].sent), 200);
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
    stand *of = *state;
    http_caller *caller = call(of);
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
    stand *of = *state;
    http_caller *caller = call(of);
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
    stand *of = *state;
    http_caller *caller = call(of);
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
    stand *of = *state;
    size_t size = 150000;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)('a' + i * 7 % 26);
    }
    of->answer.body = bytes;
    of->answer.body_size = size;
    http_caller *caller = call(of);
    assert_int_equal(http_caller_ask(caller, "GET / HTTP/1.1\r\n" HOST "\r\n"), 200);
    assert_int_equal(caller->body_size, size);
    assert_memory_equal(caller->body, bytes, size);
    http_caller_close(caller);
    free(bytes);
}

static void answers_may_come_later_in_any_order(void **state)
{
    stand *of = *state;
    http_caller *callers[3];
    char body[2] = "0";
    of->hold = 1;
    for (size_t i = 0; i < 3; i++) {
        callers[i] = call(of);
        http_caller_say(callers[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        await_inbounds(of, i + 1);
    }
    of->answer.body = (const uint8_t *)body;
    of->answer.body_size = 1;
    for (size_t i = 3; i-- > 0;) {
        body[0] = (char)('0' + i);
        talc_http_server_reply(of->server, of->held[i], &of->answer);
        body[0] = '!'; /* it was copied */
        assert_int_equal(http_caller_answer(callers[i]), 200);
        assert_int_equal(callers[i]->body[0], '0' + (int)i);
    }
    of->held_count = 0;
    for (size_t i = 0; i < 3; i++) {
        http_caller_close(callers[i]);
    }
    await_connections(of, 0);
}

/* Callers that went away, a connection that says more, and the server's end. */
static void a_held_request_outlives_its_caller(void **state)
{
    stand *of = *state;
    http_caller *callers[4];
    of->hold = 1;
    for (size_t i = 0; i < 4; i++) {
        callers[i] = call(of);
        http_caller_say(callers[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        await_inbounds(of, i + 1);
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
    a_good_request_passes(of);
    for (size_t i = 1; i < 4; i++) {
        http_caller_close(callers[i]);
    }
}

static void without_an_answer_the_connection_is_closed(void **state)
{
    stand *of = *state;
    of->is_mute = 1;
    assert_int_equal(ask(of, "GET / HTTP/1.1\r\n" HOST "\r\n"), 0);
    of->is_mute = 0;
    a_good_request_passes(of);
}

/* ---------------------------------------------------------------- what is refused */

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
    stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size > 0 ? cases[i].size : strlen(cases[i].sent);
        http_caller *caller = call(of);
        http_caller_send(caller, cases[i].sent, size);
        unsigned status = http_caller_answer(caller);
        if (status != cases[i].status || of->inbounds != i) {
            fail_msg("\"%s\": %u instead of %u", cases[i].sent, status, cases[i].status);
        }
        http_caller_await_close(caller);
        http_caller_close(caller);
        a_good_request_passes(of);
    }
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, stand_setup, stand_teardown)
    const struct CMUnitTest tests[] = {
        CASE(requests_arrive_as_they_were_sent),  CASE(pieces_make_a_request),
        CASE(who_waits_to_be_asked_is_asked),     CASE(responses_go_back_as_they_were_given),
        CASE(a_long_response_arrives_whole),      CASE(answers_may_come_later_in_any_order),
        CASE(a_held_request_outlives_its_caller), CASE(without_an_answer_the_connection_is_closed),
        CASE(what_is_no_request_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
