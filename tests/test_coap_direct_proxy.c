/* SPDX-License-Identifier: MIT */
/* The client of mode `none` through forward proxies: played ones for the two ways to name the
 * server, and libcoap's own with many requests under way. */
#include "tests/direct_pair.h"
#include "tests/proxy_process.h"

#include <stdio.h>
#include <string.h>

#define SERVER_URI "coap://[2001:db8::7]:61616"
#define SOURCES_MAX 64

/* Source ports that were seen. */
static uint16_t sources[SOURCES_MAX];
static size_t source_count;

static void source_note(uint16_t port)
{
    for (size_t i = 0; i < source_count; i++) {
        if (sources[i] == port) {
            return;
        }
    }
    assert_true(source_count < SOURCES_MAX);
    sources[source_count++] = port;
}

static void fetch(direct_pair *pair, uint8_t method, const char *path, const char *query)
{
    talc_frame request = direct_pair_frame(method, path, 0);
    size_t results = pair->results;
    assert_int_equal(talc_query_normalize(query, request.query), TALC_OK);
    assert_int_equal(direct_pair_send(pair, (uint32_t)results, &request), TALC_OK);
    direct_pair_await_results(pair, results + 1);
    assert_int_equal(pair->status, TALC_OK);
}

/* ---------------------------------------------------------------- names of the server */

static void a_proxy_gets_the_whole_uri_in_one_option(void **state)
{
    static const struct {
        const char *path, *query, *uri;
    } rows[] = {
        { "a/b%2Fc", "x=%26&y", SERVER_URI "/a/b%2Fc?x=%26&y" },
        { NULL, NULL, SERVER_URI "/" },
        { NULL, "q", SERVER_URI "/?q" },
    };
    direct_pair *pair = *state;
    played proxy;
    pair->uri = SERVER_URI;
    direct_play_by_proxy(pair, &proxy, played_answer_short);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const unsigned others[] = { WIRE_URI_HOST, WIRE_URI_PORT, WIRE_URI_PATH,
                                           WIRE_URI_QUERY, WIRE_PROXY_SCHEME };
        fetch(pair, TALC_GET, rows[i].path, rows[i].query);
        assert_true(wire_says(&proxy.last, WIRE_PROXY_URI, 0, rows[i].uri));
        for (size_t j = 0; j < sizeof others / sizeof others[0]; j++) {
            size_t size;
            assert_null(wire_find(&proxy.last, others[j], 0, &size));
        }
    }
    direct_play_end(pair);
}

static unsigned refusal; /* of Proxy-Uri */
static unsigned answered; /* to Proxy-Scheme */

static void answer_as_proxy_of_schemes(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    int is_uri = wire_find(request, WIRE_PROXY_URI, 0, &size) != NULL;
    wire_answer(&answer, request, is_uri ? refusal : answered);
    wire_payload(&answer, "{}", 2);
    if (is_uri) {
        answer.bytes[answer.size - 2] = 'x'; /* a diagnostic payload */
    }
    played_send(server, &answer);
}

static void a_proxy_that_wants_a_scheme_gets_it(void **state)
{
    static const unsigned refusals[] = { WIRE_CODE(5, 1), WIRE_CODE(4, 2), WIRE_CODE(5, 5) };
    direct_pair *pair = *state;
    answered = WIRE_CODE(2, 5);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        played proxy;
        size_t size;
        refusal = refusals[i];
        pair->uri = SERVER_URI;
        direct_play_by_proxy(pair, &proxy, answer_as_proxy_of_schemes);
        fetch(pair, TALC_GET, "a/b", "x");
        assert_int_equal(proxy.requests, 2);
        assert_int_equal(pair->code, WIRE_CODE(2, 5));
        assert_true(wire_says(&proxy.last, WIRE_URI_HOST, 0, "[2001:db8::7]"));
        assert_int_equal(wire_number(&proxy.last, WIRE_URI_PORT), 61616);
        assert_true(wire_says(&proxy.last, WIRE_URI_PATH, 1, "b"));
        assert_true(wire_says(&proxy.last, WIRE_URI_QUERY, 0, "x"));
        assert_true(wire_says(&proxy.last, WIRE_PROXY_SCHEME, 0, "coap"));
        assert_null(wire_find(&proxy.last, WIRE_PROXY_URI, 0, &size));
        fetch(pair, TALC_GET, "a", NULL); /* it is remembered */
        assert_int_equal(proxy.requests, 3);
        direct_play_end(pair);
    }
}

