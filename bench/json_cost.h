/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_JSON_COST_H
#define TALC_BENCH_JSON_COST_H

/** What envelopes of the sizes of a publication cost, beside its figures. */

#include <stdbool.h>
#include <stdio.h>

struct cJSON;

typedef struct json_cost {
    size_t size;
    double write_us; /**< processor time, median */
    double read_us;
    double read_peak_bytes; /**< heap; NAN where it is not counted. Writing needs none */
} json_cost;

#define JSON_COSTS 3

/** False if there is no envelope of such a size, or one is not read as it was written. */
bool json_cost_measure(json_cost costs[JSON_COSTS], size_t batches);

void json_cost_print(const json_cost costs[JSON_COSTS], FILE *file);

/** An object, the caller's; NULL without memory. */
struct cJSON *json_cost_json(const json_cost costs[JSON_COSTS]);

#endif
