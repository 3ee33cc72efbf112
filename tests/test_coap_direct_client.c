/* SPDX-License-Identifier: MIT */
/* The client of mode `none` against servers that a script plays: what it sends, and what it makes
 * of answers. Repeats, acknowledgements and paths are in test_coap_direct_transmission.c, blocks in
 * test_coap_direct_blocks.c and test_coap_direct_uploads.c. */
#include "tests/direct_pair.h"
#include "transport/coap_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXCHANGES_MAX 64 /* of a client */

/* ---------------------------------------------------------------- what is sent */

static void a_request_has_just_the_options_it_needs(void **state)
{
    direct_pair *pair = *state;
    played server;
    size_t size;
    direct_play(pair, &server, played_answer_short);
    talc_frame request = direct_pair_frame(TALC_PUT, "/sensors/b%20c/%2F", 1023);
    assert_int_equal(talc_query_normalize("x=1&y=%26", request.query), TALC_OK);
    request.content_format = 60;
    request.accept = 0;
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    const wire_message *sent = &server.last;
    assert_int_equal(wire_type(sent), WIRE_CON);
    assert_int_equal(wire_code(sent), TALC_PUT);
    wire_token(sent, &size);
    assert_int_equal(size, 8);
    assert_true(wire_says(sent, WIRE_URI_PATH, 0, "sensors"));
    assert_true(wire_says(sent, WIRE_URI_PATH, 1, "b c"));
    assert_true(wire_says(sent, WIRE_URI_PATH, 2, "/"));
    assert_true(wire_says(sent, WIRE_URI_QUERY, 0, "x=1"));
    assert_true(wire_says(sent, WIRE_URI_QUERY, 1, "y=&"));
    assert_int_equal(wire_number(sent, WIRE_CONTENT_FORMAT), 60);
    assert_int_equal(wire_number(sent, 17 /* Accept */), 0);
    static const unsigned others[] = { WIRE_URI_HOST, WIRE_URI_PORT,    WIRE_BLOCK1,   WIRE_BLOCK2,
                                       WIRE_SIZE1,    WIRE_REQUEST_TAG, WIRE_PROXY_URI };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_null(wire_find(sent, others[i], 0, &size));
    }
    const uint8_t *payload = wire_payload_find(sent, &size);
    direct_pair_body_is(payload, size, 1023);
    direct_play_end(pair);
}

static void the_root_has_no_options_at_all(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, played_answer_short);
    talc_frame request = direct_pair_frame(TALC_GET, NULL, 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    assert_int_equal(server.last.size, 4 + 8);
    direct_play_end(pair);
}

/* What a name may lead to: nobody is at the first address. The client is the first in its link. */
static void lead_nowhere_first(direct_pair *pair)
{
    talc_coap_client *client = pair->client;
    uint16_t nowhere;
    int closed = wire_socket(&nowhere);
    assert_true(closed >= 0);
    close(closed);
    client->next_hop.list[0] = client->next_hop.list[client->next_hop.count - 1];
    assert_int_equal(client->next_hop.list[0].addr.sa.sa_family, AF_INET); /* ::1 comes first */
    client->next_hop.list[1] = client->next_hop.list[0];
    client->next_hop.list[0].addr.sin.sin_port = htons(nowhere);
    client->next_hop.count = 2;
}

static void a_host_is_named_and_all_its_addresses_are_tried(void **state)
{
    direct_pair *pair = *state;
    played server;
    char uri[64];
    played_open(&server, played_answer_short);
    snprintf(uri, sizeof uri, "coap://localhost:%u", (unsigned)server.port);
    pair->uri = uri;
    pair->played = &server;
    direct_pair_client_open(pair);
    lead_nowhere_first(pair);
    for (uint32_t i = 0; i < 3; i++) {
        talc_frame request = direct_pair_frame(TALC_POST, "a", 3);
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
        direct_pair_await_results(pair, i + 1);
        assert_int_equal(pair->status, TALC_OK);
    }
    assert_int_equal(server.requests, 3);
    assert_true(wire_says(&server.last, WIRE_URI_HOST, 0, "localhost"));
    direct_play_end(pair);
}

static void tokens_are_never_used_again(void **state)
{
    direct_pair *pair = *state;
    played server;
    uint8_t tokens[20][8];
    size_t size;
    direct_play(pair, &server, played_answer_short);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
        direct_pair_await_results(pair, i + 1);
        memcpy(tokens[i], wire_token(&server.last, &size), sizeof tokens[i]);
        for (uint32_t j = 0; j < i; j++) {
            assert_memory_not_equal(tokens[i], tokens[j], sizeof tokens[i]);
        }
    }
    direct_play_end(pair);
}

