/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* ppoll */

#include "bench/relays.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/stopwatch.h"

#define RELAYS_MAX 256
#define PASSAGES_MAX 64

/* One datagram on the timeline. */
typedef struct passage {
    uint64_t at_ns;
    relay_direction direction;
    size_t size;
    uint64_t lost_before; /* datagrams, both ways */
} passage;

struct relayed {
    test_relay *relay;
    uint16_t port;
    passage passages[PASSAGES_MAX];
    size_t passage_count;
    bool is_last_up;
    unsigned round_trips;
};

struct relays {
    pthread_t thread;
    pthread_mutex_t mutex; /* over all that follows; never held while waiting */
    int changed;           /* eventfd: relays came or went, or the thread has to end */
    bool is_ending;
    unsigned generation; /* how often members came or went */
    relayed *members[RELAYS_MAX];
    size_t count;
};

/* ---------------------------------------------------------------- the thread */

/* Nanoseconds until the first delayed datagram is due; UINT64_MAX for never. */
static uint64_t timeout_ns(const relays *all)
{
    uint64_t soonest_us = UINT64_MAX;
    for (size_t i = 0; i < all->count; i++) {
        uint64_t timeout_us = relay_timeout_us(all->members[i]->relay);
        soonest_us = timeout_us < soonest_us ? timeout_us : soonest_us;
    }
    return soonest_us == UINT64_MAX ? UINT64_MAX : soonest_us * 1000;
}

static size_t watched_fill(const relays *all, struct pollfd *watched)
{
    watched[0] = (struct pollfd){ .fd = all->changed, .events = POLLIN };
    for (size_t i = 0; i < all->count; i++) {
        watched[i + 1] =
            (struct pollfd){ .fd = relay_descriptor(all->members[i]->relay), .events = POLLIN };
    }
    return all->count + 1;
}

static void wait_for(struct pollfd *watched, size_t count, uint64_t wait_ns)
{
    struct timespec limit = { (time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u) };
    (void)ppoll(watched, count, wait_ns == UINT64_MAX ? NULL : &limit, NULL);
}

static void changes_take(const relays *all)
{
    uint64_t ignored;
    (void)!read(all->changed, &ignored, sizeof ignored);
}

/* `watched` NULL: members are not those that were watched, all get a turn. */
static void relays_process(const relays *all, const struct pollfd *watched)
{
    for (size_t i = 0; i < all->count; i++) {
        if (watched == NULL || watched[i + 1].revents != 0 ||
            relay_timeout_us(all->members[i]->relay) == 0) {
            relay_process(all->members[i]->relay);
        }
    }
}

static void *run(void *context)
{
    relays *all = context;
    struct pollfd watched[RELAYS_MAX + 1];
    prctl(PR_SET_TIMERSLACK, 1ul); /* the usual 50 us are much beside a loopback */
    pthread_mutex_lock(&all->mutex);
    while (!all->is_ending) {
        size_t count = watched_fill(all, watched);
        unsigned generation = all->generation;
        uint64_t wait_ns = timeout_ns(all);
        pthread_mutex_unlock(&all->mutex);
        wait_for(watched, count, wait_ns);
        pthread_mutex_lock(&all->mutex);
        changes_take(all);
        relays_process(all, generation == all->generation ? watched : NULL);
    }
    pthread_mutex_unlock(&all->mutex);
    return NULL;
}

static void say_changed(relays *all)
{
    uint64_t one = 1;
    all->generation++;
    (void)!write(all->changed, &one, sizeof one);
}

relays *relays_start(void)
{
    relays *all = calloc(1, sizeof *all);
    if (all == NULL) {
        return NULL;
    }
    all->changed = eventfd(0, EFD_NONBLOCK);
    pthread_mutex_init(&all->mutex, NULL);
    if (all->changed < 0 || pthread_create(&all->thread, NULL, run, all) != 0) {
        close(all->changed);
        pthread_mutex_destroy(&all->mutex);
        free(all);
        return NULL;
    }
    return all;
}

static void relayed_free(relayed *one)
{
    relay_free(one->relay);
    free(one);
}

void relays_stop(relays *all)
{
    if (all == NULL) {
        return;
    }
    pthread_mutex_lock(&all->mutex);
    all->is_ending = true;
    say_changed(all);
    pthread_mutex_unlock(&all->mutex);
    pthread_join(all->thread, NULL);
    for (size_t i = 0; i < all->count; i++) {
        relayed_free(all->members[i]);
    }
    close(all->changed);
    pthread_mutex_destroy(&all->mutex);
    free(all);
}

