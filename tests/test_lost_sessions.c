/* SPDX-License-Identifier: MIT */
/* When a client gives a session up, when it does not, and what becomes of the requests in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/server_state.h"
#include "tests/credential_folder.h"
#include "tests/pair.h"

#define LONG_MS 1800000u
#define IDLE_MS 301000u

static pair_credentials credentials;

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_options options = { .credentials = &credentials,
                             .weather = { .delay_min_ms = 10, .delay_max_ms = 10 } };
    pair_begin(pair, &options);
    pair_start(pair);
    pair_say_hello(pair, pair->client);
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

/* Whether the client, asked to say hello, does so in the session with this id. */
static bool goes_on_in(test_pair *pair, const uint8_t id[TALC_SESSION_ID_SIZE])
{
    uint8_t now[TALC_SESSION_ID_SIZE];
    pair_say_hello(pair, pair->client);
    session_id_of(pair->client, now);
    return memcmp(id, now, sizeof now) == 0;
}

/* ---------------------------------------------------------------- silence */

/* The path swallows all bodies of one session while it is silent. */
typedef struct silence {
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    bool is_silent;
    unsigned swallowed;
} silence;

static bool swallow(void *context, test_path *path, path_parcel *parcel)
{
    silence *silent = context;
    (void)path;
    if (silent->is_silent &&
        memcmp(parcel->session_id, silent->session_id, TALC_SESSION_ID_SIZE) == 0) {
        silent->swallowed++;
        return false;
    }
    return true;
}

static void begin_silence(test_pair *pair, silence *silent)
{
    memset(silent, 0, sizeof *silent);
    session_id_of(pair->client, silent->session_id);
    pair->path.watcher = swallow;
    pair->path.watcher_context = silent;
}

typedef struct silence_row {
    uint32_t timeout_ms;
    bool is_silent;
    bool has_another; /* a request that began to leave and has time still */
    bool goes_on;
} silence_row;

/* A session of which nothing came for 30 s when a deadline passes is not waited for any longer:
 * perhaps it is this one that the path does not like. Not if another request hangs on it. */
static void a_session_that_falls_silent(void **state)
{
    static const silence_row rows[] = {
        { 40000, true, false, false }, { 30000, true, false, false }, { 20000, true, false, true },
        { 40000, false, false, true }, { 40000, true, true, true },
    };
    test_pair *pair = *state;
    pair->answers_later = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        silence silent;
        pair_outcome outcome, another = { .is_done = false };
        talc_request request = pair_request(TALC_POST, "later", 1);
        begin_silence(pair, &silent);
        if (rows[i].has_another) {
            pair_send(pair->client, &request, &another);
        }
        pair_pass(pair, 100);
        silent.is_silent = rows[i].is_silent;
        request.timeout_ms = rows[i].timeout_ms;
        pair_send(pair->client, &request, &outcome);
        assert_true(pair_run(pair, &outcome, LONG_MS));
        assert_int_equal(outcome.status, TALC_ERROR_TIMEOUT);
        assert_int_equal(silent.swallowed > 0, rows[i].is_silent);
        silent.is_silent = rows[i].is_silent && !rows[i].goes_on; /* the other one fares better */
        assert_int_equal(goes_on_in(pair, silent.session_id), rows[i].goes_on);
        pair->path.watcher = NULL;
        while (pair->later_count > 0) {
            (void)pair_answer_later(pair);
        }
        assert_true(!rows[i].has_another || pair_run(pair, &another, LONG_MS));
        pair_outcome_clear(&another);
    }
}

/* ---------------------------------------------------------------- answers that went back */

/* The server's side of the session goes back to what it had received at `offset`, as if restored
 * from an old copy; returns how far it had been. */
static uint64_t set_back(test_pair *pair, const uint8_t id[TALC_SESSION_ID_SIZE], uint64_t offset)
{
    talc_served *served = talc_table_find(pair->server, id);
    assert_non_null(served);
    uint64_t before = served->session->in.next;
    served->session->in.next = offset;
    return before;
}

