/* SPDX-License-Identifier: MIT */
/*
 * Bodies that are no envelope, and envelopes that come at the wrong time: the server says what is
 * wrong and goes on serving, the client asks again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/envelope.h"
#include "tests/pair.h"
#include "tests/vectors.h"

#define RANDOM_BODIES 5000
#define RANDOM_SIZE_MAX 1200
#define TEXT_MAX 16384

static const uint8_t unknown_id[TALC_SESSION_ID_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
static pair_credentials credentials;
static path_answer answer;

static int set_up(void **state)
{
    test_pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    pair_options options = { .credentials = &credentials,
                             .version = TALC_TLS_1_3,
                             .weather = { .seed = 5 } };
    pair_begin(pair, &options);
    pair_start(pair);
    pair_say_hello(pair, pair->client);
    *state = pair;
    return 0;
}

/* The session that was open at the start still is, and no handler heard of anything else. */
static int tear_down(void **state)
{
    test_pair *pair = *state;
    unsigned runs = pair->runs;
    pair_say_hello(pair, pair->client);
    assert_int_equal(pair->runs, runs + 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 1);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 0);
    pair_end(pair);
    free(pair);
    return 0;
}

static void open_id(const test_pair *pair, uint8_t id[TALC_SESSION_ID_SIZE])
{
    talc_session_info info;
    talc_client_info(pair->client, &info);
    memcpy(id, info.session_id, TALC_SESSION_ID_SIZE);
}

/* ---------------------------------------------------------------- what comes back */

static talc_envelope_error error_in(uint64_t *request)
{
    talc_envelope envelope;
    assert_true(answer.is_there);
    assert_int_equal(
        talc_envelope_read((const char *)answer.body, answer.body_size, TEXT_MAX, &envelope),
        TALC_OK);
    *request = envelope.request;
    assert_int_equal(envelope.piece_count, 0);
    assert_true(answer.body_size <= 64); /* no answer that is worth reflecting */
    talc_envelope_error error = envelope.error;
    talc_envelope_clear(&envelope);
    return error;
}

static void assert_refused(uint8_t code, talc_envelope_error error)
{
    uint64_t request;
    assert_int_equal(error_in(&request), error);
    assert_int_equal(answer.code, code);
}

/* Sends text under an id that no session has. */
static void send_unknown(test_pair *pair, const char *text)
{
    path_request(&pair->path, unknown_id, text, strlen(text), &answer);
}

/* ---------------------------------------------------------------- no envelopes */

static void check_vector(test_pair *pair, const cJSON *row, const uint8_t *id)
{
    size_t size;
    char *text = vector_input(row, &size);
    const char *status = vector_string(row, "status");
    bool too_large = status != NULL && strcmp(status, "too-large") == 0;
    bool usual_limit = vector_number(row, "size_max", TEXT_MAX) == TEXT_MAX;
    path_request(&pair->path, id, text, size, &answer);
    free(text);
    if (usual_limit ? too_large : answer.code == TALC_CODE_TOO_LARGE) {
        assert_refused(TALC_CODE_TOO_LARGE, TALC_ENVELOPE_ERROR_TOO_LARGE);
    } else {
        assert_refused(TALC_CODE_BAD_REQUEST, TALC_ENVELOPE_ERROR_MALFORMED);
    }
}

static void vectors_to_a_server(void **state)
{
    test_pair *pair = *state;
    uint8_t id[TALC_SESSION_ID_SIZE];
    talc_server_info info;
    const cJSON *row;
    open_id(pair, id);
    cJSON *rows = vectors_load("envelope-invalid");
    cJSON_ArrayForEach(row, rows)
    {
        check_vector(pair, row, unknown_id);
        check_vector(pair, row, id);
    }
    cJSON_Delete(rows);
    talc_server_info_get(pair->server, &info);
    assert_int_equal(info.sessions, 1);
}

static void random_bodies_to_a_server(void **state)
{
    test_pair *pair = *state;
    uint8_t id[TALC_SESSION_ID_SIZE];
    uint8_t bytes[RANDOM_SIZE_MAX];
    open_id(pair, id);
    for (int i = 0; i < RANDOM_BODIES; i++) {
        size_t size = path_random(&pair->path) % sizeof bytes;
        for (size_t at = 0; at < size; at++) {
            bytes[at] = (uint8_t)path_random(&pair->path);
        }
        path_request(&pair->path, i % 2 == 0 ? id : unknown_id, bytes, size, &answer);
        assert_refused(TALC_CODE_BAD_REQUEST, TALC_ENVELOPE_ERROR_MALFORMED);
    }
}

static void too_many_records(void **state)
{
    char text[4096];
    size_t size = (size_t)snprintf(text, sizeof text, "{\"i\":1,\"n\":0,\"r\":[");
    for (int i = 0; i <= TALC_ENVELOPE_PIECES_MAX; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s{\"t\":22,\"f\":\"AQ\"}",
                                 i == 0 ? "" : ",");
    }
    snprintf(text + size, sizeof text - size, "]}");
    send_unknown(*state, text);
    assert_refused(TALC_CODE_TOO_LARGE, TALC_ENVELOPE_ERROR_TOO_LARGE);
}

static void no_session_id(void **state)
{
    test_pair *pair = *state;
    static const char text[] = "{\"i\":1}";
    path_request(&pair->path, NULL, text, sizeof text - 1, &answer);
    assert_refused(TALC_CODE_BAD_REQUEST, TALC_ENVELOPE_ERROR_MALFORMED);
}

/* ---------------------------------------------------------------- first envelopes */

typedef struct opening {
    const char *text;
    uint8_t code;
    talc_envelope_error error;
} opening;