/* ---------------------------------------------------------------- one relay */

static uint64_t lost_of(const relayed *one)
{
    return relay_counts_get(one->relay, RELAY_UP).lost +
           relay_counts_get(one->relay, RELAY_DOWN).lost;
}

static int note_passage(void *context, relay_direction direction, uint8_t *bytes, size_t *size,
                        size_t capacity)
{
    relayed *one = context;
    (void)bytes;
    (void)capacity;
    if (one->passage_count < PASSAGES_MAX) {
        one->passages[one->passage_count++] =
            (passage){ stopwatch_wall_ns(), direction, *size, lost_of(one) };
    }
    one->round_trips += direction == RELAY_DOWN && one->is_last_up;
    one->is_last_up = direction == RELAY_UP;
    return 1;
}

static relayed *relayed_new(const relay_path *path, uint16_t server_port)
{
    relay_faults faults = {
        .loss = path->loss,
        .delay_ms = path->round_trip_ms / 2,
        .duplication = path->duplication,
        .reordering = path->reordering,
        .reordering_ms = path->round_trip_ms > 2 ? path->round_trip_ms / 2 : 1,
    };
    relayed *one = calloc(1, sizeof *one);
    test_relay *relay = relay_new(server_port);
    if (one == NULL || relay == NULL) {
        relay_free(relay);
        free(one);
        return NULL;
    }
    relay_seed(relay, path->seed);
    relay_faults_set(relay, RELAY_UP, &faults);
    relay_faults_set(relay, RELAY_DOWN, &faults);
    relay_hook_set(relay, note_passage, one);
    one->relay = relay;
    one->port = relay_port(relay);
    return one;
}

relayed *relays_add(relays *all, const relay_path *path, uint16_t server_port)
{
    relayed *one = relayed_new(path, server_port);
    if (one == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&all->mutex);
    bool has_room = all->count < RELAYS_MAX;
    if (has_room) {
        all->members[all->count++] = one;
        say_changed(all);
    }
    pthread_mutex_unlock(&all->mutex);
    if (!has_room) {
        relayed_free(one);
        return NULL;
    }
    return one;
}

void relays_remove(relays *all, relayed *one)
{
    if (one == NULL) {
        return;
    }
    pthread_mutex_lock(&all->mutex);
    for (size_t i = 0; i < all->count; i++) {
        if (all->members[i] == one) {
            all->members[i] = all->members[--all->count];
            say_changed(all);
            break;
        }
    }
    pthread_mutex_unlock(&all->mutex);
    relayed_free(one);
}

uint16_t relays_port(const relayed *one)
{
    return one->port;
}

relay_traffic relays_traffic(relays *all, const relayed *one)
{
    pthread_mutex_lock(&all->mutex);
    relay_traffic traffic = { relay_counts_get(one->relay, RELAY_UP),
                              relay_counts_get(one->relay, RELAY_DOWN), one->round_trips };
    pthread_mutex_unlock(&all->mutex);
    return traffic;
}

void relays_traffic_reset(relays *all, relayed *one)
{
    pthread_mutex_lock(&all->mutex);
    relay_counts_reset(one->relay);
    one->round_trips = 0;
    one->passage_count = 0;
    one->is_last_up = false;
    pthread_mutex_unlock(&all->mutex);
}

/* What was lost is counted after it has been noted, and before the next one is. */
static bool was_lost(const relayed *one, size_t place)
{
    uint64_t lost_after =
        place + 1 < one->passage_count ? one->passages[place + 1].lost_before : lost_of(one);
    return lost_after > one->passages[place].lost_before;
}

void relays_timeline_print(relays *all, const relayed *one, FILE *file)
{
    pthread_mutex_lock(&all->mutex);
    for (size_t i = 0; i < one->passage_count; i++) {
        const passage *at = &one->passages[i];
        double since_ms = (double)(at->at_ns - one->passages[0].at_ns) / 1e6;
        fprintf(file, "  %9.3f ms  %s  %4zu B%s\n", since_ms,
                at->direction == RELAY_UP ? "-->    " : "    <--", at->size,
                was_lost(one, i) ? "  lost" : "");
    }
    pthread_mutex_unlock(&all->mutex);
}
