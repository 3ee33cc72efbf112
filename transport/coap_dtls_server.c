/* SPDX-License-Identifier: MIT */
/*
 * A server's sessions: which are opening, which are open, who is in them, and when they end.
 *
 * libcoap on mbedTLS raises no event when a handshake is over, so sessions that are opening are
 * looked at after each datagram. libcoap forbids to end a session while it hands a datagram up;
 * such a session is doomed, and ended then.
 */
#include "transport/coap_dtls.h"
#include "transport/coap_server.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/failure.h"

#define CHECK_MS 1000
#define HANDSHAKE_SPANS 8 /* of half_open_timeout_ms, in all */

/* ---------------------------------------------------------------- what is told */

static void tell(const talc_coap_dtls_session *session, talc_event_kind kind,
                 const talc_failure *failure)
{
    const talc_coap_security_setup *setup = &session->dtls->setup;
    const talc_event event = {
        .kind = kind,
        .peer = session->guest.number != 0 ? &session->guest.peer : NULL,
        .failure = failure,
    };
    if (setup->tell != NULL) {
        setup->tell(setup->tell_context, &event);
    }
}

/* A ClientHello whose sender may be made up is not worth a word. */
static void tell_refused(const talc_coap_dtls_session *session, const talc_failure *given)
{
    talc_failure failure = { 0 };
    if (given != NULL) {
        failure = *given;
    } else if (session->peer == NULL ||
               talc_dtls_peer_explain(session->peer, &failure) == TALC_OK) {
        (void)talc_failure_set(&failure, TALC_STAGE_HANDSHAKE,
                               session->has_error ? TALC_ERROR_PROTOCOL : TALC_ERROR_TIMEOUT,
                               session->has_error ? "the DTLS handshake with the client failed"
                                                  : "the client did not finish the DTLS handshake");
    }
    tell(session, TALC_EVENT_SESSION_REFUSED, &failure);
}

/* ---------------------------------------------------------------- ends */

static void forget_open(talc_coap_dtls_session *session)
{
    talc_failure failure = { 0 };
    session->phase = TALC_COAP_DTLS_ENDED;
    session->dtls->open_count--;
    if (!session->has_error) {
        tell(session, TALC_EVENT_SESSION_CLOSED, NULL);
        return;
    }
    (void)talc_failure_set(&failure, TALC_STAGE_SESSION, TALC_ERROR_PROTOCOL,
                           "the DTLS session failed");
    tell(session, TALC_EVENT_SESSION_FAILED, &failure);
}

/* The TLS object is gone, or the whole session goes. */
static void ended(talc_coap_dtls_session *session)
{
    if (session->phase == TALC_COAP_DTLS_OPEN) {
        forget_open(session);
    } else if (session->phase == TALC_COAP_DTLS_HANDSHAKE) {
        session->phase = TALC_COAP_DTLS_ENDED;
        tell_refused(session, NULL);
    }
}

/* Not from within libcoap. A session that is only NEW stays as a stub, which libcoap throws away in
 * its time; a ClientHello from there finds it again. */
static void disconnect(talc_coap_dtls_session *session)
{
    session->is_doomed = 0;
    coap_session_disconnected(session->session, COAP_NACK_TLS_FAILED);
    session->is_gone = 1;
    if (session->phase == TALC_COAP_DTLS_NEW) {
        talc_dtls_peer_free(session->peer); /* there may be many */
        session->peer = NULL;
    }
}

static void refuse(talc_coap_dtls_session *session, const talc_failure *failure)
{
    session->phase = TALC_COAP_DTLS_ENDED;
    tell_refused(session, failure);
    session->is_doomed = 1;
}

/* ---------------------------------------------------------------- events of libcoap */

static void session_begin(talc_coap_dtls *dtls, coap_session_t *session)
{
    talc_coap_dtls_session *made = talc_coap_dtls_session_new(dtls, session);
    coap_session_set_app_data(session, made);
    if (made != NULL) {
        DL_APPEND(dtls->opening, made);
    }
}

static void session_end(talc_coap_dtls_session *session)
{
    talc_coap_dtls *dtls = session->dtls;
    ended(session);
    coap_session_set_app_data(session->session, NULL);
    if (session->guest.number != 0) {
        DL_DELETE(dtls->open, session);
    } else {
        DL_DELETE(dtls->opening, session);
    }
    talc_coap_dtls_session_free(session);
}

void talc_coap_dtls_server_event(talc_coap_dtls *dtls, coap_session_t *session, coap_event_t event)
{
    talc_coap_dtls_session *found = coap_session_get_app_data(session);
    if (event == COAP_EVENT_SERVER_SESSION_NEW) {
        session_begin(dtls, session);
    } else if (found == NULL) {
        return;
    } else if (event == COAP_EVENT_SERVER_SESSION_DEL) {
        session_end(found);
    } else if (event == COAP_EVENT_DTLS_ERROR) {
        found->has_error = 1;
    } else if (event == COAP_EVENT_DTLS_RENEGOTIATE) {
        found->has_error = found->is_doomed = dtls->has_doomed =
            1; /* the peer may be another now */
    } else if (event == COAP_EVENT_DTLS_CLOSED) {
        found->is_gone = 1;
        ended(found);
    }
}

