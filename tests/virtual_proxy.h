/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_VIRTUAL_PROXY_H
#define TALC_TESTS_VIRTUAL_PROXY_H

/**
 * coap-server on the clock of virtual_clock.h: it runs whenever everything else waits, and its
 * randomness comes from a seed. The environment has to name the library to load into it as
 * TALC_TEST_PROXY_CLOCK.
 */

#include <stdint.h>

/** The proxy that proxy_process_start() starts next will be on the clock; one at a time. */
void virtual_proxy_begin(uint64_t seed);

/** To be called after proxy_process_stop(). */
void virtual_proxy_end(void);

#endif
