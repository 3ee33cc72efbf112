/* SPDX-License-Identifier: MIT */
/*
 * A gateway's server: requests for every path and for every proxied URI, with all their options.
 *
 * What libcoap (4.3.1, net.c) does with a request before it gets here, and what comes of it:
 *
 * - Proxy-Uri and Proxy-Scheme go to the proxy resource, for which it acknowledges at once and
 *   drops what has the message id of the request before. But where the one name of that resource
 *   is empty, every host is its own, and such requests are treated like any other: so they come to
 *   the resource for unknown paths. Only Proxy-Scheme without Uri-Host still goes to the proxy
 *   resource. A Proxy-Uri that is none, or of another scheme than coap, coaps (with or without
 *   +tcp), http and https, is answered 5.05 there.
 *
 * - Hop-Limit (RFC 8768) is made one less, 0 is answered 4.00 and 1 by 5.08, unless the request
 *   names such a host. hop_limit_restore() undoes the former, so that the gateway sees in all cases
 *   what was sent. Into a 5.08 that leaves here libcoap writes its own address (section 4); and see
 *   coap_reply.c.
 *
 * - Critical options that it does not know are answered 4.02 (or, in a NON message, by a Reset).
 *   Registered ones that are safe to forward are known here: see passed_options.
 *
 * - If-Match, If-None-Match and ETag are not looked at. Observe is, but only for resources that
 *   have been made observable, and ours are not. Uri-Host is looked at with Proxy-Scheme only, so
 *   that any value gets here in a request to a reverse proxy.
 *
 * - No-Response (RFC 7967) empties piggy-backed responses, but does nothing for separate ones:
 *   is_unwanted() looks after all.
 *
 * - Options of a length that they may not have are malformed: a Reset, never seen here.
 */
#include "transport/coap_message_server.h"

#include "lib/crypto.h"
#include "lib/failure.h"
#include "transport/coap_reception.h"
#include "transport/coap_request_digest.h"

#include <stdlib.h>
#include <string.h>

#define NO_RESPONSE 258

/* Below the first repeat of a client, and above what most origins take. An answer that comes in
 * time takes two datagrams in place of four; and libcoap's clients up to 4.3.4 lose a long answer
 * that is no acknowledgement. Envelopes, which are posted, are repeated after a second; other
 * clients take two at least (RFC 7252 section 4.8). */
#define WITHHOLD_MS 500
#define WITHHOLD_SAFE_MS 1500

/* Of IANA's registry: critical and safe to forward (RFC 7252 section 5.4.6). What is not safe, like
 * the Q-Blocks of RFC 9177, libcoap refuses by itself. There is room for six below 256 and two
 * above. */
static const uint16_t passed_options[] = { 9 /* OSCORE */, 21 /* EDHOC */, 2049 /* OCF's */, 2053 };

struct talc_coap_message_server {
    talc_coap_server server;
    talc_coap_reception reception;
    size_t body_size;
    void (*inbound)(void *context, const talc_coap_message_inbound *inbound);
    void *context;
};

/* What deliver() and refuse() need of arrive(). */
typedef struct arrival {
    const coap_pdu_t *request;
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    size_t option_count;
    uint8_t hop_limit;  /* as it was sent */
    const char *reason; /* of a refusal; NULL: none */
} arrival;

/* ---------------------------------------------------------------- options */

static int is_repeatable(uint16_t number)
{
    switch (number) {
    case COAP_OPTION_URI_HOST:
    case COAP_OPTION_IF_NONE_MATCH:
    case COAP_OPTION_OBSERVE:
    case COAP_OPTION_URI_PORT:
    case COAP_OPTION_CONTENT_FORMAT:
    case COAP_OPTION_MAXAGE:
    case COAP_OPTION_HOP_LIMIT:
    case COAP_OPTION_ACCEPT:
    case COAP_OPTION_PROXY_URI:
    case COAP_OPTION_PROXY_SCHEME: return 0;
    default: return 1;
    }
}

/* RFC 7252 section 5.10.1: no segment of a path is "." or "..". */
static int is_dots(const talc_coap_message_option *option)
{
    return option->number == COAP_OPTION_URI_PATH && (option->size == 1 || option->size == 2) &&
           option->value[0] == '.' && option->value[option->size - 1] == '.';
}

/* One occurrence too many counts as an option that nobody knows (RFC 7252 section 5.4.5): a
 * critical one is refused, an elective one passed over. */
static unsigned option_judge(arrival *at, const talc_coap_message_option *option)
{
    const talc_coap_message_option *before =
        at->option_count > 0 ? &at->options[at->option_count - 1] : NULL;
    if (is_dots(option)) {
        at->reason = "a segment of the path is \".\" or \"..\"";
        return COAP_RESPONSE_CODE(400);
    }
    if (before == NULL || before->number != option->number || is_repeatable(option->number)) {
        at->options[at->option_count++] = *option;
        return 0;
    }
    at->reason = "a critical option is there twice";
    return (option->number & 1) != 0 ? COAP_RESPONSE_CODE(402) : 0;
}

