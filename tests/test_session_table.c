/* SPDX-License-Identifier: MIT */
/* What a server keeps is bounded, and goes when its time has passed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/server_state.h"
#include "records/envelope.h"
#include "tests/pair.h"

#define SESSIONS_MAX 3
#define HALF_OPEN_MAX 2
#define REFUSED_MAX 64
#define REQUESTS_MAX 64 /* under way in one session */

static pair_credentials credentials;
static path_answer answer;

/* A body that was on its way. */
typedef struct caught {
    uint8_t bytes[2048];
    size_t size;
} caught;

static caught hello; /* of TLS: the first envelope of a client that never sent it */

static bool catch_request(void *context, test_path *path, path_parcel *parcel)
{
    caught *catching = context;
    (void)path;
    if (parcel->direction == PATH_TO_SERVER && catching->size == 0) {
        assert_true(parcel->body_size <= sizeof catching->bytes);
        memcpy(catching->bytes, parcel->body, parcel->body_size);
        catching->size = parcel->body_size;
    }
    return parcel->direction != PATH_TO_SERVER;
}

/* Has a client of its own begin a handshake, and keeps what it says from the server. */
static void catch_hello(test_pair *pair)
{
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "hello", 0);
    hello.size = 0;
    pair->path.watcher = catch_request;
    pair->path.watcher_context = &hello;
    pair_send(pair->client, &request, &outcome);
    pair_pass(pair, 0);
    pair->path.watcher = NULL;
    assert_true(hello.size > 0);
    talc_client_free(pair->client);
    pair->client_count = 0;
    assert_int_equal(outcome.status, TALC_ERROR_CANCELLED);
    pair->client = pair_add_client(pair, NULL);
}

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_options options = { .credentials = &credentials, .version = TALC_TLS_1_3 };
    pair_begin(pair, &options);
    pair->server_config.sessions_max = SESSIONS_MAX;
    pair->server_config.half_open_max = HALF_OPEN_MAX;
    pair_start(pair);
    catch_hello(pair);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    pair_end(*state);
    free(*state);
    return 0;
}

static const uint8_t *id_of(unsigned number)
{
    static uint8_t id[TALC_SESSION_ID_SIZE];
    memset(id, 0, sizeof id);
    id[0] = 1;
    id[1] = (uint8_t)(number >> 8);
    id[2] = (uint8_t)number;
    return id;
}

static talc_envelope_error error_of_answer(void)
{
    talc_envelope envelope;
    assert_true(answer.is_there);
    assert_int_equal(talc_envelope_read((const char *)answer.body, answer.body_size,
                                        sizeof answer.body, &envelope),
                     TALC_OK);
    talc_envelope_error error = envelope.error;
    talc_envelope_clear(&envelope);
    return error;
}

static talc_envelope_error begin_handshake(test_pair *pair, unsigned number)
{
    path_request(&pair->path, id_of(number), hello.bytes, hello.size, &answer);
    return error_of_answer();
}

/* Whether the server still has this session: it is asked for nothing. */
static bool has_session(test_pair *pair, unsigned number)
{
    static const char question[] = "{\"i\":16777300,\"a\":1}";
    path_request(&pair->path, id_of(number), question, sizeof question - 1, &answer);
    return error_of_answer() != TALC_ENVELOPE_ERROR_UNKNOWN_SESSION;
}

static void assert_counts(const test_pair *pair, size_t sessions, size_t half_open,
                          size_t tombstones)
{
    talc_server_info info;
    talc_server_info_get(pair->server, &info);
    assert_int_equal(info.sessions, sessions);
    assert_int_equal(info.half_open, half_open);
    assert_int_equal(info.tombstones, tombstones);
}

/* ---------------------------------------------------------------- half-open sessions */

