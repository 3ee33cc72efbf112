/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/who_asks.h"

time_t who_ahead_s;

time_t time(time_t *result)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    time_t seconds = now.tv_sec + who_ahead_s;
    if (result != NULL) {
        *result = seconds;
    }
    return seconds;
}

who_sight who_at_server;
who_sight who_at_client;

static void note_who(void *context, talc_exchange *exchange, const talc_request *request)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    (void)context;
    (void)request;
    who_at_server.peer = *talc_exchange_peer(exchange);
    talc_exchange_info(exchange, &who_at_server.session);
    assert_int_equal(talc_exchange_respond(exchange, &response), TALC_OK);
}

static void serve_who(test_pair *pair)
{
    assert_int_equal(talc_server_handle(pair->server, "who", TALC_ALLOW(TALC_GET), note_who, NULL),
                     TALC_OK);
}

talc_status who_asks(test_pair *pair, talc_client *client)
{
    pair_outcome outcome;
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "who";
    memset(&who_at_server, 0, sizeof who_at_server);
    pair_send(client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, 600000));
    talc_client_info(client, &who_at_client.session);
    who_at_client.peer = who_at_client.session.peer;
    talc_status status = outcome.status;
    pair_outcome_clear(&outcome);
    return status;
}

void who_asks_anew(test_pair *pair, talc_client *client, int is_resumed)
{
    assert_int_equal(pair_close(pair, client, WHO_CLOSE_MS), TALC_OK);
    if (who_asks(pair, client) != TALC_OK) {
        fail_msg("%s", talc_client_failure(client)->text);
    }
    assert_int_equal(who_at_client.session.is_resumed, is_resumed);
    assert_int_equal(who_at_server.session.is_resumed, is_resumed);
    assert_string_equal(who_at_client.session.protocol, "TLSv1.3");
}

void who_begin(test_pair *pair, const pair_credentials *of)
{
    pair_options options = { .credentials = of, .version = TALC_TLS_1_3 };
    who_ahead_s = 0;
    pair_begin(pair, &options);
}

void who_start(test_pair *pair)
{
    pair_start(pair);
    serve_who(pair);
}

void who_restart_server(test_pair *pair)
{
    pair_restart_server(pair);
    serve_who(pair);
}

talc_tickets *who_new_store(test_pair *pair)
{
    assert_int_equal(talc_tickets_new(&pair->client_config.tickets), TALC_OK);
    return pair->client_config.tickets;
}
