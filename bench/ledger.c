/* SPDX-License-Identifier: MIT */
#include "bench/ledger.h"

#include <stdatomic.h>

#include "bench/stopwatch.h"

static _Thread_local ledger_side current;
static _Thread_local uint64_t entered_ns;
static _Atomic uint64_t cpu_ns[LEDGER_SIDES];

ledger_side ledger_enter(ledger_side side)
{
    ledger_side before = current;
    uint64_t now_ns = stopwatch_cpu_ns();
    cpu_ns[before] += now_ns - entered_ns;
    entered_ns = now_ns;
    current = side;
    return before;
}

ledger_side ledger_current(void)
{
    return current;
}

uint64_t ledger_cpu_ns(ledger_side side)
{
    return cpu_ns[side];
}

void ledger_cpu_reset(void)
{
    for (size_t side = 0; side < LEDGER_SIDES; side++) {
        cpu_ns[side] = 0;
    }
}
