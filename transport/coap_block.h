/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_BLOCK_H
#define TALC_TRANSPORT_COAP_BLOCK_H

#include "talc/status.h"

#include <coap3/coap.h>

/** What both ends of block-wise transfer (RFC 7959) need: the option's value, and a body that grows
 * by what has arrived and by nothing that a peer announces. */

#define TALC_COAP_CONTENT_JSON 50    /* Content-Format, RFC 7252 section 12.3 */
#define TALC_COAP_REQUEST_TAG_SIZE 8 /* bytes at most, RFC 9175 section 3.2.1 */
#define TALC_COAP_BLOCK_SIZE_MAX 512 /* of blocks that we cut: a payload of 1024 is too long */

typedef enum talc_coap_block_presence {
    TALC_COAP_BLOCK_ABSENT = 0,
    TALC_COAP_BLOCK_PRESENT,
    TALC_COAP_BLOCK_BAD /**< longer than three bytes or of the reserved size (szx 7) */
} talc_coap_block_presence;

typedef struct talc_coap_block {
    uint32_t number;
    int more;     /**< 0 or 1 */
    unsigned szx; /**< the block has 2^(szx + 4) bytes, 0..6 */
} talc_coap_block;

/** Fills `block` if the option (Block1 or Block2) is there. */
talc_coap_block_presence talc_coap_block_read(const coap_pdu_t *pdu, coap_option_num_t option,
                                              talc_coap_block *block);

/** These two add an option in ascending order; 0 if there is no room. */
int talc_coap_block_add(coap_pdu_t *pdu, coap_option_num_t option, const talc_coap_block *block);
int talc_coap_uint_add(coap_pdu_t *pdu, coap_option_num_t option, uint32_t value);

/** The value of an option that is a number; `fallback` if it is not there. */
uint32_t talc_coap_uint_read(const coap_pdu_t *pdu, coap_option_num_t option, uint32_t fallback);

/** Bytes of a block, where the block begins, and the szx of a size that is a power of two. */
size_t talc_coap_block_size(const talc_coap_block *block);
size_t talc_coap_block_offset(const talc_coap_block *block);
unsigned talc_coap_block_szx(size_t block_size);

/** A body in memory of its own, with a NUL behind it that does not count; all zero is an empty
 * one. */
typedef struct talc_coap_body {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
} talc_coap_body;

/** TALC_OK; TALC_ERROR_TOO_LARGE: it would be longer than `limit`; TALC_ERROR_MEMORY. */
talc_status talc_coap_body_append(talc_coap_body *body, const uint8_t *bytes, size_t size,
                                  size_t limit);

/** Frees the memory and makes the body empty. */
void talc_coap_body_clear(talc_coap_body *body);

#endif
