/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_SECURITY_H
#define TALC_TRANSPORT_COAP_SECURITY_H

/**
 * What protects the libcoap sessions of a direct link: nothing (`none`) or DTLS (`dtls`). A link
 * takes one of the two rows when it is opened and asks it at the points below; messages, blocks and
 * de-duplication are the link's and the same for both.
 *
 * All calls come from the link's thread. "Within libcoap" marks those that are made from libcoap's
 * callbacks: they must neither release or disconnect a session nor let libcoap do I/O.
 */

#include "lib/direct.h"

#include <coap3/coap.h>

/** What a link asks for. */
typedef struct talc_coap_security_setup {
    coap_context_t *context;   /**< the link's own; it is freed after close() */
    const talc_config *config; /**< lives as long as the link */
    const char *server_name;   /**< client: as in talc_direct_target, to be copied; server: NULL */
    void (*tell)(void *context, const talc_event *event); /**< server: may be called from
                                                               wherever the security is called */
    void *tell_context;
} talc_coap_security_setup;

/** How far a client's session is. */
typedef enum talc_coap_security_state {
    TALC_COAP_SECURITY_PENDING = 0, /**< ask again after I/O; nothing may be sent */
    TALC_COAP_SECURITY_READY,       /**< the peer has been verified: requests may be sent */
    TALC_COAP_SECURITY_FAILED       /**< it is of no more use */
} talc_coap_security_state;

/** Who is behind a session of a server. */
typedef struct talc_coap_guest {
    talc_peer peer;
    char protocol[16];     /**< "DTLSv1.2"; "" in `none` */
    char cipher_suite[64]; /**< IANA's name */
    uint64_t number;       /**< tells the DTLS sessions of one address apart: no two of a link have
                                the same; 0 in `none`. What is kept for repeats and for later blocks
                                belongs to address and number together */
} talc_coap_guest;

/** One row for each mode. `security` is whatever open() made; client's rows are called with
 * client's sessions only, server's with server's. */
typedef struct talc_coap_security {
    coap_proto_t protocol; /**< of a server's endpoints, which the link makes */
    int takes_coaps;       /**< 1: URIs may say coaps:// beside coap://, and the port is 5684 where
                                they name none */

    /** Prepares the context. The link has set limits of its own on it (idle sessions, session
     * time-out), which may be changed here. Errors as talc_direct_client.open(), .open() of a
     * server. */
    talc_status (*open)(void **security, const talc_coap_security_setup *setup,
                        talc_failure *failure);

    /** After all sessions of a client were dropped; a server's still live and end with the context
     * afterwards, when no events are passed on any more. `security` may be NULL. */
    void (*close)(void *security);

    /** Within libcoap: every event of the context. NULL: none are wanted. */
    void (*event)(void *security, coap_session_t *session, coap_event_t event);

    /** After every time that libcoap has done I/O, before states are asked and anything is sent:
     * for what libcoap raises no event for, and time-outs. May disconnect sessions. NULL: not
     * wanted. */
    void (*process)(void *security);

    /** Milliseconds until process() is wanted, UINT32_MAX for never. NULL: never. */
    uint32_t (*timeout_ms)(void *security);

    /* ---- client: the app data of its sessions is the link's */

    /** A new session to this address; a handshake may begin. NULL: there is none. Then `failure`
     * (never NULL, empty) says why, or stays empty where the system just has no route. Transmission
     * parameters are set when it is READY. */
    coap_session_t *(*connect)(void *security, const coap_address_t *address,
                               talc_failure *failure);

    /** Also within libcoap. When FAILED, `failure` (never NULL) is filled: its status is that of
     * the requests, TALC_ERROR_VERIFY, _REFUSED, _UNREACHABLE, _PROTOCOL, _TIMEOUT, _MEMORY before
     * the session was READY, TALC_ERROR_SESSION_LOST afterwards. */
    talc_coap_security_state (*state)(void *security, coap_session_t *session,
                                      talc_failure *failure);

    /** Fills is_open, peer, protocol and cipher_suite for a session that is READY. In `none` the
     * link knows when to call it. */
    void (*describe)(void *security, coap_session_t *session, talc_session_info *info);

    /** Before the link gives a session up, in whatever state: says close_notify, forgets it. */
    void (*disconnect)(void *security, coap_session_t *session);

    /* ---- server: the app data of its sessions is the security's */

    /** Within libcoap, for each request that arrives. TALC_OK: `*guest` is the sender, valid until
     * the callback returns (the link copies what it needs). Any other status: the request is
     * answered 4.01 without looking at it. */
    talc_status (*admit)(void *security, coap_session_t *session, const talc_coap_guest **guest);

    /** As talc_direct_server.count(). */
    void (*count)(void *security, size_t *open, size_t *half_open);
} talc_coap_security;

extern const talc_coap_security talc_coap_security_none;
extern const talc_coap_security talc_coap_security_dtls;

/** The row of a mode; NULL if it has none. */
const talc_coap_security *talc_coap_security_find(talc_mode mode);

#endif
