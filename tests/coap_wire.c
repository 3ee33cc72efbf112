/* SPDX-License-Identifier: MIT */
#include "tests/coap_wire.h"

#include "tests/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

void wire_begin(wire_message *message, unsigned type, unsigned code, uint16_t id,
                const uint8_t *token, size_t token_size)
{
    message->bytes[0] = (uint8_t)(0x40 | type << 4 | token_size);
    message->bytes[1] = (uint8_t)code;
    message->bytes[2] = (uint8_t)(id >> 8);
    message->bytes[3] = (uint8_t)id;
    if (token_size > 0) {
        memcpy(message->bytes + 4, token, token_size);
    }
    message->size = 4 + token_size;
    message->last_option = 0;
}

static void byte_add(wire_message *message, size_t value)
{
    message->bytes[message->size++] = (uint8_t)value;
}

static unsigned nibble_of(size_t value)
{
    return value < 13 ? (unsigned)value : value < 269 ? 13u : 14u;
}

static void extension_add(wire_message *message, size_t value)
{
    if (value >= 269) {
        byte_add(message, (value - 269) >> 8);
        byte_add(message, (value - 269) & 255);
    } else if (value >= 13) {
        byte_add(message, value - 13);
    }
}

void wire_option(wire_message *message, unsigned number, const void *value, size_t size)
{
    size_t delta = number - message->last_option;
    byte_add(message, nibble_of(delta) << 4 | nibble_of(size));
    extension_add(message, delta);
    extension_add(message, size);
    if (size > 0) {
        memcpy(message->bytes + message->size, value, size);
    }
    message->size += size;
    message->last_option = number;
}

void wire_uint(wire_message *message, unsigned number, uint32_t value)
{
    uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                         (uint8_t)value };
    size_t skip = 0;
    while (skip < 4 && bytes[skip] == 0) {
        skip++;
    }
    wire_option(message, number, bytes + skip, 4 - skip);
}

void wire_text(wire_message *message, unsigned number, const char *text)
{
    wire_option(message, number, text, strlen(text));
}

void wire_payload(wire_message *message, const void *payload, size_t size)
{
    byte_add(message, 0xff);
    memcpy(message->bytes + message->size, payload, size);
    message->size += size;
}

void wire_answer(wire_message *answer, const wire_message *request, unsigned code)
{
    size_t size;
    const uint8_t *token = wire_token(request, &size);
    wire_begin(answer, WIRE_ACK, code, wire_id(request), token, size);
}

unsigned wire_type(const wire_message *message)
{
    return message->bytes[0] >> 4 & 3u;
}

unsigned wire_code(const wire_message *message)
{
    return message->bytes[1];
}

uint16_t wire_id(const wire_message *message)
{
    return (uint16_t)(message->bytes[2] << 8 | message->bytes[3]);
}

const uint8_t *wire_token(const wire_message *message, size_t *size)
{
    *size = message->bytes[0] & 15u;
    return message->bytes + 4;
}

/* Reads the rest of a delta or length; well-formed messages only. */
static size_t extension_read(const uint8_t **at, unsigned nibble)
{
    size_t value = nibble;
    if (nibble == 13) {
        value = 13u + *(*at)++;
    } else if (nibble == 14) {
        value = 269u + (size_t)(*at)[0] * 256 + (*at)[1];
        *at += 2;
    }
    return value;
}

const uint8_t *wire_find(const wire_message *message, unsigned number, unsigned index, size_t *size)
{
    const uint8_t *at = message->bytes + 4 + (message->bytes[0] & 15u);
    const uint8_t *end = message->bytes + message->size;
    size_t seen = 0;
    while (at < end && *at != 0xff) {
        unsigned first = *at++;
        seen += extension_read(&at, first >> 4);
        *size = extension_read(&at, first & 15u);
        if (seen == number && index-- == 0) {
            return at;
        }
        at += *size;
    }
    return NULL;
}

uint32_t wire_number(const wire_message *message, unsigned number)
{
    size_t size;
    const uint8_t *value = wire_find(message, number, 0, &size);
    uint32_t sum = 0;
    if (value == NULL) {
        return UINT32_MAX;
    }
    for (size_t i = 0; i < size; i++) {
        sum = sum << 8 | value[i];
    }
    return sum;
}

int wire_says(const wire_message *message, unsigned number, unsigned index, const char *text)
{
    size_t size;
    const uint8_t *value = wire_find(message, number, index, &size);
    return value != NULL && size == strlen(text) && memcmp(value, text, size) == 0;
}

const uint8_t *wire_payload_find(const wire_message *message, size_t *size)
{
    *size = relay_payload_size(message->bytes, message->size);
    return *size > 0 ? message->bytes + message->size - *size : NULL;
}

static struct sockaddr_in loopback_address(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int wire_socket(uint16_t *port)
{
    return wire_socket_at(port, "127.0.0.1");
}

int wire_socket_at(uint16_t *port, const char *host)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = inet_addr(host);
    int made = socket(AF_INET, SOCK_DGRAM, 0);
    if (made < 0 || bind(made, (struct sockaddr *)&address, size) != 0 ||
        getsockname(made, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    *port = ntohs(address.sin_port);
    return made;
}

int wire_receive(int socket, wire_message *message, uint16_t *from)
{
    struct sockaddr_in sender;
    socklen_t sender_size = sizeof sender;
    ssize_t size = recvfrom(socket, message->bytes, sizeof message->bytes, MSG_DONTWAIT,
                            (struct sockaddr *)&sender, &sender_size);
    if (size < 4) {
        return 0;
    }
    message->size = (size_t)size;
    *from = ntohs(sender.sin_port);
    return 1;
}

void wire_send(int socket, const wire_message *message, uint16_t to)
{
    struct sockaddr_in address = loopback_address(to);
    (void)!sendto(socket, message->bytes, message->size, 0, (struct sockaddr *)&address,
                  sizeof address);
}
