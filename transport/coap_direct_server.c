/* SPDX-License-Identifier: MIT */
/* The server's link of `none` and `dtls`: every request on every path goes to the server. */
#include "transport/coap_direct.h"

#include "lib/crypto.h"
#include "lib/failure.h"
#include "transport/coap_options.h"
#include "transport/coap_reception.h"
#include "transport/coap_request_digest.h"

#include <stdlib.h>
#include <string.h>

typedef struct direct_server {
    talc_coap_server server;
    talc_direct_server_events events;
    talc_coap_reception reception;
    size_t message_size_max;
} direct_server;

/* What deliver() needs of arrive(). */
typedef struct arrival {
    talc_frame frame;
    const talc_coap_guest *guest;
} arrival;

/* ---------------------------------------------------------------- requests */

static void direct_refuse(talc_coap_server *server, const talc_coap_pending *arrived,
                          coap_pdu_t *response, coap_pdu_code_t code)
{
    talc_coap_reception_refuse(server, arrived, response, code, NULL);
}

static unsigned direct_judge(talc_coap_server *server, talc_coap_pending *arrived,
                             const coap_pdu_t *request)
{
    arrival *at = arrived->detail;
    if (talc_coap_options_read(request, &at->frame) != TALC_OK) {
        return COAP_RESPONSE_CODE(400);
    }
    if (at->frame.refused_option != 0 && arrived->type == COAP_MESSAGE_NON) {
        return TALC_COAP_SILENCE;
    }
    if (talc_coap_request_subject(&arrived->key, request, arrived->guest) != TALC_OK) {
        return COAP_RESPONSE_CODE(500);
    }
    return talc_coap_reception_refusal(server, arrived, request);
}

static void direct_arrive(talc_coap_server *server, talc_coap_pending *arrived,
                          const coap_pdu_t *request, coap_pdu_t *response)
{
    direct_server *direct = server->owner;
    arrival at;
    arrived->limit = direct->message_size_max;
    if (server->security->admit(server->security_state, arrived->session, &at.guest) != TALC_OK) {
        direct_refuse(server, arrived, response, COAP_RESPONSE_CODE(401));
        return;
    }
    arrived->guest = at.guest->number;
    arrived->detail = &at;
    talc_coap_reception_take(&direct->reception, server, arrived, request, response);
}

static void direct_deliver(talc_coap_server *server, talc_coap_pending *pending,
                           const talc_coap_body *body)
{
    direct_server *direct = server->owner;
    arrival *at = pending->detail;
    at->frame.payload = body->size > 0 ? body->bytes : NULL;
    at->frame.payload_size = body->size;
    talc_direct_inbound inbound = { .request = &at->frame,
                                    .peer = &at->guest->peer,
                                    .protocol = at->guest->protocol,
                                    .cipher_suite = at->guest->cipher_suite,
                                    .reply = pending };
    direct->events.request(direct->events.context, &inbound);
}

static void direct_settle(talc_coap_server *server, talc_coap_pending *pending,
                          const coap_pdu_t *response)
{
    direct_server *direct = server->owner;
    talc_coap_reception_settle(&direct->reception, pending, response);
}

static const talc_coap_server_face face = {
    .arrive = direct_arrive,
    .deliver = direct_deliver,
    .refuse = direct_refuse,
    .settle = direct_settle,
    .separates_add = talc_coap_reception_separates_add,
};

/* ---------------------------------------------------------------- calls */

