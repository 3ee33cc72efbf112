/* SPDX-License-Identifier: MIT */
/*
 * A path that writes envelopes of its own: once both sides have read each other's CSM, nothing that
 * it makes up ends the session. Envelopes that were changed, seen before, stripped of their tag,
 * taken from another session or from the other direction cost exchanges at most.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pair.h"

#ifdef TALC_SAMPLED
#define BATCHES 20
#else
#define BATCHES 200
#endif
#define BATCH_SIZE 50
#define SEEN_MAX 64
#define CLIENT_PEER 1     /* the address of the client under attack: the first link */
#define FORGED_IN_A_ROW 5 /* then a genuine answer comes through */

static pair_credentials credentials;

/* A body that passed by. */
typedef struct seen_body {
    uint8_t *bytes;
    size_t size;
} seen_body;

typedef struct attacker {
    test_pair *pair;
    const uint8_t *session_id;  /* of the session under attack */
    seen_body own[2][SEEN_MAX]; /* of that session, by direction */
    size_t own_count[2];
    seen_body foreign[2][SEEN_MAX];
    size_t foreign_count[2];
    unsigned forges; /* answers to forge still, before a genuine one */
    unsigned forged;
} attacker;

static void keep(test_path *path, seen_body seen[SEEN_MAX], size_t *count, const path_parcel *like)
{
    seen_body *slot = *count < SEEN_MAX ? &seen[(*count)++] : &seen[path_random(path) % SEEN_MAX];
    free(slot->bytes);
    slot->bytes = malloc(like->body_size + 1);
    assert_non_null(slot->bytes);
    memcpy(slot->bytes, like->body, like->body_size);
    slot->size = like->body_size;
}

/* ---------------------------------------------------------------- what the path makes up */

static const seen_body *pick(test_path *path, const seen_body seen[SEEN_MAX], size_t count)
{
    assert_true(count > 0);
    return &seen[path_random(path) % count];
}

/* Changes one to three characters, or takes some out, or doubles some. */
static void mutate(test_path *path, path_parcel *parcel)
{
    unsigned changes = 1 + path_random(path) % 3;
    for (unsigned i = 0; i < changes; i++) {
        size_t at = path_random(path) % parcel->body_size;
        parcel->body[at] ^= (uint8_t)(1u << (path_random(path) % 7));
    }
    if (path_random(path) % 4 == 0) {
        size_t at = path_random(path) % parcel->body_size;
        size_t size = path_random(path) % (parcel->body_size - at);
        memmove(parcel->body + at, parcel->body + at + size, parcel->body_size - at - size);
        parcel->body_size -= size;
    }
}

static void strip_tag(path_parcel *parcel)
{
    char text[2048];
    assert_true(parcel->body_size < sizeof text);
    memcpy(text, parcel->body, parcel->body_size);
    text[parcel->body_size] = 0;
    char *tag = strstr(text, ",\"g\":\"");
    if (tag != NULL) {
        strcpy(tag, "}");
        path_parcel_set_body(parcel, text, strlen(text));
    }
}

/* Writes another number for one of the keys, as if the tag did not matter. */
static void set_field(test_path *path, path_parcel *parcel)
{
    static const char *const keys[] = { "i", "n", "a", "b", "w", "m" };
    char text[2100];
    const char *key = keys[path_random(path) % 6];
    unsigned number = key[0] == 'm'   ? 1
                      : key[0] == 'w' ? path_random(path) % 26
                      : key[0] == 'b' ? 256 + path_random(path) % 1000
                                      : path_random(path) % 100000;
    assert_true(parcel->body_size < 2000);
    int size = snprintf(text, sizeof text, "{\"%s\":%u,%.*s", key, number,
                        (int)parcel->body_size - 1, (const char *)parcel->body + 1);
    path_parcel_set_body(parcel, text, (size_t)size);
}

/* Keeps `i`, so that an answer belongs to the open exchange. */
static void number_as(path_parcel *parcel, const path_parcel *genuine)
{
    char text[2048];
    char begin[32]; /* a body is no string */
    unsigned long long number = 0;
    const char *rest = memchr(parcel->body, ',', parcel->body_size);
    (void)snprintf(begin, sizeof begin, "%.*s", (int)genuine->body_size,
                   (const char *)genuine->body);
    if (sscanf(begin, "{\"i\":%llu", &number) != 1 || rest == NULL) {
        return;
    }
    size_t left = parcel->body_size - (size_t)(rest - (const char *)parcel->body);
    int size = snprintf(text, sizeof text, "{\"i\":%llu%.*s", number, (int)left, rest);
    path_parcel_set_body(parcel, text, (size_t)size);
}

