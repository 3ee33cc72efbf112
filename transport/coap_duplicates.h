/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_DUPLICATES_H
#define TALC_TRANSPORT_COAP_DUPLICATES_H

/**
 * Requests that have arrived, so that a repeat of one runs nothing twice (RFC 7252 section 4.5):
 * libcoap does not look. Each is remembered with the response that was sent, for as long as its
 * message id may not be used again, and within bounds: then the oldest gives way, but never one that
 * waits for its answer.
 */

#include "transport/coap_address.h"

#include <coap3/coap.h>

#define TALC_COAP_DUPLICATES_MAX 8192
#define TALC_COAP_DUPLICATE_BYTES_MAX (2u << 20) /* of all responses that are remembered */
#define TALC_COAP_DIGEST_SIZE 16

/** What makes two messages the same. All bytes that are not used are 0, so that keys compare as
 * bytes. */
typedef struct talc_coap_message_key {
    uint8_t peer[TALC_COAP_PEER_SIZE];
    uint64_t guest; /**< talc_coap_guest.number */
    uint8_t digest[TALC_COAP_DIGEST_SIZE]; /**< of code, token, options and payload */
    uint16_t id;
    uint8_t type;
    uint8_t padding[5];
} talc_coap_message_key;

typedef struct talc_coap_duplicate talc_coap_duplicate;

typedef struct talc_coap_duplicates {
    talc_coap_duplicate *by_key; /* uthash.h */
    talc_coap_duplicate *oldest; /* utlist.h: those that may give way, in the order of arrival */
    size_t count;
    size_t bytes;
} talc_coap_duplicates;

/** The request with this key, or NULL. */
talc_coap_duplicate *talc_coap_duplicates_find(const talc_coap_duplicates *table,
                                               const talc_coap_message_key *key, uint64_t now_ms);

/** Remembers a request that has no response yet; it stays until talc_coap_duplicate_finish(). NULL:
 * all that are there wait for their answers, or there is no memory. */
talc_coap_duplicate *talc_coap_duplicates_add(talc_coap_duplicates *table,
                                              const talc_coap_message_key *key, uint64_t now_ms);

/** Nothing more is going to happen to it. With a `response` that has a code, repeats get the same
 * one; otherwise they are acknowledged only. Without memory for a copy it is the latter. */
void talc_coap_duplicate_finish(talc_coap_duplicates *table, talc_coap_duplicate *duplicate,
                                const coap_pdu_t *response);

/** Writes the response that is remembered into an empty one; none leaves it empty. */
void talc_coap_duplicate_repeat(const talc_coap_duplicate *duplicate, coap_pdu_t *response);

/** Forgets those whose time is over. Returns how many are left. */
size_t talc_coap_duplicates_expire(talc_coap_duplicates *table, uint64_t now_ms);

/** Forgets all. */
void talc_coap_duplicates_clear(talc_coap_duplicates *table);

#endif