static void the_oldest_half_open_session_goes_first(void **state)
{
    test_pair *pair = *state;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(begin_handshake(pair, i), TALC_ENVELOPE_ERROR_NONE);
        assert_counts(pair, i < HALF_OPEN_MAX ? i + 1 : HALF_OPEN_MAX,
                      i < HALF_OPEN_MAX ? i + 1 : HALF_OPEN_MAX, 0);
    }
    assert_false(has_session(pair, 7));
    assert_true(has_session(pair, 8));
    assert_true(has_session(pair, 9));
}

/* A flood of beginnings does not keep a client from getting in, nor harm one that is. */
static void open_sessions_survive_a_flood(void **state)
{
    test_pair *pair = *state;
    pair_say_hello(pair, pair->client);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(begin_handshake(pair, i), TALC_ENVELOPE_ERROR_NONE);
    }
    pair_say_hello(pair, pair->client);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 1);
    assert_counts(pair, 1 + HALF_OPEN_MAX, HALF_OPEN_MAX, 0);
    pair_say_hello(pair, pair_add_client(pair, NULL));
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 2);
}

static void handshakes_have_a_time(void **state)
{
    test_pair *pair = *state;
    assert_int_equal(begin_handshake(pair, 1), TALC_ENVELOPE_ERROR_NONE);
    pair_pass(pair, 29999);
    assert_counts(pair, 1, 1, 0);
    assert_true(has_session(pair, 1)); /* which buys it no time */
    pair_pass(pair, 1);
    assert_counts(pair, 0, 0, 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_REFUSED], 1);
    assert_int_equal(pair->last_failure.status, TALC_ERROR_TIMEOUT);
    assert_false(has_session(pair, 1));
}

/* ---------------------------------------------------------------- how they are filed */

static void key_of(test_pair *pair, unsigned number, uint8_t key[TALC_TABLE_KEY_SIZE])
{
    assert_int_equal(begin_handshake(pair, number), TALC_ENVELOPE_ERROR_NONE);
    const talc_served *served = talc_table_find(pair->server, id_of(number));
    assert_non_null(served);
    memcpy(key, served->key, TALC_TABLE_KEY_SIZE);
}

/* Clients choose their ids. What the table goes by has a secret of the server in it, so nobody can
 * choose ids that lie together. */
