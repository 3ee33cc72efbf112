/* SPDX-License-Identifier: MIT */
#include "interception.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct interception {
    interception_setup setup;
    talc_server *server; /* towards clients */
    talc_client *client; /* towards the server */
    interception_report report;
};

/* A client's request that waits for the server's answer; `exchange` is NULL for our own. */
typedef struct handed_on {
    interception *in;
    talc_exchange *exchange;
} handed_on;

static void tell(const interception *in, const char *what, const char *reason)
{
    char line[TALC_FAILURE_TEXT_SIZE + 128];
    if (in->setup.told != NULL) {
        snprintf(line, sizeof line, "%s%s%s", what, reason[0] != 0 ? ": " : "", reason);
        in->setup.told(in->setup.context, line);
    }
}

/* ---------------------------------------------------------------- towards the server */

static void answer(talc_exchange *exchange, talc_status status, const talc_response *response)
{
    talc_response failed = TALC_RESPONSE_DEFAULT;
    failed.code = TALC_CODE(5, 2);
    if (exchange != NULL) {
        (void)talc_exchange_respond(exchange, status == TALC_OK ? response : &failed);
    }
}

static void on_answer(void *context, talc_status status, const talc_response *response)
{
    handed_on *handed = context;
    interception *in = handed->in;
    if (status == TALC_OK) {
        in->report.server_answered++;
        tell(in, "the server answers us", "");
    } else {
        in->report.server_refused++;
        snprintf(in->report.server_reason, sizeof in->report.server_reason, "%s",
                 talc_client_failure(in->client)->text);
        tell(in, "the server does not take us", in->report.server_reason);
    }
    answer(handed->exchange, status, response);
    free(handed);
}

static void hand_on(interception *in, talc_exchange *exchange, const talc_request *request)
{
    handed_on *handed = malloc(sizeof *handed);
    if (handed != NULL) {
        *handed = (handed_on){ in, exchange };
        if (talc_client_send(in->client, request, on_answer, handed) == TALC_PENDING) {
            return;
        }
    }
    free(handed);
    answer(exchange, TALC_ERROR_MEMORY, NULL);
}

void interception_try_server(interception *in)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = in->setup.paths[0];
    hand_on(in, NULL, &request);
}

/* ---------------------------------------------------------------- towards clients */

static void on_request(void *context, talc_exchange *exchange, const talc_request *request)
{
    interception *in = context;
    in->report.seen++;
    tell(in, "in the clear", request->path);
    hand_on(in, exchange, request);
}

static void on_event(void *context, const talc_event *event)
{
    interception *in = context;
    const char *reason = event->failure != NULL ? event->failure->text : "";
    if (event->kind == TALC_EVENT_SESSION_OPENED) {
        in->report.clients_opened++;
        tell(in, "a client takes us for its server", "");
    } else if (event->kind == TALC_EVENT_SESSION_REFUSED) {
        in->report.clients_refused++;
        snprintf(in->report.client_reason, sizeof in->report.client_reason, "%s", reason);
        tell(in, "a client does not take us for its server", reason);
    }
}

static talc_status serve(interception *in)
{
    const unsigned all = TALC_ALLOW(TALC_GET) | TALC_ALLOW(TALC_POST) | TALC_ALLOW(TALC_PUT) |
                         TALC_ALLOW(TALC_DELETE);
    talc_status status = TALC_OK;
    for (size_t i = 0; in->setup.paths[i] != NULL && status == TALC_OK; i++) {
        status = talc_server_handle(in->server, in->setup.paths[i], all, on_request, in);
    }
    return status == TALC_OK ? talc_server_listen(in->server, in->setup.listen_uri) : status;
}

/* ---------------------------------------------------------------- life */

talc_status interception_new(interception **made, const interception_setup *setup)
{
    interception *in = calloc(1, sizeof *in);
    *made = NULL;
    if (in == NULL) {
        return TALC_ERROR_MEMORY;
    }
    in->setup = *setup;
    talc_config *towards_clients = &in->setup.towards_clients;
    towards_clients->on_event = on_event;
    towards_clients->on_event_context = in;
    towards_clients->failure = setup->failure;
    in->setup.towards_server.failure = setup->failure;
    talc_status status = talc_server_new(&in->server, towards_clients);
    if (status == TALC_OK) {
        status = talc_client_new(&in->client, &in->setup.towards_server, setup->server_uri, NULL);
    }
    if (status == TALC_OK) {
        status = serve(in);
    }
    if (status != TALC_OK) {
        interception_free(in);
        return status;
    }
    *made = in;
    return TALC_OK;
}

/* The client first: what it gives up is answered while the server is there. */
void interception_free(interception *in)
{
    if (in != NULL) {
        talc_client_free(in->client);
        talc_server_free(in->server);
        free(in);
    }
}

void interception_process(interception *in)
{
    (void)talc_server_process(in->server);
    (void)talc_client_process(in->client);
}

uint32_t interception_timeout_ms(const interception *in)
{
    uint32_t server_ms = talc_server_timeout_ms(in->server);
    uint32_t client_ms = talc_client_timeout_ms(in->client);
    return server_ms < client_ms ? server_ms : client_ms;
}

void interception_wait(interception *in, uint32_t timeout_ms)
{
    struct pollfd polled[] = { { .fd = talc_server_descriptor(in->server, 0), .events = POLLIN },
                               { .fd = talc_client_descriptor(in->client), .events = POLLIN } };
    uint32_t due_ms = interception_timeout_ms(in);
    due_ms = due_ms < timeout_ms ? due_ms : timeout_ms;
    (void)poll(polled, 2, (int)due_ms);
    interception_process(in);
}

const interception_report *interception_report_of(const interception *in)
{
    return &in->report;
}

uint16_t interception_port(const interception *in)
{
    return talc_server_port(in->server, 0);
}
