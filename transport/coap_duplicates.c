/* SPDX-License-Identifier: MIT */
/* uthash would end the process when it is out of memory. */
#define HASH_NONFATAL_OOM 1

#include "transport/coap_duplicates.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

/* RFC 7252 section 4.8.2. */
#define EXCHANGE_LIFETIME_MS 247000
#define NON_LIFETIME_MS 145000

struct talc_coap_duplicate {
    UT_hash_handle hh;
    talc_coap_duplicate *prev, *next;               /* in the table's `oldest`, once finished */
    talc_coap_duplicate *own_prev, *own_next;       /* in its host's */
    talc_coap_duplicate *loaded_prev, *loaded_next; /* in the table's `loaded`, with a response */
    talc_coap_duplicate *own_loaded_prev, *own_loaded_next;
    talc_coap_message_key key;
    talc_coap_asker *asker;
    uint64_t arrived_ms;
    int is_finished;
    coap_pdu_code_t code; /* 0: no response is remembered */
    uint8_t *options;     /* each: number and size in 2 bytes of this machine, then the value */
    size_t options_size;
    uint8_t *payload; /* in the same allocation */
    size_t payload_size;
};

/* All who ask from one address: what shares are counted by. */
struct talc_coap_asker_host {
    UT_hash_handle hh;
    uint8_t address[TALC_COAP_PEER_SIZE]; /* talc_coap_peer_host() */
    talc_coap_asker_host *prev, *next;    /* in the table's `large`, while it has a share */
    int is_large;
    talc_coap_duplicate *oldest; /* utlist.h: its own of the table's lists */
    talc_coap_duplicate *loaded;
    size_t askers; /* it goes with the last one */
    size_t count;  /* requests */
    size_t bytes;
    size_t waiting;
    talc_coap_separates separates;
};

struct talc_coap_asker {
    UT_hash_handle hh;
    talc_coap_asker_key key;
    talc_coap_asker_host *host;
    size_t count; /* requests; the asker goes with the last one */
    size_t waiting;
    talc_coap_separates separates;
};

/* ---------------------------------------------------------------- askers */

static talc_coap_asker_host *host_take(talc_coap_duplicates *table,
                                       const uint8_t peer[TALC_COAP_PEER_SIZE])
{
    uint8_t address[TALC_COAP_PEER_SIZE];
    talc_coap_asker_host *host, *found;
    talc_coap_peer_host(peer, address);
    HASH_FIND(hh, table->hosts, address, sizeof address, host);
    if (host != NULL) {
        return host;
    }
    host = calloc(1, sizeof *host);
    if (host == NULL) {
        return NULL;
    }
    memcpy(host->address, address, sizeof address);
    HASH_ADD(hh, table->hosts, address, sizeof host->address, host);
    HASH_FIND(hh, table->hosts, address, sizeof address, found);
    if (found != host) {
        free(host);
        return NULL;
    }
    return host;
}

static void host_leave(talc_coap_duplicates *table, talc_coap_asker_host *host)
{
    if (host->askers == 0) {
        HASH_DEL(table->hosts, host);
        free(host);
    }
}

/* After its sums have changed. */
static void host_weigh(talc_coap_duplicates *table, talc_coap_asker_host *host)
{
    int is_large = host->count >= TALC_COAP_DUPLICATES_MAX / TALC_COAP_ASKER_SHARE ||
                   host->bytes >= TALC_COAP_DUPLICATE_BYTES_MAX / TALC_COAP_ASKER_SHARE;
    if (is_large && !host->is_large) {
        DL_APPEND(table->large, host);
    } else if (!is_large && host->is_large) {
        DL_DELETE(table->large, host);
    }
    host->is_large = is_large;
}

/* The address with most requests, or with most bytes, among those that have a share; there are few
 * of them. NULL: none has. */
