/* SPDX-License-Identifier: MIT */
/* When the HTTP client opens, keeps and closes connections, and how long it waits. */
#include "tests/credential_folder.h"
#include "tests/http_asking.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* ---------------------------------------------------------------- time */

static void silence_ends_at_the_deadline(void **state)
{
    http_asking *asking = *state;
    asking->setup.timeout_ms = 200;
    asking_open(asking);
    const asking_note *note = asking_do(asking, "POST", asking->server.uri);
    assert_int_equal(asking->server.requests, 1);
    assert_int_equal(note->end, TALC_HTTP_LATE);
    assert_contains(note->reason, asking->server.uri);
}

static http_played_connection *slow;

static void slow_begin(http_played_connection *from)
{
    http_played_send(from, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    slow = from;
}

/* However fast they come: the deadline counts from the request, not from the last byte. */
static void single_bytes_do_not_move_the_deadline(void **state)
{
    http_asking *asking = *state;
    asking->setup.timeout_ms = 300;
    asking->server.script = slow_begin;
    asking_open(asking);
    assert_int_equal(asking_send(asking, 1, "POST", asking->server.uri), TALC_OK);
    asking_await_requests(asking, 1);
    unsigned bytes = 0;
    while (asking->note_count == 0) {
        http_played_send(slow, "b");
        bytes++;
        asking_turn(asking);
    }
    assert_int_equal(asking->notes[0].end, TALC_HTTP_LATE);
    assert_true(bytes > 1);
}

static void nobody_listening_is_told_at_once(void **state)
{
    http_asking *asking = *state;
    char uri[64];
    http_played nobody;
    http_played_open(&nobody, http_played_silence);
    strcpy(uri, nobody.uri);
    http_played_close(&nobody);
    asking_open(asking);
    const asking_note *note = asking_do(asking, "POST", uri);
    assert_int_equal(note->end, TALC_HTTP_UNREACHABLE);
    assert_contains(note->reason, uri);
    assert_int_equal(asking_do(asking, "POST", "http://nobody.invalid/")->end,
                     TALC_HTTP_UNREACHABLE);
}

/* TLS that never goes on, as the plain server knows none of it. */
static void a_connection_that_does_not_come_about_is_unreachable(void **state)
{
    http_asking *asking = *state;
    char uri[64];
    snprintf(uri, sizeof uri, "https%s", asking->server.uri + 4);
    asking->setup.connect_timeout_ms = 200;
    asking_open(asking);
    assert_int_equal(asking_do(asking, "POST", uri)->end, TALC_HTTP_UNREACHABLE);
    asking->setup.connect_timeout_ms = 60000;
    asking->setup.timeout_ms = 200;
    asking_open(asking);
    assert_int_equal(asking_do(asking, "POST", uri)->end, TALC_HTTP_UNREACHABLE);
    assert_int_equal(asking->server.requests, 0);
}

/* Both deadlines pass before the client looks again, so that the second gets no connection
 * meanwhile. */
static void what_waited_for_a_connection_until_the_deadline_is_late(void **state)
{
    http_asking *asking = *state;
    asking->setup.connections_max = 1;
    asking->setup.timeout_ms = 300;
    asking_open(asking);
    assert_int_equal(asking_send(asking, 1, "POST", asking->server.uri), TALC_OK);
    asking_await_requests(asking, 1);
    assert_int_equal(asking_send(asking, 2, "POST", asking->server.uri), TALC_OK);
    (void)poll(NULL, 0, 400);
    asking_await(asking, 2);
    assert_int_equal(asking->notes[0].end, TALC_HTTP_LATE);
    assert_int_equal(asking->notes[1].end, TALC_HTTP_LATE);
    assert_contains(asking->notes[1].reason, "no connection was free");
    assert_int_equal(asking->server.requests, 1);
}

/* ---------------------------------------------------------------- connections */

static void connections_are_kept(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(asking_get(asking, GOOD)->end, TALC_HTTP_ANSWERED);
    }
    assert_int_equal(asking->server.accepted, 1);
}

static void another_attempt_takes_a_connection_of_its_own(void **state)
{
    http_asking *asking = *state;
    asking->server.script = http_played_text;
    asking->server.text = GOOD;
    asking_open(asking);
    for (uint32_t attempt = 0; attempt < 4; attempt++) {
        const talc_http_message request = { .method = "POST", .target = asking->server.uri };
        assert_int_equal(talc_http_client_send(asking->client, attempt, attempt, &request),
                         TALC_OK);
        asking_await(asking, attempt + 1);
        assert_int_equal(asking->server.accepted, attempt + 1);
    }
}

