/* SPDX-License-Identifier: MIT */
#include "bench/pipe.h"

#include <string.h>

#define PASSAGES_MAX 8
#define BODY_SIZE_MAX 65536

typedef enum passage_state {
    PASSAGE_FREE = 0,
    PASSAGE_QUEUED,  /* on its way to the server */
    PASSAGE_HELD,    /* the server has its handle */
    PASSAGE_ANSWERED /* on its way back */
} passage_state;

typedef struct passage {
    passage_state state;
    int is_wanted; /* the client has not cancelled it */
    uint32_t exchange;
    uint8_t session_id[TALC_SESSION_ID_SIZE];
    uint8_t code;
    uint8_t body[BODY_SIZE_MAX];
    size_t body_size;
} passage;

static passage passages[PASSAGES_MAX];
static talc_carrier_events client_events;
static talc_carrier_limits client_limits_wanted;
static talc_listener_events server_events;

/* ---------------------------------------------------------------- client */

static talc_status client_open(void **link, const talc_carrier_target *target,
                               const talc_carrier_events *events, talc_failure *failure)
{
    (void)failure;
    client_events = *events;
    client_limits_wanted = (talc_carrier_limits){ target->message_size, target->body_size };
    *link = passages;
    return TALC_OK;
}

static talc_carrier_limits client_limits(void *link)
{
    (void)link;
    return client_limits_wanted;
}

static talc_status client_send(void *link, const talc_carrier_request *request)
{
    (void)link;
    for (size_t i = 0; i < PASSAGES_MAX; i++) {
        passage *free_one = &passages[i];
        if (free_one->state == PASSAGE_FREE && request->body_size <= BODY_SIZE_MAX) {
            free_one->state = PASSAGE_QUEUED;
            free_one->is_wanted = 1;
            free_one->exchange = request->exchange;
            memcpy(free_one->session_id, request->session_id, TALC_SESSION_ID_SIZE);
            memcpy(free_one->body, request->body, request->body_size);
            free_one->body_size = request->body_size;
            return TALC_OK;
        }
    }
    return TALC_ERROR_MEMORY;
}

static void forget(passage *forgotten)
{
    forgotten->is_wanted = 0;
    if (forgotten->state != PASSAGE_HELD) {
        forgotten->state = PASSAGE_FREE;
    }
}

static void client_cancel(void *link, uint32_t exchange)
{
    (void)link;
    for (size_t i = 0; i < PASSAGES_MAX; i++) {
        if (passages[i].is_wanted && passages[i].exchange == exchange) {
            forget(&passages[i]);
        }
    }
}

static talc_status client_process(void *link)
{
    (void)link;
    for (size_t i = 0; i < PASSAGES_MAX; i++) {
        passage *answered = &passages[i];
        if (answered->state != PASSAGE_ANSWERED) {
            continue;
        }
        talc_carrier_answer answer = { .exchange = answered->exchange,
                                       .outcome = TALC_OUTCOME_ANSWER,
                                       .code = answered->code,
                                       .body = answered->body,
                                       .body_size = answered->body_size };
        /* Free only afterwards: the body must stay while the client sends the next one. */
        answered->is_wanted = 0;
        client_events.answer(client_events.context, &answer);
        answered->state = PASSAGE_FREE;
    }
    return TALC_OK;
}

static int no_descriptor(void *link)
{
    (void)link;
    return -1;
}

/* The measuring program calls both sides in turn whatever this says. */
static uint32_t at_once_ms(void *link)
{
    (void)link;
    return 0;
}

static void client_close(void *link)
{
    (void)link;
    for (size_t i = 0; i < PASSAGES_MAX; i++) {
        forget(&passages[i]);
    }
}

const talc_carrier pipe_carrier = { "pipe",        client_open,   client_limits,
                                    client_send,   client_cancel, client_process,
                                    no_descriptor, at_once_ms,    client_close };

/* ---------------------------------------------------------------- server */

static talc_status server_open(void **link, const talc_listener_target *target,
                               const talc_listener_events *events, talc_failure *failure)
{
    (void)target;
    (void)failure;
    server_events = *events;
    *link = passages;
    return TALC_OK;
}

static void server_reply(void *link, void *handle, const talc_reply *reply)
{
    (void)link;
    passage *held = handle;
    if (reply == NULL || !held->is_wanted) {
        held->state = PASSAGE_FREE;
        return;
    }
    held->state = PASSAGE_ANSWERED;
    held->code = reply->code;
    held->body_size = reply->body_size;
    if (reply->body_size > 0) {
        memcpy(held->body, reply->body, reply->body_size);
    }
}

static talc_status server_process(void *link)
{
    static uint8_t body[BODY_SIZE_MAX]; /* the answer overwrites the passage's */
    static const uint8_t peer = 1;
    (void)link;
    for (size_t i = 0; i < PASSAGES_MAX; i++) {
        passage *queued = &passages[i];
        if (queued->state != PASSAGE_QUEUED) {
            continue;
        }
        memcpy(body, queued->body, queued->body_size);
        talc_inbound inbound = { .session_id = queued->session_id,
                                 .peer = &peer,
                                 .peer_size = sizeof peer,
                                 .body = body,
                                 .body_size = queued->body_size,
                                 .reply = queued };
        queued->state = PASSAGE_HELD;
        server_events.inbound(server_events.context, &inbound);
    }
    return TALC_OK;
}

static uint16_t no_port(void *link)
{
    (void)link;
    return 0;
}

static void server_close(void *link)
{
    (void)link;
}

const talc_listener pipe_listener = { "pipe",        server_open, server_reply, server_process,
                                      no_descriptor, at_once_ms,  no_port,      server_close };
