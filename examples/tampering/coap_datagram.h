/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_TAMPERING_COAP_DATAGRAM_H
#define EXAMPLES_TAMPERING_COAP_DATAGRAM_H

/** What somebody in the middle reads of a CoAP message in a datagram (RFC 7252 section 3), and the
 * few that he writes himself. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COAP_TOKEN_MAX 8
#define COAP_CON 0
#define COAP_ACK 2
#define COAP_POST 2
#define COAP_SESSION_SIZE 16 /**< characters of the query `s=` */

typedef struct coap_datagram {
    unsigned type; /**< COAP_CON .. 3 */
    uint8_t code;
    uint16_t message_id;
    uint8_t token[COAP_TOKEN_MAX];
    size_t token_size;
    bool has_blocks; /**< a part of a body (RFC 7959) that has more of them */
    bool has_session;
    char session[COAP_SESSION_SIZE + 1];
    size_t head_size; /**< bytes before the payload's marker */
    size_t payload_at;
    size_t payload_size;
} coap_datagram;

/** False if it is none. */
bool coap_datagram_read(const uint8_t *bytes, size_t size, coap_datagram *datagram);

/** Writes another message id and token of the same size into a head. */
void coap_datagram_rename(uint8_t *head, uint16_t message_id, const uint8_t *token);

/** The head of an answer to the request that has this head: piggybacked, JSON. Returns its size, at
 * most 14 bytes. */
size_t coap_datagram_answer_head(const uint8_t *request_head, uint8_t code, uint8_t head[14]);

/** An empty acknowledgement of 4 bytes. */
void coap_datagram_acknowledge(uint16_t message_id, uint8_t bytes[4]);

#endif