static void servers_file_ids_each_in_its_own_way(void **state)
{
    test_pair *pair = *state;
    uint8_t first[TALC_TABLE_KEY_SIZE], second[TALC_TABLE_KEY_SIZE], other[TALC_TABLE_KEY_SIZE];
    key_of(pair, 1, first);
    key_of(pair, 2, other);
    pair_restart_server(pair);
    key_of(pair, 1, second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

/* ---------------------------------------------------------------- open sessions */

static void a_full_server_says_so(void **state)
{
    test_pair *pair = *state;
    pair_say_hello(pair, pair->client);
    for (unsigned i = 1; i < SESSIONS_MAX; i++) {
        pair_say_hello(pair, pair_add_client(pair, NULL));
    }
    assert_counts(pair, SESSIONS_MAX, 0, 0);
    assert_int_equal(begin_handshake(pair, 1), TALC_ENVELOPE_ERROR_OVERLOADED);
    assert_int_equal(answer.code, TALC_CODE_UNAVAILABLE);
    assert_in_range(answer.retry_after_s, 1, 60);
    assert_counts(pair, SESSIONS_MAX, 0, 0);
    pair_say_hello(pair, pair->client);
    /* Room is made by those who go. */
    assert_int_equal(pair_close(pair, pair->client, 10000), TALC_OK);
    assert_int_equal(begin_handshake(pair, 1), TALC_ENVELOPE_ERROR_NONE);
}

static void a_client_is_told_that_there_is_no_room(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    pair_say_hello(pair, pair->client);
    for (unsigned i = 1; i < SESSIONS_MAX; i++) {
        pair_say_hello(pair, pair_add_client(pair, NULL));
    }
    talc_client *late = pair_add_client(pair, NULL);
    talc_request request = pair_request(TALC_GET, "hello", 1);
    request.timeout_ms = 20000;
    pair_send(late, &request, &outcome);
    assert_true(pair_run(pair, &outcome, 60000));
    assert_int_equal(outcome.status, TALC_ERROR_OVERLOADED);
    assert_int_equal(talc_client_failure(late)->coap_code, TALC_CODE_UNAVAILABLE);
    assert_non_null(strstr(talc_client_failure(late)->text, "no room"));
    pair_outcome_clear(&outcome);
}

/* A client that is told to come back later does, and is served once there is room. */
static void a_client_waits_for_room(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    pair_say_hello(pair, pair->client);
    for (unsigned i = 1; i < SESSIONS_MAX; i++) {
        pair_say_hello(pair, pair_add_client(pair, NULL));
    }
    talc_client *late = pair_add_client(pair, NULL);
    talc_request request = pair_request(TALC_POST, "echo", 1);
    pair_send(late, &request, &outcome);
    pair_pass(pair, 60000);
    assert_false(outcome.is_done);
    assert_int_equal(pair_close(pair, pair->client, 10000), TALC_OK);
    assert_true(pair_run(pair, &outcome, 60000));
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[1], 1);
    pair_outcome_clear(&outcome);
}

static void idle_sessions_are_closed(void **state)
{
    test_pair *pair = *state;
    pair_say_hello(pair, pair->client);
    pair_pass(pair, 299999);
    assert_counts(pair, 1, 0, 0);
    pair_say_hello(pair, pair->client); /* which begins the time anew */
    pair_pass(pair, 299999);
    assert_counts(pair, 1, 0, 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 0);
    pair_pass(pair, 1);
    assert_counts(pair, 0, 0, 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 1);
}

static void what_a_session_runs_at_once_is_bounded(void **state)
{
    test_pair *pair = *state;
    static pair_outcome outcomes[REQUESTS_MAX + 6];
    talc_request request = pair_request(TALC_GET, "later", 1);
    unsigned refused = 0;
    for (size_t i = 0; i < REQUESTS_MAX + 6; i++) {
        pair_send(pair->client, &request, &outcomes[i]);
    }
    pair->answers_later = false;
    pair_pass(pair, 10000);
    assert_int_equal(pair->executed[1], REQUESTS_MAX);
    for (size_t i = 0; i < REQUESTS_MAX + 6; i++) {
        refused += outcomes[i].is_done && outcomes[i].code == TALC_CODE_UNAVAILABLE;
    }
    assert_int_equal(refused, 6);
    pair->answers_later = true;
    pair_pass(pair, 10000);
    for (size_t i = 0; i < REQUESTS_MAX + 6; i++) {
        assert_true(outcomes[i].is_done);
        assert_int_equal(outcomes[i].status, TALC_OK);
        pair_outcome_clear(&outcomes[i]);
    }
}

/* ---------------------------------------------------------------- tombstones */

/* A handshake that TLS refuses at once. */
static const char nonsense[] = "{\"i\":7,\"n\":0,\"r\":[{\"t\":22,\"v\":769,\"f\":\"AQAAAQA\"}]}";

/* Anybody can leave refused handshakes behind; they do not crowd out the last words of real sessions. */
static void refused_handshakes_are_bounded(void **state)
{
    test_pair *pair = *state;
    talc_server_info info;
    pair_say_hello(pair, pair->client);
    assert_int_equal(pair_close(pair, pair->client, 10000), TALC_OK);
    assert_counts(pair, 0, 0, 1);
    for (unsigned i = 0; i < REFUSED_MAX + 50; i++) {
        path_request(&pair->path, id_of(i), nonsense, sizeof nonsense - 1, &answer);
        talc_server_info_get(pair->server, &info);
        assert_true(info.tombstones <= REFUSED_MAX + 1);
        assert_int_equal(info.sessions, 0);
    }
    assert_int_equal(info.tombstones, REFUSED_MAX + 1);
    assert_false(has_session(pair, 49)); /* the oldest went */
    assert_true(has_session(pair, 50));
    assert_int_equal(pair->events[TALC_EVENT_SESSION_REFUSED], REFUSED_MAX + 50);
    pair_say_hello(pair, pair->client);
}

/* Nonsense does not push a handshake out that has begun. */
static void nonsense_takes_no_place(void **state)
{
    test_pair *pair = *state;
    for (unsigned i = 0; i < HALF_OPEN_MAX; i++) {
        assert_int_equal(begin_handshake(pair, i), TALC_ENVELOPE_ERROR_NONE);
    }
    for (unsigned i = 0; i < 20; i++) {
        path_request(&pair->path, id_of(1000 + i), nonsense, sizeof nonsense - 1, &answer);
    }
    for (unsigned i = 0; i < HALF_OPEN_MAX; i++) {
        assert_true(has_session(pair, i));
    }
}

/* Who has not proven anything may have written somebody else's address on its requests. */
static void unproven_clients_pay_for_answers(void **state)
{
    test_pair *pair = *state;
    char question[32];
    size_t asked = hello.size;
    size_t answered = 0;
    assert_int_equal(begin_handshake(pair, 1), TALC_ENVELOPE_ERROR_NONE);
    size_t flight = answer.body_size;
    answered += flight;
    for (unsigned i = 0; i < 1000; i++) {
        int size = snprintf(question, sizeof question, "{\"i\":%u}", 16777300 + i);
        path_request(&pair->path, id_of(1), question, (size_t)size, &answer);
        asked += (size_t)size;
        answered += answer.body_size;
    }
    assert_true(flight > 200);
    /* RFC 9175 section 2.4: three times, beyond what a handshake over a bad path may take; the
     * empty answers come on top. */
    assert_true(answered < 6 * flight + 3 * asked + 1000 * 16);
}

static void tombstones_have_a_time(void **state)
{
    test_pair *pair = *state;
    path_request(&pair->path, id_of(1), nonsense, sizeof nonsense - 1, &answer);
    pair_pass(pair, 246999);
    assert_counts(pair, 0, 0, 1);
    assert_true(has_session(pair, 1)); /* it repeats its last words, and lives no longer for it */
    pair_pass(pair, 1);
    assert_counts(pair, 0, 0, 0);
}

/* ---------------------------------------------------------------- time */

static void the_server_says_when_it_wants_to_be_called(void **state)
{
    test_pair *pair = *state;
    assert_int_equal(talc_server_timeout_ms(pair->server), UINT32_MAX);
    begin_handshake(pair, 1);
    assert_int_equal(talc_server_timeout_ms(pair->server), 30000);
    pair->path.now_ms += 10000;
    assert_int_equal(talc_server_timeout_ms(pair->server), 20000);
    pair->path.now_ms += 30000;
    assert_int_equal(talc_server_timeout_ms(pair->server), 0);
    assert_int_equal(talc_server_process(pair->server), TALC_OK);
    assert_int_equal(talc_server_timeout_ms(pair->server), UINT32_MAX);
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
        RULE(the_oldest_half_open_session_goes_first),
        RULE(open_sessions_survive_a_flood),
        RULE(handshakes_have_a_time),
        RULE(servers_file_ids_each_in_its_own_way),
        RULE(a_full_server_says_so),
        RULE(a_client_is_told_that_there_is_no_room),
        RULE(a_client_waits_for_room),
        RULE(idle_sessions_are_closed),
        RULE(what_a_session_runs_at_once_is_bounded),
        RULE(refused_handshakes_are_bounded),
        RULE(nonsense_takes_no_place),
        RULE(unproven_clients_pay_for_answers),
        RULE(tombstones_have_a_time),
        RULE(the_server_says_when_it_wants_to_be_called),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
