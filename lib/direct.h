/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_DIRECT_H
#define TALC_LIB_DIRECT_H

/**
 * Links of the modes that tunnel nothing, `none` and `dtls`: the application's requests are the
 * messages on the wire. Like the tables in talc/carrier.h, but a link carries requests and
 * responses, knows their options, and is internal: transport/ fills them, client_direct.c and
 * server_direct.c use them.
 *
 * A link never waits, holds no lock, calls back only from within process(), and reads messages as
 * strictly as talc_frame_read() does: the same options are known, refused and passed over.
 * Transmission (RFC 7252 section 4.2), de-duplication (section 4.5) and block-wise transfer (RFC
 * 7959) are its own business.
 */

#include "lib/framing.h"
#include "talc/client.h"

/* ---------------------------------------------------------------- client */

/** Where requests go. All pointers are the caller's, used during open() only, but identity and
 * trust, which live as long as the link. */
typedef struct talc_direct_target {
    const talc_config *config; /**< mode, identity, trust, TLS versions of no importance, block_size,
                                    message_size_max: the largest request and response */
    const char *uri;           /**< the server */
    const char *proxy_uri;     /**< a forward proxy, or NULL; in `dtls` it is the peer then */
    const char *server_name;   /**< `dtls`: what the peer's certificate must show; "": nothing, for a
                                    pre-shared key proves the peer */
} talc_direct_target;

/** How a request ended. Pointers are the link's, valid during the call. */
typedef struct talc_direct_result {
    uint32_t exchange;
    talc_status status; /**< TALC_OK: `response` is there. Else TALC_ERROR_UNREACHABLE, _VERIFY,
                             _REFUSED, _PROTOCOL, _TIMEOUT (given up by the transmission rules),
                             _TOO_LARGE, _UNSUPPORTED (the response has a critical option),
                             _SESSION_LOST (the DTLS session ended meanwhile), _MEMORY */
    const talc_frame *response;  /**< its token is not used */
    const talc_failure *failure; /**< why, unless TALC_OK */
    bool never_left; /**< nothing of the request was sent: a handshake came to nothing before */
} talc_direct_result;

/** From within `ended` send() and cancel() may be called, process() and close() not. */
typedef struct talc_direct_client_events {
    void *context;
    void (*ended)(void *context, const talc_direct_result *result);
} talc_direct_client_events;

typedef struct talc_direct_client {
    /** Resolves and prepares; sends nothing. Errors as talc_carrier.open(). */
    talc_status (*open)(void **link, const talc_direct_target *target,
                        const talc_direct_client_events *events, talc_failure *failure);

    /** Sends a request, all of which is copied; its token is not used. `exchange` names it in its
     * result and is not reused while it is open. In `dtls` it leaves when the handshake is over and
     * the peer has been verified; the first one begins the handshake. TALC_OK: a result will come.
     * TALC_WANT_ROOM: too many are open; TALC_ERROR_TOO_LARGE, TALC_ERROR_MEMORY,
     * TALC_ERROR_UNREACHABLE: no result will come. */
    talc_status (*send)(void *link, uint32_t exchange, const talc_frame *request);

    /** Forgets a request: no result will come. If nothing at all was heard since it was sent, the next
     * one takes a fresh path (and a fresh DTLS session). Unknown ones are allowed. */
    void (*cancel)(void *link, uint32_t exchange);

    /** These three as in talc_carrier. */
    talc_status (*process)(void *link);
    int (*descriptor)(void *link);
    uint32_t (*timeout_ms)(void *link);

    /** Fills is_open, peer, protocol and cipher_suite; the rest is zeroed. In `none` is_open is 1 once
     * anything was answered. */
    void (*describe)(void *link, talc_session_info *info);

    /** Ends the DTLS session in good order (close_notify) without waiting; a later send() begins
     * another. Open requests are forgotten. */
    void (*finish)(void *link);

    void (*close)(void *link);
} talc_direct_client;

/* ---------------------------------------------------------------- server */

/** One request that arrived, seen once however often it was sent. Pointers are the link's, valid
 * during the call. */
typedef struct talc_direct_inbound {
    const talc_frame *request; /**< refused_option may be set; the token is not used */
    const talc_peer *peer;     /**< authenticated; engine TALC_ENGINE_NONE in mode `none` */
    const char *protocol;      /**< "DTLSv1.2"; "" in mode `none` */
    const char *cipher_suite;
    void *reply; /**< a handle: the server gives it back in exactly one call of reply() */
} talc_direct_inbound;

/** From within `request` reply() may be called. */
typedef struct talc_direct_server_events {
    void *context;
    void (*request)(void *context, const talc_direct_inbound *inbound);
    /** Sessions of `dtls` that opened, were refused, closed or failed. */
    void (*event)(void *context, const talc_event *event);
} talc_direct_server_events;

typedef struct talc_direct_server {
    /** Binds `uri`; port 0 takes a free one. `config` (mode, identity, trust, client_authentication,
     * limits) lives as long as the link. Errors as talc_listener.open(). */
    talc_status (*open)(void **link, const char *uri, const talc_config *config,
                        const talc_direct_server_events *events, talc_failure *failure);

    /** Answers a request and gives its handle up, at once or later. `response` NULL: no answer will
     * be given. The client may be gone: then nothing happens. TALC_ERROR_TOO_LARGE: above
     * message_size_max, the client gets 5.00; TALC_ERROR_SESSION_LOST: nobody hears it;
     * TALC_ERROR_MEMORY. */
    talc_status (*reply)(void *link, void *handle, const talc_frame *response);

    /** These as in talc_listener. */
    talc_status (*process)(void *link);
    int (*descriptor)(void *link);
    uint32_t (*timeout_ms)(void *link);
    uint16_t (*port)(void *link);

    /** DTLS sessions: open ones and half-open ones; zeros in mode `none`. */
    void (*count)(void *link, size_t *open, size_t *half_open);

    /** The server has given every handle back before it calls this. */
    void (*close)(void *link);
} talc_direct_server;

#endif
