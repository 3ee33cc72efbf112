/* SPDX-License-Identifier: MIT */
/*
 * A carrier in memory. What a client sends waits in its loopback until one of the two sides
 * processes; nothing is called back from anywhere else.
 *
 * Loopbacks are found by number in one list of the process, guarded by a mutex that is held for
 * the search alone: programs may run several loopbacks in several threads, but everything on one
 * loopback stays in one thread.
 */
#include "transport/loopback.h"

#include "lib/failure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SCHEME "loopback://"
#define EXCHANGES_MAX 16 /* open ones of a client */

typedef struct loopback_client loopback_client;
typedef struct loopback_listener loopback_listener;

typedef enum passage_state {
    PASSAGE_QUEUED,  /* on its way to the listener */
    PASSAGE_HELD,    /* the server has its handle */
    PASSAGE_ANSWERED /* on its way back */
} passage_state;

/* One request and its answer. The loopback owns it; `client` is NULL once nobody waits for it. A
 * held passage stays until its handle comes back, whatever becomes of the client. */
struct passage {
    struct passage *prev, *next;
    talc_loopback *loopback;
    loopback_client *client;
    uint64_t number; /* in order of sending */
    uint32_t exchange;
    passage_state state;
    int has_session_id;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    talc_outcome outcome;
    uint8_t code;
    uint32_t retry_after_ms;
    uint8_t *body; /* of the request, then of the answer */
    size_t body_size;
};

struct talc_loopback {
    struct talc_loopback *next;
    uint32_t number;
    char uri[sizeof SCHEME + 10];
    loopback_listener *listener;
    struct passage *passages; /* oldest first */
    uint64_t sent;            /* passages so far */
    uint32_t clients;         /* so far */
};

struct loopback_client {
    talc_loopback *loopback;
    talc_carrier_events events;
    talc_carrier_limits limits;
    uint32_t peer; /* its number, which is its address */
    size_t open;   /* passages that it waits for */
};

struct loopback_listener {
    talc_loopback *loopback;
    talc_listener_events events;
    size_t body_size;
    size_t anonymous_body_size;
};

static pthread_mutex_t loopbacks_lock = PTHREAD_MUTEX_INITIALIZER;
static talc_loopback *loopbacks;
static uint32_t loopbacks_made;

/* ---------------------------------------------------------------- loopbacks */

talc_status talc_loopback_new(talc_loopback **loopback)
{
    if (loopback == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_loopback *made = calloc(1, sizeof *made);
    *loopback = made;
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    pthread_mutex_lock(&loopbacks_lock);
    made->number = ++loopbacks_made;
    LL_PREPEND(loopbacks, made);
    pthread_mutex_unlock(&loopbacks_lock);
    snprintf(made->uri, sizeof made->uri, SCHEME "%lu", (unsigned long)made->number);
    return TALC_OK;
}

static void passage_free(struct passage *passage)
{
    DL_DELETE(passage->loopback->passages, passage);
    free(passage->body);
    free(passage);
}

void talc_loopback_free(talc_loopback *loopback)
{
    if (loopback == NULL) {
        return;
    }
    pthread_mutex_lock(&loopbacks_lock);
    LL_DELETE(loopbacks, loopback);
    pthread_mutex_unlock(&loopbacks_lock);
    while (loopback->passages != NULL) {
        passage_free(loopback->passages);
    }
    free(loopback);
}

const char *talc_loopback_uri(const talc_loopback *loopback)
{
    return loopback->uri;
}

static talc_loopback *loopback_find(const char *uri, talc_failure *failure)
{
    talc_loopback *found = NULL;
    pthread_mutex_lock(&loopbacks_lock);
    LL_FOREACH (loopbacks, found) {
        if (strcmp(found->uri, uri) == 0) {
            break;
        }
    }
    pthread_mutex_unlock(&loopbacks_lock);
    if (found == NULL) {
        talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                         "there is no loopback %s in this process", uri);
    }
    return found;
}

/* ---------------------------------------------------------------- passages */

/* The client has no more interest; the passage stays while the server holds its handle. */
static void passage_forget(struct passage *passage)
{
    if (passage->client != NULL) {
        passage->client->open--;
        passage->client = NULL;
    }
    if (passage->state != PASSAGE_HELD) {
        passage_free(passage);
    }
}

static void passage_fail(struct passage *passage, talc_outcome outcome)
{
    passage->state = PASSAGE_ANSWERED;
    passage->outcome = outcome;
    passage->body_size = 0;
}

