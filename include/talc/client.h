/* SPDX-License-Identifier: MIT */
#ifndef TALC_CLIENT_H
#define TALC_CLIENT_H

/**
 * A client of one server. It opens a session with the first request, keeps it over changes of
 * address, proxy and carrier, and opens another when the server has lost it.
 *
 * A client belongs to one thread at a time; several clients may run in several threads.
 */

#include "talc/config.h"
#include "talc/message.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A client. */
typedef struct talc_client talc_client;

/**
 * Makes a client of the server at `uri` ("coap://host[:port]", "http://host[:port][/base]", https
 * likewise, talc_loopback_uri(), or whatever config->carrier understands). `proxy_uri` is NULL or what
 * the requests go to instead: a CoAP forward proxy ("coap://host[:port]"; it may be one that
 * translates to HTTP), an HTTP one ("http://host[:port]"), or for a coap:// server a gateway that maps
 * HTTP to CoAP ("http://host[:port][/hc]", RFC 8075 section 5.3).
 * Resolves names, sends nothing. On TALC_OK `*client` is the caller's: talc_client_free(). On error
 * it is NULL and config->failure tells why: TALC_ERROR_ARGUMENT (a field of the configuration, or a
 * URI that is none), TALC_ERROR_UNSUPPORTED (mode or scheme), TALC_ERROR_UNREACHABLE (a name that
 * does not resolve), TALC_ERROR_TOO_LARGE (a URI too long to leave room in a message),
 * TALC_ERROR_TRUST and TALC_ERROR_IDENTITY (they do not suffice), TALC_ERROR_MEMORY,
 * TALC_ERROR_RANDOM, TALC_ERROR_IO (the journal), or what a carrier of the caller's says.
 */
TALC_API talc_status talc_client_new(talc_client **client, const talc_config *config,
                                     const char *uri, const char *proxy_uri);

/**
 * Sends a request and waits for its response. `response` is overwritten; release it with
 * talc_response_clear(). An error response of the application (4.04, 5.00) is TALC_OK. Errors:
 *
 *   TALC_ERROR_ARGUMENT      a field of the request; or called from a callback
 *   TALC_ERROR_TOO_LARGE     the request is larger than this side or the server takes
 *   TALC_ERROR_UNREACHABLE   no session until the deadline: nobody is there, or what answers has
 *                            none for us (a proxy, a server without talc)
 *   TALC_ERROR_OVERLOADED    no session until the deadline: the server says that it has no room
 *   TALC_ERROR_TIMEOUT       no answer until the deadline
 *   TALC_ERROR_VERIFY        the server is not who it has to be
 *   TALC_ERROR_REFUSED       the server refused our credential or our parameters
 *   TALC_ERROR_PROTOCOL      the handshake failed otherwise
 *   TALC_ERROR_UNSUPPORTED   the response holds a critical option that is not known here, or the
 *                            server does not serve this kind of session
 *   TALC_ERROR_SESSION_LOST  see status.h, and talc_request.is_repeatable
 *   TALC_ERROR_CLOSED        the client is closing
 *   TALC_ERROR_MEMORY, TALC_ERROR_RANDOM
 *
 * talc_client_failure() tells more.
 */
TALC_API talc_status talc_client_fetch(talc_client *client, const talc_request *request,
                                       talc_response *response);

/** Called once for each request: with TALC_OK and the response, or with an error of
 * talc_client_fetch() or TALC_ERROR_CANCELLED (talc_client_free()) and NULL. May send more
 * requests; must not free, reroute, close, process or wait for the client. */
typedef void talc_response_callback(void *context, talc_status status,
                                    const talc_response *response);

/**
 * Queues a request; any number may be under way, and their responses come in any order, from
 * within talc_client_process(). TALC_PENDING when queued; then `callback` (not NULL) is called
 * exactly once with `context`, at the latest by talc_client_close() or talc_client_free().
 * TALC_WANT_ROOM: pipeline_size_max is reached, call again when responses have come. On any other
 * status the callback is not called: TALC_ERROR_ARGUMENT, TALC_ERROR_TOO_LARGE, TALC_ERROR_MEMORY,
 * TALC_ERROR_CLOSED (a talc_client_close() is under way). May be called from a callback.
 */
TALC_API talc_status talc_client_send(talc_client *client, const talc_request *request,
                                      talc_response_callback *callback, void *context);

/** Does what can be done without waiting: sends, receives, repeats, calls back. Call it when
 * talc_client_descriptor() is readable or talc_client_timeout_ms() has passed. TALC_OK, or what
 * the carrier says (TALC_ERROR_IO: its socket failed); what happens to requests is told by their
 * callbacks. TALC_ERROR_ARGUMENT: called from a callback. */
