/* SPDX-License-Identifier: MIT */
/*
 * What comes back to a client. libcoap calls in here while it works, so nothing here calls the
 * carrier's user or closes a path: an exchange that ends only becomes DONE.
 */
#include "transport/coap_client.h"

#include <string.h>

void talc_coap_exchange_clear(talc_coap_exchange *exchange)
{
    talc_coap_body_clear(&exchange->request);
    talc_coap_body_clear(&exchange->answer);
    memset(exchange, 0, sizeof *exchange);
}

void talc_coap_exchange_end(talc_coap_client *client, talc_coap_exchange *exchange,
                            talc_outcome outcome)
{
    exchange->state = TALC_COAP_DONE;
    exchange->outcome = outcome;
    exchange->order = ++client->done;
    exchange->path = NULL;
    if (outcome != TALC_OUTCOME_ANSWER) {
        exchange->code = 0;
        exchange->retry_after_ms = 0;
        talc_coap_body_clear(&exchange->answer);
    }
}

void talc_coap_exchanges_end(talc_coap_path *path, talc_outcome outcome)
{
    talc_coap_client *client = path->client;
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        talc_coap_exchange *exchange = &client->exchanges[i];
        if (exchange->state == TALC_COAP_OPEN && exchange->path == path) {
            talc_coap_exchange_end(client, exchange, outcome);
        }
    }
}

/* Tokens are random, so a match means that we asked. `sent` of libcoap's callbacks is not used: for
 * a delayed response there is none. */
static talc_coap_exchange *exchange_find(const talc_coap_path *path, const coap_pdu_t *pdu)
{
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    talc_coap_client *client = path->client;
    for (size_t i = 0; i < TALC_COAP_EXCHANGES_MAX; i++) {
        talc_coap_exchange *exchange = &client->exchanges[i];
        if (exchange->state == TALC_COAP_OPEN && exchange->path == path &&
            token.length == sizeof exchange->token &&
            memcmp(token.s, exchange->token, token.length) == 0) {
            return exchange;
        }
    }
    return NULL;
}

static void message_next(talc_coap_client *client, talc_coap_exchange *exchange)
{
    talc_status status = talc_coap_request_send(client, exchange);
    if (status != TALC_OK) {
        talc_coap_exchange_end(client, exchange,
                               status == TALC_ERROR_UNREACHABLE ? TALC_OUTCOME_UNREACHABLE
                                                                : TALC_OUTCOME_LOST);
    }
}

/* 2.31: the server has this block, and may want smaller ones (RFC 7959 section 2.5). */
static void block_accepted(talc_coap_client *client, talc_coap_exchange *exchange,
                           const coap_pdu_t *response)
{
    talc_coap_block accepted;
    talc_coap_block *sent = &exchange->block1;
    if (talc_coap_block_read(response, COAP_OPTION_BLOCK1, &accepted) != TALC_COAP_BLOCK_PRESENT ||
        accepted.number != sent->number) {
        talc_coap_exchange_end(client, exchange, TALC_OUTCOME_LOST);
        return;
    }
    size_t next = talc_coap_block_offset(sent) + talc_coap_block_size(sent);
    if (accepted.szx < sent->szx) {
        sent->szx = accepted.szx;
    }
    sent->number = (uint32_t)(next >> (sent->szx + 4));
    message_next(client, exchange);
}

/* 1 if the block has the version (ETag) of those before it. */
static int version_is_same(talc_coap_exchange *exchange, const coap_pdu_t *response)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *etag = coap_check_option(response, COAP_OPTION_ETAG, &iterator);
    size_t size = etag != NULL ? coap_opt_length(etag) : 0;
    if (size > sizeof exchange->etag) {
        return 0;
    }
    if (exchange->fetching) {
        return size == exchange->etag_size &&
               (size == 0 || memcmp(coap_opt_value(etag), exchange->etag, size) == 0);
    }
    if (size > 0) {
        memcpy(exchange->etag, coap_opt_value(etag), size);
    }
    exchange->etag_size = size;
    return 1;
}

static void answer_append(talc_coap_client *client, talc_coap_exchange *exchange,
                          const coap_pdu_t *response, int more)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    (void)coap_get_data(response, &size, &bytes);
    talc_status status =
        talc_coap_body_append(&exchange->answer, bytes, size, client->limits.body_size);
    if (status != TALC_OK) {
        talc_coap_exchange_end(client, exchange,
                               status == TALC_ERROR_TOO_LARGE ? TALC_OUTCOME_TOO_LARGE
                                                              : TALC_OUTCOME_LOST);
    } else if (!more) {
        talc_coap_exchange_end(client, exchange, TALC_OUTCOME_ANSWER);
    }
}

/* A block of the answer. It has to begin where the last one ended and, if more follow, to be full;
 * what does not fit or has another version is given up: a repeat starts afresh, and ends. */
