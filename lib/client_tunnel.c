/* SPDX-License-Identifier: MIT */
/* The way of `tls` and `ecc`: requests inside a session, which envelopes carry. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/client_state.h"
#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/record_log.h"
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

static talc_status path_open(const talc_client *client, const talc_client_ends *ends,
                             talc_client_path *path, talc_failure *failure)
{
    const talc_config *config = &client->configuration.config;
    bool large = ends->proxy_uri == NULL && config->blockwise == TALC_BLOCKWISE_AUTO;
    talc_carrier_events events = { (void *)client, talc_client_take_answer };
    talc_carrier_target target = {
        .uri = ends->uri,
        .proxy_uri = ends->proxy_uri,
        .path = config->resource_path,
        .message_size = config->message_body_size,
        .body_size = large ? config->body_size_max : config->message_body_size,
        .block_size = config->block_size,
        .https_anchors_path = config->https_anchors_path,
    };
    const char *next_hop = ends->proxy_uri != NULL ? ends->proxy_uri : ends->uri;
    memset(path, 0, sizeof *path);
    path->carrier = config->carrier != NULL ? config->carrier : talc_carrier_find(next_hop);
    if (path->carrier == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "no carrier for %s: this build knows coap://, http://, https:// "
                                "and loopback://",
                                next_hop);
    }
    talc_status status = path->carrier->open(&path->link, &target, &events, failure);
    if (status == TALC_OK) {
        path->carried = within_bounds(config, path->carrier->limits(path->link));
        path->limits = path->carried;
    }
    return status;
}

static void path_close(talc_client_path *path)
{
    if (path->link != NULL) {
        path->carrier->close(path->link);
        path->link = NULL;
    }
}

static talc_status tunnel_set_up(talc_client *client, talc_failure *failure)
{
    const talc_config *config = &client->configuration.config;
    client->engine_class = config->mode == TALC_MODE_ECC ? &talc_engine_ecc : &talc_engine_tls;
    talc_status status = client->engine_class->context_new(&client->engine_context,
                                                           TALC_ROLE_CLIENT, config, failure);
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
    return status;
}

/* The session goes on over the new path. */
static talc_status tunnel_open(talc_client *client, const talc_client_ends *ends,
                               talc_failure *failure)
{
    talc_client_path path;
    talc_status status = path_open(client, ends, &path, failure);
    if (status != TALC_OK) {
        return status;
    }
    path_close(&client->path);
    client->path = path;
    if (client->session != NULL) {
        client->session->message_size = path.limits.message_size;
    }
    talc_exchanges_reroute(&client->exchanges);
    return TALC_OK;
}

static void tunnel_free(talc_client *client)
{
    talc_client_drop_session(client);
    path_close(&client->path);
    if (client->engine_context != NULL) {
        client->engine_class->context_free(client->engine_context);
    }
    (void)talc_journal_close(client->journal);
    free(client->body);
}

/* ---------------------------------------------------------------- time */

static talc_status tunnel_receive(talc_client *client)
{
    return client->path.carrier->process(client->path.link);
}

static const char *without_reason(const talc_client *client, bool connected)
{
    return connected || client->counters.body_bytes_in == 0
               ? "no answer came"
               : "answers came, but none went on with the handshake: "
                 "something on the path may have damaged a body";
}

/* The deadline of a request has passed: the path's last failure is the likely reason. */
static talc_failure why_late(const talc_client *client, bool connected)
{
    const talc_failure *path = &client->path.failure;
    bool has_reason = path->status != TALC_OK;
    talc_failure why = *path; /* its codes, and without a session its stage */
    why.status = TALC_OK;     /* the first failure sticks: this is another */
    talc_failure_set(&why,
                     connected    ? TALC_STAGE_SESSION
                     : has_reason ? path->stage
                                  : TALC_STAGE_PATH,
                     connected || !has_reason ? TALC_ERROR_TIMEOUT : path->status,
                     "%s before the deadline: %s",
                     connected ? "the request was not answered" : "no session could be opened",
                     has_reason ? path->text : without_reason(client, connected));
    return why;
}

static void tunnel_time_out(talc_client *client, talc_client_request *request)
{
    bool connected = client->session != NULL && client->conversation.has_peer_csm;
    client->failure = why_late(client, connected);
    talc_status status = client->failure.status;
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

static void tunnel_keep_time(talc_client *client, uint64_t now)
{
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

static int tunnel_descriptor(const talc_client *client)
{
    return client->path.carrier->descriptor(client->path.link);
}

static uint32_t tunnel_timeout_ms(const talc_client *client, uint64_t now)
{
    uint32_t timeout_ms = client->path.carrier->timeout_ms(client->path.link);
    uint32_t plan_ms = talc_client_plan_timeout_ms(client, now);
    return plan_ms < timeout_ms ? plan_ms : timeout_ms;
}

/* ---------------------------------------------------------------- facts and goodbyes */

static void tunnel_describe(const talc_client *client, talc_session_info *info)
{
    const talc_session *session = client->session;
    *info = client->counters;
    if (session == NULL) {
        return;
    }
    info->is_open = client->conversation.has_peer_csm;
    talc_session_describe(session, info);
}

static void tunnel_withdraw(talc_client *client, talc_client_request *request)
{
    if (client->session != NULL) {
        (void)talc_conversation_withdraw(&client->conversation, request);
    }
}

/* RFC 8323 section 5.5: Release, then the records that end TLS. */
static void send_goodbye(talc_client *client)
{
    talc_frame frame;
    talc_frame_init(&frame, TALC_CODE_RELEASE);
    (void)talc_conversation_queue(&client->conversation, &frame, NULL);
    talc_conversation_drain(&client->conversation);
    (void)talc_session_finish(client->session);
}

static bool tunnel_say_goodbye(talc_client *client)
{
    client->replaces_session = false;
    if (client->session == NULL || !client->conversation.has_peer_csm) {
        talc_client_drop_session(client);
        return false;
    }
    send_goodbye(client);
    return true;
}

static bool tunnel_is_closed(const talc_client *client)
{
    return client->session == NULL;
}

const talc_client_way talc_client_tunnelled = {
    .set_up = tunnel_set_up,
    .open = tunnel_open,
    .free = tunnel_free,
    .receive = tunnel_receive,
    .drive = talc_client_drive,
    .keep_time = tunnel_keep_time,
    .time_out = tunnel_time_out,
    .withdraw = tunnel_withdraw,
    .descriptor = tunnel_descriptor,
    .timeout_ms = tunnel_timeout_ms,
    .describe = tunnel_describe,
    .say_goodbye = tunnel_say_goodbye,
    .is_closed = tunnel_is_closed,
};
