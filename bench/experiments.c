/* SPDX-License-Identifier: MIT */
#include "bench/experiments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/fetch.h"
#include "bench/heap.h"
#include "bench/ledger.h"
#include "bench/stopwatch.h"

#define SAMPLES_MAX 64

void progress_show(const char *what, size_t done, size_t all)
{
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, done < all ? "\r\033[K%s: %zu of %zu" : "\r\033[K", what, done, all);
    }
}

/* ---------------------------------------------------------------- samples */

typedef struct sample_row {
    double values[SAMPLES_MAX];
    size_t count;
} sample_row;

/* What is noted of each request of a session. */
typedef struct session_samples {
    sample_row time_ms;
    sample_row client_cpu_us;
    sample_row server_cpu_us;
    sample_row bytes;
} session_samples;

/* Of the first request, handshake included, and of those that follow. */
typedef struct mode_samples {
    session_samples first;
    session_samples open;
} mode_samples;

static void sample_add(sample_row *row, double value)
{
    if (row->count < SAMPLES_MAX) {
        row->values[row->count++] = value;
    }
}

static double median_of(const sample_row *row)
{
    sample_row sorted = *row;
    return stopwatch_median(sorted.values, sorted.count);
}

static double mean_of(const sample_row *row)
{
    return stopwatch_mean(row->values, row->count);
}

static bool complain(const fetch *failed, const char *doing)
{
    const mode_row *row = &mode_rows[failed->mode];
    fprintf(stderr, "compare: %s, %s: %s: %s: %s\n", row->name, row->credential, doing,
            talc_status_text(failed->status), failed->failure.text);
    return false;
}

/* ---------------------------------------------------------------- sessions */

/* The processor times are booked from the last ledger_cpu_reset() on. */
static void note_request(const fetch *done, session_samples *samples)
{
    hosts_settle(done->on->servers);
    sample_add(&samples->time_ms, done->time_ms);
    sample_add(&samples->client_cpu_us, (double)ledger_cpu_ns(LEDGER_CLIENT) / 1000);
    sample_add(&samples->server_cpu_us, (double)ledger_cpu_ns(LEDGER_SERVER) / 1000);
    sample_add(&samples->bytes, (double)(done->traffic.up.bytes + done->traffic.down.bytes));
}

static bool request_in_session(fetch *in, session_samples *samples)
{
    bool is_answered = fetch_again(in);
    if (is_answered) {
        note_request(in, samples);
    }
    return is_answered;
}

/* A session of a new client, and `more` requests after its first. */
static bool session_measure(const testbed *on, fetch *wanted, size_t more, mode_samples *samples)
{
    bool is_good = fetch_prepare(wanted, on) == TALC_OK;
    hosts_settle(on->servers);
    ledger_cpu_reset();
    is_good =
        is_good && fetch_open(wanted, on) == TALC_OK && request_in_session(wanted, &samples->first);
    for (size_t i = 0; i < more && is_good; i++) {
        ledger_cpu_reset();
        is_good = request_in_session(wanted, &samples->open);
    }
    if (!is_good) {
        complain(wanted, wanted->is_direct ? "without a path" : "over a path without loss");
    }
    fetch_end(wanted);
    return is_good;
}

/* `runs` sessions of each mode in turn. `wanted` is the fetch without its mode. */
static bool sessions_measure(const testbed *on, const fetch *wanted, size_t runs,
                             mode_samples samples[MODES])
{
    for (size_t run = 0; run < runs; run++) {
        for (int mode = 0; mode < MODES; mode++) {
            fetch one = *wanted;
            one.mode = (mode_name)mode;
            if (on->is_served[mode] &&
                !session_measure(on, &one, wanted->is_direct ? 0 : 1, &samples[mode])) {
                return false;
            }
        }
        progress_show(wanted->is_direct ? "fresh sessions" : "paths without loss", run + 1, runs);
    }
    return true;
}

/* ---------------------------------------------------------------- the classic experiment */

/* One session of each mode and so many requests in it. */
static bool kept_measure(const testbed *on, size_t runs, mode_samples samples[MODES])
{
    for (int mode = 0; mode < MODES; mode++) {
        mode_samples ignored_first = { 0 };
        fetch one = { .mode = (mode_name)mode, .is_direct = true };
        if (on->is_served[mode] && !session_measure(on, &one, runs, &ignored_first)) {
            return false;
        }
        samples[mode].open = ignored_first.open;
    }
    return true;
}

