/* SPDX-License-Identifier: MIT */
#include "tests/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define CLIENTS_MAX 256
#define DATAGRAM_MAX 4096

typedef struct relay_client {
    struct sockaddr_in address;
    int upstream; /* connected to the server */
} relay_client;

/* A datagram that waits for its time. */
typedef struct datagram {
    struct datagram *next;
    uint64_t due_us;
    relay_direction direction;
    size_t client;
    size_t size;
    uint8_t bytes[];
} datagram;

struct test_relay {
    int listening;
    int events;
    uint16_t port;
    uint16_t server_port;
    relay_client clients[CLIENTS_MAX];
    size_t client_count;
    relay_faults faults[2];
    relay_counts counts[2];
    unsigned drop_every, drop_phase; /* over both directions */
    uint64_t random;
    relay_hook *hook;
    void *hook_context;
    datagram *waiting; /* soonest first */
    datagram *room;    /* for the one that is being received */
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct sockaddr_in loopback_address(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int watch(const test_relay *relay, int descriptor)
{
    struct epoll_event event = { .events = EPOLLIN };
    return epoll_ctl(relay->events, EPOLL_CTL_ADD, descriptor, &event);
}

static int listen_open(test_relay *relay)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    relay->listening = socket(AF_INET, SOCK_DGRAM, 0);
    relay->events = epoll_create1(0);
    if (relay->listening < 0 || relay->events < 0 ||
        bind(relay->listening, (struct sockaddr *)&address, size) != 0 ||
        getsockname(relay->listening, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    relay->port = ntohs(address.sin_port);
    return watch(relay, relay->listening);
}

test_relay *relay_new(uint16_t server_port)
{
    test_relay *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->server_port = server_port;
    made->listening = -1;
    made->events = -1;
    relay_seed(made, 1);
    made->room = malloc(sizeof *made->room + DATAGRAM_MAX);
    if (made->room == NULL || listen_open(made) != 0) {
        relay_free(made);
        return NULL;
    }
    return made;
}

static void clients_close(test_relay *relay)
{
    for (size_t i = 0; i < relay->client_count; i++) {
        close(relay->clients[i].upstream);
    }
}

void relay_free(test_relay *relay)
{
    datagram *at, *after;
    if (relay == NULL) {
        return;
    }
    LL_FOREACH_SAFE (relay->waiting, at, after) {
        free(at);
    }
    clients_close(relay);
    free(relay->room);
    close(relay->listening);
    close(relay->events);
    free(relay);
}

uint16_t relay_port(const test_relay *relay)
{
    return relay->port;
}

static int upstream_open(const test_relay *relay)
{
    struct sockaddr_in address = loopback_address(relay->server_port);
    int upstream = socket(AF_INET, SOCK_DGRAM, 0);
    if (upstream < 0) {
        return -1;
    }
    if (connect(upstream, (struct sockaddr *)&address, sizeof address) != 0 ||
        watch(relay, upstream) != 0) {
        close(upstream);
        return -1;
    }
    return upstream;
}

void relay_rebind(test_relay *relay)
{
    for (size_t i = 0; i < relay->client_count; i++) {
        int upstream = upstream_open(relay);
        if (upstream >= 0) {
            close(relay->clients[i].upstream);
            relay->clients[i].upstream = upstream;
        }
    }
}

void relay_server_set(test_relay *relay, uint16_t server_port)
{
    relay->server_port = server_port;
    relay_rebind(relay);
}

void relay_faults_set(test_relay *relay, relay_direction direction, const relay_faults *faults)
{
    relay->faults[direction] = *faults;
}

void relay_drop_every(test_relay *relay, unsigned every, unsigned phase)
{
    relay->drop_every = every;
    relay->drop_phase = phase;
}

void relay_seed(test_relay *relay, uint64_t seed)
{
    relay->random = seed;
}

void relay_hook_set(test_relay *relay, relay_hook *hook, void *context)
{
    relay->hook = hook;
    relay->hook_context = context;
}

relay_counts relay_counts_get(const test_relay *relay, relay_direction direction)
{
    return relay->counts[direction];
}

void relay_counts_reset(test_relay *relay)
{
    memset(relay->counts, 0, sizeof relay->counts);
}

int relay_descriptor(const test_relay *relay)
{
    return relay->events;
}

uint64_t relay_timeout_us(const test_relay *relay)
{
    if (relay->waiting == NULL) {
        return UINT64_MAX;
    }
    uint64_t now = now_us();
    return relay->waiting->due_us > now ? relay->waiting->due_us - now : 0;
}

uint32_t relay_timeout_ms(const test_relay *relay)
{
    uint64_t timeout_us = relay_timeout_us(relay);
    return timeout_us == UINT64_MAX ? UINT32_MAX : (uint32_t)((timeout_us + 999) / 1000);
}

/* ---------------------------------------------------------------- CoAP */

/* Bytes of the number whose first four bits are `nibble`; SIZE_MAX if it is reserved. */
static size_t extension_size(unsigned nibble)
{
    return nibble < 13 ? 0 : nibble == 13 ? 1 : nibble == 14 ? 2 : SIZE_MAX;
}

size_t relay_payload_size(const uint8_t *message, size_t size)
{
    if (size < 4 || message[0] >> 6 != 1) {
        return 0;
    }
    size_t at = 4 + (message[0] & 15u);
    while (at < size && message[at] != 0xff) {
        size_t delta_size = extension_size(message[at] >> 4);
        unsigned length_nibble = message[at] & 15u;
        size_t length_size = extension_size(length_nibble);
        size_t length = length_nibble;
        at++;
        if (delta_size == SIZE_MAX || length_size == SIZE_MAX ||
            at + delta_size + length_size > size) {
            return 0;
        }
        at += delta_size;
        if (length_size == 1) {
            length = 13u + message[at];
        } else if (length_size == 2) {
            length = 269u + (size_t)message[at] * 256 + message[at + 1];
        }
        at += length_size + length;
    }
    return at < size ? size - at - 1 : 0;
}

/* ---------------------------------------------------------------- datagrams */

/* splitmix64: the same losses for the same seed on every machine. */
static double random_next(test_relay *relay)
{
    uint64_t mixed = relay->random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return (double)((mixed ^ (mixed >> 31)) >> 11) / 9007199254740992.0;
}

static void datagram_send(test_relay *relay, const datagram *sent)
{
    const relay_client *client = &relay->clients[sent->client];
    if (sent->direction == RELAY_UP) {
        (void)!send(client->upstream, sent->bytes, sent->size, 0);
    } else {
        (void)!sendto(relay->listening, sent->bytes, sent->size, 0,
                      (const struct sockaddr *)&client->address, sizeof client->address);
    }
}

/* Of two that are due at the same time the first stays the first. */
static int is_later(const datagram *one, const datagram *other)
{
    return one->due_us <= other->due_us ? -1 : 1;
}

static int happens(test_relay *relay, double probability)
{
    return probability > 0 && random_next(relay) < probability;
}

static void datagram_queue(test_relay *relay, const datagram *sent, unsigned delay_ms)
{
    datagram *copy = malloc(sizeof *copy + sent->size);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, sent, sizeof *copy + sent->size);
    copy->due_us = now_us() + (uint64_t)delay_ms * 1000;
    LL_INSERT_INORDER(relay->waiting, copy, is_later);
}

static int is_lost(test_relay *relay, relay_direction direction)
{
    const relay_faults *faults = &relay->faults[direction];
    uint64_t index = relay->counts[direction].datagrams;
    uint64_t all = relay->counts[RELAY_UP].datagrams + relay->counts[RELAY_DOWN].datagrams;
    int lost = faults->drop_every > 0 && index % faults->drop_every == faults->drop_phase;
    lost |= relay->drop_every > 0 && all % relay->drop_every == relay->drop_phase;
    lost |= happens(relay, faults->loss);
    return lost;
}

/* Each copy may leave out of turn by itself. */
static void datagram_forward(test_relay *relay, const datagram *arrived)
{
    const relay_faults *faults = &relay->faults[arrived->direction];
    unsigned copies = 1 + faults->duplicates + (unsigned)happens(relay, faults->duplication);
    for (unsigned copy = 0; copy < copies; copy++) {
        unsigned delay_ms = faults->delay_ms;
        delay_ms += happens(relay, faults->reordering) ? faults->reordering_ms : 0;
        delay_ms +=
            faults->jitter_ms > 0 ? (unsigned)(random_next(relay) * (faults->jitter_ms + 1)) : 0;
        if (delay_ms > 0) {
            datagram_queue(relay, arrived, delay_ms);
        } else {
            datagram_send(relay, arrived);
        }
    }
}

static void datagram_pass(test_relay *relay, datagram *arrived)
{
    relay_counts *counts = &relay->counts[arrived->direction];
    size_t payload_size = relay_payload_size(arrived->bytes, arrived->size);
    int lost = is_lost(relay, arrived->direction);
    counts->datagrams++;
    counts->bytes += arrived->size;
    counts->payload_max = payload_size > counts->payload_max ? payload_size : counts->payload_max;
    if (relay->hook != NULL && !relay->hook(relay->hook_context, arrived->direction, arrived->bytes,
                                            &arrived->size, DATAGRAM_MAX)) {
        lost = 1;
    }
    if (lost) {
        counts->lost++;
        return;
    }
    datagram_forward(relay, arrived);
}

static size_t client_find(test_relay *relay, const struct sockaddr_in *address)
{
    for (size_t i = 0; i < relay->client_count; i++) {
        const struct sockaddr_in *known = &relay->clients[i].address;
        if (known->sin_port == address->sin_port &&
            known->sin_addr.s_addr == address->sin_addr.s_addr) {
            return i;
        }
    }
    if (relay->client_count == CLIENTS_MAX) {
        return SIZE_MAX;
    }
    relay_client *made = &relay->clients[relay->client_count];
    made->address = *address;
    made->upstream = upstream_open(relay);
    return made->upstream >= 0 ? relay->client_count++ : SIZE_MAX;
}

static void receive_up(test_relay *relay)
{
    struct sockaddr_in from;
    socklen_t from_size = sizeof from;
    datagram *arrived = relay->room;
    ssize_t size;
    while ((size = recvfrom(relay->listening, arrived->bytes, DATAGRAM_MAX, MSG_DONTWAIT,
                            (struct sockaddr *)&from, &from_size)) >= 0) {
        arrived->direction = RELAY_UP;
        arrived->size = (size_t)size;
        arrived->client = client_find(relay, &from);
        if (arrived->client != SIZE_MAX) {
            datagram_pass(relay, arrived);
        }
    }
}

static void receive_down(test_relay *relay, size_t client)
{
    datagram *arrived = relay->room;
    ssize_t size;
    while ((size = recv(relay->clients[client].upstream, arrived->bytes, DATAGRAM_MAX,
                        MSG_DONTWAIT)) >= 0) {
        arrived->direction = RELAY_DOWN;
        arrived->size = (size_t)size;
        arrived->client = client;
        datagram_pass(relay, arrived);
    }
}

void relay_process(test_relay *relay)
{
    receive_up(relay);
    for (size_t i = 0; i < relay->client_count; i++) {
        receive_down(relay, i);
    }
    while (relay->waiting != NULL && relay_timeout_us(relay) == 0) {
        datagram *due = relay->waiting;
        LL_DELETE(relay->waiting, due);
        datagram_send(relay, due);
        free(due);
    }
}
