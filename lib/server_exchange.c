/* SPDX-License-Identifier: MIT */
/* Requests and the duty to answer them, however they came. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/discovery.h"
#include "lib/server_state.h"

/* ---------------------------------------------------------------- who serves a request */

const talc_route_target *talc_server_target(talc_server *server, const talc_frame *frame,
                                            uint8_t *code)
{
    if (frame->refused_option != 0) {
        *code = TALC_CODE_BAD_OPTION;
        return NULL;
    }
    const talc_route_target *target =
        talc_routes_find(server->routes, frame->path, frame->code, code);
    if (target == NULL && *code == TALC_CODE_NOT_FOUND &&
        strcmp(frame->path, TALC_DISCOVERY_PATH) == 0) {
        *code = TALC_CODE_METHOD_NOT_ALLOWED;
        return frame->code == TALC_GET ? &server->discovery : NULL;
    }
    return target;
}

void talc_exchange_run(talc_exchange *exchange, const talc_route_target *target,
                       const talc_frame *frame)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = (talc_method)frame->code;
    request.path = frame->path;
    request.query = frame->query[0] == 0 ? NULL : frame->query;
    request.payload = frame->payload;
    request.payload_size = frame->payload_size;
    request.content_format = talc_format_from_option(frame->content_format);
    request.accept = talc_format_from_option(frame->accept);
    target->handler(target->context, exchange, &request);
}

/* ---------------------------------------------------------------- answers */

static bool is_response(const talc_response *response)
{
    unsigned class = response->code >> 5;
    return (class == 2 || class == 4 || class == 5) &&
           (response->payload != NULL || response->payload_size == 0) &&
           talc_format_is_valid(response->content_format);
}

static void fill(talc_frame *frame, const talc_exchange *exchange, const talc_response *response)
{
    talc_frame_init(frame, response->code);
    frame->token_size = exchange->token_size;
    memcpy(frame->token, exchange->token, sizeof frame->token);
    frame->content_format = talc_format_to_option(response->content_format);
    frame->payload = response->payload;
    frame->payload_size = response->payload_size;
}

static talc_status send_response(talc_exchange *exchange, const talc_response *response)
{
    talc_frame frame;
    fill(&frame, exchange, response);
    if (exchange->listening != NULL) {
        return talc_listening_respond(exchange, &frame);
    }
    return talc_served_respond(exchange->served, &frame);
}

static void exchange_free(talc_exchange *exchange)
{
    if (exchange->served != NULL) {
        DL_DELETE(exchange->served->exchanges, exchange);
        exchange->served->exchange_count--;
    }
    if (exchange->listening != NULL) {
        DL_DELETE(exchange->listening->exchanges, exchange);
    }
    free(exchange);
}

talc_status talc_exchange_respond(talc_exchange *exchange, const talc_response *response)
{
    static const talc_response instead = { TALC_CODE_INTERNAL_ERROR, TALC_FORMAT_NONE, NULL, 0 };
    if (exchange == NULL || response == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_served *served = exchange->served;
    bool is_orphan = served == NULL && exchange->listening == NULL;
    talc_status status = is_orphan ? TALC_ERROR_SESSION_LOST : TALC_ERROR_ARGUMENT;
    if (!is_orphan && is_response(response)) {
        status = send_response(exchange, response);
    }
    if (status == TALC_ERROR_ARGUMENT || status == TALC_ERROR_TOO_LARGE ||
        status == TALC_ERROR_MEMORY) {
        (void)send_response(exchange, &instead);
    }
    exchange_free(exchange);
    if (served != NULL) {
        talc_served_settle(served);
    }
    return status;
}

/* ---------------------------------------------------------------- facts */

const talc_peer *talc_exchange_peer(const talc_exchange *exchange)
{
    return &exchange->peer;
}

void talc_exchange_info(const talc_exchange *exchange, talc_session_info *info)
{
    memset(info, 0, sizeof *info);
    if (exchange == NULL) {
        return;
    }
    if (exchange->served != NULL) {
        talc_served_describe(exchange->served, info);
    } else if (exchange->listening != NULL) {
        info->is_open = 1;
        info->peer = exchange->peer;
        memcpy(info->protocol, exchange->protocol, sizeof info->protocol);
        memcpy(info->cipher_suite, exchange->cipher_suite, sizeof info->cipher_suite);
    }
}
