/* SPDX-License-Identifier: MIT */
#include "lib/waiting.h"

#include <limits.h>
#include <poll.h>

#define BLIND_WAIT_MS 10u

void talc_wait_readable(const int *descriptors, size_t count, uint32_t timeout_ms)
{
    struct pollfd polled[TALC_WAIT_DESCRIPTORS_MAX];
    nfds_t used = 0;
    for (size_t i = 0; i < count && used < TALC_WAIT_DESCRIPTORS_MAX; i++) {
        if (descriptors[i] >= 0) {
            polled[used++] = (struct pollfd){ .fd = descriptors[i], .events = POLLIN };
        }
    }
    if (used == 0 && timeout_ms > BLIND_WAIT_MS) {
        timeout_ms = BLIND_WAIT_MS;
    }
    (void)poll(polled, used, timeout_ms > INT_MAX ? -1 : (int)timeout_ms);
}
