/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_COAP_WIRE_H
#define TALC_TESTS_COAP_WIRE_H

/** CoAP messages by hand (RFC 7252 section 3), for peers that do what no library would. */

#include <stddef.h>
#include <stdint.h>

#define WIRE_SIZE_MAX 1500

enum { WIRE_CON = 0, WIRE_NON = 1, WIRE_ACK = 2, WIRE_RST = 3 };
enum {
    WIRE_ETAG = 4,
    WIRE_URI_HOST = 3,
    WIRE_URI_PORT = 7,
    WIRE_URI_PATH = 11,
    WIRE_CONTENT_FORMAT = 12,
    WIRE_MAX_AGE = 14,
    WIRE_URI_QUERY = 15,
    WIRE_BLOCK2 = 23,
    WIRE_BLOCK1 = 27,
    WIRE_SIZE2 = 28,
    WIRE_PROXY_URI = 35,
    WIRE_PROXY_SCHEME = 39,
    WIRE_SIZE1 = 60,
    WIRE_REQUEST_TAG = 292
};

/** CODE(4, 13) is 4.13. */
#define WIRE_CODE(class, detail) ((class) << 5 | (detail))

typedef struct wire_message {
    uint8_t bytes[WIRE_SIZE_MAX];
    size_t size;
    unsigned last_option; /* number, while it is written */
} wire_message;

/** Begins a message. Options have to follow in ascending order, then the payload. */
void wire_begin(wire_message *message, unsigned type, unsigned code, uint16_t id,
                const uint8_t *token, size_t token_size);
void wire_option(wire_message *message, unsigned number, const void *value, size_t size);
void wire_uint(wire_message *message, unsigned number, uint32_t value);
void wire_text(wire_message *message, unsigned number, const char *text);
void wire_payload(wire_message *message, const void *payload, size_t size);

/** Block options as a number: block `num`, more (0 or 1), szx. */
#define WIRE_BLOCK(num, more, szx) ((uint32_t)(num) << 4 | (uint32_t)(more) << 3 | (uint32_t)(szx))

/** Begins the answer to a request: its token and id, piggy-backed. */
void wire_answer(wire_message *answer, const wire_message *request, unsigned code);

unsigned wire_type(const wire_message *message);
unsigned wire_code(const wire_message *message);
uint16_t wire_id(const wire_message *message);
const uint8_t *wire_token(const wire_message *message, size_t *size);

/** The option of this number (the index-th of its kind), or NULL. */
const uint8_t *wire_find(const wire_message *message, unsigned number, unsigned index,
                         size_t *size);

/** The value of an option that is a number; UINT32_MAX if it is not there. */
uint32_t wire_number(const wire_message *message, unsigned number);

/** 1 if the option is there with just this text. */
int wire_says(const wire_message *message, unsigned number, unsigned index, const char *text);

const uint8_t *wire_payload_find(const wire_message *message, size_t *size);

/** A UDP socket on 127.0.0.1 that never waits. */
int wire_socket(uint16_t *port);

/** The same at another address of this machine, as 127.0.0.2. */
int wire_socket_at(uint16_t *port, const char *host);

/** Receives into `message` from whoever sent; 0 if nothing is there. `*from` is the sender's port.
 * */
int wire_receive(int socket, wire_message *message, uint16_t *from);
void wire_send(int socket, const wire_message *message, uint16_t to);

#endif