/* Makes a hostile body for this direction in place of, or like, the genuine one. */
static void make_hostile(attacker *attacking, path_parcel *parcel, const path_parcel *genuine)
{
    test_path *path = &attacking->pair->path;
    path_direction direction = parcel->direction;
    path_direction other = direction == PATH_TO_SERVER ? PATH_TO_CLIENT : PATH_TO_SERVER;
    unsigned kind = path_random(path) % 6;
    const seen_body *seen =
        kind == 3   ? pick(path, attacking->foreign[direction], attacking->foreign_count[direction])
        : kind == 4 ? pick(path, attacking->own[other], attacking->own_count[other])
                    : pick(path, attacking->own[direction], attacking->own_count[direction]);
    path_parcel_set_body(parcel, seen->bytes, seen->size);
    if (kind == 0) {
        mutate(path, parcel);
    } else if (kind == 1) {
        strip_tag(parcel);
    } else if (kind == 2) {
        set_field(path, parcel);
    }
    if (genuine != NULL && path_random(path) % 2 == 0) {
        number_as(parcel, genuine);
    }
}

/* ---------------------------------------------------------------- watching */

static bool listen_in(void *context, test_path *path, path_parcel *parcel)
{
    attacker *attacking = context;
    bool is_own = memcmp(parcel->session_id, attacking->session_id, TALC_SESSION_ID_SIZE) == 0;
    path_direction direction = parcel->direction;
    if (!is_own) {
        keep(path, attacking->foreign[direction], &attacking->foreign_count[direction], parcel);
        return true;
    }
    if (direction == PATH_TO_CLIENT && attacking->forges > 0) {
        path_parcel genuine = *parcel;
        parcel->body = NULL;
        make_hostile(attacking, parcel, &genuine);
        free(genuine.body);
        attacking->forges--;
        attacking->forged++;
        return true;
    }
    keep(path, attacking->own[direction], &attacking->own_count[direction], parcel);
    return true;
}

static void free_seen(attacker *attacking)
{
    for (size_t i = 0; i < 2 * SEEN_MAX; i++) {
        free(attacking->own[i / SEEN_MAX][i % SEEN_MAX].bytes);
        free(attacking->foreign[i / SEEN_MAX][i % SEEN_MAX].bytes);
    }
}

/* ---------------------------------------------------------------- the session under attack */

typedef struct siege {
    test_pair pair;
    attacker attacking;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
} siege;

static int begin(void **state)
{
    siege *besieged = calloc(1, sizeof *besieged);
    assert_non_null(besieged);
    pair_options options = { .credentials = &credentials, .weather = { .seed = 20 } };
    talc_session_info info;
    test_pair *pair = &besieged->pair;
    pair_begin(pair, &options);
    pair->client_config.hold_s = 0;
    pair->server_config.idle_timeout_ms = UINT32_MAX; /* the other session stays silent */
    pair_start(pair);
    talc_client *other = pair_add_client(pair, credentials.other_client);
    besieged->attacking.pair = pair;
    besieged->attacking.session_id = besieged->session_id;
    pair_say_hello(pair, pair->client);
    talc_client_info(pair->client, &info);
    memcpy(besieged->session_id, info.session_id, sizeof info.session_id);
    pair->path.watcher = listen_in;
    pair->path.watcher_context = &besieged->attacking;
    for (int i = 0; i < 10; i++) { /* something to repeat, of both sessions */
        pair_say_hello(pair, pair->client);
        pair_say_hello(pair, other);
    }
    *state = besieged;
    return 0;
}

static int end(void **state)
{
    siege *besieged = *state;
    pair_end(&besieged->pair);
    free_seen(&besieged->attacking);
    free(besieged);
    return 0;
}

static void check_alive(siege *besieged, unsigned name)
{
    test_pair *pair = &besieged->pair;
    char number[8];
    pair_outcome outcome;
    talc_session_info info;
    name %= PAIR_NAMES_MAX;
    unsigned before = pair->executed[name];
    talc_request request = pair_request(TALC_GET, "echo", name);
    pair_fetch(pair, &request, &outcome);
    assert_int_equal(outcome.status, TALC_OK);
    int size = snprintf(number, sizeof number, "%u", name);
    assert_int_equal(outcome.payload_size, size);
    assert_memory_equal(outcome.payload, number, (size_t)size);
    assert_int_equal(pair->executed[name], before + 1);
    pair_outcome_clear(&outcome);
    talc_client_info(pair->client, &info);
    assert_memory_equal(info.session_id, besieged->session_id, sizeof info.session_id);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_OPENED], 2);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_FAILED], 0);
    assert_int_equal(pair->events[TALC_EVENT_SESSION_CLOSED], 0);
}

