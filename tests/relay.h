/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_RELAY_H
#define TALC_TESTS_RELAY_H

/**
 * A UDP relay on 127.0.0.1 for tests and measurements: it stands between clients and a server,
 * counts what passes, and loses, doubles, delays and changes it as told. Each client gets a socket
 * of its own towards the server. It knows just enough of CoAP to find the payload of a message.
 *
 * It runs when relay_process() is called, in the caller's thread; nothing here ever waits.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct test_relay test_relay;

typedef enum relay_direction {
    RELAY_UP = 0,  /**< from clients to the server */
    RELAY_DOWN = 1 /**< from the server to clients */
} relay_direction;

/** What happens to the datagrams of one direction, in this order. All zero: nothing. */
typedef struct relay_faults {
    unsigned drop_every; /**< n: of each n datagrams one is lost; 0: none */
    unsigned drop_phase; /**< which one, 0..n-1 */
    double loss;         /**< probability of being lost, 0..1, from the relay's own seed */
    unsigned duplicates; /**< copies that follow each datagram */
    unsigned delay_ms;   /**< how much later everything leaves */
    double duplication;  /**< probability that one more copy follows, likewise */
    double reordering;   /**< probability of leaving later than others that come after, likewise */
    unsigned reordering_ms; /**< how much later still it leaves then */
    unsigned jitter_ms;     /**< each leaves 0 to this much later still, likewise */
} relay_faults;

/** What the senders of one direction have sent, lost or not; without the relay's own copies. */
typedef struct relay_counts {
    uint64_t datagrams;
    uint64_t bytes;     /**< UDP payload */
    uint64_t lost;      /**< datagrams among them that went no further */
    size_t payload_max; /**< bytes of the largest CoAP payload in a datagram */
} relay_counts;

/** Sees every datagram before the faults, and may change it: `*size` up to `capacity`. Returns 0 to
 * lose it. */
typedef int relay_hook(void *context, relay_direction direction, uint8_t *bytes, size_t *size,
                       size_t capacity);

/** A relay to a port of 127.0.0.1. NULL if the system gives no socket. */
test_relay *relay_new(uint16_t server_port);
void relay_free(test_relay *relay);

/** Where clients send to. */
uint16_t relay_port(const test_relay *relay);

/** Relays to another port from now on, also for the clients there are. */
void relay_server_set(test_relay *relay, uint16_t server_port);

void relay_faults_set(test_relay *relay, relay_direction direction, const relay_faults *faults);

/** Like drop_every of both directions, but counting all datagrams as they come. */
void relay_drop_every(test_relay *relay, unsigned every, unsigned phase);

/** Begins what is left to chance again from this seed. */
void relay_seed(test_relay *relay, uint64_t seed);

void relay_hook_set(test_relay *relay, relay_hook *hook, void *context);

/** Gives every client another port towards the server, as a NAT does that has forgotten them. */
void relay_rebind(test_relay *relay);

relay_counts relay_counts_get(const test_relay *relay, relay_direction direction);
void relay_counts_reset(test_relay *relay);

/** Passes on what can be passed on. */
void relay_process(test_relay *relay);

/** Readable when relay_process() has something to do, delays aside. */
int relay_descriptor(const test_relay *relay);

/** Milliseconds until a delayed datagram is due, the last one begun counted; UINT32_MAX for never. */
uint32_t relay_timeout_ms(const test_relay *relay);

/** Microseconds until a delayed datagram is due; UINT64_MAX for never. */
uint64_t relay_timeout_us(const test_relay *relay);

/** The payload of a CoAP message over UDP (RFC 7252 section 3); 0 if there is none or it is no CoAP
 * message. */
size_t relay_payload_size(const uint8_t *message, size_t size);

#endif
