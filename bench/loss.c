/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/experiments.h"
#include "bench/fetch.h"
#include "bench/stopwatch.h"

/* So many at a time, and no two begin at once: they mostly wait, and must not wait for each other. */
#define FETCHES_AT_ONCE 64
#define STAGGER_MS 8
#define GRACE_MS 10000u
#define NS_PER_MS 1000000u

typedef struct loss_row {
    unsigned round_trip_ms;
    double loss;
    double others; /* probability of being doubled, and of being late */
    compare_figure mean;
} loss_row;

static const loss_row loss_rows[] = {
    { 200, 0.15, 0, LOSS_200_15 },  { 200, 0.05, 0, LOSS_200_5 }, { 50, 0.15, 0, LOSS_50_15 },
    { 50, 0.05, 0, LOSS_50_5 },     { 0, 0.15, 0, LOSS_0_15 },    { 0, 0.05, 0, LOSS_0_5 },
    { 50, 0.05, 0.05, LOSS_ROUGH },
};

#define LOSS_ROWS (sizeof loss_rows / sizeof loss_rows[0])

typedef struct lossy_fetch {
    fetch fetch;
    size_t row;
} lossy_fetch;

/* ---------------------------------------------------------------- the runs */

static size_t runs_of(size_t row, const compare_plan *plan)
{
    return loss_rows[row].mean == LOSS_50_15 ? plan->loss_runs : plan->other_loss_runs;
}

static void fetch_fill(lossy_fetch *filled, size_t row, mode_name mode, uint64_t seed)
{
    const loss_row *over = &loss_rows[row];
    filled->row = row;
    filled->fetch = (fetch){
        .mode = mode,
        .path = { .round_trip_ms = over->round_trip_ms,
                  .loss = over->loss,
                  .duplication = over->others,
                  .reordering = over->others,
                  .seed = seed },
    };
}

/* A list of all runs, one of each kind after the other, so that none is favoured; `*count` of them. The
 * caller frees it. */
static lossy_fetch *fetches_list(const testbed *on, const compare_plan *plan, size_t *count)
{
    size_t most = plan->loss_runs > plan->other_loss_runs ? plan->loss_runs : plan->other_loss_runs;
    lossy_fetch *all = calloc(most * LOSS_ROWS * MODES, sizeof *all);
    *count = 0;
    for (size_t run = 0; run < most && all != NULL; run++) {
        for (size_t row = 0; row < LOSS_ROWS; row++) {
            for (int mode = 0; mode < MODES; mode++) {
                if (on->is_served[mode] && run < runs_of(row, plan)) {
                    fetch_fill(&all[(*count)++], row, (mode_name)mode, plan->seed + run);
                }
            }
        }
    }
    return all;
}

/* Tickets are got before the first run begins, because getting one keeps this thread busy. */
static bool fetches_prepare(const testbed *on, lossy_fetch *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fetch_prepare(&all[i].fetch, on) != TALC_OK) {
            fprintf(stderr, "compare: no ticket: %s\n", all[i].fetch.failure.text);
            return false;
        }
    }
    return true;
}

/* A client has a deadline of its own: one that is long past it is ended, with TALC_ERROR_CANCELLED. */
static bool is_over(const fetch *one)
{
    uint64_t passed_ms = (stopwatch_wall_ns() - one->begun_ns) / NS_PER_MS;
    return one->status != TALC_PENDING || passed_ms > FETCH_TIMEOUT_MS + GRACE_MS;
}

static void fetches_finish(fetch **open, size_t *done)
{
    for (size_t i = 0; i < FETCHES_AT_ONCE; i++) {
        if (open[i] != NULL && is_over(open[i])) {
            fetch_end(open[i]);
            open[i] = NULL;
            (*done)++;
        }
    }
}

static size_t place_find(fetch *const *open)
{
    size_t place = 0;
    while (place < FETCHES_AT_ONCE && open[place] != NULL) {
        place++;
    }
    return place;
}

static bool fetch_begin(fetch *begun, const testbed *on)
{
    if (fetch_open(begun, on) == TALC_OK && fetch_send(begun)) {
        return true;
    }
    fprintf(stderr, "compare: %s: %s\n", talc_status_text(begun->status), begun->failure.text);
    fetch_end(begun);
    return false;
}

