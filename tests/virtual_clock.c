/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/virtual_clock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
#define MILLISECOND_NS 1000000u
#define TIMERS_MAX 64

/* What timerfd_settime() asked for. A descriptor that was closed meanwhile rings once for nothing. */
typedef struct virtual_timer {
    int descriptor;
    uint64_t due_ns; /* 0: not set */
} virtual_timer;

static bool is_running;
static uint64_t now_ns;
static virtual_timer timers[TIMERS_MAX];
static size_t timer_count;
static uint64_t (*settle_companion)(void *context);
static void *companion;

/* ---------------------------------------------------------------- reading it */

static struct timespec real_time(clockid_t clock)
{
    struct timespec now = { 0, 0 };
    (void)syscall(SYS_clock_gettime, clock, &now);
    return now;
}

void virtual_clock_start(void)
{
    now_ns = (uint64_t)real_time(CLOCK_REALTIME).tv_sec * SECOND_NS;
    timer_count = 0;
    is_running = true;
}

void virtual_clock_stop(void)
{
    is_running = false;
}

uint64_t virtual_clock_ns(void)
{
    return now_ns;
}

/* All clocks but those of the processor show the same time: that of day. */
static bool is_virtual(clockid_t clock)
{
    return is_running && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    *now = is_virtual(clock)
               ? (struct timespec){ (time_t)(now_ns / SECOND_NS), (long)(now_ns % SECOND_NS) }
               : real_time(clock);
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){ precise.tv_sec, precise.tv_nsec / 1000 };
    return 0;
}

time_t time(time_t *now)
{
    struct timespec precise;
    (void)clock_gettime(CLOCK_REALTIME, &precise);
    if (now != NULL) {
        *now = precise.tv_sec;
    }
    return precise.tv_sec;
}

/* ---------------------------------------------------------------- timers */

static virtual_timer *timer_of(int descriptor)
{
    for (size_t i = 0; i < timer_count; i++) {
        if (timers[i].descriptor == descriptor) {
            return &timers[i];
        }
    }
    if (timer_count == TIMERS_MAX) {
        abort();
    }
    timers[timer_count].descriptor = descriptor;
    return &timers[timer_count++];
}

int timerfd_settime(int descriptor, int flags, const struct itimerspec *set, struct itimerspec *old)
{
    if (!is_running) {
        return (int)syscall(SYS_timerfd_settime, descriptor, flags, set, old);
    }
    if (flags != 0 || old != NULL || set->it_interval.tv_sec != 0 ||
        set->it_interval.tv_nsec != 0) {
        errno = EINVAL; /* not needed so far */
        return -1;
    }
    uint64_t after_ns =
        (uint64_t)set->it_value.tv_sec * SECOND_NS + (uint64_t)set->it_value.tv_nsec;
    timer_of(descriptor)->due_ns = after_ns == 0 ? 0 : now_ns + after_ns;
    return 0;
}

static uint64_t next_timer_ns(void)
{
    uint64_t next_ns = UINT64_MAX;
    for (size_t i = 0; i < timer_count; i++) {
        if (timers[i].due_ns != 0 && timers[i].due_ns < next_ns) {
            next_ns = timers[i].due_ns;
        }
    }
    return next_ns;
}

/* Who set a timer looks at the clock when poll() returns, and does not read the descriptor. */
static void ring_timers(void)
{
    for (size_t i = 0; i < timer_count; i++) {
        if (timers[i].due_ns <= now_ns) {
            timers[i].due_ns = 0;
        }
    }
}

/* ---------------------------------------------------------------- waiting */

void virtual_clock_companion(uint64_t (*settle)(void *context), void *context)
{
    settle_companion = settle;
    companion = context;
}

static int poll_really(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    struct timespec timeout = { timeout_ms / 1000,
                                (long)(timeout_ms % 1000) * (long)MILLISECOND_NS };
    return ppoll(descriptors, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

int poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    if (!is_running) {
        return poll_really(descriptors, count, timeout_ms);
    }
    int ready = poll_really(descriptors, count, 0);
    if (ready != 0 || timeout_ms == 0) {
        return ready;
    }
    uint64_t next_ns = next_timer_ns();
    if (settle_companion != NULL) {
        uint64_t companion_ns = settle_companion(companion);
        next_ns = companion_ns < next_ns ? companion_ns : next_ns;
        ready = poll_really(descriptors, count, 0);
        if (ready != 0) {
            return ready;
        }
    }
    uint64_t end_ns = timeout_ms < 0 ? UINT64_MAX : now_ns + (uint64_t)timeout_ms * MILLISECOND_NS;
    next_ns = next_ns < end_ns ? next_ns : end_ns;
    if (next_ns == UINT64_MAX) {
        abort(); /* would wait for ever */
    }
    now_ns = next_ns > now_ns ? next_ns : now_ns;
    ring_timers();
    return 0;
}
