/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_FIGURES_H
#define TALC_BENCH_FIGURES_H

/** The lines of the comparison. */

#include "bench/modes.h"
#include "bench/report.h"

typedef enum compare_figure {
    HEADING_CLASSIC,
    FRESH_MIN,
    FRESH_AVERAGE,
    FRESH_MAX,
    FRESH_RATIO,
    PUBLISHED_AVERAGE,
    PUBLISHED_RATIO,
    KEPT_MIN,
    KEPT_AVERAGE,
    KEPT_MAX,
    KEPT_RATIO,
    HEADING_ROUND_TRIPS,
    FIRST_0,
    FIRST_50,
    FIRST_200,
    FIRST_50_RATIO,
    OPEN_0,
    OPEN_50,
    OPEN_200,
    OPEN_50_RATIO,
    HEADING_LOSS,
    LOSS_0_5,
    LOSS_0_15,
    LOSS_50_0,
    LOSS_50_5,
    LOSS_50_15,
    LOSS_200_5,
    LOSS_200_15,
    LOSS_ROUGH,
    LOSS_MEDIAN,
    LOSS_MAX,
    LOSS_TIME_GROWTH,
    LOSS_BYTES_BEFORE,
    LOSS_BYTES,
    LOSS_BYTES_GROWTH,
    LOSS_RUNS,
    LOSS_UNANSWERED,
    LOSS_HUNG,
    HEADING_WIRE,
    FIRST_ROUND_TRIPS,
    FIRST_DATAGRAMS,
    FIRST_BYTES_UP,
    FIRST_BYTES_DOWN,
    FIRST_BYTES,
    OPEN_ROUND_TRIPS,
    OPEN_DATAGRAMS,
    OPEN_BYTES,
    HANDSHAKE_ROUND_TRIPS,
    HANDSHAKE_DATAGRAMS,
    HANDSHAKE_BYTES,
    PAYLOAD_MAX,
    HEADING_COST,
    FIRST_CLIENT_CPU,
    FIRST_SERVER_CPU,
    OPEN_CLIENT_CPU,
    OPEN_SERVER_CPU,
    CLIENT_PEAK,
    SERVER_PEAK,
    CLIENT_IDLE,
    SERVER_IDLE,
    CODE_OWN,
    CODE_ALL,
    COMPARE_FIGURES
} compare_figure;

extern const report_figure compare_figures[COMPARE_FIGURES];

/** A line for each, a column for each mode. */
typedef double figure_columns[MODES][COMPARE_FIGURES];

/** NAN everywhere, but for what has been published. */
void figures_clear(figure_columns figures);

/** What follows from other figures: ratios and differences. */
void figures_derive(figure_columns figures);

#endif
