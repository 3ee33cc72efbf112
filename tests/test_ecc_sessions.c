/* SPDX-License-Identifier: MIT */
/*
 * Mode `ecc` between a client and a server of the public API: what a path makes up before both sides
 * have proved themselves costs another handshake and never a request, and a device that the registry
 * does not have, or not any more, is not served.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/credential_folder.h"
#include "tests/pair.h"

#define DEADLINE_MS 20000u
#define LONG_MS 600000u
#define FORGED_TIMES 3
#define SESSIONS_MAX 64
#define ACCESS_DENIED 49 /* RFC 8446 section 6 */
#define HANDSHAKE_FAILURE 40

static pair_credentials credentials;

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_credentials_load(&credentials, PAIR_ECC);
    pair_options options = { .credentials = &credentials,
                             .weather = { .delay_min_ms = 10, .delay_max_ms = 10 } };
    pair_begin(pair, &options);
    pair->answers_later = false;
    pair_start(pair);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    pair_end(*state);
    pair_credentials_free(&credentials);
    free(*state);
    return 0;
}

/* POST echo with this name; what came of it within its deadline. */
static talc_status post(test_pair *pair, talc_client *client, unsigned name, uint32_t timeout_ms)
{
    pair_outcome outcome;
    talc_request request = pair_request(TALC_POST, "echo", name);
    request.timeout_ms = timeout_ms;
    pair_send(client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.calls, 1);
    talc_status status = outcome.status;
    pair_outcome_clear(&outcome);
    return status;
}

/* ---------------------------------------------------------------- forged first answers */

/* What the path puts in the place of M2; `fragment` is to be changed or replaced. */
typedef void forgery(talc_piece *piece, uint8_t *fragment);

static void damage_the_end(talc_piece *piece, uint8_t *fragment)
{
    fragment[piece->fragment_size - 1] ^= 1;
}

static void put_another_key(talc_piece *piece, uint8_t *fragment)
{
    (void)piece;
    fragment[3] ^= 1; /* the first byte of the server's ephemeral key, behind type and size */
}

static void cut_it_short(talc_piece *piece, uint8_t *fragment)
{
    (void)fragment;
    piece->fragment_size--;
    piece->length--;
}

static void say(talc_piece *piece, uint8_t *fragment, uint8_t level, uint8_t description)
{
    fragment[0] = level;
    fragment[1] = description;
    piece->type = TALC_RECORD_ALERT;
    piece->length = 2;
    piece->fragment_size = 2;
}

static void refuse_in_the_clear(talc_piece *piece, uint8_t *fragment)
{
    say(piece, fragment, 2, ACCESS_DENIED);
}

static void fail_in_the_clear(talc_piece *piece, uint8_t *fragment)
{
    say(piece, fragment, 2, HANDSHAKE_FAILURE);
}

static void close_in_the_clear(talc_piece *piece, uint8_t *fragment)
{
    say(piece, fragment, 1, 0);
}

static void speak_tls(talc_piece *piece, uint8_t *fragment)
{
    say(piece, fragment, 2, HANDSHAKE_FAILURE);
    piece->version = TALC_RECORD_VERSION_TLS12;
}

static void send_data(talc_piece *piece, uint8_t *fragment)
{
    (void)fragment;
    piece->type = TALC_RECORD_APPLICATION_DATA;
}

typedef struct forgery_row {
    const char *name;
    forgery *make;
    talc_status status; /* of a request that meets nothing else until its deadline */
    const char *words;  /* in its failure */
} forgery_row;

static const forgery_row forgery_rows[] = {
    { "M2 with another signature", damage_the_end, TALC_ERROR_PROTOCOL, "M2" },
    { "M2 with another key", put_another_key, TALC_ERROR_PROTOCOL, "M2" },
    { "M2 without its last byte", cut_it_short, TALC_ERROR_PROTOCOL, "M2" },
    { "a refusal in the clear", refuse_in_the_clear, TALC_ERROR_REFUSED, "access_denied" },
    { "a failure in the clear", fail_in_the_clear, TALC_ERROR_REFUSED, "handshake_failure" },
    { "a goodbye in the clear", close_in_the_clear, TALC_ERROR_REFUSED, "in the clear" },
    { "an alert of TLS", speak_tls, TALC_ERROR_PROTOCOL, "M2" },
    { "data", send_data, TALC_ERROR_PROTOCOL, "M2" },
};

typedef struct forger {
    forgery *make;
    unsigned left; /* first answers to forge still */
    uint8_t sessions[SESSIONS_MAX][TALC_SESSION_ID_SIZE];
    uint8_t keys[SESSIONS_MAX][32]; /* a part of each M1: the client's ephemeral key is in it */
    size_t session_count;
} forger;

