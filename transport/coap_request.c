/* SPDX-License-Identifier: MIT */
#include "transport/coap_client.h"

#include "lib/path.h"

#include <stdio.h>
#include <string.h>

#define MARKER_SIZE 1
#define HOP_LIMIT_SIZE 3      /* libcoap adds one to what goes through a proxy (RFC 8768) */
#define FORMAT_SIZE 3         /* Content-Format, Accept */
#define BLOCK_OPTION_SIZE 4   /* Block1, Block2 */
#define LARGE_OPTION_SIZE 5   /* header of an option, RFC 7252 section 3.1 */
#define BLOCKWISE_SIZE (BLOCK_OPTION_SIZE + 6 /* Size1 */ + 8 /* Request-Tag */)
#define BLOCK_SIZE_MIN 16
#define PROXY_URI_MAX 1034    /* RFC 7252 section 5.10 */

static void add_format(talc_coap_option_writer *writer, coap_option_num_t number, int format)
{
    if (format != TALC_OPTION_ABSENT) {
        talc_coap_option_writer_uint(writer, number, (uint32_t)format);
    }
}

static void add_host(talc_coap_option_writer *writer, const talc_coap_client *client)
{
    char host[sizeof client->server.host + 2];
    const char *open = client->server.has_colon ? "[" : "";
    const char *close = client->server.has_colon ? "]" : "";
    int size = snprintf(host, sizeof host, "%s%s%s", open, client->server.host, close);
    talc_coap_option_writer_bytes(writer, COAP_OPTION_URI_HOST, host, (size_t)size);
}

/* Segments of a path, parts of a query. */
typedef struct segment_writer {
    talc_coap_option_writer *options;
    coap_option_num_t number;
} segment_writer;

static talc_status add_segment(void *context, const uint8_t *value, size_t size)
{
    const segment_writer *writer = context;
    talc_coap_option_writer_bytes(writer->options, writer->number, value, size);
    return writer->options->ok ? TALC_OK : TALC_ERROR_TOO_LARGE;
}

static void add_segments(talc_coap_option_writer *writer, coap_option_num_t number,
                         const talc_path_syntax *syntax, const char *text)
{
    segment_writer segments = { writer, number };
    writer->ok = writer->ok &&
                 talc_path_each(syntax, text, strlen(text), add_segment, &segments) == TALC_OK;
}

/* The port may be left out where HTTP servers do without. */
static int uri_write(const talc_coap_client *client, const talc_coap_request *request, char *text,
                     size_t capacity)
{
    const talc_coap_uri *server = &client->server;
    const char *open = server->has_colon ? "[" : "";
    const char *close = server->has_colon ? "]" : "";
    const char *path = request->path + (request->path[0] == '/' ? 1 : 0);
    char port[8] = "";
    if (!server->is_default_port) {
        snprintf(port, sizeof port, ":%u", (unsigned)server->port);
    }
    return snprintf(text, capacity, "%s://%s%s%s%s/%s%s%s%s%s", server->scheme, open, server->host,
                    close, port, server->base,
                    server->base[0] != '\0' && path[0] != '\0' ? "/" : "", path,
                    request->query[0] != '\0' ? "?" : "", request->query);
}

static void add_proxy_uri(talc_coap_option_writer *writer, const talc_coap_client *client,
                          const talc_coap_request *request)
{
    char uri[PROXY_URI_MAX + 1];
    int size = uri_write(client, request, uri, sizeof uri);
    writer->ok = writer->ok && size > 0 && size < (int)sizeof uri;
    if (writer->ok) {
        talc_coap_option_writer_bytes(writer, COAP_OPTION_PROXY_URI, uri, (size_t)size);
    }
}

/* What a message carries of its request's body and of the answer's. */
typedef struct request_part {
    const uint8_t *payload;
    size_t payload_size;
    const talc_coap_block *block1; /* NULL: none */
    const talc_coap_block *block2;
} request_part;

static void add_address(talc_coap_option_writer *writer, const talc_coap_client *client,
                        const talc_coap_exchange *exchange)
{
    if (client->passes_options) {
        return; /* they bring it along */
    }
    if (exchange->form == TALC_COAP_FORM_SCHEME ||
        (exchange->form == TALC_COAP_FORM_DIRECT && !client->server.is_address)) {
        add_host(writer, client);
    }
    if (exchange->form == TALC_COAP_FORM_SCHEME) {
        talc_coap_option_writer_uint(writer, COAP_OPTION_URI_PORT, client->server.port);
    }
    if (exchange->form != TALC_COAP_FORM_URI) {
        add_segments(writer, COAP_OPTION_URI_PATH, &talc_path_syntax_path, client->server.base);
        add_segments(writer, COAP_OPTION_URI_PATH, &talc_path_syntax_path,
                     exchange->request.path);
    }
}