static unsigned open_connections(const http_played *server)
{
    unsigned count = 0;
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        count += server->connections[i].socket >= 0;
    }
    return count;
}

static void many_exchanges_share_a_few_connections(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (uint32_t number = 1; number <= 64; number++) {
        assert_int_equal(asking_send(asking, number, "POST", asking->server.uri), TALC_OK);
    }
    assert_int_equal(asking_send(asking, 65, "POST", asking->server.uri), TALC_WANT_ROOM);
    asking_await_requests(asking, 8);
    assert_int_equal(open_connections(&asking->server), 8);
    asking->server.script = http_played_text;
    asking->server.text = GOOD;
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        if (asking->server.connections[i].requests > 0) {
            http_played_text(&asking->server.connections[i]);
        }
    }
    asking_await(asking, 64);
    uint64_t seen = 0;
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(asking->notes[i].end, TALC_HTTP_ANSWERED);
        seen |= (uint64_t)1 << (asking->notes[i].number - 1);
    }
    assert_true(seen == UINT64_MAX);
    assert_int_equal(asking->server.accepted, 8);
    assert_int_equal(asking->server.requests, 64);
}

static void other_servers_replace_kept_connections(void **state)
{
    http_asking *asking = *state;
    http_played *others = calloc(3, sizeof *others);
    assert_non_null(others);
    asking->setup.connections_max = 2;
    asking_open(asking);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            if (round == 0) {
                http_played_open(&others[i], http_played_text);
                others[i].text = GOOD;
            }
            size_t before = asking->note_count;
            assert_int_equal(asking_send(asking, 1, "POST", others[i].uri), TALC_OK);
            while (asking->note_count == before) {
                http_played_turn(&others[i]);
                assert_int_equal(talc_http_client_process(asking->client), TALC_OK);
            }
            assert_int_equal(asking->notes[before].end, TALC_HTTP_ANSWERED);
        }
    }
    unsigned open = 0;
    for (size_t i = 0; i < 3; i++) {
        http_played_turn(&others[i]);
        open += open_connections(&others[i]);
        http_played_close(&others[i]);
    }
    assert_int_equal(open, 2);
    free(others);
}

/* What runs is not bounded by what is kept. */
static void fewer_connections_are_kept_than_run(void **state)
{
    http_asking *asking = *state;
    asking->setup.kept_max = 2;
    asking_open(asking);
    for (uint32_t number = 1; number <= 8; number++) {
        assert_int_equal(asking_send(asking, number, "POST", asking->server.uri), TALC_OK);
    }
    asking_await_requests(asking, 8);
    assert_int_equal(open_connections(&asking->server), 8);
    asking->server.text = GOOD;
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        if (asking->server.connections[i].requests > 0) {
            http_played_text(&asking->server.connections[i]);
        }
    }
    asking_await(asking, 8);
    http_played_turn(&asking->server);
    assert_int_equal(open_connections(&asking->server), 2);
}

/* Answers, and closes before the next request. */
static void a_kept_connection_that_was_closed_is_not_used(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(asking_get(asking, GOOD)->end, TALC_HTTP_ANSWERED);
        http_played_hang_up(&asking->server.connections[0]);
    }
    assert_int_equal(asking->server.accepted, 5);
}

