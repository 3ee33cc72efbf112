/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/base64.h"
#include "tests/attack_course.h"

#define DELAY_MS 10u
#define DEADLINE_MS 60000u
#define CLOSE_MS 60000u
#define STEP_MS 100u    /* of time, while the victim has a deadline that only it knows */
#define HANG_MS 600000u /* of virtual time: nothing takes as long */
#define LARGE_SIZE 1800
#define SESSIONS_MAX 64
#define RUNS_MAX 64
#define PAYLOAD_MAX 4096

const char *const course_phase_names[COURSE_PHASES] = { "handshake", "first request",
                                                        "later request", "large answer", "close" };

/* Who says and asks what: the number of a request is 10 for each speaker, and one more each time.
 */
enum { OLDER = 1, VICTIM = 2, COMPANY = 3 };

/* A request that a handler has run, in a session. */
typedef struct run {
    unsigned number;
    uint8_t session[TALC_SESSION_ID_SIZE];
} run;

/* Where a body belongs: what of a parcel is not its text. */
typedef struct place {
    unsigned link;
    uint32_t exchange;
    uint32_t attempt;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
} place;

typedef struct held_course {
    test_pair pair;
    unsigned sends; /* of the attacker for the body that came */
    const course *how;
    course_result *result;
    tampering *tampering;
    talc_client *victim;
    talc_client *company;
    unsigned victim_link;
    course_phase phase;
    uint8_t sessions[SESSIONS_MAX][TALC_SESSION_ID_SIZE]; /* of the victim */
    size_t session_count;
    run runs[RUNS_MAX];
    size_t run_count;
    bool is_sent[10 * (COMPANY + 1)]; /* by number */
} held_course;

static void broken(held_course *held, const char *what, unsigned number)
{
    if (held->result->end != COURSE_BROKEN) {
        held->result->end = COURSE_BROKEN;
        snprintf(held->result->why, sizeof held->result->why, "%s: request %u", what, number);
    }
}

/* ---------------------------------------------------------------- what is said */

static size_t payload_of(unsigned number, bool is_answer, uint8_t payload[PAYLOAD_MAX])
{
    size_t size = number % 10 == 3 && is_answer ? LARGE_SIZE : 40 + number;
    for (size_t i = 0; i < size; i++) {
        payload[i] = (uint8_t)(pair_byte(i) + number * 7 + (is_answer ? 128 : 0));
    }
    return size;
}

static bool is_payload(const void *bytes, size_t size, unsigned number, bool is_answer)
{
    uint8_t payload[PAYLOAD_MAX];
    return size == payload_of(number, is_answer, payload) && memcmp(bytes, payload, size) == 0;
}

static unsigned number_of(const talc_request *request)
{
    unsigned number = 0;
    char rest;
    return request->query != NULL && sscanf(request->query, "n=%u%c", &number, &rest) == 1 ? number
                                                                                           : 0;
}

static const char *name_of(const held_course *held, unsigned number)
{
    bool is_company = number / 10 == COMPANY;
    switch (held->how->credentials->kind) {
    case PAIR_ECC: return is_company ? PAIR_OTHER_DEVICE : PAIR_DEVICE;
    case PAIR_PSK: return is_company ? "client-2" : "client-1";
    default: return is_company ? "client-2.example" : "client-1";
    }
}

/* POST never again, GET once in each session. */
static void note_run(held_course *held, const talc_exchange *exchange, const talc_request *request)
{
    unsigned number = number_of(request);
    talc_session_info info;
    talc_exchange_info(exchange, &info);
    for (size_t i = 0; i < held->run_count; i++) {
        const run *before = &held->runs[i];
        if (before->number == number &&
            (request->method == TALC_POST ||
             memcmp(before->session, info.session_id, sizeof before->session) == 0)) {
            broken(held, "a handler ran again", number);
        }
    }
    assert_true(held->run_count < RUNS_MAX);
    held->runs[held->run_count].number = number;
    memcpy(held->runs[held->run_count].session, info.session_id, TALC_SESSION_ID_SIZE);
    held->run_count++;
}

