/* SPDX-License-Identifier: MIT */
#include "bench/stopwatch.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t stopwatch_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t stopwatch_wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

double stopwatch_min(const double *values, size_t count)
{
    double least = (double)NAN;
    for (size_t i = 0; i < count; i++) {
        least = fmin(least, values[i]);
    }
    return least;
}

double stopwatch_max(const double *values, size_t count)
{
    double most = (double)NAN;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, values[i]);
    }
    return most;
}

double stopwatch_mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return count > 0 ? sum / (double)count : (double)NAN;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return (a > b) - (a < b);
}

double stopwatch_median(double *values, size_t count)
{
    if (count == 0) {
        return (double)NAN;
    }
    qsort(values, count, sizeof *values, compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
