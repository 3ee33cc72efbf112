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

static void reply_error(talc_listening *listening, void *handle, uint64_t request,
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

/* How an answer is to be made, and where it goes. */
typedef struct answering {
    talc_listening *listening;
    void *handle;
    talc_composition how;
} answering;

static void keep_long_answer(talc_served *served, size_t size)
{
    free(served->long_answer);
    served->long_answer = malloc(size);
    served->long_answer_size = served->long_answer == NULL ? 0 : size;
    if (served->long_answer != NULL) {
        memcpy(served->long_answer, served->server->body, size);
    }
}

static void drop_long_answer(talc_served *served)
{
    free(served->long_answer);
    served->long_answer = NULL;
    served->long_answer_size = 0;
}

static void answer(talc_served *served, const answering *to)
{
    talc_server *server = served->server;
    talc_composed composed;
    talc_reply reply = { .code = code_of(to->how.error), .body = (const uint8_t *)server->body };
    if (talc_session_compose(served->session, &to->how, server->body,
                             server->configuration.config.body_size_max, &composed) != TALC_OK) {
        to->listening->listener->reply(to->listening->link, to->handle, NULL);
        return;
    }
    reply.body_size = composed.size;
    if (composed.size > TALC_MESSAGE_BODY_MAX) {
        keep_long_answer(served, composed.size);
    }
    served->counters.body_bytes_out += composed.size;
    to->listening->listener->reply(to->listening->link, to->handle, &reply);
}

static void reply_long_answer(talc_served *served, talc_listening *listening, void *handle)
{
    talc_reply reply = { .code = TALC_CODE_CHANGED,
                         .body = (const uint8_t *)served->long_answer,
                         .body_size = served->long_answer_size };
    listening->listener->reply(listening->link, handle, &reply);
}

/* ---------------------------------------------------------------- holding */

/* Whether an answer made now would tell the client anything. */
static bool has_something_to_say(const talc_served *served)
{
    const talc_session *session = served->session;
    return session->status != TALC_OK || talc_session_has_unsent(session) ||
           session->out.acknowledged < session->out.carried;
}

static void release(talc_served *served, bool without_records)
{
    talc_held_reply held = served->held;
    if (held.listening == NULL) {
        return;
    }
    memset(&served->held, 0, sizeof served->held);
    answering to = { held.listening,
                     held.handle,
                     { .request = held.request,
                       .from_acknowledged = true,
                       .without_records = without_records,
                       .limits = held.limits,
                       .now_ms = talc_server_now_ms(served->server) } };
    answer(served, &to);
}

void talc_served_release(talc_served *served)
{
    release(served, false);
}

void talc_served_settle(talc_served *served)
{
    if (served->is_busy) {
        return; /* the answer to the envelope under way takes it along */
    }
    served->is_busy = true;
    talc_served_read(served);
    served->is_busy = false;
    if (served->held.listening != NULL && has_something_to_say(served)) {
        release(served, false);
    }
}

static bool may_hold(const talc_served *served, const talc_envelope *envelope)
{
    return envelope->hold_s > 0 && envelope->piece_count == 0 && !has_something_to_say(served) &&
           envelope->request == served->newest_request;
}

/* The same request came twice: one answer is enough, and the later way is the one that lives. */
static void give_up_held(talc_served *served)
{
    talc_held_reply held = served->held;
    if (held.listening != NULL) {
        memset(&served->held, 0, sizeof served->held);
        held.listening->listener->reply(held.listening->link, held.handle, NULL);
    }
}

static void hold(talc_served *served, const talc_envelope *envelope, const answering *to)
{
    give_up_held(served);
    uint32_t hold_s = envelope->hold_s < TALC_ENVELOPE_HOLD_MAX_S ? envelope->hold_s
                                                                  : TALC_ENVELOPE_HOLD_MAX_S;
    served->held = (talc_held_reply){ to->listening, to->handle, envelope->request,
                                      to->how.now_ms + 1000u * (uint64_t)hold_s, to->how.limits };
}

/* ---------------------------------------------------------------- an envelope for a session */

/* What the client takes: `b` bounds the whole answer, which is then cut to fit one message. */
static talc_carrier_limits limits_of(const talc_server *server, const talc_envelope *envelope)
{
    const talc_config *config = &server->configuration.config;
    talc_carrier_limits limits = { config->message_body_size, config->body_size_max };
    if (envelope->body_limit != 0) {
        limits.body_size = envelope->body_limit < limits.body_size ? envelope->body_limit
                                                                   : limits.body_size;
        limits.message_size = limits.body_size < limits.message_size ? limits.body_size
                                                                     : limits.message_size;
    }
    return limits;
}

static bool is_elsewhere(const talc_served *served, const talc_inbound *inbound)
{
    return served->address_size != inbound->peer_size ||
           memcmp(served->address, inbound->peer, inbound->peer_size) != 0;
}

/* Before the client's first tag anybody may have written the number; then it starts afresh. */
static void note_request(talc_served *served, const talc_inbound *inbound,
                         const talc_envelope *envelope)
{
    bool is_first_vouched = served->session->peer_tags && !served->has_vouched_request;
    served->has_vouched_request = served->session->peer_tags;
    if (served->has_request && envelope->request <= served->newest_request && !is_first_vouched) {
        return;
    }
    served->seen_ms = talc_server_now_ms(served->server);
    served->has_request = true;
    served->newest_request = envelope->request;
    served->address_size = inbound->peer_size;
    memcpy(served->address, inbound->peer, inbound->peer_size);
    drop_long_answer(served);
}

/* Feeds the session and decides how its answer is made. False: the envelope was dropped. */
static bool take(talc_served *served, const talc_inbound *inbound, const talc_envelope *envelope,
                 talc_composition *how)
{
    talc_intake intake;
    talc_session *session = served->session;
    uint64_t before = session->in.next;
    bool is_newest = !served->has_request || envelope->request > served->newest_request;
    talc_session_take(session, envelope, inbound->body_size, how->now_ms, &intake);
    if (intake.result == TALC_INTAKE_DROPPED) {
        talc_served_tell(served, TALC_EVENT_ENVELOPE_DROPPED, NULL);
        return false;
    }
    note_request(served, inbound, envelope);
    if (intake.result == TALC_INTAKE_LOST_STATE && is_newest) {
        how->error = TALC_ENVELOPE_ERROR_LOST_STATE;
        how->without_records = true;
        return true;
    }
    session->message_size = how->limits.message_size;
    how->from_acknowledged = session->in.next == before;
    served->news_ms = session->in.next > before ? how->now_ms : served->news_ms;
    talc_served_read(served);
    return true;
}

/* For an envelope that proves nothing: no tag, or it could be shown to the client later as the answer
 * to a request that it has not made yet; no records, or it could be aimed at somebody. */
static void reply_nothing(talc_listening *listening, const talc_inbound *inbound,
                          const talc_envelope *envelope)
{
    reply_error(listening, inbound->reply, envelope->request, TALC_ENVELOPE_ERROR_NONE);
}

static void serve(talc_served *served, talc_listening *listening, const talc_inbound *inbound,
                  const talc_envelope *envelope)
{
    answering to = { listening,
                     inbound->reply,
                     { .request = envelope->request,
                       .limits = limits_of(served->server, envelope),
                       .now_ms = talc_server_now_ms(served->server) } };
    bool is_repeat = served->has_request && envelope->request <= served->newest_request;
    served->counters.exchanges++;
    served->counters.body_bytes_in += inbound->body_size;
    if (is_repeat && served->has_vouched_request && is_elsewhere(served, inbound)) {
        reply_nothing(listening, inbound, envelope);
        return;
    }
    if (is_repeat && envelope->request == served->newest_request && served->long_answer != NULL) {
        reply_long_answer(served, listening, inbound->reply);
        return;
    }
    served->is_busy = true;
    bool is_taken = take(served, inbound, envelope, &to.how);
    served->is_busy = false;
    if (!is_taken) {
        reply_nothing(listening, inbound, envelope);
        return;
    }
    if (!is_repeat && served->newest_request == envelope->request) {
        release(served, true); /* a newer request: what there is to say goes into its answer */
    }
    if (!to.how.without_records && may_hold(served, envelope)) {
        hold(served, envelope, &to);
    } else {
        answer(served, &to);
    }
}

/* ---------------------------------------------------------------- admission */

/* Only a first envelope opens a session; anything else means that there was one. */
static bool opens_session(const talc_envelope *envelope)
{
    return envelope->piece_count > 0 && envelope->offset == 0 && envelope->acknowledged == 0 &&
           envelope->pieces[0].type == TALC_RECORD_HANDSHAKE && !envelope->pieces[0].continues;
}

static talc_envelope_error admit(talc_server *server, const talc_inbound *inbound,
                                 const talc_envelope *envelope, talc_served **served)
{
    if (!opens_session(envelope)) {
        return TALC_ENVELOPE_ERROR_UNKNOWN_SESSION;
    }
    if (envelope->pieces[0].version == TALC_RECORD_VERSION_ECC) {
        return TALC_ENVELOPE_ERROR_UNSUPPORTED;
    }
    return talc_table_admit(server, inbound->session_id, served) == TALC_OK
               ? TALC_ENVELOPE_ERROR_NONE
               : TALC_ENVELOPE_ERROR_OVERLOADED;
}

static talc_envelope_error error_of(talc_status status)
{
    switch (status) {
    case TALC_ERROR_TOO_LARGE:
        return TALC_ENVELOPE_ERROR_TOO_LARGE;
    case TALC_ERROR_MEMORY:
        return TALC_ENVELOPE_ERROR_OVERLOADED;
    default:
        return TALC_ENVELOPE_ERROR_MALFORMED;
    }
}

/* A body without an envelope: a client's library that lost a block of the answer asks so for it. */
static void take_empty(talc_served *served, talc_listening *listening, const talc_inbound *inbound)
{
    if (served != NULL && served->long_answer != NULL && !is_elsewhere(served, inbound)) {
        reply_long_answer(served, listening, inbound->reply);
    } else {
        reply_error(listening, inbound->reply, 0, TALC_ENVELOPE_ERROR_MALFORMED);
    }
}

static void take_envelope(talc_listening *listening, talc_served *served,
                          const talc_inbound *inbound, const talc_envelope *envelope)
{
    talc_envelope_error error = TALC_ENVELOPE_ERROR_NONE;
    if (served == NULL) {
        error = admit(listening->server, inbound, envelope, &served);
    }
    if (error != TALC_ENVELOPE_ERROR_NONE) {
        reply_error(listening, inbound->reply, envelope->request, error);
        return;
    }
    serve(served, listening, inbound, envelope);
}

void talc_server_take_inbound(void *context, const talc_inbound *inbound)
{
    talc_listening *listening = context;
    talc_server *server = listening->server;
    talc_envelope envelope;
    if (inbound->session_id == NULL || inbound->peer_size > TALC_PEER_ADDRESS_SIZE_MAX) {
        reply_error(listening, inbound->reply, 0, TALC_ENVELOPE_ERROR_MALFORMED);
        return;
    }
    talc_served *served = talc_table_find(server, inbound->session_id);
    if (inbound->body_size == 0) {
        take_empty(served, listening, inbound);
        return;
    }
    talc_status status =
        talc_envelope_read((const char *)inbound->body, inbound->body_size,
                           server->configuration.config.body_size_max, &envelope);
    if (status != TALC_OK) {
        if (served != NULL) {
            talc_served_tell(served, TALC_EVENT_ENVELOPE_DROPPED, NULL);
        }
        reply_error(listening, inbound->reply, 0, error_of(status));
        return;
    }
    take_envelope(listening, served, inbound, &envelope);
    talc_envelope_clear(&envelope);
    talc_table_trim(server);
}

int talc_server_knows(void *context, const uint8_t *session_id)
{
    talc_listening *listening = context;
    const talc_served *served = talc_table_find(listening->server, session_id);
    return served != NULL && served->state != TALC_SERVED_TOMBSTONE;
}