static void note_session(forger *forging, const path_parcel *parcel, const talc_envelope *envelope)
{
    size_t last = forging->session_count;
    const talc_piece *m1 = &envelope->pieces[0];
    if (last > 0 &&
        memcmp(forging->sessions[last - 1], parcel->session_id, TALC_SESSION_ID_SIZE) == 0) {
        return;
    }
    assert_true(last < SESSIONS_MAX && envelope->piece_count > 0 && envelope->offset == 0);
    assert_true(m1->fragment_size >= sizeof forging->keys[last]);
    memcpy(forging->sessions[last], parcel->session_id, TALC_SESSION_ID_SIZE);
    memcpy(forging->keys[last], m1->fragment + m1->fragment_size - sizeof forging->keys[last],
           sizeof forging->keys[last]);
    forging->session_count++;
}

static bool forge(void *context, test_path *path, path_parcel *parcel)
{
    forger *forging = context;
    uint8_t fragment[1024];
    talc_envelope envelope;
    (void)path;
    path_parcel_read(parcel, &envelope);
    if (parcel->direction == PATH_TO_SERVER) {
        note_session(forging, parcel, &envelope);
    } else if (forging->left > 0 && envelope.piece_count > 0 && envelope.offset == 0) {
        talc_piece *piece = &envelope.pieces[0];
        assert_true(piece->fragment_size <= sizeof fragment);
        memcpy(fragment, piece->fragment, piece->fragment_size);
        piece->fragment = fragment;
        forging->make(piece, fragment);
        envelope.has_guard = false;
        path_parcel_write(parcel, &envelope);
        forging->left--;
    }
    talc_envelope_clear(&envelope);
    return true;
}

static void expect_fresh_sessions(const forger *forging, const char *name)
{
    for (size_t i = 1; i < forging->session_count; i++) {
        if (memcmp(forging->sessions[i], forging->sessions[i - 1], TALC_SESSION_ID_SIZE) == 0 ||
            memcmp(forging->keys[i], forging->keys[i - 1], sizeof forging->keys[i]) == 0) {
            fail_msg("%s: the id or the key of a session came again", name);
        }
    }
}

static void a_forged_answer_costs_a_handshake(void **state)
{
    test_pair *pair = *state;
    for (unsigned i = 0; i < sizeof forgery_rows / sizeof forgery_rows[0]; i++) {
        forger forging = { .make = forgery_rows[i].make, .left = FORGED_TIMES };
        talc_client *client = i == 0 ? pair->client : pair_add_client(pair, NULL);
        pair->path.watcher = forge;
        pair->path.watcher_context = &forging;
        talc_status status = post(pair, client, i, DEADLINE_MS);
        if (status != TALC_OK) {
            fail_msg("%s: %s", forgery_rows[i].name, talc_client_failure(client)->text);
        }
        assert_int_equal(forging.left, 0);
        assert_int_equal(forging.session_count, FORGED_TIMES + 1);
        expect_fresh_sessions(&forging, forgery_rows[i].name);
        assert_int_equal(pair->executed[i], 1);
        pair->path.watcher = NULL;
    }
}

static void a_path_that_only_forges(void **state)
{
    test_pair *pair = *state;
    for (unsigned i = 0; i < sizeof forgery_rows / sizeof forgery_rows[0]; i++) {
        forger forging = { .make = forgery_rows[i].make, .left = UINT32_MAX };
        talc_client *client = i == 0 ? pair->client : pair_add_client(pair, NULL);
        uint64_t start_ms = pair->path.now_ms;
        pair->path.watcher = forge;
        pair->path.watcher_context = &forging;
        talc_status status = post(pair, client, i, DEADLINE_MS);
        const talc_failure *failure = talc_client_failure(client);
        if (status != forgery_rows[i].status || failure->status != status) {
            fail_msg("%s: %s: %s", forgery_rows[i].name, talc_status_text(status), failure->text);
        }
        assert_int_equal(failure->stage, TALC_STAGE_HANDSHAKE);
        assert_contains(failure->text, forgery_rows[i].words);
        assert_int_equal(failure->stage, TALC_STAGE_HANDSHAKE);
        assert_in_range(pair->path.now_ms - start_ms, DEADLINE_MS, DEADLINE_MS + 1000);
        assert_true(forging.session_count > FORGED_TIMES); /* it did not give up before */
        assert_int_equal(pair->executed[i], 0);
        pair->path.watcher = NULL;
        assert_int_equal(post(pair, client, i, DEADLINE_MS), TALC_OK);
    }
}

/* Another server than the client believes: somebody in its place cannot be told from the path, so it
 * is not the last word either. */
static void a_server_that_is_not_believed(void **state)
{
    test_pair *pair = *state;
    talc_trust *other;
    assert_int_equal(talc_trust_new(&other), TALC_OK);
    assert_int_equal(
        talc_trust_add_server_key_file(other, credential_path("ecc-other-server.pub"), NULL),
        TALC_OK);
    pair->client_config.trust = other;
    talc_client *client = pair_add_client(pair, NULL);
    talc_trust_free(other);
    uint64_t start_ms = pair->path.now_ms;
    assert_int_equal(post(pair, client, 1, DEADLINE_MS), TALC_ERROR_VERIFY);
    assert_in_range(pair->path.now_ms - start_ms, DEADLINE_MS, DEADLINE_MS + 1000);
    assert_int_equal(pair->executed[1], 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 0);
}

