/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_DTLS_H
#define TALC_TRANSPORT_COAP_DTLS_H

/**
 * DTLS below CoAP (RFC 7252 section 9) by libcoap, with our judgement of the peer: what the files
 * of the row talc_coap_security_dtls share. coap_dtls_setup.c hands credentials to libcoap,
 * coap_dtls_client.c and coap_dtls_server.c follow its sessions.
 *
 * libcoap is not told the anchors where it runs on mbedTLS. So a handshake that it should begin by
 * itself, without our verification on it, fails and lets nobody in.
 */

#include "lib/dtls_credentials.h"
#include "lib/dtls_peer.h"
#include "transport/coap_security.h"

typedef struct talc_coap_dtls talc_coap_dtls;

typedef enum talc_coap_dtls_phase {
    TALC_COAP_DTLS_NEW = 0,   /**< server: a ClientHello came, and may come from anybody */
    TALC_COAP_DTLS_HANDSHAKE, /**< server: its cookie came back; client: from the beginning */
    TALC_COAP_DTLS_OPEN,      /**< the peer was judged and is believed */
    TALC_COAP_DTLS_ENDED      /**< waits to be forgotten by libcoap (server) or the link (client) */
} talc_coap_dtls_phase;

/** One session of libcoap. */
typedef struct talc_coap_dtls_session {
    struct talc_coap_dtls_session *prev, *next;
    talc_coap_dtls *dtls;
    coap_session_t *session;
    talc_dtls_peer *peer; /**< owned; NULL: a NEW one that gave way, without a TLS object */
    talc_coap_dtls_phase phase;
    int is_gone;   /**< libcoap has freed the TLS object */
    int is_doomed; /**< server: to be disconnected as soon as libcoap does no I/O */
    int has_error; /**< libcoap told of an error in it */
    uint32_t heard;       /**< datagrams of the peer, when it was looked at last */
    uint64_t began_ms;
    uint64_t progress_ms; /**< when the handshake went on last */
    union {
        talc_coap_guest guest; /**< until it ENDED at a client; a server's to the end */
        talc_failure failure;  /**< client: why it ENDED */
    };
} talc_coap_dtls_session;

struct talc_coap_dtls {
    talc_role role;
    talc_coap_security_setup setup;
    coap_tls_library_t library;
    talc_dtls_policy *policy;
    talc_dtls_credentials *credentials;
    talc_dtls_pem anchors; /**< none on mbedTLS */
    char server_name[256]; /**< client; "": none */
    char *sni;             /**< that name, or NULL where it is an address */
    coap_dtls_pki_t pki;
    coap_dtls_cpsk_t client_psk;
    coap_dtls_spsk_t server_psk;
    coap_bin_const_t psk_found; /**< borrowed from the trust, or the decoy */
    uint8_t decoy[32];          /**< nobody holds this key */
    talc_coap_dtls_session *opening; /**< a server's before they are OPEN, oldest first */
    talc_coap_dtls_session *open;    /**< a server's OPEN and ENDED ones; all of a client's */
    size_t new_count;                /**< NEW ones with a TLS object, after the last datagram */
    size_t handshake_count;          /**< likewise HANDSHAKE ones */
    size_t open_count;               /**< OPEN ones */
    int has_doomed;                  /**< some of `open` are doomed */
    uint64_t numbers;                /**< guests so far */
};

/** The session's mbedtls_ssl_context; NULL: it has none, or another library runs it. */
void *talc_coap_dtls_tls(const talc_coap_dtls_session *session);

/** Judges the peer of a session whose handshake is over. TALC_OK: session->guest says who it is;
 * else the alert is sent and `failure` says why not. */
talc_status talc_coap_dtls_judge(talc_coap_dtls_session *session, talc_failure *failure);

/** The session's record in a list of `dtls`, or NULL. */
talc_coap_dtls_session *talc_coap_dtls_find(const talc_coap_dtls *dtls,
                                            const coap_session_t *session);

/** A record with a peer; NULL: out of memory. */
talc_coap_dtls_session *talc_coap_dtls_session_new(talc_coap_dtls *dtls, coap_session_t *session);

/** Takes our verification off what is left of the session and frees the record, which is in no list
 * any more. */
void talc_coap_dtls_session_free(talc_coap_dtls_session *session);

/** Does that with all of them. */
void talc_coap_dtls_sessions_free(talc_coap_dtls *dtls);

/** 1 if libcoap has a TLS object for the session, of whatever library. */
int talc_coap_dtls_has_tls(const talc_coap_dtls_session *session);

/* ---- coap_dtls_client.c, coap_dtls_server.c: talc_coap_security's */

coap_session_t *talc_coap_dtls_connect(void *security, const coap_address_t *address,
                                       talc_failure *failure);
talc_coap_security_state talc_coap_dtls_state(void *security, coap_session_t *session,
                                              talc_failure *failure);
void talc_coap_dtls_describe(void *security, coap_session_t *session, talc_session_info *info);
void talc_coap_dtls_disconnect(void *security, coap_session_t *session);
void talc_coap_dtls_client_event(talc_coap_dtls *dtls, coap_session_t *session,
                                 coap_event_t event);

void talc_coap_dtls_server_event(talc_coap_dtls *dtls, coap_session_t *session,
                                 coap_event_t event);
void talc_coap_dtls_process(void *security);
uint32_t talc_coap_dtls_timeout_ms(void *security);
talc_status talc_coap_dtls_admit(void *security, coap_session_t *session,
                                 const talc_coap_guest **guest);
void talc_coap_dtls_count(void *security, size_t *open, size_t *half_open);

/** libcoap asks for the key of the name that a client shows. */
const coap_bin_const_t *talc_coap_dtls_find_psk(coap_bin_const_t *name, coap_session_t *session,
                                                void *dtls);

#endif
