/* SPDX-License-Identifier: MIT */
/*
 * What comes back to a client. libcoap calls in here while it works, so nothing here calls the
 * client's user or closes a path: an exchange that ends only becomes DONE.
 */
#include "transport/coap_client.h"

#include "transport/coap_options.h"

#include <string.h>
#include <utlist.h>

/* ---------------------------------------------------------------- ends */

void talc_coap_exchange_end(talc_coap_client *client, talc_coap_exchange *exchange,
                            talc_coap_end end)
{
    DL_DELETE(client->exchanges, exchange);
    DL_APPEND(client->done, exchange);
    exchange->state = TALC_COAP_DONE;
    exchange->end = end;
    exchange->path = NULL;
    if (end != TALC_COAP_ANSWERED) {
        exchange->code = 0;
        talc_coap_body_clear(&exchange->answer);
    }
}

void talc_coap_exchange_move(talc_coap_client *client, talc_coap_exchange *exchange,
                             talc_coap_end end)
{
    if (exchange->addresses_left == 0) {
        talc_coap_exchange_end(client, exchange, end);
        return;
    }
    exchange->addresses_left--;
    exchange->state = TALC_COAP_WAITING;
    exchange->path = NULL;
}

/* Tokens are random, so a match means that we asked. `sent` of libcoap's callbacks is not used: for
 * a delayed response there is none. */