/* An unknown name gets a key that nobody holds: so it looks like a wrong key, and nobody learns
 * which names are known. */
const coap_bin_const_t *talc_coap_dtls_find_psk(coap_bin_const_t *name, coap_session_t *session,
                                                void *security)
{
    talc_coap_dtls *dtls = security;
    talc_coap_dtls_session *found = coap_session_get_app_data(session);
    talc_psk psk = { .key = dtls->decoy, .key_size = sizeof dtls->decoy };
    if (found == NULL || found->peer == NULL) {
        return NULL;
    }
    int is_known = talc_dtls_psk_find(&psk, dtls->setup.config->trust, name->s, name->length);
    talc_dtls_peer_name_psk(found->peer, name->s, name->length, is_known);
    dtls->psk_found = (coap_bin_const_t){ psk.key_size, psk.key };
    return &dtls->psk_found;
}

/* ---------------------------------------------------------------- opening */

static void open_session(talc_coap_dtls_session *session)
{
    talc_coap_dtls *dtls = session->dtls;
    talc_failure failure = { 0 };
    talc_status status = talc_coap_dtls_judge(session, &failure);
    if (status == TALC_OK && dtls->open_count >= dtls->setup.config->sessions_max) {
        status = talc_failure_set(&failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_OVERLOADED,
                                  "there are %zu open sessions already", dtls->open_count);
        talc_dtls_peer_refuse(session->peer, talc_coap_dtls_tls(session));
    }
    if (status != TALC_OK) {
        refuse(session, &failure);
        return;
    }
    DL_DELETE(dtls->opening, session);
    DL_APPEND(dtls->open, session);
    session->phase = TALC_COAP_DTLS_OPEN;
    session->guest.number = ++dtls->numbers;
    dtls->open_count++;
    tell(session, TALC_EVENT_SESSION_OPENED, NULL);
}

talc_status talc_coap_dtls_admit(void *security, coap_session_t *session,
                                 const talc_coap_guest **guest)
{
    talc_coap_dtls_session *found = coap_session_get_app_data(session);
    (void)security;
    if (found != NULL && !found->is_gone &&
        (found->phase == TALC_COAP_DTLS_NEW || found->phase == TALC_COAP_DTLS_HANDSHAKE)) {
        open_session(found); /* the request came in the datagram that ended the handshake */
    }
    if (found == NULL || found->is_gone || found->phase != TALC_COAP_DTLS_OPEN) {
        return TALC_ERROR_VERIFY;
    }
    if (!talc_dtls_peer_is_same(found->peer, talc_coap_dtls_tls(found))) {
        found->is_doomed = found->dtls->has_doomed = 1;
    }
    if (found->is_doomed) {
        return TALC_ERROR_VERIFY;
    }
    *guest = &found->guest;
    return TALC_OK;
}

/* ---------------------------------------------------------------- after each datagram */

static int is_half_open(const talc_coap_dtls_session *session)
{
    return !session->is_gone && session->phase != TALC_COAP_DTLS_ENDED &&
           talc_coap_dtls_has_tls(session);
}

static int is_late(talc_coap_dtls_session *session, uint64_t now_ms)
{
    uint64_t span_ms = session->dtls->setup.config->half_open_timeout_ms;
    uint32_t heard = talc_dtls_peer_heard(session->peer);
    if (heard != session->heard) {
        session->heard = heard;
        session->progress_ms = now_ms;
    }
    return now_ms - session->progress_ms > span_ms ||
           now_ms - session->began_ms > span_ms * HANDSHAKE_SPANS;
}

/* A stub that was disconnected and is asked again begins anew. */
static void renew(talc_coap_dtls_session *session, uint64_t now_ms)
{
    talc_dtls_peer *peer = talc_dtls_peer_new(session->dtls->policy);
    if (peer != NULL) {
        talc_dtls_peer_free(session->peer);
        session->peer = peer;
        session->is_gone = 0;
        session->has_error = 0;
        session->heard = 0;
        session->phase = TALC_COAP_DTLS_NEW;
        session->began_ms = session->progress_ms = now_ms;
    }
}

