/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_TCP_TAP_H
#define TALC_TESTS_TCP_TAP_H

/**
 * A TCP relay on 127.0.0.1 that shows what passes: it stands between two programs and changes
 * nothing. It runs when tcp_tap_process() is called, in the caller's thread, and waits for nobody.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct tcp_tap tcp_tap;

typedef enum tcp_tap_direction { TCP_TAP_UP = 0, TCP_TAP_DOWN = 1 } tcp_tap_direction;

/** Sees what a connection has carried in one direction, whenever there is more of it. Returns how
 * many of these bytes it has done with; the others are shown again. */
typedef size_t tcp_tap_hook(void *context, tcp_tap_direction direction, const char *bytes,
                            size_t size);

/** A relay to a port of 127.0.0.1. Fails the test if the system gives no socket. */
tcp_tap *tcp_tap_new(uint16_t server_port, tcp_tap_hook *hook, void *context);
void tcp_tap_free(tcp_tap *tap);

/** Where clients connect to. */
uint16_t tcp_tap_port(const tcp_tap *tap);

/** Passes on what can be passed on. */
void tcp_tap_process(tcp_tap *tap);

/** Readable when tcp_tap_process() has something to do. */
int tcp_tap_descriptor(const tcp_tap *tap);

#endif
