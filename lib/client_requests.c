/* SPDX-License-Identifier: MIT */
#include "lib/client_requests.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/crypto.h"

/* With its upkeep, so that many small requests are bounded like few large ones. */
static size_t cost_of(const talc_client_request *request)
{
    return request->message_size + sizeof *request;
}

static void request_free(talc_client_request *request)
{
    if (request->message != NULL) {
        talc_wipe(request->message, request->message_size);
        free(request->message);
    }
    free(request);
}

/* RFC 8323 section 3.2 leaves the token's length to us: short ones save bytes, and inside the
 * session nobody can guess them anyway. */
static void choose_token(talc_client_requests *requests, talc_client_request *request)
{
    uint32_t number = requests->next_token++;
    request->number = number;
    uint8_t size = number > 0xFFFFFFu ? 4 : number > 0xFFFFu ? 3 : number > 0xFFu ? 2 : 1;
    request->token_size = size;
    for (uint8_t i = 0; i < size; i++) {
        request->token[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    }
}

static talc_status encode(talc_client_request *into, const talc_request *request)
{
    talc_frame frame;
    talc_frame_init(&frame, (uint8_t)request->method);
    talc_status status = talc_path_normalize(request->path, frame.path);
    if (status == TALC_OK) {
        status = talc_query_normalize(request->query, frame.query);
    }
    if (status != TALC_OK) {
        return status;
    }
    frame.token_size = into->token_size;
    memcpy(frame.token, into->token, sizeof frame.token);
    frame.content_format = talc_format_to_option(request->content_format);
    frame.accept = talc_format_to_option(request->accept);
    frame.payload = request->payload;
    frame.payload_size = request->payload_size;
    size_t capacity = talc_frame_size_max(&frame);
    into->message = malloc(capacity);
    into->message_size = capacity;
    if (into->message == NULL) {
        return TALC_ERROR_MEMORY;
    }
    return talc_frame_write(&frame, into->message, capacity, &into->message_size);
}

static bool is_valid(const talc_request *request)
{
    return request != NULL && request->method >= TALC_GET && request->method <= TALC_DELETE &&
           (request->payload != NULL || request->payload_size == 0) &&
           talc_format_is_valid(request->content_format) &&
           talc_format_is_valid(request->accept);
}

const char *talc_client_requests_fault(const talc_request *request, size_t message_size_max)
{
    char form[TALC_PATH_SIZE_MAX + 1];
    if (request->method < TALC_GET || request->method > TALC_DELETE) {
        return "its method is none of enum talc_method";
    }
    if (request->payload == NULL && request->payload_size > 0) {
        return "its payload is NULL, and payload_size is not 0";
    }
    if (!talc_format_is_valid(request->content_format) || !talc_format_is_valid(request->accept)) {
        return "its content_format or accept is no content format";
    }
    if (talc_path_normalize(request->path, form) != TALC_OK) {
        return "its path has a broken percent-encoding, an empty first segment, one that is \".\" or "
               "\"..\", one above 255 bytes, or more than 256 bytes in all";
    }
    if (talc_query_normalize(request->query, form) != TALC_OK) {
        return "its query has a broken percent-encoding, an empty first part, one above 255 bytes, or "
               "more than 256 bytes in all";
    }
    return request->payload_size > message_size_max
               ? "its payload is larger than message_size_max of the configuration"
               : "out of memory";
}

talc_status talc_client_requests_add(talc_client_requests *requests, const talc_request *request,
                                     talc_client_request **added)
{
    *added = NULL;
    if (!is_valid(request)) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_client_request *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    choose_token(requests, made);
    talc_status status = encode(made, request);
    if (status != TALC_OK) {
        request_free(made);
        return status;
    }
    made->method = request->method;
    made->is_repeatable = request->is_repeatable != 0;
    DL_APPEND(requests->first, made);
    requests->message_bytes += cost_of(made);
    *added = made;
    return TALC_OK;
}

talc_client_request *talc_client_requests_find(const talc_client_requests *requests,
                                               const talc_frame *response)
{
    talc_client_request *request;
    DL_FOREACH(requests->first, request) {
        if (request->token_size == response->token_size &&
            memcmp(request->token, response->token, response->token_size) == 0) {
            return request;
        }
    }
    return NULL;
}

void talc_client_requests_complete(talc_client_requests *requests, talc_client_request *request,
                                   talc_status status, const talc_response *response)
{
    DL_DELETE(requests->first, request);
    requests->message_bytes -= cost_of(request);
    request->callback(request->context, status, response);
    request_free(request);
}

void talc_client_requests_complete_all(talc_client_requests *requests, talc_status status)
{
    talc_client_requests ended = *requests;
    requests->first = NULL;
    requests->message_bytes = 0;
    while (ended.first != NULL) {
        talc_client_requests_complete(&ended, ended.first, status, NULL);
    }
}

/* Whether a request that may have been executed may be executed again, or will be once the server
 * has closed the lost session, or never (RFC 7252 section 5.8: GET is safe, PUT and DELETE are
 * idempotent; but one of an old session that still runs must not undo a later one). */
static talc_request_state state_after_loss(const talc_client_request *request, talc_loss loss)
{
    if (request->state == TALC_REQUEST_HELD) {
        return TALC_REQUEST_HELD; /* of an older session, about which the next one still asks */
    }
    if (request->state != TALC_REQUEST_SENT) {
        return TALC_REQUEST_WAITS;
    }
    if (request->restarts > TALC_RESTARTS_MAX) {
        return TALC_REQUEST_SENT;
    }
    if (request->is_repeatable || request->method == TALC_GET) {
        return TALC_REQUEST_WAITS;
    }
    return request->method == TALC_POST || loss == TALC_LOSS_UNNAMED ? TALC_REQUEST_SENT
                                                                     : TALC_REQUEST_HELD;
}

void talc_client_requests_restart(talc_client_requests *requests, talc_loss loss)
{
    talc_client_requests lost = { NULL, 0, 0 };
    talc_client_request *request;
    talc_client_request *next;
    DL_FOREACH_SAFE(requests->first, request, next) {
        request->restarts += request->state == TALC_REQUEST_SENT; /* the others lost nothing */
        request->state = state_after_loss(request, loss);
        if (request->state == TALC_REQUEST_SENT) {
            DL_DELETE(requests->first, request);
            requests->message_bytes -= cost_of(request);
            DL_APPEND(lost.first, request);
            lost.message_bytes += cost_of(request);
        }
    }
    talc_client_requests_complete_all(&lost, TALC_ERROR_SESSION_LOST);
}

void talc_client_requests_spare(talc_client_requests *requests, uint64_t read)
{
    talc_client_request *request;
    DL_FOREACH(requests->first, request) {
        if (request->state == TALC_REQUEST_SENT && request->offset >= read) {
            request->state = TALC_REQUEST_WAITS;
        }
    }
}

void talc_client_requests_release(talc_client_requests *requests)
{
    talc_client_request *request;
    DL_FOREACH(requests->first, request) {
        if (request->state == TALC_REQUEST_HELD) {
            request->state = TALC_REQUEST_WAITS;
        }
    }
}

static talc_client_request *find_held(const talc_client_requests *requests)
{
    talc_client_request *request;
    DL_FOREACH(requests->first, request) {
        if (request->state == TALC_REQUEST_HELD) {
            return request;
        }
    }
    return NULL;
}

void talc_client_requests_give_up_held(talc_client_requests *requests)
{
    talc_client_request *held;
    while ((held = find_held(requests)) != NULL) {
        talc_client_requests_complete(requests, held, TALC_ERROR_SESSION_LOST, NULL);
    }
}

bool talc_client_requests_any(const talc_client_requests *requests, talc_request_state state)
{
    talc_client_request *request;
    DL_FOREACH(requests->first, request) {
        if (request->state == state) {
            return true;
        }
    }
    return false;
}

uint64_t talc_client_requests_deadline(const talc_client_requests *requests)
{
    uint64_t deadline_ms = UINT64_MAX;
    talc_client_request *request;
    DL_FOREACH(requests->first, request) {
        deadline_ms = request->deadline_ms < deadline_ms ? request->deadline_ms : deadline_ms;
    }
    return deadline_ms;
}
