/* SPDX-License-Identifier: MIT */
#include "transport/coap_reception.h"

#include "transport/coap_request_digest.h"

#include <string.h>

#define SWEEP_CHECK_MS 30000

/* Requests when the server is half full: of one sender, and of all at its address, who may be many
 * behind one proxy. */
#define OWN_WAITING_MAX 512
#define HOST_WAITING_MAX 1024

/* ---------------------------------------------------------------- paths */

static void methods_register(coap_resource_t *resource, talc_coap_server *server)
{
    coap_resource_set_userdata(resource, server);
    for (int method = COAP_REQUEST_GET; method <= COAP_REQUEST_IPATCH; method++) {
        coap_register_handler(resource, (coap_request_t)method, talc_coap_inbound_take);
    }
    coap_add_resource(server->context, resource);
}

talc_status talc_coap_reception_open(talc_coap_server *server)
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

/* ---------------------------------------------------------------- refusals */

void talc_coap_reception_refuse(talc_coap_server *server, const talc_coap_pending *arrived,
                                coap_pdu_t *response, coap_pdu_code_t code, const char *reason)
{
    talc_coap_answer answer = {
        .code = (uint8_t)code,
        .content_format = TALC_OPTION_ABSENT,
        .body = (const uint8_t *)reason,
        .body_size = reason != NULL ? strlen(reason) : 0,
        .max_age_s = code == COAP_RESPONSE_CODE(503) ? TALC_COAP_RETRY_AFTER_S : 0,
        .size1 = code == COAP_RESPONSE_CODE(413) ? (uint32_t)arrived->limit : 0,
    };
    talc_coap_reply_write(server, arrived, response, &answer);
}

/* A later block of an answer that is no longer kept: only what is safe may be asked again for it. A
 * body that is announced as too large is refused before it comes (RFC 7959 section 4). */
unsigned talc_coap_reception_refusal(const talc_coap_server *server,
                                     const talc_coap_pending *arrived, const coap_pdu_t *request)
{
    if (server->pending_count >= TALC_COAP_PENDING_MAX / 2 &&
        (talc_coap_duplicate_waiting(arrived->duplicate) > OWN_WAITING_MAX ||
         talc_coap_duplicate_host_waiting(arrived->duplicate) > HOST_WAITING_MAX)) {
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

/* ---------------------------------------------------------------- requests */

/* A request that is seen for the first time. */
static talc_coap_gathered request_take(const talc_coap_reception *reception,
                                       talc_coap_server *server, talc_coap_pending *arrived,
                                       const coap_pdu_t *request, coap_pdu_t *response)
{
    unsigned refusal = reception->judge(server, arrived, request);
    if (refusal == 0) {
        return talc_coap_inbound_gather(server, arrived, request, response);
    }
    if (refusal != TALC_COAP_SILENCE) {
        reception->refuse(server, arrived, response, (coap_pdu_code_t)refusal);
    }
    return TALC_COAP_GATHERED_ANSWERED;
}

/* One of a message that is going to be acknowledged says nothing new. */
static void repeat_answer(const talc_coap_server *server, const talc_coap_pending *arrived,
                          const talc_coap_duplicate *before, coap_pdu_t *response)
{
    if (talc_coap_acknowledgement_is_withheld(server, arrived)) {
        talc_coap_response_withhold(response);
    } else if (arrived->type == COAP_MESSAGE_CON) {
        talc_coap_duplicate_repeat(before, response);
    }
}

void talc_coap_reception_take(talc_coap_reception *reception, talc_coap_server *server,
                              talc_coap_pending *arrived, const coap_pdu_t *request,
                              coap_pdu_t *response)
{
    talc_coap_duplicates *table = &reception->duplicates;
    uint64_t now_ms = talc_coap_now_ms();
    talc_coap_message_key key;
    if (talc_coap_request_message_key(&key, arrived, request) != TALC_OK) {
        reception->refuse(server, arrived, response, COAP_RESPONSE_CODE(500));
        return;
    }
    const talc_coap_duplicate *before = talc_coap_duplicates_find(table, &key, now_ms);
    if (before != NULL) {
        repeat_answer(server, arrived, before, response);
        return;
    }
    arrived->duplicate = talc_coap_duplicates_add(table, &key, now_ms);
    if (arrived->duplicate == NULL) {
        reception->refuse(server, arrived, response, COAP_RESPONSE_CODE(503));
        return;
    }
    if (request_take(reception, server, arrived, request, response) ==
        TALC_COAP_GATHERED_ANSWERED) {
        talc_coap_duplicate_finish(table, arrived->duplicate, response);
    }
}

void talc_coap_reception_settle(talc_coap_reception *reception, talc_coap_pending *pending,
                                const coap_pdu_t *response)
{
    talc_coap_duplicate_finish(&reception->duplicates, pending->duplicate, response);
}

int talc_coap_reception_separates_add(talc_coap_pending *pending, uint64_t span_ms, uint64_t now_ms)
{
    talc_coap_duplicate *duplicate = pending->duplicate;
    return talc_coap_separates_add(talc_coap_duplicate_separates(duplicate),
                                   TALC_COAP_OWN_SEPARATE_MAX, span_ms, now_ms) &&
           talc_coap_separates_add(talc_coap_duplicate_host_separates(duplicate),
                                   TALC_COAP_HOST_SEPARATE_MAX, span_ms, now_ms);
}

/* ---------------------------------------------------------------- time */

talc_status talc_coap_reception_process(talc_coap_reception *reception, talc_coap_server *server)
{
    talc_status status = talc_coap_server_process(server);
    reception->remembered = talc_coap_duplicates_expire(&reception->duplicates, talc_coap_now_ms());
    return status;
}

uint32_t talc_coap_reception_timeout_ms(const talc_coap_reception *reception,
                                        const talc_coap_server *server)
{
    uint32_t timeout_ms = talc_coap_server_timeout_ms(server);
    return reception->remembered > 0 && timeout_ms > SWEEP_CHECK_MS ? SWEEP_CHECK_MS : timeout_ms;
}

void talc_coap_reception_close(talc_coap_reception *reception)
{
    talc_coap_duplicates_clear(&reception->duplicates);
}
