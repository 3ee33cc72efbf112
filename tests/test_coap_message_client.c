/* SPDX-License-Identifier: MIT */
/* The client of a gateway: options as they are, whole bodies, no request twice. */
#include "tests/coap_message_pair.h"
#include "tests/virtual_clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GET = 1, POST, PUT, DELETE, FETCH, PATCH, IPATCH };

static int clock_setup(void **state)
{
    virtual_clock_start();
    return message_pair_setup(state);
}

static int clock_teardown(void **state)
{
    int ended = message_pair_teardown(state);
    virtual_clock_stop();
    return ended;
}

#define CLOCK_CASE(function) cmocka_unit_test_setup_teardown(function, clock_setup, clock_teardown)

static void bodies_pass_both_ways(void **state)
{
    static const struct {
        uint8_t code;
        size_t size, answer_size;
    } rows[] = {
        { GET, 0, 0 },       { GET, 0, 512 },     { GET, 0, 513 },        { GET, 0, 1023 },
        { GET, 0, 1024 },    { GET, 0, 65536 },   { POST, 1023, 1023 },   { POST, 1024, 1024 },
        { PUT, 5000, 0 },    { DELETE, 0, 0 },    { POST, 65536, 65536 }, { FETCH, 3000, 3000 },
        { PATCH, 2000, 10 }, { IPATCH, 1, 5000 },
    };
    message_pair *pair = *state;
    for (int deferred = 0; deferred <= 1; deferred++) {
        pair->hold = deferred;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            const talc_coap_message_option path[] = { message_text(TALC_COAP_URI_PATH, "a") };
            size_t results = pair->results, requests = pair->requests;
            talc_coap_message request = message_request(rows[i].code, path, 1, rows[i].size);
            pair->answer_size = rows[i].answer_size;
            assert_int_equal(message_pair_send(pair, (uint32_t)i, &request), TALC_OK);
            message_pair_await(pair, &pair->requests, requests + 1);
            if (deferred) {
                message_pair_release(pair, pair->held_count - 1);
            }
            message_pair_await(pair, &pair->results, results + 1);
            assert_int_equal(pair->end, TALC_COAP_MESSAGE_ANSWERED);
            assert_int_equal(pair->number, i);
            assert_int_equal(pair->requests, requests + 1);
            message_body_is(&pair->request.message, rows[i].size);
            message_body_is(&pair->response.message, rows[i].answer_size);
        }
    }
    assert_true(relay_counts_get(pair->relay, RELAY_UP).payload_max <= 1023);
    assert_true(relay_counts_get(pair->relay, RELAY_DOWN).payload_max <= 1023);
}

/* After the acknowledgement, as messages of their own. */
static void late_answers_arrive_whole(void **state)
{
    static const size_t sizes[] = { 0, 1023, 65536 };
    message_pair *pair = *state;
    pair->hold = 1;
    for (size_t i = 0; i < 3; i++) {
        size_t requests = pair->requests, results = pair->results;
        talc_coap_message request = message_request(POST, NULL, 0, 3);
        pair->answer_size = sizes[i];
        assert_int_equal(message_pair_send(pair, 1, &request), TALC_OK);
        message_pair_await(pair, &pair->requests, requests + 1);
        uint64_t said = relay_counts_get(pair->relay, RELAY_DOWN).datagrams;
        while (relay_counts_get(pair->relay, RELAY_DOWN).datagrams == said) {
            message_pair_turn(pair, 1000);
        }
        message_pair_release(pair, i);
        message_pair_await(pair, &pair->results, results + 1);
        assert_int_equal(pair->end, TALC_COAP_MESSAGE_ANSWERED);
        assert_int_equal(pair->requests, requests + 1);
        message_body_is(&pair->response.message, sizes[i]);
    }
}

/* ---------------------------------------------------------------- options */

