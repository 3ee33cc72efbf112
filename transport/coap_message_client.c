/* SPDX-License-Identifier: MIT */
/* A gateway's client: whole messages with their options, which coap_client.c passes as they are. */
#include "transport/coap_message_client.h"

#include "lib/failure.h"
#include "transport/coap_client.h"

#include <stdlib.h>

#define MESSAGE_SIZE_MAX 1148 /* of a datagram of 1152 bytes (RFC 7252 section 4.6), header apart */

struct talc_coap_message_client {
    talc_coap_client client;
    void (*ended)(void *context, const talc_coap_message_result *result);
    void *context;
};

/* RFC 7252 section 4.8. Servers may tell the block-wise transfers of one port apart by little (RFC
 * 7959 section 2.4), and a gateway asks for many clients at once: hence one exchange at a time. */
static const talc_coap_transmission transmission = { 2, 4, 1, TALC_COAP_PARTS };

/* A response has a class, and 2.31 only goes between the blocks of a request. */
static int is_response(uint8_t code)
{
    unsigned class = code >> 5;
    return (class == 2 || class == 4 || class == 5) && code != COAP_RESPONSE_CODE(231);
}

static talc_coap_message_end end_of(const talc_coap_exchange *exchange)
{
    switch (exchange->end) {
    case TALC_COAP_ANSWERED:
        return is_response(exchange->code) ? TALC_COAP_MESSAGE_ANSWERED : TALC_COAP_MESSAGE_BROKEN;
    case TALC_COAP_GIVEN_UP: return TALC_COAP_MESSAGE_LATE;
    case TALC_COAP_RESET: return TALC_COAP_MESSAGE_RESET;
    case TALC_COAP_TOO_LARGE: return TALC_COAP_MESSAGE_TOO_LARGE;
    case TALC_COAP_BROKEN:
    case TALC_COAP_CHANGED: return TALC_COAP_MESSAGE_BROKEN;
    case TALC_COAP_NO_MEMORY: return TALC_COAP_MESSAGE_NO_MEMORY;
    default: return TALC_COAP_MESSAGE_UNREACHABLE;
    }
}

static void on_ended(void *context, const talc_coap_exchange *exchange)
{
    const talc_coap_message_client *client = context;
    talc_coap_message_result result = { .number = exchange->number, .end = end_of(exchange) };
    talc_coap_message response = { .code = exchange->code,
                                   .options = exchange->answer_options.options,
                                   .option_count = exchange->answer_options.count,
                                   .body = exchange->answer.size > 0 ? exchange->answer.bytes
                                                                     : NULL,
                                   .body_size = exchange->answer.size };
    if (result.end == TALC_COAP_MESSAGE_ANSWERED) {
        result.response = &response;
    }
    client->ended(client->context, &result);
}

talc_status talc_coap_message_client_open(talc_coap_message_client **made,
                                          const talc_coap_message_client_setup *setup,
                                          talc_failure *failure)
{
    *made = NULL;
    talc_coap_message_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_MEMORY, "out of memory");
    }
    client->ended = setup->ended;
    client->context = setup->context;
    talc_coap_client_setup wanted = { .uri = setup->uri,
                                      .security = &talc_coap_security_none,
                                      .message_size = TALC_MESSAGE_BODY_MAX,
                                      .block_size = TALC_COAP_BLOCK_SIZE_MAX,
                                      .body_size = setup->body_size,
                                      .exchanges_max = setup->exchanges_max,
                                      .passes_options = 1,
                                      .transmission = transmission,
                                      .ended = on_ended,
                                      .context = client };
    talc_status status = talc_coap_client_open(&client->client, &wanted, failure);
    if (status != TALC_OK) {
        talc_coap_message_client_close(client);
        return status;
    }
    *made = client;
    return TALC_OK;
}

talc_status talc_coap_message_client_send(talc_coap_message_client *client, uint32_t number,
                                          const talc_coap_message *request)
{
    talc_coap_request sent = { .code = request->code,
                               .path = "",
                               .query = "",
                               .content_format = TALC_OPTION_ABSENT,
                               .accept = TALC_OPTION_ABSENT,
                               .body = request->body,
                               .body_size = request->body_size,
                               .options = { request->options, request->option_count } };
    if (request->option_count > TALC_COAP_MESSAGE_OPTIONS_MAX ||
        !talc_coap_request_fits(&client->client, &sent, MESSAGE_SIZE_MAX)) {
        return TALC_ERROR_TOO_LARGE;
    }
    return talc_coap_client_send(&client->client, number, 0, &sent);
}

/* A request of which nothing was heard is not repeated any more. */
void talc_coap_message_client_cancel(talc_coap_message_client *client, uint32_t number)
{
    talc_coap_client_abandon(&client->client, number);
}

talc_status talc_coap_message_client_process(talc_coap_message_client *client)
{
    return talc_coap_client_process(&client->client);
}

int talc_coap_message_client_descriptor(const talc_coap_message_client *client)
{
    return talc_coap_client_descriptor(&client->client);
}

uint32_t talc_coap_message_client_timeout_ms(const talc_coap_message_client *client)
{
    return talc_coap_client_timeout_ms(&client->client);
}

void talc_coap_message_client_close(talc_coap_message_client *client)
{
    if (client == NULL) {
        return;
    }
    talc_coap_client_close(&client->client);
    free(client);
}
