/* SPDX-License-Identifier: MIT */
#include "tools/inspection.h"

#include <stdarg.h>
#include <string.h>

#include "lib/crypto.h"
#include "records/base64.h"
#include "tools/array.h"

/* ---------------------------------------------------------------- life */

bool inspection_begin(inspection *all)
{
    memset(all, 0, sizeof *all);
    all->views = calloc(INSPECT_VIEWS_MAX, sizeof *all->views);
    return all->views != NULL && talc_crypto_start() == TALC_OK;
}

static void free_session(inspect_session *session)
{
    inspect_stream_free(&session->streams[INSPECT_CLIENT]);
    inspect_stream_free(&session->streams[INSPECT_SERVER]);
    free(session->sightings);
    free(session->exchanges);
    free(session);
}

void inspection_end(inspection *all)
{
    for (size_t i = 0; i < all->view_count; i++) {
        inspect_session *session = NULL;
        inspect_session *next = NULL;
        HASH_ITER (hh, all->views[i].sessions, session, next) {
            HASH_DEL(all->views[i].sessions, session);
            free_session(session);
        }
    }
    free(all->views);
    free(all->findings);
    memset(all, 0, sizeof *all);
}

inspect_view *inspection_view(inspection *all, const char *name)
{
    char cut[INSPECT_NAME_SIZE];
    snprintf(cut, sizeof cut, "%s", name);
    for (size_t i = 0; i < all->view_count; i++) {
        if (strcmp(all->views[i].name, cut) == 0) {
            return &all->views[i];
        }
    }
    if (all->view_count == INSPECT_VIEWS_MAX) {
        all->is_cut = true;
        return NULL;
    }
    inspect_view *view = &all->views[all->view_count++];
    memcpy(view->name, cut, sizeof cut);
    view->is_shown = true;
    return view;
}

static inspect_session *find_session(inspection *all, inspect_view *view, const uint8_t *id)
{
    inspect_session *session = NULL;
    HASH_FIND(hh, view->sessions, id, TALC_SESSION_ID_SIZE, session);
    if (session != NULL) {
        return session;
    }
    session = all->session_count < INSPECT_SESSIONS_MAX ? calloc(1, sizeof *session) : NULL;
    if (session == NULL) {
        all->is_cut = true;
        return NULL;
    }
    memcpy(session->id, id, TALC_SESSION_ID_SIZE);
    HASH_ADD(hh, view->sessions, id, TALC_SESSION_ID_SIZE, session);
    all->session_count++;
    return session;
}

const char *inspect_id_text(const uint8_t id[TALC_SESSION_ID_SIZE], char text[INSPECT_ID_TEXT_SIZE])
{
    if (talc_base64_encode(id, TALC_SESSION_ID_SIZE, text, INSPECT_ID_TEXT_SIZE - 1) != TALC_OK) {
        memset(text, '?', INSPECT_ID_TEXT_SIZE - 1);
    }
    text[INSPECT_ID_TEXT_SIZE - 1] = '\0';
    return text;
}

/* What was read goes to a terminal: nothing but printable ASCII. */
static void clean(char *text)
{
    for (; *text != '\0'; text++) {
        *text = *text >= 0x20 && *text < 0x7f ? *text : '?';
    }
}

/* ---------------------------------------------------------------- findings */

void inspection_note(inspection *all, inspect_finding_kind kind, inspect_spot spot,
                     const char *format, ...)
{
    va_list arguments;
    all->counts[kind]++;
    if (spot.session != NULL) {
        spot.session->anomalies += kind <= INSPECT_LAST_ANOMALY;
    }
    if (!array_grow((void **)&all->findings, all->finding_count, sizeof *all->findings,
                    INSPECT_FINDINGS_MAX)) {
        return;
    }
    inspect_finding *finding = &all->findings[all->finding_count++];
    *finding = (inspect_finding){
        .kind = kind, .view = spot.view, .session = spot.session, .place = spot.place
    };
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    clean(finding->text);
}

size_t inspection_anomalies(const inspection *all)
{
    size_t count = 0;
    for (size_t kind = 0; kind <= INSPECT_LAST_ANOMALY; kind++) {
        count += all->counts[kind];
    }
    return count;
}

/* ---------------------------------------------------------------- exchanges */

