/* SPDX-License-Identifier: MIT */
/*
 * Loaded into coap-server before the C library (LD_PRELOAD): gives it the virtual clock and the
 * randomness of the test that started it (virtual_proxy.h). It runs only when the test asks, until
 * nothing moves any more, and then tells when it wants to run again; so its course is the same each
 * time. Knows that coap-server waits in select() for one descriptor, libcoap's.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
#define ARGUMENTS_MAX 32

static int control = -1; /* to the test: a time comes in, a time goes out */
static uint64_t now_ns;
static uint64_t timer_ns; /* 0: not set */
static bool is_asked;
static uint64_t random_state;
static char *arguments[ARGUMENTS_MAX + 1]; /* for another start */

/* The C library gives these to constructors as to main(); coap-server writes into its own. */
__attribute__((constructor)) static void keep_arguments(int count, char **list)
{
    for (int i = 0; i < count && i < ARGUMENTS_MAX; i++) {
        arguments[i] = strdup(list[i]);
    }
}

/* Sleeps until the test wants something, and then it is later. */
static void await_test(void)
{
    if (recv(control, &now_ns, sizeof now_ns, 0) != sizeof now_ns) {
        _exit(0); /* the test is over */
    }
    is_asked = true;
}

static void start(void)
{
    const char *descriptor = getenv("TALC_PROXY_CONTROL");
    const char *seed = getenv("TALC_PROXY_SEED");
    if (descriptor == NULL || seed == NULL) {
        _exit(125);
    }
    control = atoi(descriptor);
    random_state = strtoull(seed, NULL, 10);
    await_test();
}

/* ---------------------------------------------------------------- time and chance */

static uint64_t virtual_ns(void)
{
    if (control < 0) {
        start();
    }
    return now_ns;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    uint64_t ns = virtual_ns();
    (void)clock;
    *now = (struct timespec){ (time_t)(ns / SECOND_NS), (long)(ns % SECOND_NS) };
    return 0;
}

time_t time(time_t *now)
{
    time_t seconds = (time_t)(virtual_ns() / SECOND_NS);
    if (now != NULL) {
        *now = seconds;
    }
    return seconds;
}

/* splitmix64 */
ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
    (void)virtual_ns();
    (void)flags;
    for (size_t i = 0; i < size; i++) {
        uint64_t mixed = random_state += 0x9e3779b97f4a7c15u;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
        ((uint8_t *)bytes)[i] = (uint8_t)(mixed >> 56);
    }
    return (ssize_t)size;
}

/* ---------------------------------------------------------------- falling over */

static void tell_test(uint64_t due_ns)
{
    if (is_asked && send(control, &due_ns, sizeof due_ns, MSG_NOSIGNAL) != sizeof due_ns) {
        _exit(0);
    }
    is_asked = false;
}

/* coap-server 4.3.1 asserts that a body which came in blocks is whole, and it is not when the last
 * block comes twice. It is started again in its place, as somebody would do who looks after it. */
void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function)
{
    (void)assertion;
    (void)file;
    (void)line;
    (void)function;
    tell_test(now_ns);
    for (int descriptor = STDERR_FILENO + 1; descriptor < 1024; descriptor++) {
        if (descriptor != control) {
            close(descriptor);
        }
    }
    execv("/proc/self/exe", arguments);
    _exit(126);
}

/* ---------------------------------------------------------------- waiting */

int timerfd_settime(int descriptor, int flags, const struct itimerspec *set, struct itimerspec *old)
{
    uint64_t after_ns =
        (uint64_t)set->it_value.tv_sec * SECOND_NS + (uint64_t)set->it_value.tv_nsec;
    (void)descriptor;
    (void)flags;
    (void)old;
    timer_ns = after_ns == 0 ? 0 : virtual_ns() + after_ns;
    return 0;
}

static bool is_readable(int descriptor)
{
    struct pollfd watched = { .fd = descriptor, .events = POLLIN };
    return poll(&watched, 1, 0) > 0;
}

/* A set of one descriptor, which is also readable when its timer has run out. */
int select(int count, fd_set *readable, fd_set *writable, fd_set *failed, struct timeval *timeout)
{
    uint64_t end_ns =
        virtual_ns() + (uint64_t)timeout->tv_sec * SECOND_NS + (uint64_t)timeout->tv_usec * 1000;
    (void)writable;
    (void)failed;
    for (;;) {
        if (is_readable(count - 1)) {
            return 1;
        }
        if (timer_ns != 0 && timer_ns <= now_ns) {
            timer_ns = 0;
            return 1;
        }
        if (now_ns >= end_ns) {
            FD_ZERO(readable);
            return 0;
        }
        tell_test(timer_ns != 0 && timer_ns < end_ns ? timer_ns : end_ns);
        await_test();
    }
}
