/* SPDX-License-Identifier: MIT */
/*
 * Sessions that the path disturbs before both sides have read each other's CSM, when not all that
 * comes can be proved yet: a request goes on in the same session, or soon in another one, and keeps
 * what it is promised when sessions are lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/pair.h"

#define DEADLINE_MS 20000u
#define SOON_MS 10000u
#define LONG_MS 600000u

static pair_credentials credentials;

static void begin(test_pair *pair, talc_tls_version version)
{
    pair_options options = { .credentials = &credentials,
                             .version = version,
                             .weather = { .delay_min_ms = 10, .delay_max_ms = 10 } };
    pair_begin(pair, &options);
    pair->answers_later = false;
    pair_start(pair);
}

static void watch(test_pair *pair, path_watcher *watcher, void *context)
{
    pair->path.watcher = watcher;
    pair->path.watcher_context = context;
}

/* What came of a request of this name and method within its deadline. */
static talc_status ask(test_pair *pair, talc_client *client, talc_method method, unsigned name)
{
    pair_outcome outcome;
    talc_request request = pair_request(method, "echo", name);
    request.timeout_ms = DEADLINE_MS;
    pair_send(client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, LONG_MS));
    talc_status status = outcome.status;
    pair_outcome_clear(&outcome);
    return status;
}

/* The bytes of a record of this type that the path makes up, or of its beginning. */
static talc_piece beginning(uint8_t type, uint16_t version, size_t size, size_t length)
{
    static const uint8_t fragment[1024] = { 0x5A };
    assert_true(size <= sizeof fragment);
    return (talc_piece){ .type = type,
                         .version = version,
                         .length = (uint16_t)length,
                         .open = size < length,
                         .fragment = fragment,
                         .fragment_size = size };
}

/* ---------------------------------------------------------------- before the first tag */

#define M3_FRAGMENT_SIZE_MAX 149
#define M4_FRAGMENT_SIZE 27

typedef struct inserter {
    path_direction direction;
    unsigned inserted;
    unsigned times;
} inserter;

/* A record that nobody wrote, at the place where the next one of its sender belongs, before it. */
static void insert(test_path *path, const path_parcel *like, const talc_envelope *envelope)
{
    path_parcel parcel = *like;
    talc_envelope false_one;
    talc_envelope_init(&false_one);
    false_one.request = envelope->request;
    false_one.offset = envelope->offset;
    false_one.acknowledged = envelope->acknowledged;
    false_one.piece_count = 1;
    false_one.pieces[0] =
        beginning(TALC_RECORD_APPLICATION_DATA, TALC_RECORD_VERSION_ECC, 40, 40);
    parcel.body = NULL;
    path_parcel_write(&parcel, &false_one);
    path_send_copy(path, &parcel, 0);
    free(parcel.body);
}

/* In place of M3 and M4: what is behind the other side's first record. */
static bool insert_once(void *context, test_path *path, path_parcel *parcel)
{
    inserter *inserting = context;
    talc_envelope envelope;
    path_parcel_read(parcel, &envelope);
    bool is_next = parcel->direction == inserting->direction && envelope.offset > 0 &&
                   envelope.piece_count > 0;
    if (is_next && inserting->inserted < inserting->times) {
        insert(path, parcel, &envelope);
        inserting->inserted++;
        talc_envelope_clear(&envelope);
        return false; /* the genuine one is lost: the false one is all that comes */
    }
    talc_envelope_clear(&envelope);
    return true;
}

static void forged_records_after_m2_cost_a_repeat(void **state)
{
    static const path_direction directions[] = { PATH_TO_SERVER, PATH_TO_CLIENT };
    test_pair *pair = *state;
    for (unsigned i = 0; i < 2; i++) {
        inserter inserting = { .direction = directions[i], .times = 5 };
        talc_client *client = i == 0 ? pair->client : pair_add_client(pair, NULL);
        talc_session_info info;
        watch(pair, insert_once, &inserting);
        assert_int_equal(ask(pair, client, TALC_POST, i), TALC_OK);
        assert_int_equal(inserting.inserted, inserting.times);
        assert_int_equal(pair->executed[i], 1);
        assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], i + 1); /* one session did it */
        assert_int_equal(pair->events[TALC_EVENT_SESSION_REFUSED], 0);
        assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 0);
        talc_client_info(client, &info);
        assert_true(info.exchanges > inserting.times);
    }
}