static void stay_silent(played *server, const wire_message *request)
{
    (void)server;
    (void)request;
}

static void only_so_many_requests_are_open(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, stay_silent);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 0; i < EXCHANGES_MAX; i++) {
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
    }
    assert_int_equal(direct_pair_send(pair, 100, &request), TALC_WANT_ROOM);
    talc_coap_direct_client.cancel(pair->client, 7);
    talc_coap_direct_client.cancel(pair->client, 7);
    assert_int_equal(direct_pair_send(pair, 100, &request), TALC_OK);
    assert_int_equal(direct_pair_send(pair, 101, &request), TALC_WANT_ROOM);
    direct_play_end(pair);
}

static void requests_that_cannot_be_sent_are_refused(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, played_answer_short);
    talc_frame request = direct_pair_frame(TALC_POST, "a", 65537);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_ERROR_TOO_LARGE);
    direct_pair_settle(pair, 20);
    assert_int_equal(server.requests, 0);
    assert_int_equal(pair->results, 0);
    direct_play_end(pair);
}

/* ---------------------------------------------------------------- answers */

static void answer_reset(played *server, const wire_message *request)
{
    wire_message answer;
    if (server->requests > 1) {
        played_answer_short(server, request);
        return;
    }
    wire_begin(&answer, WIRE_RST, 0, wire_id(request), NULL, 0);
    played_send(server, &answer);
}

static void a_reset_ends_the_request_and_the_path(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_reset);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    assert_int_equal(pair->exchange, 1);
    assert_int_equal(pair->status, TALC_ERROR_UNREACHABLE);
    assert_non_null(strstr(pair->failure.text, "Reset"));
    assert_int_equal(direct_pair_send(pair, 2, &request), TALC_OK);
    direct_pair_await_results(pair, 2);
    assert_int_equal(pair->status, TALC_OK);
    assert_int_not_equal(server.from, server.first_from);
    direct_play_end(pair);
}

static void nobody_there_is_told_at_once(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, played_answer_short);
    close(server.socket);
    server.socket = wire_socket(&server.port); /* not the one that the client knows */
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
    }
    direct_pair_await_results(pair, 3);
    assert_int_equal(pair->status, TALC_ERROR_UNREACHABLE);
    assert_non_null(strstr(pair->failure.text, "127.0.0.1"));
    direct_play_end(pair);
}

static void answer_to_another_token(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    uint8_t token[8];
    memcpy(token, wire_token(request, &size), sizeof token);
    token[7] ^= 1;
    wire_begin(&answer, WIRE_NON, WIRE_CODE(2, 4), 1, token, size);
    wire_payload(&answer, "forged", 6);
    played_send(server, &answer);
    played_answer_short(server, request);
}

static void answers_to_other_tokens_are_dropped(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_to_another_token);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    assert_int_equal(pair->answer_body_size, 2);
    direct_pair_settle(pair, 20);
    assert_int_equal(pair->results, 1);
    direct_play_end(pair);
}

static unsigned code_to_answer;

static void answer_code(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, code_to_answer);
    wire_uint(&answer, WIRE_MAX_AGE, 30);
    played_send(server, &answer);
}

static void codes_pass_through_if_they_end_a_request(void **state)
{
    static const struct {
        unsigned code;
        talc_status status;
    } rows[] = {
        { WIRE_CODE(2, 1), TALC_OK },  { WIRE_CODE(2, 3), TALC_OK },
        { WIRE_CODE(4, 4), TALC_OK },  { WIRE_CODE(4, 29), TALC_OK },
        { WIRE_CODE(5, 3), TALC_OK },  { WIRE_CODE(5, 31), TALC_OK },
        { WIRE_CODE(2, 31), TALC_ERROR_PROTOCOL }, /* Continue, though nothing goes on */
        { WIRE_CODE(3, 0), TALC_ERROR_PROTOCOL },
        { WIRE_CODE(6, 1), TALC_ERROR_PROTOCOL },
    };
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_code);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        code_to_answer = rows[i].code;
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
        direct_pair_await_results(pair, i + 1);
        assert_int_equal(pair->status, rows[i].status);
        if (rows[i].status == TALC_OK) {
            assert_int_equal(pair->code, rows[i].code);
            assert_int_equal(pair->format, TALC_OPTION_ABSENT);
        }
    }
    direct_play_end(pair);
}

static unsigned option_to_answer;

