/* SPDX-License-Identifier: MIT */
#include "bench/first_request.h"

#include <stdlib.h>
#include <string.h>

#include "bench/heap.h"
#include "bench/ledger.h"
#include "bench/pipe.h"

struct memory_server {
    const handshake_case *measured;
    talc_server *server;
};

static void temperature(void *context, talc_exchange *exchange, const talc_request *request)
{
    static const char text[] = "{\"t\":21.5}";
    (void)context;
    (void)request;
    talc_response response = { TALC_CODE_CONTENT, TALC_FORMAT_JSON, text, sizeof text - 1 };
    talc_exchange_respond(exchange, &response);
}

talc_status first_request_serve(talc_server **server, const talc_config *config, const char *uri)
{
    talc_status status = talc_server_new(server, config);
    if (status == TALC_OK) {
        status = talc_server_listen(*server, uri);
    }
    if (status == TALC_OK) {
        status =
            talc_server_handle(*server, "temperature", TALC_ALLOW(TALC_GET), temperature, NULL);
    }
    return status;
}

talc_status first_request_send(talc_client *client, talc_response_callback *callback, void *context)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "temperature";
    return talc_client_send(client, &request, callback, context);
}

talc_status memory_server_new(memory_server **server, const handshake_case *measured,
                              talc_failure *failure)
{
    memory_server *made = calloc(1, sizeof *made);
    *server = made;
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    made->measured = measured;
    talc_config config = credentials_server_config(measured->credentials, measured->version);
    config.listener = &pipe_listener;
    config.failure = failure;
    talc_status status = first_request_serve(&made->server, &config, PIPE_URI);
    if (status != TALC_OK) {
        memory_server_free(made);
        *server = NULL;
    }
    return status;
}

void memory_server_free(memory_server *server)
{
    if (server != NULL) {
        talc_server_free(server->server);
        free(server);
    }
}

static talc_status client_new(talc_client **client, const handshake_case *measured,
                              talc_failure *failure)
{
    talc_config config = credentials_client_config(measured->credentials, measured->version);
    config.carrier = &pipe_carrier;
    config.blockwise = measured->blockwise;
    config.failure = failure;
    return talc_client_new(client, &config, PIPE_URI, NULL);
}

static void note_outcome(void *context, talc_status status, const talc_response *response)
{
    (void)response;
    *(talc_status *)context = status;
}

/* Until the response is there; each side's calls on its own account. */
static talc_status converse(talc_client *client, talc_server *server)
{
    talc_status outcome = TALC_PENDING;
    ledger_side before = ledger_enter(LEDGER_CLIENT);
    talc_status status = first_request_send(client, note_outcome, &outcome);
    while (status == TALC_PENDING && outcome == TALC_PENDING) {
        ledger_enter(LEDGER_CLIENT);
        talc_client_process(client);
        ledger_enter(LEDGER_SERVER);
        talc_server_process(server);
    }
    ledger_enter(before);
    return status == TALC_PENDING ? outcome : status;
}

static void note_result(const talc_client *client, first_request *result)
{
    talc_session_info info;
    talc_client_info(client, &info);
    result->handshake_exchanges = info.handshake_exchanges;
    result->exchanges = info.exchanges;
    result->record_bytes = info.record_bytes_out + info.record_bytes_in;
    result->envelope_bytes = info.body_bytes_out + info.body_bytes_in;
    result->client_cpu_us = (double)ledger_cpu_ns(LEDGER_CLIENT) / 1000;
    result->server_cpu_us = (double)ledger_cpu_ns(LEDGER_SERVER) / 1000;
}

static void note_heap(session_heap *heap)
{
    heap->client_peak_bytes = heap_peak_bytes(LEDGER_CLIENT);
    heap->server_peak_bytes = heap_peak_bytes(LEDGER_SERVER);
    heap->client_idle_bytes = heap_bytes(LEDGER_CLIENT);
    heap->server_idle_bytes = heap_bytes(LEDGER_SERVER);
}

talc_status first_request_run(memory_server *server, first_request *result, session_heap *heap,
                              talc_failure *failure)
{
    talc_client *client = NULL;
    talc_status status = client_new(&client, server->measured, failure);
    if (status != TALC_OK) {
        return status;
    }
    if (heap != NULL) {
        heap_watch();
    }
    ledger_cpu_reset();
    status = converse(client, server->server);
    heap_unwatch();
    if (heap != NULL) {
        note_heap(heap);
    }
    if (status == TALC_OK) {
        note_result(client, result);
    } else {
        *failure = *talc_client_failure(client);
    }
    talc_client_free(client);
    return status;
}
