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
    struct talc_coap_duplicate *prev, *next; /* in `oldest`, once finished */
    talc_coap_message_key key;
    uint64_t arrived_ms;
    int is_finished;
    coap_pdu_code_t code; /* 0: no response is remembered */
    uint8_t *options;     /* each: number and size in 2 bytes of this machine, then the value */
    size_t options_size;
    uint8_t *payload; /* in the same allocation */
    size_t payload_size;
};

static size_t size_of(const talc_coap_duplicate *duplicate)
{
    return duplicate->options_size + duplicate->payload_size;
}

static void forget(talc_coap_duplicates *table, talc_coap_duplicate *duplicate)
{
    HASH_DEL(table->by_key, duplicate);
    if (duplicate->is_finished) {
        DL_DELETE(table->oldest, duplicate);
    }
    table->count--;
    table->bytes -= size_of(duplicate);
    free(duplicate->options);
    free(duplicate);
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

talc_coap_duplicate *talc_coap_duplicates_add(talc_coap_duplicates *table,
                                              const talc_coap_message_key *key, uint64_t now_ms)
{
    talc_coap_duplicate *old, *found;
    HASH_FIND(hh, table->by_key, key, sizeof *key, old);
    if (old != NULL && old->is_finished) {
        forget(table, old);
    } else if (table->count >= TALC_COAP_DUPLICATES_MAX && table->oldest != NULL) {
        forget(table, table->oldest);
    }
    if (table->count >= TALC_COAP_DUPLICATES_MAX) {
        return NULL;
    }
    talc_coap_duplicate *duplicate = calloc(1, sizeof *duplicate);
    if (duplicate == NULL) {
        return NULL;
    }
    duplicate->key = *key;
    duplicate->arrived_ms = now_ms;
    HASH_ADD(hh, table->by_key, key, sizeof duplicate->key, duplicate);
    HASH_FIND(hh, table->by_key, key, sizeof *key, found);
    if (found != duplicate) {
        free(duplicate);
        return NULL;
    }
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

static void response_copy(talc_coap_duplicate *duplicate, const coap_pdu_t *response)
{
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
}

void talc_coap_duplicate_finish(talc_coap_duplicates *table, talc_coap_duplicate *duplicate,
                                const coap_pdu_t *response)
{
    duplicate->is_finished = 1;
    DL_APPEND(table->oldest, duplicate);
    if (response == NULL || coap_pdu_get_code(response) == 0) {
        return;
    }
    response_copy(duplicate, response);
    table->bytes += size_of(duplicate);
    while (table->bytes > TALC_COAP_DUPLICATE_BYTES_MAX && table->oldest != duplicate) {
        forget(table, table->oldest);
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
