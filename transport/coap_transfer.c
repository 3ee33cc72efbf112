/* SPDX-License-Identifier: MIT */
#include "transport/coap_transfer.h"

#include <stdlib.h>
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

static size_t bytes_of_all(const talc_coap_transfers *transfers)
{
    size_t sum = 0;
    for (size_t i = 0; i < transfers->places; i++) {
        sum += transfers->list[i].used ? transfers->list[i].body.capacity : 0;
    }
    return sum;
}

static int hosts_compare(const void *left, const void *right)
{
    const talc_coap_transfer *const *a = left, *const *b = right;
    return memcmp((*a)->host, (*b)->host, TALC_COAP_PEER_SIZE);
}

typedef enum share_measure { BY_COUNT, BY_BYTES } share_measure;

/* What an address has of the table. */
typedef struct transfer_holding {
    size_t length; /* transfers */
    size_t sum;    /* of what is measured */
    talc_coap_transfer *oldest;
} transfer_holding;

/* Of the first of these, which are sorted by address. */
static transfer_holding holding_read(talc_coap_transfer *const *sorted, size_t count,
                                     share_measure measure)
{
    transfer_holding holding = { 0, 0, sorted[0] };
    for (; holding.length < count; holding.length++) {
        talc_coap_transfer *transfer = sorted[holding.length];
        if (memcmp(transfer->host, sorted[0]->host, TALC_COAP_PEER_SIZE) != 0) {
            break;
        }
        holding.sum += measure == BY_COUNT ? 1 : transfer->body.capacity;
        if (transfer->touched_ms < holding.oldest->touched_ms) {
            holding.oldest = transfer;
        }
    }
    return holding;
}

/* The one that gives way, not `but`: touched longest ago of the address that has most; of several
 * such addresses, of all that they have. NULL if there is none. */
static talc_coap_transfer *transfer_victim(talc_coap_transfers *transfers, share_measure measure,
                                           const talc_coap_transfer *but)
{
    talc_coap_transfer *sorted[TALC_COAP_TRANSFERS_MAX];
    transfer_holding most = { 0, 0, NULL };
    size_t count = 0;
    for (size_t i = 0; i < transfers->places; i++) {
        if (transfers->list[i].used && &transfers->list[i] != but) {
            sorted[count++] = &transfers->list[i];
        }
    }
    qsort(sorted, count, sizeof sorted[0], hosts_compare);
    for (size_t i = 0; i < count;) {
        transfer_holding next = holding_read(sorted + i, count - i, measure);
        if (most.oldest == NULL || next.sum > most.sum ||
            (next.sum == most.sum && next.oldest->touched_ms < most.oldest->touched_ms)) {
            most = next;
        }
        i += next.length;
    }
    return most.oldest;
}

/* A free place, or that of the one which gives way. */
static talc_coap_transfer *transfer_place(talc_coap_transfers *transfers)
{
    for (size_t i = 0; i < transfers->places; i++) {
        if (!transfers->list[i].used) {
            return &transfers->list[i];
        }
    }
    talc_coap_transfer *victim = transfer_victim(transfers, BY_COUNT, NULL);
    return victim != NULL ? victim : &transfers->list[0];
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
    talc_coap_peer_host(key->peer, transfer->host);
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

/* Ends others until so many more bytes fit. */
static void bytes_make(talc_coap_transfers *transfers, const talc_coap_transfer *transfer,
                       size_t size)
{
    while (bytes_of_all(transfers) + size > TALC_COAP_TRANSFER_BYTES_MAX) {
        talc_coap_transfer *victim = transfer_victim(transfers, BY_BYTES, transfer);
        if (victim == NULL) {
            return;
        }
        talc_coap_transfer_end(victim);
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