static void answer_option(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 5));
    wire_text(&answer, option_to_answer, "a");
    wire_payload(&answer, "{}", 2);
    played_send(server, &answer);
}

static void an_answer_with_a_critical_option_is_not_understood(void **state)
{
    static const struct {
        unsigned option;
        talc_status status;
    } rows[] = {
        { 1, TALC_ERROR_UNSUPPORTED },  { 9, TALC_ERROR_UNSUPPORTED },
        { 11, TALC_ERROR_UNSUPPORTED }, { 17, TALC_ERROR_UNSUPPORTED },
        { 39, TALC_ERROR_UNSUPPORTED }, { 2049, TALC_ERROR_UNSUPPORTED },
        { 6, TALC_OK },                 { 8, TALC_OK },
        { 252, TALC_OK },               { 65000, TALC_OK },
    };
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, answer_option);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        option_to_answer = rows[i].option;
        assert_int_equal(direct_pair_send(pair, i, &request), TALC_OK);
        direct_pair_await_results(pair, i + 1);
        assert_int_equal(pair->status, rows[i].status);
    }
    direct_play_end(pair);
}

/* ---------------------------------------------------------------- facts, the end */

static void a_peer_that_answers_counts_as_open(void **state)
{
    direct_pair *pair = *state;
    played server;
    talc_session_info info;
    direct_play(pair, &server, played_answer_short);
    talc_coap_direct_client.describe(pair->client, &info);
    assert_int_equal(info.is_open, 0);
    assert_string_equal(info.protocol, "");
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    talc_coap_direct_client.describe(pair->client, &info);
    assert_int_equal(info.is_open, 1);
    assert_string_equal(info.protocol, "");
    assert_string_equal(info.cipher_suite, "");
    assert_int_equal(info.peer.engine, TALC_ENGINE_NONE);
    talc_coap_direct_client.finish(pair->client);
    talc_coap_direct_client.describe(pair->client, &info);
    assert_int_equal(info.is_open, 0);
    direct_play_end(pair);
}

static void after_the_end_another_beginning_is_possible(void **state)
{
    direct_pair *pair = *state;
    played server;
    direct_play(pair, &server, stay_silent);
    talc_frame request = direct_pair_frame(TALC_GET, "a", 0);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    talc_coap_direct_client.finish(pair->client);
    server.script = played_answer_short;
    assert_int_equal(direct_pair_send(pair, 2, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    assert_int_equal(pair->exchange, 2);
    direct_pair_settle(pair, 20);
    assert_int_equal(pair->results, 1);
    direct_play_end(pair);
}

static void addresses_that_lead_nowhere_are_refused(void **state)
{
    static const struct {
        const char *uri, *proxy_uri;
        talc_status status;
    } rows[] = {
        { "coaps://127.0.0.1", NULL, TALC_ERROR_ARGUMENT },
        { "coap://127.0.0.1:0", NULL, TALC_ERROR_ARGUMENT },
        { "coap://127.0.0.1/path", NULL, TALC_ERROR_ARGUMENT },
        { "coap://127.0.0.1", "http://127.0.0.1", TALC_ERROR_ARGUMENT },
        { "coap://host.invalid", NULL, TALC_ERROR_UNREACHABLE },
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talc_direct_target target = { &pair->config, rows[i].uri, rows[i].proxy_uri, "" };
        talc_direct_client_events events = { NULL, NULL };
        talc_failure failure = { 0 };
        void *link = pair;
        assert_int_equal(talc_coap_direct_client.open(&link, &target, &events, &failure),
                         rows[i].status);
        assert_null(link);
        assert_int_equal(failure.status, rows[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(a_request_has_just_the_options_it_needs),
        DIRECT_CASE(the_root_has_no_options_at_all),
        DIRECT_CASE(a_host_is_named_and_all_its_addresses_are_tried),
        DIRECT_CASE(tokens_are_never_used_again),
        DIRECT_CASE(only_so_many_requests_are_open),
        DIRECT_CASE(requests_that_cannot_be_sent_are_refused),
        DIRECT_CASE(a_reset_ends_the_request_and_the_path),
        DIRECT_CASE(nobody_there_is_told_at_once),
        DIRECT_CASE(answers_to_other_tokens_are_dropped),
        DIRECT_CASE(codes_pass_through_if_they_end_a_request),
        DIRECT_CASE(an_answer_with_a_critical_option_is_not_understood),
        DIRECT_CASE(a_peer_that_answers_counts_as_open),
        DIRECT_CASE(after_the_end_another_beginning_is_possible),
        DIRECT_CASE(addresses_that_lead_nowhere_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
