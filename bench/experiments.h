/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_EXPERIMENTS_H
#define TALC_BENCH_EXPERIMENTS_H

/** What is done to fill the figures. Modes take turns, so that whatever else the machine does disturbs
 * all alike; those that the library lacks are passed over. */

#include "bench/figures.h"
#include "bench/testbed.h"

typedef struct compare_plan {
    size_t classic_runs;    /**< of each mode; to 64 */
    size_t path_runs;       /**< at 0 and 50 ms; odd, to 64 */
    size_t long_path_runs;  /**< at 200 ms; likewise */
    size_t wire_runs;       /**< likewise */
    size_t loss_runs;       /**< at 50 ms and 15 % */
    size_t other_loss_runs; /**< of each other path with loss */
    uint64_t seed;          /**< of the first run with loss; the next one has the next */
} compare_plan;

/** Each fills its figures of all modes. False if a request was not answered without loss: standard
 * error says which. */
bool experiment_classic(const testbed *on, const compare_plan *plan, figure_columns figures);
bool experiment_paths(const testbed *on, const compare_plan *plan, figure_columns figures);
bool experiment_wire(const testbed *on, const compare_plan *plan, figure_columns figures);
bool experiment_heap(const testbed *on, figure_columns figures);

/** Runs over paths with loss, many at a time. What is not answered is counted. False without
 * memory or sockets. */
bool experiment_loss(const testbed *on, const compare_plan *plan, figure_columns figures);

/** Prints when each datagram of a handshake and a request, and of another request, passed this path; of
 * one mode, or of all with MODES. */
bool experiment_timelines(const testbed *on, const relay_path *path, mode_name mode);

/** A line on standard error that overwrites the last one, if a terminal shows it. */
void progress_show(const char *what, size_t done, size_t all);

#endif
