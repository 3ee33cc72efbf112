/* SPDX-License-Identifier: MIT */
#include "coap_datagram.h"

#include <string.h>

#define HEADER_SIZE 4
#define URI_QUERY 15
#define BLOCK2 23
#define BLOCK1 27

/* A place in a message. Nothing is read behind its end. */
typedef struct reader {
    const uint8_t *bytes;
    size_t size;
    size_t at;
    bool failed;
} reader;

static unsigned next_byte(reader *in)
{
    if (in->at >= in->size) {
        in->failed = true;
        return 0;
    }
    return in->bytes[in->at++];
}

/* Four bits and what they say follows them (RFC 7252 section 3.1). */
static unsigned extended(reader *in, unsigned nibble)
{
    if (nibble < 13) {
        return nibble;
    }
    if (nibble == 13) {
        return 13 + next_byte(in);
    }
    in->failed |= nibble == 15;
    unsigned high = next_byte(in);
    return 269 + (high << 8 | next_byte(in));
}

static void take_query(coap_datagram *datagram, const uint8_t *value, size_t size)
{
    if (size == 2 + COAP_SESSION_SIZE && memcmp(value, "s=", 2) == 0) {
        memcpy(datagram->session, value + 2, COAP_SESSION_SIZE);
        datagram->session[COAP_SESSION_SIZE] = 0;
        datagram->has_session = true;
    }
}

/* Number 0 without more behind it is a whole body. */
static bool is_part(const uint8_t *value, size_t size)
{
    return size > 1 || (size == 1 && (value[0] & 0xf8u) != 0);
}

static void take_option(coap_datagram *datagram, unsigned number, const uint8_t *value, size_t size)
{
    if (number == URI_QUERY) {
        take_query(datagram, value, size);
    } else if (number == BLOCK1 || number == BLOCK2) {
        datagram->has_blocks |= is_part(value, size);
    }
}

static void read_options(reader *in, coap_datagram *datagram)
{
    unsigned number = 0;
    while (!in->failed && in->at < in->size && in->bytes[in->at] != 0xff) {
        unsigned first = next_byte(in);
        number += extended(in, first >> 4);
        size_t size = extended(in, first & 15u);
        if (in->failed || size > in->size - in->at) {
            in->failed = true;
            return;
        }
        take_option(datagram, number, in->bytes + in->at, size);
        in->at += size;
    }
}

bool coap_datagram_read(const uint8_t *bytes, size_t size, coap_datagram *datagram)
{
    reader in = { bytes, size, HEADER_SIZE, false };
    memset(datagram, 0, sizeof *datagram);
    if (size < HEADER_SIZE || bytes[0] >> 6 != 1 || (bytes[0] & 15u) > COAP_TOKEN_MAX) {
        return false;
    }
    datagram->type = bytes[0] >> 4 & 3u;
    datagram->code = bytes[1];
    datagram->message_id = (uint16_t)(bytes[2] << 8 | bytes[3]);
    datagram->token_size = bytes[0] & 15u;
    for (size_t i = 0; i < datagram->token_size; i++) {
        datagram->token[i] = (uint8_t)next_byte(&in);
    }
    read_options(&in, datagram);
    datagram->head_size = in.at;
    datagram->payload_at = in.at < size ? in.at + 1 : in.at;
    datagram->payload_size = size - datagram->payload_at;
    return !in.failed;
}

void coap_datagram_rename(uint8_t *head, uint16_t message_id, const uint8_t *token)
{
    head[2] = (uint8_t)(message_id >> 8);
    head[3] = (uint8_t)message_id;
    memcpy(head + HEADER_SIZE, token, head[0] & 15u);
}

size_t coap_datagram_answer_head(const uint8_t *request_head, uint8_t code, uint8_t head[14])
{
    size_t size = HEADER_SIZE + (request_head[0] & 15u);
    memcpy(head, request_head, size);
    head[0] = (uint8_t)(1u << 6 | COAP_ACK << 4 | (request_head[0] & 15u));
    head[1] = code;
    head[size++] = 0xc1; /* Content-Format (12), one byte: 50, JSON */
    head[size++] = 50;
    return size;
}

void coap_datagram_acknowledge(uint16_t message_id, uint8_t bytes[4])
{
    bytes[0] = 1u << 6 | COAP_ACK << 4;
    bytes[1] = 0;
    bytes[2] = (uint8_t)(message_id >> 8);
    bytes[3] = (uint8_t)message_id;
}
