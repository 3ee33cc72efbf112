/* SPDX-License-Identifier: MIT */
/* A client's sessions: nothing is sent in one before its server was judged. */
#include "transport/coap_dtls.h"
#include "transport/coap_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/failure.h"

/* libcoap on mbedTLS fills lists of cipher suites, that all contexts share, when it makes the first
 * session of the process. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static coap_session_t *session_make(talc_coap_dtls *dtls, const coap_address_t *address)
{
    coap_context_t *context = dtls->setup.context;
    pthread_mutex_lock(&making);
    coap_session_t *session =
        dtls->credentials->by_psk
            ? coap_new_client_session_psk2(context, NULL, address, COAP_PROTO_DTLS,
                                           &dtls->client_psk)
            : coap_new_client_session_pki(context, NULL, address, COAP_PROTO_DTLS, &dtls->pki);
    pthread_mutex_unlock(&making);
    return session;
}

coap_session_t *talc_coap_dtls_connect(void *security, const coap_address_t *address,
                                       talc_failure *failure)
{
    talc_coap_dtls *dtls = security;
    talc_coap_dtls_session *made = talc_coap_dtls_session_new(dtls, NULL);
    if (made == NULL) {
        (void)talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    made->session = session_make(dtls, address);
    if (made->session == NULL) {
        made->is_gone = 1;
        talc_coap_dtls_session_free(made);
        return NULL;
    }
    made->phase = TALC_COAP_DTLS_HANDSHAKE;
    DL_APPEND(dtls->open, made);
    void *tls = talc_coap_dtls_tls(made);
    if (tls != NULL) {
        talc_dtls_peer_attach(made->peer, tls); /* the ClientHello is out, no more */
    }
    return made->session;
}

void talc_coap_dtls_client_event(talc_coap_dtls *dtls, coap_session_t *session, coap_event_t event)
{
    talc_coap_dtls_session *found = talc_coap_dtls_find(dtls, session);
    if (found == NULL) {
        return;
    }
    if (event == COAP_EVENT_DTLS_CLOSED) {
        found->is_gone = 1;
    } else if (event == COAP_EVENT_DTLS_ERROR) {
        found->has_error = 1;
    } else if (event == COAP_EVENT_DTLS_RENEGOTIATE) {
        found->has_error = found->is_gone = 1; /* the peer may be another now */
    }
}

/* ---------------------------------------------------------------- why it ended */

/* libcoap gives a handshake up when some flights in all had to be repeated, wherever it stood. An
 * alert would have been seen. */
static void explain_silence(const talc_coap_dtls_session *session, talc_failure *failure)
{
    int is_seen = session->dtls->library == COAP_TLS_LIBRARY_MBEDTLS;
    if (session->has_error) {
        (void)talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_PROTOCOL,
                               "the DTLS handshake with the server failed, and the TLS library "
                               "does not say why");
    } else if (talc_dtls_peer_heard(session->peer) > 0) {
        (void)talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_TIMEOUT,
                               "the server began a DTLS handshake and did not finish it%s",
                               session->dtls->credentials->by_psk
                                   ? ": messages were lost, or it holds another pre-shared key"
                                   : "");
    } else {
        (void)talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                               "nobody answers a DTLS handshake there%s",
                               is_seen ? "" : ", or we are refused without a word");
    }
}

static void end(talc_coap_dtls_session *session)
{
    talc_failure *failure = &session->failure;
    talc_failure_clear(failure);
    if (talc_dtls_peer_explain(session->peer, failure) != TALC_OK) {
        /* said */
    } else if (session->phase == TALC_COAP_DTLS_OPEN) {
        (void)talc_failure_set(failure, TALC_STAGE_SESSION, TALC_ERROR_SESSION_LOST,
                               session->has_error ? "the DTLS session failed"
                                                  : "the server ended the DTLS session");
    } else {
        explain_silence(session, failure);
    }
    session->phase = TALC_COAP_DTLS_ENDED;
}

/* ---------------------------------------------------------------- how far it is */

static int is_over(const talc_coap_dtls_session *session)
{
    return session->is_gone || coap_session_get_state(session->session) == COAP_SESSION_STATE_NONE;
}

static void look(talc_coap_dtls_session *session)
{
    talc_failure failure;
    if (session->phase == TALC_COAP_DTLS_ENDED) {
        return;
    }
    if (is_over(session)) {
        end(session);
    } else if (session->phase == TALC_COAP_DTLS_HANDSHAKE &&
               coap_session_get_state(session->session) == COAP_SESSION_STATE_ESTABLISHED) {
        talc_failure_clear(&failure);
        if (talc_coap_dtls_judge(session, &failure) == TALC_OK) {
            session->phase = TALC_COAP_DTLS_OPEN;
        } else {
            session->failure = failure;
            session->phase = TALC_COAP_DTLS_ENDED;
        }
    } else if (session->phase == TALC_COAP_DTLS_HANDSHAKE &&
               talc_dtls_peer_has_refused(session->peer)) {
        end(session); /* libcoap finds out when it wants to repeat something */
    }
}

talc_coap_security_state talc_coap_dtls_state(void *security, coap_session_t *session,
                                              talc_failure *failure)
{
    talc_coap_dtls_session *found = talc_coap_dtls_find(security, session);
    if (found == NULL) {
        (void)talc_failure_set(failure, TALC_STAGE_SESSION, TALC_ERROR_SESSION_LOST,
                               "the DTLS session was given up");
        return TALC_COAP_SECURITY_FAILED;
    }
    look(found);
    switch (found->phase) {
    case TALC_COAP_DTLS_OPEN: return TALC_COAP_SECURITY_READY;
    case TALC_COAP_DTLS_ENDED: *failure = found->failure; return TALC_COAP_SECURITY_FAILED;
    default: return TALC_COAP_SECURITY_PENDING;
    }
}

void talc_coap_dtls_describe(void *security, coap_session_t *session, talc_session_info *info)
{
    const talc_coap_dtls_session *found = talc_coap_dtls_find(security, session);
    if (found != NULL && found->phase == TALC_COAP_DTLS_OPEN) {
        info->is_open = 1;
        info->peer = found->guest.peer;
        snprintf(info->protocol, sizeof info->protocol, "%s", found->guest.protocol);
        snprintf(info->cipher_suite, sizeof info->cipher_suite, "%s", found->guest.cipher_suite);
    }
}

/* libcoap says close_notify when the link disconnects the session. */
void talc_coap_dtls_disconnect(void *security, coap_session_t *session)
{
    talc_coap_dtls *dtls = security;
    talc_coap_dtls_session *found = talc_coap_dtls_find(dtls, session);
    if (found != NULL) {
        DL_DELETE(dtls->open, found);
        talc_coap_dtls_session_free(found);
    }
}
