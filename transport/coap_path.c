/* SPDX-License-Identifier: MIT */
#include "transport/coap_client.h"

#include <string.h>
#include <utlist.h>

static int path_is_needed(const talc_coap_path *path)
{
    const talc_coap_exchange *exchange;
    DL_FOREACH(path->client->exchanges, exchange) {
        if (exchange->path == path) {
            return 1;
        }
    }
    return path == path->client->current && !path->broken;
}

/* What libcoap still wants to repeat goes with it. */
static void path_close(talc_coap_path *path)
{
    talc_coap_client *client = path->client;
    coap_session_t *session = path->session;
    path->session = NULL;
    if (client->current == path) {
        client->current = NULL;
    }
    coap_session_set_app_data(session, NULL); /* no more callbacks */
    client->security->disconnect(client->security_state, session);
    coap_session_disconnected(session, COAP_NACK_NOT_DELIVERABLE);
    coap_session_release(session);
}

void talc_coap_paths_sweep(talc_coap_client *client)
{
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        talc_coap_path *path = &client->paths[i];
        if (path->session != NULL && !path_is_needed(path)) {
            path_close(path);
        }
    }
}

void talc_coap_paths_close(talc_coap_client *client)
{
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        if (client->paths[i].session != NULL) {
            path_close(&client->paths[i]);
        }
    }
}

static void path_fail(talc_coap_path *path, talc_coap_end end)
{
    talc_coap_client *client = path->client;
    path->broken = 1;
    talc_coap_exchange *exchange, *next;
    DL_FOREACH_SAFE(client->exchanges, exchange, next) {
        if (exchange->path == path) {
            talc_coap_exchange_end(client, exchange, end);
        }
    }
}

/* A free place, or that of the path that has been there longest. */
static talc_coap_path *path_place(talc_coap_client *client)
{
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        if (client->paths[i].session == NULL) {
            return &client->paths[i];
        }
    }
    talc_coap_path *path = &client->paths[client->oldest];
    client->oldest = (client->oldest + 1) % TALC_COAP_PATHS_MAX;
    path_fail(path, TALC_COAP_GIVEN_UP);
    path_close(path);
    return path;
}

/* The first address that the system has a route to, beginning with the one that worked last. */
static coap_session_t *session_new(talc_coap_client *client)
{
    memset(&client->insecurity, 0, sizeof client->insecurity);
    for (size_t tried = 0; tried < client->next_hop.count; tried++) {
        const coap_address_t *address = &client->next_hop.list[client->address];
        coap_session_t *session = client->security->connect(client->security_state, address,
                                                             &client->insecurity);
        if (session != NULL) {
            return session;
        }
        client->address = (client->address + 1) % client->next_hop.count;
    }
    return NULL;
}

/* Not before: handshakes have time-outs of their own, made of the same parameters. */
static void path_is_ready(talc_coap_path *path)
{
    const talc_coap_transmission *transmission = &path->client->transmission;
    coap_fixed_point_t ack_timeout = { transmission->ack_timeout_s, 0 };
    if (!path->is_ready) {
        coap_session_set_ack_timeout(path->session, ack_timeout);
        coap_session_set_max_retransmit(path->session, transmission->max_retransmit);
        coap_session_set_nstart(path->session, transmission->nstart);
    }
    path->is_ready = 1;
}

static talc_coap_path *path_new(talc_coap_client *client)
{
    coap_session_t *session = session_new(client);
    talc_failure failure = { 0 };
    if (session == NULL) {
        return NULL;
    }
    talc_coap_path *path = path_place(client);
    path->client = client;
    path->session = session;
    path->outstanding = 0;
    path->heard = 0;
    path->broken = 0;
    path->is_dead = 0;
    path->separate_ms = 0;
    path->is_ready = 0;
    if (client->security->state(client->security_state, session, &failure) ==
        TALC_COAP_SECURITY_READY) {
        path_is_ready(path);
    }
    coap_session_set_app_data(session, path);
    client->current = path;
    return path;
}

/* A session that has ended would begin a handshake by itself when something is sent. */
static int path_has_ended(const talc_coap_path *path)
{
    return path->is_ready &&
           coap_session_get_state(path->session) != COAP_SESSION_STATE_ESTABLISHED;
}

talc_coap_path *talc_coap_path_take(talc_coap_client *client, uint32_t attempt)
{
    talc_coap_path *path = client->current;
    int is_busy = path != NULL && client->transmission.above_nstart == TALC_COAP_SPREADS &&
                  path->outstanding >= client->transmission.nstart;
    if (path == NULL || path->broken || is_busy || attempt > 0 || path_has_ended(path)) {
        client->current = NULL;
        talc_coap_paths_sweep(client);
        path = path_new(client);
    }
    return path;
}

void talc_coap_path_leave(talc_coap_path *path)
{
    talc_coap_client *client = path->client;
    path->broken = 1;
    client->address = (client->address + 1) % client->next_hop.count;
}

/* One that could be sent, or needs another path first. Sought anew each time, because sending one may
 * end others. */
static talc_coap_exchange *waiting_find(const talc_coap_client *client)
{
    talc_coap_exchange *exchange;
    DL_FOREACH(client->exchanges, exchange) {
        if (exchange->state == TALC_COAP_WAITING &&
            (exchange->path == NULL || exchange->path->is_ready)) {
            return exchange;
        }
    }
    return NULL;
}

static void waiting_send(talc_coap_client *client)
{
    talc_coap_exchange *exchange;
    while ((exchange = waiting_find(client)) != NULL) {
        if (exchange->path == NULL) {
            exchange->path = talc_coap_path_take(client, 0);
        }
        if (exchange->path == NULL) {
            talc_coap_exchange_end(client, exchange,
                                   client->insecurity.status != TALC_OK ? TALC_COAP_INSECURE
                                                                        : TALC_COAP_UNREACHABLE);
        } else if (exchange->path->is_ready) {
            exchange->state = TALC_COAP_OPEN;
            talc_coap_request_go_on(client, exchange);
        }
    }
}

/* Nothing has been sent, so everything may go to the next address. */
static void path_move(talc_coap_path *path)
{
    talc_coap_client *client = path->client;
    talc_coap_exchange *exchange, *next;
    talc_coap_path_leave(path);
    DL_FOREACH_SAFE(client->exchanges, exchange, next) {
        if (exchange->path == path) {
            talc_coap_exchange_move(client, exchange, TALC_COAP_INSECURE);
        }
    }
}

static void path_advance(talc_coap_path *path)
{
    talc_coap_client *client = path->client;
    talc_failure failure = { 0 };
    if (path->is_dead) {
        path_fail(path, TALC_COAP_UNREACHABLE);
        return;
    }
    switch (client->security->state(client->security_state, path->session, &failure)) {
    case TALC_COAP_SECURITY_PENDING: return;
    case TALC_COAP_SECURITY_READY: path_is_ready(path); return;
    case TALC_COAP_SECURITY_FAILED: break;
    }
    client->insecurity = failure;
    if (!path->is_ready && failure.status == TALC_ERROR_UNREACHABLE) {
        path_move(path);
    } else {
        path_fail(path, TALC_COAP_INSECURE);
    }
}

void talc_coap_paths_advance(talc_coap_client *client)
{
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        if (client->paths[i].session != NULL) {
            path_advance(&client->paths[i]);
        }
    }
    waiting_send(client);
}