static void look(talc_coap_dtls_session *session, uint64_t now_ms)
{
    if (session->is_gone && coap_session_get_type(session->session) == COAP_SESSION_TYPE_HELLO &&
        talc_coap_dtls_has_tls(session)) {
        renew(session, now_ms);
    }
    if (session->is_gone || session->is_doomed) {
        return;
    }
    void *tls = talc_coap_dtls_tls(session);
    if (tls != NULL) {
        talc_dtls_peer_attach(session->peer, tls);
    }
    if (coap_session_get_state(session->session) == COAP_SESSION_STATE_ESTABLISHED) {
        open_session(session);
        return;
    }
    if (session->phase == TALC_COAP_DTLS_NEW &&
        coap_session_get_type(session->session) == COAP_SESSION_TYPE_SERVER &&
        (tls == NULL || talc_dtls_session_has_begun(tls))) {
        session->phase = TALC_COAP_DTLS_HANDSHAKE;
    }
    if (talc_dtls_peer_has_refused(session->peer)) {
        refuse(session, NULL); /* it has shown a cookie: only then a server says anything */
    } else if (is_half_open(session) && is_late(session, now_ms)) {
        session->is_doomed = 1;
    }
}

/* The oldest of those in this phase. */
static talc_coap_dtls_session *half_open_oldest(const talc_coap_dtls *dtls,
                                                talc_coap_dtls_phase phase)
{
    talc_coap_dtls_session *at = NULL;
    DL_FOREACH (dtls->opening, at) {
        if (at->phase == phase && is_half_open(at)) {
            return at;
        }
    }
    return NULL;
}

/* NEW ones are counted apart: they may be made up, and must not push out whose cookie came back.
 * Returns how many are left. */
static size_t bound_half_open(talc_coap_dtls *dtls, talc_coap_dtls_phase phase, size_t count)
{
    uint32_t count_max = dtls->setup.config->half_open_max;
    talc_coap_dtls_session *oldest;
    while (count > count_max && (oldest = half_open_oldest(dtls, phase)) != NULL) {
        if (phase == TALC_COAP_DTLS_HANDSHAKE) {
            talc_failure failure = { 0 };
            (void)talc_failure_set(&failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_OVERLOADED,
                                   "the handshake gave way to another: there are more than %u",
                                   count_max);
            refuse(oldest, &failure);
        }
        disconnect(oldest);
        count--;
    }
    return count;
}

/* Disconnecting may take other sessions' events along, never other records. */
static void disconnect_doomed(talc_coap_dtls_session *list)
{
    talc_coap_dtls_session *at = NULL;
    talc_coap_dtls_session *next = NULL;
    DL_FOREACH_SAFE (list, at, next) {
        if (at->is_doomed && !at->is_gone) {
            disconnect(at);
        }
    }
}

/* A client may have begun again in an open session (RFC 6347 section 4.2.8): what it was is over.
 * */
static void doom_renewed(talc_coap_dtls *dtls)
{
    talc_coap_dtls_session *at = NULL;
    DL_FOREACH (dtls->open, at) {
        if (at->phase == TALC_COAP_DTLS_OPEN && !at->is_gone &&
            !talc_dtls_peer_is_same(at->peer, talc_coap_dtls_tls(at))) {
            at->is_doomed = dtls->has_doomed = 1;
        }
    }
}

/* Once through all: under a flood there are thousands of stubs. */
static void look_at_opening(talc_coap_dtls *dtls)
{
    talc_coap_dtls_session *at = NULL;
    talc_coap_dtls_session *next = NULL;
    size_t fresh = 0;
    size_t handshakes = 0;
    uint64_t now_ms = talc_coap_now_ms();
    DL_FOREACH_SAFE (dtls->opening, at, next) {
        look(at, now_ms);
        if (at->is_doomed && !at->is_gone) {
            disconnect(at);
        } else if (is_half_open(at)) {
            fresh += at->phase == TALC_COAP_DTLS_NEW;
            handshakes += at->phase == TALC_COAP_DTLS_HANDSHAKE;
        }
    }
    dtls->new_count = bound_half_open(dtls, TALC_COAP_DTLS_NEW, fresh);
    dtls->handshake_count = bound_half_open(dtls, TALC_COAP_DTLS_HANDSHAKE, handshakes);
}

void talc_coap_dtls_process(void *security)
{
    talc_coap_dtls *dtls = security;
    if (dtls->role == TALC_ROLE_CLIENT) {
        return;
    }
    look_at_opening(dtls);
    if (talc_dtls_policy_take_news(dtls->policy)) {
        doom_renewed(dtls);
    }
    if (dtls->has_doomed) {
        dtls->has_doomed = 0;
        disconnect_doomed(dtls->open);
    }
}

uint32_t talc_coap_dtls_timeout_ms(void *security)
{
    const talc_coap_dtls *dtls = security;
    return dtls->new_count + dtls->handshake_count > 0 ? CHECK_MS : UINT32_MAX;
}

/* A NEW one is no session yet: its client may be made up. */
void talc_coap_dtls_count(void *security, size_t *open, size_t *half_open)
{
    const talc_coap_dtls *dtls = security;
    *open = dtls->open_count;
    *half_open = dtls->handshake_count;
}