static const talc_coap_asker_host *host_by_count(const talc_coap_duplicates *table)
{
    const talc_coap_asker_host *most = NULL, *host;
    DL_FOREACH (table->large, host) {
        if (host->count >= TALC_COAP_DUPLICATES_MAX / TALC_COAP_ASKER_SHARE &&
            (most == NULL || host->count > most->count)) {
            most = host;
        }
    }
    return most;
}

static const talc_coap_asker_host *host_by_bytes(const talc_coap_duplicates *table)
{
    const talc_coap_asker_host *most = NULL, *host;
    DL_FOREACH (table->large, host) {
        if (host->bytes >= TALC_COAP_DUPLICATE_BYTES_MAX / TALC_COAP_ASKER_SHARE &&
            (most == NULL || host->bytes > most->bytes)) {
            most = host;
        }
    }
    return most;
}

static talc_coap_asker *asker_new(talc_coap_duplicates *table, const talc_coap_asker_key *key)
{
    talc_coap_asker *found, *asker = calloc(1, sizeof *asker);
    if (asker == NULL) {
        return NULL;
    }
    asker->key = *key;
    HASH_ADD(hh, table->askers, key, sizeof asker->key, asker);
    HASH_FIND(hh, table->askers, key, sizeof *key, found);
    if (found != asker) {
        free(asker);
        return NULL;
    }
    return asker;
}

static talc_coap_asker *asker_take(talc_coap_duplicates *table, const talc_coap_asker_key *key)
{
    talc_coap_asker *asker;
    HASH_FIND(hh, table->askers, key, sizeof *key, asker);
    if (asker != NULL) {
        return asker;
    }
    talc_coap_asker_host *host = host_take(table, key->peer);
    if (host == NULL) {
        return NULL;
    }
    asker = asker_new(table, key);
    if (asker != NULL) {
        asker->host = host;
        host->askers++;
    }
    host_leave(table, host);
    return asker;
}

/* Requests come (1) and go (-1). */
static void asker_count(talc_coap_duplicates *table, talc_coap_asker *asker, int change)
{
    asker->count += (size_t)change;
    asker->host->count += (size_t)change;
    host_weigh(table, asker->host);
}

static void asker_wait(talc_coap_asker *asker, int change)
{
    asker->waiting += (size_t)change;
    asker->host->waiting += (size_t)change;
}

static void asker_leave(talc_coap_duplicates *table, talc_coap_asker *asker)
{
    if (asker->count == 0) {
        talc_coap_asker_host *host = asker->host;
        HASH_DEL(table->askers, asker);
        free(asker);
        host->askers--;
        host_leave(table, host);
    }
}

size_t talc_coap_duplicate_waiting(const talc_coap_duplicate *duplicate)
{
    return duplicate->asker->waiting;
}

size_t talc_coap_duplicate_host_waiting(const talc_coap_duplicate *duplicate)
{
    return duplicate->asker->host->waiting;
}

talc_coap_separates *talc_coap_duplicate_separates(talc_coap_duplicate *duplicate)
{
    return &duplicate->asker->separates;
}

talc_coap_separates *talc_coap_duplicate_host_separates(talc_coap_duplicate *duplicate)
{
    return &duplicate->asker->host->separates;
}

/* ---------------------------------------------------------------- requests */

static size_t size_of(const talc_coap_duplicate *duplicate)
{
    return duplicate->options_size + duplicate->payload_size;
}

/* Drops the response. */
static void unload(talc_coap_duplicates *table, talc_coap_duplicate *duplicate)
{
    talc_coap_asker_host *host = duplicate->asker->host;
    if (duplicate->code == 0) {
        return;
    }
    DL_DELETE2(table->loaded, duplicate, loaded_prev, loaded_next);
    DL_DELETE2(host->loaded, duplicate, own_loaded_prev, own_loaded_next);
    table->bytes -= size_of(duplicate);
    host->bytes -= size_of(duplicate);
    host_weigh(table, host);
    free(duplicate->options);
    duplicate->options = NULL;
    duplicate->options_size = duplicate->payload_size = 0;
    duplicate->code = 0;
}

