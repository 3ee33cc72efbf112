/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_LEDGER_H
#define TALC_BENCH_LEDGER_H

/**
 * Books processor time and heap to the side that causes them, in whatever threads of one process the
 * sides run. Whoever calls into a side says so before and after; each thread for itself.
 */

#include <stddef.h>
#include <stdint.h>

typedef enum ledger_side {
    LEDGER_NOBODY = 0, /**< the measuring program itself: not booked */
    LEDGER_CLIENT,
    LEDGER_SERVER,
    LEDGER_SIDES
} ledger_side;

/** From now on everything in this thread is on account of `side`. Returns the side before, to be
 * entered again. */
ledger_side ledger_enter(ledger_side side);

ledger_side ledger_current(void);

/** Processor time of a side that has been left again, in all threads. */
uint64_t ledger_cpu_ns(ledger_side side);

/** Processor times start at 0 again. */
void ledger_cpu_reset(void);

#endif
