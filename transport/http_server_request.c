/* SPDX-License-Identifier: MIT */
/* A request from its first line to its response. libmicrohttpd calls talc_http_request_handle()
 * when the header is there, with each piece of the body, when it is over, and after a suspension.
 */
#include "transport/http_server_state.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 2048u

/* So much of a body that is too large and did not say so before is read to its end, for the answer
 * can only come then. */
#define DISCARDED_MAX ((size_t)256 * 1024)

/* ---------------------------------------------------------------- responses */

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 400: return "the request is malformed\n";
    case 413: return "the body is too large\n";
    case 431: return "the header is too large\n";
    default: return "the server is overloaded\n";
    }
}

/* A copy of `response`; NULL if there is no memory. What libmicrohttpd does not take as a field
 * (empty values) is left out. */
static struct MHD_Response *response_make(const talc_http_message *response)
{
    struct MHD_Response *made = MHD_create_response_from_buffer(
        response->body_size, (void *)(uintptr_t)response->body, MHD_RESPMEM_MUST_COPY);
    for (size_t i = 0; made != NULL && i < response->field_count; i++) {
        if (!talc_http_field_is_hop(response->fields[i].name)) {
            (void)MHD_add_response_header(made, response->fields[i].name,
                                          response->fields[i].value);
        }
    }
    return made;
}

/* The server's own error becomes the response. */
static void refusal_set(talc_http_request *request)
{
    const talc_http_server_events *events = &request->connection->server->events;
    const char *media_type = "text/plain";
    const char *body = events->error_body != NULL
                           ? events->error_body(events->context, request->refused, &media_type)
                           : reason_of(request->refused);
    const talc_http_field fields[] = { { "Content-Type", media_type },
                                       { "Cache-Control", "no-store" } };
    const talc_http_message response = { .status = request->refused,
                                         .fields = fields,
                                         .field_count = 2,
                                         .body = (const uint8_t *)body,
                                         .body_size = strlen(body) };
    request->status = request->refused;
    request->response = response_make(&response);
}

/* MHD_NO closes the connection. */
static enum MHD_Result response_send(talc_http_request *request)
{
    if (request->response == NULL) {
        return MHD_NO;
    }
    talc_http_connection_enter(request->connection, TALC_HTTP_ANSWERING);
    return MHD_queue_response(request->link, request->status, request->response);
}

static enum MHD_Result refuse(talc_http_request *request)
{
    refusal_set(request);
    return response_send(request);
}

/* ---------------------------------------------------------------- bodies */

static talc_http_message message_of(const talc_http_request *request)
{
    return (talc_http_message){ .method = request->method,
                                .target = request->target,
                                .fields = request->fields,
                                .field_count = request->field_count,
                                .body = request->body,
                                .body_size = request->body_size };
}

static size_t limit_of(const talc_http_request *request)
{
    const talc_http_server *server = request->connection->server;
    const talc_http_message header = message_of(request);
    size_t limit = server->events.body_limit != NULL
                       ? server->events.body_limit(server->events.context, &header)
                       : server->body_size;
    return limit < server->body_size ? limit : server->body_size;
}

/* Memory follows what has arrived, not what was announced; and all bodies together are bounded
 * too. */
static int body_reserve(talc_http_request *request, size_t size)
{
    talc_http_server *server = request->connection->server;
    size_t capacity = request->body_capacity > 0 ? request->body_capacity : FIRST_CAPACITY;
    if (size <= request->body_capacity) {
        return 1;
    }
    while (capacity < size) {
        capacity *= 2;
    }
    capacity = capacity < request->body_limit ? capacity : request->body_limit;
    size_t more = capacity - request->body_capacity;
    uint8_t *grown = more <= TALC_HTTP_BODIES_SIZE_MAX - server->bodies_size
                         ? realloc(request->body, capacity)
                         : NULL;
    if (grown == NULL) {
        return 0;
    }
    server->bodies_size += more;
    request->body = grown;
    request->body_capacity = capacity;
    return 1;
}

