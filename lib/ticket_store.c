/* SPDX-License-Identifier: MIT */
#include "lib/ticket_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

typedef struct filed_ticket {
    struct filed_ticket *prev; /* utlist.h, the oldest first */
    struct filed_ticket *next;
    talc_ticket_key key;
    talc_ticket ticket;
} filed_ticket;

struct talc_tickets {
    atomic_uint holds;
    pthread_mutex_t lock; /* of what follows */
    filed_ticket *first;
    size_t count;
};

/* ---------------------------------------------------------------- life */

talc_status talc_tickets_new(talc_tickets **tickets)
{
    if (tickets == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_tickets *made = calloc(1, sizeof *made);
    *tickets = made;
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        *tickets = NULL;
        return TALC_ERROR_MEMORY;
    }
    atomic_init(&made->holds, 1);
    return TALC_OK;
}

talc_tickets *talc_tickets_hold(talc_tickets *tickets)
{
    if (tickets != NULL) {
        atomic_fetch_add_explicit(&tickets->holds, 1, memory_order_relaxed);
    }
    return tickets;
}

static void drop(talc_tickets *tickets, filed_ticket *filed)
{
    DL_DELETE(tickets->first, filed);
    tickets->count--;
    talc_wipe(filed, sizeof *filed);
    free(filed);
}

static void drop_all(talc_tickets *tickets)
{
    while (tickets->first != NULL) {
        drop(tickets, tickets->first);
    }
}

void talc_tickets_free(talc_tickets *tickets)
{
    if (tickets == NULL ||
        atomic_fetch_sub_explicit(&tickets->holds, 1, memory_order_acq_rel) != 1) {
        return;
    }
    drop_all(tickets);
    pthread_mutex_destroy(&tickets->lock);
    free(tickets);
}

void talc_tickets_clear(talc_tickets *tickets)
{
    if (tickets != NULL) {
        pthread_mutex_lock(&tickets->lock);
        drop_all(tickets);
        pthread_mutex_unlock(&tickets->lock);
    }
}

size_t talc_tickets_size(const talc_tickets *tickets)
{
    size_t count = 0;
    if (tickets != NULL) {
        talc_tickets *locked = (talc_tickets *)tickets; /* counting needs the lock, too */
        pthread_mutex_lock(&locked->lock);
        count = locked->count;
        pthread_mutex_unlock(&locked->lock);
    }
    return count;
}

/* ---------------------------------------------------------------- tickets */

static bool is_same(const talc_ticket_key *left, const talc_ticket_key *right)
{
    return strcmp(left->server_name, right->server_name) == 0 &&
           memcmp(left->trust_set, right->trust_set, sizeof left->trust_set) == 0 &&
           memcmp(left->identity, right->identity, sizeof left->identity) == 0 &&
           left->version_min == right->version_min && left->version_max == right->version_max;
}

static void drop_expired(talc_tickets *tickets, uint64_t now_ms)
{
    filed_ticket *filed;
    filed_ticket *next;
    DL_FOREACH_SAFE (tickets->first, filed, next) {
        if (filed->ticket.expires_at_ms <= now_ms) {
            drop(tickets, filed);
        }
    }
}

talc_status talc_tickets_put(talc_tickets *tickets, const talc_ticket_key *key,
                             const talc_ticket *ticket, uint64_t now_ms)
{
    filed_ticket *filed = calloc(1, sizeof *filed);
    if (filed == NULL) {
        return TALC_ERROR_MEMORY;
    }
    filed->key = *key;
    filed->ticket = *ticket;
    pthread_mutex_lock(&tickets->lock);
    drop_expired(tickets, now_ms);
    while (tickets->count >= TALC_TICKETS_MAX) {
        drop(tickets, tickets->first);
    }
    DL_APPEND(tickets->first, filed);
    tickets->count++;
    pthread_mutex_unlock(&tickets->lock);
    return TALC_OK;
}

static filed_ticket *find_newest(talc_tickets *tickets, const talc_ticket_key *key)
{
    filed_ticket *found = NULL;
    filed_ticket *filed;
    DL_FOREACH (tickets->first, filed) {
        found = is_same(&filed->key, key) ? filed : found;
    }
    return found;
}

bool talc_tickets_take(talc_tickets *tickets, const talc_ticket_key *key, uint64_t now_ms,
                       talc_ticket *ticket)
{
    pthread_mutex_lock(&tickets->lock);
    drop_expired(tickets, now_ms);
    filed_ticket *found = find_newest(tickets, key);
    if (found != NULL) {
        *ticket = found->ticket;
        drop(tickets, found);
    }
    pthread_mutex_unlock(&tickets->lock);
    return found != NULL;
}