static void check_request(held_course *held, const talc_exchange *exchange,
                          const talc_request *request)
{
    unsigned number = number_of(request);
    bool has_payload = request->method == TALC_POST;
    if (number >= sizeof held->is_sent || !held->is_sent[number] ||
        strcmp(talc_exchange_peer(exchange)->name, name_of(held, number)) != 0) {
        broken(held, "a handler got a request of somebody else", number);
    } else if ((number % 10 == 2) != has_payload ||
               (has_payload ? !is_payload(request->payload, request->payload_size, number, false)
                            : request->payload_size != 0)) {
        broken(held, "a handler got a request that nobody sent", number);
    }
}

static void handle(void *context, talc_exchange *exchange, const talc_request *request)
{
    held_course *held = context;
    uint8_t payload[PAYLOAD_MAX];
    talc_response response = TALC_RESPONSE_DEFAULT;
    check_request(held, exchange, request);
    note_run(held, exchange, request);
    response.payload = payload;
    response.payload_size = payload_of(number_of(request), true, payload);
    (void)talc_exchange_respond(exchange, &response);
}

/* ---------------------------------------------------------------- the path */

static void note_body(held_course *held, const path_parcel *parcel)
{
    course_result *result = held->result;
    unsigned *count = &result->bodies[parcel->direction];
    if (parcel->link != held->victim_link) {
        return;
    }
    if (*count < COURSE_BODIES_MAX) {
        result->phases[parcel->direction][*count] = *count == 0 ? COURSE_HANDSHAKE : held->phase;
        if (held->how->log != NULL) {
            (void)envelope_text_set(&held->how->log->texts[parcel->direction][*count], parcel->body,
                                    parcel->body_size);
        }
    }
    ++*count;
    for (size_t i = 0; i < held->session_count; i++) {
        if (memcmp(held->sessions[i], parcel->session_id, TALC_SESSION_ID_SIZE) == 0) {
            return;
        }
    }
    if (held->session_count < SESSIONS_MAX) {
        memcpy(held->sessions[held->session_count++], parcel->session_id, TALC_SESSION_ID_SIZE);
    }
}

static bool take_parcel(tampering_body *body, const path_parcel *parcel)
{
    place where;
    memset(&where, 0, sizeof where);
    where.link = parcel->link;
    where.exchange = parcel->exchange;
    where.attempt = parcel->attempt;
    memcpy(where.session_id, parcel->session_id, sizeof where.session_id);
    memset(body, 0, offsetof(tampering_body, text));
    body->direction = parcel->direction == PATH_TO_SERVER ? TAMPERING_REQUEST : TAMPERING_RESPONSE;
    body->code = parcel->code;
    memcpy(body->head, &where, sizeof where);
    body->head_size = sizeof where;
    assert_int_equal(talc_base64_encode(parcel->session_id, TALC_SESSION_ID_SIZE, body->session,
                                        TAMPERING_SESSION_SIZE),
                     TALC_OK);
    return envelope_text_set(&body->text, parcel->body, parcel->body_size);
}

/* Answers to requests of the attacker's own go nowhere. */
static bool watch(void *context, test_path *path, path_parcel *parcel)
{
    held_course *held = context;
    tampering_body body;
    (void)path;
    if (parcel->exchange == 0) {
        return false;
    }
    note_body(held, parcel);
    held->sends = 0;
    if (!take_parcel(&body, parcel)) {
        path_send_copy(path, parcel, DELAY_MS);
    } else {
        tampering_take(held->tampering, &body);
    }
    return false;
}

static void send_on(void *context, const tampering_body *body, tampering_way way)
{
    held_course *held = context;
    place where;
    path_parcel parcel;
    memset(&parcel, 0, sizeof parcel);
    assert_int_equal(body->head_size, sizeof where);
    memcpy(&where, body->head, sizeof where);
    bool is_answer = body->direction == TAMPERING_RESPONSE || way == TAMPERING_ANSWERS;
    parcel.direction = is_answer ? PATH_TO_CLIENT : PATH_TO_SERVER;
    parcel.link = where.link;
    parcel.exchange = way == TAMPERING_EXTRA ? 0 : where.exchange;
    parcel.attempt = where.attempt;
    memcpy(parcel.session_id, where.session_id, sizeof parcel.session_id);
    parcel.code = body->code;
    path_parcel_set_body(&parcel, body->text.bytes, body->text.size);
    path_send_copy(&held->pair.path, &parcel, DELAY_MS + held->sends++); /* one after the other */
    free(parcel.body);
}