/* ---------------------------------------------------------------- refusals */

static talc_identity *device_with(const char *device_id, const char *key)
{
    talc_identity *identity;
    assert_int_equal(talc_identity_from_key_file(&identity, device_id, credential_path(key), NULL),
                     TALC_OK);
    return identity;
}

static void expect_refused(test_pair *pair, talc_client *client, unsigned name)
{
    uint64_t start_ms = pair->path.now_ms;
    unsigned refused = pair->events[TALC_EVENT_SESSION_REFUSED];
    assert_int_equal(post(pair, client, name, DEADLINE_MS), TALC_ERROR_REFUSED);
    assert_int_equal(talc_client_failure(client)->alert, ACCESS_DENIED);
    assert_int_equal(talc_client_failure(client)->stage, TALC_STAGE_HANDSHAKE);
    assert_true(pair->path.now_ms - start_ms <
                1000); /* the server has proved that it is his word */
    assert_int_equal(pair->executed[name], 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_REFUSED], refused + 1);
}

static void who_is_not_enrolled_is_refused(void **state)
{
    static const struct {
        const char *device_id;
        const char *key;
        const char *reason; /* in the server's words */
    } rows[] = {
        { "meter-9", "device.key", "meter-9" },       /* an ID that nobody knows */
        { PAIR_DEVICE, "stranger.key", PAIR_DEVICE }, /* a key that nobody knows */
        { PAIR_DEVICE, "device2.key", PAIR_DEVICE },  /* the key of another device */
    };
    test_pair *pair = *state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talc_identity *stranger = device_with(rows[i].device_id, rows[i].key);
        expect_refused(pair, pair_add_client(pair, stranger), i);
        assert_contains(pair->last_failure.text, rows[i].reason);
        talc_identity_free(stranger);
    }
    assert_int_equal(post(pair, pair->client, 4, DEADLINE_MS), TALC_OK);
}

static void a_revoked_device_is_refused(void **state)
{
    test_pair *pair = *state;
    assert_int_equal(talc_registry_revoke(credentials.registry, PAIR_DEVICE), TALC_OK);
    expect_refused(pair, pair->client, 1);
    assert_contains(pair->last_failure.text, PAIR_DEVICE);
    talc_client *other = pair_add_client(pair, credentials.other_client);
    assert_int_equal(post(pair, other, 2, DEADLINE_MS), TALC_OK);
}

/* With the next envelope of its session, and it does not get another one. */
static void a_device_that_is_revoked_while_it_speaks(void **state)
{
    test_pair *pair = *state;
    talc_client *other = pair_add_client(pair, credentials.other_client);
    talc_server_info info;
    assert_int_equal(post(pair, pair->client, 1, DEADLINE_MS), TALC_OK);
    assert_int_equal(post(pair, other, 2, DEADLINE_MS), TALC_OK);
    talc_server_info_get(pair->server, &info);
    assert_int_equal(info.sessions, 2);
    assert_int_equal(talc_registry_revoke(credentials.registry, PAIR_DEVICE), TALC_OK);
    assert_int_equal(post(pair, pair->client, 3, DEADLINE_MS), TALC_ERROR_SESSION_LOST);
    assert_int_equal(pair->executed[3], 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 1);
    assert_contains(pair->last_failure.text, PAIR_DEVICE);
    expect_refused(pair, pair->client, 3);
    assert_int_equal(post(pair, other, 4, DEADLINE_MS), TALC_OK);
    talc_server_info_get(pair->server, &info);
    assert_int_equal(info.sessions, 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 2);
}

/* What it was to be answered is not said any more. */
static void an_answer_to_a_device_that_is_revoked(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    talc_request request = pair_request(TALC_POST, "later", 1);
    request.timeout_ms = DEADLINE_MS;
    pair_send(pair->client, &request, &outcome);
    pair_pass(pair, 1000);
    assert_int_equal(pair->executed[1], 1);
    assert_int_equal(talc_registry_revoke(credentials.registry, PAIR_DEVICE), TALC_OK);
    talc_status told = pair_answer_later(pair);
    assert_true(told == TALC_OK || told == TALC_ERROR_SESSION_LOST);
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_not_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 1);
    pair_outcome_clear(&outcome);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_forged_answer_costs_a_handshake),     RULE(a_path_that_only_forges),
        RULE(a_server_that_is_not_believed),         RULE(who_is_not_enrolled_is_refused),
        RULE(a_revoked_device_is_refused),           RULE(a_device_that_is_revoked_while_it_speaks),
        RULE(an_answer_to_a_device_that_is_revoked),
    };
    return cmocka_run_group_tests_name("ecc_sessions", tests, NULL, NULL);
}
