/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdio.h>

#include "bench/first_request.h"

/* When nothing has come for so long, all acknowledgements of the last message are there too. */
#define QUIET_MS 20

typedef struct network {
    talc_server *server;
    talc_client *client;
    test_relay *relay;
} network;

static talc_status network_open(network *opened, const handshake_case *measured,
                                talc_failure *failure)
{
    char uri[64];
    talc_config server = credentials_server_config(measured->credentials, measured->version);
    talc_config client = credentials_client_config(measured->credentials, measured->version);
    server.failure = client.failure = failure;
    client.blockwise = measured->blockwise;
    talc_status status = first_request_serve(&opened->server, &server, "coap://127.0.0.1:0");
    if (status != TALC_OK) {
        return status;
    }
    opened->relay = relay_new(talc_server_port(opened->server, 0));
    if (opened->relay == NULL) {
        return TALC_ERROR_IO;
    }
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)relay_port(opened->relay));
    return talc_client_new(&opened->client, &client, uri, NULL);
}

static void network_close(network *closed)
{
    talc_client_free(closed->client);
    talc_server_free(closed->server);
    relay_free(closed->relay);
}

static int shorter(int wait_ms, uint32_t timeout_ms)
{
    return timeout_ms < (uint32_t)wait_ms ? (int)timeout_ms : wait_ms;
}

/* One turn of the loop. Returns 0 if nothing came for `wait_ms` or until a side wanted a turn. */
static int network_turn(const network *run, int wait_ms)
{
    struct pollfd watched[] = {
        { .fd = talc_client_descriptor(run->client), .events = POLLIN },
        { .fd = talc_server_descriptor(run->server, 0), .events = POLLIN },
        { .fd = relay_descriptor(run->relay), .events = POLLIN },
    };
    wait_ms = shorter(wait_ms, talc_client_timeout_ms(run->client));
    wait_ms = shorter(wait_ms, talc_server_timeout_ms(run->server));
    int ready = poll(watched, sizeof watched / sizeof watched[0], wait_ms);
    talc_client_process(run->client);
    relay_process(run->relay);
    talc_server_process(run->server);
    return ready;
}

static void note_outcome(void *context, talc_status status, const talc_response *response)
{
    (void)response;
    *(talc_status *)context = status;
}

static talc_status network_run(const network *run, wire *result, talc_failure *failure)
{
    talc_status outcome = TALC_PENDING;
    talc_status status = first_request_send(run->client, note_outcome, &outcome);
    while (status == TALC_PENDING && outcome == TALC_PENDING) {
        network_turn(run, 1000);
    }
    while (network_turn(run, QUIET_MS) > 0) {
    }
    result->up = relay_counts_get(run->relay, RELAY_UP);
    result->down = relay_counts_get(run->relay, RELAY_DOWN);
    if (outcome != TALC_OK) {
        *failure = *talc_client_failure(run->client);
    }
    return status == TALC_PENDING ? outcome : status;
}

talc_status first_request_wire(const handshake_case *measured, wire *result, talc_failure *failure)
{
    network run = { 0 };
    talc_status status = network_open(&run, measured, failure);
    if (status == TALC_OK) {
        status = network_run(&run, result, failure);
    }
    network_close(&run);
    return status;
}
