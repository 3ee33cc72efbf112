/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_HEAP_H
#define TALC_BENCH_HEAP_H

/**
 * Counts what each side of the ledger has on the heap: bytes as they were asked for, without what
 * an allocator adds. A block stays on the account of the side that asked for it, whoever frees it.
 * heap_interposed.c does it for everything in the process, shared libraries included; where that is
 * not possible (another C library, a sanitizer), heap_uncounted.c stands in.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bench/ledger.h"

/** Whether this build counts at all. */
bool heap_is_counted(void);

/** Forgets all blocks and books those that come. */
void heap_watch(void);

/** Books nothing more; what stands in the accounts stays. */
void heap_unwatch(void);

/** Bytes on the account of a side, now and at most since heap_watch() or heap_peak_reset(). */
size_t heap_bytes(ledger_side side);
size_t heap_peak_bytes(ledger_side side);

/** Peaks start again at what is there now. */
void heap_peak_reset(void);

/** Whether all blocks found room in the books; figures are too low if not. */
bool heap_is_complete(void);

#endif
