/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_TRANSFER_H
#define TALC_TRANSPORT_COAP_TRANSFER_H

/** Bodies that a server is half way through: requests that arrive in blocks, and answers that leave
 * in blocks. A table holds a bounded number of them and of their bytes. When it is full, the one
 * touched longest ago gives way of the address that has most of it, be that the newcomer's own. An
 * address is what talc_coap_peer_host() leaves of a peer: nobody ends what those have under way who
 * have less than he has, from however many ports. */

#include "talc/carrier.h"
#include "transport/coap_address.h"
#include "transport/coap_block.h"
#include "transport/coap_option_list.h"

#define TALC_COAP_TRANSFERS_MAX 256 /* places that a table has; how many it uses, its owner says */
#define TALC_COAP_TRANSFER_BYTES_MAX (8u << 20) /* of all bodies of a table */
#define TALC_COAP_SUBJECT_SIZE 24

/** Whose body. All bytes that are not used are 0, so that keys compare as bytes. */
typedef struct talc_coap_key {
    uint8_t peer[TALC_COAP_PEER_SIZE];
    uint8_t subject[TALC_COAP_SUBJECT_SIZE]; /**< what of the peer: a session id, or a resource */
    uint8_t tag[TALC_COAP_REQUEST_TAG_SIZE]; /**< of a request in blocks */
    uint8_t has_subject;
    uint8_t tag_size;
} talc_coap_key;

typedef struct talc_coap_transfer {
    int used;
    uint64_t touched_ms;
    talc_coap_key key;
    uint8_t host[TALC_COAP_PEER_SIZE]; /**< of key.peer: whose share it is of */
    talc_coap_body body;
    int complete; /**< of a request: the last block is there */
    uint8_t code; /**< of an answer, and its format as options hold it */
    int content_format;
    talc_coap_option_list options; /**< of an answer that brought them all; its own */
} talc_coap_transfer;

typedef struct talc_coap_transfers {
    size_t places; /**< 1..TALC_COAP_TRANSFERS_MAX; set once */
    talc_coap_transfer list[TALC_COAP_TRANSFERS_MAX];
} talc_coap_transfers;

/** The transfer of this key, or NULL. Finding touches it. */
talc_coap_transfer *talc_coap_transfer_find(talc_coap_transfers *transfers,
                                            const talc_coap_key *key, uint64_t now_ms);

/** Whether there is one; does not touch it. */
int talc_coap_transfer_is_there(const talc_coap_transfers *transfers, const talc_coap_key *key);

/** An empty transfer of this key, in place of the one it had. Never NULL. */
talc_coap_transfer *talc_coap_transfer_begin(talc_coap_transfers *transfers,
                                             const talc_coap_key *key, uint64_t now_ms);

/** Appends to its body; others give way. As talc_coap_body_append(). */
talc_status talc_coap_transfer_append(talc_coap_transfers *transfers, talc_coap_transfer *transfer,
                                      const talc_coap_body *piece, size_t limit);

void talc_coap_transfer_end(talc_coap_transfer *transfer);

/** Ends those that have not been touched for `age_ms`; 0 ends all. Returns how many are left. */
size_t talc_coap_transfers_expire(talc_coap_transfers *transfers, uint64_t now_ms, uint64_t age_ms);

typedef enum talc_coap_piece {
    TALC_COAP_PIECE_TAKEN,     /**< more have to come */
    TALC_COAP_PIECE_LAST,      /**< `transfer->body` is whole; also for the last block once more */
    TALC_COAP_PIECE_GAP,       /**< it does not follow what has come: 4.08 */
    TALC_COAP_PIECE_BAD,       /**< not a full block though others follow: 4.00 */
    TALC_COAP_PIECE_TOO_LARGE, /**< 4.13; the transfer has ended */
    TALC_COAP_PIECE_MEMORY     /**< 5.00; the transfer has ended */
} talc_coap_piece;

/** A block of a request's body that has arrived. All pointers are the caller's. */
typedef struct talc_coap_arrival {
    const talc_coap_key *key;
    const talc_coap_block *block;
    const talc_coap_body *piece;
    size_t limit; /**< bytes that the whole body may have */
    uint64_t now_ms;
} talc_coap_arrival;

/** Takes a block. One that has come already, byte for byte, changes nothing. On LAST `*transfer` is
 * the transfer, otherwise NULL. */
talc_coap_piece talc_coap_piece_take(talc_coap_transfers *transfers,
                                     const talc_coap_arrival *arrival,
                                     talc_coap_transfer **transfer);

#endif