bool experiment_classic(const testbed *on, const compare_plan *plan, figure_columns figures)
{
    static mode_samples samples[MODES];
    const fetch direct = { .is_direct = true };
    memset(samples, 0, sizeof samples);
    if (!sessions_measure(on, &direct, plan->classic_runs, samples) ||
        !kept_measure(on, plan->classic_runs, samples)) {
        return false;
    }
    for (size_t mode = 0; mode < MODES; mode++) {
        const session_samples *first = &samples[mode].first;
        const session_samples *open = &samples[mode].open;
        double *column = figures[mode];
        column[FRESH_MIN] = stopwatch_min(first->time_ms.values, first->time_ms.count);
        column[FRESH_AVERAGE] = mean_of(&first->time_ms);
        column[FRESH_MAX] = stopwatch_max(first->time_ms.values, first->time_ms.count);
        column[KEPT_MIN] = stopwatch_min(open->time_ms.values, open->time_ms.count);
        column[KEPT_AVERAGE] = mean_of(&open->time_ms);
        column[KEPT_MAX] = stopwatch_max(open->time_ms.values, open->time_ms.count);
        column[FIRST_CLIENT_CPU] = median_of(&first->client_cpu_us);
        column[FIRST_SERVER_CPU] = median_of(&first->server_cpu_us);
        column[OPEN_CLIENT_CPU] = median_of(&open->client_cpu_us);
        column[OPEN_SERVER_CPU] = median_of(&open->server_cpu_us);
    }
    return true;
}

/* ---------------------------------------------------------------- paths without loss */

typedef struct path_row {
    unsigned round_trip_ms;
    compare_figure first;
    compare_figure open;
} path_row;

static const path_row path_rows[] = {
    { 0, FIRST_0, OPEN_0 },
    { 50, FIRST_50, OPEN_50 },
    { 200, FIRST_200, OPEN_200 },
};

static bool path_measure(const testbed *on, const path_row *row, size_t runs,
                         figure_columns figures)
{
    static mode_samples samples[MODES];
    const fetch over = { .path = { .round_trip_ms = row->round_trip_ms } };
    memset(samples, 0, sizeof samples);
    if (!sessions_measure(on, &over, runs, samples)) {
        return false;
    }
    for (size_t mode = 0; mode < MODES; mode++) {
        figures[mode][row->first] = median_of(&samples[mode].first.time_ms);
        figures[mode][row->open] = median_of(&samples[mode].open.time_ms);
        if (row->round_trip_ms == 50) {
            figures[mode][LOSS_50_0] = mean_of(&samples[mode].first.time_ms);
            figures[mode][LOSS_BYTES_BEFORE] = mean_of(&samples[mode].first.bytes);
        }
    }
    return true;
}

bool experiment_paths(const testbed *on, const compare_plan *plan, figure_columns figures)
{
    bool is_good = true;
    for (size_t i = 0; i < sizeof path_rows / sizeof path_rows[0]; i++) {
        size_t runs = path_rows[i].round_trip_ms > 50 ? plan->long_path_runs : plan->path_runs;
        is_good = is_good && path_measure(on, &path_rows[i], runs, figures);
    }
    return is_good;
}

/* ---------------------------------------------------------------- the wire */

/* Long enough that a side has said all it has to say before the other one answers. */
#define WIRE_ROUND_TRIP_MS 20

typedef struct wire_samples {
    sample_row round_trips, datagrams, bytes_up, bytes_down, bytes, payload_max;
} wire_samples;

static bool note_wire(fetch *of, wire_samples *samples)
{
    if (!fetch_again(of)) {
        return complain(of, "over a path without loss");
    }
    fetch_settle(of);
    const relay_traffic *passed = &of->traffic;
    sample_add(&samples->round_trips, passed->round_trips);
    sample_add(&samples->datagrams, (double)(passed->up.datagrams + passed->down.datagrams));
    sample_add(&samples->bytes_up, (double)passed->up.bytes);
    sample_add(&samples->bytes_down, (double)passed->down.bytes);
    sample_add(&samples->bytes, (double)(passed->up.bytes + passed->down.bytes));
    sample_add(&samples->payload_max,
               fmax((double)passed->up.payload_max, (double)passed->down.payload_max));
    return true;
}

