/* SPDX-License-Identifier: MIT */
/* What a client does when the session, the server or the path is not there any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pair.h"

#define LONG_MS 1800000u

static pair_credentials credentials;

static int load(void **state)
{
    (void)state;
    pair_credentials_load(&credentials, PAIR_CERTIFICATES);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    pair_credentials_free(&credentials);
    return 0;
}

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_options options = { .credentials = &credentials,
                             .version = TALC_TLS_1_3,
                             .weather = { .delay_min_ms = 10, .delay_max_ms = 10 } };
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

static void session_id_of(const talc_client *client, uint8_t id[TALC_SESSION_ID_SIZE])
{
    talc_session_info info;
    talc_client_info(client, &info);
    assert_true(info.is_open);
    memcpy(id, info.session_id, TALC_SESSION_ID_SIZE);
}

/* Sends a request and waits until its handler has run and put it off. */
static void begin(test_pair *pair, const talc_request *request, pair_outcome *outcome)
{
    unsigned runs = pair->runs;
    pair->answers_later = false;
    pair_send(pair->client, request, outcome);
    for (int i = 0; i < 100 && pair->runs == runs; i++) {
        pair_pass(pair, 20);
    }
    assert_int_equal(pair->runs, runs + 1);
    assert_false(outcome->is_done);
}

/* ---------------------------------------------------------------- a server that has forgotten */

typedef struct loss_case {
    talc_method method;
    int is_repeatable;
    talc_status status;
    unsigned executed; /* in all, by the lost server and the next */
} loss_case;

/* RFC 7252 section 5.8: GET does no harm; PUT and DELETE do none once the lost session is closed;
 * POST may. */
static void restarted_server(void **state)
{
    static const loss_case cases[] = {
        { TALC_GET, 0, TALC_OK, 2 },    { TALC_POST, 0, TALC_ERROR_SESSION_LOST, 1 },
        { TALC_POST, 1, TALC_OK, 2 },   { TALC_PUT, 0, TALC_OK, 2 },
        { TALC_DELETE, 0, TALC_OK, 2 },
    };
    test_pair *pair = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t before[TALC_SESSION_ID_SIZE];
        uint8_t after[TALC_SESSION_ID_SIZE];
        pair_outcome outcome;
        talc_request request = pair_request(cases[i].method, "later", i);
        request.is_repeatable = cases[i].is_repeatable;
        begin(pair, &request, &outcome);
        session_id_of(pair->client, before);
        pair_restart_server(pair);
        assert_int_equal(pair_answer_later(pair), TALC_ERROR_SESSION_LOST);
        pair->answers_later = true;
        assert_true(pair_run(pair, &outcome, LONG_MS));
        assert_int_equal(outcome.status, cases[i].status);
        assert_int_equal(pair->executed[i], cases[i].executed);
        pair_outcome_clear(&outcome);
        pair_say_hello(pair, pair->client);
        session_id_of(pair->client, after);
        assert_memory_not_equal(before, after, sizeof before);
    }
}

/* A request that has not left the client yet cannot have been executed. */
static void restarted_server_and_new_requests(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    pair_say_hello(pair, pair->client);
    pair_restart_server(pair);
    pair_fetch(pair, &request, &outcome);
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[1], 1);
    pair_outcome_clear(&outcome);
}

/* ---------------------------------------------------------------- hints of a path that lies */

/* Puts an `unknown-session` in the place of answers. */
typedef struct forger {
    unsigned left; /* answers to forge */
    unsigned forged;
    uint64_t first_ms;
    uint64_t last_ms;
    const uint8_t *session_id; /* only in this one */
} forger;

static bool forge(void *context, test_path *path, path_parcel *parcel)
{
    forger *forging = context;
    char body[80];
    unsigned long long request = 0;
    if (parcel->direction != PATH_TO_CLIENT || forging->left == 0 ||
        memcmp(parcel->session_id, forging->session_id, TALC_SESSION_ID_SIZE) != 0) {
        return true;
    }
    assert_int_equal(sscanf((const char *)parcel->body, "{\"i\":%llu", &request), 1);
    int size = snprintf(body, sizeof body, "{\"i\":%llu,\"e\":\"unknown-session\"}", request);
    path_parcel_set_body(parcel, body, (size_t)size);
    parcel->code = TALC_CODE_NOT_FOUND;
    forging->left--;
    forging->first_ms = forging->forged == 0 ? path->now_ms : forging->first_ms;
    forging->last_ms = path->now_ms;
    forging->forged++;
    return true;
}

