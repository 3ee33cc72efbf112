/* SPDX-License-Identifier: MIT */
#ifndef TALC_CARRIER_H
#define TALC_CARRIER_H

/**
 * The link below a session: it takes one request body to the other side and brings one answer body
 * back, and knows nothing else. CoAP and a loopback in memory come with talc; people bring their
 * own (BLE, serial lines, MQTT) by filling the two tables below. docs/adding-a-carrier.md walks
 * through one.
 *
 * A carrier need not be reliable, ordered or secure: it may lose, repeat, delay and damage bodies.
 * It never waits, holds no lock, and calls back only from within process().
 */

#include "talc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TALC_SESSION_ID_SIZE 12   /**< bytes; written as 16 base64url characters in addresses */
#define TALC_MESSAGE_BODY_MAX 1023 /**< bytes of a body that travels in one message */

/** What the path can carry. */
typedef struct talc_carrier_limits {
    size_t message_size; /**< largest body that travels in one message, 256..1023 bytes */
    size_t body_size;    /**< largest body at all, in bytes; more than message_size where larger
                              bodies are carried too (CoAP: block-wise, RFC 7959) */
} talc_carrier_limits;

/** How an exchange ended, as far as the carrier knows. */
typedef enum talc_outcome {
    TALC_OUTCOME_ANSWER = 0,  /**< something answered: `code` and `body` say what */
    TALC_OUTCOME_LOST,        /**< given up without any answer */
    TALC_OUTCOME_RESET,       /**< the path knows nothing of the exchange (RFC 7252 section 4.2) */
    TALC_OUTCOME_UNREACHABLE, /**< the operating system says that nobody is there */
    TALC_OUTCOME_TOO_LARGE    /**< the request or the answer is larger than the path carries */
} talc_outcome;

/* ---------------------------------------------------------------- client */

/** Where a client's bodies go, and how large they may be. */
typedef struct talc_carrier_target {
    const char *uri;       /**< the server, "coap://host:port", "https://host:port/base" */
    const char *proxy_uri; /**< a forward proxy, or NULL; it may speak another protocol than `uri` */
    const char *path;      /**< of the server's resource, "/.well-known/atls" */
    size_t message_size;   /**< wanted, 256..1023 bytes */
    size_t body_size;      /**< wanted; not above message_size if large bodies are not wanted */
    size_t block_size;     /**< of block-wise transfer, a power of two from 16 to 512 bytes */
    const char *https_anchors_path; /**< as in talc_config */
} talc_carrier_target;

/** One request body on its way out. All pointers are the caller's; the carrier copies. */
typedef struct talc_carrier_request {
    uint32_t exchange; /**< names the exchange in its answer; not reused while it is open */
    uint32_t attempt;  /**< 0, or counts the repeats: from 1 on the carrier takes a fresh path if
                            it can (another source port, another connection) */
    const uint8_t *session_id; /**< TALC_SESSION_ID_SIZE bytes, for the address */
    const uint8_t *body;       /**< never NULL */
    size_t body_size;          /**< bytes, never 0 */
} talc_carrier_request;

/** What came back. All pointers are the carrier's, valid during the call. */
typedef struct talc_carrier_answer {
    uint32_t exchange;    /**< as in the request */
    talc_outcome outcome; /**< how it ended */
    uint8_t code; /**< CoAP code or the CoAP code that other protocols' status corresponds to (RFC
                       8075 section 7); 0 if there was none */
    const uint8_t *body; /**< may be NULL when body_size is 0 */
    size_t body_size;    /**< bytes; 0 unless something answered */
    uint32_t retry_after_ms; /**< Max-Age of a 5.03 or 4.29, Retry-After of HTTP; 0 if none was
                                  given */
    const char *reason; /**< why nothing of use came, in one line that names the peer, for
                             talc_client_failure(); NULL: none is known */
} talc_carrier_answer;

/** The client's end of the callbacks. `answer` comes at most once for an exchange; from within it
 * send() and cancel() may be called, process() and close() not. */
typedef struct talc_carrier_events {
    void *context; /**< handed back */
    void (*answer)(void *context, const talc_carrier_answer *answer);
} talc_carrier_events;