/* The exchange of this number, a new one if there is none. */
static inspect_exchange *find_exchange(inspection *all, inspect_session *session, uint64_t request)
{
    size_t low = 0;
    size_t high = session->exchange_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (session->exchanges[middle].request < request) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < session->exchange_count && session->exchanges[low].request == request) {
        return &session->exchanges[low];
    }
    if (!array_grow((void **)&session->exchanges, session->exchange_count,
                    sizeof *session->exchanges, INSPECT_SIGHTINGS_MAX)) {
        all->is_cut = true;
        return NULL;
    }
    inspect_exchange *place = &session->exchanges[low];
    memmove(place + 1, place, (session->exchange_count - low) * sizeof *place);
    memset(place, 0, sizeof *place);
    place->request = request;
    session->exchange_count++;
    return place;
}

/* ---------------------------------------------------------------- ranges */

static inspect_sighting *add_sighting(inspection *all, inspect_session *session,
                                      const inspect_sighting *sighting)
{
    if (all->sighting_count >= INSPECT_SIGHTINGS_MAX ||
        !array_grow((void **)&session->sightings, session->sighting_count,
                    sizeof *session->sightings, INSPECT_SIGHTINGS_MAX)) {
        all->is_cut = true;
        return NULL;
    }
    all->sighting_count++;
    session->sightings[session->sighting_count] = *sighting;
    return &session->sightings[session->sighting_count++];
}

/* Puts a range into its stream; returns how many bytes of it were new. */
static size_t take_range(inspection *all, inspect_spot spot, inspect_direction direction,
                         const inspect_range *range)
{
    inspect_intake intake;
    if (all->byte_count + range->size > INSPECT_BYTES_MAX ||
        !inspect_stream_take(&spot.session->streams[direction], range, &intake)) {
        all->is_cut = true;
        return 0;
    }
    all->byte_count += intake.added;
    if (intake.changed > 0) {
        inspection_note(all, INSPECT_CHANGED_BYTES, spot,
                        "%s stream: %zu bytes from offset %llu on are not those seen before",
                        direction == INSPECT_CLIENT ? "the client's" : "the server's",
                        intake.changed, (unsigned long long)intake.changed_offset);
    }
    return intake.added;
}

/* ---------------------------------------------------------------- envelopes */

/* A long body is tagged before there are keys, against accidents: that promises nothing. */
static bool promises_tags(const inspect_body *body, const talc_envelope *envelope)
{
    bool is_long = body->size >= 1024 || (body->message_max > 0 && body->size > body->message_max);
    return envelope->has_guard && !is_long;
}

/* An empty answer has no tag when it goes to another address than the newest request came from, nor
 * has an error about a session that the server does not know. */
static bool needs_tag(const talc_envelope *envelope)
{
    return !envelope->has_guard && envelope->error == TALC_ENVELOPE_ERROR_NONE &&
           (envelope->range_size > 0 || envelope->acknowledged > 0);
}

static void check_numbers(inspection *all, inspect_spot spot, const inspect_body *body,
                          const talc_envelope *envelope)
{
    inspect_direction direction = body->direction;
    inspect_session *session = spot.session;
    const char *who = direction == INSPECT_CLIENT ? "the client" : "the server";
    bool had_one = session->newest[direction].is_there;
    bool is_newer = !had_one || envelope->request > session->newest[direction].request;
    if (had_one && is_newer && envelope->acknowledged < session->newest[direction].acknowledged) {
        inspection_note(all, INSPECT_ACKNOWLEDGED_LESS, spot, "%s acknowledged %llu after %llu",
                        who, (unsigned long long)envelope->acknowledged,
                        (unsigned long long)session->newest[direction].acknowledged);
    }
    if (is_newer) {
        session->newest[direction].is_there = true;
        session->newest[direction].request = envelope->request;
        session->newest[direction].acknowledged = envelope->acknowledged;
    }
    if (promises_tags(body, envelope) && !session->newest[direction].has_guard) {
        session->newest[direction].has_guard = true;
        session->newest[direction].guard_request = envelope->request;
    }
    if (session->newest[direction].has_guard && needs_tag(envelope) &&
        envelope->request > session->newest[direction].guard_request) {
        inspection_note(all, INSPECT_GUARD_MISSING, spot, "%s has tagged before, and this not",
                        who);
    }
}

