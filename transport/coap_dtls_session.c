/* SPDX-License-Identifier: MIT */
/* One session of libcoap and what we know of its peer. */
#include "transport/coap_dtls.h"
#include "transport/coap_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/failure.h"

void *talc_coap_dtls_tls(const talc_coap_dtls_session *session)
{
    coap_tls_library_t library = COAP_TLS_LIBRARY_NOTLS;
    void *tls = session->is_gone ? NULL : coap_session_get_tls(session->session, &library);
    return library == COAP_TLS_LIBRARY_MBEDTLS ? tls : NULL;
}

int talc_coap_dtls_has_tls(const talc_coap_dtls_session *session)
{
    coap_tls_library_t library;
    return coap_session_get_tls(session->session, &library) != NULL;
}

static talc_coap_dtls_session *find_in(talc_coap_dtls_session *list, const coap_session_t *session)
{
    talc_coap_dtls_session *at = NULL;
    DL_FOREACH (list, at) {
        if (at->session == session) {
            return at;
        }
    }
    return NULL;
}

/* A server's sessions carry their record; a client has few, whose app data is the link's. */
talc_coap_dtls_session *talc_coap_dtls_find(const talc_coap_dtls *dtls,
                                            const coap_session_t *session)
{
    return dtls->role == TALC_ROLE_SERVER ? coap_session_get_app_data(session)
                                          : find_in(dtls->open, session);
}

talc_coap_dtls_session *talc_coap_dtls_session_new(talc_coap_dtls *dtls, coap_session_t *session)
{
    talc_coap_dtls_session *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->dtls = dtls;
    made->session = session;
    made->began_ms = made->progress_ms = talc_coap_now_ms();
    made->peer = talc_dtls_peer_new(dtls->policy);
    if (made->peer == NULL) {
        free(made);
        return NULL;
    }
    return made;
}

void talc_coap_dtls_session_free(talc_coap_dtls_session *session)
{
    void *tls = talc_coap_dtls_tls(session);
    if (tls != NULL) {
        talc_dtls_peer_detach(session->peer, tls);
    }
    talc_dtls_peer_free(session->peer);
    free(session);
}

static void list_free(talc_coap_dtls_session **list)
{
    talc_coap_dtls_session *at = NULL;
    talc_coap_dtls_session *next = NULL;
    DL_FOREACH_SAFE (*list, at, next) {
        DL_DELETE(*list, at);
        if (at->dtls->role == TALC_ROLE_SERVER) {
            coap_session_set_app_data(at->session, NULL);
        }
        talc_coap_dtls_session_free(at);
    }
}

void talc_coap_dtls_sessions_free(talc_coap_dtls *dtls)
{
    list_free(&dtls->opening);
    list_free(&dtls->open);
}

/* Other libraries tell libcoap neither version nor suite. */
static void describe_other(const talc_coap_dtls *dtls, talc_coap_guest *guest)
{
    snprintf(guest->protocol, sizeof guest->protocol, "DTLS");
    snprintf(guest->cipher_suite, sizeof guest->cipher_suite, "%s's choice",
             dtls->library == COAP_TLS_LIBRARY_OPENSSL ? "OpenSSL" : "GnuTLS");
}

talc_status talc_coap_dtls_judge(talc_coap_dtls_session *session, talc_failure *failure)
{
    talc_coap_guest *guest = &session->guest;
    void *tls = talc_coap_dtls_tls(session);
    if (tls == NULL && session->dtls->library == COAP_TLS_LIBRARY_MBEDTLS) {
        return talc_failure_set(failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_PROTOCOL,
                                "the DTLS session is gone");
    }
    memset(guest, 0, sizeof *guest);
    talc_status status = talc_dtls_peer_judge(session->peer, tls, &guest->peer, failure);
    if (status != TALC_OK) {
        talc_dtls_peer_refuse(session->peer, tls);
        return status;
    }
    if (tls != NULL) {
        talc_dtls_session_describe(tls, guest->protocol, guest->cipher_suite);
    } else {
        describe_other(session->dtls, guest);
    }
    return TALC_OK;
}
