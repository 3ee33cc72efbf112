/* SPDX-License-Identifier: MIT */
/* The client's link of `none` and `dtls`: the application's requests are the messages. */
#include "transport/coap_direct.h"

#include "lib/failure.h"
#include "transport/coap_client.h"

#include <stdlib.h>
#include <string.h>

#define EXCHANGES_MAX 64

typedef struct direct_client {
    talc_coap_client client;
    talc_direct_client_events events;
    int has_answer; /* anything was answered */
} direct_client;

/* RFC 7252 section 4.8. */
static const talc_coap_transmission transmission = { 2, 4, 1, TALC_COAP_QUEUES };

/* ---------------------------------------------------------------- results */

/* Whether what was answered is a response that can be handed on. */
static talc_status answer_check(const direct_client *direct, const talc_coap_exchange *exchange,
                                talc_failure *failure)
{
    const char *host = direct->client.server.host;
    unsigned class = exchange->code >> 5;
    if (exchange->refused_option != 0) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNSUPPORTED,
                                "the response of %s has the critical option %u, which is not "
                                "understood here",
                                host, (unsigned)exchange->refused_option);
    }
    if ((class != 2 && class != 4 && class != 5) || exchange->code == COAP_RESPONSE_CODE(231)) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_PROTOCOL,
                                "%s answers %u.%02u, which ends no request", host, class,
                                (unsigned)exchange->code & 31);
    }
    return TALC_OK;
}

static void on_ended(void *context, const talc_coap_exchange *exchange)
{
    direct_client *direct = context;
    talc_failure failure = { 0 };
    talc_frame response;
    talc_direct_result result = { .exchange = exchange->number,
                                  .never_left = !exchange->was_sent };
    result.status = exchange->end == TALC_COAP_ANSWERED
                        ? answer_check(direct, exchange, &failure)
                        : talc_coap_end_explain(&direct->client, exchange->end, &failure);
    direct->has_answer |= exchange->end == TALC_COAP_ANSWERED;
    if (result.status == TALC_OK) {
        talc_frame_init(&response, exchange->code);
        response.content_format = exchange->content_format;
        response.payload = exchange->answer.bytes;
        response.payload_size = exchange->answer.size;
        result.response = &response;
    } else {
        result.failure = &failure;
    }
    direct->events.ended(direct->events.context, &result);
}

/* ---------------------------------------------------------------- calls */

static talc_status direct_prepare(direct_client *direct, const talc_direct_target *target,
                                  talc_failure *failure)
{
    const talc_config *config = target->config;
    talc_coap_client_setup setup = { .uri = target->uri,
                                     .proxy_uri = target->proxy_uri,
                                     .security = talc_coap_security_find(config->mode),
                                     .config = config,
                                     .server_name = target->server_name,
                                     .message_size = config->message_body_size,
                                     .block_size = config->block_size,
                                     .body_size = config->message_size_max,
                                     .exchanges_max = EXCHANGES_MAX,
                                     .transmission = transmission,
                                     .ended = on_ended,
                                     .context = direct };
    if (setup.security == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "this mode has no direct link");
    }
    return talc_coap_client_open(&direct->client, &setup, failure);
}

static void direct_close(void *link)
{
    direct_client *direct = link;
    if (direct->client.security != NULL) {
        talc_coap_client_close(&direct->client);
    }
    free(direct);
}

static talc_status direct_open(void **link, const talc_direct_target *target,
                               const talc_direct_client_events *events, talc_failure *failure)
{
    *link = NULL;
    direct_client *direct = calloc(1, sizeof *direct);
    if (direct == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    direct->events = *events;
    talc_status status = direct_prepare(direct, target, failure);
    if (status != TALC_OK) {
        direct_close(direct);
        return status;
    }
    *link = direct;
    return TALC_OK;
}

static talc_status direct_send(void *link, uint32_t exchange, const talc_frame *request)
{
    direct_client *direct = link;
    talc_coap_request sent = { .code = request->code,
                               .path = request->path,
                               .query = request->query,
                               .content_format = request->content_format,
                               .accept = request->accept,
                               .body = request->payload,
                               .body_size = request->payload_size };
    return talc_coap_client_send(&direct->client, exchange, 0, &sent);
}

static void direct_cancel(void *link, uint32_t exchange)
{
    direct_client *direct = link;
    talc_coap_client_abandon(&direct->client, exchange);
}

static talc_status direct_process(void *link)
{
    direct_client *direct = link;
    return talc_coap_client_process(&direct->client);
}

static int direct_descriptor(void *link)
{
    const direct_client *direct = link;
    return talc_coap_client_descriptor(&direct->client);
}

static uint32_t direct_timeout_ms(void *link)
{
    const direct_client *direct = link;
    return talc_coap_client_timeout_ms(&direct->client);
}

/* Without security there is no session that could be open: it is a peer that answers. */
static void direct_describe(void *link, talc_session_info *info)
{
    const direct_client *direct = link;
    const talc_coap_client *client = &direct->client;
    const talc_coap_path *path = client->newest;
    memset(info, 0, sizeof *info);
    if (client->security->protocol == COAP_PROTO_UDP) {
        if (direct->has_answer) {
            client->security->describe(client->security_state, NULL, info);
        }
    } else if (path != NULL && path->session != NULL && path->is_ready && !path->broken) {
        client->security->describe(client->security_state, path->session, info);
    }
}

static void direct_finish(void *link)
{
    direct_client *direct = link;
    direct->has_answer = 0;
    talc_coap_client_finish(&direct->client);
}

const talc_direct_client talc_coap_direct_client = {
    .open = direct_open,
    .send = direct_send,
    .cancel = direct_cancel,
    .process = direct_process,
    .descriptor = direct_descriptor,
    .timeout_ms = direct_timeout_ms,
    .describe = direct_describe,
    .finish = direct_finish,
    .close = direct_close,
};