static unsigned options_judge(arrival *at)
{
    talc_coap_message_option collected[TALC_COAP_MESSAGE_OPTIONS_MAX];
    size_t count = 0;
    unsigned refusal = 0;
    if (talc_coap_options_collect(at->request, collected, &count) != TALC_OK) {
        at->reason = "too many options";
        return COAP_RESPONSE_CODE(400);
    }
    for (size_t i = 0; refusal == 0 && i < count; i++) {
        refusal = option_judge(at, &collected[i]);
    }
    return refusal;
}

static talc_coap_message_option *option_find(arrival *at, uint16_t number)
{
    for (size_t i = 0; i < at->option_count; i++) {
        if (at->options[i].number == number) {
            return &at->options[i];
        }
    }
    return NULL;
}

/* See the top. Whoever names a host as a proxy's client has it as it was sent. */
static void hop_limit_restore(arrival *at)
{
    talc_coap_message_option *option = option_find(at, COAP_OPTION_HOP_LIMIT);
    int is_untouched = option_find(at, COAP_OPTION_PROXY_URI) != NULL ||
                       (option_find(at, COAP_OPTION_PROXY_SCHEME) != NULL &&
                        option_find(at, COAP_OPTION_URI_HOST) != NULL);
    if (option == NULL || option->size != 1 || is_untouched) {
        return;
    }
    at->hop_limit = (uint8_t)(option->value[0] + 1);
    option->value = &at->hop_limit;
}

/* ---------------------------------------------------------------- requests */

static unsigned message_judge(talc_coap_server *server, talc_coap_pending *arrived,
                              const coap_pdu_t *request)
{
    arrival *at = arrived->detail;
    unsigned refusal = options_judge(at);
    if (refusal == COAP_RESPONSE_CODE(402) && arrived->type == COAP_MESSAGE_NON) {
        return TALC_COAP_SILENCE;
    }
    if (refusal != 0) {
        return refusal;
    }
    at->reason = NULL;
    hop_limit_restore(at);
    if (talc_coap_request_subject(&arrived->key, request, 0) != TALC_OK) {
        return COAP_RESPONSE_CODE(500);
    }
    return talc_coap_reception_refusal(server, arrived, request);
}

static void message_refuse(talc_coap_server *server, const talc_coap_pending *arrived,
                           coap_pdu_t *response, coap_pdu_code_t code)
{
    const arrival *at = arrived->detail;
    talc_coap_reception_refuse(server, arrived, response, code, at != NULL ? at->reason : NULL);
}

/* See the top. */
static int is_for_the_proxy_resource(const coap_pdu_t *request)
{
    coap_opt_iterator_t iterator;
    return coap_check_option(request, COAP_OPTION_PROXY_SCHEME, &iterator) != NULL &&
           coap_check_option(request, COAP_OPTION_PROXY_URI, &iterator) == NULL &&
           coap_check_option(request, COAP_OPTION_URI_HOST, &iterator) == NULL;
}

static uint32_t withhold_ms_of(const coap_pdu_t *request)
{
    coap_pdu_code_t code = coap_pdu_get_code(request);
    if (is_for_the_proxy_resource(request)) {
        return 0; /* libcoap has acknowledged it */
    }
    return code == COAP_REQUEST_CODE_GET || code == COAP_REQUEST_CODE_FETCH ? WITHHOLD_SAFE_MS
                                                                             : WITHHOLD_MS;
}

static void message_arrive(talc_coap_server *server, talc_coap_pending *arrived,
                           const coap_pdu_t *request, coap_pdu_t *response)
{
    talc_coap_message_server *self = server->owner;
    arrival at = { .request = request };
    arrived->limit = self->body_size;
    arrived->detail = &at;
    arrived->unwanted = talc_coap_uint_read(request, NO_RESPONSE, 0);
    arrived->withhold_ms = withhold_ms_of(request);
    talc_coap_reception_take(&self->reception, server, arrived, request, response);
}

static void message_deliver(talc_coap_server *server, talc_coap_pending *pending,
                            const talc_coap_body *body)
{
    const talc_coap_message_server *self = server->owner;
    const arrival *at = pending->detail;
    const talc_coap_key key = pending->key; /* the pending may be gone during the call */
    char peer_text[TALC_COAP_PEER_TEXT_SIZE];
    talc_coap_peer_text(pending->session, peer_text);
    talc_coap_message request = { .code = (uint8_t)coap_pdu_get_code(at->request),
                                  .options = at->options,
                                  .option_count = at->option_count,
                                  .body = body->size > 0 ? body->bytes : NULL,
                                  .body_size = body->size };
    talc_coap_message_inbound inbound = { .request = &request,
                                          .peer = key.peer,
                                          .peer_size = sizeof key.peer,
                                          .peer_text = peer_text,
                                          .reply = pending };
    self->inbound(self->context, &inbound);
}

