/* SPDX-License-Identifier: MIT */
#include "lib/session.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/failure.h"

/* ---------------------------------------------------------------- life */

static talc_status put_records(void *context, const uint8_t *bytes, size_t size)
{
    talc_session *session = context;
    return talc_send_stream_append(&session->out, bytes, size);
}

static talc_status fail(talc_session *session, talc_status status)
{
    if (session->status == TALC_OK) {
        session->status = status;
        session->failure = *session->engine_class->failure(session->engine);
    }
    return session->status;
}

/* From here on this side tags. */
static void take_keys(talc_session *session)
{
    const talc_engine_class *class = session->engine_class;
    bool is_early = class->has_guard_keys != NULL;
    if (session->has_keys || !(is_early ? class->has_guard_keys(session->engine)
                                        : class->established(session->engine))) {
        return;
    }
    talc_status status = class->guard_keys(session->engine, &session->keys);
    if (status != TALC_OK) {
        fail(session, status);
        return;
    }
    session->has_keys = true;
    /* A client had them before the server has. */
    session->peer_tags =
        session->peer_tags || (is_early && session->role == TALC_ROLE_SERVER);
}

/* From here on what the engine knows of the peer is final. */
static void establish(talc_session *session)
{
    take_keys(session);
    if (!session->is_established && session->has_keys && session->status == TALC_OK &&
        session->engine_class->established(session->engine)) {
        session->engine_class->describe(session->engine, &session->facts);
        session->is_established = true;
    }
}

talc_status talc_session_new(talc_session **made, const talc_session_setup *setup,
                             talc_failure *failure)
{
    *made = NULL;
    talc_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_MEMORY, "out of memory");
    }
    session->role = setup->role;
    memcpy(session->id, setup->id, sizeof session->id);
    session->engine_class = setup->engine_class;
    session->pipeline_size = setup->pipeline_size;
    session->message_size = setup->message_size;
    session->sightings.observer = setup->observer;
    talc_send_stream_init(&session->out);
    talc_receive_stream_init(&session->in);

    talc_engine_setup engine_setup = { setup->engine_context,
                                       setup->server_name,
                                       { put_records, session } };
    talc_status status = setup->engine_class->open(&session->engine, &engine_setup, failure);
    if (status != TALC_OK) {
        talc_session_free(session);
        return status;
    }
    *made = session;
    return TALC_OK;
}

void talc_session_entomb(talc_session *session)
{
    if (session->engine != NULL) {
        session->engine_class->free(session->engine);
        session->engine = NULL;
    }
    talc_receive_stream_free(&session->in);
    if (session->status == TALC_OK) {
        session->status = TALC_ERROR_CLOSED;
    }
}

void talc_session_free(talc_session *session)
{
    if (session == NULL) {
        return;
    }
    talc_session_entomb(session);
    talc_send_stream_free(&session->out);
    talc_sightings_free(&session->sightings);
    talc_wipe(session, sizeof *session);
    free(session);
}

bool talc_session_error_is_final(const talc_session *session)
{
    const talc_engine_class *class = session->engine_class;
    return class->is_final == NULL || session->engine == NULL || class->is_final(session->engine);
}

bool talc_session_is_established(const talc_session *session)
{
    return session->is_established;
}

static talc_sighting sighting_of(const talc_session *session)
{
    return (talc_sighting){ .session_id = session->id,
                            .request = session->request,
                            .now_ms = session->now_ms };
}

/* ---------------------------------------------------------------- envelopes in */

typedef enum tag_state {
    TAG_NONE,    /* no tag, and none is owed */
    TAG_RIGHT,   /* under the session's keys */
    TAG_LATER,   /* cannot be checked before the engine has fed on the range */
    TAG_WRONG
} tag_state;

static talc_role other_role(const talc_session *session)
{
    return session->role == TALC_ROLE_CLIENT ? TALC_ROLE_SERVER : TALC_ROLE_CLIENT;
}

static bool verify(const talc_session *session, const talc_envelope *envelope, const uint8_t *key)
{
    talc_guard guard = { key, other_role(session), session->id };
    return talc_guard_verify(&guard, envelope);
}

bool talc_session_has_had(const talc_session *session, const talc_envelope *envelope)
{
    return envelope->offset + envelope->range_size <= session->in.next;
}

/* Once the server's handshake is over the client has nothing new to say that is not tagged: in TLS 1.3
 * its own was over first, in TLS 1.2 it has sent all of it. A server's alert may come untagged. */
static tag_state untagged(const talc_session *session, const talc_envelope *envelope)
{
    bool is_server = session->role == TALC_ROLE_SERVER;
    bool is_early = session->engine_class->has_guard_keys != NULL;
    if (is_server && is_early && !session->has_keys) {
        return TAG_LATER; /* if it brings the keys, the client had them before */
    }
    return (is_server || is_early) && session->has_keys &&
                   !talc_session_has_had(session, envelope)
               ? TAG_WRONG
               : TAG_NONE;
}