static void hostile_requests(void **state)
{
    siege *besieged = *state;
    test_path *path = &besieged->pair.path;
    static path_answer answer;
    unsigned runs = 0;
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        for (unsigned i = 0; i < BATCH_SIZE; i++) {
            path_parcel parcel = { .direction = PATH_TO_SERVER };
            make_hostile(&besieged->attacking, &parcel, NULL);
            runs = besieged->pair.runs;
            path->raw_peer = i % 2 == 0 ? PATH_PEER_RAW : CLIENT_PEER;
            path_request(path, besieged->session_id, parcel.body, parcel.body_size, &answer);
            assert_int_equal(besieged->pair.runs, runs); /* no handler hears of it */
            free(parcel.body);
        }
        check_alive(besieged, batch);
    }
}

static void hostile_answers(void **state)
{
    siege *besieged = *state;
    for (unsigned batch = 0; besieged->attacking.forged < BATCHES * BATCH_SIZE; batch++) {
        besieged->attacking.forges = FORGED_IN_A_ROW;
        check_alive(besieged, batch);
    }
}

/* ---------------------------------------------------------------- genuine requests, once more */

/* Hears what the client says, and swallows what it is answered. */
static bool swallow_answers(void *context, test_path *path, path_parcel *parcel)
{
    return parcel->direction == PATH_TO_SERVER && listen_in(context, path, parcel);
}

/* What comes back for a body that `peer` sends. */
static const path_answer *replay(siege *besieged, unsigned peer, const seen_body *body)
{
    static path_answer answer;
    test_path *path = &besieged->pair.path;
    path->raw_peer = peer;
    path_request(path, besieged->session_id, body->bytes, body->size, &answer);
    assert_true(answer.is_there);
    assert_int_equal(answer.code, TALC_CODE_CHANGED);
    return &answer;
}

/* The number of a genuine body; no string, but it has characters enough. */
static unsigned long long number_of(const seen_body *body)
{
    char begin[32];
    unsigned long long number;
    (void)snprintf(begin, sizeof begin, "%.*s", (int)body->size, (const char *)body->bytes);
    assert_int_equal(sscanf(begin, "{\"i\":%llu", &number), 1);
    return number;
}

/* The server has much to say. Who repeats the client's own requests from another address gets none
 * of it, nor a tag: there is nothing to aim at somebody, and nothing to show to the client later.
 * From the client's address the same bodies are repeats like any other. */
static void repeats_from_elsewhere_get_nothing(void **state)
{
    siege *besieged = *state;
    test_pair *pair = &besieged->pair;
    attacker *attacking = &besieged->attacking;
    pair_outcome outcome;
    talc_request request = pair_request(TALC_GET, "large", 1);
    pair->path.watcher = swallow_answers;
    pair_send(pair->client, &request, &outcome);
    pair_pass(pair, 100);
    assert_int_equal(pair->executed[1], 1);
    size_t count = attacking->own_count[PATH_TO_SERVER];
    assert_in_range(count, 11, SEEN_MAX - 1); /* the newest one is there */
    for (size_t i = 0; i < count; i++) {
        char nothing[40];
        const seen_body *body = &attacking->own[PATH_TO_SERVER][i];
        (void)snprintf(nothing, sizeof nothing, "{\"i\":%llu}", number_of(body));
        for (unsigned peer = CLIENT_PEER + 1; peer < PATH_PEER_RAW; peer += 50) {
            const path_answer *answer = replay(besieged, peer, body);
            assert_int_equal(answer->body_size, strlen(nothing));
            assert_memory_equal(answer->body, nothing, strlen(nothing));
        }
        assert_true(replay(besieged, CLIENT_PEER, body)->body_size > 500);
    }
    pair->path.watcher = listen_in;
    assert_true(pair_run(pair, &outcome, 60000));
    assert_int_equal(outcome.payload_size, PAIR_LARGE_SIZE);
    assert_int_equal(pair->executed[1], 1);
    pair_outcome_clear(&outcome);
    check_alive(besieged, 2);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hostile_requests, begin, end),
        cmocka_unit_test_setup_teardown(hostile_answers, begin, end),
        cmocka_unit_test_setup_teardown(repeats_from_elsewhere_get_nothing, begin, end),
    };
    return cmocka_run_group_tests_name("hostile_path", tests, load_certificates, unload) +
           cmocka_run_group_tests_name("hostile_path, ecc", tests, load_devices, unload);
}
