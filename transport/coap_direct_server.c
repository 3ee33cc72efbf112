/* SPDX-License-Identifier: MIT */
/* The server's link of `none` and `dtls`: every request on every path goes to the server. */
#include "transport/coap_direct.h"

#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/framing_wire.h"
#include "transport/coap_duplicates.h"
#include "transport/coap_options.h"
#include "transport/coap_server.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 1500 /* bytes of a datagram that libcoap takes, and more */
#define SWEEP_CHECK_MS 30000
#define SEPARATE_MAX 4096

/* Section 4.7 limits what clients have outstanding; responses come no faster than requests do. One
 * after the other, a single lost acknowledgement would hold all that follow for a minute and a
 * half, and libcoap would keep them for any time. */
#define OWN_SEPARATE_MAX 64
#define OWN_WAITING_MAX 512 /* requests of one sender, when the server is half full */

typedef struct direct_server {
    talc_coap_server server;
    talc_direct_server_events events;
    talc_coap_duplicates duplicates;
    size_t remembered; /* requests, after the last sweep */
    size_t message_size_max;
} direct_server;

/* What deliver() needs of arrive(). */
typedef struct arrival {
    talc_frame frame;
    const talc_coap_guest *guest;
} arrival;

/* ---------------------------------------------------------------- digests */

static void digest_option(talc_byte_writer *writer, uint32_t number, const coap_opt_t *option)
{
    talc_byte_writer_uint(writer, 2, number);
    talc_byte_writer_uint(writer, 2, (uint32_t)coap_opt_length(option));
    talc_byte_writer_put(writer, coap_opt_value(option), coap_opt_length(option));
}

/* NoCacheKey (RFC 7252 section 5.4.6), and what a client may leave out when it asks for a later
 * block, or adds to it: Content-Format, Hop-Limit, the block options and Request-Tag. */
static int names_a_resource(uint32_t number)
{
    return (number & 0x1e) != 0x1c && number != COAP_OPTION_CONTENT_FORMAT &&
           number != COAP_OPTION_HOP_LIMIT && number != COAP_OPTION_BLOCK1 &&
           number != COAP_OPTION_BLOCK2 && number != COAP_OPTION_OBSERVE &&
           number != COAP_OPTION_RTAG;
}

static int every_option(uint32_t number)
{
    (void)number;
    return 1;
}

/* The code and the options that `counts` wants, in bytes that no other ones have. */
static void digest_request(talc_byte_writer *writer, const coap_pdu_t *request,
                           int (*counts)(uint32_t number))
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *option;
    talc_byte_writer_uint(writer, 1, (uint32_t)coap_pdu_get_code(request));
    coap_option_iterator_init(request, &iterator, COAP_OPT_ALL);
    while ((option = coap_option_next(&iterator)) != NULL) {
        if (counts(iterator.number)) {
            digest_option(writer, iterator.number, option);
        }
    }
}

static talc_status digest_end(const talc_byte_writer *writer, uint8_t *digest, size_t size)
{
    uint8_t whole[TALC_SHA256_SIZE];
    if (!talc_byte_writer_fits(writer)) {
        return TALC_ERROR_TOO_LARGE;
    }
    talc_status status = talc_sha256(writer->bytes, writer->size, whole);
    memcpy(digest, whole, size);
    return status;
}

/* The resource, for blocks: of this peer, with this method, path, query and format. */
static talc_status subject_fill(talc_coap_key *key, const coap_pdu_t *request, uint64_t guest)
{
    uint8_t bytes[2 * REQUEST_MAX];
    talc_byte_writer writer = { bytes, sizeof bytes, 0 };
    digest_request(&writer, request, names_a_resource);
    key->has_subject = 1;
    memcpy(key->subject, &guest, sizeof guest);
    return digest_end(&writer, key->subject + sizeof guest, sizeof key->subject - sizeof guest);
}

