/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/virtual_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/virtual_clock.h"

#define DEAD_AFTER_S 30 /* of real time: a guard against a proxy that is gone */

static int ours = -1, theirs = -1;
static bool is_gone;

/* Tells the proxy the time and lets it do what it can. */
static uint64_t settle(void *context)
{
    uint64_t now_ns = virtual_clock_ns(), due_ns;
    (void)context;
    if (is_gone) {
        return UINT64_MAX;
    }
    if (send(ours, &now_ns, sizeof now_ns, MSG_NOSIGNAL) != sizeof now_ns ||
        recv(ours, &due_ns, sizeof due_ns, 0) != sizeof due_ns) {
        print_error("the proxy has gone\n");
        is_gone = true;
        return UINT64_MAX;
    }
    return due_ns;
}

void virtual_proxy_begin(uint64_t seed)
{
    const char *library = getenv("TALC_TEST_PROXY_CLOCK");
    const struct timeval patience = { .tv_sec = DEAD_AFTER_S };
    char control[16], seed_text[24];
    int ends[2];
    if (library == NULL) {
        fail_msg("TALC_TEST_PROXY_CLOCK is not set: run by `meson test`");
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    is_gone = false;
    ours = ends[0];
    theirs = ends[1];
    assert_int_equal(setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    snprintf(control, sizeof control, "%d", theirs);
    snprintf(seed_text, sizeof seed_text, "%llu", (unsigned long long)seed);
    setenv("TALC_PROXY_CONTROL", control, 1);
    setenv("TALC_PROXY_SEED", seed_text, 1);
    setenv("LD_PRELOAD", library, 1);
    virtual_clock_companion(settle, NULL);
}

void virtual_proxy_end(void)
{
    virtual_clock_companion(NULL, NULL);
    unsetenv("LD_PRELOAD");
    close(ours);
    close(theirs);
    ours = theirs = -1;
}