static talc_status passage_body_set(struct passage *passage, const uint8_t *body, size_t body_size)
{
    uint8_t *copy = malloc(body_size + 1);
    if (copy == NULL) {
        return TALC_ERROR_MEMORY;
    }
    if (body_size > 0) {
        memcpy(copy, body, body_size);
    }
    free(passage->body);
    passage->body = copy;
    passage->body_size = body_size;
    return TALC_OK;
}

/* Hands a queued request to the server, which may answer from within. */
static void passage_hand_over(loopback_listener *listener, struct passage *passage)
{
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    const uint8_t *id = passage->has_session_id ? session_id : NULL;
    memcpy(session_id, passage->session_id, sizeof session_id);
    int known = id != NULL && listener->events.known != NULL &&
                listener->events.known(listener->events.context, id);
    if (passage->body_size > (known ? listener->body_size : listener->anonymous_body_size)) {
        passage_fail(passage, TALC_OUTCOME_ANSWER);
        passage->code = 4 << 5 | 13;
        return;
    }
    /* The reply may free the passage and the pointers have to outlive it. */
    uint32_t peer = passage->client->peer;
    uint8_t *body = passage->body;
    talc_inbound inbound = {
        .session_id = id,
        .peer = &peer,
        .peer_size = sizeof peer,
        .body = body,
        .body_size = passage->body_size,
        .reply = passage,
    };
    passage->body = NULL;
    passage->state = PASSAGE_HELD;
    listener->events.inbound(listener->events.context, &inbound);
    free(body);
}

/* The oldest passage in `state` up to `last`, of `client` if there is one. Callbacks may remove and
 * add any passage, so a walk starts again after each of them and `last` bounds it. */
static struct passage *passage_next(talc_loopback *loopback, const loopback_client *client,
                                    passage_state state, uint64_t last)
{
    struct passage *found = NULL;
    DL_FOREACH (loopback->passages, found) {
        if (found->state == state && found->number <= last &&
            (client == NULL || found->client == client)) {
            return found;
        }
    }
    return NULL;
}

static void hand_over_queued(talc_loopback *loopback, const loopback_client *client)
{
    uint64_t last = loopback->sent;
    struct passage *next;
    while ((next = passage_next(loopback, client, PASSAGE_QUEUED, last)) != NULL) {
        if (loopback->listener == NULL) {
            passage_fail(next, TALC_OUTCOME_UNREACHABLE);
        } else {
            passage_hand_over(loopback->listener, next);
        }
    }
}

/* ---------------------------------------------------------------- client */

static talc_status client_open(void **link, const talc_carrier_target *target,
                               const talc_carrier_events *events, talc_failure *failure)
{
    *link = NULL;
    if (target->proxy_uri != NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "a loopback has no proxies");
    }
    talc_loopback *loopback = loopback_find(target->uri, failure);
    if (loopback == NULL) {
        return TALC_ERROR_UNREACHABLE;
    }
    loopback_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    client->loopback = loopback;
    client->events = *events;
    client->limits.message_size = target->message_size;
    client->limits.body_size =
        target->body_size > target->message_size ? target->body_size : target->message_size;
    client->peer = ++loopback->clients;
    *link = client;
    return TALC_OK;
}

static talc_carrier_limits client_limits(void *link)
{
    const loopback_client *client = link;
    return client->limits;
}

static talc_status client_send(void *link, const talc_carrier_request *request)
{
    loopback_client *client = link;
    if (request->body_size > client->limits.body_size) {
        return TALC_ERROR_TOO_LARGE;
    }
    if (client->open >= EXCHANGES_MAX) {
        return TALC_ERROR_MEMORY;
    }
    struct passage *made = calloc(1, sizeof *made);
    if (made == NULL || passage_body_set(made, request->body, request->body_size) != TALC_OK) {
        free(made);
        return TALC_ERROR_MEMORY;
    }
    made->loopback = client->loopback;
    made->client = client;
    made->number = ++client->loopback->sent;
    made->exchange = request->exchange;
    made->state = PASSAGE_QUEUED;
    if (request->session_id != NULL) {
        made->has_session_id = 1;
        memcpy(made->session_id, request->session_id, sizeof made->session_id);
    }
    client->open++;
    DL_APPEND(client->loopback->passages, made);
    return TALC_OK;
}

static void client_cancel(void *link, uint32_t exchange)
{
    const loopback_client *client = link;
    struct passage *at, *after;
    DL_FOREACH_SAFE (client->loopback->passages, at, after) {
        if (at->client == client && at->exchange == exchange) {
            passage_forget(at);
            return;
        }
    }
}

