/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/credentials.h"
#include "lib/failure.h"
#include "lib/server_state.h"

void talc_served_tell(const talc_served *served, talc_event_kind kind, const talc_failure *failure)
{
    const talc_config *config = &served->server->configuration.config;
    talc_event event = { .kind = kind, .failure = failure };
    if (config->on_event == NULL) {
        return;
    }
    memcpy(event.session_id, served->session->id, sizeof event.session_id);
    event.peer = talc_session_is_established(served->session) ? &served->session->facts.peer : NULL;
    config->on_event(config->on_event_context, &event);
}

void talc_served_orphan(talc_served *served)
{
    talc_exchange *exchange;
    talc_exchange *next;
    DL_FOREACH_SAFE(served->exchanges, exchange, next) {
        exchange->served = NULL;
    }
    served->exchanges = NULL;
    served->exchange_count = 0;
    talc_conversation_free(&served->conversation);
}

void talc_served_entomb(talc_served *served)
{
    if (!talc_served_has_ended(served)) {
        bool was_open = served->state == TALC_SERVED_OPEN;
        talc_served_orphan(served);
        talc_session_entomb(served->session);
        talc_table_move(served, was_open ? TALC_SERVED_TOMBSTONE : TALC_SERVED_REFUSED);
    }
}

bool talc_served_has_ended(const talc_served *served)
{
    return served->state == TALC_SERVED_TOMBSTONE || served->state == TALC_SERVED_REFUSED;
}

/* ---------------------------------------------------------------- responses */

talc_status talc_served_respond(talc_served *served, const talc_frame *frame)
{
    talc_conversation *conversation = &served->conversation;
    talc_status status = talc_conversation_queue(conversation, frame, NULL);
    if (status == TALC_ERROR_MEMORY) {
        talc_conversation_abort(conversation, "answers are asked for and not taken");
    }
    return status;
}

/* A response without options and payload, to a request that no handler sees. */
static void respond_code(talc_served *served, const talc_frame *request, uint8_t code)
{
    talc_frame frame;
    talc_frame_init(&frame, code);
    frame.token_size = request->token_size;
    memcpy(frame.token, request->token, sizeof frame.token);
    (void)talc_served_respond(served, &frame);
}

void talc_served_describe(const talc_served *served, talc_session_info *info)
{
    *info = served->counters;
    info->is_open = 1;
    talc_session_describe(served->session, info);
}

/* ---------------------------------------------------------------- requests */

static talc_exchange *exchange_new(talc_served *served, const talc_frame *frame)
{
    talc_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->served = served;
    exchange->peer = served->session->facts.peer;
    exchange->token_size = frame->token_size;
    memcpy(exchange->token, frame->token, sizeof exchange->token);
    DL_APPEND(served->exchanges, exchange);
    served->exchange_count++;
    return exchange;
}

static void take_request(talc_served *served, const talc_frame *frame)
{
    const talc_config *config = &served->server->configuration.config;
    uint8_t code;
    if (served->exchange_count >= TALC_SESSION_EXCHANGES_MAX ||
        served->conversation.queued_size > config->pipeline_size_max + config->message_size_max) {
        respond_code(served, frame, TALC_CODE_UNAVAILABLE);
        return;
    }
    const talc_route_target *target = talc_server_target(served->server, frame, &code);
    if (target == NULL) {
        respond_code(served, frame, code);
        return;
    }
    talc_exchange *exchange = exchange_new(served, frame);
    if (exchange == NULL) {
        respond_code(served, frame, TALC_CODE_UNAVAILABLE);
        return;
    }
    talc_exchange_run(exchange, target, frame);
}

/* ---------------------------------------------------------------- signaling */

/* Closes the session that this one replaces if the same identity owns it. True: it is no more. */
static bool replace(talc_served *served, const uint8_t *session_id)
{
    talc_served *other = talc_table_find(served->server, session_id);
    if (other == NULL || talc_served_has_ended(other)) {
        return true;
    }
    if (other == served || other->is_busy ||
        !talc_peer_is_same(&other->session->facts.peer, &served->session->facts.peer)) {
        return false;
    }
    (void)talc_session_finish(other->session);
    talc_served_release(other);
    talc_served_tell(other, TALC_EVENT_SESSION_CLOSED, NULL);
    talc_served_entomb(other);
    return true;
}

static void take_csm(talc_served *served, const talc_frame *frame)
{
    bool replaced = frame->replaces && replace(served, frame->other_session);
    if (talc_conversation_queue_csm(&served->conversation,
                                    replaced ? frame->other_session : NULL) != TALC_OK) {
        talc_conversation_abort(&served->conversation, "out of memory");
    }
}

static void take_frame(void *context, const talc_frame *frame)
{
    talc_served *served = context;
    if (frame->code == TALC_CODE_CSM) {
        take_csm(served, frame);
    } else if (frame->code == TALC_CODE_RELEASE) {
        served->is_releasing = true;
    } else if (frame->code >> 5 == 0) {
        take_request(served, frame);
    }
}

talc_conversation_events talc_served_events(talc_served *served)
{
    return (talc_conversation_events){ take_frame, NULL, served };
}

/* ---------------------------------------------------------------- a session's life */

static bool is_answered(const talc_served *served)
{
    return served->exchange_count == 0 && !talc_conversation_has_queued(&served->conversation);
}

static void open_session(talc_served *served)
{
    if (served->state == TALC_SERVED_HALF_OPEN && talc_session_is_established(served->session)) {
        talc_table_move(served, TALC_SERVED_OPEN);
        talc_served_tell(served, TALC_EVENT_SESSION_OPENED, NULL);
    }
}

/* The session has ended by itself: tells why and says goodbye if the other side has. */
static void end_session(talc_served *served)
{
    talc_session *session = served->session;
    if (session->status == TALC_ERROR_CLOSED) {
        (void)talc_session_finish(session);
        talc_served_tell(served, TALC_EVENT_SESSION_CLOSED, NULL);
    } else {
        talc_served_tell(served,
                         served->state == TALC_SERVED_OPEN ? TALC_EVENT_SESSION_FAILED
                                                           : TALC_EVENT_SESSION_REFUSED,
                         &session->failure);
    }
    talc_served_entomb(served);
}

void talc_served_read(talc_served *served)
{
    if (talc_served_has_ended(served)) {
        return;
    }
    open_session(served);
    talc_conversation_read(&served->conversation);
    talc_conversation_flush(&served->conversation);
    if (served->is_releasing && is_answered(served)) {
        (void)talc_session_finish(served->session);
    }
    if (served->session->status != TALC_OK) {
        end_session(served);
    }
}

void talc_served_settle(talc_served *served)
{
    if (served->is_busy) {
        return; /* the answer to the envelope under way takes it along */
    }
    served->is_busy = true;
    talc_served_read(served);
    served->is_busy = false;
    if (served->held.listening != NULL && talc_served_has_something_to_say(served)) {
        talc_served_release(served);
    }
}
