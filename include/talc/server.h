/* SPDX-License-Identifier: MIT */
#ifndef TALC_SERVER_H
#define TALC_SERVER_H

/**
 * A server: many sessions, one thread, one event loop, any number of listeners that share one
 * table of sessions.
 */

#include "talc/client.h"
#include "talc/config.h"
#include "talc/message.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A server. */
typedef struct talc_server talc_server;

/** One request and the duty to answer it. */
typedef struct talc_exchange talc_exchange;

/**
 * Runs for each request on its path, once, from within talc_server_process(). Answers with
 * talc_exchange_respond(), before it returns or later; `request` is gone when it returns. Must not
 * process, wait for or free the server.
 */
typedef void talc_handler(void *context, talc_exchange *exchange, const talc_request *request);

/** Methods of a resource, for talc_server_handle(). */
#define TALC_ALLOW(method) (1u << (method))

/**
 * Makes a server without a listener. On TALC_OK `*server` is the caller's: talc_server_free(). On
 * error it is NULL and config->failure tells why: TALC_ERROR_ARGUMENT, TALC_ERROR_UNSUPPORTED
 * (mode), TALC_ERROR_TRUST and TALC_ERROR_IDENTITY (they do not suffice), TALC_ERROR_MEMORY,
 * TALC_ERROR_RANDOM, TALC_ERROR_IO (the journal).
 */
TALC_API talc_status talc_server_new(talc_server **server, const talc_config *config);

/**
 * Listens at `uri`: "coap://[::]:5683", port 0 takes a free one, "coap://[::]" means port 5683
 * (or talc_loopback_uri(), or whatever config->listener understands). May be called up to 8 times.
 * On error the configuration's failure tells why: TALC_ERROR_ARGUMENT (no URI, or too many
 * listeners), TALC_ERROR_UNSUPPORTED (scheme), TALC_ERROR_UNREACHABLE (the address cannot be had),
 * TALC_ERROR_MEMORY, or what a listener of the caller's says.
 */
TALC_API talc_status talc_server_listen(talc_server *server, const char *uri);

/** The port of the listener with this number (0 is the first), 0 if there is none. */
TALC_API uint16_t talc_server_port(const talc_server *server, size_t listener);

/**
 * Serves `path` (as in talc_request; copied) with `handler` for the methods of `methods`
 * (TALC_ALLOW values or-ed). A path may be added several times with other methods. Other paths are
 * answered 4.04, other methods 4.05. `context` is handed to the handler. TALC_ERROR_ARGUMENT (no
 * method or one that is not known, no handler, a path and method served already, a path that is
 * malformed or too long), TALC_ERROR_MEMORY.
 */
TALC_API talc_status talc_server_handle(talc_server *server, const char *path, unsigned methods,
                                        talc_handler *handler, void *context);

#define TALC_RESOURCE_FORMATS_MAX 4 /**< content formats of a description */

/** What discovery tells of a resource (RFC 6690). Strings are copied; NULL or 0: not told. */
typedef struct talc_resource_description {
    int content_formats[TALC_RESOURCE_FORMATS_MAX]; /**< `ct`: what it gives, as in talc_response;
                                                         ends at the first TALC_FORMAT_NONE */
    const char *resource_type; /**< `rt`: its types, a space between two */
    const char *interfaces;    /**< `if`: likewise */
    const char *title;         /**< `title` */
    int is_hidden;             /**< 1: discovery does not list it at all */
} talc_resource_description;

/**
 * Describes a resource that talc_server_handle() serves, in place of what was said of it before. GET
 * /.well-known/core lists all resources, in every mode, in the order of their paths, unless the
 * program serves that path itself; a query such as "rt=temperature*" selects (RFC 6690 section 4.1).
 * TALC_ERROR_ARGUMENT: no such path, a format that is none, a string with '"', '\\' or a control
 * character; TALC_ERROR_TOO_LARGE: a string above 255 bytes; TALC_ERROR_MEMORY.
 */
TALC_API talc_status talc_server_describe(talc_server *server, const char *path,
                                          const talc_resource_description *description);

/**
 * Answers a request; to be called exactly once for each exchange, which is gone afterwards.
 * `response` is copied. TALC_OK; TALC_ERROR_TOO_LARGE: larger than the client takes, it gets 5.00;
 * TALC_ERROR_ARGUMENT: not a response (code, format or payload), it gets 5.00;
 * TALC_ERROR_SESSION_LOST: the session ended meanwhile, nobody hears the answer; TALC_ERROR_MEMORY
 * likewise: out of memory, or the client asks and does not take its answers, and its session is
 * ended. With a NULL argument it is TALC_ERROR_ARGUMENT and the exchange stays.
 */
TALC_API talc_status talc_exchange_respond(talc_exchange *exchange, const talc_response *response);

/** The authenticated sender; TALC_CREDENTIAL_NONE and no name for an anonymous one. Valid until the
 * exchange is answered. */
TALC_API const talc_peer *talc_exchange_peer(const talc_exchange *exchange);

/** Does what can be done without waiting: takes bodies, runs handlers, answers, ends what is too
 * old. TALC_OK, an error of a listener (TALC_ERROR_IO: its socket failed; the others go on), or
 * TALC_ERROR_ARGUMENT: called from a handler. */
TALC_API talc_status talc_server_process(talc_server *server);

/** Waits at most `timeout_ms` for something to do, and does it. Statuses of
 * talc_server_process(). */
TALC_API talc_status talc_server_wait(talc_server *server, uint32_t timeout_ms);

/** For the caller's event loop: the descriptor of the listener with this number, -1 if it has
 * none or there is no such listener. */
TALC_API int talc_server_descriptor(const talc_server *server, size_t listener);

/** Milliseconds until talc_server_process() wants to be called even if nothing arrives;
 * UINT32_MAX for never. Counted from this call, as talc_client_timeout_ms(). */
TALC_API uint32_t talc_server_timeout_ms(const talc_server *server);

/** How full the server is. */
typedef struct talc_server_info {
    size_t sessions;   /**< open and half-open */
    size_t half_open;  /**< of them, those whose handshake is not over */
    size_t tombstones; /**< ended and refused ones that still repeat their last words */
} talc_server_info;

/** Fills `info`. */
TALC_API void talc_server_info_get(const talc_server *server, talc_server_info *info);

/** Fills `info` for the session of an exchange; zeros when that has ended. */
TALC_API void talc_exchange_info(const talc_exchange *exchange, talc_session_info *info);

/** Closes listeners and sessions without a word to the clients. Exchanges not answered yet must
 * still be answered afterwards; nobody hears it. NULL is allowed. */
TALC_API void talc_server_free(talc_server *server);

#ifdef __cplusplus
}
#endif

#endif
