/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <utlist.h>

#include "lib/failure.h"
#include "lib/record_log.h"
#include "lib/server_state.h"

#define HALF_OPEN_TIMEOUTS_MAX 8u

void talc_served_free(talc_served *served)
{
    talc_served_release(served);
    talc_served_orphan(served);
    talc_table_remove(served);
    talc_session_free(served->session);
    free(served->long_answer);
    free(served);
}

static void remove_oldest(talc_server *server, talc_served_state state)
{
    talc_served *served = talc_table_oldest(server, state);
    if (served != NULL) {
        talc_served_free(served);
    }
}

static talc_status start(talc_server *server, const talc_server_engine *engine,
                         talc_served *served, const uint8_t *session_id)
{
    const talc_config *config = &server->configuration.config;
    talc_failure failure;
    talc_failure_clear(&failure);
    talc_session_setup setup = { .role = TALC_ROLE_SERVER,
                                 .id = session_id,
                                 .engine_class = engine->class,
                                 .engine_context = engine->context,
                                 .pipeline_size = config->pipeline_size_max,
                                 .message_size = config->message_body_size,
                                 .observer = talc_record_log_observer(server->journal) };
    talc_status status = talc_session_new(&served->session, &setup, &failure);
    if (status == TALC_OK) {
        talc_conversation_events events = talc_served_events(served);
        talc_conversation_init(&served->conversation, served->session, config->message_size_max,
                               &events);
    }
    return status;
}

talc_status talc_served_admit(talc_server *server, const talc_server_engine *engine,
                              const uint8_t *session_id, talc_served **admitted)
{
    *admitted = NULL;
    if (server->open_count >= server->configuration.config.sessions_max) {
        return TALC_ERROR_OVERLOADED;
    }
    talc_served *served = calloc(1, sizeof *served);
    if (served == NULL) {
        return TALC_ERROR_MEMORY;
    }
    served->server = server;
    served->since_ms = served->seen_ms = served->news_ms = talc_server_now_ms(server);
    talc_status status = start(server, engine, served, session_id);
    if (status == TALC_OK) {
        status = talc_table_add(server, session_id, served);
    }
    if (status != TALC_OK) {
        talc_session_free(served->session);
        free(served);
        return status;
    }
    *admitted = served;
    return TALC_OK;
}

/* The oldest half-open session goes first: its client has had the most time. */
void talc_server_trim(talc_server *server)
{
    const talc_config *config = &server->configuration.config;
    while (server->half_open_count > config->half_open_max ||
           (server->half_open_count > 0 &&
            server->half_open_count + server->open_count > config->sessions_max)) {
        remove_oldest(server, TALC_SERVED_HALF_OPEN);
    }
    while (server->refused_count > TALC_REFUSED_MAX) {
        remove_oldest(server, TALC_SERVED_REFUSED);
    }
    while (server->tombstone_count > TALC_TOMBSTONES_MAX) {
        remove_oldest(server, TALC_SERVED_TOMBSTONE);
    }
}

/* A handshake that goes on is given time, for a chain of certificates over a bad path takes many
 * exchanges; but not without end. */
static uint64_t half_open_expires_ms(const talc_served *served)
{
    uint64_t timeout_ms = served->server->configuration.config.half_open_timeout_ms;
    uint64_t at_ms = served->news_ms + timeout_ms;
    uint64_t last_ms = served->since_ms + HALF_OPEN_TIMEOUTS_MAX * timeout_ms;
    return at_ms < last_ms ? at_ms : last_ms;
}

static uint64_t expires_ms(const talc_served *served)
{
    const talc_config *config = &served->server->configuration.config;
    switch (served->state) {
    case TALC_SERVED_HALF_OPEN:
        return half_open_expires_ms(served);
    case TALC_SERVED_OPEN:
        return served->seen_ms + config->idle_timeout_ms;
    default:
        return served->since_ms + TALC_TOMBSTONE_MS;
    }
}

static void expire_half_open(talc_served *served)
{
    talc_failure failure;
    talc_failure_clear(&failure);
    talc_failure_set(&failure, TALC_STAGE_HANDSHAKE, TALC_ERROR_TIMEOUT,
                     "the client did not finish its handshake in time");
    talc_served_tell(served, TALC_EVENT_SESSION_REFUSED, &failure);
    talc_served_free(served);
}

static void expire(talc_served *served)
{
    if (served->state == TALC_SERVED_HALF_OPEN) {
        expire_half_open(served);
    } else if (served->state == TALC_SERVED_OPEN) {
        (void)talc_session_finish(served->session);
        talc_served_release(served);
        talc_served_tell(served, TALC_EVENT_SESSION_CLOSED, NULL);
        talc_served_entomb(served);
    } else {
        talc_served_free(served);
    }
}

void talc_server_expire(talc_server *server, uint64_t now_ms)
{
    talc_served *served;
    talc_served *next;
    DL_FOREACH_SAFE(server->served, served, next) {
        if (served->held.listening != NULL && served->held.until_ms <= now_ms) {
            talc_served_release(served);
        }
        if (expires_ms(served) <= now_ms && !served->is_busy) {
            expire(served);
        }
    }
    talc_server_trim(server);
}

uint64_t talc_server_next_ms(const talc_server *server)
{
    uint64_t next_ms = UINT64_MAX;
    talc_served *served;
    DL_FOREACH(server->served, served) {
        uint64_t at_ms = expires_ms(served);
        if (served->held.listening != NULL && served->held.until_ms < at_ms) {
            at_ms = served->held.until_ms;
        }
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    return next_ms;
}
