/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_CLIENT_REQUESTS_H
#define TALC_LIB_CLIENT_REQUESTS_H

/**
 * The requests of a client that have no answer yet, and what a lost session means for each: the
 * list keeps every message as it will be sent, so that it can go out again in another session.
 */

#include "lib/conversation.h"
#include "talc/client.h"

#define TALC_RESTARTS_MAX 3 /**< sessions that may be lost under one request */

typedef enum talc_request_state {
    TALC_REQUEST_WAITS = 0, /**< for a session */
    TALC_REQUEST_QUEUED,    /**< in the conversation; nothing of it has left */
    TALC_REQUEST_SENT,      /**< the server may have executed it */
    TALC_REQUEST_HELD       /**< until the server says that the lost session is closed */
} talc_request_state;

typedef struct talc_client_request {
    struct talc_client_request *prev; /* utlist.h */
    struct talc_client_request *next;
    uint32_t number; /**< another one for each request of a client */
    talc_request_state state;
    talc_method method;
    bool is_repeatable;
    unsigned restarts;
    uint64_t queued_ms;
    uint64_t offset; /**< SENT: where its first record begins in the session's stream, at least */
    uint64_t deadline_ms;
    talc_response_callback *callback;
    void *context;
    uint8_t token_size;
    uint8_t token[TALC_TOKEN_SIZE_MAX];
    size_t message_size;
    uint8_t *message; /**< owned; wiped */
} talc_client_request;

typedef struct talc_client_requests {
    talc_client_request *first;
    size_t message_bytes; /**< of all, and of their upkeep */
    uint32_t next_token;
} talc_client_requests;

/** Encodes and appends a request. TALC_ERROR_ARGUMENT, TALC_ERROR_TOO_LARGE, TALC_ERROR_MEMORY. */
talc_status talc_client_requests_add(talc_client_requests *requests, const talc_request *request,
                                     talc_client_request **added);

/** What is wrong with a request that was refused, naming the field. Static text. */
const char *talc_client_requests_fault(const talc_request *request, size_t message_size_max);

/** The request with the token of a response, or NULL. */
talc_client_request *talc_client_requests_find(const talc_client_requests *requests,
                                               const talc_frame *response);

/** Takes a request out of the list, calls its callback and frees it. */
void talc_client_requests_complete(talc_client_requests *requests, talc_client_request *request,
                                   talc_status status, const talc_response *response);

/** Completes all requests that are there now; callbacks may add others. */
void talc_client_requests_complete_all(talc_client_requests *requests, talc_status status);

/** What the next session can learn of the lost one. */
typedef enum talc_loss {
    TALC_LOSS_NAMED = 0, /**< its CSM names the lost session, and the server says what became of it */
    TALC_LOSS_UNNAMED    /**< it names an older one */
} talc_loss;

/** The session is gone: decides for each request whether it waits for the next one, is held, or
 * ends with TALC_ERROR_SESSION_LOST. */
void talc_client_requests_restart(talc_client_requests *requests, talc_loss loss);

/** The server closed the session and vouches for having read our stream up to `read`: what began to
 * leave beyond was never executed and waits for the next session, whatever its method. */
void talc_client_requests_spare(talc_client_requests *requests, uint64_t read);

/** The next session is open: lets held requests go (the lost session is certainly closed) or ends
 * them. */
void talc_client_requests_release(talc_client_requests *requests);
void talc_client_requests_give_up_held(talc_client_requests *requests);

/** Whether one has this state. */
bool talc_client_requests_any(const talc_client_requests *requests, talc_request_state state);

/** The earliest deadline, UINT64_MAX if there is no request. */
uint64_t talc_client_requests_deadline(const talc_client_requests *requests);

#endif