static talc_status message_key_fill(talc_coap_message_key *key, const talc_coap_pending *arrived,
                                    const coap_pdu_t *request)
{
    uint8_t bytes[2 * REQUEST_MAX];
    talc_byte_writer writer = { bytes, sizeof bytes, 0 };
    const uint8_t *payload = NULL;
    size_t payload_size = 0;
    (void)coap_get_data(request, &payload_size, &payload);
    talc_byte_writer_uint(&writer, 1, (uint32_t)arrived->token_size);
    talc_byte_writer_put(&writer, arrived->token, arrived->token_size);
    digest_request(&writer, request, every_option);
    talc_byte_writer_uint(&writer, 1, TALC_PAYLOAD_MARKER);
    talc_byte_writer_put(&writer, payload, payload_size);
    memset(key, 0, sizeof *key);
    memcpy(key->asker.peer, arrived->key.peer, sizeof key->asker.peer);
    key->asker.guest = arrived->guest;
    key->is_safe = coap_pdu_get_code(request) == COAP_REQUEST_CODE_GET;
    key->id = (uint16_t)arrived->message_id;
    key->type = (uint8_t)arrived->type;
    return digest_end(&writer, key->digest, sizeof key->digest);
}

/* ---------------------------------------------------------------- requests */

static void direct_refuse(talc_coap_server *server, const talc_coap_pending *arrived,
                          coap_pdu_t *response, coap_pdu_code_t code)
{
    talc_coap_answer answer = {
        .code = (uint8_t)code,
        .content_format = TALC_OPTION_ABSENT,
        .max_age_s = code == COAP_RESPONSE_CODE(503) ? TALC_COAP_RETRY_AFTER_S : 0,
        .size1 = code == COAP_RESPONSE_CODE(413) ? (uint32_t)arrived->limit : 0,
    };
    talc_coap_reply_write(server, arrived, response, &answer);
}

/* A later block of an answer that is no longer kept: only what is safe may be asked again for it. A
 * body that is announced as too large is refused before it comes (RFC 7959 section 4). */
static coap_pdu_code_t refusal_of(const talc_coap_server *server,
                                  const talc_coap_pending *arrived, const coap_pdu_t *request)
{
    if (server->pending_count >= TALC_COAP_PENDING_MAX / 2 &&
        talc_coap_duplicate_waiting(arrived->duplicate) > OWN_WAITING_MAX) {
        return COAP_RESPONSE_CODE(503);
    }
    if (arrived->has_block1 == TALC_COAP_BLOCK_PRESENT) {
        return talc_coap_uint_read(request, COAP_OPTION_SIZE1, 0) > arrived->limit
                   ? COAP_RESPONSE_CODE(413)
                   : 0;
    }
    if (arrived->block2.number > 0 && coap_pdu_get_code(request) != COAP_REQUEST_CODE_GET &&
        !talc_coap_transfer_is_there(&server->answers, &arrived->key)) {
        return COAP_RESPONSE_CODE(408);
    }
    return 0;
}

/* A request that is seen for the first time. */
static talc_coap_gathered request_take(talc_coap_server *server, talc_coap_pending *arrived,
                                       const coap_pdu_t *request, coap_pdu_t *response)
{
    arrival *at = arrived->detail;
    coap_pdu_code_t refusal = 0;
    if (talc_coap_options_read(request, &at->frame) != TALC_OK) {
        refusal = COAP_RESPONSE_CODE(400);
    } else if (at->frame.refused_option != 0 && arrived->type == COAP_MESSAGE_NON) {
        return TALC_COAP_GATHERED_ANSWERED; /* rejected in silence: RFC 7252 section 5.4.1 */
    } else if (subject_fill(&arrived->key, request, arrived->guest) != TALC_OK) {
        refusal = COAP_RESPONSE_CODE(500);
    } else {
        refusal = refusal_of(server, arrived, request);
    }
    if (refusal != 0) {
        direct_refuse(server, arrived, response, refusal);
        return TALC_COAP_GATHERED_ANSWERED;
    }
    return talc_coap_inbound_gather(server, arrived, request, response);
}

