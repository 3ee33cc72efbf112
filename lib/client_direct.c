/* SPDX-License-Identifier: MIT */
/* The way of `none` and `dtls`: each request is a message on the wire. */
#include <string.h>
#include <utlist.h>

#include "lib/client_state.h"
#include "lib/failure.h"
#include "transport/table.h"

static talc_status direct_set_up(talc_client *client, talc_failure *failure)
{
    (void)client;
    (void)failure;
    return TALC_OK; /* a link checks the credentials when it is opened */
}

/* ---------------------------------------------------------------- results */

static talc_client_request *find(const talc_client *client, uint32_t exchange)
{
    talc_client_request *request;
    DL_FOREACH(client->requests.first, request) {
        if (request->number == exchange && request->state == TALC_REQUEST_SENT) {
            return request;
        }
    }
    return NULL;
}

/* A handshake that was lost on the way may go better the next time; a request waits for it until its
 * deadline. RFC 7252 section 5.8: GET is safe. Whether another one was executed is not known. */
static bool may_go_again(const talc_client_request *request, const talc_direct_result *result)
{
    if (result->never_left && result->status == TALC_ERROR_TIMEOUT) {
        return true;
    }
    return result->status == TALC_ERROR_SESSION_LOST && request->restarts < TALC_RESTARTS_MAX &&
           (request->method == TALC_GET || request->is_repeatable);
}

static void take_result(void *context, const talc_direct_result *result)
{
    talc_client *client = context;
    talc_client_request *request = find(client, result->exchange);
    client->direct_is_full = false;
    if (request == NULL) {
        return;
    }
    if (result->status == TALC_OK) {
        talc_failure_clear(&client->direct_failure);
        const talc_frame *frame = result->response;
        talc_response response = { frame->code, talc_format_from_option(frame->content_format),
                                   frame->payload, frame->payload_size };
        talc_client_requests_complete(&client->requests, request, TALC_OK, &response);
        return;
    }
    if (may_go_again(request, result)) {
        request->restarts += !result->never_left;
        client->direct_failure = *result->failure;
        request->state = TALC_REQUEST_WAITS;
        return;
    }
    client->failure = *result->failure;
    talc_client_requests_complete(&client->requests, request, result->status, NULL);
}

/* ---------------------------------------------------------------- the link */

/* Requests under way wait for the new path; those that may have been executed are judged one by one,
 * as if a session was lost. */
static void move_requests(talc_client *client)
{
    talc_client_request *request;
    talc_client_request *next;
    DL_FOREACH_SAFE(client->requests.first, request, next) {
        if (request->state == TALC_REQUEST_SENT) {
            talc_failure lost;
            talc_failure_clear(&lost);
            talc_failure_set(&lost, TALC_STAGE_PATH, TALC_ERROR_SESSION_LOST,
                             "the client went over to another path before the answer came");
            talc_direct_result result = { request->number, TALC_ERROR_SESSION_LOST, NULL, &lost,
                                          false };
            take_result(client, &result);
        }
    }
}

static void link_close(talc_client *client)
{
    if (client->direct_link != NULL) {
        client->direct->close(client->direct_link);
        client->direct_link = NULL;
    }
}

