/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_COAP_H
#define TALC_TOOLS_INSPECT_COAP_H

/** A datagram as a CoAP message (RFC 7252 section 3), as far as an observer needs it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/envelope.h"

#define INSPECT_TOKEN_SIZE_MAX 8
#define INSPECT_CODE_CONTINUE 0x5f /**< 2.31, RFC 7959 section 2.9.1 */

/** Block1 or Block2 (RFC 7959 section 2.2). */
typedef struct inspect_block {
    bool is_there;
    bool more;
    size_t offset; /**< bytes: the number times the size */
} inspect_block;

typedef struct inspect_coap {
    uint8_t code;
    uint8_t token[INSPECT_TOKEN_SIZE_MAX];
    size_t token_size;
    bool has_session;
    uint8_t session_id[TALC_SESSION_ID_SIZE]; /**< of Uri-Query, or of the query of Proxy-Uri */
    inspect_block block1;
    inspect_block block2;
    const uint8_t *payload; /**< into the bytes read */
    size_t payload_size;
} inspect_coap;

/** Reads a datagram. False: it is no CoAP message of version 1, or an empty one. */
bool inspect_coap_read(const uint8_t *bytes, size_t size, inspect_coap *message);

/** A request has a code of class 0. */
bool inspect_coap_is_request(const inspect_coap *message);

#endif