/* Takes the passage out first, so that the callback may send and cancel as it likes. */
static void deliver_answer(loopback_client *client, struct passage *passage)
{
    uint8_t *body = passage->body;
    talc_carrier_answer answer = {
        .exchange = passage->exchange,
        .outcome = passage->outcome,
        .code = passage->code,
        .body = passage->body_size > 0 ? body : NULL,
        .body_size = passage->body_size,
        .retry_after_ms = passage->retry_after_ms,
    };
    if (answer.outcome == TALC_OUTCOME_ANSWER && answer.body_size > client->limits.body_size) {
        answer.outcome = TALC_OUTCOME_TOO_LARGE;
        answer.code = 0;
        answer.body = NULL;
        answer.body_size = 0;
    }
    passage->body = NULL;
    passage_forget(passage);
    client->events.answer(client->events.context, &answer);
    free(body);
}

static talc_status client_process(void *link)
{
    loopback_client *client = link;
    uint64_t last = client->loopback->sent;
    struct passage *next;
    hand_over_queued(client->loopback, client);
    while ((next = passage_next(client->loopback, client, PASSAGE_ANSWERED, last)) != NULL) {
        deliver_answer(client, next);
    }
    return TALC_OK;
}

static int no_descriptor(void *link)
{
    (void)link;
    return -1;
}

static uint32_t client_timeout_ms(void *link)
{
    const loopback_client *client = link;
    talc_loopback *loopback = client->loopback;
    int busy = passage_next(loopback, client, PASSAGE_QUEUED, UINT64_MAX) != NULL ||
               passage_next(loopback, client, PASSAGE_ANSWERED, UINT64_MAX) != NULL;
    return busy ? 0 : UINT32_MAX;
}

static void client_close(void *link)
{
    loopback_client *client = link;
    struct passage *at, *after;
    DL_FOREACH_SAFE (client->loopback->passages, at, after) {
        if (at->client == client) {
            passage_forget(at);
        }
    }
    free(client);
}

/* ---------------------------------------------------------------- server */

static talc_status listener_open(void **link, const talc_listener_target *target,
                                 const talc_listener_events *events, talc_failure *failure)
{
    *link = NULL;
    talc_loopback *loopback = loopback_find(target->uri, failure);
    if (loopback == NULL) {
        return TALC_ERROR_UNREACHABLE;
    }
    if (loopback->listener != NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                                "%s has a listener already", target->uri);
    }
    loopback_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    listener->loopback = loopback;
    listener->events = *events;
    listener->body_size = target->body_size;
    listener->anonymous_body_size = target->anonymous_body_size;
    loopback->listener = listener;
    *link = listener;
    return TALC_OK;
}

static void listener_reply(void *link, void *handle, const talc_reply *reply)
{
    struct passage *answered = handle;
    (void)link;
    passage_fail(answered, TALC_OUTCOME_LOST);
    if (answered->client == NULL) {
        passage_free(answered);
        return;
    }
    if (reply == NULL || passage_body_set(answered, reply->body, reply->body_size) != TALC_OK) {
        return;
    }
    answered->outcome = TALC_OUTCOME_ANSWER;
    answered->code = reply->code;
    answered->retry_after_ms =
        reply->retry_after_s < UINT32_MAX / 1000 ? reply->retry_after_s * 1000 : UINT32_MAX;
}

static talc_status listener_process(void *link)
{
    const loopback_listener *listener = link;
    hand_over_queued(listener->loopback, NULL);
    return TALC_OK;
}

static uint32_t listener_timeout_ms(void *link)
{
    const loopback_listener *listener = link;
    return passage_next(listener->loopback, NULL, PASSAGE_QUEUED, UINT64_MAX) ? 0 : UINT32_MAX;
}

static uint16_t no_port(void *link)
{
    (void)link;
    return 0;
}

static void listener_close(void *link)
{
    loopback_listener *listener = link;
    listener->loopback->listener = NULL;
    free(listener);
}

const talc_carrier talc_loopback_carrier = {
    .scheme = "loopback",
    .open = client_open,
    .limits = client_limits,
    .send = client_send,
    .cancel = client_cancel,
    .process = client_process,
    .descriptor = no_descriptor,
    .timeout_ms = client_timeout_ms,
    .close = client_close,
};

const talc_listener talc_loopback_listener = {
    .scheme = "loopback",
    .open = listener_open,
    .reply = listener_reply,
    .process = listener_process,
    .descriptor = no_descriptor,
    .timeout_ms = listener_timeout_ms,
    .port = no_port,
    .close = listener_close,
};
