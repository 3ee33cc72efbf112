/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_BOUNDS_H
#define TALC_BENCH_BOUNDS_H

/** What must hold of the comparison. */

#include <stdio.h>

#include "bench/figures.h"

struct cJSON;

/** Which bounds a run can tell of. */
typedef enum bounds_wanted {
    BOUNDS_ALL,
    BOUNDS_WITHOUT_TIMES /**< bytes and round trips only */
} bounds_wanted;

typedef enum bounds_outcome {
    BOUNDS_HOLD,
    BOUNDS_NOT_ALL_MEASURED, /**< those that were measured hold */
    BOUNDS_BROKEN
} bounds_outcome;

/** Prints each with its value. */
bounds_outcome bounds_print(const figure_columns figures, bounds_wanted wanted, FILE *file);

/** An array of {"what", "value", "limit", "holds"}, the caller's; NULL without memory. */
struct cJSON *bounds_json(const figure_columns figures, bounds_wanted wanted);

#endif