static bool count_answers(void *context, test_path *path, path_parcel *parcel)
{
    unsigned *count = context;
    (void)path;
    *count += parcel->direction == PATH_TO_CLIENT;
    return true;
}

static void a_server_that_went_back_is_given_up(void **state)
{
    test_pair *pair = *state;
    uint8_t id[TALC_SESSION_ID_SIZE];
    unsigned answers = 0;
    session_id_of(pair->client, id);
    (void)set_back(pair, id, 5);
    pair->path.watcher = count_answers;
    pair->path.watcher_context = &answers;
    uint64_t start = pair->path.now_ms;
    assert_false(goes_on_in(pair, id));
    assert_in_range(pair->path.now_ms - start, 2000, 30000);
    assert_in_range(answers, 3 + 2, 20); /* three that are believed, and a handshake */
}

/* One or two such answers do not end a session, nor do many within less than 2 s. */
static void answers_that_went_back_are_hints(void **state)
{
    test_pair *pair = *state;
    uint8_t id[TALC_SESSION_ID_SIZE];
    session_id_of(pair->client, id);
    for (unsigned most = 1; most <= 3; most++) {
        pair_outcome outcome;
        unsigned answers = 0;
        talc_request request = pair_request(TALC_POST, "echo", most);
        uint64_t before = set_back(pair, id, 5);
        pair->path.watcher = count_answers;
        pair->path.watcher_context = &answers;
        pair_send(pair->client, &request, &outcome);
        while (answers < most) {
            pair_pass(pair, 1);
        }
        (void)set_back(pair, id, before);
        assert_true(pair_run(pair, &outcome, LONG_MS));
        assert_int_equal(outcome.status, TALC_OK);
        assert_int_equal(pair->executed[most], 1);
        assert_true(goes_on_in(pair, id));
        pair_outcome_clear(&outcome);
    }
}

/* A path on which a later envelope overtakes an earlier one, and then its answer falls behind that
 * of the earlier. All are genuine: the newest answer acknowledges less than one that came before. */
typedef struct overtaking {
    unsigned sent;            /* envelopes of the client since it began */
    uint64_t acknowledged[2]; /* by the answers to the later one and to the earlier */
    uint64_t arrives_ms;      /* the answer to the later one */
} overtaking;

/* The first takes its time; the next hop finds its repeat too large, which sets the third free. */
static bool overtake_request(overtaking *over, test_path *path, const path_parcel *parcel)
{
    unsigned before = over->sent++;
    if (before == 0) {
        path_send_copy(path, parcel, 3000);
    } else if (before == 1) {
        path_parcel notice = *parcel;
        notice.direction = PATH_TO_CLIENT;
        notice.outcome = TALC_OUTCOME_TOO_LARGE;
        notice.body = NULL;
        notice.body_size = 0;
        path_send_copy(path, &notice, 0);
    } else if (before == 3) { /* none was newer when that answer came */
        assert_true(over->arrives_ms != 0 && over->arrives_ms <= path->now_ms);
    }
    return before > 1;
}

static bool overtake(void *context, test_path *path, path_parcel *parcel)
{
    overtaking *over = context;
    talc_envelope envelope;
    if (parcel->direction == PATH_TO_SERVER) {
        return overtake_request(over, path, parcel);
    }
    if (over->sent != 3) {
        return true;
    }
    path_parcel_read(parcel, &envelope);
    bool is_first = over->arrives_ms == 0;
    over->acknowledged[is_first ? 0 : 1] = envelope.acknowledged;
    talc_envelope_clear(&envelope);
    if (is_first) {
        path_send_copy(path, parcel, 1850);
        over->arrives_ms = path->now_ms + 1850;
    }
    return !is_first;
}

