/* SPDX-License-Identifier: MIT */
/* The carrier in memory: what a client sends arrives, and either side may go first. */
#include "transport/loopback.h"
#include "transport/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HANDLES_MAX 64

static const uint8_t an_id[TALC_SESSION_ID_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

/* A server that answers what it gets, or keeps the handles, and a client that notes answers. */
typedef struct two_sides {
    talc_loopback *loopback;
    void *server;
    void *client;
    int hold;  /* keep the handles instead of answering */
    int known; /* what `known` says */
    void *handles[HANDLES_MAX];
    size_t inbounds;
    size_t answers;
    uint32_t repeat; /* sends that the answer callback makes */
    uint32_t last_exchange;
    talc_outcome last_outcome;
    uint8_t last_code;
    uint8_t last_body[4096];
    size_t last_body_size;
    uint32_t last_retry_after_ms;
} two_sides;

static talc_status send_body(two_sides *sides, uint32_t exchange, const char *body)
{
    talc_carrier_request request = { .exchange = exchange,
                                     .session_id = an_id,
                                     .body = (const uint8_t *)body,
                                     .body_size = strlen(body) };
    return talc_loopback_carrier.send(sides->client, &request);
}

static void on_inbound(void *context, const talc_inbound *inbound)
{
    two_sides *sides = context;
    assert_memory_equal(inbound->session_id, an_id, sizeof an_id);
    assert_true(inbound->peer_size > 0);
    assert_true(sides->inbounds < HANDLES_MAX);
    sides->handles[sides->inbounds++] = inbound->reply;
    if (!sides->hold) {
        talc_reply reply = { .code = 68, .body = inbound->body, .body_size = inbound->body_size };
        talc_loopback_listener.reply(sides->server, inbound->reply, &reply);
    }
    /* The request's pointers stay good after the reply. */
    assert_true(inbound->body_size == 0 || inbound->body[0] != 0);
}

static int on_known(void *context, const uint8_t *session_id)
{
    two_sides *sides = context;
    assert_memory_equal(session_id, an_id, sizeof an_id);
    return sides->known;
}

static void on_answer(void *context, const talc_carrier_answer *answer)
{
    two_sides *sides = context;
    sides->answers++;
    sides->last_exchange = answer->exchange;
    sides->last_outcome = answer->outcome;
    sides->last_code = answer->code;
    sides->last_body_size = answer->body_size;
    sides->last_retry_after_ms = answer->retry_after_ms;
    assert_true(answer->body_size <= sizeof sides->last_body);
    if (answer->body_size > 0) {
        memcpy(sides->last_body, answer->body, answer->body_size);
    }
    if (sides->repeat > 0) {
        sides->repeat--;
        assert_int_equal(send_body(sides, answer->exchange + 1, "again"), TALC_OK);
    }
}

static void server_open(two_sides *sides)
{
    talc_listener_target target = { .uri = talc_loopback_uri(sides->loopback),
                                    .path = "/x",
                                    .message_size = 1023,
                                    .body_size = 3000,
                                    .anonymous_body_size = 2000,
                                    .block_size = 512 };
    talc_listener_events events = { sides, on_inbound, on_known };
    talc_failure failure = { 0 };
    assert_int_equal(talc_loopback_listener.open(&sides->server, &target, &events, &failure),
                     TALC_OK);
}

static void server_close(two_sides *sides)
{
    talc_loopback_listener.close(sides->server);
    sides->server = NULL;
}

static void *client_open(two_sides *sides)
{
    talc_carrier_target target = { .uri = talc_loopback_uri(sides->loopback),
                                   .path = "/x",
                                   .message_size = 1023,
                                   .body_size = 4000,
                                   .block_size = 512 };
    talc_carrier_events events = { sides, on_answer };
    talc_failure failure = { 0 };
    void *client = NULL;
    assert_int_equal(talc_loopback_carrier.open(&client, &target, &events, &failure), TALC_OK);
    return client;
}

static void client_close(two_sides *sides)
{
    talc_loopback_carrier.close(sides->client);
    sides->client = NULL;
}

static void client_process(two_sides *sides)
{
    assert_int_equal(talc_loopback_carrier.process(sides->client), TALC_OK);
}

static int sides_setup(void **state)
{
    two_sides *made = calloc(1, sizeof *made);
    assert_non_null(made);
    assert_int_equal(talc_loopback_new(&made->loopback), TALC_OK);
    made->known = 1;
    server_open(made);
    made->client = client_open(made);
    *state = made;
    return 0;
}

static int sides_teardown(void **state)
{
    two_sides *sides = *state;
    if (sides->client != NULL) {
        client_close(sides);
    }
    if (sides->server != NULL) {
        server_close(sides);
    }
    talc_loopback_free(sides->loopback);
    free(sides);
    return 0;
}

static void a_body_goes_there_and_its_answer_comes_back(void **state)
{
    two_sides *sides = *state;
    assert_int_equal(send_body(sides, 7, "hello"), TALC_OK);
    assert_int_equal(sides->inbounds, 0); /* nothing happens outside process() */
    assert_int_equal(talc_loopback_carrier.timeout_ms(sides->client), 0);
    client_process(sides);
    assert_int_equal(sides->answers, 1);
    assert_int_equal(sides->last_exchange, 7);
    assert_int_equal(sides->last_outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(sides->last_code, 68);
    assert_int_equal(sides->last_body_size, 5);
    assert_memory_equal(sides->last_body, "hello", 5);
    assert_int_equal(talc_loopback_carrier.timeout_ms(sides->client), UINT32_MAX);
    assert_int_equal(talc_loopback_carrier.descriptor(sides->client), -1);
}

static void the_server_may_process_first(void **state)
{
    two_sides *sides = *state;
    assert_int_equal(send_body(sides, 1, "hello"), TALC_OK);
    assert_int_equal(talc_loopback_listener.timeout_ms(sides->server), 0);
    assert_int_equal(talc_loopback_listener.process(sides->server), TALC_OK);
    assert_int_equal(talc_loopback_listener.timeout_ms(sides->server), UINT32_MAX);
    assert_int_equal(sides->inbounds, 1);
    assert_int_equal(sides->answers, 0); /* the client's callbacks come from its own process() */
    client_process(sides);
    assert_int_equal(sides->answers, 1);
}

static void an_answer_may_come_later(void **state)
{
    two_sides *sides = *state;
    sides->hold = 1;
    assert_int_equal(send_body(sides, 1, "first"), TALC_OK);
    assert_int_equal(send_body(sides, 2, "second"), TALC_OK);
    client_process(sides);
    assert_int_equal(sides->inbounds, 2);
    assert_int_equal(sides->answers, 0);
    assert_int_equal(talc_loopback_carrier.timeout_ms(sides->client), UINT32_MAX);

    talc_reply busy = { .code = 163, .retry_after_s = 3 };
    talc_loopback_listener.reply(sides->server, sides->handles[1], &busy);
    client_process(sides);
    assert_int_equal(sides->last_exchange, 2);
    assert_int_equal(sides->last_code, 163);
    assert_int_equal(sides->last_retry_after_ms, 3000);

    talc_loopback_listener.reply(sides->server, sides->handles[0], NULL);
    client_process(sides);
    assert_int_equal(sides->last_exchange, 1);
    assert_int_equal(sides->last_outcome, TALC_OUTCOME_LOST);
}

static void a_cancelled_exchange_gets_no_answer(void **state)
{
    two_sides *sides = *state;
    sides->hold = 1;
    assert_int_equal(send_body(sides, 1, "unsent"), TALC_OK);
    talc_loopback_carrier.cancel(sides->client, 1);
    talc_loopback_carrier.cancel(sides->client, 99);
    client_process(sides);
    assert_int_equal(sides->inbounds, 0);

    assert_int_equal(send_body(sides, 2, "held"), TALC_OK);
    client_process(sides);
    talc_loopback_carrier.cancel(sides->client, 2);
    talc_reply reply = { .code = 68 };
    talc_loopback_listener.reply(sides->server, sides->handles[0], &reply);
    client_process(sides);
    assert_int_equal(sides->answers, 0);
}

static void the_answer_callback_may_send(void **state)
{
    two_sides *sides = *state;
    sides->repeat = 3;
    assert_int_equal(send_body(sides, 1, "hello"), TALC_OK);
    for (size_t turn = 1; turn <= 4; turn++) {
        client_process(sides); /* each call serves what was there when it began */
        assert_int_equal(sides->answers, turn);
    }
    assert_int_equal(sides->last_exchange, 4);
}

static void without_a_server_nobody_is_there(void **state)
{
    two_sides *sides = *state;
    assert_int_equal(send_body(sides, 1, "hello"), TALC_OK);
    server_close(sides);
    client_process(sides);
    assert_int_equal(sides->last_outcome, TALC_OUTCOME_UNREACHABLE);
    server_open(sides);
    assert_int_equal(send_body(sides, 2, "hello"), TALC_OK);
    client_process(sides);
    assert_int_equal(sides->last_outcome, TALC_OUTCOME_ANSWER);
}

static void a_client_may_go_while_its_request_is_held(void **state)
{
    two_sides *sides = *state;
    sides->hold = 1;
    assert_int_equal(send_body(sides, 1, "held"), TALC_OK);
    assert_int_equal(send_body(sides, 2, "held too"), TALC_OK);
    client_process(sides);
    assert_int_equal(send_body(sides, 3, "queued"), TALC_OK);
    client_close(sides);
    assert_int_equal(talc_loopback_listener.process(sides->server), TALC_OK);
    assert_int_equal(sides->inbounds, 2);
    talc_reply reply = { .code = 68 };
    talc_loopback_listener.reply(sides->server, sides->handles[0], &reply);
    talc_loopback_listener.reply(sides->server, sides->handles[1], NULL);
}

static void two_clients_get_their_own_answers(void **state)
{
    two_sides *sides = *state;
    void *first = sides->client;
    assert_int_equal(send_body(sides, 1, "one"), TALC_OK);
    sides->client = client_open(sides);
    assert_int_equal(send_body(sides, 1, "two"), TALC_OK);
    client_process(sides);
    assert_int_equal(sides->answers, 1);
    assert_memory_equal(sides->last_body, "two", 3);
    client_close(sides);
    sides->client = first;
    client_process(sides);
    assert_int_equal(sides->answers, 2);
    assert_memory_equal(sides->last_body, "one", 3);
}

static void bodies_and_queues_are_bounded(void **state)
{
    two_sides *sides = *state;
    char body[4002];
    memset(body, 'x', sizeof body);

    body[4001] = '\0';
    assert_int_equal(send_body(sides, 1, body), TALC_ERROR_TOO_LARGE);
    body[3001] = '\0';
    assert_int_equal(send_body(sides, 2, body), TALC_OK);
    client_process(sides);
    assert_int_equal(sides->last_code, 141); /* 4.13 */
    body[3000] = '\0';
    assert_int_equal(send_body(sides, 3, body), TALC_OK);
    client_process(sides);
    assert_int_equal(sides->last_code, 68);
    sides->known = 0;
    assert_int_equal(send_body(sides, 4, body), TALC_OK);
    client_process(sides);
    assert_int_equal(sides->last_code, 141);

    uint32_t sent = 0;
    while (sent < 1000 && send_body(sides, 100 + sent, "x") == TALC_OK) {
        sent++;
    }
    assert_in_range(sent, 2, 64);
    assert_int_equal(send_body(sides, 99, "x"), TALC_ERROR_MEMORY);
}

static void carriers_are_found_by_scheme(void **state)
{
    two_sides *sides = *state;
    assert_ptr_equal(talc_carrier_find(talc_loopback_uri(sides->loopback)), &talc_loopback_carrier);
    assert_ptr_equal(talc_listener_find("LoopBack://1"), &talc_loopback_listener);
    assert_null(talc_carrier_find("loopback"));
    assert_null(talc_carrier_find("loopback:/1"));
    assert_null(talc_carrier_find("gopher://example"));
    assert_null(talc_carrier_find(""));
    assert_null(talc_carrier_find(NULL));
    assert_null(talc_listener_find(NULL));
}

static void what_cannot_be_opened_says_why(void **state)
{
    two_sides *sides = *state;
    talc_carrier_target target = { .uri = "loopback://4294967295", .path = "/x" };
    talc_carrier_events events = { sides, on_answer };
    talc_failure failure = { 0 };
    void *link = sides;
    assert_int_equal(talc_loopback_carrier.open(&link, &target, &events, &failure),
                     TALC_ERROR_UNREACHABLE);
    assert_null(link);
    assert_non_null(strstr(failure.text, "loopback://4294967295"));

    talc_listener_target second = { .uri = talc_loopback_uri(sides->loopback), .path = "/x" };
    talc_listener_events listener_events = { sides, on_inbound, on_known };
    memset(&failure, 0, sizeof failure);
    assert_int_equal(talc_loopback_listener.open(&link, &second, &listener_events, &failure),
                     TALC_ERROR_UNREACHABLE);
    assert_null(link);
    assert_int_equal(failure.status, TALC_ERROR_UNREACHABLE);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, sides_setup, sides_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_body_goes_there_and_its_answer_comes_back),
        CASE(the_server_may_process_first),
        CASE(an_answer_may_come_later),
        CASE(a_cancelled_exchange_gets_no_answer),
        CASE(the_answer_callback_may_send),
        CASE(without_a_server_nobody_is_there),
        CASE(a_client_may_go_while_its_request_is_held),
        CASE(two_clients_get_their_own_answers),
        CASE(bodies_and_queues_are_bounded),
        CASE(carriers_are_found_by_scheme),
        CASE(what_cannot_be_opened_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
