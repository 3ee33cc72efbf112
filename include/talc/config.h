/* SPDX-License-Identifier: MIT */
#ifndef TALC_CONFIG_H
#define TALC_CONFIG_H

/**
 * The configuration of a client or a server.
 *
 * Start from TALC_CONFIG_DEFAULT and change what you need; everything else has a sensible value.
 * New fields are added at the end, and `config_size` tells the library which ones the program knew.
 * All pointers are the caller's. Strings are copied; identity, trust, registry and tickets are held; the
 * others (carrier, listener, callbacks and their contexts, a server's failure) have to live as long
 * as the client or server. A field that is marked for one side has no effect on the other. A value
 * outside its range is TALC_ERROR_ARGUMENT.
 */

#include "talc/carrier.h"
#include "talc/identity.h"
#include "talc/registry.h"
#include "talc/status.h"
#include "talc/tickets.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What protects a request. The rest of a program is the same in every mode; URIs say coap:// in
 * every mode, and coaps:// is understood too in TALC_MODE_DTLS, whose default port is 5684.
 *
 * | mode | the client has | the server has |
 * |---|---|---|
 * | none | | |
 * | tls, dtls | trust (anchors, pins), and a certificate as identity if the server asks for one; or a pre-shared key as identity | a certificate as identity, and trust in its clients (anchors, pins); or trust in pre-shared keys; or both |
 * | ecc | a device's key as identity, trust in the server's key | a P-256 key as identity, and a registry |
 */
typedef enum talc_mode {
    TALC_MODE_NONE = 0, /**< nothing: plain CoAP (RFC 7252), for any peer that speaks it */
    TALC_MODE_TLS = 1,  /**< TLS end to end, through whatever stands between; a server with a registry
                             serves `ecc` beside it */
    TALC_MODE_DTLS = 2, /**< DTLS below CoAP (RFC 7252 section 9), to the next hop: a proxy reads all.
                             TALC_ERROR_UNSUPPORTED where libcoap was built without TLS */
    TALC_MODE_ECC = 3   /**< a light elliptic-curve handshake end to end, between a device and a
                             server (docs/ecc-handshake.md) */
} talc_mode;

/** Versions of TLS, as on the wire. */
typedef enum talc_tls_version {
    TALC_TLS_1_2 = 0x0303, /**< RFC 5246, always with the extended master secret (RFC 7627) */
    TALC_TLS_1_3 = 0x0304  /**< RFC 8446 */
} talc_tls_version;

/** What a server asks of its clients. */
typedef enum talc_client_authentication {
    TALC_CLIENTS_AUTHENTICATED = 0, /**< every client proves an identity that `trust` believes */
    TALC_CLIENTS_ANONYMOUS = 1      /**< clients that show none are served too, as nobody; one that
                                         is shown still has to be believed, if `trust` holds
                                         anchors or pins */
} talc_client_authentication;

/** Whether bodies larger than one message travel block-wise (RFC 7959). */
typedef enum talc_blockwise {
    TALC_BLOCKWISE_AUTO = 0,  /**< on direct paths until one fails; never through a proxy */
    TALC_BLOCKWISE_NEVER = 1  /**< a large record goes in several bodies */
} talc_blockwise;

/** What a server tells `on_event`. */
typedef enum talc_event_kind {
    TALC_EVENT_SESSION_OPENED = 1, /**< both sides are authenticated; `peer` is set */
    TALC_EVENT_SESSION_REFUSED,    /**< a handshake failed or took too long; `failure` is set */
    TALC_EVENT_SESSION_CLOSED,     /**< ended in order, or by time-out or replacement */
    TALC_EVENT_SESSION_FAILED,     /**< ended by a fault after it was open; `failure` is set */
    TALC_EVENT_ENVELOPE_DROPPED,   /**< an envelope for a session was malformed, its guard tag was
                                        wrong or missing, or it acknowledged what was never sent */
    TALC_EVENT_REGISTRY_REFUSED    /**< the registry's file has changed and cannot be used; `failure` is
                                        set, session_id and peer are not */
} talc_event_kind;

/** Something that an operator may want to read. Pointers are talc's, valid during the call. */
typedef struct talc_event {
    talc_event_kind kind;        /**< what happened */
    uint8_t session_id[TALC_SESSION_ID_SIZE]; /**< to which session */
    const talc_peer *peer;       /**< NULL until authenticated */
    const talc_failure *failure; /**< NULL if nothing failed */
} talc_event;

