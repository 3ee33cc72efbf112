/* SPDX-License-Identifier: MIT */
#include "transport/coap_block.h"

#include <stdlib.h>
#include <string.h>

talc_coap_block_presence talc_coap_block_read(const coap_pdu_t *pdu, coap_option_num_t option,
                                              talc_coap_block *block)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *found = coap_check_option(pdu, option, &iterator);
    memset(block, 0, sizeof *block);
    if (found == NULL) {
        return TALC_COAP_BLOCK_ABSENT;
    }
    if (coap_opt_length(found) > 3) {
        return TALC_COAP_BLOCK_BAD;
    }
    unsigned value = coap_decode_var_bytes(coap_opt_value(found), coap_opt_length(found));
    block->number = value >> 4;
    block->more = (value >> 3) & 1;
    block->szx = value & 7;
    return block->szx == 7 ? TALC_COAP_BLOCK_BAD : TALC_COAP_BLOCK_PRESENT;
}

int talc_coap_uint_add(coap_pdu_t *pdu, coap_option_num_t option, uint32_t value)
{
    uint8_t bytes[4];
    size_t size = coap_encode_var_safe(bytes, sizeof bytes, value);
    return coap_add_option(pdu, option, size, bytes) > 0;
}

int talc_coap_block_add(coap_pdu_t *pdu, coap_option_num_t option, const talc_coap_block *block)
{
    uint32_t value = block->number << 4 | (block->more ? 8u : 0u) | block->szx;
    return talc_coap_uint_add(pdu, option, value);
}

uint32_t talc_coap_uint_read(const coap_pdu_t *pdu, coap_option_num_t option, uint32_t fallback)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *found = coap_check_option(pdu, option, &iterator);
    if (found == NULL || coap_opt_length(found) > 4) {
        return fallback;
    }
    return coap_decode_var_bytes(coap_opt_value(found), coap_opt_length(found));
}

size_t talc_coap_block_size(const talc_coap_block *block)
{
    return (size_t)16 << block->szx;
}

size_t talc_coap_block_offset(const talc_coap_block *block)
{
    return (size_t)block->number << (block->szx + 4);
}

unsigned talc_coap_block_szx(size_t block_size)
{
    unsigned szx = 0;
    while (szx < 6 && ((size_t)16 << szx) < block_size) {
        szx++;
    }
    return szx;
}

talc_status talc_coap_body_append(talc_coap_body *body, const uint8_t *bytes, size_t size,
                                  size_t limit)
{
    if (size > limit || body->size > limit - size) {
        return TALC_ERROR_TOO_LARGE;
    }
    if (body->size + size >= body->capacity) {
        size_t capacity = (body->size + size + 1) * 2;
        uint8_t *grown = realloc(body->bytes, capacity);
        if (grown == NULL) {
            return TALC_ERROR_MEMORY;
        }
        body->bytes = grown;
        body->capacity = capacity;
    }
    if (size > 0) {
        memcpy(body->bytes + body->size, bytes, size);
        body->size += size;
    }
    body->bytes[body->size] = 0;
    return TALC_OK;
}

void talc_coap_body_clear(talc_coap_body *body)
{
    free(body->bytes);
    memset(body, 0, sizeof *body);
}
