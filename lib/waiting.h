/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_WAITING_H
#define TALC_LIB_WAITING_H

/** Waiting for descriptors, for the blocking calls of client and server. */

#include <stddef.h>
#include <stdint.h>

#define TALC_WAIT_DESCRIPTORS_MAX 16

/**
 * Waits until one of the descriptors is readable, at most `timeout_ms`. Descriptors of -1 are
 * passed over; with none at all it waits no longer than 10 ms, for a carrier without a descriptor
 * has to be looked after.
 */
void talc_wait_readable(const int *descriptors, size_t count, uint32_t timeout_ms);

#endif