/* It may be the server that says so. */
static void a_refusal_in_both_forms_is_the_answer(void **state)
{
    direct_pair *pair = *state;
    played proxy;
    refusal = WIRE_CODE(4, 2);
    answered = WIRE_CODE(4, 2);
    pair->uri = SERVER_URI;
    direct_play_by_proxy(pair, &proxy, answer_as_proxy_of_schemes);
    fetch(pair, TALC_GET, "a", NULL);
    assert_int_equal(pair->code, WIRE_CODE(4, 2));
    assert_int_equal(proxy.requests, 2);
    fetch(pair, TALC_GET, "a", NULL); /* in the first form again */
    assert_int_equal(proxy.requests, 4);
    direct_play_end(pair);
}

/* ---------------------------------------------------------------- source ports */

static void answer_and_note(played *server, const wire_message *request)
{
    source_note(server->from);
    played_answer_short(server, request);
}

static void a_source_port_serves_one_method(void **state)
{
    direct_pair *pair = *state;
    played proxy;
    pair->uri = SERVER_URI;
    source_count = 0;
    direct_play_by_proxy(pair, &proxy, answer_and_note);
    for (int rounds = 0; rounds < 3; rounds++) {
        for (uint8_t method = TALC_GET; method <= TALC_DELETE; method++) {
            fetch(pair, method, "a", "x");
            fetch(pair, method, "b", "y");
        }
    }
    assert_int_equal(source_count, 4);
    direct_play_end(pair);
}

#define UNDER_WAY 50
#define SOURCES_AT_ONCE 32

static wire_message waiting[UNDER_WAY];
static uint16_t waiting_from[UNDER_WAY];

static void note_only(played *server, const wire_message *request)
{
    source_note(server->from);
    waiting[server->requests - 1] = *request;
    waiting_from[server->requests - 1] = server->from;
}

static void requests_under_way_have_a_source_port_each(void **state)
{
    direct_pair *pair = *state;
    played proxy;
    pair->uri = SERVER_URI;
    source_count = 0;
    direct_play_by_proxy(pair, &proxy, note_only);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 0; i < UNDER_WAY; i++) {
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
    }
    direct_play_await(pair, &proxy.requests, SOURCES_AT_ONCE);
    direct_pair_settle(pair, 20);
    assert_int_equal(proxy.requests, SOURCES_AT_ONCE); /* the others wait */
    assert_int_equal(source_count, SOURCES_AT_ONCE);
    for (size_t i = 0; i < UNDER_WAY; i++) {
        direct_play_await(pair, &proxy.requests, (unsigned)i + 1);
        proxy.from = waiting_from[i];
        played_answer_short(&proxy, &waiting[i]);
    }
    direct_pair_await_results(pair, UNDER_WAY);
    assert_int_equal(source_count, SOURCES_AT_ONCE);
    direct_play_end(pair);
}

/* ---------------------------------------------------------------- libcoap's proxy */

#define MANY 20

/* Long answers of one source port are confused there. */
static void many_long_answers_pass_libcoaps_proxy_at_once(void **state)
{
    direct_pair *pair = *state;
    proxy_process proxy;
    char proxy_uri[64];
    proxy_process_start(&proxy);
    snprintf(proxy_uri, sizeof proxy_uri, "coap://127.0.0.1:%u", (unsigned)proxy.port);
    pair->proxy_uri = proxy_uri;
    pair->answer_size = 3000;
    direct_pair_client_open(pair);
    for (uint32_t i = 0; i < MANY; i++) {
        talc_frame request = direct_pair_frame(i % 2 == 0 ? TALC_GET : TALC_POST, "a", i % 2 * 10);
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
    }
    for (size_t results = 1; results <= MANY; results++) {
        direct_pair_await_results(pair, results);
        assert_int_equal(pair->status, TALC_OK);
        direct_pair_body_is(pair->answer, pair->answer_body_size, 3000);
    }
    assert_int_equal(pair->requests, MANY);
    direct_pair_client_close(pair);
    proxy_process_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(a_proxy_gets_the_whole_uri_in_one_option),
        DIRECT_CASE(a_proxy_that_wants_a_scheme_gets_it),
        DIRECT_CASE(a_refusal_in_both_forms_is_the_answer),
        DIRECT_CASE(a_source_port_serves_one_method),
        DIRECT_CASE(requests_under_way_have_a_source_port_each),
        DIRECT_CASE(many_long_answers_pass_libcoaps_proxy_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
