/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_CODE_SIZE_H
#define TALC_BENCH_CODE_SIZE_H

/**
 * How much of the library each mode is: text and data of the objects of its static library, as size(1)
 * prints them. Objects are told apart by the names of their sources; an object that no mode is named
 * for is shared by all. What mbedTLS, libcoap and cJSON add is not counted.
 */

#include "bench/figures.h"

/** Fills CODE_OWN and CODE_ALL from the library at this path. False if size(1) is not there or cannot
 * read it; they are 0 then. */
bool code_size_measure(const char *library, figure_columns figures);

#endif