static talc_status direct_prepare(direct_server *direct, const char *uri, const talc_config *config,
                                  talc_failure *failure)
{
    talc_coap_server_setup setup = { .uri = uri,
                                     .face = &face,
                                     .owner = direct,
                                     .security = talc_coap_security_find(config->mode),
                                     .config = config,
                                     .tell = direct->events.event,
                                     .tell_context = direct->events.context,
                                     .message_size = config->message_body_size,
                                     .block_size = config->block_size,
                                     .ack_timeout_s = 2, /* RFC 7252 section 4.8 */
                                     .max_retransmit = 4,
                                     .nstart = TALC_COAP_OWN_SEPARATE_MAX, /* see there */
                                     .separate_max = TALC_COAP_SEPARATE_MAX,
                                     .transfers_max = TALC_COAP_TRANSFERS_MAX };
    if (setup.security == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "this mode has no direct link");
    }
    if (talc_crypto_start() != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_RANDOM,
                                "no cryptography could be had");
    }
    direct->message_size_max = config->message_size_max;
    talc_status status = talc_coap_server_open(&direct->server, &setup, failure);
    if (status == TALC_OK && talc_coap_reception_open(&direct->server) != TALC_OK) {
        status = talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    return status;
}

static void direct_close(void *link)
{
    direct_server *direct = link;
    if (direct->server.security != NULL) {
        talc_coap_server_close(&direct->server);
    }
    talc_coap_reception_close(&direct->reception);
    free(direct);
}

static talc_status direct_open(void **link, const char *uri, const talc_config *config,
                               const talc_direct_server_events *events, talc_failure *failure)
{
    *link = NULL;
    direct_server *direct = calloc(1, sizeof *direct);
    if (direct == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    direct->events = *events;
    direct->reception.judge = direct_judge;
    direct->reception.refuse = direct_refuse;
    talc_status status = direct_prepare(direct, uri, config, failure);
    if (status != TALC_OK) {
        direct_close(direct);
        return status;
    }
    *link = direct;
    return TALC_OK;
}

/* 1 if the session is still the one that asked: libcoap's may have begun anew meanwhile. */
static int is_there(talc_coap_server *server, const talc_coap_pending *pending)
{
    const talc_coap_guest *guest;
    return pending->response != NULL ||
           (coap_session_get_state(pending->session) == COAP_SESSION_STATE_ESTABLISHED &&
            server->security->admit(server->security_state, pending->session, &guest) ==
                TALC_OK &&
            guest->number == pending->guest);
}

static talc_status direct_reply(void *link, void *handle, const talc_frame *response)
{
    direct_server *direct = link;
    talc_coap_answer answer = { .code = COAP_RESPONSE_CODE(500),
                                .content_format = TALC_OPTION_ABSENT };
    int fits = response == NULL || response->payload_size <= direct->message_size_max;
    if (response == NULL || !is_there(&direct->server, handle)) {
        (void)talc_coap_reply_give(&direct->server, handle, NULL);
        return response == NULL ? TALC_OK : TALC_ERROR_SESSION_LOST;
    }
    if (fits) {
        answer.code = response->code;
        answer.content_format = response->content_format;
        answer.body = response->payload;
        answer.body_size = response->payload_size;
    }
    talc_status status = talc_coap_reply_give(&direct->server, handle, &answer);
    return status == TALC_OK && !fits ? TALC_ERROR_TOO_LARGE : status;
}

static talc_status direct_process(void *link)
{
    direct_server *direct = link;
    return talc_coap_reception_process(&direct->reception, &direct->server);
}

static int direct_descriptor(void *link)
{
    const direct_server *direct = link;
    return talc_coap_server_descriptor(&direct->server);
}

static uint32_t direct_timeout_ms(void *link)
{
    const direct_server *direct = link;
    return talc_coap_reception_timeout_ms(&direct->reception, &direct->server);
}

static uint16_t direct_port(void *link)
{
    const direct_server *direct = link;
    return direct->server.port;
}

static void direct_count(void *link, size_t *open, size_t *half_open)
{
    direct_server *direct = link;
    talc_coap_server *server = &direct->server;
    server->security->count(server->security_state, open, half_open);
}

const talc_direct_server talc_coap_direct_server = {
    .open = direct_open,
    .reply = direct_reply,
    .process = direct_process,
    .descriptor = direct_descriptor,
    .timeout_ms = direct_timeout_ms,
    .port = direct_port,
    .count = direct_count,
    .close = direct_close,
};
