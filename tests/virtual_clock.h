/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_VIRTUAL_CLOCK_H
#define TALC_TESTS_VIRTUAL_CLOCK_H

/**
 * A clock that stands still until everybody waits, and then jumps to whatever is due next. It is the
 * clock of the whole program: clock_gettime(), gettimeofday(), time(), timerfd_settime() and poll()
 * are defined beside it and so take the place of the C library's, for talc, libcoap, mbedTLS and the
 * relay alike, whether they are linked statically or not. Real sockets stay what they are; a minute of
 * waiting on them takes no time.
 *
 * One thread, which does all its waiting in poll(). A program that names this file among its sources
 * has these definitions; until virtual_clock_start() they do what the C library does.
 */

#include <stdbool.h>
#include <stdint.h>

/** From now on time stands still, at the present second. */
void virtual_clock_start(void);

/** Time is real again. */
void virtual_clock_stop(void);

/** Nanoseconds since 1970. */
uint64_t virtual_clock_ns(void);

/** Somebody in another process who shares the clock. The function is called when nothing moves here
 * any more, and again until nothing has moved anywhere: it lets that side do all it can, and returns
 * when that side wants to be called again, on the virtual clock; UINT64_MAX: never. NULL: nobody. */
void virtual_clock_companion(uint64_t (*settle)(void *context), void *context);

#endif