static void options_pass_both_ways(void **state)
{
    static const uint8_t large[300] = "of a number and of a size with all extensions";
    const talc_coap_message_option sent[] = {
        { TALC_COAP_IF_MATCH, 2, (const uint8_t *)"\x00\xff" },
        message_text(TALC_COAP_URI_HOST, "device.example"),
        message_text(TALC_COAP_URI_PATH, "a"),
        message_text(TALC_COAP_URI_PATH, ""),
        { TALC_COAP_CONTENT_FORMAT, 2, (const uint8_t *)"\x2d\x16" },
        message_text(TALC_COAP_URI_QUERY, "x=%26"),
        { TALC_COAP_HOP_LIMIT, 1, (const uint8_t *)"\x05" },
        { 65000, sizeof large, large },
    };
    const talc_coap_message_option answered[] = {
        message_text(TALC_COAP_ETAG, "\x01version"),
        message_text(TALC_COAP_LOCATION_PATH, "new"),
        { 9, 0, NULL } /* critical and safe to forward */,
        { TALC_COAP_CONTENT_FORMAT, 0, NULL },
        { TALC_COAP_MAX_AGE, 4, (const uint8_t *)"\xff\xff\xff\xff" },
        message_text(TALC_COAP_LOCATION_QUERY, "q"),
        message_text(2050, "elective"),
        { 65000, sizeof large, large },
    };
    static const size_t sizes[] = { 10, 3000 }; /* whole, and in blocks */
    message_pair *pair = *state;
    pair->answer = (talc_coap_message){ WIRE_CODE(2, 1), answered, 8, NULL, 0 };
    for (size_t i = 0; i < 2; i++) {
        talc_coap_message request = message_request(POST, sent, 8, sizes[i]);
        pair->answer_size = sizes[i];
        message_pair_exchange(pair, &request);
        message_options_are(&pair->request.message, sent, 8);
        message_options_are(&pair->response.message, answered, 8);
        assert_int_equal(pair->response.message.code, WIRE_CODE(2, 1));
        message_body_is(&pair->request.message, sizes[i]);
        message_body_is(&pair->response.message, sizes[i]);
    }
}

/* The first answer has Block2, Size2, Echo and Block1; later ones have other options. */
static void answer_in_blocks(played *server, const wire_message *request)
{
    wire_message answer;
    uint32_t block2 = wire_number(request, WIRE_BLOCK2);
    uint32_t number = block2 == UINT32_MAX ? 0 : block2 >> 4;
    wire_answer(&answer, request, WIRE_CODE(2, 5));
    wire_text(&answer, WIRE_ETAG, "v");
    wire_uint(&answer, WIRE_MAX_AGE, 60 + number);
    wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(number, number < 2, 0));
    wire_uint(&answer, WIRE_SIZE2, 33);
    wire_text(&answer, 252, "echo");
    wire_payload(&answer, "0123456789abcdef", number < 2 ? 16 : 1);
    played_send(server, &answer);
}

static void options_of_the_first_block_are_kept_without_those_of_the_hop(void **state)
{
    message_pair *pair = *state;
    played server;
    message_play(pair, &server, answer_in_blocks);
    const talc_coap_message_option sent[] = {
        message_text(TALC_COAP_ETAG, "w"),
        { TALC_COAP_OBSERVE, 0, NULL },
        message_text(TALC_COAP_URI_PATH, "a"),
        { TALC_COAP_CONTENT_FORMAT, 1, (const uint8_t *)"\x3c" },
        { TALC_COAP_ACCEPT, 0, NULL },
    };
    const talc_coap_message_option kept[] = {
        message_text(TALC_COAP_ETAG, "v"), { TALC_COAP_MAX_AGE, 1, (const uint8_t *)"\x3c" } };
    talc_coap_message request = message_request(GET, sent, 5, 0);
    size_t size;
    message_pair_exchange(pair, &request);
    message_options_are(&pair->response.message, kept, 2);
    assert_int_equal(pair->response.message.body_size, 33);
    assert_int_equal(server.requests, 3);
    /* What the demand for the last block said: the resource, and nothing of the body. */
    assert_null(wire_find(&server.last, WIRE_ETAG, 0, &size)); /* see talc_coap_option_writer */
    assert_true(wire_says(&server.last, WIRE_URI_PATH, 0, "a"));
    assert_non_null(wire_find(&server.last, TALC_COAP_ACCEPT, 0, &size));
    assert_null(wire_find(&server.last, WIRE_CONTENT_FORMAT, 0, &size));
    assert_null(wire_find(&server.last, TALC_COAP_OBSERVE, 0, &size));
    message_play_end(pair);
}

