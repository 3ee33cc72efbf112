/* SPDX-License-Identifier: MIT */
#include "talc/client.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/client_state.h"
#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/record_log.h"
#include "lib/waiting.h"
#include "transport/table.h"

/* ---------------------------------------------------------------- making and ending */

/* A carrier of the application's may say anything. */
static talc_carrier_limits within_bounds(const talc_config *config, talc_carrier_limits limits)
{
    if (limits.message_size > config->message_body_size) {
        limits.message_size = config->message_body_size;
    }
    if (limits.message_size < TALC_ENVELOPE_BODY_LIMIT_MIN) {
        limits.message_size = TALC_ENVELOPE_BODY_LIMIT_MIN;
    }
    if (limits.body_size > config->body_size_max) {
        limits.body_size = config->body_size_max;
    }
    if (limits.body_size < limits.message_size) {
        limits.body_size = limits.message_size;
    }
    return limits;
}

static talc_status open_path(const talc_client *client, const char *uri, const char *proxy_uri,
                             talc_client_path *path, talc_failure *failure)
{
    const talc_config *config = &client->configuration.config;
    bool large = proxy_uri == NULL && config->blockwise == TALC_BLOCKWISE_AUTO;
    talc_carrier_events events = { (void *)client, talc_client_take_answer };
    talc_carrier_target target = {
        .uri = uri,
        .proxy_uri = proxy_uri,
        .path = config->resource_path,
        .message_size = config->message_body_size,
        .body_size = large ? config->body_size_max : config->message_body_size,
        .block_size = config->block_size,
    };
    memset(path, 0, sizeof *path);
    path->carrier = config->carrier != NULL ? config->carrier : talc_carrier_find(uri);
    if (path->carrier == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "no carrier for %s: this build knows coap:// and loopback://",
                                uri);
    }
    talc_status status = path->carrier->open(&path->link, &target, &events, failure);
    if (status == TALC_OK) {
        path->carried = within_bounds(config, path->carrier->limits(path->link));
        path->limits = path->carried;
    }
    return status;
}

static void close_path(talc_client_path *path)
{
    if (path->link != NULL) {
        path->carrier->close(path->link);
        path->link = NULL;
    }
}

static talc_status choose_server_name(talc_client *client, const char *uri, talc_failure *failure)
{
    const char *name = client->configuration.config.server_name;
    talc_status status = TALC_OK;
    if (name == NULL && !talc_configuration_verifies_name(&client->configuration)) {
        return TALC_OK; /* a URI without a host will do */
    }
    if (name == NULL) {
        status = talc_uri_host(uri, client->server_name);
    } else if (name[0] == 0 || strlen(name) >= sizeof client->server_name) {
        status = TALC_ERROR_ARGUMENT;
    } else {
        memcpy(client->server_name, name, strlen(name) + 1);
    }
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                "\"%.200s\" holds no host name of at most 253 characters to verify: "
                                "write scheme://host, or set server_name in the configuration",
                                name == NULL ? uri : name);
    }
    return TALC_OK;
}

static talc_status set_up(talc_client *client, const talc_config *config, const char *uri,
                          const char *proxy_uri, talc_failure *failure)
{
    talc_status status = talc_configuration_copy(&client->configuration, config, failure);
    if (status != TALC_OK) {
        return status;
    }
    status = talc_crypto_start();
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "%s",
                                talc_status_text(status));
    }
    config = &client->configuration.config;
    status = choose_server_name(client, uri, failure);
    if (status == TALC_OK) {
        client->engine_class = &talc_engine_tls;
        status = client->engine_class->context_new(&client->engine_context, TALC_ROLE_CLIENT,
                                                   config, failure);
    }
    if (status == TALC_OK) {
        status = talc_record_log_open(&client->journal, config->journal_path, failure);
    }
    if (status == TALC_OK) {
        client->body = malloc(config->body_size_max);
        status = client->body == NULL ? talc_failure_set(failure, TALC_STAGE_CONFIGURE,
                                                         TALC_ERROR_MEMORY, "out of memory")
                                      : TALC_OK;
    }
    talc_exchanges_init(&client->exchanges, 0, config->hold_s);
    return status == TALC_OK ? open_path(client, uri, proxy_uri, &client->path, failure) : status;
}

