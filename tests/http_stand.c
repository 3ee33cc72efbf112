/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_stand.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the server's side */

static void note(http_stand *of, const talc_http_inbound *inbound)
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
    assert_true(request->body_size <= HTTP_STAND_BODY_SIZE);
    of->body_size = request->body_size;
    if (request->body_size > 0) {
        memcpy(of->body, request->body, request->body_size);
    }
    of->body[of->body_size] = '\0';
}

static void on_inbound(void *context, const talc_http_inbound *inbound)
{
    http_stand *of = context;
    of->inbounds++;
    note(of, inbound);
    if (of->hold) {
        assert_true(of->held_count < HTTP_STAND_HELD_MAX);
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

static void http_stand_open(http_stand *of)
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

int http_stand_setup(void **state)
{
    http_stand *of = calloc(1, sizeof *of);
    assert_non_null(of);
    of->setup = (talc_http_server_setup){ .uri = "http://127.0.0.1:0",
                                          .body_size = HTTP_STAND_BODY_SIZE,
                                          .header_size = HTTP_STAND_HEADER_SIZE,
                                          .connections_max = 64,
                                          .request_timeout_ms = HTTP_STAND_REQUEST_TIMEOUT_MS,
                                          .idle_timeout_ms = HTTP_STAND_IDLE_TIMEOUT_MS };
    of->answer =
        (talc_http_message){ .status = 200, .body = (const uint8_t *)"yes", .body_size = 3 };
    http_stand_open(of);
    *state = of;
    return 0;
}

static void http_stand_close(http_stand *of)
{
    for (size_t i = 0; i < of->held_count; i++) {
        talc_http_server_reply(of->server, of->held[i], NULL);
    }
    of->held_count = 0;
    of->hold = 0;
    talc_http_server_close(of->server);
    of->server = NULL;
}

void http_stand_reopen(http_stand *of)
{
    http_stand_close(of);
    http_stand_open(of);
}

int http_stand_teardown(void **state)
{
    http_stand *of = *state;
    http_stand_close(of);
    free(of);
    return 0;
}

http_caller *http_stand_call(const http_stand *of)
{
    return http_caller_open(&of->loop, of->port);
}

unsigned http_stand_ask(const http_stand *of, const char *text)
{
    http_caller *caller = http_stand_call(of);
    unsigned status = http_caller_ask(caller, text);
    http_caller_close(caller);
    return status;
}

void http_stand_serves(const http_stand *of)
{
    if (http_stand_ask(of, "GET /good HTTP/1.1\r\n" HOST "\r\n") != 200) {
        fail_msg("the server does not serve any more");
    }
}

void http_stand_await_connections(const http_stand *of, size_t count)
{
    for (int turns = 0; talc_http_server_connections(of->server) != count; turns++) {
        assert_true(turns < 5000);
        http_loop_turn(&of->loop, -1, 10);
    }
}

void http_stand_await_inbounds(const http_stand *of, size_t count)
{
    for (int turns = 0; of->inbounds < count; turns++) {
        assert_true(turns < 5000);
        http_loop_turn(&of->loop, -1, 10);
    }
}

size_t http_stand_heap_size(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