static void add_options(talc_coap_option_writer *writer, const talc_coap_client *client,
                        const talc_coap_exchange *exchange, const request_part *part)
{
    const talc_coap_request *request = &exchange->request;
    add_address(writer, client, exchange);
    if (!exchange->is_fetching) {
        add_format(writer, COAP_OPTION_CONTENT_FORMAT, request->content_format);
    }
    if (exchange->form != TALC_COAP_FORM_URI) {
        add_segments(writer, COAP_OPTION_URI_QUERY, &talc_path_syntax_query, request->query);
    }
    add_format(writer, COAP_OPTION_ACCEPT, request->accept);
    if (part->block2 != NULL) {
        talc_coap_option_writer_block(writer, COAP_OPTION_BLOCK2, part->block2);
    }
    if (part->block1 != NULL) {
        talc_coap_option_writer_block(writer, COAP_OPTION_BLOCK1, part->block1);
    }
    if (exchange->form == TALC_COAP_FORM_URI) {
        add_proxy_uri(writer, client, request);
    }
    if (exchange->form == TALC_COAP_FORM_SCHEME) {
        talc_coap_option_writer_bytes(writer, COAP_OPTION_PROXY_SCHEME, client->server.scheme,
                                      strlen(client->server.scheme));
    }
    if (part->block1 != NULL && part->block1->number == 0) {
        talc_coap_option_writer_uint(writer, COAP_OPTION_SIZE1, (uint32_t)request->body_size);
    }
    if (request->body_size > exchange->single_size) {
        talc_coap_option_writer_uint(writer, COAP_OPTION_RTAG, exchange->tag);
    }
}

/* ---------------------------------------------------------------- room */

static talc_status count_segment(void *context, const uint8_t *value, size_t size)
{
    size_t *sum = context;
    (void)value;
    *sum += size + (size > 12 ? 2 : 1);
    return TALC_OK;
}

/* With one more byte where the first number is far from the one before it. */
static size_t segments_size(const talc_path_syntax *syntax, const char *text)
{
    size_t sum = 1;
    (void)talc_path_each(syntax, text, strlen(text), count_segment, &sum);
    return sum;
}

size_t talc_coap_request_room(const talc_coap_client *client, const talc_coap_request *request,
                              size_t message_size)
{
    size_t taken = TALC_COAP_TOKEN_SIZE + MARKER_SIZE + BLOCK_OPTION_SIZE;
    size_t separate = segments_size(&talc_path_syntax_path, request->path) +
                      segments_size(&talc_path_syntax_query, request->query);
    taken += request->content_format != TALC_OPTION_ABSENT ? FORMAT_SIZE : 0;
    taken += request->accept != TALC_OPTION_ABSENT ? FORMAT_SIZE : 0;
    if (client->passes_options) {
        taken += talc_coap_option_list_size(&request->options) + HOP_LIMIT_SIZE;
    } else if (client->form != TALC_COAP_FORM_DIRECT || !client->server.is_address) {
        separate += LARGE_OPTION_SIZE + strlen(client->server.host) + 2;
    }
    if (client->form != TALC_COAP_FORM_DIRECT) {
        separate += 3 /* Uri-Port */ + 7 /* Proxy-Scheme */ +
                    segments_size(&talc_path_syntax_path, client->server.base);
        size_t whole = LARGE_OPTION_SIZE + (size_t)uri_write(client, request, NULL, 0);
        taken += HOP_LIMIT_SIZE;
        separate = whole > separate ? whole : separate;
    }
    taken += separate;
    return message_size > taken ? message_size - taken : 0;
}

int talc_coap_request_fits(const talc_coap_client *client, const talc_coap_request *request,
                           size_t message_size)
{
    size_t room = talc_coap_request_room(client, request, message_size);
    int is_single = request->body_size <= client->single_size && request->body_size <= room;
    return room > 0 && (is_single || room >= BLOCKWISE_SIZE + BLOCK_SIZE_MIN);
}

