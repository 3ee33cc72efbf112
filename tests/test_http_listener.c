/* SPDX-License-Identifier: MIT */
/* The HTTP listener against callers that are written by hand: addresses in every spelling that a
 * gateway knows, methods, statuses, and how large a body may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/http_caller.h"
#include "transport/http_carrier.h"
#include "transport/http_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "-__-BAUGBwgJCgsM"
#define PATH "/.well-known/atls"
#define BODY_SIZE 9000u
#define ANONYMOUS_BODY_SIZE 3000u
#define CODE(class, detail) ((class) << 5 | (detail))

static const uint8_t id[TALC_SESSION_ID_SIZE] = { 0xfb, 0xff, 0xfe, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

typedef struct stand {
    void *listener;
    http_loop loop;
    talc_reply reply; /* to everything */
    int is_mute;
    int knows;
    size_t inbounds, questions;
    int has_id;
    uint8_t id[TALC_SESSION_ID_SIZE];
    uint8_t peer[64];
    size_t peer_size;
    uint8_t body[BODY_SIZE + 1];
    size_t body_size;
} stand;

/* ---------------------------------------------------------------- the server's side */

static void on_inbound(void *context, const talc_inbound *inbound)
{
    stand *of = context;
    of->inbounds++;
    of->has_id = inbound->session_id != NULL;
    if (of->has_id) {
        memcpy(of->id, inbound->session_id, sizeof of->id);
    }
    assert_true(inbound->peer_size <= sizeof of->peer && inbound->body_size <= BODY_SIZE);
    assert_non_null(inbound->body);
    memcpy(of->peer, inbound->peer, inbound->peer_size);
    of->peer_size = inbound->peer_size;
    memcpy(of->body, inbound->body, inbound->body_size);
    of->body[inbound->body_size] = '\0';
    of->body_size = inbound->body_size;
    talc_http_listener.reply(of->listener, inbound->reply, of->is_mute ? NULL : &of->reply);
}

static int on_known(void *context, const uint8_t *session_id)
{
    stand *of = context;
    of->questions++;
    assert_memory_equal(session_id, id, sizeof id);
    return of->knows;
}

static int stand_setup(void **state)
{
    stand *of = calloc(1, sizeof *of);
    talc_failure failure = { 0 };
    const talc_listener_target target = { .uri = "http://127.0.0.1:0",
                                          .path = PATH,
                                          .message_size = 1023,
                                          .body_size = BODY_SIZE,
                                          .anonymous_body_size = ANONYMOUS_BODY_SIZE,
                                          .block_size = 512 };
    const talc_listener_events events = { of, on_inbound, on_known };
    assert_non_null(of);
    of->reply = (talc_reply){ .code = CODE(2, 4), .body = (const uint8_t *)"{}", .body_size = 2 };
    if (talc_http_listener.open(&of->listener, &target, &events, &failure) != TALC_OK) {
        fail_msg("%s", failure.text);
    }
    of->loop = (http_loop){ of->listener, talc_http_listener.process, talc_http_listener.descriptor,
                            talc_http_listener.timeout_ms };
    *state = of;
    return 0;
}

static int stand_teardown(void **state)
{
    stand *of = *state;
    talc_http_listener.close(of->listener);
    free(of);
    return 0;
}

static http_caller *call(const stand *of)
{
    return http_caller_open(&of->loop, talc_http_listener.port(of->listener));
}

/* A request of the caller's; `more` is further fields. */
static unsigned ask(http_caller *caller, const char *method, const char *target, const char *more,
                    const char *body)
{
    char header[1024];
    int size = snprintf(header, sizeof header,
                        "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", method,
                        target, more, strlen(body));
    assert_in_range(size, 1, sizeof header - 1);
    http_caller_say(caller, header);
    return http_caller_ask(caller, body);
}

/* ---------------------------------------------------------------- addresses */

