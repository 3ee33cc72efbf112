/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "lib/server_state.h"

#define RETRY_OVERLOADED_S 5u
#define ERROR_BODY_SIZE 64

/* ---------------------------------------------------------------- answers without a session */

typedef struct error_row {
    talc_envelope_error error;
    uint8_t code;
} error_row;

/* Beside `e` stands the CoAP code that proxies understand; the client decides by `e`. */
static uint8_t code_of(talc_envelope_error error)
{
    static const error_row rows[] = {
        { TALC_ENVELOPE_ERROR_NONE, TALC_CODE_CHANGED },
        { TALC_ENVELOPE_ERROR_UNKNOWN_SESSION, TALC_CODE_NOT_FOUND },
        { TALC_ENVELOPE_ERROR_MALFORMED, TALC_CODE_BAD_REQUEST },
        { TALC_ENVELOPE_ERROR_TOO_LARGE, TALC_CODE_TOO_LARGE },
        { TALC_ENVELOPE_ERROR_OVERLOADED, TALC_CODE_UNAVAILABLE },
        { TALC_ENVELOPE_ERROR_UNSUPPORTED, TALC_CODE_UNSUPPORTED_FORMAT },
        { TALC_ENVELOPE_ERROR_LOST_STATE, TALC_CODE_NOT_FOUND },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error == error) {
            return rows[i].code;
        }
    }
    return TALC_CODE_BAD_REQUEST;
}

void talc_listening_reply_error(talc_listening *listening, void *handle, uint64_t request,
                                talc_envelope_error error)
{
    char body[ERROR_BODY_SIZE];
    talc_envelope envelope;
    talc_reply reply = { .code = code_of(error), .body = (const uint8_t *)body };
    talc_envelope_init(&envelope);
    envelope.request = request;
    envelope.error = error;
    if (talc_envelope_write(&envelope, body, sizeof body, &reply.body_size) != TALC_OK) {
        reply.body_size = 0;
    }
    reply.retry_after_s = error == TALC_ENVELOPE_ERROR_OVERLOADED ? RETRY_OVERLOADED_S : 0;
    listening->listener->reply(listening->link, handle, &reply);
}

/* ---------------------------------------------------------------- answers of a session */

static void keep_long_answer(talc_served *served, size_t size)
{
    free(served->long_answer);
    served->long_answer = malloc(size);
    served->long_answer_size = served->long_answer == NULL ? 0 : size;
    if (served->long_answer != NULL) {
        memcpy(served->long_answer, served->server->body, size);
    }
}

void talc_served_drop_long_answer(talc_served *served)
{
    free(served->long_answer);
    served->long_answer = NULL;
    served->long_answer_size = 0;
}

void talc_served_answer(talc_served *served, const talc_answering *to)
{
    talc_server *server = served->server;
    talc_composition how = to->how;
    how.more_waits = talc_conversation_has_queued(&served->conversation);
    talc_reply reply = { .code = code_of(how.error), .body = (const uint8_t *)server->body };
    if (talc_session_compose(served->session, &how, server->body,
                             server->configuration.config.body_size_max,
                             &reply.body_size) != TALC_OK) {
        to->listening->listener->reply(to->listening->link, to->handle, NULL);
        return;
    }
    if (reply.body_size > TALC_MESSAGE_BODY_MAX) {
        keep_long_answer(served, reply.body_size);
    }
    served->counters.body_bytes_out += reply.body_size;
    to->listening->listener->reply(to->listening->link, to->handle, &reply);
}

void talc_served_repeat_long_answer(talc_served *served, talc_listening *listening, void *handle)
{
    talc_reply reply = { .code = TALC_CODE_CHANGED,
                         .body = (const uint8_t *)served->long_answer,
                         .body_size = served->long_answer_size };
    served->counters.body_bytes_out += served->long_answer_size;
    listening->listener->reply(listening->link, handle, &reply);
}

/* ---------------------------------------------------------------- holding */

bool talc_served_has_something_to_say(const talc_served *served)
{
    const talc_session *session = served->session;
    return session->status != TALC_OK || talc_session_has_unsent(session) ||
           session->out.acknowledged < session->out.carried;
}

/* Takes the held reply, if there is one, as an answering. */
static bool take_held(talc_served *served, talc_answering *to)
{
    talc_held_reply held = served->held;
    memset(&served->held, 0, sizeof served->held);
    *to = (talc_answering){ held.listening,
                            held.handle,
                            { .request = held.request,
                              .from_acknowledged = true,
                              .limits = held.limits,
                              .now_ms = talc_server_now_ms(served->server) } };
    return held.listening != NULL;
}

void talc_served_release(talc_served *served)
{
    talc_answering to;
    if (take_held(served, &to)) {
        talc_served_answer(served, &to);
    }
}

void talc_served_release_bare(talc_served *served)
{
    talc_answering to;
    if (take_held(served, &to)) {
        to.how.without_records = true;
        talc_served_answer(served, &to);
    }
}

bool talc_served_may_hold(const talc_served *served, const talc_envelope *envelope)
{
    return envelope->hold_s > 0 && envelope->piece_count == 0 && !talc_served_has_something_to_say(served) &&
           envelope->request == served->newest_request;
}

/* The same request came twice: one answer is enough, and the later way is the one that lives. */
static void give_up_held(talc_served *served)
{
    talc_answering to;
    if (take_held(served, &to)) {
        to.listening->listener->reply(to.listening->link, to.handle, NULL);
    }
}

void talc_served_hold(talc_served *served, const talc_envelope *envelope,
                      const talc_answering *to)
{
    give_up_held(served);
    uint32_t hold_s = envelope->hold_s < TALC_ENVELOPE_HOLD_MAX_S ? envelope->hold_s
                                                                  : TALC_ENVELOPE_HOLD_MAX_S;
    served->held = (talc_held_reply){ to->listening, to->handle, envelope->request,
                                      to->how.now_ms + 1000u * (uint64_t)hold_s, to->how.limits };
}