static void check_exchange(inspection *all, inspect_spot spot, const inspect_body *body,
                           const talc_envelope *envelope)
{
    inspect_exchange *exchange = find_exchange(all, spot.session, envelope->request);
    if (exchange == NULL) {
        return;
    }
    if (body->direction == INSPECT_CLIENT) {
        exchange->is_asked = true;
        return;
    }
    if (!exchange->is_asked && envelope->error == TALC_ENVELOPE_ERROR_NONE) {
        inspection_note(all, INSPECT_ANSWER_TO_NO_REQUEST, spot, "an answer to request %llu",
                        (unsigned long long)envelope->request);
    }
    exchange->is_answered = true;
    if (envelope->error != TALC_ENVELOPE_ERROR_NONE) {
        inspection_note(all, INSPECT_ERROR_ANSWER, spot, "%s, %s", body->code,
                        talc_envelope_error_sent(envelope));
    }
}

static void check_sizes(inspection *all, inspect_spot spot, const inspect_body *body)
{
    if (body->message_max >= 1024) {
        inspection_note(all, INSPECT_LARGE_MESSAGE, spot, "%zu bytes of payload in one message",
                        body->message_max);
    } else if (body->message_max > 0 && body->size >= 1024) {
        inspection_note(all, INSPECT_LONG_BODY, spot, "%zu bytes, block-wise", body->size);
    }
}

/* Whether the same side has sent the same bytes under the same number just before. */
static bool is_retransmission(inspection *all, inspect_session *session,
                              const inspect_sighting *sighting)
{
    inspect_exchange *exchange = find_exchange(all, session, sighting->request);
    inspect_direction direction = sighting->direction;
    if (exchange == NULL) {
        return false;
    }
    bool is_same =
        exchange->has_body[direction] &&
        memcmp(exchange->digests[direction], sighting->digest, sizeof sighting->digest) == 0;
    exchange->has_body[direction] = true;
    memcpy(exchange->digests[direction], sighting->digest, sizeof sighting->digest);
    return is_same;
}

static void count(inspect_session *session, const inspect_sighting *sighting)
{
    inspect_totals *totals = &session->totals[sighting->direction];
    if (sighting->is_retransmission) {
        totals->retransmissions++;
        return;
    }
    totals->envelopes++;
    totals->with_records += sighting->range_size > 0;
    totals->repeats += sighting->range_size > 0 && sighting->added == 0;
    totals->body_bytes += sighting->body_size;
    totals->body_max =
        sighting->body_size > totals->body_max ? sighting->body_size : totals->body_max;
}

static void take_envelope(inspection *all, inspect_spot spot, const inspect_body *body,
                          const talc_envelope *envelope)
{
    uint8_t digest[TALC_SHA256_SIZE] = { 0 };
    inspect_sighting seen = { .time_us = body->time_us,
                              .direction = body->direction,
                              .place = body->place,
                              .request = envelope->request,
                              .offset = envelope->offset,
                              .range_size = envelope->range_size,
                              .body_size = body->size };
    (void)talc_sha256(body->text, body->size, digest);
    memcpy(seen.digest, digest, sizeof seen.digest);
    seen.is_retransmission = is_retransmission(all, spot.session, &seen);
    check_exchange(all, spot, body, envelope);
    check_sizes(all, spot, body);
    if (!seen.is_retransmission) {
        check_numbers(all, spot, body, envelope);
    }
    inspect_sighting *sighting = add_sighting(all, spot.session, &seen);
    if (sighting == NULL) {
        return;
    }
    if (envelope->range_size > 0) {
        inspect_range range = { envelope->offset, envelope->range, envelope->range_size,
                                !envelope->pieces[0].continues, spot.session->sighting_count - 1 };
        sighting->added = take_range(all, spot, body->direction, &range);
    }
    count(spot.session, sighting);
}

/* What has a session's address and is no envelope: of the path, if it is an answer. */
static void take_other(inspection *all, inspect_spot spot, const inspect_body *body)
{
    bool is_request = body->direction == INSPECT_CLIENT;
    if (is_request || (body->is_success && body->size > 0)) {
        inspection_note(all, INSPECT_MALFORMED_ENVELOPE, spot, "%s of %zu bytes",
                        is_request ? "a request" : "an answer", body->size);
    } else {
        inspection_note(all, INSPECT_ANSWER_OF_THE_PATH, spot, "%s, %zu bytes", body->code,
                        body->size);
    }
}