/* ---------------------------------------------------------------- one request */

static talc_request request_of(unsigned number, uint8_t payload[PAYLOAD_MAX])
{
    talc_request request = pair_request(number % 10 == 2 ? TALC_POST : TALC_GET, "course", number);
    request.timeout_ms = DEADLINE_MS;
    if (number % 10 == 2) {
        request.payload_size = payload_of(number, false, payload);
        request.payload = payload;
        request.content_format = TALC_FORMAT_OCTETS;
    }
    return request;
}

static void begin_request(held_course *held, talc_client *client, unsigned number,
                          pair_outcome *outcome)
{
    uint8_t payload[PAYLOAD_MAX];
    talc_request request = request_of(number, payload);
    held->is_sent[number] = true;
    pair_send(client, &request, outcome);
}

/* True if it was answered, and rightly. */
static bool finish_request(held_course *held, talc_client *client, unsigned number,
                           pair_outcome *outcome)
{
    course_result *result = held->result;
    if (!pair_run(&held->pair, outcome, HANG_MS)) {
        fail_msg("request %u: no result", number); /* its outcome has to live: no way to go on */
    }
    talc_status status = outcome->status;
    if (status == TALC_OK && (outcome->code != TALC_CODE_CONTENT ||
                              !is_payload(outcome->payload, outcome->payload_size, number, true))) {
        broken(held, "a response that nobody gave", number);
    } else if (status != TALC_OK && talc_client_failure(client)->text[0] == 0) {
        broken(held, "an error without words", number);
    } else if (status != TALC_OK && result->end != COURSE_BROKEN) {
        snprintf(result->why, sizeof result->why, "%s: %s", talc_status_text(status),
                 talc_client_failure(client)->text);
    }
    pair_outcome_clear(outcome);
    return status == TALC_OK;
}

/* Company asks for the same at the same time. Its answer is right or none; only in swaps it is not
 * spared. */
static bool ask(held_course *held, unsigned which)
{
    pair_outcome outcomes[2];
    begin_request(held, held->victim, 10 * VICTIM + which, &outcomes[0]);
    if (held->how->has_company) {
        begin_request(held, held->company, 10 * COMPANY + which, &outcomes[1]);
    }
    bool is_answered = finish_request(held, held->victim, 10 * VICTIM + which, &outcomes[0]);
    if (held->how->has_company) {
        (void)finish_request(held, held->company, 10 * COMPANY + which, &outcomes[1]);
    }
    return is_answered;
}

/* ---------------------------------------------------------------- the conversation */

/* What the attacker has seen before: a session of the same client, closed. */
static void hold_older_session(held_course *held)
{
    pair_outcome outcome;
    talc_client *older = pair_add_client(&held->pair, NULL);
    for (unsigned which = 1; which <= 3; which++) {
        begin_request(held, older, 10 * OLDER + which, &outcome);
        assert_true(finish_request(held, older, 10 * OLDER + which, &outcome));
    }
    assert_int_equal(pair_close(&held->pair, older, CLOSE_MS), TALC_OK);
}

/* What goes on while the victim waits for its close: everybody else, and time. */
static void meanwhile(void *context)
{
    held_course *held = context;
    test_path *path = &held->pair.path;
    (void)talc_server_process(held->pair.server);
    if (held->company != NULL) {
        (void)talc_client_process(held->company);
    }
    uint64_t ms = path_next_ms(path);
    uint32_t server_ms = talc_server_timeout_ms(held->pair.server);
    ms = ms < server_ms ? ms : server_ms;
    path->now_ms += ms < STEP_MS ? ms : STEP_MS;
}

