/* SPDX-License-Identifier: MIT */
#include "talc/client.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/client_state.h"
#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/waiting.h"

/* ---------------------------------------------------------------- making and ending */

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

/* Through a tunnel it is the server; DTLS ends at the next hop. */
static const char *verified_end(const talc_client *client, const talc_client_ends *ends)
{
    bool is_next_hop = client->way == &talc_client_direct && ends->proxy_uri != NULL;
    return is_next_hop ? ends->proxy_uri : ends->uri;
}

static talc_status set_up(talc_client *client, const talc_config *config,
                          const talc_client_ends *ends, talc_failure *failure)
{
    talc_status status = talc_configuration_copy(&client->configuration, config, failure);
    if (status != TALC_OK) {
        return status;
    }
    status = talc_configuration_check_client(&client->configuration, failure);
    if (status != TALC_OK) {
        return status;
    }
    status = talc_crypto_start();
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status, "%s",
                                talc_status_text(status));
    }
    client->way = talc_configuration_tunnels(&client->configuration) ? &talc_client_tunnelled
                                                                     : &talc_client_direct;
    status = choose_server_name(client, verified_end(client, ends), failure);
    if (status == TALC_OK) {
        status = client->way->set_up(client, failure);
    }
    return status == TALC_OK ? client->way->open(client, ends, failure) : status;
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
    talc_client_ends ends = { uri, proxy_uri };
    talc_status status = set_up(client, config, &ends, failure);
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
    talc_client_requests_complete_all(&client->requests, TALC_ERROR_CANCELLED);
    if (client->way != NULL) {
        client->way->free(client);
    }
    talc_configuration_free(&client->configuration);
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
    talc_client_ends ends = { uri, proxy_uri };
    if (client == NULL || uri == NULL || client->is_inside) {
        return refuse_call(client, "talc_client_reroute() needs a URI, and no callback around it");
    }
    talc_failure_clear(&client->failure);
    return client->way->open(client, &ends, &client->failure);
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
        client->way->time_out(client, request);
    }
    client->way->keep_time(client, now);
}

talc_status talc_client_process(talc_client *client)
{
    if (client == NULL || client->is_inside) {
        return refuse_call(client, "talc_client_process() was called from a callback");
    }
    client->is_inside = true;
    talc_status status = client->way->receive(client);
    time_out_requests(client);
    client->way->drive(client);
    client->is_inside = false;
    return status;
}

int talc_client_descriptor(const talc_client *client)
{
    return client == NULL ? -1 : client->way->descriptor(client);
}

uint32_t talc_client_timeout_ms(const talc_client *client)
{
    if (client == NULL) {
        return UINT32_MAX;
    }
    uint64_t now = talc_configuration_now_ms(&client->configuration);
    uint64_t deadline_ms = client->is_closing ? client->closing_until_ms
                                              : talc_client_requests_deadline(&client->requests);
    uint32_t timeout_ms = client->way->timeout_ms(client, now);
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
    memset(info, 0, sizeof *info);
    if (client != NULL) {
        client->way->describe(client, info);
    }
}

const talc_failure *talc_client_failure(const talc_client *client)
{
    static const talc_failure none = { .status = TALC_ERROR_ARGUMENT,
                                       .stage = TALC_STAGE_CONFIGURE,
                                       .text = "there is no client: talc_client_new() failed" };
    return client == NULL ? &none : &client->failure;
}

/* ---------------------------------------------------------------- closing */

/* Ends all requests; what has not begun to leave does not leave any more. */
static void end_requests(talc_client *client, talc_status status)
{
    talc_client_request *request;
    DL_FOREACH(client->requests.first, request) {
        client->way->withdraw(client, request);
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
    client->is_closing = true;
    end_requests(client, TALC_ERROR_CLOSED);
    if (!client->way->say_goodbye(client)) {
        client->is_closing = false;
        return TALC_OK;
    }
    client->closing_until_ms =
        now + (timeout_ms != 0 ? timeout_ms : client->configuration.config.request_timeout_ms);
    (void)talc_client_process(client);
    if (timeout_ms == 0 && !client->way->is_closed(client)) {
        return TALC_PENDING;
    }
    talc_failure_clear(&client->failure);
    while (!client->way->is_closed(client)) {
        (void)talc_client_wait(client, UINT32_MAX);
    }
    return client->failure.status;
}