static bool fetches_run(const testbed *on, lossy_fetch *all, size_t count)
{
    fetch *open[FETCHES_AT_ONCE] = { NULL };
    size_t begun = 0;
    size_t done = 0;
    uint64_t next_ns = 0;
    bool is_good = true;
    while (done < begun || (is_good && begun < count)) {
        size_t place = place_find(open);
        if (is_good && begun < count && place < FETCHES_AT_ONCE && stopwatch_wall_ns() >= next_ns) {
            next_ns = stopwatch_wall_ns() + STAGGER_MS * NS_PER_MS;
            open[place] = &all[begun].fetch;
            is_good = fetch_begin(open[place], on);
            begun++;
        }
        fetch_turn(open, FETCHES_AT_ONCE, STAGGER_MS / 4);
        fetches_finish(open, &done);
        progress_show("paths with loss", done, count);
    }
    return is_good;
}

/* ---------------------------------------------------------------- what came of them */

/* Collects the times of the answered runs of a row and a mode; returns how many. */
static size_t times_of(const lossy_fetch *all, size_t count, size_t row, mode_name mode,
                       double *times)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const fetch *one = &all[i].fetch;
        if (all[i].row == row && one->mode == mode && one->status == TALC_OK) {
            times[found++] = one->time_ms;
        }
    }
    return found;
}

static void row_note(const lossy_fetch *all, size_t count, size_t row, figure_columns figures)
{
    double *times = calloc(count, sizeof *times);
    for (int mode = 0; mode < MODES && times != NULL; mode++) {
        size_t found = times_of(all, count, row, (mode_name)mode, times);
        figures[mode][loss_rows[row].mean] = stopwatch_mean(times, found);
        if (loss_rows[row].mean == LOSS_50_15) {
            figures[mode][LOSS_MAX] = stopwatch_max(times, found);
            figures[mode][LOSS_MEDIAN] = stopwatch_median(times, found);
        }
    }
    free(times);
}

static void runs_count(const testbed *on, const lossy_fetch *all, size_t count,
                       figure_columns figures)
{
    double answered[MODES] = { 0 };
    double bytes[MODES] = { 0 };
    for (int mode = 0; mode < MODES; mode++) {
        double none = on->is_served[mode] ? 0 : (double)NAN;
        figures[mode][LOSS_RUNS] = figures[mode][LOSS_UNANSWERED] = none;
        figures[mode][LOSS_HUNG] = none;
    }
    for (size_t i = 0; i < count; i++) {
        const fetch *one = &all[i].fetch;
        bool is_answered = one->status == TALC_OK;
        figures[one->mode][LOSS_RUNS] += 1;
        figures[one->mode][LOSS_UNANSWERED] += !is_answered;
        figures[one->mode][LOSS_HUNG] += !is_answered && one->time_ms >= FETCH_TIMEOUT_MS;
        if (is_answered && loss_rows[all[i].row].mean == LOSS_50_15) {
            answered[one->mode] += 1;
            bytes[one->mode] += (double)(one->traffic.up.bytes + one->traffic.down.bytes);
        }
    }
    for (int mode = 0; mode < MODES; mode++) {
        figures[mode][LOSS_BYTES] = bytes[mode] / answered[mode];
    }
}

/* Enough to run it again alone. */
static void unanswered_print(const lossy_fetch *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const fetch *one = &all[i].fetch;
        if (one->status != TALC_OK) {
            fprintf(stderr,
                    "compare: %s, %s: not answered over %u ms with %.0f %% loss, seed %" PRIu64
                    ": %s after %.1f s: %s\n",
                    mode_rows[one->mode].name, mode_rows[one->mode].credential,
                    one->path.round_trip_ms, one->path.loss * 100, one->path.seed,
                    talc_status_text(one->status), one->time_ms / 1000, one->failure.text);
        }
    }
}

bool experiment_loss(const testbed *on, const compare_plan *plan, figure_columns figures)
{
    size_t count = 0;
    lossy_fetch *all = fetches_list(on, plan, &count);
    bool is_good = all != NULL && fetches_prepare(on, all, count) && fetches_run(on, all, count);
    if (is_good) {
        for (size_t row = 0; row < LOSS_ROWS; row++) {
            row_note(all, count, row, figures);
        }
        runs_count(on, all, count, figures);
        unanswered_print(all, count);
    }
    free(all);
    return is_good;
}
