/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_SEPARATES_H
#define TALC_TRANSPORT_COAP_SEPARATES_H

#include <stddef.h>
#include <stdint.h>

/**
 * How many confirmable separate responses are on their way. libcoap keeps each until it is
 * acknowledged, one after the other, and does not tell when that happens; so they are counted for
 * as long as it may take to give one up. All zero: none.
 */
typedef struct talc_coap_separates {
    uint64_t since_ms;
    size_t now, before; /**< since then, and in half a span before */
} talc_coap_separates;

/** Counts one more if there are less than `max` in `span_ms`; 0 if there are not. */
int talc_coap_separates_add(talc_coap_separates *separates, size_t max, uint64_t span_ms,
                            uint64_t now_ms);

#endif
