/* SPDX-License-Identifier: MIT */
/* What the user of the carrier over HTTP is told of responses, and of what is none. */
#include "talc/message.h"
#include "tests/credential_folder.h"
#include "tests/http_carrying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    http_carrying *of = *state;
    carrying_open(of);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "HTTP/1.1 %u X\r\nContent-Length: 7\r\n\r\n{\"i\":1}",
                 codes[i].status);
        of->server.text = text;
        carrying_exchange(of);
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

static void what_was_no_success_is_told_in_words(void **state)
{
    static const struct {
        const char *text;
        const char *first, *second;
    } rows[] = {
        { "HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n", "HTTP status 502", "without talc" },
        { "HTTP/1.1 301 X\r\nLocation: https://else.example/\xc3\xa4\r\nContent-Length: 0\r\n\r\n",
          "HTTP status 301", "redirects to https://else.example/??, which is not followed" },
        { "HTTP/1.1 304 X\r\n\r\n", "HTTP status 304", "without talc" },
        { "HTTP/1.1 408 X\r\nContent-Length: 0\r\n\r\n", "HTTP status 408", "answered" },
        { "nonsense\r\n", "HTTP", "" },
    };
    http_carrying *of = *state;
    carrying_open(of);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        of->server.text = rows[i].text;
        carrying_exchange(of);
        assert_contains(of->reason, of->server.uri);
        assert_contains(of->reason, rows[i].first);
        assert_contains(of->reason, rows[i].second);
    }
    of->server.text = CARRYING_ANSWERED;
    carrying_exchange(of);
    assert_string_equal(of->reason, "");
}

static void a_long_redirect_is_cut(void **state)
{
    char text[4096];
    http_carrying *of = *state;
    carrying_open(of);
    snprintf(text, sizeof text, "HTTP/1.1 302 X\r\nLocation: /%03000d\r\nContent-Length: 0\r\n\r\n",
             0);
    of->server.text = text;
    carrying_exchange(of);
    assert_contains(of->reason, "0, which is not followed");
}

static void a_body_may_be_missing(void **state)
{
    http_carrying *of = *state;
    carrying_open(of);
    of->server.text = "HTTP/1.1 204 No Content\r\n\r\n";
    carrying_exchange(of);
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
    http_carrying *of = *state;
    carrying_open(of);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "HTTP/1.1 %sContent-Length: 0\r\n\r\n", rows[i].text);
        of->server.text = text;
        carrying_exchange(of);
        if (of->retry_after_ms != rows[i].retry_after_ms) {
            fail_msg("%s: %lu ms", rows[i].text, (unsigned long)of->retry_after_ms);
        }
    }
}

/* A gateway that indents the JSON makes it longer than any message. */
static void answers_may_have_grown_to_64_kib(void **state)
{
    http_carrying *of = *state;
    carrying_open(of);
    for (size_t more = 0; more < 2; more++) {
        size_t size = 65536 + more;
        char *text = malloc(size + 128);
        assert_non_null(text);
        int header = snprintf(text, 128, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
        memset(text + header, '{', size);
        text[(size_t)header + size] = '\0';
        of->server.text = text;
        carrying_exchange(of);
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
    http_carrying *of = *state;
    carrying_open(of);
    of->server.script = http_played_text_and_end;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        of->server.text = texts[i];
        carrying_exchange(of);
        assert_int_equal(of->outcome, TALC_OUTCOME_LOST);
        assert_int_equal(of->code, 0);
        assert_int_equal(of->body_size, 0);
    }
}

static void nobody_there_is_unreachable(void **state)
{
    http_carrying *of = *state;
    char uri[64];
    http_played nobody;
    http_played_open(&nobody, http_played_silence);
    strcpy(uri, nobody.uri);
    http_played_close(&nobody);
    of->target.uri = uri;
    carrying_open(of);
    carrying_exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_UNREACHABLE);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, carrying_setup, carrying_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(statuses_become_codes_and_bodies_pass),
        EACH(what_was_no_success_is_told_in_words),
        EACH(a_long_redirect_is_cut),
        EACH(a_body_may_be_missing),
        EACH(servers_say_when_to_come_again),
        EACH(answers_may_have_grown_to_64_kib),
        EACH(what_is_no_response_is_lost),
        EACH(nobody_there_is_unreachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
