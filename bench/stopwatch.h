/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_STOPWATCH_H
#define TALC_BENCH_STOPWATCH_H

/** Processor time, because a busy machine makes wall clocks say little; and medians, because a few
 * runs are always disturbed. */

#include <stddef.h>
#include <stdint.h>

/** Nanoseconds that this thread has computed so far. */
uint64_t stopwatch_cpu_ns(void);

/** The median of `count` values, which are put into order; NAN if there are none. */
double stopwatch_median(double *values, size_t count);

#endif