talc_status talc_client_new(talc_client **made, const talc_config *config, const char *uri,
                            const char *proxy_uri)
{
    talc_failure spare;
    talc_failure *failure = talc_configuration_failure(config, &spare);
    if (made == NULL || config == NULL || uri == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "a client needs a place to be stored, a configuration and a URI");
    }
    *made = NULL;
    talc_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    talc_status status = set_up(client, config, uri, proxy_uri, failure);
    if (status != TALC_OK) {
        talc_client_free(client);
        return status;
    }
    *made = client;
    return TALC_OK;
}

void talc_client_free(talc_client *client)
{
    if (client == NULL) {
        return;
    }
    client->is_closing = true; /* callbacks can queue nothing and do nothing any more */
    client->is_inside = true;
    talc_client_drop_session(client);
    client->is_closing = true;
    talc_client_requests_complete_all(&client->requests, TALC_ERROR_CANCELLED);
    close_path(&client->path);
    if (client->engine_context != NULL) {
        client->engine_class->context_free(client->engine_context);
    }
    (void)talc_journal_close(client->journal);
    talc_configuration_free(&client->configuration);
    free(client->body);
    talc_wipe(client, sizeof *client);
    free(client);
}

/* A call that cannot be taken where it was made. */
static talc_status refuse_call(talc_client *client, const char *reason)
{
    if (client != NULL) {
        talc_failure_clear(&client->failure);
        talc_failure_set(&client->failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT, "%s", reason);
    }
    return TALC_ERROR_ARGUMENT;
}

talc_status talc_client_reroute(talc_client *client, const char *uri, const char *proxy_uri)
{
    talc_client_path path;
    if (client == NULL || uri == NULL || client->is_inside) {
        return refuse_call(client, "talc_client_reroute() needs a URI, and no callback around it");
    }
    talc_failure_clear(&client->failure);
    talc_status status = open_path(client, uri, proxy_uri, &path, &client->failure);
    if (status != TALC_OK) {
        return status;
    }
    close_path(&client->path);
    client->path = path;
    if (client->session != NULL) {
        client->session->message_size = path.limits.message_size;
    }
    talc_exchanges_reroute(&client->exchanges);
    return TALC_OK;
}

/* ---------------------------------------------------------------- requests */

