/* SPDX-License-Identifier: MIT */
#include "transport/coap_client.h"

/* Below CoAP's default of 2 s, which RFC 7252 section 4.8.1 allows with a reason: a session has at
 * most two exchanges open, backs off by doubling, and a lost flight should cost 1 s, not 2. */
static const coap_fixed_point_t ack_timeout = { 1, 0 };

static int path_is_needed(const talc_coap_path *path)
{
    const talc_coap_client *client = path->client;
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        if (client->exchanges[i].state == TALC_COAP_OPEN && client->exchanges[i].path == path) {
            return 1;
        }
    }
    return path == client->current && !path->broken;
}

/* What libcoap still wants to repeat goes with it. */
static void path_close(talc_coap_path *path)
{
    coap_session_t *session = path->session;
    path->session = NULL;
    if (path->client->current == path) {
        path->client->current = NULL;
    }
    coap_session_set_app_data(session, NULL); /* no more callbacks */
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
    talc_coap_exchanges_end(path, TALC_OUTCOME_LOST);
    path_close(path);
    return path;
}

/* The first address that the system has a route to, beginning with the one that worked last. */
static coap_session_t *session_new(talc_coap_client *client)
{
    for (size_t tried = 0; tried < client->next_hop.count; tried++) {
        const coap_address_t *address = &client->next_hop.list[client->address];
        coap_session_t *session =
            coap_new_client_session(client->context, NULL, address, COAP_PROTO_UDP);
        if (session != NULL) {
            return session;
        }
        client->address = (client->address + 1) % client->next_hop.count;
    }
    return NULL;
}

static talc_coap_path *path_new(talc_coap_client *client)
{
    coap_session_t *session = session_new(client);
    if (session == NULL) {
        return NULL;
    }
    coap_session_set_ack_timeout(session, ack_timeout);
    coap_session_set_max_retransmit(session, TALC_COAP_MAX_RETRANSMIT);
    coap_session_set_nstart(session, TALC_COAP_NSTART);
    talc_coap_path *path = path_place(client);
    path->client = client;
    path->session = session;
    path->outstanding = 0;
    path->broken = 0;
    coap_session_set_app_data(session, path);
    client->current = path;
    return path;
}

talc_coap_path *talc_coap_path_take(talc_coap_client *client, uint32_t attempt)
{
    talc_coap_path *path = client->current;
    if (path == NULL || path->broken || path->outstanding >= TALC_COAP_NSTART || attempt > 0) {
        client->current = NULL;
        talc_coap_paths_sweep(client);
        path = path_new(client);
    }
    return path;
}