static void session_ids_are_read_however_they_are_spelt(void **state)
{
    static const struct {
        const char *target;
        int is_id;
    } cases[] = {
        { PATH "?s=" ID, 1 },
        { PATH "?a=1&s=" ID, 1 },
        { PATH "?s=" ID "&s", 1 }, /* another name */
        { PATH "?s=" ID "&ss=x&=&&", 1 },
        { PATH "?s=%2D%5F%5f-BAUGBwgJCgsM", 1 },
        { PATH "?%73=" ID, 1 },
        { PATH "?s%3D" ID, 1 },
        { PATH "?%73%3d%2d%5f%5f%2d%42%41%55%47%42%77%67%4a%43%67%73%4d", 1 },
        { PATH "?a%3D1%26s%3D" ID, 1 }, /* the whole query as one word */
        { "/%2ewell%2Dknown%2fatls?s=" ID, 1 },
        { "http://sensor.example:8080" PATH "?s=" ID, 1 },
        { "HTTPS://[::1]" PATH "?s=" ID, 1 },
        { PATH "?s=" ID "#s=AAAAAAAAAAAAAAAA", 1 },
        { PATH "?s=" ID "&a=1%26s%3D2", 1 }, /* that is a's value */
        { PATH "?%73%3D" ID "%26a%3D1", 1 },
        { PATH "?s=" ID "%26a%3D1", 0 },
        { PATH "?a%26s%3D" ID "%26s%3D" ID, 0 },
        { PATH, 0 },
        { PATH "?", 0 },
        { PATH "#?s=" ID, 0 },
        { PATH "?s=", 0 },
        { PATH "?S=" ID, 0 },
        { PATH "?s=-__-BAUGBwgJCgs", 0 },
        { PATH "?s=" ID "A", 0 },
        { PATH "?s=+//+BAUGBwgJCgsM", 0 },
        { PATH "?s=-__-BAUGBwgJCgs=", 0 },
        { PATH "?s=-__-BAUGBwgJCgs%", 0 },
        { PATH "?s=-__-BAUGBwgJCgs%4", 0 },
        { PATH "?s=-__-BAUGBwgJCgs%4x", 0 },
        { PATH "?s=-__-BAUGBwgJCgs%254D", 0 }, /* encoded twice */
        { PATH "?s=" ID "&s=" ID, 0 },
        { PATH "?s=" ID "&%73=AAAAAAAAAAAAAAAA", 0 },
        { PATH "?s=&s=" ID, 0 },
        { PATH "?s=" ID "&a=%zz", 0 },
    };
    stand *of = *state;
    http_caller *caller = call(of);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned status = ask(caller, "POST", cases[i].target, "", "{}");
        if (status != 200 || of->inbounds != i + 1 || of->has_id != cases[i].is_id) {
            fail_msg("%s: %u, %s id", cases[i].target, status, of->has_id ? "an" : "no");
        }
        if (cases[i].is_id) {
            assert_memory_equal(of->id, id, sizeof id);
        }
    }
    http_caller_close(caller);
}

static void other_paths_and_methods_are_refused(void **state)
{
    static const struct {
        const char *method, *target;
        unsigned status;
    } cases[] = {
        { "POST", "/", 404 },
        { "POST", "/.well-known/atls/?s=" ID, 404 },
        { "POST", "/.well-known/atlss?s=" ID, 404 },
        { "POST", "/.well-known/atl?s=" ID, 404 },
        { "POST", "//.well-known/atls?s=" ID, 404 },
        { "POST", "/.Well-known/atls?s=" ID, 404 },
        { "POST", "/.well-known/atls%00?s=" ID, 404 },
        { "POST", "/.well-known/%2561tls?s=" ID, 404 },
        { "POST", "/.well-known/atls%?s=" ID, 404 },
        { "POST", ".well-known/atls?s=" ID, 404 },
        { "POST", "http://host?" PATH, 404 },
        { "POST", "*", 404 },
        { "CONNECT", "host:443", 404 },
        { "GET", PATH "?s=" ID, 405 },
        { "post", PATH "?s=" ID, 405 },
        { "PUT", PATH "?s=" ID, 405 },
        { "OPTIONS", PATH, 405 },
    };
    stand *of = *state;
    http_caller *caller = call(of);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned status = ask(caller, cases[i].method, cases[i].target, "", "{}");
        if (status != cases[i].status || of->inbounds + of->questions != 0) {
            fail_msg("%s %s: %u", cases[i].method, cases[i].target, status);
        }
        const char *allowed = http_caller_field(caller, "Allow");
        assert_true((allowed != NULL && strcmp(allowed, "POST") == 0) == (status == 405));
        assert_int_equal(caller->body_size, 0);
    }
    http_caller_close(caller);
}

/* ---------------------------------------------------------------- bodies */

static void any_content_type_will_do(void **state)
{
    static const char *const fields[] = {
        "",
        "Content-Type: application/json\r\n",
        "Content-Type: application/json; charset=utf-8\r\n",
        "Content-Type: application/problem+json\r\n",
        "Content-Type: text/html\r\n",
        "Content-Type: x\r\nContent-Type: y\r\n",
    };
    stand *of = *state;
    http_caller *caller = call(of);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        assert_int_equal(ask(caller, "POST", PATH "?s=" ID, fields[i], "{\"i\":7}"), 200);
        assert_string_equal((const char *)of->body, "{\"i\":7}");
    }
    http_caller_close(caller);
}

