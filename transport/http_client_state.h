/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_CLIENT_STATE_H
#define TALC_TRANSPORT_HTTP_CLIENT_STATE_H

/**
 * The parts of the HTTP client. http_client.c has what its users call, the event loop, and the
 * order in which exchanges run and end; http_client_setup.c what comes before;
 * http_client_request.c makes libcurl's handle of a request; http_client_response.c takes what
 * comes back; http_client_end.c says how it ended.
 *
 * Everything belongs to the client and stays in its thread; libcurl's resolver threads touch
 * nothing of it.
 */

#include "transport/http_client.h"

#include <curl/curl.h>

#define TALC_HTTP_REASON_SIZE 512
#define TALC_HTTP_FIELDS_MAX 256 /* of a response */

typedef struct talc_http_exchange talc_http_exchange;

/** Bytes that grow by what has arrived and by nothing that a peer announces; all zero is empty. */
typedef struct talc_http_buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
} talc_http_buffer;

/** Where in a response we are. */
typedef enum talc_http_section {
    TALC_HTTP_STATUS_LINE, /**< next, of the response or of one that is interim (1xx) */
    TALC_HTTP_INTERIM,     /**< fields of an interim response */
    TALC_HTTP_FIELDS,
    TALC_HTTP_BODY /**< the header is whole; fields that still come are trailers */
} talc_http_section;

typedef struct talc_http_answer {
    talc_http_section section;
    size_t header_size;                 /**< bytes so far, all lines counted */
    talc_http_buffer texts;             /**< name, NUL, value, NUL, ... */
    size_t names[TALC_HTTP_FIELDS_MAX]; /**< where they begin in `texts` */
    size_t values[TALC_HTTP_FIELDS_MAX];
    size_t field_count;
    talc_http_field fields[TALC_HTTP_FIELDS_MAX]; /**< once it has ended */
    talc_http_buffer body;
} talc_http_answer;

/** A list's element: a client's `waiting`, `running` or `ended`. */
struct talc_http_exchange {
    talc_http_exchange *prev, *next; /* utlist.h */
    talc_http_client *client;
    uint32_t number;
    uint64_t deadline_ms; /**< 0: none */
    CURL *easy;
    struct curl_slist *lines;        /**< of the request's header */
    uint8_t *body;                   /**< of the request */
    char *peer;                      /**< "http://host:port", for reasons */
    char complaint[CURL_ERROR_SIZE]; /**< libcurl's */
    int is_idempotent;               /**< RFC 9110 section 9.2.2 */
    int has_begun;                   /**< libcurl has had it */
    int has_passed_over;             /**< an address that is not allowed */
    int has_connected;               /**< over a socket of its own and no kept one */
    int was_sent;                    /**< the request may have left, in parts at least */
    int is_stale;                    /**< nothing was sent: the kept connection is of no use */
    int is_refused;                  /**< by a callback of ours: `end` says why */
    talc_http_end end;
    char reason[TALC_HTTP_REASON_SIZE]; /**< "" while it runs */
    unsigned status;
    talc_http_answer answer;
};

struct talc_http_client {
    CURLM *multi;
    int epoll;
    int is_broken;      /**< epoll has refused a socket */
    uint64_t timer_ms;  /**< when libcurl wants to be called; 0: not by time */
    char *proxy;        /**< NULL: none */
    char *anchors_path; /**< NULL: the system's */
    size_t body_size;
    size_t header_size;
    size_t exchanges_max;
    size_t connections_max;
    size_t kept_max;
    talc_http_addresses addresses;
    uint32_t connect_timeout_ms;
    uint32_t timeout_ms;
    void (*ended)(void *context, const talc_http_result *result);
    void *ended_context;
    talc_http_exchange *waiting; /**< for one of connections_max to be free, in their order */
    talc_http_exchange *running; /**< libcurl has them */
    talc_http_exchange *done;    /**< to be told */
    size_t exchange_count;       /**< in all three */
    size_t running_count;
    int *sockets; /**< that libcurl has open, kept ones too */
    size_t socket_count;
    size_t socket_capacity;
};

/** Milliseconds of a clock that never goes back, above 0. */
uint64_t talc_http_now_ms(void);

/* ---- http_client.c */

/** Notes that libcurl has opened or closes a socket. -1: no memory. */
int talc_http_socket_add(talc_http_client *client, int socket);
void talc_http_socket_remove(talc_http_client *client, int socket);

/** Whether something lies unread at the end of the connection with this local port, or its peer has
 * closed it. Before a request that is nobody's answer. */
int talc_http_socket_is_stale(const talc_http_client *client, uint16_t local_port);

/* ---- http_client_setup.c */

/** Starts libcurl, once in a process, from whichever thread. TALC_OK, TALC_ERROR_IO,
 * TALC_ERROR_UNSUPPORTED: it would wait for the resolver. */
talc_status talc_http_library_start(talc_failure *failure);

/** Looks into a file of trust anchors and copies its path; NULL: nothing to do. TALC_OK,
 * TALC_ERROR_TRUST, TALC_ERROR_MEMORY. */
talc_status talc_http_anchors_take(talc_http_client *client, const char *path,
                                   talc_failure *failure);

/* ---- http_client_request.c */

/** Checks a proxy's URI and copies it. TALC_OK, TALC_ERROR_ARGUMENT, TALC_ERROR_MEMORY. */
talc_status talc_http_proxy_take(talc_http_client *client, const char *uri, talc_failure *failure);

/** A new exchange, ready to be run; `attempt` as in talc_http_client_send(). Its memory is the
 * caller's. TALC_OK; TALC_ERROR_ARGUMENT, TALC_ERROR_MEMORY: `*exchange` is NULL. */
talc_status talc_http_exchange_new(talc_http_exchange **exchange, talc_http_client *client,
                                   uint32_t attempt, const talc_http_message *request);

/** NULL is allowed. libcurl must not have it any more. */
void talc_http_exchange_free(talc_http_exchange *exchange);

/* ---- http_client_response.c */

/** libcurl's callbacks for lines of the header and for bytes of the body; `context` is the
 * exchange. Less than `size` ends the exchange, and is_refused and `end` say why. */
size_t talc_http_take_line(char *line, size_t unit, size_t size, void *context);
size_t talc_http_take_body(char *bytes, size_t unit, size_t size, void *context);

/** Empties what has come, for another try. */
void talc_http_answer_clear(talc_http_answer *answer);

/** What has come as a message, whose pointers are the exchange's. */
void talc_http_answer_read(talc_http_exchange *exchange, talc_http_message *response);

/* ---- http_client_end.c */

/** Sets `end` and `reason` by what libcurl says. */
void talc_http_exchange_judge(talc_http_exchange *exchange, CURLcode code);

/** The same for an exchange whose deadline has passed, in libcurl's hands or before. */
void talc_http_exchange_expire(talc_http_exchange *exchange);

#endif