static void forget(talc_coap_duplicates *table, talc_coap_duplicate *duplicate)
{
    talc_coap_asker *asker = duplicate->asker;
    unload(table, duplicate);
    HASH_DEL(table->by_key, duplicate);
    if (duplicate->is_finished) {
        DL_DELETE(table->oldest, duplicate);
        DL_DELETE2(asker->host->oldest, duplicate, own_prev, own_next);
    } else {
        asker_wait(asker, -1);
    }
    table->count--;
    asker_count(table, asker, -1);
    free(duplicate);
    asker_leave(table, asker);
}

static int is_over(const talc_coap_duplicate *duplicate, uint64_t now_ms)
{
    uint64_t lifetime_ms =
        duplicate->key.type == COAP_MESSAGE_NON ? NON_LIFETIME_MS : EXCHANGE_LIFETIME_MS;
    return now_ms - duplicate->arrived_ms >= lifetime_ms;
}

talc_coap_duplicate *talc_coap_duplicates_find(const talc_coap_duplicates *table,
                                               const talc_coap_message_key *key, uint64_t now_ms)
{
    talc_coap_duplicate *found;
    HASH_FIND(hh, table->by_key, key, sizeof *key, found);
    return found != NULL && found->is_finished && is_over(found, now_ms) ? NULL : found;
}

/* 1 if there is room for one more of this asker. */
static int room_make(talc_coap_duplicates *table, const talc_coap_asker *asker)
{
    if (table->count < TALC_COAP_DUPLICATES_MAX) {
        return 1;
    }
    const talc_coap_asker_host *most = host_by_count(table);
    talc_coap_duplicate *victim = most != NULL ? most->oldest : NULL;
    if (victim == NULL && most != asker->host) {
        victim = table->oldest; /* who has most waits for all of it */
    }
    if (victim == NULL) {
        return 0;
    }
    forget(table, victim);
    return 1;
}

static int duplicate_file(talc_coap_duplicates *table, talc_coap_duplicate *duplicate)
{
    talc_coap_duplicate *found;
    HASH_ADD(hh, table->by_key, key, sizeof duplicate->key, duplicate);
    HASH_FIND(hh, table->by_key, &duplicate->key, sizeof duplicate->key, found);
    return found == duplicate;
}

/* For an asker that is counted already, so that it stays whatever gives way. */
static talc_coap_duplicate *duplicate_new(talc_coap_duplicates *table, talc_coap_asker *asker,
                                          const talc_coap_message_key *key)
{
    if (!room_make(table, asker)) {
        return NULL;
    }
    talc_coap_duplicate *duplicate = calloc(1, sizeof *duplicate);
    if (duplicate == NULL) {
        return NULL;
    }
    duplicate->key = *key;
    duplicate->asker = asker;
    if (!duplicate_file(table, duplicate)) {
        free(duplicate);
        return NULL;
    }
    return duplicate;
}

talc_coap_duplicate *talc_coap_duplicates_add(talc_coap_duplicates *table,
                                              const talc_coap_message_key *key, uint64_t now_ms)
{
    talc_coap_duplicate *old;
    HASH_FIND(hh, table->by_key, key, sizeof *key, old);
    if (old != NULL && !old->is_finished) {
        return NULL;
    }
    if (old != NULL) {
        forget(table, old);
    }
    talc_coap_asker *asker = asker_take(table, &key->asker);
    if (asker == NULL) {
        return NULL;
    }
    asker_count(table, asker, 1);
    talc_coap_duplicate *duplicate = duplicate_new(table, asker, key);
    if (duplicate == NULL) {
        asker_count(table, asker, -1);
        asker_leave(table, asker);
        return NULL;
    }
    duplicate->arrived_ms = now_ms;
    asker_wait(asker, 1);
    table->count++;
    return duplicate;
}

/* ---------------------------------------------------------------- responses */

static size_t options_measure(const coap_pdu_t *pdu)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *option;
    size_t sum = 0;
    coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
    while ((option = coap_option_next(&iterator)) != NULL) {
        sum += 2 * sizeof(uint16_t) + coap_opt_length(option);
    }
    return sum;
}

