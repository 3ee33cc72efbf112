/* SPDX-License-Identifier: MIT */
/* What the HTTP client makes of answers, good and bad, to the byte where its limits are. */
#include "tests/credential_folder.h"
#include "tests/http_asking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---------------------------------------------------------------- answers */

typedef struct answer_case {
    const char *what;
    const char *text;
    http_played_script *script;
    talc_http_end end;
    unsigned status;
    const char *fields;
    const char *body;
} answer_case;

#define WHOLE http_played_text
#define ENDS http_played_text_and_end

static const answer_case answers[] = {
    { "with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", WHOLE,
      TALC_HTTP_ANSWERED, 200, "X: y\n", "hello" },
    { "in chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
      WHOLE, TALC_HTTP_ANSWERED, 200, "", "hello" },
    { "with trailers",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\nh\r\n0\r\nX: "
      "y\r\n\r\n",
      WHOLE, TALC_HTTP_ANSWERED, 200, "", "h" },
    { "until the end", "HTTP/1.0 200 OK\r\n\r\nhello", ENDS, TALC_HTTP_ANSWERED, 200, "", "hello" },
    { "without a reason", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", WHOLE, TALC_HTTP_ANSWERED,
      404, "", "" },
    { "204", "HTTP/1.1 204 No Content\r\n\r\n", WHOLE, TALC_HTTP_ANSWERED, 204, "", "" },
    { "304 with a length",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9999999\r\nETag: \"a\"\r\n\r\n", WHOLE,
      TALC_HTTP_ANSWERED, 304, "ETag: \"a\"\n", "" },
    { "a redirect", "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", WHOLE,
      TALC_HTTP_ANSWERED, 302, "Location: /other\n", "" },
    { "401", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
      WHOLE, TALC_HTTP_ANSWERED, 401, "WWW-Authenticate: Basic\n", "" },
    { "interim ones before it",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX: 1\r\n\r\n"
      "HTTP/1.1 200 OK\r\nX: 2\r\nContent-Length: 0\r\n\r\n",
      WHOLE, TALC_HTTP_ANSWERED, 200, "X: 2\n", "" },
    { "fields of this connection",
      "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Mine\r\nKeep-Alive: timeout=5\r\nx-mine: 1\r\n"
      "Upgrade: h2c\r\nTE: trailers\r\nProxy-Authenticate: Basic\r\nX-Yours: 1\r\n"
      "Content-Length: 0\r\n\r\n",
      WHOLE, TALC_HTTP_ANSWERED, 200, "X-Yours: 1\n", "" },
    { "a value on two lines", "HTTP/1.1 200 OK\r\nX: a\r\n\t b\r\nContent-Length: 0\r\n\r\n", WHOLE,
      TALC_HTTP_ANSWERED, 200, "X: a b\n", "" },
    { "white space around a value",
      "HTTP/1.1 200 OK\r\nX:\t a \t\r\nY:\r\nContent-Length: 0\r\n\r\n", WHOLE, TALC_HTTP_ANSWERED,
      200, "X: a\nY: \n", "" },
    { "a coding stays as it is",
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", WHOLE,
      TALC_HTTP_ANSWERED, 200, "Content-Encoding: gzip\n", "abc" },

    { "nothing", "", ENDS, TALC_HTTP_LOST, 0, NULL, NULL },
    { "half a header", "HTTP/1.1 200 OK\r\nX: y\r\n", ENDS, TALC_HTTP_LOST, 0, NULL, NULL },
    { "half a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", ENDS, TALC_HTTP_LOST, 0,
      NULL, NULL },
    { "half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", ENDS,
      TALC_HTTP_LOST, 0, NULL, NULL },
    { "no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", ENDS,
      TALC_HTTP_LOST, 0, NULL, NULL },
    { "chunks that are none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n\r\n",
      WHOLE, TALC_HTTP_LOST, 0, NULL, NULL },
    { "an interim one only", "HTTP/1.1 100 Continue\r\n\r\n", ENDS, TALC_HTTP_LOST, 0, NULL, NULL },

    { "HTTP/0.9", "<html>hello</html>\n", ENDS, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", WHOLE, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "HTTP/3.9", "HTTP/3.9 200 OK\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "a status of two digits", "HTTP/1.1 99 X\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0, NULL,
      NULL },
    { "a status of four", "HTTP/1.1 2000 X\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "a status above all", "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", WHOLE,
      TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "no status", "HTTP/1.1 OK\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "a switch to another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
      WHOLE, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "a field without colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0,
      NULL, NULL },
    { "a field without name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0, NULL,
      NULL },
    { "a name of two words", "HTTP/1.1 200 OK\r\na b: x\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0,
      NULL, NULL },
    { "a control character", "HTTP/1.1 200 OK\r\nX: a\x01z\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0,
      NULL, NULL },
    { "a carriage return", "HTTP/1.1 200 OK\r\nX: a\rz\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED, 0,
      NULL, NULL },
    { "a continuation of nothing", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n", WHOLE, TALC_HTTP_MALFORMED,
      0, NULL, NULL },
    { "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\nhello",
      WHOLE, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "a length beside chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\nh\r\n0\r\n\r\n",
      WHOLE, TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "a transfer coding that nobody knows",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: magic\r\n\r\nhello", ENDS, TALC_HTTP_MALFORMED, 0,
      NULL, NULL },
    { "a length below zero", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", ENDS,
      TALC_HTTP_MALFORMED, 0, NULL, NULL },
    { "a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", ENDS,
      TALC_HTTP_MALFORMED, 0, NULL, NULL },
};