static void message_settle(talc_coap_server *server, talc_coap_pending *pending,
                           const coap_pdu_t *response)
{
    talc_coap_message_server *self = server->owner;
    talc_coap_reception_settle(&self->reception, pending, response);
}

static const talc_coap_server_face face = {
    .arrive = message_arrive,
    .deliver = message_deliver,
    .refuse = message_refuse,
    .settle = message_settle,
    .separates_add = talc_coap_reception_separates_add,
};

/* ---------------------------------------------------------------- calls */

/* See the top. */
static talc_status proxy_open(talc_coap_server *server)
{
    const char *every_host[] = { "" };
    coap_resource_t *proxied =
        coap_resource_proxy_uri_init2(talc_coap_inbound_take, 1, every_host, 0);
    if (proxied == NULL) {
        return TALC_ERROR_MEMORY;
    }
    coap_resource_set_userdata(proxied, server);
    coap_add_resource(server->context, proxied);
    for (size_t i = 0; i < sizeof passed_options / sizeof passed_options[0]; i++) {
        coap_register_option(server->context, passed_options[i]);
    }
    return talc_coap_reception_open(server);
}

static talc_status server_prepare(talc_coap_message_server *server,
                                  const talc_coap_message_server_setup *setup,
                                  talc_failure *failure)
{
    talc_coap_server_setup wanted = { .uri = setup->uri,
                                      .face = &face,
                                      .owner = server,
                                      .security = &talc_coap_security_none,
                                      .message_size = TALC_MESSAGE_BODY_MAX,
                                      .block_size = TALC_COAP_BLOCK_SIZE_MAX,
                                      .ack_timeout_s = 2, /* RFC 7252 section 4.8 */
                                      .max_retransmit = 4,
                                      .nstart = TALC_COAP_OWN_SEPARATE_MAX, /* see there */
                                      .separate_max = TALC_COAP_SEPARATE_MAX,
                                      .transfers_max = TALC_COAP_TRANSFERS_MAX };
    if (talc_crypto_start() != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_RANDOM,
                                "no cryptography could be had");
    }
    talc_status status = talc_coap_server_open(&server->server, &wanted, failure);
    if (status == TALC_OK && proxy_open(&server->server) != TALC_OK) {
        status = talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    return status;
}

talc_status talc_coap_message_server_open(talc_coap_message_server **made,
                                          const talc_coap_message_server_setup *setup,
                                          talc_failure *failure)
{
    *made = NULL;
    talc_coap_message_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    server->body_size = setup->body_size;
    server->inbound = setup->inbound;
    server->context = setup->context;
    server->reception.judge = message_judge;
    server->reception.refuse = message_refuse;
    talc_status status = server_prepare(server, setup, failure);
    if (status != TALC_OK) {
        talc_coap_message_server_close(server);
        return status;
    }
    *made = server;
    return TALC_OK;
}

/* The bits 1, 3 and 4 stand for the classes 2, 4 and 5 (RFC 7967 section 2.1). */
static int is_unwanted(const talc_coap_pending *pending, uint8_t code)
{
    unsigned class = code >> 5;
    return class > 0 && (pending->unwanted >> (class - 1) & 1) != 0;
}

void talc_coap_message_server_reply(talc_coap_message_server *server, void *handle,
                                    const talc_coap_message *response)
{
    talc_coap_answer answer = { .content_format = TALC_OPTION_ABSENT };
    if (response == NULL || is_unwanted(handle, response->code)) {
        (void)talc_coap_reply_give(&server->server, handle, NULL);
        return;
    }
    answer.code = response->code;
    answer.body = response->body;
    answer.body_size = response->body_size;
    answer.options = (talc_coap_option_list){ response->options, response->option_count };
    (void)talc_coap_reply_give(&server->server, handle, &answer);
}

talc_status talc_coap_message_server_process(talc_coap_message_server *server)
{
    return talc_coap_reception_process(&server->reception, &server->server);
}

int talc_coap_message_server_descriptor(const talc_coap_message_server *server)
{
    return talc_coap_server_descriptor(&server->server);
}

uint32_t talc_coap_message_server_timeout_ms(const talc_coap_message_server *server)
{
    return talc_coap_reception_timeout_ms(&server->reception, &server->server);
}

uint16_t talc_coap_message_server_port(const talc_coap_message_server *server)
{
    return server->server.port;
}

void talc_coap_message_server_close(talc_coap_message_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->server.security != NULL) {
        talc_coap_server_close(&server->server);
    }
    talc_coap_reception_close(&server->reception);
    free(server);
}