void inspection_take_body(inspection *all, inspect_view *view, const inspect_body *body)
{
    static talc_envelope envelope;
    inspect_session *session =
        body->session_id == NULL ? NULL : find_session(all, view, body->session_id);
    if (session == NULL) {
        view->others++;
        view->other_bytes += body->size;
        return;
    }
    inspect_spot spot = { view, session, body->place };
    if (body->direction == INSPECT_CLIENT && session->client[0] == '\0') {
        snprintf(session->client, sizeof session->client, "%s", body->client);
        clean(session->client);
    }
    if (body->origin != NULL && session->origin[0] == '\0') {
        snprintf(session->origin, sizeof session->origin, "%s", body->origin);
        clean(session->origin);
    }
    if (body->size > 0 && talc_envelope_read(body->text, body->size, TALC_ENVELOPE_BODY_LIMIT_MAX,
                                             &envelope) == TALC_OK) {
        take_envelope(all, spot, body, &envelope);
        talc_envelope_clear(&envelope);
    } else {
        take_other(all, spot, body);
    }
}

/* ---------------------------------------------------------------- lines of a journal */

/* The client speaks first; a ClientHello or ServerHello (or M1, M2) says it for sure. */
static bool client_is_out(const talc_journal_entry *first)
{
    bool is_out = first->direction == TALC_JOURNAL_OUT;
    bool is_server = first->offset == 0 && first->header.type == TALC_RECORD_HANDSHAKE &&
                     first->fragment[0] == 2;
    return is_server ? !is_out : is_out;
}

/* Lines that follow each other with the same number and direction were one envelope. */
static inspect_sighting *sighting_of(inspection *all, inspect_session *session,
                                     const inspect_sighting *like)
{
    inspect_sighting *last =
        session->sighting_count == 0 ? NULL : &session->sightings[session->sighting_count - 1];
    if (last != NULL && last->direction == like->direction && last->request == like->request) {
        return last;
    }
    inspect_exchange *exchange = find_exchange(all, session, like->request);
    if (exchange != NULL) {
        exchange->is_asked = exchange->is_answered = true;
    }
    last = add_sighting(all, session, like);
    if (last != NULL) {
        session->totals[like->direction].envelopes++;
        session->totals[like->direction].with_records++;
    }
    return last;
}

static void take_record(inspection *all, inspect_spot spot, const talc_journal_entry *entry)
{
    static uint8_t record[TALC_RECORD_HEADER_SIZE + TALC_FRAGMENT_SIZE_MAX];
    inspect_session *session = spot.session;
    bool is_out = entry->direction == TALC_JOURNAL_OUT;
    inspect_sighting like = { .time_us = entry->time_ms * 1000,
                              .place = spot.place,
                              .request = entry->request,
                              .offset = entry->offset,
                              .direction = is_out == session->client_is_out ? INSPECT_CLIENT
                                                                            : INSPECT_SERVER };
    inspect_sighting *sighting = sighting_of(all, session, &like);
    if (sighting == NULL) {
        return;
    }
    talc_record_header_build(&entry->header, record);
    memcpy(record + TALC_RECORD_HEADER_SIZE, entry->fragment, entry->header.length);
    inspect_range range = { entry->offset, record,
                            TALC_RECORD_HEADER_SIZE + (size_t)entry->header.length, true,
                            session->sighting_count - 1 };
    sighting->range_size += range.size;
    sighting->added += take_range(all, spot, like.direction, &range);
}

void inspection_take_entry(inspection *all, inspect_view *view, const talc_journal_entry *entry,
                           uint64_t line)
{
    uint8_t digest[TALC_SHA256_SIZE] = { 0 };
    inspect_session *session = find_session(all, view, entry->session_id);
    if (session == NULL) {
        return;
    }
    if (!session->is_of_journal) {
        session->is_of_journal = true;
        session->client_is_out = client_is_out(entry);
        snprintf(session->client, sizeof session->client, "%s",
                 session->client_is_out ? "who kept the journal" : "the other side");
    }
    inspect_spot spot = { view, session, line };
    if (talc_sha256(entry->fragment, entry->header.length, digest) == TALC_OK &&
        memcmp(digest, entry->digest, sizeof digest) != 0) {
        inspection_note(all, INSPECT_WRONG_DIGEST, spot,
                        "the fragment does not have the line's sha256");
    }
    take_record(all, spot, entry);
}
