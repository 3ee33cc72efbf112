/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "tests/pair_path.h"

#define OPEN_MAX_OF_LINK 8
#define NOTICE_MS 7000u
#define ENVELOPE_TEXT_MAX 65536

struct path_link {
    struct path_link *prev;
    struct path_link *next;
    test_path *path;
    unsigned number;
    talc_carrier_events events;
    talc_carrier_limits limits;
    uint32_t open[OPEN_MAX_OF_LINK]; /* exchanges, 0: none */
};

/* What the server gives back with its answer. */
struct path_handle {
    struct path_handle *prev;
    struct path_handle *next;
    unsigned link;
    uint32_t exchange;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    path_answer *answer; /* of path_request(), else NULL */
};

static test_path *current;

/* ---------------------------------------------------------------- life */

void path_begin(test_path *path, const path_weather *weather)
{
    memset(path, 0, sizeof *path);
    path->now_ms = 1000000;
    path->weather = *weather;
    path->raw_peer = PATH_PEER_RAW;
    path->random = weather->seed * 0x9E3779B97F4A7C15u + 1;
    path->readable = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(path->readable >= 0);
    current = path;
}

static void parcel_free(test_path *path, path_parcel *parcel)
{
    DL_DELETE(path->parcels, parcel);
    free(parcel->body);
    free(parcel);
}

void path_end(test_path *path)
{
    while (path->parcels != NULL) {
        parcel_free(path, path->parcels);
    }
    assert_null(path->links);
    assert_null(path->handles);
    close(path->readable);
    current = NULL;
}

uint64_t path_clock_ms(void *context)
{
    const test_path *path = context;
    return path->now_ms;
}

/* splitmix64: small, and the same everywhere. */
uint32_t path_random(test_path *path)
{
    uint64_t mixed = path->random += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)(mixed >> 32);
}

static bool happens(test_path *path, unsigned percent)
{
    return percent > 0 && path_random(path) % 100 < percent;
}

/* ---------------------------------------------------------------- parcels */

static int arrives_before(const path_parcel *left, const path_parcel *right)
{
    return left->at_ms < right->at_ms ? -1 : left->at_ms > right->at_ms ? 1 : 0;
}

void path_parcel_set_body(path_parcel *parcel, const void *body, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1); /* exact, so that a sanitizer sees its end */
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, body, size);
    }
    free(parcel->body);
    parcel->body = copy;
    parcel->body_size = size;
}

void path_parcel_read(const path_parcel *parcel, talc_envelope *envelope)
{
    assert_int_equal(talc_envelope_read((const char *)parcel->body, parcel->body_size,
                                        ENVELOPE_TEXT_MAX, envelope),
                     TALC_OK);
}

void path_parcel_write(path_parcel *parcel, const talc_envelope *envelope)
{
    static char text[ENVELOPE_TEXT_MAX];
    size_t size;
    assert_int_equal(talc_envelope_write(envelope, text, sizeof text, &size), TALC_OK);
    path_parcel_set_body(parcel, text, size);
}

static path_parcel *parcel_copy(const path_parcel *like)
{
    path_parcel *parcel = malloc(sizeof *parcel);
    assert_non_null(parcel);
    *parcel = *like;
    parcel->body = NULL;
    path_parcel_set_body(parcel, like->body, like->body_size);
    return parcel;
}

void path_send_copy(test_path *path, const path_parcel *parcel, uint32_t delay_ms)
{
    path_parcel *copy = parcel_copy(parcel);
    copy->at_ms = path->now_ms + delay_ms;
    DL_INSERT_INORDER(path->parcels, copy, arrives_before);
}

static uint32_t delay_of(test_path *path)
{
    unsigned span = path->weather.delay_max_ms - path->weather.delay_min_ms;
    return path->weather.delay_min_ms + (span == 0 ? 0 : path_random(path) % (span + 1));
}

/* Lost: the client's carrier may find out. */
static void lose(test_path *path, const path_parcel *parcel)
{
    if (happens(path, path->weather.notice_percent)) {
        path_parcel notice = *parcel;
        notice.direction = PATH_TO_CLIENT;
        notice.outcome = TALC_OUTCOME_LOST;
        notice.code = 0;
        notice.body = NULL;
        notice.body_size = 0;
        path_send_copy(path, &notice, NOTICE_MS);
    }
}

/* Takes the caller's parcel over. */
static void set_out(test_path *path, path_parcel *parcel)
{
    path->bodies[parcel->direction]++;
    if (path->watcher != NULL && !path->watcher(path->watcher_context, path, parcel)) {
        free(parcel->body);
        free(parcel);
        return;
    }
    if (happens(path, path->weather.loss_percent)) {
        lose(path, parcel);
    } else {
        path_send_copy(path, parcel, delay_of(path));
    }
    if (parcel->direction == PATH_TO_SERVER && happens(path, path->weather.duplication_percent)) {
        path_send_copy(path, parcel, delay_of(path));
    }
    free(parcel->body);
    free(parcel);
}

uint64_t path_next_ms(const test_path *path)
{
    if (path->parcels == NULL) {
        return UINT64_MAX;
    }
    return path->parcels->at_ms > path->now_ms ? path->parcels->at_ms - path->now_ms : 0;
}

