/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_PIPE_H
#define TALC_BENCH_PIPE_H

/**
 * A carrier in static memory between one server and one client at a time. Unlike the loopback it
 * allocates nothing, and each side's calls run that side's code only, so that what is measured
 * around a call belongs to that side.
 */

#include "talc/carrier.h"

#define PIPE_URI "pipe://"

extern const talc_carrier pipe_carrier;
extern const talc_listener pipe_listener;

#endif