/* What the path makes of the text (white space, escapes) does not make the envelope long. */
static tag_state check_tag(const talc_session *session, const talc_envelope *envelope)
{
    if (!envelope->has_guard) {
        bool owed =
            session->peer_tags || talc_envelope_text_size(envelope) > TALC_MESSAGE_BODY_MAX;
        return owed ? TAG_WRONG : untagged(session, envelope);
    }
    if (session->has_keys && verify(session, envelope, session->keys.of[other_role(session)])) {
        return TAG_RIGHT;
    }
    if (session->peer_tags) {
        return TAG_WRONG;
    }
    /* The zero key speaks for a sender whose handshake was not over yet. */
    if (verify(session, envelope, NULL)) {
        return untagged(session, envelope);
    }
    return session->has_keys ? TAG_WRONG : TAG_LATER;
}

static void give_back(talc_session *session, size_t size)
{
    talc_sightings_take_back(&session->sightings, size);
    talc_receive_stream_take_back(&session->in, size);
}

/* Who began the record that is not whole is not known before the peer tags: a range that has it from its
 * beginning comes in its place. And a client that says nothing has nothing more to say, so the rest
 * of it will not come. */
static void forget_unfinished(talc_session *session, const talc_range *range)
{
    const talc_engine_class *class = session->engine_class;
    size_t size =
        class->unfinished_size == NULL ? 0 : class->unfinished_size(session->engine);
    bool is_hopeless = range->size == 0 ? session->role == TALC_ROLE_SERVER
                                        : range->offset + size <= session->in.next;
    if (size > 0 && !session->peer_tags && is_hopeless) {
        class->forget_unfinished(session->engine);
        give_back(session, size);
    }
}

static talc_status feed(void *context, const uint8_t *bytes, size_t size)
{
    talc_session *session = context;
    const talc_engine_class *class = session->engine_class;
    talc_sighting sighting = sighting_of(session);
    talc_status status = class->feed(session->engine, bytes, size);
    size_t back = class->takes_back == NULL ? 0 : class->takes_back(session->engine);
    size_t here = back < size ? back : size;
    talc_sightings_received(&session->sightings, bytes, size - here, &sighting);
    talc_sightings_take_back(&session->sightings, back - here);
    talc_receive_stream_take_back(&session->in, back);
    return status == TALC_OK ? TALC_OK : fail(session, status);
}

static void take_range(talc_session *session, const talc_envelope *envelope, tag_state tag)
{
    talc_receiver receiver = { feed, session, tag == TAG_RIGHT };
    talc_range range = { envelope->offset, envelope->range_size, envelope->range };
    if (session->engine == NULL || session->status != TALC_OK) {
        return;
    }
    forget_unfinished(session, &range);
    (void)talc_receive_stream_take(&session->in, &range, &receiver);
    establish(session);
}

static void take_acknowledgement(talc_session *session, const talc_envelope *envelope,
                                 talc_intake *intake)
{
    uint64_t before = session->out.acknowledged;
    if (talc_send_stream_acknowledge(&session->out, envelope->acknowledged, session->now_ms) !=
        TALC_OK) {
        intake->result = TALC_INTAKE_DROPPED;
    } else if (envelope->acknowledged < session->out.base) {
        intake->result = TALC_INTAKE_LOST_STATE;
    }
    intake->brought_news = session->out.acknowledged > before;
}

/* The tag of an envelope that the engine had to feed on first: right, wrong, or still unknown. */
static tag_state check_tag_again(const talc_session *session, const talc_envelope *envelope)
{
    return session->has_keys ? check_tag(session, envelope) : TAG_NONE;
}

void talc_session_take(talc_session *session, const talc_envelope *envelope, uint64_t now_ms,
                       talc_intake *intake)
{
    uint64_t before = session->in.next;
    tag_state tag = check_tag(session, envelope);
    bool has_fed = tag == TAG_LATER;
    memset(intake, 0, sizeof *intake);
    session->now_ms = now_ms;
    session->request = envelope->request;
    if (has_fed) {
        take_range(session, envelope, tag);
        tag = check_tag_again(session, envelope);
    }
    if (tag == TAG_WRONG) {
        intake->result = TALC_INTAKE_DROPPED;
    } else {
        take_acknowledgement(session, envelope, intake);
    }
    /* A second time if the engine has given back what the guard had to see first. */
    if (intake->result != TALC_INTAKE_DROPPED && (!has_fed || session->has_keys)) {
        take_range(session, envelope, tag);
    }
    if (tag == TAG_RIGHT) {
        intake->is_vouched_for = true;
        /* Exact until here, cumulative from here on: see talc_send_stream.keeps_all. */
        session->peer_tags = true;
        session->out.keeps_all = false;
    }
    intake->brought_news = intake->brought_news || session->in.next > before;
    session->dropped += intake->result == TALC_INTAKE_DROPPED;
}

