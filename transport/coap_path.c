/* SPDX-License-Identifier: MIT */
#include "transport/coap_client.h"

#include <string.h>
#include <utlist.h>

#define SHARED_PATHS_MAX 4
#define IDLE_PATHS_MAX 4 /* that are kept, of those with ties */

static int path_is_idle(const talc_coap_path *path)
{
    const talc_coap_exchange *exchange;
    DL_FOREACH(path->client->exchanges, exchange) {
        if (exchange->path == path) {
            return 0;
        }
    }
    return 1;
}

/* A session that has ended would begin a handshake by itself when something is sent. */
static int path_is_good(const talc_coap_path *path)
{
    return path->session != NULL && !path->broken &&
           (!path->is_ready ||
            coap_session_get_state(path->session) == COAP_SESSION_STATE_ESTABLISHED);
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

/* The idle one that was taken longest ago; NULL if there are no more than `spared` of them. */
static talc_coap_path *path_spare(talc_coap_client *client, size_t spared)
{
    talc_coap_path *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        talc_coap_path *path = &client->paths[i];
        if (path->session == NULL || !path_is_idle(path)) {
            continue;
        }
        count++;
        if (oldest == NULL || path->taken < oldest->taken) {
            oldest = path;
        }
    }
    return count > spared ? oldest : NULL;
}

void talc_coap_paths_sweep(talc_coap_client *client)
{
    talc_coap_path *spare;
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        talc_coap_path *path = &client->paths[i];
        if (path->session != NULL && path_is_idle(path) &&
            (path->broken || (!client->is_tied && path != client->current))) {
            path_close(path);
        }
    }
    while (client->is_tied && (spare = path_spare(client, IDLE_PATHS_MAX)) != NULL) {
        path_close(spare);
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

/* A free place, or that of the path that was taken longest ago. */
static talc_coap_path *path_place(talc_coap_client *client)
{
    talc_coap_path *oldest = &client->paths[0];
    size_t places = client->is_tied ? TALC_COAP_PATHS_MAX : SHARED_PATHS_MAX;
    for (size_t i = 0; i < places; i++) {
        talc_coap_path *path = &client->paths[i];
        if (path->session == NULL) {
            return path;
        }
        oldest = path->taken < oldest->taken ? path : oldest;
    }
    path_fail(oldest, TALC_COAP_GIVEN_UP);
    path_close(oldest);
    return oldest;
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
    path->is_unacknowledged = 0;
    path->is_ready = 0;
    if (client->security->state(client->security_state, session, &failure) ==
        TALC_COAP_SECURITY_READY) {
        path_is_ready(path);
    }
    coap_session_set_app_data(session, path);
    return path;
}

/* The current path, or a new one that is current from now on. */
static talc_coap_path *shared_take(talc_coap_client *client, uint32_t attempt)
{
    talc_coap_path *path = client->current;
    int is_busy = path != NULL && client->transmission.above_nstart == TALC_COAP_SPREADS &&
                  path->outstanding >= client->transmission.nstart;
    if (path == NULL || !path_is_good(path) || is_busy || attempt > 0) {
        client->current = NULL;
        talc_coap_paths_sweep(client);
        path = path_new(client);
        client->current = path;
    }
    return path;
}

/* What libcoap's proxy (coap-server to 4.3.4) keeps of the first request from a source port, and
 * takes for that of all others when it is asked for a later block of an answer. */
static uint32_t tie_of(const talc_coap_client *client, const talc_coap_exchange *exchange)
{
    if (client->transmission.above_nstart == TALC_COAP_PARTS) {
        return 0;
    }
    uint32_t tie = exchange->request.code;
    if (exchange->form == TALC_COAP_FORM_SCHEME) {
        for (const char *at = exchange->request.query; *at != '\0'; at++) {
            tie = tie * 31 + (uint8_t)*at;
        }
    }
    return tie;
}

/* One exchange at a time, and only such as the first one was. */
static talc_status tied_take(talc_coap_client *client, talc_coap_exchange *exchange)
{
    uint32_t tie = tie_of(client, exchange);
    size_t count = 0;
    for (size_t i = 0; i < TALC_COAP_PATHS_MAX; i++) {
        talc_coap_path *path = &client->paths[i];
        count += path->session != NULL ? 1 : 0;
        if (path_is_good(path) && path->tie == tie && path_is_idle(path) &&
            talc_coap_path_is_free(path)) {
            exchange->path = path;
            return TALC_OK;
        }
    }
    if (count == TALC_COAP_PATHS_MAX) {
        talc_coap_path *spare = path_spare(client, 0);
        if (spare == NULL) {
            return TALC_WANT_ROOM;
        }
        path_close(spare);
    }
    exchange->path = path_new(client);
    if (exchange->path == NULL) {
        return TALC_ERROR_UNREACHABLE;
    }
    exchange->path->tie = tie;
    return TALC_OK;
}

talc_status talc_coap_path_take(talc_coap_client *client, talc_coap_exchange *exchange,
                                uint32_t attempt)
{
    talc_status status = TALC_OK;
    if (client->is_tied) {
        status = tied_take(client, exchange);
    } else {
        exchange->path = shared_take(client, attempt);
        status = exchange->path != NULL ? TALC_OK : TALC_ERROR_UNREACHABLE;
    }
    if (status == TALC_OK) {
        exchange->path->taken = ++client->taken;
        client->newest = exchange->path;
    }
    return status;
}

void talc_coap_path_leave(talc_coap_path *path)
{
    talc_coap_client *client = path->client;
    path->broken = 1;
    client->address = (client->address + 1) % client->next_hop.count;
}

/* 1 if the exchange was sent or ended: then the list has changed. */
static int waiting_try(talc_coap_client *client, talc_coap_exchange *exchange)
{
    talc_status status = TALC_OK;
    if (exchange->state != TALC_COAP_WAITING) {
        return 0;
    }
    if (exchange->path == NULL) {
        status = talc_coap_path_take(client, exchange, 0);
    }
    if (status == TALC_ERROR_UNREACHABLE) {
        talc_coap_exchange_end(client, exchange,
                               client->insecurity.status != TALC_OK ? TALC_COAP_INSECURE
                                                                    : TALC_COAP_UNREACHABLE);
        return 1;
    }
    if (status != TALC_OK || !exchange->path->is_ready ||
        !talc_coap_path_is_free(exchange->path)) {
        return 0;
    }
    talc_coap_request_go_on(client, exchange);
    return 1;
}

/* Begins anew each time, because sending one may end others. */
static void waiting_send(talc_coap_client *client)
{
    talc_coap_exchange *exchange = client->exchanges;
    while (exchange != NULL) {
        exchange = waiting_try(client, exchange) ? client->exchanges : exchange->next;
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