static void what_does_not_fit_a_message_is_refused(void **state)
{
    static const uint8_t segment[255] = "a long segment";
    message_pair *pair = *state;
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    for (size_t i = 0; i < TALC_COAP_MESSAGE_OPTIONS_MAX; i++) {
        options[i] = (talc_coap_message_option){ TALC_COAP_URI_PATH, sizeof segment, segment };
    }
    talc_coap_message fits = message_request(POST, options, 4, 40);
    talc_coap_message long_options = message_request(GET, options, 5, 0);
    talc_coap_message long_body = message_request(POST, options, 0, 65537);
    assert_int_equal(message_pair_send(pair, 1, &long_options), TALC_ERROR_TOO_LARGE);
    assert_int_equal(message_pair_send(pair, 1, &long_body), TALC_ERROR_TOO_LARGE);
    fits = message_request(POST, options, 4, 40);
    message_pair_exchange(pair, &fits);
    message_options_are(&pair->request.message, options, 4);
    message_body_is(&pair->request.message, 40);
    long_options.option_count = TALC_COAP_MESSAGE_OPTIONS_MAX + 1;
    assert_int_equal(message_pair_send(pair, 1, &long_options), TALC_ERROR_TOO_LARGE);
}

/* ---------------------------------------------------------------- ends */

static void answer_once_with_option(played *server, const wire_message *request, unsigned number)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 5));
    wire_uint(&answer, number, 1);
    played_send(server, &answer);
}

static void answer_q_block(played *server, const wire_message *request)
{
    answer_once_with_option(server, request, 31);
}

static void answer_path(played *server, const wire_message *request)
{
    answer_once_with_option(server, request, WIRE_URI_PATH);
}

static void answer_continue(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 31));
    played_send(server, &answer);
}

static void answer_class_three(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(3, 1));
    played_send(server, &answer);
}

static void answer_many_options(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 5));
    for (size_t i = 0; i <= TALC_COAP_MESSAGE_OPTIONS_MAX; i++) {
        wire_text(&answer, TALC_COAP_LOCATION_PATH, "a");
    }
    played_send(server, &answer);
}

static void answer_gap(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 5));
    wire_uint(&answer, WIRE_BLOCK2, WIRE_BLOCK(1, 0, 0));
    wire_payload(&answer, "rest", 4);
    played_send(server, &answer);
}

static void answer_reset(played *server, const wire_message *request)
{
    wire_message answer;
    wire_begin(&answer, WIRE_RST, 0, wire_id(request), NULL, 0);
    played_send(server, &answer);
}

static void every_bad_answer_has_an_end(void **state)
{
    static const struct {
        played_script *script;
        talc_coap_message_end end;
    } rows[] = {
        { answer_q_block, TALC_COAP_MESSAGE_BROKEN },
        { answer_path, TALC_COAP_MESSAGE_BROKEN },
        { answer_continue, TALC_COAP_MESSAGE_BROKEN },
        { answer_class_three, TALC_COAP_MESSAGE_BROKEN },
        { answer_many_options, TALC_COAP_MESSAGE_BROKEN },
        { answer_gap, TALC_COAP_MESSAGE_BROKEN },
        { answer_reset, TALC_COAP_MESSAGE_RESET },
    };
    message_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        played server;
        message_play(pair, &server, rows[i].script);
        talc_coap_message request = message_request(POST, NULL, 0, 5);
        assert_int_equal(message_pair_send(pair, 7, &request), TALC_OK);
        message_pair_await(pair, &pair->results, i + 1);
        assert_int_equal(pair->end, rows[i].end);
        assert_int_equal(pair->number, 7);
        assert_int_equal(server.requests, 1);
        message_play_end(pair);
    }
}