static talc_status direct_open(talc_client *client, const talc_client_ends *ends,
                               talc_failure *failure)
{
    const char *hop = ends->proxy_uri != NULL ? ends->proxy_uri : ends->uri;
    const talc_config *config = &client->configuration.config;
    const talc_direct_client *direct = talc_direct_client_find(config->mode, hop);
    talc_direct_target target = { config, ends->uri, ends->proxy_uri, client->server_name };
    talc_direct_client_events events = { client, take_result };
    void *link;
    if (direct == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "mode %s knows no way to %s: it speaks %s",
                                talc_mode_text(config->mode), hop,
                                config->mode == TALC_MODE_DTLS ? "coap:// and coaps://"
                                                               : "coap://");
    }
    talc_status status = direct->open(&link, &target, &events, failure);
    if (status != TALC_OK) {
        return status;
    }
    bool is_first = client->direct_link == NULL;
    link_close(client);
    client->direct = direct;
    client->direct_link = link;
    client->direct_is_full = false;
    if (!is_first) {
        client->is_inside = true;
        move_requests(client);
        client->is_inside = false;
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- requests */

static talc_status hand_over(talc_client *client, const talc_client_request *request)
{
    talc_frame frame;
    talc_status status = talc_frame_read(request->message, request->message_size, &frame);
    return status == TALC_OK ? client->direct->send(client->direct_link, request->number, &frame)
                             : status;
}

static void refuse(talc_client *client, talc_client_request *request, talc_status status)
{
    talc_failure_clear(&client->failure);
    talc_failure_set(&client->failure, TALC_STAGE_PATH, status,
                     "a request of %zu bytes cannot be sent: %s", request->message_size,
                     talc_status_text(status));
    talc_client_requests_complete(&client->requests, request, status, NULL);
}

/* The first that waits; its state changes or it goes, so that this comes to an end. */
static talc_client_request *first_waiting(const talc_client *client)
{
    talc_client_request *request;
    DL_FOREACH(client->requests.first, request) {
        if (request->state == TALC_REQUEST_WAITS) {
            return request;
        }
    }
    return NULL;
}

static void direct_drive(talc_client *client)
{
    talc_client_request *request;
    while (!client->direct_is_full && (request = first_waiting(client)) != NULL) {
        talc_status status = hand_over(client, request);
        if (status == TALC_WANT_ROOM) {
            client->direct_is_full = true;
        } else if (status == TALC_OK) {
            request->state = TALC_REQUEST_SENT;
        } else {
            refuse(client, request, status);
        }
    }
}

static void direct_withdraw(talc_client *client, talc_client_request *request)
{
    if (request->state == TALC_REQUEST_SENT) {
        client->direct->cancel(client->direct_link, request->number);
        client->direct_is_full = false;
    }
}

static void direct_time_out(talc_client *client, talc_client_request *request)
{
    direct_withdraw(client, request);
    talc_failure_clear(&client->failure);
    talc_failure_set(&client->failure, TALC_STAGE_PATH, TALC_ERROR_TIMEOUT,
                     "the request was not answered before its deadline%s%s",
                     client->direct_failure.text[0] == 0 ? "" : ": ",
                     client->direct_failure.text);
    talc_client_requests_complete(&client->requests, request, TALC_ERROR_TIMEOUT, NULL);
}

/* ---------------------------------------------------------------- time, facts, the end */

static talc_status direct_receive(talc_client *client)
{
    return client->direct->process(client->direct_link);
}

static void direct_keep_time(talc_client *client, uint64_t now_ms)
{
    (void)client;
    (void)now_ms;
}

static int direct_descriptor(const talc_client *client)
{
    return client->direct->descriptor(client->direct_link);
}

static uint32_t direct_timeout_ms(const talc_client *client, uint64_t now_ms)
{
    (void)now_ms;
    bool may_send = !client->direct_is_full && first_waiting(client) != NULL;
    return may_send ? 0 : client->direct->timeout_ms(client->direct_link);
}

static void direct_describe(const talc_client *client, talc_session_info *info)
{
    client->direct->describe(client->direct_link, info);
}

/* close_notify is not confirmed (RFC 6347 section 4.1.2.7), so nothing is waited for. */
static bool direct_say_goodbye(talc_client *client)
{
    client->direct->finish(client->direct_link);
    return false;
}

static bool direct_is_closed(const talc_client *client)
{
    (void)client;
    return true;
}

const talc_client_way talc_client_direct = {
    .set_up = direct_set_up,
    .open = direct_open,
    .free = link_close,
    .receive = direct_receive,
    .drive = direct_drive,
    .keep_time = direct_keep_time,
    .time_out = direct_time_out,
    .withdraw = direct_withdraw,
    .descriptor = direct_descriptor,
    .timeout_ms = direct_timeout_ms,
    .describe = direct_describe,
    .say_goodbye = direct_say_goodbye,
    .is_closed = direct_is_closed,
};