/* ---------------------------------------------------------------- envelopes out */

static uint64_t start_of(const talc_session *session, const talc_composition *how)
{
    const talc_send_stream *out = &session->out;
    bool again = how->from_acknowledged || talc_send_stream_is_overdue(out, how->now_ms);
    return again ? out->acknowledged : out->carried;
}

static talc_status tag(const talc_session *session, const talc_composition *how, size_t size,
                       talc_envelope *envelope)
{
    if (!session->has_keys && size <= how->limits.message_size) {
        return TALC_OK;
    }
    talc_guard guard = { session->has_keys ? session->keys.of[session->role] : NULL, session->role,
                         session->id };
    return talc_guard_tag(&guard, envelope);
}

talc_status talc_session_compose(talc_session *session, const talc_composition *how, char *text,
                                 size_t capacity, size_t *size)
{
    talc_envelope envelope;
    talc_envelope_init(&envelope);
    session->now_ms = how->now_ms;
    session->request = how->request;
    envelope.request = how->request;
    envelope.acknowledged = session->in.next;
    envelope.body_limit = how->body_limit;
    envelope.hold_s = how->hold_s;
    envelope.error = how->error;

    uint64_t start = start_of(session, how);
    uint64_t end = how->without_records
                       ? start
                       : talc_pack(&session->out, start, &how->limits, &envelope);
    bool more = envelope.more || (how->more_waits && envelope.piece_count > 0);
    envelope.more = more && session->role == TALC_ROLE_SERVER;
    talc_status status = talc_envelope_write(&envelope, text, capacity, size);
    if (status != TALC_OK) {
        return status;
    }
    status = tag(session, how, *size, &envelope);
    if (status == TALC_OK && envelope.has_guard) {
        status = talc_envelope_write(&envelope, text, capacity, size);
    }
    if (status != TALC_OK || envelope.piece_count == 0) {
        return status;
    }
    talc_send_stream_carry(&session->out, envelope.offset, end, how->now_ms);
    talc_sighting sighting = sighting_of(session);
    talc_sightings_sent(&session->sightings, &session->out, end, &sighting);
    return TALC_OK;
}

bool talc_session_has_unsent(const talc_session *session)
{
    return session->out.carried < talc_send_stream_end(&session->out);
}

/* ---------------------------------------------------------------- plaintext */

bool talc_session_is_writable(const talc_session *session)
{
    return session->status == TALC_OK && session->is_established && !session->is_finished &&
           talc_send_stream_end(&session->out) - session->out.acknowledged <
               session->pipeline_size;
}

size_t talc_session_plaintext_max(const talc_session *session)
{
    size_t fragment = talc_pack_fragment_size(session->message_size);
    size_t expansion = session->engine_class->expansion(session->engine);
    return fragment > expansion ? fragment - expansion : 1;
}

talc_status talc_session_write(talc_session *session, const uint8_t *plaintext, size_t size)
{
    if (session->status != TALC_OK) {
        return session->status;
    }
    if (!talc_session_is_writable(session)) {
        return TALC_WANT_ROOM;
    }
    talc_status status = session->engine_class->write(session->engine, plaintext, size);
    return status == TALC_OK ? TALC_OK : fail(session, status);
}

talc_status talc_session_read(talc_session *session, uint8_t *plaintext, size_t capacity,
                              size_t *size)
{
    *size = 0;
    if (session->engine == NULL || session->status != TALC_OK) {
        return session->status;
    }
    talc_status status = session->engine_class->read(session->engine, plaintext, capacity, size);
    return status >= TALC_OK ? status : fail(session, status);
}

talc_status talc_session_finish(talc_session *session)
{
    if (session->engine == NULL || session->is_finished) {
        return TALC_OK;
    }
    session->is_finished = true;
    talc_status status = session->engine_class->finish(session->engine);
    return status == TALC_OK ? TALC_OK : fail(session, status);
}

/* ---------------------------------------------------------------- facts */

void talc_session_describe(const talc_session *session, talc_session_info *info)
{
    memcpy(info->session_id, session->id, sizeof info->session_id);
    info->peer = session->facts.peer;
    memcpy(info->protocol, session->facts.protocol, sizeof info->protocol);
    memcpy(info->cipher_suite, session->facts.cipher_suite, sizeof info->cipher_suite);
    info->is_resumed = session->facts.is_resumed;
    info->record_bytes_out = session->out.carried;
    info->record_bytes_in = session->in.next;
    info->dropped_envelopes = session->dropped;
}
