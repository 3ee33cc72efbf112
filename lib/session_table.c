/* SPDX-License-Identifier: MIT */
/* uthash would end the process when it is out of memory. */
#define HASH_NONFATAL_OOM 1
#include <string.h>
#include <utlist.h>

#include "lib/server_state.h"

uint64_t talc_server_now_ms(const talc_server *server)
{
    return talc_configuration_now_ms(&server->configuration);
}

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
    case TALC_SERVED_REFUSED:
        return &server->refused_count;
    default:
        return &server->tombstone_count;
    }
}

static talc_status file(talc_server *server, talc_served *served)
{
    talc_served *found = NULL;
    HASH_ADD(hh, server->by_key, key, sizeof served->key, served);
    HASH_FIND(hh, server->by_key, served->key, sizeof served->key, found);
    return found == served ? TALC_OK : TALC_ERROR_MEMORY;
}

talc_status talc_table_add(talc_server *server, const uint8_t *session_id, talc_served *served)
{
    talc_status status = key_of(server, session_id, served->key);
    if (status == TALC_OK) {
        status = file(server, served);
    }
    if (status != TALC_OK) {
        return status;
    }
    served->server = server;
    DL_APPEND(server->served, served);
    (*counter_of(server, served->state))++;
    return TALC_OK;
}

void talc_table_remove(talc_served *served)
{
    talc_server *server = served->server;
    (*counter_of(server, served->state))--;
    HASH_DEL(server->by_key, served);
    DL_DELETE(server->served, served);
}

void talc_table_move(talc_served *served, talc_served_state state)
{
    talc_server *server = served->server;
    (*counter_of(server, served->state))--;
    (*counter_of(server, state))++;
    served->state = state;
    served->since_ms = talc_server_now_ms(server);
    DL_DELETE(server->served, served);
    DL_APPEND(server->served, served);
}

talc_served *talc_table_oldest(const talc_server *server, talc_served_state state)
{
    talc_served *served;
    DL_FOREACH(server->served, served) {
        if (served->state == state && !served->is_busy) {
            return served;
        }
    }
    return NULL;
}