/** A client's carrier. `link` is whatever open() made. */
typedef struct talc_carrier {
    const char *scheme; /**< of the URIs it serves, "coap" */

    /** Resolves and prepares; sends nothing. `events` is copied. `target`'s strings are the
     * caller's. On error `*link` is NULL and `failure` (never NULL) tells why; the status is what
     * talc_client_new() or talc_client_reroute() returns. */
    talc_status (*open)(void **link, const talc_carrier_target *target,
                        const talc_carrier_events *events, talc_failure *failure);

    /** What the link carries; asked once, after open(). */
    talc_carrier_limits (*limits)(void *link);

    /** Starts an exchange. An error means that it did not start and no answer will come:
     * TALC_ERROR_UNREACHABLE, TALC_ERROR_TOO_LARGE, TALC_ERROR_MEMORY. */
    talc_status (*send)(void *link, const talc_carrier_request *request);

    /** Forgets an exchange: its answer is not wanted any more. Unknown ones are allowed. */
    void (*cancel)(void *link, uint32_t exchange);

    /** Does what can be done without waiting. TALC_OK, or an error that talc_client_process()
     * returns. */
    talc_status (*process)(void *link);

    /** Readable when process() has something to do; -1 if the carrier has none. */
    int (*descriptor)(void *link);

    /** Milliseconds until process() has to be called whatever the descriptor says;
     * UINT32_MAX for never. */
    uint32_t (*timeout_ms)(void *link);

    /** Ends all exchanges without callbacks and frees the link. */
    void (*close)(void *link);
} talc_carrier;

/* ---------------------------------------------------------------- server */

/** Where a server listens, and how large bodies may be. */
typedef struct talc_listener_target {
    const char *uri;     /**< "coap://[::]:5683"; port 0 takes a free one */
    const char *path;    /**< of the resource, "/.well-known/atls" */
    size_t message_size; /**< as in talc_carrier_target */
    size_t body_size;    /**< largest body taken from anyone; 4.13 above */
    size_t anonymous_body_size; /**< largest body taken for an id that `known` denies */
    size_t block_size;   /**< as in talc_carrier_target */
    const char *https_certificate_path; /**< as in talc_config */
    const char *https_key_path;         /**< likewise */
} talc_listener_target;

/** One request body that arrived. All pointers are the listener's, valid during the call. */
typedef struct talc_inbound {
    const uint8_t *session_id; /**< TALC_SESSION_ID_SIZE bytes, or NULL: the address held none */
    const void *peer;          /**< the sender's address as bytes, to compare only */
    size_t peer_size;          /**< bytes, at most 64 */
    const uint8_t *body;
    size_t body_size;          /**< bytes, may be 0 */
    void *reply; /**< a handle: the server gives it back in exactly one call of reply() */
} talc_inbound;

/** The answer to one request body. All pointers are the server's; the listener copies. */
typedef struct talc_reply {
    uint8_t code;        /**< CoAP code, 2.04 on success */
    const uint8_t *body; /**< may be NULL when body_size is 0 */
    size_t body_size;    /**< bytes */
    uint32_t retry_after_s; /**< for 5.03, 0 if none */
} talc_reply;

/** The server's end of the callbacks. */
typedef struct talc_listener_events {
    void *context; /**< handed back */
    /** From within it reply() may be called; what `inbound` points to stays until it returns. */
    void (*inbound)(void *context, const talc_inbound *inbound);
    /** True (1) if a session of this id is open or half-open: decides how large a body may grow. */
    int (*known)(void *context, const uint8_t *session_id);
} talc_listener_events;

/** A server's carrier. `link` is whatever open() made. */
typedef struct talc_listener {
    const char *scheme; /**< of the URIs it serves */

    /** Binds. `events` is copied, `target`'s strings are the caller's. On error `*link` is NULL and
     * `failure` (never NULL) tells why; the status is what talc_server_listen() returns. */
    talc_status (*open)(void **link, const talc_listener_target *target,
                        const talc_listener_events *events, talc_failure *failure);

    /** Answers an inbound request and gives its handle up, at once or later. `reply` NULL: no
     * answer will be given. The path may be gone: then nothing happens. */
    void (*reply)(void *link, void *handle, const talc_reply *reply);

    /** These three as in talc_carrier; talc_server_process() returns an error of process(). */
    talc_status (*process)(void *link);
    int (*descriptor)(void *link);
    uint32_t (*timeout_ms)(void *link);

    /** The port that is bound, or 0 if there is no such thing. */
    uint16_t (*port)(void *link);

    /** Ends and frees the link. The server has given every handle back before it calls this. */
    void (*close)(void *link);
} talc_listener;

/* ---------------------------------------------------------------- loopback */

/** A carrier in memory: what a client sends is an inbound request of the listener on the same
 * loopback. One loopback serves one listener and any number of clients, all in one thread. */
typedef struct talc_loopback talc_loopback;

/** On TALC_OK the loopback is the caller's: free it after its clients and its server.
 * TALC_ERROR_MEMORY. */
TALC_API talc_status talc_loopback_new(talc_loopback **loopback);

/** NULL is allowed. */
TALC_API void talc_loopback_free(talc_loopback *loopback);

/** The URI under which this loopback is found ("loopback://1"); valid as long as it. */
TALC_API const char *talc_loopback_uri(const talc_loopback *loopback);

#ifdef __cplusplus
}
#endif

#endif