static void an_answer_above_the_limit_is_refused(void **state)
{
    message_pair *pair = *state;
    pair->body_size = 2000;
    message_pair_client_open(pair);
    talc_coap_message request = message_request(GET, NULL, 0, 0);
    pair->answer_size = 2000;
    message_pair_exchange(pair, &request);
    pair->answer_size = 2001;
    assert_int_equal(message_pair_send(pair, 1, &request), TALC_OK);
    message_pair_await(pair, &pair->results, 2);
    assert_int_equal(pair->end, TALC_COAP_MESSAGE_TOO_LARGE);
}

static void nobody_there_is_said(void **state)
{
    message_pair *pair = *state;
    uint16_t port;
    char uri[40];
    close(wire_socket(&port));
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)port);
    pair->uri = uri;
    message_pair_client_open(pair);
    talc_coap_message request = message_request(GET, NULL, 0, 0);
    assert_int_equal(message_pair_send(pair, 1, &request), TALC_OK);
    message_pair_await(pair, &pair->results, 1);
    assert_int_equal(pair->end, TALC_COAP_MESSAGE_UNREACHABLE);
}

static void a_uri_has_to_lead_to_an_origin(void **state)
{
    static const char *const uris[] = { "", "coap://", "http://127.0.0.1", "coap://127.0.0.1/a",
                                        "coap://127.0.0.1:0", "coaps://127.0.0.1" };
    (void)state;
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        talc_coap_message_client *client = (talc_coap_message_client *)&client;
        talc_failure failure = { 0 };
        talc_coap_message_client_setup setup = { uris[i], 1024, 1, NULL, NULL };
        assert_int_equal(talc_coap_message_client_open(&client, &setup, &failure),
                         TALC_ERROR_ARGUMENT);
        assert_null(client);
        assert_true(failure.text[0] != '\0');
    }
}

/* ---------------------------------------------------------------- once */

/* Says nothing to the first message of each request, so that it is repeated. */
typedef struct seen {
    uint16_t ids[16];
    unsigned count;
} seen;

static seen messages;

static void answer_the_second_time(played *server, const wire_message *request)
{
    for (unsigned i = 0; i < messages.count; i++) {
        if (messages.ids[i] == wire_id(request)) {
            played_answer_short(server, request);
            return;
        }
    }
    assert_true(messages.count < 16);
    messages.ids[messages.count++] = wire_id(request);
}

static void a_request_is_repeated_as_the_same_message_only(void **state)
{
    message_pair *pair = *state;
    played server;
    memset(&messages, 0, sizeof messages);
    message_play(pair, &server, answer_the_second_time);
    talc_coap_message request = message_request(POST, NULL, 0, 5);
    message_pair_exchange(pair, &request);
    assert_int_equal(messages.count, 1);
    assert_int_equal(server.requests, 2);
    message_play_end(pair);
}

static void answer_never(played *server, const wire_message *request)
{
    (void)server;
    if (messages.count == 0 || messages.ids[0] != wire_id(request)) {
        assert_true(messages.count < 16);
        messages.ids[messages.count++] = wire_id(request);
    }
}

/* RFC 7252 section 4.8: four repeats. */
static void silence_is_given_up(void **state)
{
    message_pair *pair = *state;
    played server;
    memset(&messages, 0, sizeof messages);
    message_play(pair, &server, answer_never);
    talc_coap_message request = message_request(POST, NULL, 0, 5);
    assert_int_equal(message_pair_send(pair, 1, &request), TALC_OK);
    message_pair_await(pair, &pair->results, 1);
    assert_int_equal(pair->end, TALC_COAP_MESSAGE_LATE);
    assert_int_equal(messages.count, 1);
    assert_int_equal(server.requests, 5);
    message_play_end(pair);
}