/** Defaults in brackets. */
typedef struct talc_config {
    size_t config_size; /**< set by TALC_CONFIG_DEFAULT; leave it. Any other value, 0 too, is
                             TALC_ERROR_ARGUMENT, and the failure below may not be found then */

    talc_mode mode;          /**< what protects requests [TALC_MODE_TLS] */
    talc_identity *identity; /**< who this side is. Client: a certificate or a pre-shared key, or NULL:
                                  nobody; ecc: a bare key with a device's ID. Server: a certificate,
                                  or NULL if it serves pre-shared keys only; ecc: a P-256 key */
    talc_trust *trust;       /**< whom this side believes. Client: needed unless the identity is a
                                  pre-shared key; ecc: the server's key. Server: needed unless its
                                  clients are anonymous; ecc: not used, see `registry` */
    const char *server_name; /**< client: the name that the server's certificate must show (RFC
                                  9525), a host name or an IP address; NULL: the host of the URI */
    talc_client_authentication client_authentication; /**< server [TALC_CLIENTS_AUTHENTICATED] */
    talc_tls_version tls_version_min; /**< tls: oldest version that is spoken; mode dtls always speaks
                                           DTLS 1.2 [TALC_TLS_1_3] */
    talc_tls_version tls_version_max; /**< newest one, not below the oldest [TALC_TLS_1_3] */

    const char *resource_path;   /**< where the server takes envelopes; begins with '/', to 256
                                      bytes [TALC_RESOURCE_PATH] */
    uint32_t message_body_size;  /**< largest body in one message, 256..1023 bytes [1023] */
    uint32_t body_size_max;      /**< largest body at all, message_body_size..65536 bytes; a server
                                      answers a larger one with 4.13 [16384] */
    uint32_t block_size;         /**< block-wise transfer: a power of two, 16..512 bytes; below 512
                                      every body travels in blocks of this size [512] */
    talc_blockwise blockwise;    /**< client: whether large bodies are sent [TALC_BLOCKWISE_AUTO] */

    uint32_t request_timeout_ms; /**< client: deadline of a request without one of its own, above 0
                                      [30000] */
    uint32_t hold_s;             /**< client: how long the server may hold the answer to a poll, 0
                                      to 25 s; 0: the client asks again after 0.1 to 2 s [20] */
    uint32_t pipeline_size_max;  /**< bytes of a session that wait for acknowledgement, 4096 or
                                      more; of a client also bytes of requests without an answer:
                                      above that talc_client_send() says TALC_WANT_ROOM [65536] */
    uint32_t message_size_max;   /**< largest request or response inside a session, in bytes, 1152
                                      to 1 MiB [65536] */

    uint32_t sessions_max;          /**< server: open and half-open sessions, above 0; when it is
                                         full of open ones no other is admitted [1024] */
    uint32_t half_open_max;         /**< server: sessions whose handshake is not over, above 0; the
                                         oldest gives way to a new one [128] */
    uint32_t half_open_timeout_ms;  /**< server: since a handshake went on, above 0; 8 times that in
                                         all [30000] */
    uint32_t idle_timeout_ms;       /**< server: since the last envelope of a session that was no
                                         repeat, above 0 [300000] */

    const char *journal_path; /**< appends every record sent and received to this file as JSON
                                   Lines, for analysis; NULL: none */
    void (*on_event)(void *context, const talc_event *event); /**< server: may be NULL; must not
                                                                   call talc */
    void *on_event_context; /**< handed to on_event */
    uint64_t (*clock_ms)(void *context); /**< milliseconds of a clock that never goes back; NULL:
                                              the system's. Carriers and the dates of certificates
                                              keep to the system's */
    void *clock_context; /**< handed to clock_ms */
    const talc_carrier *carrier;   /**< client: a carrier of the caller's, for every URI; NULL: the
                                        one that the URI's scheme names */
    const talc_listener *listener; /**< server: likewise for talc_server_listen() */
    talc_failure *failure; /**< where talc_client_new(), talc_server_new() and
                                talc_server_listen() write why they failed; may be NULL */
    talc_registry *registry; /**< server: the devices that it serves in `ecc`. TALC_MODE_ECC needs it;
                                  with TALC_MODE_TLS it makes the server serve both, and the
                                  identity's key must be P-256; held */
    talc_tickets *tickets;   /**< client, tls: where tickets are kept; held. NULL: by the client */
    uint32_t ticket_lifetime_s; /**< tls, version 1.3: how long tickets stand in for certificates, to
                                     604800 s, counted from when these were last shown. Server: 0: none
                                     are given. Client: 0: it neither asks for one nor uses one.
                                     Sessions of pre-shared keys have none: they would only cost bytes
                                     [7200] */
    const char *https_anchors_path; /**< client: a PEM file of trust anchors for the TLS outside, of
                                         https:// URIs; NULL: the system's */
    const char *https_certificate_path; /**< server: a PEM file with certificate and chain, to listen
                                             at https:// */
    const char *https_key_path; /**< server: its key, a PEM file that only its owner may read */
    const char *key_log_path; /**< tls: appends the secrets of each session to this file, in the
                                   format that Wireshark reads (SSLKEYLOGFILE): whoever has it reads
                                   what was recorded. For analysis only; NULL: never */
} talc_config;

#define TALC_TICKET_LIFETIME_MAX_S 604800u /**< RFC 8446 section 4.6.1 */

/** That of draft-friel-tls-atls. */
#define TALC_RESOURCE_PATH "/.well-known/atls"

/** A configuration without identity and trust. */
#define TALC_CONFIG_DEFAULT                                                                        \
    {                                                                                              \
        sizeof(talc_config), TALC_MODE_TLS, NULL, NULL, NULL, TALC_CLIENTS_AUTHENTICATED,          \
            TALC_TLS_1_3, TALC_TLS_1_3, TALC_RESOURCE_PATH, TALC_MESSAGE_BODY_MAX, 16384, 512,     \
            TALC_BLOCKWISE_AUTO, 30000, 20, 65536, 65536, 1024, 128, 30000, 300000, NULL, NULL,    \
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7200, NULL, NULL, NULL, NULL           \
    }

#ifdef __cplusplus
}
#endif

#endif