static void begin_forging(test_pair *pair, forger *forging, uint8_t id[TALC_SESSION_ID_SIZE],
                          unsigned count)
{
    pair_say_hello(pair, pair->client);
    session_id_of(pair->client, id);
    memset(forging, 0, sizeof *forging);
    forging->left = count;
    forging->session_id = id;
    pair->path.watcher = forge;
    pair->path.watcher_context = forging;
}

static void few_hints_end_nothing(void **state)
{
    test_pair *pair = *state;
    for (unsigned count = 1; count <= 4; count++) {
        forger forging;
        uint8_t before[TALC_SESSION_ID_SIZE];
        uint8_t after[TALC_SESSION_ID_SIZE];
        begin_forging(pair, &forging, before, count);
        pair_say_hello(pair, pair->client);
        assert_int_equal(forging.forged, count);
        session_id_of(pair->client, after);
        assert_memory_equal(before, after, sizeof before);
        pair->path.watcher = NULL;
    }
}

static void many_hints_are_believed_in_the_end(void **state)
{
    test_pair *pair = *state;
    forger forging;
    uint8_t before[TALC_SESSION_ID_SIZE];
    uint8_t after[TALC_SESSION_ID_SIZE];
    begin_forging(pair, &forging, before, 1000);
    pair_say_hello(pair, pair->client);
    assert_in_range(forging.forged, 3, 20);
    assert_in_range(forging.last_ms - forging.first_ms, 2000, 60000);
    session_id_of(pair->client, after);
    assert_memory_not_equal(before, after, sizeof before);
}

/* The server still has the session that the client gave up. The same identity may close it, and
 * then nothing of it runs any more; so PUT goes out again, and the old answer is heard by nobody. */
static void a_replaced_session_is_closed(void **state)
{
    test_pair *pair = *state;
    forger forging;
    uint8_t before[TALC_SESSION_ID_SIZE];
    pair_outcome outcome;
    begin_forging(pair, &forging, before, 0);
    talc_request request = pair_request(TALC_PUT, "later", 1);
    begin(pair, &request, &outcome);
    forging.left = 1000;
    for (int i = 0; i < 100000 && pair->executed[1] < 2; i++) {
        pair_pass(pair, 100);
    }
    assert_int_equal(pair->executed[1], 2);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 1);
    assert_int_equal(pair_answer_later(pair), TALC_ERROR_SESSION_LOST);
    assert_int_equal(pair_answer_later(pair), TALC_OK);
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.status, TALC_OK);
    pair_outcome_clear(&outcome);
}

/* ---------------------------------------------------------------- sessions that end in order */

/* After the idle time the server is gone; its tombstone says so at once, no hints are needed. */
static void a_closed_session_says_so(void **state)
{
    test_pair *pair = *state;
    talc_server_info info;
    pair_say_hello(pair, pair->client);
    pair_pass(pair, 301000);
    talc_server_info_get(pair->server, &info);
    assert_int_equal(info.sessions, 0);
    assert_int_equal(info.tombstones, 1);
    uint64_t before = pair->path.now_ms;
    pair_say_hello(pair, pair->client);
    assert_true(pair->path.now_ms - before < 1000);
}

static void a_forgotten_tombstone_means_hints(void **state)
{
    test_pair *pair = *state;
    talc_server_info info;
    pair_say_hello(pair, pair->client);
    pair_pass(pair, 301000 + 248000);
    talc_server_info_get(pair->server, &info);
    assert_int_equal(info.tombstones, 0);
    uint64_t before = pair->path.now_ms;
    pair_say_hello(pair, pair->client);
    assert_true(pair->path.now_ms - before >= 2000);
}

static bool drop_answers(void *context, test_path *path, path_parcel *parcel)
{
    unsigned *left = context;
    (void)path;
    if (parcel->direction == PATH_TO_CLIENT && *left > 0) {
        (*left)--;
        return false;
    }
    return true;
}

