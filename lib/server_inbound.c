/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/failure.h"
#include "lib/registry.h"
#include "lib/server_state.h"

#define ANSWER_RATIO 3u
#define FLIGHTS_FREE 4u

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
    talc_served_drop_long_answer(served);
}

static bool has_last_words(const talc_session *session)
{
    return session->out.acknowledged < talc_send_stream_end(&session->out);
}

/* Feeds the session and decides how its answer is made. False: the envelope was dropped. */
static bool take(talc_served *served, const talc_inbound *inbound, const talc_envelope *envelope,
                 talc_composition *how)
{
    talc_intake intake;
    talc_session *session = served->session;
    uint64_t before = session->in.next;
    bool is_newest = !served->has_request || envelope->request > served->newest_request;
    talc_session_take(session, envelope, how->now_ms, &intake);
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
    if (talc_served_has_ended(served) && !has_last_words(session)) {
        how->error = TALC_ENVELOPE_ERROR_LOST_STATE; /* else the client would ask without end */
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
    talc_listening_reply_error(listening, inbound->reply, envelope->request, TALC_ENVELOPE_ERROR_NONE);
}

/* Before its first tag a client may be anybody, also somebody who writes another one's address on
 * requests: until then answers are paid for by requests, beyond what a handshake over a bad path takes
 * (RFC 9175 section 2.4). */
static bool is_paid_for(const talc_served *served)
{
    const talc_session_info *counters = &served->counters;
    uint64_t flight_size = talc_send_stream_end(&served->session->out);
    return served->has_vouched_request ||
           counters->body_bytes_out <= ANSWER_RATIO * counters->body_bytes_in +
                                           FLIGHTS_FREE * flight_size;
}

static void serve(talc_served *served, talc_listening *listening, const talc_inbound *inbound,
                  const talc_envelope *envelope)
{
    talc_answering to = { listening,
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
    if (is_repeat && envelope->request == served->newest_request && served->long_answer != NULL &&
        talc_session_has_had(served->session, envelope) && is_paid_for(served)) {
        talc_served_repeat_long_answer(served, listening, inbound->reply);
        return;
    }
    served->is_busy = true;
    bool is_taken = take(served, inbound, envelope, &to.how);
    served->is_busy = false;
    if (!is_taken || !is_paid_for(served)) {
        reply_nothing(listening, inbound, envelope);
        return;
    }
    if (!is_repeat && served->newest_request == envelope->request) {
        talc_served_release_bare(served); /* a newer request: what there is to say goes into its answer */
    }
    if (!to.how.without_records && talc_served_may_hold(served, envelope)) {
        talc_served_hold(served, envelope, &to);
    } else {
        talc_served_answer(served, &to);
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
    const talc_server_engine *engine =
        envelope->pieces[0].version == TALC_RECORD_VERSION_ECC ? &server->ecc : &server->tls;
    if (engine->class == NULL) {
        return TALC_ENVELOPE_ERROR_UNSUPPORTED;
    }
    return talc_served_admit(server, engine, inbound->session_id, served) == TALC_OK
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
        talc_served_repeat_long_answer(served, listening, inbound->reply);
    } else {
        talc_listening_reply_error(listening, inbound->reply, 0, TALC_ENVELOPE_ERROR_MALFORMED);
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
        talc_listening_reply_error(listening, inbound->reply, envelope->request, error);
        return;
    }
    serve(served, listening, inbound, envelope);
}

/* Devices may have come or gone since. */
static void refresh_registry(const talc_server *server)
{
    const talc_config *config = &server->configuration.config;
    talc_failure failure;
    talc_event event = { .kind = TALC_EVENT_REGISTRY_REFUSED, .failure = &failure };
    talc_failure_clear(&failure);
    if (config->registry != NULL &&
        talc_registry_refresh(config->registry, talc_server_now_ms(server), &failure) != TALC_OK &&
        config->on_event != NULL) {
        config->on_event(config->on_event_context, &event);
    }
}

void talc_server_take_inbound(void *context, const talc_inbound *inbound)
{
    talc_listening *listening = context;
    talc_server *server = listening->server;
    talc_envelope envelope;
    refresh_registry(server);
    if (inbound->session_id == NULL || inbound->peer_size > TALC_PEER_ADDRESS_SIZE_MAX) {
        talc_listening_reply_error(listening, inbound->reply, 0, TALC_ENVELOPE_ERROR_MALFORMED);
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
        talc_listening_reply_error(listening, inbound->reply, 0, error_of(status));
        return;
    }
    take_envelope(listening, served, inbound, &envelope);
    talc_envelope_clear(&envelope);
    talc_server_trim(server);
}

int talc_server_knows(void *context, const uint8_t *session_id)
{
    talc_listening *listening = context;
    const talc_served *served = talc_table_find(listening->server, session_id);
    return served != NULL && !talc_served_has_ended(served);
}
