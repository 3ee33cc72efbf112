/* SPDX-License-Identifier: MIT */
#include "tools/inspect_coap.h"

#include <string.h>

#include "lib/framing_wire.h"
#include "tools/inspection.h"

#define URI_QUERY 15
#define BLOCK2 23
#define BLOCK1 27
#define PROXY_URI 35
#define NIBBLE_RESERVED 15

bool inspect_coap_is_request(const inspect_coap *message)
{
    return message->code >> 5 == 0;
}

static bool read_nibble(talc_byte_reader *reader, unsigned nibble, uint32_t *value)
{
    if (nibble == NIBBLE_RESERVED ||
        !talc_byte_reader_uint(reader, talc_nibble_width(nibble), value)) {
        return false;
    }
    *value += talc_nibble_base(nibble);
    return true;
}

static void read_block(inspect_block *block, const uint8_t *value, uint32_t size)
{
    if (size <= 3) {
        uint32_t number = talc_byte_uint(value, size);
        block->is_there = true;
        block->more = (number >> 3 & 1) != 0;
        block->offset = (size_t)(number >> 4) << ((number & 7) + 4);
    }
}

/* A query without its URI: as if it had one. */
static void read_query(inspect_coap *message, const uint8_t *value, uint32_t size)
{
    char query[64] = "?";
    if (!message->has_session && size < sizeof query - 1) {
        memcpy(query + 1, value, size);
        message->has_session = inspect_session_of_uri(query, size + 1, message->session_id);
    }
}

static void read_option(inspect_coap *message, uint32_t number, const uint8_t *value, uint32_t size)
{
    switch (number) {
    case URI_QUERY: read_query(message, value, size); break;
    case BLOCK1: read_block(&message->block1, value, size); break;
    case BLOCK2: read_block(&message->block2, value, size); break;
    case PROXY_URI:
        message->has_session =
            inspect_session_of_uri((const char *)value, size, message->session_id);
        break;
    default: break;
    }
}

static bool read_options(talc_byte_reader *reader, inspect_coap *message)
{
    uint32_t number = 0;
    uint32_t head = 0;
    while (talc_byte_reader_uint(reader, 1, &head)) {
        uint32_t delta = 0;
        uint32_t size = 0;
        const uint8_t *value;
        if (head == TALC_PAYLOAD_MARKER) {
            message->payload = reader->bytes;
            message->payload_size = reader->size;
            return reader->size > 0;
        }
        if (!read_nibble(reader, head >> 4, &delta) || !read_nibble(reader, head & 15, &size) ||
            !talc_byte_reader_take(reader, size, &value)) {
            return false;
        }
        number += delta;
        read_option(message, number, value, size);
        if (number > TALC_OPTION_NUMBER_MAX) {
            return false;
        }
    }
    return true;
}

bool inspect_coap_read(const uint8_t *bytes, size_t size, inspect_coap *message)
{
    talc_byte_reader reader = { bytes, size };
    uint32_t first = 0;
    uint32_t code = 0;
    uint32_t message_id = 0;
    const uint8_t *token;
    memset(message, 0, sizeof *message);
    if (!talc_byte_reader_uint(&reader, 1, &first) || first >> 6 != 1 ||
        !talc_byte_reader_uint(&reader, 1, &code) ||
        !talc_byte_reader_uint(&reader, 2, &message_id) || code == 0 ||
        (first & 15) > INSPECT_TOKEN_SIZE_MAX ||
        !talc_byte_reader_take(&reader, first & 15, &token)) {
        return false;
    }
    message->code = (uint8_t)code;
    message->token_size = first & 15;
    if (message->token_size > 0) {
        memcpy(message->token, token, message->token_size);
    }
    unsigned class = message->code >> 5;
    return (class == 0 || class == 2 || class == 4 || class == 5) && read_options(&reader, message);
}
