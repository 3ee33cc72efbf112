/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <utlist.h>

#include "lib/client_state.h"
#include "lib/credentials.h"
#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/record_log.h"

#define SESSION_DELAY_MIN_MS 100u
#define SESSION_DELAY_MAX_MS 3200u

/* ---------------------------------------------------------------- messages */

static talc_client_request *find_too_large(const talc_client *client)
{
    talc_client_request *request;
    DL_FOREACH(client->requests.first, request) {
        if (request->state == TALC_REQUEST_QUEUED &&
            request->message_size > client->conversation.peer_message_size_max) {
            return request;
        }
    }
    return NULL;
}

/* Requests that were queued before the server had said how much it takes. */
static void refuse_too_large(talc_client *client)
{
    talc_client_request *request;
    while ((request = find_too_large(client)) != NULL) {
        (void)talc_conversation_withdraw(&client->conversation, request);
        talc_failure_clear(&client->failure);
        talc_failure_set(&client->failure, TALC_STAGE_SESSION, TALC_ERROR_TOO_LARGE,
                         "a request of %zu bytes cannot be sent: the server takes at most %u",
                         request->message_size,
                         (unsigned)client->conversation.peer_message_size_max);
        talc_client_requests_complete(&client->requests, request, TALC_ERROR_TOO_LARGE, NULL);
    }
}

static void take_csm(talc_client *client, const talc_frame *frame)
{
    client->next_session_delay_ms = 0;
    talc_failure_clear(&client->path.failure); /* of a session that never opened */
    refuse_too_large(client);
    if (!client->replaces_session) {
        return;
    }
    /* Another server that we believe cannot know what became of a session of this one. */
    if (frame->replaced &&
        memcmp(frame->other_session, client->replaced_id, TALC_SESSION_ID_SIZE) == 0 &&
        talc_peer_is_same(&client->session->facts.peer, &client->replaced_peer)) {
        talc_client_requests_release(&client->requests);
    } else {
        talc_failure_clear(&client->failure);
        talc_failure_set(&client->failure, TALC_STAGE_SESSION, TALC_ERROR_SESSION_LOST,
                         "the session was lost before the answer, and the server does not say "
                         "that it is closed: the request may still be executed");
        talc_client_requests_give_up_held(&client->requests);
    }
    client->replaces_session = false;
}

static void take_response(talc_client *client, const talc_frame *frame)
{
    talc_client_request *request = talc_client_requests_find(&client->requests, frame);
    if (request == NULL || request->state != TALC_REQUEST_SENT) {
        return; /* given up meanwhile */
    }
    if (frame->refused_option != 0) {
        /* RFC 7252 section 5.4.1: such a response is rejected. */
        talc_failure_clear(&client->failure);
        talc_failure_set(&client->failure, TALC_STAGE_SESSION, TALC_ERROR_UNSUPPORTED,
                         "the response holds the critical option %u, which is not known here",
                         (unsigned)frame->refused_option);
        talc_client_requests_complete(&client->requests, request, TALC_ERROR_UNSUPPORTED, NULL);
        return;
    }
    talc_response response = { frame->code, talc_format_from_option(frame->content_format), frame->payload,
                               frame->payload_size };
    talc_client_requests_complete(&client->requests, request, TALC_OK, &response);
}

static void take_frame(void *context, const talc_frame *frame)
{
    talc_client *client = context;
    unsigned class = frame->code >> 5;
    if (frame->code == TALC_CODE_CSM) {
        take_csm(client, frame);
    } else if (class == 2 || class == 4 || class == 5) {
        take_response(client, frame);
    }
    /* Release: the server will close when it has answered; its close_notify follows. Requests of a
     * server have no meaning here (RFC 7252 section 4.3 has them ignored). */
}

static void message_written(void *context, void *tag)
{
    const talc_client *client = context;
    talc_client_request *request = tag;
    request->state = TALC_REQUEST_SENT;
    request->offset = talc_send_stream_end(&client->session->out);
}

/* ---------------------------------------------------------------- a session's life */

static talc_status start_session(talc_client *client)
{
    uint8_t id[TALC_SESSION_ID_SIZE];
    uint32_t first_request = 0;
    const talc_config *config = &client->configuration.config;
    if (talc_random_fill(id, sizeof id) != TALC_OK ||
        talc_random_fill(&first_request, sizeof first_request) != TALC_OK) {
        return talc_failure_set(&client->failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_RANDOM,
                                "no random numbers for a session id");
    }
    talc_session_setup setup = { .role = TALC_ROLE_CLIENT,
                                 .id = id,
                                 .engine_class = client->engine_class,
                                 .engine_context = client->engine_context,
                                 .server_name = client->server_name,
                                 .pipeline_size = config->pipeline_size_max,
                                 .message_size = client->path.limits.message_size,
                                 .observer = talc_record_log_observer(client->journal) };
    talc_status status = talc_session_new(&client->session, &setup, &client->failure);
    if (status != TALC_OK) {
        return status;
    }
    memset(&client->counters, 0, sizeof client->counters);
    client->path.limits = client->path.carried; /* what made them smaller may be over */
    client->session->message_size = client->path.limits.message_size;
    talc_exchanges_reset(&client->exchanges, first_request & 0xFFFFFFu);
    talc_conversation_events events = { take_frame, message_written, client };
    talc_conversation_init(&client->conversation, client->session, config->message_size_max,
                           &events);
    return talc_conversation_queue_csm(&client->conversation, client->replaces_session
                                                                  ? client->replaced_id
                                                                  : NULL);
}

