/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_DUPLICATES_H
#define TALC_TRANSPORT_COAP_DUPLICATES_H

/**
 * Requests that have arrived, so that a repeat of one runs nothing twice (RFC 7252 section 4.5):
 * libcoap does not look. Each is remembered with the response that was sent, for as long as its
 * message id may not be used again.
 *
 * Within bounds: when they are reached, the address that has most of the table gives up its oldest
 * requests, if that is an eighth or more; otherwise the oldest of all goes. Ports do not count
 * (talc_coap_peer_host()): nobody pushes out those of others from one address. Responses are
 * dropped before requests: without one, a repeat is acknowledged only, but still runs nothing. One
 * that waits for its answer never goes.
 */

#include "transport/coap_address.h"
#include "transport/coap_separates.h"

#include <coap3/coap.h>

#define TALC_COAP_DUPLICATES_MAX 16384
#define TALC_COAP_DUPLICATE_BYTES_MAX (4u << 20) /* of all responses that are remembered */
#define TALC_COAP_ASKER_SHARE 8                  /* one of so many parts of both */
#define TALC_COAP_DIGEST_SIZE 16

/** Who asks: an address, and in `dtls` a session. */
typedef struct talc_coap_asker_key {
    uint8_t peer[TALC_COAP_PEER_SIZE];
    uint64_t guest; /**< talc_coap_guest.number */
} talc_coap_asker_key;

/** What makes two messages the same. All bytes that are not used are 0, so that keys compare as
 * bytes. */
typedef struct talc_coap_message_key {
    talc_coap_asker_key asker;
    uint8_t digest[TALC_COAP_DIGEST_SIZE]; /**< of code, token, options and payload */
    uint16_t id;
    uint8_t type;
    uint8_t is_safe; /**< 1: no harm is done when it runs again (RFC 7252 section 5.8) */
    uint8_t padding[4];
} talc_coap_message_key;

typedef struct talc_coap_duplicate talc_coap_duplicate;
typedef struct talc_coap_asker talc_coap_asker;
typedef struct talc_coap_asker_host talc_coap_asker_host;

typedef struct talc_coap_duplicates {
    talc_coap_duplicate *by_key; /* uthash.h */
    talc_coap_asker *askers;
    talc_coap_asker_host *hosts;
    talc_coap_asker_host *large; /* utlist.h: those of them that have a share */
    talc_coap_duplicate *oldest; /* utlist.h: those that may go, in the order of their ends */
    talc_coap_duplicate *loaded; /* those of them with a response */
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

/** How many requests of its sender wait for their answers, this one included; and the count of
 * separate responses to that sender, which is the caller's to keep. Until it is finished. */
size_t talc_coap_duplicate_waiting(const talc_coap_duplicate *duplicate);
talc_coap_separates *talc_coap_duplicate_separates(talc_coap_duplicate *duplicate);

/** The same of all senders at its address. */
size_t talc_coap_duplicate_host_waiting(const talc_coap_duplicate *duplicate);
talc_coap_separates *talc_coap_duplicate_host_separates(talc_coap_duplicate *duplicate);

/** Forgets those whose time is over. Returns how many are left. */
size_t talc_coap_duplicates_expire(talc_coap_duplicates *table, uint64_t now_ms);

/** Forgets all. */
void talc_coap_duplicates_clear(talc_coap_duplicates *table);

#endif
