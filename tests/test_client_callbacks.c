/* SPDX-License-Identifier: MIT */
/*
 * Calls from within callbacks: a client's callback may send more requests and nothing else, a
 * server's handler may answer; what would call itself is refused, whoever is calling back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/pair.h"

#define LIMIT_MS 60000u

static pair_credentials credentials;

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_options options = { .credentials = &credentials, .version = TALC_TLS_1_3 };
    pair_begin(pair, &options);
    pair_start(pair);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    pair_end(*state);
    free(*state);
    return 0;
}

/* ---------------------------------------------------------------- a callback that calls */

typedef struct caller {
    talc_client *client;
    talc_status sends; /* what talc_client_send() has to say to it */
    unsigned calls;
    talc_status status; /* that it was called with */
    pair_outcome next;  /* of the request that it sends */
} caller;

static void note_next(void *context, talc_status status, const talc_response *response)
{
    pair_outcome *next = context;
    (void)response;
    next->calls++;
    next->is_done = true;
    next->status = status;
}

static void call_everything(void *context, talc_status status, const talc_response *response)
{
    caller *calling = context;
    talc_client *client = calling->client;
    talc_response another;
    talc_request request = pair_request(TALC_GET, "hello", 2);
    (void)response;
    calling->calls++;
    calling->status = status;
    assert_int_equal(talc_client_process(client), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_client_wait(client, 0), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_client_fetch(client, &request, &another), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_client_close(client, 0), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_client_close(client, 1000), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_client_reroute(client, PAIR_URI, NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_client_send(client, &request, note_next, &calling->next), calling->sends);
}

static void send_calling(test_pair *pair, const talc_request *request, caller *calling,
                         talc_status sends)
{
    memset(calling, 0, sizeof *calling);
    calling->client = pair->client;
    calling->sends = sends;
    assert_int_equal(talc_client_send(pair->client, request, call_everything, calling),
                     TALC_PENDING);
}

static void assert_called(const caller *calling, talc_status status)
{
    assert_int_equal(calling->calls, 1);
    assert_int_equal(calling->status, status);
    assert_int_equal(calling->next.calls, calling->sends == TALC_PENDING ? 1 : 0);
}

/* ---------------------------------------------------------------- who calls back */

static void the_callback_of_a_response(void **state)
{
    test_pair *pair = *state;
    caller calling;
    talc_session_info info;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    send_calling(pair, &request, &calling, TALC_PENDING);
    assert_true(pair_run(pair, &calling.next, LIMIT_MS));
    assert_called(&calling, TALC_OK);
    assert_int_equal(calling.next.status, TALC_OK);
    talc_client_info(pair->client, &info);
    assert_true(info.is_open); /* nothing of all that had an effect */
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 1);
    assert_int_equal(pair->path.links_made, 1);
}

static void the_callback_of_a_deadline(void **state)
{
    test_pair *pair = *state;
    caller calling;
    talc_request request = pair_request(TALC_GET, "later", 1);
    request.timeout_ms = 1000;
    send_calling(pair, &request, &calling, TALC_PENDING);
    assert_true(pair_run(pair, &calling.next, LIMIT_MS));
    assert_called(&calling, TALC_ERROR_TIMEOUT);
    assert_int_equal(calling.next.status, TALC_OK);
    pair_pass(pair, LIMIT_MS);
}

static void the_callback_of_a_lost_session(void **state)
{
    test_pair *pair = *state;
    caller calling;
    talc_request request = pair_request(TALC_POST, "later", 1);
    pair_say_hello(pair, pair->client);
    pair->answers_later = false;
    send_calling(pair, &request, &calling, TALC_PENDING);
    pair_pass(pair, 100);
    assert_int_equal(pair->executed[1], 1);
    pair_restart_server(pair);
    assert_int_equal(pair_answer_later(pair), TALC_ERROR_SESSION_LOST);
    assert_true(pair_run(pair, &calling.next, LIMIT_MS));
    assert_called(&calling, TALC_ERROR_SESSION_LOST);
    assert_int_equal(calling.next.status, TALC_OK);
}

/* One request has begun to leave, the other has not. */
static void the_callbacks_of_closing(void **state)
{
    test_pair *pair = *state;
    caller sent, queued;
    talc_session_info info;
    talc_request request = pair_request(TALC_POST, "later", 1);
    pair_say_hello(pair, pair->client);
    send_calling(pair, &request, &sent, TALC_ERROR_CLOSED);
    pair_pass(pair, 100);
    assert_int_equal(pair->executed[1], 1);
    send_calling(pair, &request, &queued, TALC_ERROR_CLOSED);
    assert_int_equal(pair_close(pair, pair->client, LIMIT_MS), TALC_OK);
    assert_called(&sent, TALC_ERROR_CLOSED);
    assert_called(&queued, TALC_ERROR_CLOSED);
    assert_int_equal(pair->executed[1], 1);
    talc_client_info(pair->client, &info);
    assert_false(info.is_open);
    pair_say_hello(pair, pair->client);
}

static void the_callback_of_closing_half_a_handshake(void **state)
{
    test_pair *pair = *state;
    caller calling;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    pair_stop_server(pair);
    send_calling(pair, &request, &calling, TALC_ERROR_CLOSED);
    pair_pass(pair, 100);
    assert_int_equal(pair_close(pair, pair->client, LIMIT_MS), TALC_OK);
    assert_called(&calling, TALC_ERROR_CLOSED);
    pair_start_server(pair);
    pair_say_hello(pair, pair->client);
}

static void the_callbacks_of_freeing(void **state)
{
    test_pair *pair = *state;
    caller sent, queued;
    talc_request request = pair_request(TALC_POST, "later", 1);
    pair_say_hello(pair, pair->client);
    send_calling(pair, &request, &sent, TALC_ERROR_CLOSED);
    pair_pass(pair, 100);
    send_calling(pair, &request, &queued, TALC_ERROR_CLOSED);
    pair->client_count = 0;
    talc_client_free(pair->client);
    assert_called(&sent, TALC_ERROR_CANCELLED);
    assert_called(&queued, TALC_ERROR_CANCELLED);
}

/* ---------------------------------------------------------------- a server's */

static void call_the_server(void *context, const talc_request *request)
{
    test_pair *pair = context;
    (void)request;
    assert_int_equal(talc_server_process(pair->server), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_server_wait(pair->server, 0), TALC_ERROR_ARGUMENT);
}

static void a_handler(void **state)
{
    test_pair *pair = *state;
    pair->on_request = call_the_server;
    pair->on_request_context = pair;
    pair_say_hello(pair, pair->client);
    pair_say_hello(pair, pair->client);
    assert_int_equal(pair->runs, 2);
}

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&credentials, PAIR_PSK);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&credentials);
    return 0;
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(the_callback_of_a_response),
        RULE(the_callback_of_a_deadline),
        RULE(the_callback_of_a_lost_session),
        RULE(the_callbacks_of_closing),
        RULE(the_callback_of_closing_half_a_handshake),
        RULE(the_callbacks_of_freeing),
        RULE(a_handler),
    };
    return cmocka_run_group_tests_name("client_callbacks", tests, load, unload);
}