static void queue_requests(talc_client *client)
{
    talc_client_request *request;
    talc_client_request *next;
    DL_FOREACH_SAFE(client->requests.first, request, next) {
        if (request->state != TALC_REQUEST_WAITS) {
            continue;
        }
        talc_status status = talc_conversation_queue_bytes(
            &client->conversation, request->message, request->message_size, request);
        if (status == TALC_OK) {
            request->state = TALC_REQUEST_QUEUED;
        } else {
            talc_failure_clear(&client->failure);
            talc_failure_set(&client->failure, TALC_STAGE_SESSION, status,
                             "a request of %zu bytes cannot be sent: %s", request->message_size,
                             talc_status_text(status));
            talc_client_requests_complete(&client->requests, request, status, NULL);
            return; /* the callback may have changed the list */
        }
    }
}

bool talc_client_may_start_session(const talc_client *client)
{
    return client->next_session_ms <= talc_configuration_now_ms(&client->configuration);
}

void talc_client_ensure_session(talc_client *client)
{
    bool waits = talc_client_requests_any(&client->requests, TALC_REQUEST_WAITS);
    bool held = talc_client_requests_any(&client->requests, TALC_REQUEST_HELD);
    if (client->session == NULL && (waits || held) && talc_client_may_start_session(client)) {
        talc_failure_clear(&client->failure);
        talc_status status = start_session(client);
        if (status != TALC_OK) {
            talc_client_drop_session(client);
            talc_client_requests_complete_all(&client->requests, status);
            return;
        }
    }
    if (client->session != NULL && waits && !client->is_closing) {
        queue_requests(client);
    }
}

void talc_client_drop_session(talc_client *client)
{
    if (client->session == NULL) {
        return;
    }
    for (size_t i = 0; i < TALC_EXCHANGES_OPEN_MAX; i++) {
        if (client->exchanges.open[i].is_open) {
            client->path.carrier->cancel(client->path.link, client->exchanges.open[i].number);
        }
    }
    talc_exchanges_reset(&client->exchanges, 0);
    talc_conversation_free(&client->conversation);
    talc_session_free(client->session);
    client->session = NULL;
    client->is_closing = false;
}

/* What was under way is judged request by request. A session that never got as far as the server's
 * CSM has not learnt yet what became of the one before it: that one is asked about first. */
static void restart(talc_client *client)
{
    talc_loss loss = client->replaces_session ? TALC_LOSS_UNNAMED : TALC_LOSS_NAMED;
    if (!client->replaces_session && talc_session_is_established(client->session)) {
        client->replaces_session = true;
        memcpy(client->replaced_id, client->session->id, TALC_SESSION_ID_SIZE);
        client->replaced_peer = client->session->facts.peer;
    }
    talc_client_drop_session(client);
    talc_client_requests_restart(&client->requests, loss);
}

void talc_client_lose_session(talc_client *client, const char *reason)
{
    talc_failure_clear(&client->failure);
    talc_failure_set(&client->failure, TALC_STAGE_SESSION, TALC_ERROR_SESSION_LOST, "%s", reason);
    restart(client);
}

/* The handshake failed, or the server refused us right after our side of it was over. */
static void fail_handshake(talc_client *client)
{
    talc_failure failure = client->session->failure;
    if (failure.status == TALC_ERROR_CLOSED || failure.status == TALC_OK) {
        talc_failure_clear(&failure);
        talc_failure_set(&failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_REFUSED,
                         "the server closed the session before it had taken it up");
    }
    failure.stage = TALC_STAGE_HANDSHAKE;
    client->failure = failure;
    client->replaces_session = false;
    talc_client_drop_session(client);
    talc_client_requests_complete_all(&client->requests, failure.status);
}

/* The handshake failed, but perhaps the path made that up: another one, with keys and an id of its own,
 * may do better. What went wrong is the reason if none does until a request's deadline. */
static void try_again(talc_client *client)
{
    uint32_t delay_ms = client->next_session_delay_ms;
    client->path.failure = client->session->failure;
    client->path.failure.stage = TALC_STAGE_HANDSHAKE;
    client->next_session_ms = talc_configuration_now_ms(&client->configuration) + delay_ms;
    client->next_session_delay_ms = delay_ms == 0                             ? SESSION_DELAY_MIN_MS
                                    : delay_ms < SESSION_DELAY_MAX_MS / 2 ? 2 * delay_ms
                                                                          : SESSION_DELAY_MAX_MS;
    restart(client);
}

static void end_session(talc_client *client)
{
    talc_client_say_last_words(client);
    if (client->is_closing) {
        talc_client_drop_session(client);
    } else if (!client->conversation.has_peer_csm &&
               !talc_session_error_is_final(client->session)) {
        try_again(client);
    } else if (!client->conversation.has_peer_csm) {
        fail_handshake(client);
    } else {
        const talc_session *session = client->session;
        client->failure = session->failure;
        if (session->status == TALC_ERROR_CLOSED && session->peer_tags) {
            talc_client_requests_spare(&client->requests, session->out.acknowledged);
        }
        restart(client);
    }
}

void talc_client_read_session(talc_client *client)
{
    talc_conversation_read(&client->conversation);
    if (client->session->status != TALC_OK) {
        end_session(client);
    }
}

bool talc_client_expects(const talc_client *client)
{
    if (client->session == NULL) {
        return false;
    }
    if (client->is_closing) {
        return true;
    }
    return client->requests.first != NULL;
}
