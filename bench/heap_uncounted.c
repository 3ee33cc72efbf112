/* SPDX-License-Identifier: MIT */
#include "bench/heap.h"

bool heap_is_counted(void)
{
    return false;
}

void heap_watch(void)
{
}

void heap_unwatch(void)
{
}

size_t heap_bytes(ledger_side side)
{
    (void)side;
    return 0;
}

size_t heap_peak_bytes(ledger_side side)
{
    (void)side;
    return 0;
}

void heap_peak_reset(void)
{
}

bool heap_is_complete(void)
{
    return true;
}