static void closing_survives_lost_answers(void **state)
{
    test_pair *pair = *state;
    unsigned left = 2;
    talc_session_info info;
    pair_say_hello(pair, pair->client);
    pair->path.watcher = drop_answers;
    pair->path.watcher_context = &left;
    assert_int_equal(pair_close(pair, pair->client, 60000), TALC_OK);
    assert_int_equal(left, 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 1);
    talc_client_info(pair->client, &info);
    assert_false(info.is_open);
    pair_say_hello(pair, pair->client); /* a later request opens another */
}

static void closing_gives_up_in_time(void **state)
{
    test_pair *pair = *state;
    unsigned left = 1000;
    pair_say_hello(pair, pair->client);
    pair->path.watcher = drop_answers;
    pair->path.watcher_context = &left;
    uint64_t before = pair->path.now_ms;
    assert_int_equal(pair_close(pair, pair->client, 5000), TALC_ERROR_TIMEOUT);
    assert_in_range(pair->path.now_ms - before, 5000, 6000);
}

static void closing_ends_requests(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    talc_request request = pair_request(TALC_POST, "later", 1);
    begin(pair, &request, &outcome);
    assert_int_equal(pair_close(pair, pair->client, 60000), TALC_OK);
    assert_true(outcome.is_done);
    assert_int_equal(outcome.status, TALC_ERROR_CLOSED);
}

/* ---------------------------------------------------------------- deadlines */

static void a_deadline_in_a_session(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    uint8_t before[TALC_SESSION_ID_SIZE];
    uint8_t after[TALC_SESSION_ID_SIZE];
    pair_say_hello(pair, pair->client);
    session_id_of(pair->client, before);
    talc_request request = pair_request(TALC_POST, "later", 1);
    request.timeout_ms = 7000;
    uint64_t start = pair->path.now_ms;
    begin(pair, &request, &outcome);
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.status, TALC_ERROR_TIMEOUT);
    assert_int_equal(pair->path.now_ms - start, 7000);
    assert_int_equal(pair_answer_later(pair), TALC_OK); /* too late, and nobody is confused */
    pair_say_hello(pair, pair->client);
    session_id_of(pair->client, after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(outcome.calls, 1);
}

static void a_deadline_without_a_server(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    pair_stop_server(pair);
    talc_request request = pair_request(TALC_GET, "hello", 1);
    request.timeout_ms = 20000;
    uint64_t start = pair->path.now_ms;
    pair_send(pair->client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.status, TALC_ERROR_TIMEOUT);
    assert_int_equal(pair->path.now_ms - start, 20000);
    assert_int_equal(talc_client_failure(pair->client)->status, TALC_ERROR_TIMEOUT);
    assert_int_equal(talc_client_failure(pair->client)->stage, TALC_STAGE_PATH);
    pair_start_server(pair);
    pair_say_hello(pair, pair->client);
}

/* A server that comes back in time is found. */
static void a_server_that_comes_late(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    pair_stop_server(pair);
    talc_request request = pair_request(TALC_POST, "echo", 1);
    pair_send(pair->client, &request, &outcome);
    pair_pass(pair, 100000);
    assert_false(outcome.is_done);
    pair_start_server(pair);
    assert_true(pair_run(pair, &outcome, 40000));
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[1], 1);
    pair_outcome_clear(&outcome);
}

/* ---------------------------------------------------------------- limits and ends */

static void freeing_cancels(void **state)
{
    test_pair *pair = *state;
    pair_outcome sent, waiting;
    talc_request request = pair_request(TALC_GET, "later", 1);
    begin(pair, &request, &sent);
    pair_send(pair->client, &request, &waiting);
    talc_client_free(pair->client);
    pair->client_count = 0;
    assert_int_equal(sent.status, TALC_ERROR_CANCELLED);
    assert_int_equal(waiting.status, TALC_ERROR_CANCELLED);
    assert_int_equal(sent.calls + waiting.calls, 2);
}

static void ignore(void *context, talc_status status, const talc_response *response)
{
    (void)status;
    (void)response;
    ++*(unsigned *)context;
}