typedef struct beginner {
    size_t size;    /* of what is forged of a fragment */
    unsigned begun; /* how often */
    uint8_t session_id[TALC_SESSION_ID_SIZE]; /* the first one */
} beginner;

static bool is_second(beginner *beginning_one, const path_parcel *parcel,
                      const talc_envelope *envelope)
{
    if (parcel->direction == PATH_TO_SERVER && envelope->offset == 0) {
        memcpy(beginning_one->session_id, parcel->session_id, TALC_SESSION_ID_SIZE);
    }
    return beginning_one->begun == 0 && envelope->offset > 0 && envelope->piece_count > 0;
}

/* In place of all that comes next from there: the beginning of a record, without a tag. */
static void begin_a_handshake_record(beginner *beginning_one, path_parcel *parcel,
                                     path_direction direction, size_t length)
{
    talc_envelope envelope;
    path_parcel_read(parcel, &envelope);
    if (is_second(beginning_one, parcel, &envelope) && parcel->direction == direction) {
        envelope.pieces[0] = beginning(TALC_RECORD_HANDSHAKE, TALC_RECORD_VERSION_ECC,
                                       beginning_one->size, length);
        envelope.piece_count = 1;
        envelope.has_guard = false;
        path_parcel_write(parcel, &envelope);
        beginning_one->begun++;
    }
    talc_envelope_clear(&envelope);
}

static bool begin_an_m3(void *context, test_path *path, path_parcel *parcel)
{
    (void)path;
    begin_a_handshake_record(context, parcel, PATH_TO_SERVER, M3_FRAGMENT_SIZE_MAX);
    return true;
}

static bool begin_an_m4(void *context, test_path *path, path_parcel *parcel)
{
    (void)path;
    begin_a_handshake_record(context, parcel, PATH_TO_CLIENT, M4_FRAGMENT_SIZE);
    return true;
}

/* Behind the genuine M3: the beginning of a record, so that the tag is wrong. */
static bool go_on_behind_m3(void *context, test_path *path, path_parcel *parcel)
{
    beginner *beginning_one = context;
    talc_envelope envelope;
    (void)path;
    path_parcel_read(parcel, &envelope);
    if (is_second(beginning_one, parcel, &envelope) && parcel->direction == PATH_TO_SERVER) {
        assert_true(envelope.piece_count == 2 && envelope.has_guard);
        envelope.pieces[1] = beginning(TALC_RECORD_APPLICATION_DATA, TALC_RECORD_VERSION_ECC,
                                       beginning_one->size, 1040);
        path_parcel_write(parcel, &envelope);
        beginning_one->begun++;
    }
    talc_envelope_clear(&envelope);
    return true;
}

/* The request is executed once, in the session in which the path has begun a record. */
static void expect_one_session(path_watcher *watcher, talc_method method, size_t size)
{
    test_pair pair;
    talc_session_info info;
    beginner beginning_one = { .size = size };
    begin(&pair, 0);
    watch(&pair, watcher, &beginning_one);
    talc_status status = ask(&pair, pair.client, method, 1);
    if (status != TALC_OK) {
        fail_msg("%zu bytes: %s", size, talc_client_failure(pair.client)->text);
    }
    assert_int_equal(beginning_one.begun, 1);
    assert_int_equal(pair.executed[1], 1);
    talc_client_info(pair.client, &info);
    assert_memory_equal(info.session_id, beginning_one.session_id, TALC_SESSION_ID_SIZE);
    assert_int_equal(pair.events[TALC_EVENT_SESSION_OPENED], 1);
    pair_end(&pair);
}