static bool say_goodbye(held_course *held)
{
    uint64_t before_ms = held->pair.path.now_ms;
    held->pair.path.meanwhile = meanwhile;
    held->pair.path.meanwhile_context = held;
    talc_status status = talc_client_close(held->victim, CLOSE_MS);
    held->pair.path.meanwhile = NULL;
    const talc_failure *failure = talc_client_failure(held->victim);
    if (held->pair.path.now_ms - before_ms > HANG_MS) {
        broken(held, "the close took too long", 0);
    } else if (status != TALC_OK && failure->text[0] == 0) {
        broken(held, "the close failed without words", 0);
    } else if (status != TALC_OK && held->result->end != COURSE_BROKEN) {
        snprintf(held->result->why, sizeof held->result->why, "close: %s", failure->text);
    }
    return status == TALC_OK;
}

static bool converse(held_course *held)
{
    held->phase = COURSE_FIRST_REQUEST;
    if (!ask(held, 1)) {
        return false;
    }
    held->phase = COURSE_LATER_REQUEST;
    if (!ask(held, 2)) {
        return false;
    }
    held->phase = COURSE_LARGE_ANSWER;
    if (!held->how->is_short && !ask(held, 3)) {
        return false;
    }
    held->phase = COURSE_CLOSE;
    return say_goodbye(held);
}

static void begin(held_course *held)
{
    static const tampering_order no_order = { .attack = NULL };
    const tampering_events events = { .context = held, .send = send_on };
    pair_options options = { .credentials = held->how->credentials };
    tampering_order order = held->how->order != NULL ? *held->how->order : no_order;
    test_pair *pair = &held->pair;
    pair_begin(pair, &options);
    if (held->how->version_min != 0) {
        pair->client_config.tls_version_min = held->how->version_min;
        pair->server_config.tls_version_min = held->how->version_min;
    }
    pair_start_server(pair);
    assert_int_equal(talc_server_handle(pair->server, "course",
                                        TALC_ALLOW(TALC_GET) | TALC_ALLOW(TALC_POST), handle, held),
                     TALC_OK);
    order.session = held->how->has_history ? 2 : 1;
    held->tampering = tampering_new(&order, &events);
    assert_non_null(held->tampering);
    pair->path.watcher = watch;
    pair->path.watcher_context = held;
}

static void add_clients(held_course *held)
{
    held->victim = pair_add_client(&held->pair, NULL);
    held->victim_link = held->pair.path.links_made;
    if (held->how->has_company) {
        held->company = pair_add_client(&held->pair, held->how->credentials->other_client);
    }
}

static void judge(held_course *held, bool is_all_answered)
{
    course_result *result = held->result;
    result->applied = tampering_applied(held->tampering);
    if (result->end == COURSE_BROKEN) {
        return;
    }
    result->end = !is_all_answered           ? COURSE_ENDS
                  : held->session_count == 1 ? COURSE_GOES_ON
                                             : COURSE_NEW_SESSION;
}

/* An attack that is over leaves nothing behind. */
static void try_once_more(held_course *held)
{
    char why[COURSE_WHY_SIZE];
    pair_outcome outcome;
    memcpy(why, held->result->why, sizeof why);
    begin_request(held, held->victim, 10 * VICTIM + 4, &outcome);
    if (!finish_request(held, held->victim, 10 * VICTIM + 4, &outcome)) {
        broken(held, "the next request failed", 10 * VICTIM + 4);
    } else {
        memcpy(held->result->why, why, sizeof why);
    }
}

void course_hold(const course *how, course_result *result)
{
    held_course *held = calloc(1, sizeof *held);
    assert_non_null(held);
    memset(result, 0, sizeof *result);
    held->how = how;
    held->result = result;
    begin(held);
    if (how->has_history) {
        hold_older_session(held);
    }
    add_clients(held);
    held->session_count = 0;
    bool is_all_answered = converse(held);
    judge(held, is_all_answered);
    if (result->end == COURSE_ENDS && how->order->at != 0) {
        try_once_more(held);
    }
    pair_end(&held->pair);
    tampering_free(held->tampering);
    free(held);
}
