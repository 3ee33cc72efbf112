/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_STOPWATCH_H
#define TALC_BENCH_STOPWATCH_H

/** Processor time, because a busy machine makes wall clocks say little; wall clock where waiting is
 * what counts; and medians, because a few runs are always disturbed. */

#include <stddef.h>
#include <stdint.h>

/** Nanoseconds that this thread has computed so far. */
uint64_t stopwatch_cpu_ns(void);

/** Nanoseconds of a clock that never goes back. */
uint64_t stopwatch_wall_ns(void);

/** Smallest, largest and mean of `count` values; NAN if there are none. */
double stopwatch_min(const double *values, size_t count);
double stopwatch_max(const double *values, size_t count);
double stopwatch_mean(const double *values, size_t count);

/** The median of `count` values, which are put into order; NAN if there are none. */
double stopwatch_median(double *values, size_t count);

#endif