static enum MHD_Result body_take(talc_http_request *request, const char *bytes, size_t size)
{
    if (request->refused == 0 && size > request->body_limit - request->body_size) {
        request->refused = 413;
    }
    if (request->refused == 0 && !body_reserve(request, request->body_size + size)) {
        request->refused = 503;
    }
    if (request->refused != 0) {
        request->discarded += size;
        return request->discarded > DISCARDED_MAX ? MHD_NO : MHD_YES;
    }
    memcpy(request->body + request->body_size, bytes, size);
    request->body_size += size;
    return MHD_YES;
}

/* ---------------------------------------------------------------- steps */

void *talc_http_request_start(void *context, const char *target, struct MHD_Connection *link)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(link, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    talc_http_connection *connection = info != NULL ? info->socket_context : NULL;
    talc_http_request *request = connection != NULL ? calloc(1, sizeof *request) : NULL;
    (void)context;
    if (request == NULL) {
        return NULL;
    }
    talc_http_request_drop(connection);
    talc_http_connection_enter(connection, TALC_HTTP_RECEIVING);
    connection->request = request;
    request->connection = connection;
    request->link = link;
    request->seen = target;
    request->target = strdup(target != NULL ? target : "");
    if (request->target == NULL) {
        talc_http_request_drop(connection);
        return NULL;
    }
    return request;
}

/* The header is there: a request that will be refused is refused before its body comes. */
static enum MHD_Result begin(talc_http_request *request, const char *method, const char *version)
{
    request->has_begun = 1;
    request->method = method;
    request->refused = talc_http_header_read(request, version);
    if (request->refused == 0) {
        request->body_limit = limit_of(request);
        request->refused = talc_http_content_length(request->link) > request->body_limit ? 413 : 0;
    }
    return request->refused != 0 ? refuse(request) : MHD_YES;
}

/* The request is whole. The user may answer from within, or later. */
static enum MHD_Result deliver(talc_http_request *request)
{
    talc_http_connection *connection = request->connection;
    const talc_http_server_events *events = &connection->server->events;
    const talc_http_message message = message_of(request);
    const talc_http_inbound inbound = { .request = &message,
                                        .peer = connection->peer.bytes,
                                        .peer_size = sizeof connection->peer.bytes,
                                        .peer_text = connection->peer.text,
                                        .reply = request };
    talc_http_connection_enter(connection, TALC_HTTP_HELD);
    events->inbound(events->context, &inbound);
    if (request->is_replied) {
        return response_send(request);
    }
    request->is_suspended = 1;
    MHD_suspend_connection(request->link);
    return MHD_YES;
}

enum MHD_Result talc_http_request_handle(void *context, struct MHD_Connection *link,
                                         const char *url, const char *method, const char *version,
                                         const char *bytes, size_t *size, void **slot)
{
    talc_http_request *request = *slot;
    (void)context;
    (void)link;
    (void)url;
    if (request == NULL) {
        return MHD_NO;
    }
    if (!request->has_begun) {
        return begin(request, method, version);
    }
    if (*size > 0) {
        enum MHD_Result taken = body_take(request, bytes, *size);
        *size = 0;
        return taken;
    }
    if (request->refused != 0) {
        return refuse(request);
    }
    return request->is_replied ? response_send(request) : deliver(request);
}

void talc_http_request_drop(talc_http_connection *connection)
{
    talc_http_request *request = connection->request;
    connection->request = NULL;
    if (request == NULL) {
        return;
    }
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    connection->server->bodies_size -= request->body_capacity;
    free(request->fields);
    free(request->target);
    free(request->body);
    free(request);
}

void talc_http_request_end(void *context, struct MHD_Connection *link, void **slot,
                           enum MHD_RequestTerminationCode code)
{
    const talc_http_request *request = *slot;
    (void)context;
    (void)link;
    (void)code;
    *slot = NULL;
    if (request != NULL) {
        talc_http_connection *connection = request->connection;
        talc_http_request_drop(connection);
        talc_http_connection_enter(connection, TALC_HTTP_IDLE);
    }
}

void talc_http_server_reply(talc_http_server *server, void *handle,
                            const talc_http_message *response)
{
    talc_http_request *request = handle;
    request->is_replied = 1;
    if (response != NULL) {
        request->status = response->status;
        request->response = response_make(response);
    }
    if (request->is_suspended) {
        MHD_resume_connection(request->link);
        server->has_resumed = 1;
    }
}
