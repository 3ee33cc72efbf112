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

/* The one touched longest ago, of this peer or (NULL) of all, but not `but`; NULL if there is
 * none. */
static talc_coap_transfer *transfer_oldest(talc_coap_transfers *transfers, const uint8_t *peer,
                                           const talc_coap_transfer *but)
{
    talc_coap_transfer *oldest = NULL;
    for (size_t i = 0; i < transfers->places; i++) {
        talc_coap_transfer *transfer = &transfers->list[i];
        if (transfer->used && transfer != but &&
            (peer == NULL || memcmp(transfer->key.peer, peer, TALC_COAP_PEER_SIZE) == 0) &&
            (oldest == NULL || transfer->touched_ms < oldest->touched_ms)) {
            oldest = transfer;
        }
    }
    return oldest;
}

typedef struct transfer_sums {
    size_t count, bytes;
} transfer_sums;

/* Of this peer, or (NULL) of all. */
static transfer_sums transfers_sum(const talc_coap_transfers *transfers, const uint8_t *peer)
{
    transfer_sums sums = { 0, 0 };
    for (size_t i = 0; i < transfers->places; i++) {
        const talc_coap_transfer *transfer = &transfers->list[i];
        if (transfer->used &&
            (peer == NULL || memcmp(transfer->key.peer, peer, TALC_COAP_PEER_SIZE) == 0)) {
            sums.count++;
            sums.bytes += transfer->body.capacity;
        }
    }
    return sums;
}

/* A free place, or that of the one touched longest ago: of the peer's own, if it has its share. */
static talc_coap_transfer *transfer_place(talc_coap_transfers *transfers, const uint8_t *peer)
{
    for (size_t i = 0; i < transfers->places; i++) {
        if (!transfers->list[i].used) {
            return &transfers->list[i];
        }
    }
    size_t own = transfers_sum(transfers, peer).count;
    int is_greedy = own > 0 && own >= transfers->places / TALC_COAP_TRANSFER_SHARE;
    talc_coap_transfer *oldest = transfer_oldest(transfers, is_greedy ? peer : NULL, NULL);
    return oldest != NULL ? oldest : &transfers->list[0];
}

talc_coap_transfer *talc_coap_transfer_begin(talc_coap_transfers *transfers,
                                             const talc_coap_key *key, uint64_t now_ms)
{
    talc_coap_transfer *transfer = talc_coap_transfer_find(transfers, key, now_ms);
    if (transfer == NULL) {
        transfer = transfer_place(transfers, key->peer);
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
    talc_coap_option_list_clear(&transfer->options);
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

/* Ends others until so many more bytes fit: the peer's own, if it has its share. */
static void bytes_make(talc_coap_transfers *transfers, const talc_coap_transfer *transfer,
                       size_t size)
{
    const uint8_t *peer = transfer->key.peer;
    while (transfers_sum(transfers, NULL).bytes + size > TALC_COAP_TRANSFER_BYTES_MAX) {
        int is_greedy = transfers_sum(transfers, peer).bytes + size >
                        TALC_COAP_TRANSFER_BYTES_MAX / TALC_COAP_TRANSFER_SHARE;
        talc_coap_transfer *oldest =
            is_greedy ? transfer_oldest(transfers, peer, transfer) : NULL;
        if (oldest == NULL) {
            oldest = transfer_oldest(transfers, NULL, transfer);
        }
        if (oldest == NULL) {
            return;
        }
        talc_coap_transfer_end(oldest);
    }
}

talc_status talc_coap_transfer_append(talc_coap_transfers *transfers, talc_coap_transfer *transfer,
                                      const talc_coap_body *piece, size_t limit)
{
    bytes_make(transfers, transfer, piece->size);
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
