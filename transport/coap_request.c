/* SPDX-License-Identifier: MIT */
#include "transport/coap_client.h"

#include <stdio.h>
#include <string.h>

#define HOP_LIMIT_SIZE 3    /* libcoap adds one to what goes through a proxy (RFC 8768) */
#define OPTION_HEADER_MAX 5 /* RFC 7252 section 3.1 */
#define PROXY_URI_MAX 1034  /* RFC 7252 section 5.10 */

/* Options have to be added in the order of their numbers, so one function does it for all forms. A
 * step that finds no room makes `ok` 0 and the rest harmless. */
typedef struct option_writer {
    coap_pdu_t *pdu;
    int ok;
} option_writer;

static void add_bytes(option_writer *writer, coap_option_num_t number, const void *value,
                      size_t size)
{
    writer->ok = writer->ok && coap_add_option(writer->pdu, number, size, value) > 0;
}

static void add_uint(option_writer *writer, coap_option_num_t number, uint32_t value)
{
    writer->ok = writer->ok && talc_coap_uint_add(writer->pdu, number, value);
}

static void add_block(option_writer *writer, coap_option_num_t number, const talc_coap_block *block)
{
    writer->ok = writer->ok && talc_coap_block_add(writer->pdu, number, block);
}

static void add_host(option_writer *writer, const talc_coap_client *client)
{
    char host[sizeof client->server.host + 2];
    const char *open = client->server.has_colon ? "[" : "";
    const char *close = client->server.has_colon ? "]" : "";
    int size = snprintf(host, sizeof host, "%s%s%s", open, client->server.host, close);
    add_bytes(writer, COAP_OPTION_URI_HOST, host, (size_t)size);
}

static void add_path(option_writer *writer, const char *path)
{
    for (const char *at = path; *at != '\0';) {
        size_t size = strcspn(at, "/");
        add_bytes(writer, COAP_OPTION_URI_PATH, at, size);
        at += size + (at[size] == '/' ? 1 : 0);
    }
}

static int uri_write(const talc_coap_client *client, const char *id, char *text, size_t capacity)
{
    const talc_coap_uri *server = &client->server;
    const char *open = server->has_colon ? "[" : "";
    const char *close = server->has_colon ? "]" : "";
    return snprintf(text, capacity, "coap://%s%s%s:%u/%s?s=%.*s", open, server->host, close,
                    (unsigned)server->port, client->path, TALC_COAP_ID_TEXT_SIZE, id);
}

static void add_query(option_writer *writer, const talc_coap_exchange *exchange)
{
    char query[2 + TALC_COAP_ID_TEXT_SIZE];
    memcpy(query, "s=", 2);
    memcpy(query + 2, exchange->id, TALC_COAP_ID_TEXT_SIZE);
    add_bytes(writer, COAP_OPTION_URI_QUERY, query, sizeof query);
}

static void add_proxy_uri(option_writer *writer, const talc_coap_client *client,
                          const talc_coap_exchange *exchange)
{
    char uri[PROXY_URI_MAX + 1];
    int size = uri_write(client, exchange->id, uri, sizeof uri);
    writer->ok = writer->ok && size > 0 && size < (int)sizeof uri;
    if (writer->ok) {
        add_bytes(writer, COAP_OPTION_PROXY_URI, uri, (size_t)size);
    }
}

/* What a request carries of its own and of its answer's body. */
typedef struct request_part {
    const uint8_t *payload;
    size_t payload_size;
    const talc_coap_block *block1; /* NULL: none */
    const talc_coap_block *block2;
} request_part;