/* Short of the end of what the client has said, or beyond it: the server then acknowledges what was never
 * sent. */
static void the_beginning_of_a_forged_m3_gives_way(void **state)
{
    static const size_t sizes[] = { 1, 5, 20, 60, 100, 134, 140, 148 };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        expect_one_session(begin_an_m3, TALC_POST, sizes[i]);
    }
}

static void the_beginning_of_a_forged_m4_is_not_waited_for(void **state)
{
    (void)state;
    for (size_t size = 1; size < M4_FRAGMENT_SIZE; size++) {
        expect_one_session(begin_an_m4, TALC_POST, size);
    }
}

static void the_beginning_of_a_forged_record_behind_m3_is_not_waited_for(void **state)
{
    static const size_t sizes[] = { 1, 16, 20, 60 };
    static const talc_method methods[] = { TALC_GET, TALC_PUT, TALC_POST };
    (void)state;
    for (size_t i = 0; i < 4 * 3; i++) {
        expect_one_session(go_on_behind_m3, methods[i % 3], sizes[i / 3]);
    }
}

/* ---------------------------------------------------------------- servers that wait */

#define WAIT_SIZE 600 /* more than the client says at once */

/* A record of which the path gives the server all but the end, in the place of what the client says
 * first or next: it takes the client's bytes for that, and acknowledges what was never sent. */
typedef struct wait_row {
    talc_tls_version version;
    bool is_next;
    uint8_t type;
} wait_row;

typedef struct waiting {
    const wait_row *row;
    unsigned left;
} waiting;

static bool begin_a_record(void *context, test_path *path, path_parcel *parcel)
{
    waiting *wait = context;
    talc_envelope envelope;
    (void)path;
    if (parcel->direction != PATH_TO_SERVER || wait->left == 0) {
        return true;
    }
    path_parcel_read(parcel, &envelope);
    if ((envelope.offset > 0) == wait->row->is_next && envelope.piece_count > 0) {
        envelope.pieces[0] = beginning(wait->row->type, TALC_RECORD_VERSION_TLS12,
                                       WAIT_SIZE, WAIT_SIZE + 1);
        envelope.piece_count = 1;
        envelope.has_guard = false;
        path_parcel_write(parcel, &envelope);
        wait->left--;
    }
    talc_envelope_clear(&envelope);
    return true;
}

