/* SPDX-License-Identifier: MIT */
/*
 * The conversation of all modes over paths that lose, double, delay and reorder, each as its seed
 * says, in virtual time: every request is executed exactly once, every answer is the right one, and
 * no session ends without cause.
 *
 *     test_modes_network             all rows, all seeds, a process for each
 *     test_modes_network 'ROWS*'     the rows of this pattern
 *     test_modes_network ROW SEED    this one, in this process: the same course each time
 */
#define _GNU_SOURCE
#include "tests/fixed_random.h"
#include "tests/mode_rows.h"
#include "tests/virtual_clock.h"
#include "tests/virtual_proxy.h"

#include <errno.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef TALC_SAMPLED
#define SEEDS 50
#else
#define SEEDS 200
#endif

#define ROWS_MAX 64
#define SHOWN_MAX 3                /* seeds of a row whose output is shown */
#define REQUEST_TIMEOUT_MS 600000u /* of virtual time */
#define HANG_GUARD_MS 3600000u

/* ---------------------------------------------------------------- weather */

static uint32_t chosen_seed;

/* Each seed has its own weather, from a still one to the worst. */
static path_weather weather_of(uint32_t seed)
{
    return (path_weather){ .seed = seed,
                           .loss_percent = seed * 7 % 16,
                           .duplication_percent = seed * 3 % 11,
                           .notice_percent = 50,
                           .delay_min_ms = 10,
                           .delay_max_ms = 20 + seed * 37 % 181 };
}

static void spoil(test_relay *relay, const path_weather *weather, uint64_t seed)
{
    relay_faults faults = { .loss = weather->loss_percent / 100.0,
                            .duplication = weather->duplication_percent / 100.0,
                            .reordering = weather->seed * 5 % 11 / 100.0,
                            .reordering_ms = weather->delay_max_ms,
                            .delay_ms = weather->delay_min_ms,
                            .jitter_ms = weather->delay_max_ms - weather->delay_min_ms };
    relay_seed(relay, seed);
    relay_faults_set(relay, RELAY_UP, &faults);
    relay_faults_set(relay, RELAY_DOWN, &faults);
}

/* ---------------------------------------------------------------- one seed */

static peers *begin(const mode_row *row)
{
    peers_options options = mode_row_options(row);
    options.weather = weather_of(chosen_seed);
    options.has_relays = row->path != PEERS_LOOPBACK;
    options.path = row->path == PEERS_LOOPBACK ? PEERS_SIMULATED : row->path;
    options.request_timeout_ms = REQUEST_TIMEOUT_MS;
    options.half_open_timeout_ms = HANG_GUARD_MS;
    options.hang_guard_ms = HANG_GUARD_MS;
    peers *of = peers_new(&options);
    if (of->near != NULL) {
        spoil(of->near, &options.weather, 2 * chosen_seed);
    }
    if (of->far != NULL) {
        spoil(of->far, &options.weather, 2 * chosen_seed + 1);
    }
    return of;
}

/* The course of it, for somebody who runs one seed. */
static void tell(const peers *of, uint64_t took_ns, unsigned failed)
{
    print_message("%.1f s, %u requests failed", (double)took_ns / 1e9, failed);
    if (of->near != NULL) {
        relay_counts up = relay_counts_get(of->near, RELAY_UP);
        relay_counts down = relay_counts_get(of->near, RELAY_DOWN);
        print_message("; up %llu datagrams, %llu of them lost, %llu bytes; down %llu, %llu, %llu",
                      (unsigned long long)up.datagrams, (unsigned long long)up.lost,
                      (unsigned long long)up.bytes, (unsigned long long)down.datagrams,
                      (unsigned long long)down.lost, (unsigned long long)down.bytes);
    }
    print_message("\n");
}

static void a_conversation(void **state)
{
    const mode_row *row = *state;
    virtual_clock_start();
    if (row->path == PEERS_PROXY) {
        virtual_proxy_begin(chosen_seed);
    }
    peers *of = begin(row);
    uint64_t begin_ns = virtual_clock_ns();
    unsigned failed = mode_converse(of, row);
    assert_int_equal(of->events.failed, 0);
    if (of->events.refused > 0) { /* in `dtls` a handshake may die of loss */
        assert_int_equal(row->promise, MODE_GIVES_UP);
        assert_int_equal(of->events.failure.status, TALC_ERROR_TIMEOUT);
    }
    tell(of, virtual_clock_ns() - begin_ns, failed);
    peers_free(of);
    if (row->path == PEERS_PROXY) {
        virtual_proxy_end();
    }
    virtual_clock_stop();
}

static int run_here(const mode_row *row)
{
    struct CMUnitTest test = { row->name, a_conversation, NULL, peers_free_all,
                               (void *)(uintptr_t)row };
    fixed_random_start(chosen_seed);
    return _cmocka_run_group_tests("one seed", &test, 1, NULL, NULL);
}

/* ---------------------------------------------------------------- all seeds */

/* In the child: never returns. */
static void run_program(const mode_row *row, uint32_t seed, int output)
{
    char seed_text[16];
    snprintf(seed_text, sizeof seed_text, "%u", seed);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execl("/proc/self/exe", "test_modes_network", row->name, seed_text, (char *)NULL);
    _exit(126);
}

/* True if the conversation of this seed went well; what it said is in `output`. */
static bool run_child(const mode_row *row, uint32_t seed, int output)
{
    int ending = 0;
    assert_int_equal(ftruncate(output, 0), 0);
    assert_int_equal(lseek(output, 0, SEEK_SET), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_program(row, seed, output);
    }
    while (waitpid(child, &ending, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    return WIFEXITED(ending) && WEXITSTATUS(ending) == 0;
}

static void show(int output)
{
    char text[8192];
    ssize_t size = pread(output, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = 0;
    print_error("%s\n", text);
}

static void all_seeds(void **state)
{
    const mode_row *row = *state;
    unsigned failures = 0;
    int output = memfd_create("output", MFD_CLOEXEC);
    assert_true(output >= 0);
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        if (run_child(row, seed, output)) {
            continue;
        }
        print_error("run again: TALC_TEST_CREDENTIALS=%s TALC_TEST_PROXY_CLOCK=%s %s %s %u\n",
                    getenv("TALC_TEST_CREDENTIALS"), getenv("TALC_TEST_PROXY_CLOCK"),
                    program_invocation_name, row->name, seed);
        if (++failures <= SHOWN_MAX) {
            show(output);
        }
    }
    close(output);
    assert_int_equal(failures, 0);
}

static const mode_row *row_named(const char *name)
{
    for (size_t i = 0; i < mode_row_count; i++) {
        if (strcmp(mode_rows[i].name, name) == 0) {
            return &mode_rows[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[ROWS_MAX];
    size_t count = 0;
    const char *pattern = argc > 1 ? argv[1] : "*";
    if (argc > 2) {
        chosen_seed = (uint32_t)strtoul(argv[2], NULL, 10);
        return row_named(argv[1]) != NULL ? run_here(row_named(argv[1])) : 2;
    }
    for (size_t i = 0; i < mode_row_count; i++) {
        if (mode_rows[i].path != PEERS_HTTP && fnmatch(pattern, mode_rows[i].name, 0) == 0) {
            tests[count++] = (struct CMUnitTest){ mode_rows[i].name, all_seeds, NULL, NULL,
                                                  (void *)(uintptr_t)&mode_rows[i] };
        }
    }
    return count > 0 ? _cmocka_run_group_tests("modes over a network", tests, count, NULL, NULL)
                     : 2;
}