talc_status talc_client_send(talc_client *client, const talc_request *request,
                             talc_response_callback *callback, void *context)
{
    talc_client_request *added;
    if (client == NULL || request == NULL || callback == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    const talc_config *config = &client->configuration.config;
    if (client->is_closing) {
        return TALC_ERROR_CLOSED;
    }
    if (client->requests.message_bytes >= config->pipeline_size_max) {
        return TALC_WANT_ROOM;
    }
    talc_status status = request->payload_size > config->message_size_max
                             ? TALC_ERROR_TOO_LARGE
                             : talc_client_requests_add(&client->requests, request, &added);
    if (status != TALC_OK) {
        talc_failure_clear(&client->failure);
        return talc_failure_set(&client->failure, TALC_STAGE_CONFIGURE, status,
                                "the request cannot be sent: %s",
                                talc_client_requests_fault(request, config->message_size_max));
    }
    uint32_t timeout_ms =
        request->timeout_ms != 0 ? request->timeout_ms : config->request_timeout_ms;
    added->queued_ms = talc_configuration_now_ms(&client->configuration);
    added->deadline_ms = added->queued_ms + timeout_ms;
    added->callback = callback;
    added->context = context;
    return TALC_PENDING;
}

/* The deadline of a request has passed: the path's last failure is the likely reason. */
static void time_out(talc_client *client, talc_client_request *request)
{
    bool connected = client->session != NULL && client->conversation.has_peer_csm;
    talc_status status = connected || client->path.failure.status == TALC_OK
                             ? TALC_ERROR_TIMEOUT
                             : client->path.failure.status;
    const char *reason = client->path.failure.status == TALC_OK ? "no answer came"
                                                                : client->path.failure.text;
    int coap_code = client->path.failure.coap_code;
    talc_failure_clear(&client->failure);
    talc_failure_set(&client->failure, connected ? TALC_STAGE_SESSION : TALC_STAGE_PATH, status,
                     "%s before the deadline: %s",
                     connected ? "the request was not answered" : "no session could be opened",
                     reason);
    client->failure.coap_code = coap_code;
    if (client->session != NULL) {
        (void)talc_conversation_withdraw(&client->conversation, request);
    }
    uint64_t since_ms =
        client->heard_ms > request->queued_ms ? client->heard_ms : request->queued_ms;
    uint64_t now = talc_configuration_now_ms(&client->configuration);
    bool is_mute = connected && now - since_ms >= TALC_REPEAT_MAX_MS;
    talc_client_requests_complete(&client->requests, request, status, NULL);
    if (is_mute && client->session != NULL &&
        !talc_client_requests_any(&client->requests, TALC_REQUEST_SENT)) {
        /* Nothing of the session came through for as long as repeats are apart at most: another one may
         * do better, if it is this one that the path or the server does not like. */
        talc_failure failure = client->failure;
        talc_client_lose_session(client, "nothing came of the session any more");
        client->failure = failure;
    }
}

static void time_out_requests(talc_client *client)
{
    uint64_t now = talc_configuration_now_ms(&client->configuration);
    while (talc_client_requests_deadline(&client->requests) <= now) {
        talc_client_request *request;
        DL_FOREACH(client->requests.first, request) {
            if (request->deadline_ms <= now) {
                break;
            }
        }
        time_out(client, request);
    }
    if (client->is_closing && client->session != NULL && now >= client->closing_until_ms) {
        talc_client_drop_session(client);
        talc_failure_clear(&client->failure);
        talc_failure_set(&client->failure, TALC_STAGE_SESSION, TALC_ERROR_TIMEOUT,
                         "the server did not confirm the end of the session");
    }
    if (client->requests.first == NULL && client->session != NULL && !client->is_closing &&
        !client->conversation.has_peer_csm) {
        talc_client_drop_session(client); /* half a handshake is of no use to a later request */
    }
}

talc_status talc_client_process(talc_client *client)
{
    if (client == NULL || client->is_inside) {
        return refuse_call(client, "talc_client_process() was called from a callback");
    }
    client->is_inside = true;
    talc_status status = client->path.carrier->process(client->path.link);
    time_out_requests(client);
    talc_client_drive(client);
    client->is_inside = false;
    return status;
}

int talc_client_descriptor(const talc_client *client)
{
    return client == NULL ? -1 : client->path.carrier->descriptor(client->path.link);
}

uint32_t talc_client_timeout_ms(const talc_client *client)
{
    if (client == NULL) {
        return UINT32_MAX;
    }
    uint64_t now = talc_configuration_now_ms(&client->configuration);
    uint64_t deadline_ms = client->is_closing && client->session != NULL
                               ? client->closing_until_ms
                               : talc_client_requests_deadline(&client->requests);
    uint32_t timeout_ms = client->path.carrier->timeout_ms(client->path.link);
    uint32_t plan_ms = talc_client_plan_timeout_ms(client, now);
    timeout_ms = plan_ms < timeout_ms ? plan_ms : timeout_ms;
    uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
    return left < timeout_ms ? (uint32_t)left : timeout_ms;
}

talc_status talc_client_wait(talc_client *client, uint32_t timeout_ms)
{
    if (client == NULL || client->is_inside) {
        return refuse_call(client, "talc_client_wait() was called from a callback");
    }
    uint32_t own_ms = talc_client_timeout_ms(client);
    int descriptor = talc_client_descriptor(client);
    talc_wait_readable(&descriptor, 1, own_ms < timeout_ms ? own_ms : timeout_ms);
    return talc_client_process(client);
}

/* ---------------------------------------------------------------- the blocking call */

typedef struct fetched {
    bool is_done;
    talc_status status;
    talc_response *response;
} fetched;

static void store_response(void *context, talc_status status, const talc_response *response)
{
    fetched *fetch = context;
    fetch->is_done = true;
    fetch->status = status;
    if (response == NULL) {
        return;
    }
    uint8_t *payload = malloc(response->payload_size + 1);
    if (payload == NULL) {
        fetch->status = TALC_ERROR_MEMORY;
        return;
    }
    if (response->payload_size > 0) {
        memcpy(payload, response->payload, response->payload_size);
    }
    payload[response->payload_size] = 0;
    *fetch->response = *response;
    fetch->response->payload = payload;
}

talc_status talc_client_fetch(talc_client *client, const talc_request *request,
                              talc_response *response)
{
    fetched fetch = { false, TALC_OK, response };
    if (response == NULL || client == NULL || client->is_inside) {
        return refuse_call(client, "talc_client_fetch() needs a place for the response, and no "
                                   "callback around it: use talc_client_send() there");
    }
    *response = (talc_response)TALC_RESPONSE_DEFAULT;
    talc_status status;
    while ((status = talc_client_send(client, request, store_response, &fetch)) ==
           TALC_WANT_ROOM) {
        (void)talc_client_wait(client, UINT32_MAX);
    }
    if (status != TALC_PENDING) {
        return status;
    }
    (void)talc_client_process(client);
    while (!fetch.is_done) {
        (void)talc_client_wait(client, UINT32_MAX);
    }
    return fetch.status;
}

/* ---------------------------------------------------------------- facts */

void talc_client_info(const talc_client *client, talc_session_info *info)
{
    if (client == NULL) {
        memset(info, 0, sizeof *info);
        return;
    }
    *info = client->counters;
    const talc_session *session = client->session;
    if (session == NULL) {
        return;
    }
    info->is_open = client->conversation.has_peer_csm;
    memcpy(info->session_id, session->id, sizeof info->session_id);
    info->peer = session->facts.peer;
    memcpy(info->protocol, session->facts.protocol, sizeof info->protocol);
    memcpy(info->cipher_suite, session->facts.cipher_suite, sizeof info->cipher_suite);
    info->record_bytes_out = session->out.carried;
    info->record_bytes_in = session->in.next;
    info->dropped_envelopes = session->dropped;
}

const talc_failure *talc_client_failure(const talc_client *client)
{
    static const talc_failure none = { .status = TALC_ERROR_ARGUMENT,
                                       .stage = TALC_STAGE_CONFIGURE,
                                       .text = "there is no client: talc_client_new() failed" };
    return client == NULL ? &none : &client->failure;
}

/* ---------------------------------------------------------------- closing */

/* RFC 8323 section 5.5: Release, then the records that end TLS. */
static void say_goodbye(talc_client *client)
{
    talc_frame frame;
    talc_frame_init(&frame, TALC_CODE_RELEASE);
    (void)talc_conversation_queue(&client->conversation, &frame, NULL);
    talc_conversation_drain(&client->conversation);
    (void)talc_session_finish(client->session);
}

/* Ends all requests; what has not begun to leave does not leave any more. */
static void end_requests(talc_client *client, talc_status status)
{
    talc_client_request *request;
    DL_FOREACH(client->requests.first, request) {
        if (client->session != NULL) {
            (void)talc_conversation_withdraw(&client->conversation, request);
        }
    }
    client->is_inside = true;
    talc_client_requests_complete_all(&client->requests, status);
    client->is_inside = false;
}

talc_status talc_client_close(talc_client *client, uint32_t timeout_ms)
{
    if (client == NULL || client->is_inside) {
        return refuse_call(client, "talc_client_close() was called from a callback");
    }
    uint64_t now = talc_configuration_now_ms(&client->configuration);
    bool was_open = client->session != NULL && client->conversation.has_peer_csm;
    client->is_closing = true;
    end_requests(client, TALC_ERROR_CLOSED);
    client->replaces_session = false;
    if (!was_open) {
        talc_client_drop_session(client);
        client->is_closing = false;
        return TALC_OK;
    }
    say_goodbye(client);
    client->closing_until_ms =
        now + (timeout_ms != 0 ? timeout_ms : client->configuration.config.request_timeout_ms);
    (void)talc_client_process(client);
    if (timeout_ms == 0 && client->session != NULL) {
        return TALC_PENDING;
    }
    talc_failure_clear(&client->failure);
    while (client->session != NULL) {
        (void)talc_client_wait(client, UINT32_MAX);
    }
    return client->failure.status;
}
