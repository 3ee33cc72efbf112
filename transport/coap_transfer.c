/* SPDX-License-Identifier: MIT */
#include "transport/coap_transfer.h"

#include <string.h>

talc_coap_transfer *talc_coap_transfer_find(talc_coap_transfers *transfers,
                                            const talc_coap_key *key, uint64_t now_ms)
{
    for (size_t i = 0; i < transfers->places; i++) {
        talc_coap_transfer *transfer = &transfers->list[i];
        if (transfer->used && memcmp(&transfer->key, key, sizeof *key) == 0) {
            transfer->touched_ms = now_ms;
            return transfer;
        }
    }
    return NULL;
}

int talc_coap_transfer_is_there(const talc_coap_transfers *transfers, const talc_coap_key *key)
{
    for (size_t i = 0; i < transfers->places; i++) {
        const talc_coap_transfer *transfer = &transfers->list[i];
        if (transfer->used && memcmp(&transfer->key, key, sizeof *key) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A free place, or that of the one touched longest ago. */
static talc_coap_transfer *transfer_place(talc_coap_transfers *transfers)
{
    talc_coap_transfer *oldest = &transfers->list[0];
    for (size_t i = 0; i < transfers->places; i++) {
        talc_coap_transfer *transfer = &transfers->list[i];
        if (!transfer->used) {
            return transfer;
        }
        if (transfer->touched_ms < oldest->touched_ms) {
            oldest = transfer;
        }
    }
    return oldest;
}

talc_coap_transfer *talc_coap_transfer_begin(talc_coap_transfers *transfers,
                                             const talc_coap_key *key, uint64_t now_ms)
{
    talc_coap_transfer *transfer = talc_coap_transfer_find(transfers, key, now_ms);
    if (transfer == NULL) {
        transfer = transfer_place(transfers);
    }
    talc_coap_transfer_end(transfer);
    transfer->used = 1;
    transfer->key = *key;
    transfer->touched_ms = now_ms;
    return transfer;
}

void talc_coap_transfer_end(talc_coap_transfer *transfer)
{
    talc_coap_body_clear(&transfer->body);
    memset(transfer, 0, sizeof *transfer);
}

size_t talc_coap_transfers_expire(talc_coap_transfers *transfers, uint64_t now_ms, uint64_t age_ms)
{
    size_t left = 0;
    for (size_t i = 0; i < transfers->places; i++) {
        talc_coap_transfer *transfer = &transfers->list[i];
        if (transfer->used && now_ms - transfer->touched_ms >= age_ms) {
            talc_coap_transfer_end(transfer);
        }
        left += transfer->used ? 1 : 0;
    }
    return left;
}

/* The one touched longest ago, but not this one; NULL if there is no other. */
static talc_coap_transfer *transfer_oldest(talc_coap_transfers *transfers,
                                           const talc_coap_transfer *but)
{
    talc_coap_transfer *oldest = NULL;
    for (size_t i = 0; i < transfers->places; i++) {
        talc_coap_transfer *transfer = &transfers->list[i];
        if (transfer->used && transfer != but && transfer->body.capacity > 0 &&
            (oldest == NULL || transfer->touched_ms < oldest->touched_ms)) {
            oldest = transfer;
        }
    }
    return oldest;
}

static size_t transfers_size(const talc_coap_transfers *transfers)
{
    size_t sum = 0;
    for (size_t i = 0; i < transfers->places; i++) {
        sum += transfers->list[i].body.capacity;
    }
    return sum;
}

talc_status talc_coap_transfer_append(talc_coap_transfers *transfers, talc_coap_transfer *transfer,
                                      const talc_coap_body *piece, size_t limit)
{
    talc_coap_transfer *oldest;
    while (transfers_size(transfers) + piece->size > TALC_COAP_TRANSFER_BYTES_MAX &&
           (oldest = transfer_oldest(transfers, transfer)) != NULL) {
        talc_coap_transfer_end(oldest);
    }
    return talc_coap_body_append(&transfer->body, piece->bytes, piece->size, limit);
}

static int piece_is_there(const talc_coap_transfer *transfer, size_t offset,
                          const talc_coap_body *piece)
{
    if (offset > transfer->body.size || piece->size > transfer->body.size - offset) {
        return 0;
    }
    return piece->size > 0 ? memcmp(transfer->body.bytes + offset, piece->bytes, piece->size) == 0
                           : transfer->complete;
}

static talc_coap_piece piece_append(talc_coap_transfers *transfers, talc_coap_transfer *transfer,
                                    const talc_coap_body *piece, size_t limit)
{
    talc_status status = talc_coap_transfer_append(transfers, transfer, piece, limit);
    if (status == TALC_OK) {
        return TALC_COAP_PIECE_TAKEN;
    }
    talc_coap_transfer_end(transfer);
    return status == TALC_ERROR_TOO_LARGE ? TALC_COAP_PIECE_TOO_LARGE : TALC_COAP_PIECE_MEMORY;
}

talc_coap_piece talc_coap_piece_take(talc_coap_transfers *transfers,
                                     const talc_coap_arrival *arrival,
                                     talc_coap_transfer **transfer)
{
    const talc_coap_block *block = arrival->block;
    const talc_coap_body *piece = arrival->piece;
    size_t offset = talc_coap_block_offset(block);
    talc_coap_transfer *found =
        talc_coap_transfer_find(transfers, arrival->key, arrival->now_ms);
    *transfer = NULL;
    if (piece->size > talc_coap_block_size(block) ||
        (block->more && piece->size != talc_coap_block_size(block))) {
        return TALC_COAP_PIECE_BAD;
    }
    if (found != NULL && piece_is_there(found, offset, piece) && (offset > 0 || !found->complete)) {
        /* A repeat. A first block after the end of a body begins another one, though. */
        if (block->more || !found->complete || offset + piece->size != found->body.size) {
            return TALC_COAP_PIECE_TAKEN;
        }
        *transfer = found;
        return TALC_COAP_PIECE_LAST;
    }
    if (offset == 0) {
        found = talc_coap_transfer_begin(transfers, arrival->key, arrival->now_ms);
    }
    if (found == NULL || found->complete || offset != found->body.size) {
        return TALC_COAP_PIECE_GAP;
    }
    talc_coap_piece result = piece_append(transfers, found, piece, arrival->limit);
    if (result == TALC_COAP_PIECE_TAKEN && !block->more) {
        found->complete = 1;
        *transfer = found;
        result = TALC_COAP_PIECE_LAST;
    }
    return result;
}