TALC_API talc_status talc_client_process(talc_client *client);

/** Waits at most `timeout_ms` for something to do, and does it. Returns as
 * talc_client_process(). */
TALC_API talc_status talc_client_wait(talc_client *client, uint32_t timeout_ms);

/** For the caller's event loop: becomes readable when there is something to do; -1 if the carrier
 * has none. It may change when the client is rerouted. */
TALC_API int talc_client_descriptor(const talc_client *client);

/** Milliseconds until talc_client_process() wants to be called even if nothing arrives;
 * UINT32_MAX for never. Counted from this call: a loop that asks again before it has called
 * talc_client_process() goes by the earlier of the times. */
TALC_API uint32_t talc_client_timeout_ms(const talc_client *client);

/**
 * Goes on over another path: the same or another address of the server, with another proxy or none,
 * by the carrier that the new URI names. The session goes on, requests under way too, and the name
 * that the server has to prove stays the first one. On error the old path stays and
 * talc_client_failure() tells why: TALC_ERROR_ARGUMENT (also: called from a callback),
 * TALC_ERROR_UNSUPPORTED, TALC_ERROR_UNREACHABLE, TALC_ERROR_TOO_LARGE, TALC_ERROR_MEMORY as with
 * talc_client_new(), or what a carrier of the caller's says.
 */
TALC_API talc_status talc_client_reroute(talc_client *client, const char *uri,
                                         const char *proxy_uri);

/** What is known of the session. Counters run from its start. In modes `none` and `dtls` nothing is
 * tunnelled: session_id is zeros, and what counts envelopes and records is 0. */
typedef struct talc_session_info {
    int is_open;               /**< 1 once both sides have authenticated each other and said so */
    uint8_t session_id[TALC_SESSION_ID_SIZE]; /**< as in the addresses of its bodies */
    talc_peer peer;            /**< of a client: the server; of a server: the client */
    char protocol[16];         /**< "TLSv1.3" */
    char cipher_suite[64];     /**< IANA's name */
    uint32_t handshake_exchanges; /**< client: exchanges until the handshake was over on its side */
    uint32_t exchanges;        /**< request bodies sent (client) or taken (server) */
    uint32_t repeats;          /**< of them, repeats of an unanswered one (client) */
    uint64_t body_bytes_out;   /**< envelopes as text, repeats counted */
    uint64_t body_bytes_in;    /**< likewise, as they arrived */
    uint64_t record_bytes_out; /**< the stream of records inside them, each byte once */
    uint64_t record_bytes_in;  /**< likewise */
    uint64_t dropped_envelopes; /**< with a wrong or missing guard tag, or an acknowledgement of
                                     what was never sent */
    int is_resumed; /**< 1 if a ticket stood in for the credentials, which were proved before */
} talc_session_info;

/** Fills `info`; zeros before the first session. Between sessions exchanges, repeats and body bytes
 * are still those of the last one, the other fields are 0. */
TALC_API void talc_client_info(const talc_client *client, talc_session_info *info);

/** The reasons behind the last error that a request or call of this client met. Never NULL, for a
 * NULL client neither; valid until the next call with this client. */
TALC_API const talc_failure *talc_client_failure(const talc_client *client);

/** Ends the session in good order (Release, RFC 8323 section 5.5, and close_notify), waiting at
 * most `timeout_ms` for the server to confirm it. Requests under way end with TALC_ERROR_CLOSED. A
 * later request opens a new session.
 * With a `timeout_ms` of 0 it does not wait: TALC_PENDING says that talc_client_process() does the
 * rest within request_timeout_ms, until when talc_client_send() returns TALC_ERROR_CLOSED; then
 * `is_open` of talc_client_info() is 0. A client whose server runs in the same thread needs this
 * form.
 * TALC_OK (also when there was no open session: half a handshake is just dropped), TALC_PENDING,
 * TALC_ERROR_TIMEOUT, TALC_ERROR_SESSION_LOST (the server did not know it any more),
 * TALC_ERROR_ARGUMENT (called from a callback). Unless the last one is returned, the session is
 * gone or, with TALC_PENDING, will be. */
TALC_API talc_status talc_client_close(talc_client *client, uint32_t timeout_ms);

/** Ends everything without a word to the server; requests under way end with TALC_ERROR_CANCELLED.
 * NULL is allowed. */
TALC_API void talc_client_free(talc_client *client);

#ifdef __cplusplus
}
#endif

#endif