static void the_pipeline_is_bounded(void **state)
{
    test_pair *pair = *state;
    static uint8_t payload[20000];
    unsigned calls = 0;
    unsigned queued = 0;
    talc_status status;
    talc_request request = pair_request(TALC_POST, "echo", 1);
    request.payload = payload;
    request.payload_size = sizeof payload;
    while ((status = talc_client_send(pair->client, &request, ignore, &calls)) == TALC_PENDING) {
        assert_true(++queued < 100);
    }
    assert_int_equal(status, TALC_WANT_ROOM);
    pair_pass(pair, 60000);
    assert_int_equal(calls, queued);
    assert_int_equal(pair->executed[1], queued);
    assert_int_equal(talc_client_send(pair->client, &request, ignore, &calls), TALC_PENDING);
    pair_pass(pair, 60000);
    assert_int_equal(calls, queued + 1);
}

static void requests_that_cannot_be_sent(void **state)
{
    test_pair *pair = *state;
    unsigned calls = 0;
    static uint8_t payload[65537];
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = (talc_method)5;
    assert_int_equal(talc_client_send(pair->client, &request, ignore, &calls), TALC_ERROR_ARGUMENT);
    request.method = TALC_GET;
    request.path = "a/../b";
    assert_int_equal(talc_client_send(pair->client, &request, ignore, &calls), TALC_ERROR_ARGUMENT);
    request.path = "echo";
    request.payload_size = 1;
    assert_int_equal(talc_client_send(pair->client, &request, ignore, &calls), TALC_ERROR_ARGUMENT);
    request.payload = payload;
    request.payload_size = sizeof payload;
    assert_int_equal(talc_client_send(pair->client, &request, ignore, &calls),
                     TALC_ERROR_TOO_LARGE);
    request.payload_size = 65536; /* with its options above what the server takes */
    assert_int_equal(talc_client_send(pair->client, &request, ignore, &calls), TALC_PENDING);
    pair_pass(pair, 60000);
    assert_int_equal(calls, 1);
    assert_int_equal(pair->runs, 0);
    pair_say_hello(pair, pair->client);
}

static void another_path(void **state)
{
    test_pair *pair = *state;
    uint8_t before[TALC_SESSION_ID_SIZE];
    uint8_t after[TALC_SESSION_ID_SIZE];
    pair_outcome outcome;
    talc_request request = pair_request(TALC_POST, "later", 1);
    begin(pair, &request, &outcome);
    session_id_of(pair->client, before);
    assert_int_equal(talc_client_reroute(pair->client, PAIR_URI, "test://proxy.example"), TALC_OK);
    pair->answers_later = true;
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[1], 1);
    session_id_of(pair->client, after);
    assert_memory_equal(before, after, sizeof before);
    pair_outcome_clear(&outcome);
}

/* Blocking calls work with a carrier that brings a descriptor. */
static void a_blocking_fetch(void **state)
{
    test_pair *pair = *state;
    talc_response response;
    talc_request request = pair_request(TALC_GET, "hello", 1);
    pair_block(pair);
    assert_int_equal(talc_client_fetch(pair->client, &request, &response), TALC_OK);
    assert_string_equal(response.payload, "hello");
    talc_response_clear(&response);
    request.path = "later";
    assert_int_equal(talc_client_fetch(pair->client, &request, &response), TALC_OK);
    assert_string_equal(response.payload, "later");
    talc_response_clear(&response);
    pair->path.meanwhile = NULL;
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(restarted_server),
        RULE(restarted_server_and_new_requests),
        RULE(few_hints_end_nothing),
        RULE(many_hints_are_believed_in_the_end),
        RULE(a_replaced_session_is_closed),
        RULE(a_closed_session_says_so),
        RULE(a_forgotten_tombstone_means_hints),
        RULE(closing_survives_lost_answers),
        RULE(closing_gives_up_in_time),
        RULE(closing_ends_requests),
        RULE(a_deadline_in_a_session),
        RULE(a_deadline_without_a_server),
        RULE(a_server_that_comes_late),
        RULE(freeing_cancels),
        RULE(the_pipeline_is_bounded),
        RULE(requests_that_cannot_be_sent),
        RULE(another_path),
        RULE(a_blocking_fetch),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