static void add_options(option_writer *writer, const talc_coap_client *client,
                        const talc_coap_exchange *exchange, const request_part *part)
{
    if (client->form == TALC_COAP_PROXY_SCHEME ||
        (client->form == TALC_COAP_DIRECT && !client->server.is_address)) {
        add_host(writer, client);
    }
    if (client->form == TALC_COAP_PROXY_SCHEME) {
        add_uint(writer, COAP_OPTION_URI_PORT, client->server.port);
    }
    if (client->form != TALC_COAP_PROXY_URI) {
        add_path(writer, client->path);
    }
    if (part->payload_size > 0) {
        add_uint(writer, COAP_OPTION_CONTENT_FORMAT, TALC_COAP_CONTENT_JSON);
    }
    if (client->form != TALC_COAP_PROXY_URI) {
        add_query(writer, exchange);
    }
    if (part->block2 != NULL) {
        add_block(writer, COAP_OPTION_BLOCK2, part->block2);
    }
    if (part->block1 != NULL) {
        add_block(writer, COAP_OPTION_BLOCK1, part->block1);
    }
    if (client->form == TALC_COAP_PROXY_URI) {
        add_proxy_uri(writer, client, exchange);
    }
    if (client->form == TALC_COAP_PROXY_SCHEME) {
        add_bytes(writer, COAP_OPTION_PROXY_SCHEME, "coap", 4);
    }
    if (part->block1 != NULL && part->block1->number == 0) {
        add_uint(writer, COAP_OPTION_SIZE1, (uint32_t)exchange->request.size);
    }
    if (exchange->request.size > client->single_size) {
        add_uint(writer, COAP_OPTION_RTAG, exchange->tag);
    }
}

size_t talc_coap_request_overhead(const talc_coap_client *client)
{
    static const char id[TALC_COAP_ID_TEXT_SIZE + 1] = "0123456789abcdef";
    size_t small = TALC_COAP_TOKEN_SIZE + 2 /* Content-Format */ + 4 /* Block2 */;
    size_t path_size = 0;
    for (const char *at = client->path; *at != '\0'; at++) {
        path_size += *at == '/' ? OPTION_HEADER_MAX : 1;
    }
    size_t separate = OPTION_HEADER_MAX + path_size + OPTION_HEADER_MAX + 2 + strlen(id);
    if (client->form != TALC_COAP_DIRECT || !client->server.is_address) {
        separate += OPTION_HEADER_MAX + strlen(client->server.host) + 2;
    }
    if (client->form == TALC_COAP_DIRECT) {
        return small + separate;
    }
    separate += 3 /* Uri-Port */ + 6 /* Proxy-Scheme */;
    size_t whole = OPTION_HEADER_MAX + (size_t)uri_write(client, id, NULL, 0);
    return small + HOP_LIMIT_SIZE + (whole > separate ? whole : separate);
}

static talc_status part_send(talc_coap_client *client, talc_coap_exchange *exchange,
                             const request_part *part)
{
    coap_session_t *session = exchange->path->session;
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_REQUEST_CODE_POST, session);
    if (pdu == NULL) {
        return TALC_ERROR_MEMORY;
    }
    option_writer writer = { pdu, 1 };
    writer.ok = coap_prng(exchange->token, sizeof exchange->token) &&
                coap_add_token(pdu, sizeof exchange->token, exchange->token);
    add_options(&writer, client, exchange, part);
    if (!writer.ok ||
        (part->payload_size > 0 && !coap_add_data(pdu, part->payload_size, part->payload))) {
        coap_delete_pdu(pdu);
        return TALC_ERROR_MEMORY;
    }
    if (coap_send(session, pdu) == COAP_INVALID_MID) {
        exchange->path->broken = 1;
        return TALC_ERROR_UNREACHABLE;
    }
    exchange->path->outstanding++;
    return TALC_OK;
}

/* The next block of the body; on the last one says how the answer is wanted. */
static talc_status block_send(talc_coap_client *client, talc_coap_exchange *exchange)
{
    size_t offset = talc_coap_block_offset(&exchange->block1);
    size_t size = talc_coap_block_size(&exchange->block1);
    size_t left = exchange->request.size - offset;
    request_part part = { .payload = exchange->request.bytes + offset,
                          .block1 = &exchange->block1 };
    exchange->block1.more = left > size;
    part.payload_size = left > size ? size : left;
    part.block2 = client->blocks_only && !exchange->block1.more ? &exchange->block2 : NULL;
    return part_send(client, exchange, &part);
}

talc_status talc_coap_request_send(talc_coap_client *client, talc_coap_exchange *exchange)
{
    if (!exchange->fetching && exchange->request.size > client->single_size) {
        return block_send(client, exchange);
    }
    request_part part = { 0 };
    if (exchange->fetching || client->blocks_only) {
        part.block2 = &exchange->block2;
    }
    if (!exchange->fetching) {
        part.payload = exchange->request.bytes;
        part.payload_size = exchange->request.size;
    }
    return part_send(client, exchange, &part);
}