static void an_answer_that_was_overtaken_ends_nothing(void **state)
{
    test_pair *pair = *state;
    uint8_t id[TALC_SESSION_ID_SIZE];
    uint8_t payload[1200] = { 0 };
    overtaking over = { .sent = 0 };
    pair_outcome outcome;
    session_id_of(pair->client, id);
    talc_request request = pair_request(TALC_POST, "later", 1);
    request.payload = payload;
    request.payload_size = sizeof payload;
    pair->path.watcher = overtake;
    pair->path.watcher_context = &over;
    pair_send(pair->client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[1], 1);
    assert_true(over.sent > 3);
    assert_true(over.acknowledged[0] < over.acknowledged[1]);
    assert_true(goes_on_in(pair, id));
    pair_outcome_clear(&outcome);
}

/* ---------------------------------------------------------------- closing what is not there */

typedef struct closing_row {
    uint32_t passes_ms; /* before the server is restarted or the session closed */
    bool is_restarted;
    talc_status status;
} closing_row;

static void closing_what_the_server_has_ended(void **state)
{
    static const closing_row rows[] = {
        { 0, true, TALC_ERROR_SESSION_LOST }, /* it does not know the session any more */
        { IDLE_MS + 248000, false, TALC_ERROR_SESSION_LOST }, /* nor does this one */
        { IDLE_MS, false, TALC_OK },                          /* it says that it has closed it */
    };
    test_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t id[TALC_SESSION_ID_SIZE];
        talc_session_info info;
        session_id_of(pair->client, id);
        pair_pass(pair, rows[i].passes_ms);
        if (rows[i].is_restarted) {
            pair_restart_server(pair);
        }
        uint64_t start = pair->path.now_ms;
        assert_int_equal(pair_close(pair, pair->client, 60000), rows[i].status);
        assert_true(pair->path.now_ms - start < 30000); /* nobody waits for the end of its time */
        assert_int_equal(talc_client_failure(pair->client)->status, rows[i].status);
        talc_client_info(pair->client, &info);
        assert_false(info.is_open);
        assert_false(goes_on_in(pair, id));
    }
}

/* ---------------------------------------------------------------- another server */

/* One that the client believes as much as its own, in the place of that. */
static talc_identity *other_server(talc_trust **both)
{
    static const char *const keys[] = { "ecc-server.pub", "ecc-other-server.pub" };
    talc_identity *other;
    uint8_t pins[2][TALC_PIN_SIZE];
    assert_int_equal(talc_trust_new(both), TALC_OK);
    if (credentials.kind == PAIR_ECC) {
        assert_int_equal(talc_identity_from_key_file(
                             &other, NULL, credential_path("ecc-other-server.key"), NULL),
                         TALC_OK);
    } else {
        assert_int_equal(
            talc_identity_from_files(&other, credential_path("other-server.pem"),
                                     credential_path("other-server.key"), NULL),
            TALC_OK);
        assert_int_equal(talc_identity_pin(credentials.server, pins[0]), TALC_OK);
        assert_int_equal(talc_identity_pin(other, pins[1]), TALC_OK);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            credentials.kind == PAIR_ECC
                ? talc_trust_add_server_key_file(*both, credential_path(keys[i]), NULL)
                : talc_trust_add_pin(*both, pins[i]),
            TALC_OK);
    }
    return other;
}

static bool swallow_answers(void *context, test_path *path, path_parcel *parcel)
{
    (void)context;
    (void)path;
    return parcel->direction == PATH_TO_SERVER;
}

/* A server that never had the lost session says that it is no more. Only the one that had it can
 * know: on another's word a PUT is not repeated, which may still be executed there. */
static void what_another_server_says_of_a_lost_session(void **state)
{
    static const struct {
        bool is_other;
        talc_status status;
        unsigned runs; /* of the PUT, at both */
    } rows[] = { { false, TALC_OK, 2 }, { true, TALC_ERROR_SESSION_LOST, 1 } };
    test_pair *pair = *state;
    talc_identity *other = other_server(&pair->client_config.trust);
    talc_client *client = pair_add_client(pair, NULL);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pair_outcome outcome;
        talc_request request = pair_request(TALC_PUT, "echo", i);
        pair_say_hello(pair, client);
        pair->path.watcher = swallow_answers;
        pair_send(client, &request, &outcome);
        pair_pass(pair, 100);
        assert_int_equal(pair->executed[i], 1);
        pair->path.watcher = NULL;
        pair->server_config.identity = rows[i].is_other ? other : credentials.server;
        pair_restart_server(pair);
        assert_true(pair_run(pair, &outcome, LONG_MS));
        assert_int_equal(outcome.status, rows[i].status);
        assert_int_equal(pair->executed[i], rows[i].runs);
        pair_outcome_clear(&outcome);
    }
    pair_say_hello(pair, client); /* it is believed in all else */
    talc_trust_free(pair->client_config.trust);
    talc_identity_free(other);
}