static void options_copy(const coap_pdu_t *pdu, uint8_t *bytes)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *option;
    coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
    while ((option = coap_option_next(&iterator)) != NULL) {
        uint16_t header[2] = { (uint16_t)iterator.number, (uint16_t)coap_opt_length(option) };
        memcpy(bytes, header, sizeof header);
        memcpy(bytes + sizeof header, coap_opt_value(option), header[1]);
        bytes += sizeof header + header[1];
    }
}

static void load(talc_coap_duplicates *table, talc_coap_duplicate *duplicate,
                 const coap_pdu_t *response)
{
    talc_coap_asker_host *host = duplicate->asker->host;
    const uint8_t *payload = NULL;
    size_t payload_size = 0;
    size_t options_size = options_measure(response);
    (void)coap_get_data(response, &payload_size, &payload);
    uint8_t *copy = malloc(options_size + payload_size + 1);
    if (copy == NULL) {
        return;
    }
    options_copy(response, copy);
    if (payload_size > 0) {
        memcpy(copy + options_size, payload, payload_size);
    }
    duplicate->code = coap_pdu_get_code(response);
    duplicate->options = copy;
    duplicate->options_size = options_size;
    duplicate->payload = copy + options_size;
    duplicate->payload_size = payload_size;
    DL_APPEND2(table->loaded, duplicate, loaded_prev, loaded_next);
    DL_APPEND2(host->loaded, duplicate, own_loaded_prev, own_loaded_next);
    table->bytes += size_of(duplicate);
    host->bytes += size_of(duplicate);
    host_weigh(table, host);
}

/* A request that may run again need not be known without its response. */
static void lighten(talc_coap_duplicates *table, talc_coap_duplicate *duplicate)
{
    if (duplicate->key.is_safe) {
        forget(table, duplicate);
    } else {
        unload(table, duplicate);
    }
}

void talc_coap_duplicate_finish(talc_coap_duplicates *table, talc_coap_duplicate *duplicate,
                                const coap_pdu_t *response)
{
    duplicate->is_finished = 1;
    asker_wait(duplicate->asker, -1);
    DL_APPEND(table->oldest, duplicate);
    DL_APPEND2(duplicate->asker->host->oldest, duplicate, own_prev, own_next);
    if (response != NULL && coap_pdu_get_code(response) != 0) {
        load(table, duplicate, response);
    }
    while (table->bytes > TALC_COAP_DUPLICATE_BYTES_MAX) {
        const talc_coap_asker_host *most = host_by_bytes(table);
        lighten(table, most != NULL ? most->loaded : table->loaded);
    }
}

void talc_coap_duplicate_repeat(const talc_coap_duplicate *duplicate, coap_pdu_t *response)
{
    const uint8_t *at = duplicate->options;
    if (duplicate->code == 0) {
        return;
    }
    coap_pdu_set_code(response, duplicate->code);
    for (size_t left = duplicate->options_size; left > 0;) {
        uint16_t header[2];
        memcpy(header, at, sizeof header);
        coap_add_option(response, header[0], header[1], at + sizeof header);
        at += sizeof header + header[1];
        left -= sizeof header + header[1];
    }
    if (duplicate->payload_size > 0) {
        coap_add_data(response, duplicate->payload_size, duplicate->payload);
    }
}

/* ---------------------------------------------------------------- time */

size_t talc_coap_duplicates_expire(talc_coap_duplicates *table, uint64_t now_ms)
{
    while (table->oldest != NULL && now_ms - table->oldest->arrived_ms >= EXCHANGE_LIFETIME_MS) {
        forget(table, table->oldest);
    }
    return table->count;
}

void talc_coap_duplicates_clear(talc_coap_duplicates *table)
{
    talc_coap_duplicate *duplicate, *next;
    HASH_ITER(hh, table->by_key, duplicate, next) {
        forget(table, duplicate);
    }
}