/* A repeat gets what the first one got: the response, or the acknowledgement alone. */
static void message_take(direct_server *direct, talc_coap_pending *arrived,
                         const coap_pdu_t *request, coap_pdu_t *response)
{
    talc_coap_duplicates *table = &direct->duplicates;
    uint64_t now_ms = talc_coap_now_ms();
    talc_coap_message_key key;
    if (message_key_fill(&key, arrived, request) != TALC_OK) {
        direct_refuse(&direct->server, arrived, response, COAP_RESPONSE_CODE(500));
        return;
    }
    const talc_coap_duplicate *before = talc_coap_duplicates_find(table, &key, now_ms);
    if (before != NULL) {
        if (arrived->type == COAP_MESSAGE_CON) {
            talc_coap_duplicate_repeat(before, response);
        }
        return;
    }
    arrived->duplicate = talc_coap_duplicates_add(table, &key, now_ms);
    if (arrived->duplicate == NULL) {
        direct_refuse(&direct->server, arrived, response, COAP_RESPONSE_CODE(503));
        return;
    }
    if (request_take(&direct->server, arrived, request, response) ==
        TALC_COAP_GATHERED_ANSWERED) {
        talc_coap_duplicate_finish(table, arrived->duplicate, response);
    }
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
    message_take(direct, arrived, request, response);
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

/* Its answer has become a message of its own, which is repeated by itself: repeats of the request
 * are acknowledged only. */
static void direct_settle(talc_coap_server *server, talc_coap_pending *pending)
{
    direct_server *direct = server->owner;
    talc_coap_duplicate_finish(&direct->duplicates, pending->duplicate, NULL);
}

static talc_coap_separates *direct_separates(talc_coap_pending *pending)
{
    return talc_coap_duplicate_separates(pending->duplicate);
}

static const talc_coap_server_face face = {
    .arrive = direct_arrive,
    .deliver = direct_deliver,
    .refuse = direct_refuse,
    .settle = direct_settle,
    .separates = direct_separates,
};

/* ---------------------------------------------------------------- calls */

static void methods_register(coap_resource_t *resource, talc_coap_server *server)
{
    coap_resource_set_userdata(resource, server);
    for (int method = COAP_REQUEST_GET; method <= COAP_REQUEST_IPATCH; method++) {
        coap_register_handler(resource, (coap_request_t)method, talc_coap_inbound_take);
    }
    coap_add_resource(server->context, resource);
}

/* All paths, also the one that libcoap has an answer of its own for. */
static talc_status resources_add(talc_coap_server *server)
{
    static const char core[] = ".well-known/core";
    const coap_str_const_t name = { sizeof core - 1, (const uint8_t *)core };
    coap_resource_t *discovery = coap_resource_init((coap_str_const_t *)(uintptr_t)&name, 0);
    if (discovery == NULL) {
        return TALC_ERROR_MEMORY;
    }
    methods_register(discovery, server);
    coap_resource_t *others = coap_resource_unknown_init(talc_coap_inbound_take);
    if (others == NULL) {
        return TALC_ERROR_MEMORY;
    }
    methods_register(others, server);
    return TALC_OK;
}

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
                                     .nstart = OWN_SEPARATE_MAX, /* see there */
                                     .separate_max = SEPARATE_MAX,
                                     .own_separate_max = OWN_SEPARATE_MAX,
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
    if (status == TALC_OK && resources_add(&direct->server) != TALC_OK) {
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
    talc_coap_duplicates_clear(&direct->duplicates);
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
    talc_status status = talc_coap_server_process(&direct->server);
    direct->remembered = talc_coap_duplicates_expire(&direct->duplicates, talc_coap_now_ms());
    return status;
}

static int direct_descriptor(void *link)
{
    const direct_server *direct = link;
    return talc_coap_server_descriptor(&direct->server);
}

/* What is remembered is let go in time even if nothing arrives. */
static uint32_t direct_timeout_ms(void *link)
{
    const direct_server *direct = link;
    uint32_t timeout_ms = talc_coap_server_timeout_ms(&direct->server);
    return direct->remembered > 0 && timeout_ms > SWEEP_CHECK_MS ? SWEEP_CHECK_MS : timeout_ms;
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