static void block_received(talc_coap_client *client, talc_coap_exchange *exchange,
                           const coap_pdu_t *response, const talc_coap_block *block)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    (void)coap_get_data(response, &size, &bytes);
    if (talc_coap_block_offset(block) != exchange->answer.size ||
        (block->more && size != talc_coap_block_size(block)) ||
        !version_is_same(exchange, response)) {
        talc_coap_exchange_end(client, exchange, TALC_OUTCOME_LOST);
        return;
    }
    answer_append(client, exchange, response, block->more);
    if (exchange->state != TALC_COAP_OPEN) {
        return;
    }
    exchange->fetching = 1;
    exchange->block1.more = 0; /* an answer ends the request, also one that came too early */
    exchange->block2.szx = block->szx < client->szx ? block->szx : client->szx;
    exchange->block2.number = (uint32_t)(exchange->answer.size >> (exchange->block2.szx + 4));
    message_next(client, exchange);
}

/* The code, and for 5.03 and 4.29 (RFC 8516) the time. */
static void answer_begin(talc_coap_exchange *exchange, const coap_pdu_t *response)
{
    coap_pdu_code_t code = coap_pdu_get_code(response);
    exchange->code = (uint8_t)code;
    if (code == COAP_RESPONSE_CODE(503) || code == COAP_RESPONSE_CODE(429)) {
        uint32_t seconds = talc_coap_uint_read(response, COAP_OPTION_MAXAGE, 0);
        exchange->retry_after_ms = seconds < UINT32_MAX / 1000 ? seconds * 1000 : UINT32_MAX;
    }
}

/* Some proxies know only one of the two ways to name the server. What an end-to-end server says
 * begins with a brace; anything else speaks for the proxy. */
static int other_form_is_due(talc_coap_client *client, const talc_coap_exchange *exchange,
                             const coap_pdu_t *response)
{
    coap_pdu_code_t code = coap_pdu_get_code(response);
    const uint8_t *bytes = NULL;
    size_t size = 0;
    if (client->form == TALC_COAP_DIRECT ||
        (code != COAP_RESPONSE_CODE(501) && code != COAP_RESPONSE_CODE(402) &&
         code != COAP_RESPONSE_CODE(505)) ||
        (coap_get_data(response, &size, &bytes) && size > 0 && bytes[0] == '{')) {
        return 0;
    }
    client->form =
        client->form == TALC_COAP_PROXY_URI ? TALC_COAP_PROXY_SCHEME : TALC_COAP_PROXY_URI;
    return !exchange->other_form_tried;
}

static void response_take(talc_coap_client *client, talc_coap_exchange *exchange,
                          const coap_pdu_t *response)
{
    talc_coap_block block;
    memset(exchange->token, 0, sizeof exchange->token);
    if (other_form_is_due(client, exchange, response)) {
        exchange->other_form_tried = 1;
        message_next(client, exchange);
        return;
    }
    if (coap_pdu_get_code(response) == COAP_RESPONSE_CODE(231) && exchange->block1.more) {
        block_accepted(client, exchange, response);
        return;
    }
    answer_begin(exchange, response);
    switch (talc_coap_block_read(response, COAP_OPTION_BLOCK2, &block)) {
    case TALC_COAP_BLOCK_PRESENT: block_received(client, exchange, response, &block); return;
    case TALC_COAP_BLOCK_BAD: talc_coap_exchange_end(client, exchange, TALC_OUTCOME_LOST); return;
    case TALC_COAP_BLOCK_ABSENT: break;
    }
    talc_coap_body_clear(&exchange->answer); /* whole, and in place of the blocks before it */
    answer_append(client, exchange, response, 0);
}

/* Always acknowledged: a response that nobody waits for any more is no error. */
static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
                                   const coap_pdu_t *received, const coap_mid_t id)
{
    talc_coap_path *path = coap_session_get_app_data(session);
    (void)sent;
    (void)id;
    if (path == NULL) {
        return COAP_RESPONSE_OK;
    }
    path->client->arrivals++;
    if (path->outstanding > 0) {
        path->outstanding--;
    }
    talc_coap_exchange *exchange = exchange_find(path, received);
    if (exchange != NULL) {
        response_take(path->client, exchange, received);
    }
    return COAP_RESPONSE_OK;
}

static talc_outcome nack_outcome(coap_nack_reason_t reason)
{
    switch (reason) {
    case COAP_NACK_RST: return TALC_OUTCOME_RESET;
    case COAP_NACK_ICMP_ISSUE:
    case COAP_NACK_NOT_DELIVERABLE: return TALC_OUTCOME_UNREACHABLE;
    default: return TALC_OUTCOME_LOST;
    }
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
                    const coap_nack_reason_t reason, const coap_mid_t id)
{
    talc_coap_path *path = coap_session_get_app_data(session);
    talc_outcome outcome = nack_outcome(reason);
    (void)id;
    if (path == NULL) {
        return;
    }
    path->client->arrivals++;
    if (path->outstanding > 0) {
        path->outstanding--;
    }
    path->broken = 1;
    if (outcome == TALC_OUTCOME_UNREACHABLE || sent == NULL) {
        /* It concerns the address, and libcoap would go on repeating what it has. */
        path->client->address = (path->client->address + 1) % path->client->next_hop.count;
        talc_coap_exchanges_end(path, outcome);
        return;
    }
    talc_coap_exchange *exchange = exchange_find(path, sent);
    if (exchange != NULL) {
        talc_coap_exchange_end(path->client, exchange, outcome);
    }
}

void talc_coap_responses_register(coap_context_t *context)
{
    coap_register_response_handler(context, on_response);
    coap_register_nack_handler(context, on_nack);
}