static void codes_become_statuses(void **state)
{
    static const struct {
        uint8_t code;
        uint32_t retry_after_s;
        unsigned status;
        const char *retry_after;
    } cases[] = {
        { CODE(2, 4), 0, 200, NULL },  { CODE(4, 0), 0, 400, NULL }, { CODE(4, 4), 0, 404, NULL },
        { CODE(4, 13), 0, 413, NULL }, { CODE(4, 2), 0, 400, NULL }, { CODE(4, 15), 0, 415, NULL },
        { CODE(4, 29), 0, 429, NULL }, { CODE(5, 0), 0, 500, NULL }, { CODE(5, 3), 5, 503, "5" },
        { CODE(5, 3), 0, 503, NULL },  { CODE(5, 5), 0, 500, NULL }, { CODE(2, 4), 5, 200, NULL },
    };
    stand *of = *state;
    http_caller *caller = call(of);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        of->reply.code = cases[i].code;
        of->reply.retry_after_s = cases[i].retry_after_s;
        assert_int_equal(ask(caller, "POST", PATH "?s=" ID, "", "{}"), cases[i].status);
        assert_string_equal(caller->body, "{}");
        assert_string_equal(http_caller_field(caller, "Content-Type"), "application/json");
        assert_string_equal(http_caller_field(caller, "Cache-Control"), "no-store");
        const char *retry_after = http_caller_field(caller, "Retry-After");
        assert_true((retry_after == NULL) == (cases[i].retry_after == NULL));
        if (retry_after != NULL) {
            assert_string_equal(retry_after, cases[i].retry_after);
        }
    }
    http_caller_close(caller);
}

static void without_an_answer_the_connection_ends(void **state)
{
    stand *of = *state;
    http_caller *caller = call(of);
    of->is_mute = 1;
    assert_int_equal(ask(caller, "POST", PATH "?s=" ID, "", "{}"), 0);
    http_caller_close(caller);
}

static void who_knows_no_session_may_say_less(void **state)
{
    static const struct {
        const char *target;
        int knows;
        size_t limit;
    } cases[] = {
        { PATH "?s=" ID, 1, BODY_SIZE },
        { PATH "?s=" ID, 0, ANONYMOUS_BODY_SIZE },
        { PATH, 1, ANONYMOUS_BODY_SIZE },
        { PATH "?s=" ID "&s=" ID, 1, ANONYMOUS_BODY_SIZE },
    };
    static char body[BODY_SIZE + 2];
    stand *of = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http_caller *caller = call(of);
        of->knows = cases[i].knows;
        memset(body, 'x', cases[i].limit);
        body[cases[i].limit] = '\0';
        assert_int_equal(ask(caller, "POST", cases[i].target, "", body), 200);
        assert_int_equal(of->body_size, cases[i].limit);
        body[cases[i].limit] = 'x';
        body[cases[i].limit + 1] = '\0';
        assert_int_equal(ask(caller, "POST", cases[i].target, "", body), 413);
        assert_string_equal(caller->body, "{\"i\":0,\"e\":\"too-large\"}");
        assert_string_equal(http_caller_field(caller, "Content-Type"), "application/json");
        assert_int_equal(of->inbounds, i + 1);
        http_caller_close(caller);
    }
}

static void what_is_malformed_is_told_in_json(void **state)
{
    stand *of = *state;
    http_caller *caller = call(of);
    assert_int_equal(ask(caller, "POST", PATH "?s=\x01", "", "{}"), 400);
    assert_string_equal(caller->body, "{\"i\":0,\"e\":\"malformed\"}");
    http_caller_close(caller);
    assert_int_equal(of->inbounds, 0);
}

static void an_empty_body_arrives(void **state)
{
    stand *of = *state;
    http_caller *caller = call(of);
    assert_int_equal(ask(caller, "POST", PATH "?s=" ID, "", ""), 200);
    assert_int_equal(of->inbounds, 1);
    assert_int_equal(of->body_size, 0);
    http_caller_close(caller);
}

/* A gateway repeats a request over another connection: it is the same sender. */
static void a_sender_is_the_same_over_another_connection(void **state)
{
    stand *of = *state;
    uint8_t first[sizeof of->peer];
    size_t size = 0;
    for (int i = 0; i < 2; i++) {
        http_caller *caller = call(of);
        assert_int_equal(ask(caller, "POST", PATH "?s=" ID, "", "{}"), 200);
        if (i == 0) {
            size = of->peer_size;
            memcpy(first, of->peer, size);
        }
        http_caller_close(caller);
    }
    assert_true(size > 0);
    assert_int_equal(of->peer_size, size);
    assert_memory_equal(of->peer, first, size);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, stand_setup, stand_teardown)
    const struct CMUnitTest tests[] = {
        CASE(session_ids_are_read_however_they_are_spelt),
        CASE(other_paths_and_methods_are_refused),
        CASE(any_content_type_will_do),
        CASE(codes_become_statuses),
        CASE(without_an_answer_the_connection_ends),
        CASE(who_knows_no_session_may_say_less),
        CASE(what_is_malformed_is_told_in_json),
        CASE(an_empty_body_arrives),
        CASE(a_sender_is_the_same_over_another_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