/* A second answer that nobody asked for must not be taken for that of the next request. */
static void bytes_that_came_before_a_request_are_not_its_answer(void **state)
{
    static const char one[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    http_asking *asking = *state;
    char two[2 * sizeof one];
    snprintf(two, sizeof two, "%s%s", one, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    asking_open(asking);
    assert_string_equal((const char *)asking_get(asking, two)->body, "hello");
    assert_string_equal((const char *)asking_get(asking, one)->body, "hello");
    assert_int_equal(asking->server.accepted, 2);
    for (size_t i = 0; i < HTTP_PLAYED_CONNECTIONS_MAX; i++) {
        if (asking->server.connections[i].socket >= 0) {
            http_played_send(&asking->server.connections[i],
                             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlater");
        }
    }
    assert_string_equal((const char *)asking_get(asking, one)->body, "hello");
    assert_int_equal(asking->server.accepted, 3);
}

/* Answers the first request of all, and ends the connection on the next one. */
static void answer_then_end(http_played_connection *from)
{
    if (from->server->requests == 1 || from->number > 1) {
        http_played_text(from);
    } else {
        http_played_reset(from);
    }
}

static void only_idempotent_requests_are_sent_again(void **state)
{
    static const struct {
        const char *method;
        talc_http_end end;
        unsigned requests;
    } rows[] = {
        { "POST", TALC_HTTP_LOST, 2 },       { "PATCH", TALC_HTTP_LOST, 2 },
        { "FETCH", TALC_HTTP_LOST, 2 },      { "GET", TALC_HTTP_ANSWERED, 3 },
        { "DELETE", TALC_HTTP_ANSWERED, 3 }, { "PUT", TALC_HTTP_ANSWERED, 3 },
    };
    http_asking *asking = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_played_close(&asking->server);
        http_played_open(&asking->server, answer_then_end);
        asking->server.text = GOOD;
        asking_open(asking);
        assert_int_equal(asking_do(asking, "GET", asking->server.uri)->end, TALC_HTTP_ANSWERED);
        assert_int_equal(asking_do(asking, rows[i].method, asking->server.uri)->end, rows[i].end);
        assert_int_equal(asking->server.requests, rows[i].requests);
    }
}

/* ---------------------------------------------------------------- giving up */

static void a_cancelled_exchange_is_not_told_and_its_connection_is_closed(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (uint32_t number = 1; number <= 10; number++) { /* 8 run, 2 wait */
        assert_int_equal(asking_send(asking, number, "POST", asking->server.uri), TALC_OK);
    }
    asking_await_requests(asking, 8);
    talc_http_client_cancel(asking->client, 77);
    for (uint32_t number = 10; number >= 1; number--) {
        talc_http_client_cancel(asking->client, number);
    }
    talc_http_client_cancel(asking->client, 1);
    while (asking->server.endings < 8) {
        asking_turn(asking);
    }
    assert_int_equal(asking->note_count, 0);
    assert_int_equal(asking_get(asking, GOOD)->end, TALC_HTTP_ANSWERED);
    assert_int_equal(asking->note_count, 1);
}

static void cancel_before_anything_was_sent(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    assert_int_equal(asking_send(asking, 1, "POST", asking->server.uri), TALC_OK);
    talc_http_client_cancel(asking->client, 1);
    assert_int_equal(asking_send(asking, 2, "POST", asking->server.uri), TALC_OK);
    asking_await_requests(asking, 1);
    assert_int_equal(asking->note_count, 0);
}

/* The first that ends cancels the second, and sends another one. */
static void cancel_and_send(http_asking *asking, const talc_http_result *result)
{
    if (result->number == 1 || result->number == 2) {
        talc_http_client_cancel(asking->client, result->number);
        talc_http_client_cancel(asking->client, 3 - result->number);
        assert_int_equal(asking_send(asking, 3, "POST", asking->server.uri), TALC_OK);
    }
}

static void the_callback_may_cancel_and_send(void **state)
{
    http_asking *asking = *state;
    asking->on_ended = cancel_and_send;
    asking_open(asking);
    assert_int_equal(asking_send(asking, 1, "POST", asking->server.uri), TALC_OK);
    assert_int_equal(asking_send(asking, 2, "POST", asking->server.uri), TALC_OK);
    asking_await_requests(asking, 2);
    asking->server.script = http_played_text;
    asking->server.text = GOOD;
    for (size_t i = 0; i < 2; i++) {
        http_played_text(&asking->server.connections[i]);
    }
    asking_await(asking, 2);
    assert_int_equal(asking->notes[1].number, 3);
    assert_int_equal(asking->notes[1].end, TALC_HTTP_ANSWERED);
}

static void closing_ends_everything_without_a_word(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    for (uint32_t number = 1; number <= 20; number++) {
        assert_int_equal(asking_send(asking, number, "POST", asking->server.uri), TALC_OK);
    }
    asking_await_requests(asking, 8);
    talc_http_client_close(asking->client);
    asking->client = NULL;
    assert_int_equal(asking->note_count, 0);
    talc_http_client_close(NULL);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, asking_setup, asking_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(silence_ends_at_the_deadline),
        EACH(single_bytes_do_not_move_the_deadline),
        EACH(nobody_listening_is_told_at_once),
        EACH(a_connection_that_does_not_come_about_is_unreachable),
        EACH(what_waited_for_a_connection_until_the_deadline_is_late),
        EACH(connections_are_kept),
        EACH(another_attempt_takes_a_connection_of_its_own),
        EACH(many_exchanges_share_a_few_connections),
        EACH(other_servers_replace_kept_connections),
        EACH(fewer_connections_are_kept_than_run),
        EACH(a_kept_connection_that_was_closed_is_not_used),
        EACH(bytes_that_came_before_a_request_are_not_its_answer),
        EACH(only_idempotent_requests_are_sent_again),
        EACH(a_cancelled_exchange_is_not_told_and_its_connection_is_closed),
        EACH(cancel_before_anything_was_sent),
        EACH(the_callback_may_cancel_and_send),
        EACH(closing_ends_everything_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
