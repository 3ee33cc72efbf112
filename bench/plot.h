/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_PLOT_H
#define TALC_BENCH_PLOT_H

#include <stdbool.h>

#include "bench/figures.h"

/** Writes a script for gnuplot(1) beside `svg_path`, with ".gp" in place of ".svg" or behind it, and
 * runs it. Where there is no gnuplot, standard error says how to draw it elsewhere. False if the script
 * cannot be written, or gnuplot fails. */
bool plot_draw(const figure_columns figures, const char *svg_path);

#endif
