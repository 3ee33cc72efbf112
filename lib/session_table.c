/* SPDX-License-Identifier: MIT */
/* uthash would end the process when it is out of memory. */
#define HASH_NONFATAL_OOM 1
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/failure.h"
#include "lib/record_log.h"
#include "lib/server_state.h"

#define HALF_OPEN_TIMEOUTS_MAX 8u

/* A keyed hash, so that nobody can choose ids that collide or learn them from timing. */
static talc_status key_of(const talc_server *server, const uint8_t *session_id,
                          uint8_t key[TALC_TABLE_KEY_SIZE])
{
    uint8_t mac[TALC_SHA256_SIZE];
    talc_span span = { session_id, TALC_SESSION_ID_SIZE };
    talc_status status = talc_hmac(server->table_secret, &span, 1, mac);
    memcpy(key, mac, TALC_TABLE_KEY_SIZE);
    return status;
}

talc_served *talc_table_find(talc_server *server, const uint8_t *session_id)
{
    uint8_t key[TALC_TABLE_KEY_SIZE];
    talc_served *served = NULL;
    if (key_of(server, session_id, key) == TALC_OK) {
        HASH_FIND(hh, server->by_key, key, sizeof key, served);
    }
    return served;
}

static size_t *counter_of(talc_server *server, talc_served_state state)
{
    switch (state) {
    case TALC_SERVED_HALF_OPEN:
        return &server->half_open_count;
    case TALC_SERVED_OPEN:
        return &server->open_count;
    default:
        return &server->tombstone_count;
    }
}

void talc_table_remove(talc_served *served)
{
    talc_server *server = served->server;
    talc_served_release(served);
    talc_served_orphan(served);
    (*counter_of(server, served->state))--;
    HASH_DEL(server->by_key, served);
    DL_DELETE(server->served, served);
    talc_session_free(served->session);
    free(served->long_answer);
    free(served);
}

static talc_served *oldest(const talc_server *server, talc_served_state state)
{
    talc_served *served;
    DL_FOREACH(server->served, served) {
        if (served->state == state && !served->is_busy) {
            return served;
        }
    }
    return NULL;
}

static void remove_oldest(talc_server *server, talc_served_state state)
{
    talc_served *served = oldest(server, state);
    if (served != NULL) {
        talc_table_remove(served);
    }
}

/* The oldest half-open session goes first: its client has had the most time. */
static talc_status make_room(talc_server *server)
{
    const talc_config *config = &server->configuration.config;
    if (server->half_open_count >= config->half_open_max ||
        server->half_open_count + server->open_count >= config->sessions_max) {
        remove_oldest(server, TALC_SERVED_HALF_OPEN);
    }
    return server->half_open_count + server->open_count >= config->sessions_max
               ? TALC_ERROR_OVERLOADED
               : TALC_OK;
}

static talc_status start(talc_server *server, talc_served *served, const uint8_t *session_id)
{
    const talc_config *config = &server->configuration.config;
    talc_failure failure;
    talc_failure_clear(&failure);
    talc_session_setup setup = { .role = TALC_ROLE_SERVER,
                                 .id = session_id,
                                 .engine_class = server->engine_class,
                                 .engine_context = server->engine_context,
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

static talc_status file(talc_server *server, talc_served *served)
{
    talc_served *found = NULL;
    HASH_ADD(hh, server->by_key, key, sizeof served->key, served);
    HASH_FIND(hh, server->by_key, served->key, sizeof served->key, found);
    return found == served ? TALC_OK : TALC_ERROR_MEMORY;
}

talc_status talc_table_admit(talc_server *server, const uint8_t *session_id, talc_served **admitted)
{
    *admitted = NULL;
    talc_status status = make_room(server);
    if (status != TALC_OK) {
        return status;
    }
    talc_served *served = calloc(1, sizeof *served);
    if (served == NULL) {
        return TALC_ERROR_MEMORY;
    }
    served->server = server;
    served->since_ms = served->seen_ms = served->news_ms = talc_server_now_ms(server);
    status = key_of(server, session_id, served->key);
    if (status == TALC_OK) {
        status = start(server, served, session_id);
    }
    if (status == TALC_OK) {
        status = file(server, served);
    }
    if (status != TALC_OK) {
        talc_session_free(served->session);
        free(served);
        return status;
    }
    DL_APPEND(server->served, served);
    server->half_open_count++;
    *admitted = served;
    return TALC_OK;
}

void talc_table_set_state(talc_served *served, talc_served_state state)
{
    talc_server *server = served->server;
    if (served->state == state) {
        return;
    }
    (*counter_of(server, served->state))--;
    (*counter_of(server, state))++;
    served->state = state;
    served->since_ms = talc_server_now_ms(server);
    DL_DELETE(server->served, served);
    DL_APPEND(server->served, served);
    if (state == TALC_SERVED_TOMBSTONE) {
        talc_served_orphan(served);
        talc_session_entomb(served->session);
    }
}

void talc_table_trim(talc_server *server)
{
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
    talc_table_remove(served);
}

static void expire(talc_served *served)
{
    if (served->state == TALC_SERVED_HALF_OPEN) {
        expire_half_open(served);
    } else if (served->state == TALC_SERVED_OPEN) {
        (void)talc_session_finish(served->session);
        talc_served_release(served);
        talc_served_tell(served, TALC_EVENT_SESSION_CLOSED, NULL);
        talc_table_set_state(served, TALC_SERVED_TOMBSTONE);
    } else {
        talc_table_remove(served);
    }
}

void talc_table_expire(talc_server *server, uint64_t now_ms)
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
    talc_table_trim(server);
}

uint64_t talc_table_next_ms(const talc_server *server)
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