/* ---------------------------------------------------------------- requests around the end */

/* The server had ended the session before the request came: it says so, and vouches for not having
 * read it, so even a POST goes on in the next session, once. */
static void a_request_after_the_idle_time(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    pair_pass(pair, IDLE_MS);
    talc_request request = pair_request(TALC_POST, "echo", 7);
    pair_fetch(pair, &request, &outcome);
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[7], 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 2);
    pair_outcome_clear(&outcome);
}

/* One POST was read before the session was closed and may have been executed; the other was sent
 * while nothing came through, and its bytes come to the ended session, which takes none. */
static void requests_on_both_sides_of_the_end(void **state)
{
    test_pair *pair = *state;
    silence silent;
    pair_outcome read, unread;
    talc_request request = pair_request(TALC_POST, "later", 1);
    begin_silence(pair, &silent);
    pair->answers_later = false;
    pair_send(pair->client, &request, &read);
    pair_pass(pair, 100);
    assert_int_equal(pair->executed[1], 1);
    silent.is_silent = true;
    request = pair_request(TALC_POST, "echo", 2);
    pair_send(pair->client, &request, &unread);
    pair_pass(pair, IDLE_MS);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 1);
    assert_false(read.is_done || unread.is_done);
    silent.is_silent = false;
    assert_true(pair_run(pair, &read, LONG_MS));
    assert_true(pair_run(pair, &unread, LONG_MS));
    assert_int_equal(read.status, TALC_ERROR_SESSION_LOST);
    assert_int_equal(unread.status, TALC_OK);
    pair_pass(pair, 60000);
    assert_int_equal(pair->executed[1], 1);
    assert_int_equal(pair->executed[2], 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 2);
    pair_outcome_clear(&unread);
}

/* Read, and no more: the server had not answered that it has it when the path fell silent. */
static void a_request_that_was_read_without_a_word(void **state)
{
    test_pair *pair = *state;
    silence silent;
    pair_outcome outcome;
    talc_request request = pair_request(TALC_POST, "later", 1);
    begin_silence(pair, &silent);
    pair->answers_later = false;
    pair_send(pair->client, &request, &outcome);
    pair_pass(pair, 0); /* it has set out, and its answer has not */
    silent.is_silent = true;
    pair_pass(pair, IDLE_MS);
    assert_int_equal(pair->executed[1], 1);
    silent.is_silent = false;
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.status, TALC_ERROR_SESSION_LOST);
    pair_pass(pair, 60000);
    assert_int_equal(pair->executed[1], 1);
}

static int load_certificates(void **state)
{
    (void)state;
    pair_credentials_load(&credentials, PAIR_CERTIFICATES);
    return 0;
}

static int load_devices(void **state)
{
    (void)state;
    pair_credentials_load(&credentials, PAIR_ECC);
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
        RULE(a_session_that_falls_silent),       RULE(a_server_that_went_back_is_given_up),
        RULE(answers_that_went_back_are_hints),  RULE(an_answer_that_was_overtaken_ends_nothing),
        RULE(closing_what_the_server_has_ended), RULE(a_request_after_the_idle_time),
        RULE(requests_on_both_sides_of_the_end), RULE(a_request_that_was_read_without_a_word),
        RULE(what_another_server_says_of_a_lost_session),
    };
    return cmocka_run_group_tests_name("lost_sessions", tests, load_certificates, unload) +
           cmocka_run_group_tests_name("lost_sessions, ecc", tests, load_devices, unload);
}