/* Only the beginning of a handshake opens a session: anything else means that there was one. */
static void first_envelopes(void **state)
{
    static const opening openings[] = {
        { "{\"i\":70}", TALC_CODE_NOT_FOUND, TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"a\":5,\"w\":20}", TALC_CODE_NOT_FOUND, TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"n\":169,\"a\":5,\"r\":[{\"f\":\"AQID\"}],\"g\":\"AAAAAAAAAAA\"}",
          TALC_CODE_NOT_FOUND, TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"n\":1,\"r\":[{\"t\":22,\"f\":\"AQID\"}]}", TALC_CODE_NOT_FOUND,
          TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"n\":0,\"a\":1,\"r\":[{\"t\":22,\"f\":\"AQID\"}]}", TALC_CODE_NOT_FOUND,
          TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"n\":0,\"r\":[{\"f\":\"AQID\"}]}", TALC_CODE_NOT_FOUND,
          TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"n\":0,\"r\":[{\"t\":21,\"f\":\"AgA\"}]}", TALC_CODE_NOT_FOUND,
          TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"n\":0,\"r\":[{\"p\":1,\"f\":\"AQID\"}]}", TALC_CODE_NOT_FOUND,
          TALC_ENVELOPE_ERROR_UNKNOWN_SESSION },
        { "{\"i\":70,\"n\":0,\"r\":[{\"t\":22,\"v\":60417,\"f\":\"AQID\"}]}",
          TALC_CODE_UNSUPPORTED_FORMAT, TALC_ENVELOPE_ERROR_UNSUPPORTED },
    };
    test_pair *pair = *state;
    talc_server_info info;
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        uint64_t request;
        send_unknown(pair, openings[i].text);
        assert_int_equal(error_in(&request), openings[i].error);
        assert_int_equal(answer.code, openings[i].code);
        assert_int_equal(request, 70); /* which the client needs to believe it */
        talc_server_info_get(pair->server, &info);
        assert_int_equal(info.sessions, 1);
    }
}

/* A handshake that is none: TLS refuses it with an alert, and its tombstone repeats that. */
static void a_handshake_of_nonsense(void **state)
{
    test_pair *pair = *state;
    talc_server_info info;
    talc_envelope envelope;
    for (int i = 0; i < 2; i++) {
        send_unknown(pair, "{\"i\":70,\"n\":0,\"r\":[{\"t\":22,\"v\":769,\"f\":\"AQAAAQA\"}]}");
        assert_int_equal(answer.code, TALC_CODE_CHANGED);
        assert_int_equal(
            talc_envelope_read((const char *)answer.body, answer.body_size, TEXT_MAX, &envelope),
            TALC_OK);
        assert_int_equal(envelope.piece_count, 1);
        assert_int_equal(envelope.pieces[0].type, TALC_RECORD_ALERT);
        talc_envelope_clear(&envelope);
        talc_server_info_get(pair->server, &info);
        assert_int_equal(info.sessions, 1);
        assert_int_equal(info.tombstones, 1);
    }
    assert_int_equal(pair->events[TALC_EVENT_SESSION_REFUSED], 1);
}

/* ---------------------------------------------------------------- to a client */

typedef struct replacement {
    char *text;
    size_t size;
} replacement;

/* Puts a text in the place of the next answer. */
static bool replace_once(void *context, test_path *path, path_parcel *parcel)
{
    replacement *replacing = context;
    (void)path;
    if (parcel->direction == PATH_TO_CLIENT && replacing->text != NULL) {
        path_parcel_set_body(parcel, replacing->text, replacing->size);
        free(replacing->text);
        replacing->text = NULL;
    }
    return true;
}

static void vectors_to_a_client(void **state)
{
    test_pair *pair = *state;
    uint8_t before[TALC_SESSION_ID_SIZE];
    uint8_t after[TALC_SESSION_ID_SIZE];
    replacement replacing = { NULL, 0 };
    const cJSON *row;
    open_id(pair, before);
    pair->path.watcher = replace_once;
    pair->path.watcher_context = &replacing;
    cJSON *rows = vectors_load("envelope-invalid");
    cJSON_ArrayForEach(row, rows)
    {
        replacing.text = vector_input(row, &replacing.size);
        pair_say_hello(pair, pair->client);
        assert_null(replacing.text);
    }
    cJSON_Delete(rows);
    open_id(pair, after);
    assert_memory_equal(before, after, sizeof before);
    pair->path.watcher = NULL;
}

static bool answer_as_a_web_server(void *context, test_path *path, path_parcel *parcel)
{
    (void)context;
    (void)path;
    if (parcel->direction == PATH_TO_CLIENT) {
        path_parcel_set_body(parcel, "<html>", 6);
        parcel->code = TALC_CODE(5, 2);
    }
    return true;
}

/* An answer that no talc has written speaks of the path: that is what the client tells in the end. */
static void answers_of_something_else(void **state)
{
    test_pair *pair = *state;
    pair_outcome outcome;
    talc_client *client = pair_add_client(pair, NULL);
    talc_request request = pair_request(TALC_GET, "hello", 1);
    request.timeout_ms = 20000;
    pair->path.watcher = answer_as_a_web_server;
    pair_send(client, &request, &outcome);
    assert_true(pair_run(pair, &outcome, 60000));
    assert_int_equal(outcome.status, TALC_ERROR_UNREACHABLE);
    assert_int_equal(talc_client_failure(client)->stage, TALC_STAGE_PATH);
    assert_int_equal(talc_client_failure(client)->coap_code, TALC_CODE(5, 2));
    pair->path.watcher = NULL;
}

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

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(vectors_to_a_server), RULE(random_bodies_to_a_server), RULE(too_many_records),
        RULE(no_session_id),       RULE(first_envelopes),           RULE(a_handshake_of_nonsense),
        RULE(vectors_to_a_client), RULE(answers_of_something_else),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