static void nothing_runs_twice_on_a_lossy_path(void **state)
{
    message_pair *pair = *state;
    pair->answer_size = 1500;
    relay_drop_every(pair->relay, 5, 0);
    for (size_t i = 1; i <= 2; i++) {
        talc_coap_message request = message_request(POST, NULL, 0, 1500);
        message_pair_exchange(pair, &request);
        assert_int_equal(pair->requests, i);
        message_body_is(&pair->request.message, 1500);
        message_body_is(&pair->response.message, 1500);
    }
    assert_true(relay_counts_get(pair->relay, RELAY_UP).lost +
                    relay_counts_get(pair->relay, RELAY_DOWN).lost >= 2);
}

static void stay_silent(played *server, const wire_message *request)
{
    (void)server;
    (void)request;
}

static void a_cancelled_request_has_no_end_and_is_not_repeated(void **state)
{
    message_pair *pair = *state;
    played server;
    message_play(pair, &server, stay_silent);
    talc_coap_message request = message_request(POST, NULL, 0, 5);
    assert_int_equal(message_pair_send(pair, 1, &request), TALC_OK);
    message_pair_await_played(pair, &server.requests, 1);
    talc_coap_message_client_cancel(pair->client, 1);
    talc_coap_message_client_cancel(pair->client, 2);
    server.script = played_answer_short;
    message_pair_exchange(pair, &request);
    for (int seconds = 0; seconds < 100; seconds++) {
        message_pair_turn(pair, 1000);
    }
    assert_int_equal(server.requests, 2);
    assert_int_equal(pair->results, 1);
    assert_int_equal(talc_coap_message_client_timeout_ms(pair->client), UINT32_MAX);
    message_play_end(pair);
}

/* ---------------------------------------------------------------- many */

static void sixty_four_requests_are_open_at_once(void **state)
{
    message_pair *pair = *state;
    pair->hold = 1;
    pair->answer_size = 2000;
    for (uint32_t i = 0; i < 64; i++) {
        char text[8];
        snprintf(text, sizeof text, "%u", (unsigned)i);
        const talc_coap_message_option path[] = { message_text(TALC_COAP_URI_PATH, text) };
        talc_coap_message request = message_request(POST, path, 1, 1500);
        assert_int_equal(message_pair_send(pair, i, &request), TALC_OK);
    }
    talc_coap_message request = message_request(GET, NULL, 0, 0);
    assert_int_equal(message_pair_send(pair, 64, &request), TALC_WANT_ROOM);
    message_pair_await(pair, &pair->held_count, 32); /* others wait for a port */
    pair->hold = 0;
    pair->defers = 1;
    message_pair_await(pair, &pair->results, 64);
    assert_int_equal(pair->answers, 64);
    assert_int_equal(pair->requests, 64);
    message_body_is(&pair->response.message, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MESSAGE_CASE(bodies_pass_both_ways),
        CLOCK_CASE(late_answers_arrive_whole),
        MESSAGE_CASE(options_pass_both_ways),
        MESSAGE_CASE(options_of_the_first_block_are_kept_without_those_of_the_hop),
        MESSAGE_CASE(what_does_not_fit_a_message_is_refused),
        MESSAGE_CASE(every_bad_answer_has_an_end),
        MESSAGE_CASE(an_answer_above_the_limit_is_refused),
        MESSAGE_CASE(nobody_there_is_said),
        MESSAGE_CASE(a_uri_has_to_lead_to_an_origin),
        CLOCK_CASE(a_request_is_repeated_as_the_same_message_only),
        CLOCK_CASE(silence_is_given_up),
        CLOCK_CASE(nothing_runs_twice_on_a_lossy_path),
        CLOCK_CASE(a_cancelled_request_has_no_end_and_is_not_repeated),
        MESSAGE_CASE(sixty_four_requests_are_open_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