/* Decides how the body travels, when the path is known and with it what a message can hold. */
static talc_status body_plan(const talc_coap_client *client, talc_coap_exchange *exchange)
{
    size_t message_size = coap_session_max_pdu_size(exchange->path->session);
    if (exchange->is_planned) {
        return TALC_OK;
    }
    exchange->is_planned = 1;
    size_t room = talc_coap_request_room(client, &exchange->request, message_size);
    if (exchange->single_size > room) {
        exchange->single_size = room;
    }
    if (exchange->request.body_size <= exchange->single_size) {
        return TALC_OK;
    }
    room = room > BLOCKWISE_SIZE ? room - BLOCKWISE_SIZE : 0;
    while (talc_coap_block_size(&exchange->block1) > room) {
        if (exchange->block1.szx == 0) {
            return TALC_ERROR_TOO_LARGE;
        }
        exchange->block1.szx--;
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- sending */

static talc_status part_send(talc_coap_client *client, talc_coap_exchange *exchange,
                             const request_part *part)
{
    coap_session_t *session = exchange->path->session;
    if (coap_session_get_state(session) != COAP_SESSION_STATE_ESTABLISHED) {
        exchange->path->broken = 1;
        return TALC_ERROR_UNREACHABLE;
    }
    coap_pdu_t *pdu =
        coap_new_pdu(COAP_MESSAGE_CON, (coap_pdu_code_t)exchange->request.code, session);
    if (pdu == NULL) {
        return TALC_ERROR_MEMORY;
    }
    talc_coap_option_writer writer = { .pdu = pdu,
                                       .passed = &exchange->request.options,
                                       .asks_for_block = exchange->is_fetching,
                                       .ok = 1 };
    writer.ok = coap_prng(exchange->token, sizeof exchange->token) &&
                coap_add_token(pdu, sizeof exchange->token, exchange->token);
    add_options(&writer, client, exchange, part);
    if (!talc_coap_option_writer_end(&writer) ||
        (part->payload_size > 0 && !coap_add_data(pdu, part->payload_size, part->payload))) {
        coap_delete_pdu(pdu);
        return TALC_ERROR_MEMORY;
    }
    exchange->heard = exchange->path->heard;
    if (coap_send(session, pdu) == COAP_INVALID_MID) {
        exchange->path->broken = 1;
        return TALC_ERROR_UNREACHABLE;
    }
    talc_coap_path_note_sent(exchange->path, exchange->token);
    exchange->was_sent = 1;
    exchange->path->outstanding++;
    return TALC_OK;
}

/* The next block of the body; on the last one says how the answer is wanted. */
static talc_status block_send(talc_coap_client *client, talc_coap_exchange *exchange)
{
    size_t offset = talc_coap_block_offset(&exchange->block1);
    size_t size = talc_coap_block_size(&exchange->block1);
    size_t left = exchange->request.body_size - offset;
    request_part part = { .payload = exchange->request.body + offset,
                          .block1 = &exchange->block1 };
    exchange->block1.more = left > size;
    part.payload_size = left > size ? size : left;
    part.block2 = exchange->wants_blocks && !exchange->block1.more ? &exchange->block2 : NULL;
    return part_send(client, exchange, &part);
}

talc_status talc_coap_request_send(talc_coap_client *client, talc_coap_exchange *exchange)
{
    talc_status status = body_plan(client, exchange);
    if (status != TALC_OK) {
        return status;
    }
    if (!exchange->is_fetching && exchange->request.body_size > exchange->single_size) {
        return block_send(client, exchange);
    }
    request_part part = { 0 };
    if (exchange->is_fetching || exchange->wants_blocks) {
        part.block2 = &exchange->block2;
    }
    if (!exchange->is_fetching) {
        part.payload = exchange->request.body;
        part.payload_size = exchange->request.body_size;
    }
    return part_send(client, exchange, &part);
}

void talc_coap_request_go_on(talc_coap_client *client, talc_coap_exchange *exchange)
{
    if (!talc_coap_path_is_free(exchange->path)) {
        exchange->state = TALC_COAP_WAITING;
        return;
    }
    exchange->state = TALC_COAP_OPEN;
    switch (talc_coap_request_send(client, exchange)) {
    case TALC_OK: return;
    case TALC_ERROR_UNREACHABLE:
        talc_coap_exchange_end(client, exchange, TALC_COAP_UNREACHABLE);
        return;
    case TALC_ERROR_TOO_LARGE:
        talc_coap_exchange_end(client, exchange, TALC_COAP_TOO_LARGE);
        return;
    default: talc_coap_exchange_end(client, exchange, TALC_COAP_NO_MEMORY); return;
    }
}