static void check_answer(const answer_case *expected, const asking_note *note, const char *uri)
{
    if (note->end != expected->end || note->status != expected->status) {
        fail_msg("%s: ended as %d with %u, not %d with %u: %s", expected->what, (int)note->end,
                 note->status, (int)expected->end, expected->status, note->reason);
    }
    if (expected->end == TALC_HTTP_ANSWERED) {
        assert_string_equal(note->fields, expected->fields);
        assert_string_equal((const char *)note->body, expected->body);
    } else {
        assert_contains(note->reason, uri);
    }
}

static void answers_are_taken_whole_or_not_at_all(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        asking->server.script = answers[i].script;
        asking->server.text = answers[i].text;
        unsigned requests_before = asking->server.requests;
        const asking_note *note = asking_do(asking, "POST", asking->server.uri);
        check_answer(&answers[i], note, asking->server.uri);
        assert_int_equal(asking->server.requests, requests_before + 1);
    }
}

static void after_each_bad_answer_a_good_one_comes_over_a_new_connection(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].end == TALC_HTTP_ANSWERED) {
            continue;
        }
        asking->server.script = answers[i].script;
        asking->server.text = answers[i].text;
        (void)asking_do(asking, "POST", asking->server.uri);
        unsigned accepted = asking->server.accepted;
        asking->server.script = http_played_text;
        asking->server.text = answers[0].text;
        check_answer(&answers[0], asking_do(asking, "POST", asking->server.uri), "");
        assert_int_equal(asking->server.accepted, accepted + 1);
    }
}

/* ---------------------------------------------------------------- limits */

#define LIMIT_SLACK ((size_t)16 << 20) /* what the system's buffers take, at most */

/* Sends `text` once and then pours the context. */
static void text_and_pour(http_played_connection *from)
{
    http_played_send(from, from->server->text);
    http_played_pour(from, from->server->context);
}

static const struct {
    const char *what;
    const char *first;
    const char *poured;
} floods[] = {
    { "1 GB announced", "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
      "0123456789abcdef" },
    { "chunks without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "10\r\n0123456789abcdef\r\n" },
    { "one endless chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
      "0123456789abcdef" },
    { "a body until nobody knows when", "HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef" },
    { "interim answers without end", "", "HTTP/1.1 100 Continue\r\n\r\n" },
    { "fields without end", "HTTP/1.1 200 OK\r\n", "X: y\r\n" },
    { "a value without end", "HTTP/1.1 200 OK\r\nX: ", "0123456789abcdef" },
    { "a continued value without end", "HTTP/1.1 200 OK\r\nX: y\r\n", " 0123456789abcdef\r\n" },
    { "a status without end", "HTTP/1.1 200 ", "0123456789abcdef" },
    { "trailers without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
      "X: y\r\n" },
};

static void floods_end_at_the_limit(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        asking->server.script = text_and_pour;
        asking->server.text = floods[i].first;
        asking->server.context = (void *)(uintptr_t)floods[i].poured;
        const asking_note *note = asking_do(asking, "POST", asking->server.uri);
        if (note->end != TALC_HTTP_TOO_LARGE) {
            fail_msg("%s: ended as %d: %s", floods[i].what, (int)note->end, note->reason);
        }
        assert_true(asking->server.connections[0].poured < LIMIT_SLACK);
        assert_int_equal(asking_get(asking, answers[0].text)->end, TALC_HTTP_ANSWERED);
        while (asking->server.endings < 1) { /* of the flood's connection */
            asking_turn(asking);
        }
        asking->server.endings = 0;
    }
}

static void bodies_and_headers_may_be_as_large_as_the_limits(void **state)
{
    static const char header[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX: y\r\n\r\n";
    char text[sizeof header + 101];
    http_asking *asking = *state;
    memcpy(text, header, sizeof header);
    memset(text + sizeof header - 1, 'b', 100);
    text[sizeof header - 1 + 100] = '\0';
    for (size_t less = 0; less < 2; less++) {
        talc_http_end end = less == 0 ? TALC_HTTP_ANSWERED : TALC_HTTP_TOO_LARGE;
        asking->setup.body_size = 100 - less;
        asking->setup.header_size = sizeof header - 1;
        asking_open(asking);
        const asking_note *note = asking_get(asking, text);
        assert_int_equal(note->end, end);
        assert_contains(note->reason, less == 0 ? "" : "body has more than 99 bytes");
        asking->setup.body_size = 100;
        asking->setup.header_size = sizeof header - 1 - less;
        asking_open(asking);
        note = asking_get(asking, text);
        assert_int_equal(note->end, end);
        assert_contains(note->reason, less == 0 ? "" : "the response's header is larger");
    }
}

static void no_body_at_all_may_be_wanted(void **state)
{
    http_asking *asking = *state;
    asking->setup.body_size = 0;
    asking_open(asking);
    assert_int_equal(asking_get(asking, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")->end,
                     TALC_HTTP_ANSWERED);
    assert_int_equal(asking_get(asking, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")->end,
                     TALC_HTTP_TOO_LARGE);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, asking_setup, asking_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(answers_are_taken_whole_or_not_at_all),
        EACH(after_each_bad_answer_a_good_one_comes_over_a_new_connection),
        EACH(floods_end_at_the_limit),
        EACH(bodies_and_headers_may_be_as_large_as_the_limits),
        EACH(no_body_at_all_may_be_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