static talc_coap_exchange *exchange_find(const talc_coap_path *path, const coap_pdu_t *pdu)
{
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    talc_coap_exchange *exchange;
    DL_FOREACH(path->client->exchanges, exchange) {
        if (exchange->state == TALC_COAP_OPEN && exchange->path == path &&
            token.length == sizeof exchange->token &&
            memcmp(token.s, exchange->token, token.length) == 0) {
            return exchange;
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- blocks of the request */

/* The server has this block, and may want smaller ones (RFC 7959 section 2.5). It says so with 2.31
 * or, if it keeps nothing of a request in between, with the success of each block (figure 9). A
 * success without a block would be that of a request whose end is missing. */
static void block_accepted(talc_coap_client *client, talc_coap_exchange *exchange,
                           const coap_pdu_t *response)
{
    talc_coap_block accepted;
    talc_coap_block *sent = &exchange->block1;
    if (talc_coap_block_read(response, COAP_OPTION_BLOCK1, &accepted) != TALC_COAP_BLOCK_PRESENT ||
        accepted.number != sent->number) {
        talc_coap_exchange_end(client, exchange, TALC_COAP_BROKEN);
        return;
    }
    size_t next = talc_coap_block_offset(sent) + talc_coap_block_size(sent);
    if (accepted.szx < sent->szx) {
        sent->szx = accepted.szx;
    }
    sent->number = (uint32_t)(next >> (sent->szx + 4));
    talc_coap_request_go_on(client, exchange);
}

/* ---------------------------------------------------------------- blocks of the answer */

/* 1 if the block has the version (ETag) of those before it. */
static int version_is_same(talc_coap_exchange *exchange, const coap_pdu_t *response)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *etag = coap_check_option(response, COAP_OPTION_ETAG, &iterator);
    size_t size = etag != NULL ? coap_opt_length(etag) : 0;
    if (size > sizeof exchange->etag) {
        return 0;
    }
    if (exchange->is_fetching) {
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
    talc_status status = talc_coap_body_append(&exchange->answer, bytes, size, client->body_size);
    if (status != TALC_OK) {
        talc_coap_exchange_end(client, exchange,
                               status == TALC_ERROR_TOO_LARGE ? TALC_COAP_TOO_LARGE
                                                              : TALC_COAP_NO_MEMORY);
    } else if (!more) {
        talc_coap_exchange_end(client, exchange, TALC_COAP_ANSWERED);
    }
}

/* The first block is asked for again; only what is safe is asked twice, and only once. */
static void answer_restart(talc_coap_client *client, talc_coap_exchange *exchange)
{
    if (exchange->request.code != COAP_REQUEST_CODE_GET || exchange->has_restarted) {
        talc_coap_exchange_end(client, exchange, TALC_COAP_CHANGED);
        return;
    }
    exchange->has_restarted = 1;
    exchange->is_fetching = 0;
    exchange->wants_blocks = 1;
    exchange->block2.number = 0;
    talc_coap_body_clear(&exchange->answer);
    talc_coap_request_go_on(client, exchange);
}

/* A block of the answer. It has to begin where the last one ended and, if more follow, to be
 * full. */
static void block_received(talc_coap_client *client, talc_coap_exchange *exchange,
                           const coap_pdu_t *response, const talc_coap_block *block)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    (void)coap_get_data(response, &size, &bytes);
    if (!version_is_same(exchange, response)) {
        answer_restart(client, exchange);
        return;
    }
    if (talc_coap_block_offset(block) != exchange->answer.size ||
        (block->more && size != talc_coap_block_size(block))) {
        talc_coap_exchange_end(client, exchange, TALC_COAP_BROKEN);
        return;
    }
    answer_append(client, exchange, response, block->more);
    if (exchange->state != TALC_COAP_OPEN) {
        return;
    }
    exchange->is_fetching = 1;
    exchange->block1.more = 0; /* an answer ends the request, also one that came too early */
    exchange->block2.szx = block->szx < client->szx ? block->szx : client->szx;
    exchange->block2.number = (uint32_t)(exchange->answer.size >> (exchange->block2.szx + 4));
    talc_coap_request_go_on(client, exchange);
}

/* ---------------------------------------------------------------- answers */

/* Some proxies know only one of the two ways to name the server. None of these codes means that the
 * request was executed. What an end-to-end server says begins with a brace; anything else speaks
 * for the proxy. */
static int other_form_is_due(const talc_coap_exchange *exchange, const coap_pdu_t *response)
{
    coap_pdu_code_t code = coap_pdu_get_code(response);
    const uint8_t *bytes = NULL;
    size_t size = 0;
    return exchange->form != TALC_COAP_FORM_DIRECT && !exchange->other_form_tried &&
           (code == COAP_RESPONSE_CODE(501) || code == COAP_RESPONSE_CODE(402) ||
            code == COAP_RESPONSE_CODE(505)) &&
           !(coap_get_data(response, &size, &bytes) && size > 0 && bytes[0] == '{');
}

static void other_form_try(talc_coap_client *client, talc_coap_exchange *exchange)
{
    exchange->other_form_tried = 1;
    exchange->form = exchange->form == TALC_COAP_FORM_URI ? TALC_COAP_FORM_SCHEME
                                                           : TALC_COAP_FORM_URI;
    talc_coap_request_go_on(client, exchange);
}

/* No block. Instead of a later one that was asked for it may be an error; as a success it would be
 * something else than the rest of what has come. */
static void whole_received(talc_coap_client *client, talc_coap_exchange *exchange,
                           const coap_pdu_t *response)
{
    if (exchange->is_fetching && !client->takes_another &&
        COAP_RESPONSE_CLASS(exchange->code) == 2) {
        talc_coap_exchange_end(client, exchange, TALC_COAP_BROKEN);
        return;
    }
    talc_coap_body_clear(&exchange->answer);
    answer_append(client, exchange, response, 0);
}

/* Keeps those of the first block, or of an error in place of a later one. What is critical and not
 * safe to forward (RFC 7252 section 5.4.6) can neither be understood here nor passed on. TALC_OK,
 * TALC_ERROR_UNSUPPORTED, TALC_ERROR_TOO_LARGE, TALC_ERROR_MEMORY. */
static talc_status options_keep(talc_coap_exchange *exchange, const coap_pdu_t *response)
{
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    size_t count = 0;
    talc_status status = talc_coap_options_collect(response, options, &count);
    for (size_t i = 0; status == TALC_OK && i < count; i++) {
        status = (options[i].number & 3) == 3 ? TALC_ERROR_UNSUPPORTED : TALC_OK;
    }
    if (status != TALC_OK || (exchange->is_fetching && COAP_RESPONSE_CLASS(exchange->code) == 2)) {
        return status;
    }
    talc_coap_option_list_clear(&exchange->answer_options);
    return talc_coap_option_list_copy(&exchange->answer_options, options, count);
}

/* 0 if the options end the exchange. */
static int options_take(talc_coap_client *client, talc_coap_exchange *exchange,
                        const coap_pdu_t *response)
{
    talc_status status =
        client->passes_options ? options_keep(exchange, response) : TALC_OK;
    if (status != TALC_OK) {
        talc_coap_exchange_end(client, exchange,
                               status == TALC_ERROR_MEMORY ? TALC_COAP_NO_MEMORY
                                                           : TALC_COAP_BROKEN);
        return 0;
    }
    if (!client->passes_options && exchange->refused_option != 0) {
        talc_coap_exchange_end(client, exchange, TALC_COAP_ANSWERED);
        return 0;
    }
    return 1;
}

/* What the options say, the block options aside; 0 if they end the exchange. */
static int answer_begin(talc_coap_client *client, talc_coap_exchange *exchange,
                        const coap_pdu_t *response)
{
    talc_frame frame;
    coap_pdu_code_t code = coap_pdu_get_code(response);
    (void)talc_coap_options_read(response, &frame); /* no paths in responses, so no errors */
    exchange->code = (uint8_t)code;
    exchange->content_format = frame.content_format;
    exchange->refused_option = frame.refused_option;
    exchange->max_age_s = talc_coap_uint_read(response, COAP_OPTION_MAXAGE, 0);
    if (exchange->other_form_tried && COAP_RESPONSE_CLASS(code) == 2) {
        client->form = exchange->form;
    }
    return options_take(client, exchange, response);
}

/* Whether a block of the request is answered, and not the request. */
static int goes_on(const talc_coap_client *client, const talc_coap_exchange *exchange)
{
    return exchange->code == COAP_RESPONSE_CODE(231) ||
           (COAP_RESPONSE_CLASS(exchange->code) == 2 && !client->takes_another);
}

/* Blocks of one answer have one code and one format. An error instead of a later block is the
 * answer, whole. 0 if the exchange has ended. */
static int is_the_same_answer(talc_coap_client *client, talc_coap_exchange *exchange,
                              const talc_coap_exchange *before, const coap_pdu_t *response)
{
    if (!exchange->is_fetching || (exchange->code == before->code &&
                                   exchange->content_format == before->content_format)) {
        return 1;
    }
    if (COAP_RESPONSE_CLASS(exchange->code) < 4) {
        talc_coap_exchange_end(client, exchange, TALC_COAP_BROKEN);
    } else {
        whole_received(client, exchange, response);
    }
    return 0;
}

/* 4.13 to a first block or to a whole body, with the size of block that the server would take (RFC
 * 7959 section 2.9.3). */
static int smaller_blocks_try(talc_coap_client *client, talc_coap_exchange *exchange,
                              const coap_pdu_t *response)
{
    talc_coap_block wanted;
    unsigned szx = exchange->block1.szx;
    if (exchange->request.body_size <= exchange->single_size) {
        szx = talc_coap_block_szx(exchange->request.body_size);
    }
    if (exchange->code != COAP_RESPONSE_CODE(413) || exchange->has_restarted ||
        exchange->is_fetching || exchange->block1.number > 0 ||
        talc_coap_block_read(response, COAP_OPTION_BLOCK1, &wanted) != TALC_COAP_BLOCK_PRESENT ||
        wanted.szx >= szx) {
        return 0;
    }
    exchange->has_restarted = 1;
    exchange->single_size = talc_coap_block_size(&wanted);
    exchange->block1.szx = wanted.szx;
    talc_coap_request_go_on(client, exchange);
    return 1;
}

/* A server that knows no blocks refuses a request that names their size: Block2 is critical. */
static int without_blocks_try(talc_coap_client *client, talc_coap_exchange *exchange)
{
    if (exchange->code != COAP_RESPONSE_CODE(402) || !client->passes_options ||
        client->blocks_only || !exchange->wants_blocks || exchange->is_fetching ||
        exchange->request.body_size > exchange->single_size) {
        return 0;
    }
    exchange->wants_blocks = 0;
    talc_coap_request_go_on(client, exchange);
    return 1;
}

static void response_take(talc_coap_client *client, talc_coap_exchange *exchange,
                          const coap_pdu_t *response)
{
    const talc_coap_exchange before = *exchange;
    talc_coap_block block;
    memset(exchange->token, 0, sizeof exchange->token);
    if (other_form_is_due(exchange, response)) {
        other_form_try(client, exchange);
        return;
    }
    if (!answer_begin(client, exchange, response)) {
        return;
    }
    if (exchange->block1.more && goes_on(client, exchange)) {
        block_accepted(client, exchange, response);
        return;
    }
    if (!is_the_same_answer(client, exchange, &before, response) ||
        smaller_blocks_try(client, exchange, response) || without_blocks_try(client, exchange)) {
        return;
    }
    switch (talc_coap_block_read(response, COAP_OPTION_BLOCK2, &block)) {
    case TALC_COAP_BLOCK_PRESENT: block_received(client, exchange, response, &block); return;
    case TALC_COAP_BLOCK_BAD: talc_coap_exchange_end(client, exchange, TALC_COAP_BROKEN); return;
    case TALC_COAP_BLOCK_ABSENT: whole_received(client, exchange, response); return;
    }
}

/* ---------------------------------------------------------------- libcoap's callbacks */

static void path_hear(talc_coap_path *path)
{
    path->heard++;
    if (path->outstanding > 0) {
        path->outstanding--;
    }
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
    path_hear(path);
    talc_coap_path_note_settled(path, received, talc_coap_now_ms());
    talc_coap_exchange *exchange = exchange_find(path, received);
    if (exchange != NULL) {
        response_take(path->client, exchange, received);
    }
    return COAP_RESPONSE_OK;
}

/* The operating system says that nobody is there, for each message that was not acknowledged: this
 * one was not executed, and may be sent to the next address. The others of the path end once
 * libcoap has returned: it would go on repeating what it has. */
static void message_bounced(talc_coap_path *path, talc_coap_exchange *exchange)
{
    if (!path->is_dead) {
        talc_coap_path_leave(path);
    }
    path->is_dead = 1;
    if (exchange != NULL && path->heard == 0) {
        talc_coap_exchange_move(path->client, exchange, TALC_COAP_UNREACHABLE);
    }
}

/* With TLS_FAILED the security tells what happened, and ends what was open. */
static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
                    const coap_nack_reason_t reason, const coap_mid_t id)
{
    talc_coap_path *path = coap_session_get_app_data(session);
    (void)id;
    if (path == NULL) {
        return;
    }
    path->client->arrivals++;
    talc_coap_exchange *exchange = sent != NULL ? exchange_find(path, sent) : NULL;
    if (reason == COAP_NACK_ICMP_ISSUE || reason == COAP_NACK_NOT_DELIVERABLE ||
        (sent == NULL && reason != COAP_NACK_TLS_FAILED)) {
        message_bounced(path, exchange);
        return;
    }
    path->broken = 1;
    path_hear(path);
    if (sent != NULL) {
        talc_coap_path_note_settled(path, sent, 0);
    }
    if (exchange != NULL && reason != COAP_NACK_TLS_FAILED) {
        talc_coap_exchange_end(path->client, exchange,
                               reason == COAP_NACK_RST ? TALC_COAP_RESET : TALC_COAP_GIVEN_UP);
    }
}

/* Critical options that IANA has registered and we do not know. libcoap drops a response with a
 * critical option that it does not know in silence; with these the request ends with a reason. It
 * has room for six below 256 and two above. */
static void options_register(coap_context_t *context)
{
    static const uint16_t registered[] = { 9 /* OSCORE */,    19 /* Q-Block1 */, 21 /* EDHOC */,
                                           31 /* Q-Block2 */, 2049 /* OCF's */,  2053 };
    for (size_t i = 0; i < sizeof registered / sizeof registered[0]; i++) {
        coap_register_option(context, registered[i]);
    }
}

void talc_coap_responses_register(coap_context_t *context)
{
    coap_register_response_handler(context, on_response);
    coap_register_nack_handler(context, on_nack);
    options_register(context);
}