/* The next parcel that has arrived at the server, or at this link. */
static path_parcel *arrived(const test_path *path, path_direction direction, unsigned link)
{
    path_parcel *parcel;
    DL_FOREACH (path->parcels, parcel) {
        if (parcel->at_ms > path->now_ms) {
            break;
        }
        if (parcel->direction == direction &&
            (direction == PATH_TO_SERVER || parcel->link == link)) {
            return parcel;
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- the client's end */

static talc_status link_open(void **made, const talc_carrier_target *target,
                             const talc_carrier_events *events, talc_failure *failure)
{
    assert_non_null(current);
    assert_non_null(failure);
    path_link *link = calloc(1, sizeof *link);
    assert_non_null(link);
    link->path = current;
    link->number = ++current->links_made;
    link->events = *events;
    link->limits.message_size = target->message_size;
    link->limits.body_size = target->body_size;
    if (current->weather.message_size != 0) {
        link->limits.message_size = current->weather.message_size;
    }
    if (current->weather.body_size != 0) {
        link->limits.body_size = current->weather.body_size;
    }
    DL_APPEND(current->links, link);
    *made = link;
    return TALC_OK;
}

static talc_carrier_limits link_limits(void *link)
{
    return ((path_link *)link)->limits;
}

/* Where the exchange stands in the list of open ones, or NULL. */
static uint32_t *find_open(path_link *link, uint32_t exchange)
{
    for (size_t i = 0; i < OPEN_MAX_OF_LINK; i++) {
        if (link->open[i] == exchange) {
            return &link->open[i];
        }
    }
    return NULL;
}

static talc_status link_send(void *context, const talc_carrier_request *request)
{
    path_link *link = context;
    assert_true(request->exchange != 0);
    assert_null(find_open(link, request->exchange)); /* not reused while it is open */
    uint32_t *slot = find_open(link, 0);
    if (slot == NULL) { /* the oldest is one that the client has forgotten without a word */
        memmove(link->open, link->open + 1, sizeof link->open - sizeof link->open[0]);
        slot = &link->open[OPEN_MAX_OF_LINK - 1];
    }
    if (request->body_size > link->limits.body_size) {
        return TALC_ERROR_TOO_LARGE;
    }
    *slot = request->exchange;
    path_parcel *parcel = calloc(1, sizeof *parcel);
    assert_non_null(parcel);
    parcel->direction = PATH_TO_SERVER;
    parcel->link = link->number;
    parcel->exchange = request->exchange;
    parcel->attempt = request->attempt;
    memcpy(parcel->session_id, request->session_id, sizeof parcel->session_id);
    path_parcel_set_body(parcel, request->body, request->body_size);
    set_out(link->path, parcel);
    return TALC_OK;
}

static void link_cancel(void *context, uint32_t exchange)
{
    uint32_t *slot = find_open(context, exchange);
    if (slot != NULL) {
        *slot = 0;
    }
}

static void hand_answer(path_link *link, const path_parcel *parcel)
{
    uint32_t *slot = find_open(link, parcel->exchange);
    if (slot == NULL || parcel->exchange == 0) {
        return;
    }
    *slot = 0;
    talc_carrier_answer answer = { parcel->exchange, parcel->outcome,   parcel->code,
                                   parcel->body,     parcel->body_size, parcel->retry_after_ms,
                                   NULL };
    link->events.answer(link->events.context, &answer);
}

static talc_status link_process(void *context)
{
    path_link *link = context;
    path_parcel *parcel;
    if (link->path->meanwhile != NULL && !link->path->is_meanwhile) {
        link->path->is_meanwhile = true;
        link->path->meanwhile(link->path->meanwhile_context);
        link->path->is_meanwhile = false;
    }
    while ((parcel = arrived(link->path, PATH_TO_CLIENT, link->number)) != NULL) {
        path_parcel *copy = parcel_copy(parcel);
        parcel_free(link->path, parcel);
        hand_answer(link, copy);
        free(copy->body);
        free(copy);
    }
    return TALC_OK;
}

static int link_descriptor(void *link)
{
    return ((path_link *)link)->path->readable;
}

static uint32_t link_timeout_ms(void *context)
{
    const path_link *link = context;
    const path_parcel *parcel;
    DL_FOREACH (link->path->parcels, parcel) {
        if (parcel->direction == PATH_TO_CLIENT && parcel->link == link->number) {
            uint64_t now = link->path->now_ms;
            return parcel->at_ms > now ? (uint32_t)(parcel->at_ms - now) : 0;
        }
    }
    return UINT32_MAX;
}

static void link_close(void *context)
{
    path_link *link = context;
    path_parcel *parcel;
    path_parcel *next;
    DL_FOREACH_SAFE (link->path->parcels, parcel, next) {
        if (parcel->direction == PATH_TO_CLIENT && parcel->link == link->number) {
            parcel_free(link->path, parcel);
        }
    }
    DL_DELETE(link->path->links, link);
    free(link);
}

const talc_carrier path_carrier = {
    "test",       link_open,       link_limits,     link_send,  link_cancel,
    link_process, link_descriptor, link_timeout_ms, link_close,
};

/* ---------------------------------------------------------------- the server's end */

static talc_status listener_open(void **made, const talc_listener_target *target,
                                 const talc_listener_events *events, talc_failure *failure)
{
    assert_non_null(current);
    assert_non_null(target->uri);
    assert_non_null(failure);
    assert_false(current->is_listening);
    current->is_listening = true;
    current->server = *events;
    *made = current;
    return TALC_OK;
}

static path_handle *handle_new(test_path *path, const path_parcel *parcel, path_answer *answer)
{
    path_handle *handle = calloc(1, sizeof *handle);
    assert_non_null(handle);
    handle->link = parcel->link;
    handle->exchange = parcel->exchange;
    handle->answer = answer;
    memcpy(handle->session_id, parcel->session_id, sizeof handle->session_id);
    DL_APPEND(path->handles, handle);
    return handle;
}

static void hand_request(test_path *path, const path_parcel *parcel, const uint8_t *session_id,
                         path_answer *answer)
{
    uint8_t peer = (uint8_t)parcel->link;
    path_handle *handle = handle_new(path, parcel, answer);
    talc_inbound inbound = {
        session_id, &peer, sizeof peer, parcel->body, parcel->body_size, handle
    };
    path->server.inbound(path->server.context, &inbound);
}

bool path_serve(test_path *path)
{
    bool any = false;
    path_parcel *parcel;
    while (path->is_listening && (parcel = arrived(path, PATH_TO_SERVER, 0)) != NULL) {
        path_parcel *copy = parcel_copy(parcel);
        parcel_free(path, parcel);
        hand_request(path, copy, copy->session_id, NULL);
        free(copy->body);
        free(copy);
        any = true;
    }
    return any;
}

void path_request(test_path *path, const uint8_t *session_id, const void *body, size_t size,
                  path_answer *answer)
{
    path_parcel parcel = { .direction = PATH_TO_SERVER, .link = path->raw_peer };
    if (session_id != NULL) {
        memcpy(parcel.session_id, session_id, sizeof parcel.session_id);
    }
    path_parcel_set_body(&parcel, body, size);
    answer->is_there = false;
    answer->body_size = 0;
    hand_request(path, &parcel, session_id, answer);
    free(parcel.body);
    path_handle *handle;
    DL_FOREACH (path->handles, handle) { /* what is held is not waited for */
        handle->answer = NULL;
    }
}

static bool is_handle(const test_path *path, const path_handle *wanted)
{
    const path_handle *handle;
    DL_FOREACH (path->handles, handle) {
        if (handle == wanted) {
            break;
        }
    }
    return handle != NULL;
}

static void keep_answer(path_answer *answer, const talc_reply *reply)
{
    answer->is_there = true;
    answer->code = reply->code;
    answer->retry_after_s = reply->retry_after_s;
    answer->body_size = reply->body_size;
    assert_true(reply->body_size <= sizeof answer->body);
    memcpy(answer->body, reply->body, reply->body_size);
}

static bool is_link(const test_path *path, unsigned number)
{
    const path_link *link;
    DL_SEARCH_SCALAR(path->links, link, number, number);
    return link != NULL;
}

static void send_answer(test_path *path, const path_handle *handle, const talc_reply *reply)
{
    path_parcel *parcel = calloc(1, sizeof *parcel);
    assert_non_null(parcel);
    parcel->direction = PATH_TO_CLIENT;
    parcel->link = handle->link;
    parcel->exchange = handle->exchange;
    parcel->code = reply->code;
    parcel->retry_after_ms = 1000u * reply->retry_after_s;
    memcpy(parcel->session_id, handle->session_id, sizeof parcel->session_id);
    path_parcel_set_body(parcel, reply->body, reply->body_size);
    set_out(path, parcel);
}

static void listener_reply(void *context, void *given, const talc_reply *reply)
{
    test_path *path = context;
    path_handle *handle = given;
    assert_true(is_handle(path, handle)); /* each comes back once */
    DL_DELETE(path->handles, handle);
    if (reply != NULL && handle->answer != NULL) {
        keep_answer(handle->answer, reply);
    } else if (reply != NULL && is_link(path, handle->link)) {
        send_answer(path, handle, reply);
    }
    free(handle);
}

static talc_status listener_process(void *context)
{
    (void)path_serve(context);
    return TALC_OK;
}

static int listener_descriptor(void *context)
{
    return ((test_path *)context)->readable;
}

static uint32_t listener_timeout_ms(void *context)
{
    const test_path *path = context;
    uint64_t next_ms = path_next_ms(path);
    return next_ms < UINT32_MAX ? (uint32_t)next_ms : UINT32_MAX;
}

static uint16_t listener_port(void *context)
{
    (void)context;
    return 0;
}

static void listener_close(void *context)
{
    test_path *path = context;
    assert_null(path->handles); /* the server has given every handle back */
    path->is_listening = false;
}

const talc_listener path_listener = {
    "test",           listener_open,       listener_reply,
    listener_process, listener_descriptor, listener_timeout_ms,
    listener_port,    listener_close,
};