static bool wire_measure(const testbed *on, mode_name mode, size_t runs, double *column)
{
    wire_samples first = { 0 };
    wire_samples open = { 0 };
    bool is_good = true;
    for (size_t run = 0; run < runs && is_good; run++) {
        fetch one = { .mode = mode, .path = { .round_trip_ms = WIRE_ROUND_TRIP_MS } };
        is_good =
            fetch_open(&one, on) == TALC_OK && note_wire(&one, &first) && note_wire(&one, &open);
        fetch_end(&one);
    }
    column[FIRST_ROUND_TRIPS] = median_of(&first.round_trips);
    column[FIRST_DATAGRAMS] = median_of(&first.datagrams);
    column[FIRST_BYTES_UP] = median_of(&first.bytes_up);
    column[FIRST_BYTES_DOWN] = median_of(&first.bytes_down);
    column[FIRST_BYTES] = median_of(&first.bytes);
    column[PAYLOAD_MAX] = stopwatch_max(first.payload_max.values, first.payload_max.count);
    column[OPEN_ROUND_TRIPS] = median_of(&open.round_trips);
    column[OPEN_DATAGRAMS] = median_of(&open.datagrams);
    column[OPEN_BYTES] = median_of(&open.bytes);
    return is_good;
}

bool experiment_wire(const testbed *on, const compare_plan *plan, figure_columns figures)
{
    bool is_good = true;
    for (int mode = 0; mode < MODES && is_good; mode++) {
        progress_show("the wire", (size_t)mode, MODES);
        if (on->is_served[mode]) {
            is_good = wire_measure(on, (mode_name)mode, plan->wire_runs, figures[mode]);
        }
    }
    progress_show("the wire", MODES, MODES);
    return is_good;
}

/* The last datagrams may come after the response. */
static bool timeline_print(fetch *of, const testbed *on)
{
    bool is_answered = fetch_again(of);
    if (is_answered) {
        fetch_settle(of);
    }
    relays_timeline_print(on->paths, of->relay, stdout);
    printf("  %9.3f ms  %s\n\n", of->time_ms, is_answered ? "response" : "NO RESPONSE");
    return is_answered || complain(of, "timeline");
}

static bool timelines_print(const testbed *on, const relay_path *path, mode_name mode)
{
    fetch one = { .mode = mode, .path = *path };
    printf("%s, %s:\n", mode_rows[mode].name, mode_rows[mode].credential);
    bool is_good = fetch_open(&one, on) == TALC_OK || complain(&one, "timeline");
    is_good = is_good && timeline_print(&one, on) && timeline_print(&one, on);
    fetch_end(&one);
    return is_good;
}

bool experiment_timelines(const testbed *on, const relay_path *path, mode_name mode)
{
    bool is_good = true;
    for (int each = 0; each < MODES; each++) {
        if (on->is_served[each] && (mode == MODES || (int)mode == each)) {
            is_good = timelines_print(on, path, (mode_name)each) && is_good;
        }
    }
    return is_good;
}

/* ---------------------------------------------------------------- the heap */

/* From the making of the client to its response. */
static bool heap_measure(const testbed *on, mode_name mode, double *column)
{
    fetch one = { .mode = mode, .is_direct = true };
    bool is_good = fetch_prepare(&one, on) == TALC_OK;
    hosts_settle(on->servers);
    heap_watch();
    is_good = is_good && fetch_open(&one, on) == TALC_OK && fetch_again(&one);
    hosts_settle(on->servers);
    if (is_good && heap_is_counted() && heap_is_complete()) {
        column[CLIENT_PEAK] = (double)heap_peak_bytes(LEDGER_CLIENT);
        column[SERVER_PEAK] = (double)heap_peak_bytes(LEDGER_SERVER);
        column[CLIENT_IDLE] = (double)heap_bytes(LEDGER_CLIENT);
        column[SERVER_IDLE] = (double)heap_bytes(LEDGER_SERVER);
    }
    heap_unwatch();
    fetch_end(&one);
    return is_good || complain(&one, "without a path");
}

bool experiment_heap(const testbed *on, figure_columns figures)
{
    bool is_good = true;
    for (int mode = 0; mode < MODES && is_good; mode++) {
        is_good = !on->is_served[mode] || heap_measure(on, (mode_name)mode, figures[mode]);
    }
    return is_good;
}