static void a_server_that_waits_for_a_forged_record_is_left(void **state)
{
    static const wait_row rows[] = {
        { TALC_TLS_1_3, false, TALC_RECORD_HANDSHAKE },
        { TALC_TLS_1_3, true, TALC_RECORD_APPLICATION_DATA },
        { TALC_TLS_1_2, false, TALC_RECORD_HANDSHAKE },
        { TALC_TLS_1_2, true, TALC_RECORD_HANDSHAKE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_pair pair;
        waiting wait = { &rows[i], 1 };
        begin(&pair, rows[i].version);
        watch(&pair, begin_a_record, &wait);
        uint64_t start_ms = pair.path.now_ms;
        talc_status status = ask(&pair, pair.client, TALC_GET, 1);
        if (status != TALC_OK) {
            fail_msg("row %zu: %s", i, talc_client_failure(pair.client)->text);
        }
        assert_true(pair.path.now_ms - start_ms < SOON_MS);
        assert_int_equal(wait.left, 0);
        assert_int_equal(pair.executed[1], 1);
        pair_end(&pair);
    }
}

/* ---------------------------------------------------------------- requests that outlive it */

typedef struct spoiler {
    bool swallows;   /* all answers */
    unsigned spoils; /* M2s still */
} spoiler;

static bool spoil(void *context, test_path *path, path_parcel *parcel)
{
    spoiler *spoiling = context;
    uint8_t fragment[1024];
    talc_envelope envelope;
    (void)path;
    if (parcel->direction == PATH_TO_SERVER || spoiling->swallows) {
        return parcel->direction == PATH_TO_SERVER;
    }
    path_parcel_read(parcel, &envelope);
    if (spoiling->spoils > 0 && envelope.piece_count > 0 && envelope.offset == 0) {
        talc_piece *m2 = &envelope.pieces[0];
        assert_true(m2->fragment_size <= sizeof fragment);
        memcpy(fragment, m2->fragment, m2->fragment_size);
        fragment[m2->fragment_size - 1] ^= 1;
        m2->fragment = fragment;
        path_parcel_write(parcel, &envelope);
        spoiling->spoils--;
    }
    talc_envelope_clear(&envelope);
    return true;
}

/* A PUT of a lost session waits for the server's word about that. Nothing else wakes a client that
 * pauses between handshakes. */
static void a_held_request_wakes_the_client_after_a_pause(void **state)
{
    test_pair *pair = *state;
    spoiler spoiling = { .swallows = true };
    static pair_outcome outcome; /* outlives the test if that fails */
    talc_request request = pair_request(TALC_PUT, "echo", 1);
    pair_say_hello(pair, pair->client);
    watch(pair, spoil, &spoiling);
    pair_send(pair->client, &request, &outcome);
    pair_pass(pair, 100);
    pair_restart_server(pair);
    spoiling = (spoiler){ .spoils = 3 };
    for (unsigned passed_ms = 0; !outcome.is_done; passed_ms += 10) {
        assert_true(passed_ms < SOON_MS);
        assert_true(spoiling.spoils != 1 || talc_client_timeout_ms(pair->client) < SOON_MS);
        pair_pass(pair, 10);
    }
    assert_int_equal(spoiling.spoils, 0);
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[1], 2); /* at both servers: a PUT may be */
    pair_outcome_clear(&outcome);
}

/* A request that has not left yet loses nothing when a handshake fails: it is repeated after as
 * many losses as any other. */
static void spoilt_handshakes_are_no_lost_sessions(void **state)
{
    test_pair *pair = *state;
    spoiler spoiling = { .spoils = 4 };
    static pair_outcome outcome; /* outlives the test if that fails */
    talc_request request = pair_request(TALC_GET, "later", 1);
    watch(pair, spoil, &spoiling);
    pair_send(pair->client, &request, &outcome);
    pair_pass(pair, SOON_MS);
    assert_int_equal(spoiling.spoils, 0);
    for (unsigned lost = 1; lost <= 3; lost++) {
        assert_int_equal(pair->executed[1], lost);
        assert_false(outcome.is_done);
        pair_restart_server(pair);
        pair_pass(pair, LONG_MS / 10);
    }
    while (pair->later_count > 0) {
        (void)pair_answer_later(pair);
    }
    assert_true(pair_run(pair, &outcome, LONG_MS));
    assert_int_equal(outcome.status, TALC_OK);
    assert_int_equal(pair->executed[1], 4);
    pair_outcome_clear(&outcome);
}

/* ---------------------------------------------------------------- */

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    begin(pair, 0);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    pair_end(*state);
    free(*state);
    return 0;
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
    const struct CMUnitTest tls[] = {
        cmocka_unit_test(a_server_that_waits_for_a_forged_record_is_left),
    };
    const struct CMUnitTest ecc[] = {
        RULE(forged_records_after_m2_cost_a_repeat),
        cmocka_unit_test(the_beginning_of_a_forged_m3_gives_way),
        cmocka_unit_test(the_beginning_of_a_forged_m4_is_not_waited_for),
        cmocka_unit_test(the_beginning_of_a_forged_record_behind_m3_is_not_waited_for),
        RULE(a_held_request_wakes_the_client_after_a_pause),
        RULE(spoilt_handshakes_are_no_lost_sessions),
    };
    return cmocka_run_group_tests_name("spoilt_handshakes", tls, load_certificates, unload) +
           cmocka_run_group_tests_name("spoilt_handshakes, ecc", ecc, load_devices, unload);
}
