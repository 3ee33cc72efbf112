/* SPDX-License-Identifier: MIT */
/*
 * What reading and writing envelopes costs, beside the same work by cJSON and libb64 without any
 * strictness. Both ways take turns, so that whatever else the machine does disturbs both alike.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/codec_plain.h"
#include "bench/heap.h"
#include "bench/report.h"
#include "bench/stopwatch.h"
#include "bench/subject.h"
#include "records/base64.h"

#define BATCHES_MAX 101
#define CASES 12

/* Does the work once; false if it went wrong. */
typedef bool work(const subject *on);

typedef struct work_row {
    const char *name;
    work *strict;
    work *plain;
    bool is_base64; /* its size is that of the bytes, not of the JSON */
} work_row;

typedef enum figure {
    FIGURE_SIZE,
    FIGURE_TIME,
    FIGURE_PLAIN_TIME,
    FIGURE_RATIO,
    FIGURE_MESSAGES,
    FIGURE_THROUGHPUT,
    FIGURE_PLAIN_THROUGHPUT,
    FIGURE_PEAK,
    FIGURE_PLAIN_PEAK,
    FIGURE_LEFT,
    FIGURES
} figure;

static const report_figure figure_rows[FIGURES] = {
    { "bytes", "size of the body, or of the bytes encoded (B)", 0 },
    { "time_us", "talc: CPU time for one (us)", 3 },
    { "plain_time_us", "plain: CPU time for one (us)", 3 },
    { "time_ratio", "CPU time, talc / plain", 2 },
    { "per_second", "talc: throughput (1/s)", 0 },
    { "mb_per_s", "talc: throughput (MB/s)", 1 },
    { "plain_mb_per_s", "plain: throughput (MB/s)", 1 },
    { "peak_bytes", "talc: heap while it runs, peak (B)", 0 },
    { "plain_peak_bytes", "plain: heap while it runs, peak (B)", 0 },
    { "left_bytes", "talc: heap of what was read (B)", 0 },
};

typedef struct options {
    const char *json;
    size_t batches;
    double batch_us;
} options;

/* ---------------------------------------------------------------- the work */

/* Keeps the compiler from leaving out what nobody looks at. */
static volatile size_t seen;

static bool envelope_read(const subject *on)
{
    static talc_envelope envelope;
    if (talc_envelope_read(on->text, on->text_size, SUBJECT_TEXT_SIZE, &envelope) != TALC_OK) {
        return false;
    }
    seen = envelope.range_size;
    talc_envelope_clear(&envelope);
    return true;
}

static bool envelope_read_plain(const subject *on)
{
    static talc_envelope envelope;
    if (!plain_envelope_read(on->plain_text, &envelope)) {
        return false;
    }
    seen = envelope.range_size;
    talc_envelope_clear(&envelope);
    return true;
}

static bool envelope_write(const subject *on)
{
    char text[SUBJECT_TEXT_SIZE];
    size_t size = 0;
    bool is_written = talc_envelope_write(&on->envelope, text, sizeof text, &size) == TALC_OK;
    seen = size;
    return is_written;
}

static bool envelope_write_plain(const subject *on)
{
    char *text = plain_envelope_write(&on->envelope);
    seen = text != NULL ? (size_t)text[0] : 0;
    free(text);
    return text != NULL;
}

static bool base64_write(const subject *on)
{
    char text[SUBJECT_TEXT_SIZE];
    bool is_written =
        talc_base64_encode(on->fragments, on->bytes_size, text, sizeof text) == TALC_OK;
    seen = (size_t)text[0];
    return is_written;
}

static bool base64_write_plain(const subject *on)
{
    char text[SUBJECT_TEXT_SIZE];
    seen = plain_base64_encode(on->fragments, on->bytes_size, text);
    return true;
}

static bool base64_read(const subject *on)
{
    uint8_t bytes[SUBJECT_TEXT_SIZE];
    bool is_read = talc_base64_decode(on->base64, on->base64_size, bytes, sizeof bytes) == TALC_OK;
    seen = bytes[0];
    return is_read;
}

static bool base64_read_plain(const subject *on)
{
    uint8_t bytes[SUBJECT_TEXT_SIZE];
    seen = plain_base64_decode(on->plain_base64, on->plain_base64_size, bytes);
    return seen == on->bytes_size;
}

static const size_t body_sizes[] = SUBJECT_SIZES;

static const work_row work_rows[] = {
    { "read", envelope_read, envelope_read_plain, false },
    { "write", envelope_write, envelope_write_plain, false },
    { "decode", base64_read, base64_read_plain, true },
    { "encode", base64_write, base64_write_plain, true },
};

#define BODY_SIZES (sizeof body_sizes / sizeof body_sizes[0])
#define WORK_ROWS (sizeof work_rows / sizeof work_rows[0])

/* ---------------------------------------------------------------- measuring */

/* Microseconds for one, over `count` of them; NAN if one went wrong. */
static double batch_time_us(work *measured, const subject *on, size_t count)
{
    bool good = true;
    uint64_t before_ns = stopwatch_cpu_ns();
    for (size_t i = 0; i < count; i++) {
        good = measured(on) && good;
    }
    double spent_us = (double)(stopwatch_cpu_ns() - before_ns) / 1000;
    return good ? spent_us / (double)count : (double)NAN;
}

static void measure_times(const work_row *row, const subject *on, const options *chosen,
                          double *figures)
{
    double strict_us[BATCHES_MAX];
    double plain_us[BATCHES_MAX];
    double ratios[BATCHES_MAX];
    double once_us = batch_time_us(row->strict, on, 20);
    size_t count = chosen->batch_us > once_us ? (size_t)(chosen->batch_us / once_us) : 1;
    for (size_t i = 0; i < chosen->batches; i++) {
        strict_us[i] = batch_time_us(row->strict, on, count);
        plain_us[i] = batch_time_us(row->plain, on, count);
        ratios[i] = strict_us[i] / plain_us[i];
    }
    double size = figures[FIGURE_SIZE];
    figures[FIGURE_TIME] = stopwatch_median(strict_us, chosen->batches);
    figures[FIGURE_PLAIN_TIME] = stopwatch_median(plain_us, chosen->batches);
    figures[FIGURE_RATIO] = stopwatch_median(ratios, chosen->batches);
    figures[FIGURE_MESSAGES] = 1e6 / figures[FIGURE_TIME];
    figures[FIGURE_THROUGHPUT] = size / figures[FIGURE_TIME];
    figures[FIGURE_PLAIN_THROUGHPUT] = size / figures[FIGURE_PLAIN_TIME];
}

static double peak_of(work *measured, const subject *on)
{
    heap_watch();
    ledger_side before = ledger_enter(LEDGER_CLIENT);
    bool good = measured(on);
    ledger_enter(before);
    heap_unwatch();
    return good && heap_is_complete() ? (double)heap_peak_bytes(LEDGER_CLIENT) : (double)NAN;
}

static void measure_heap(const work_row *row, const subject *on, double *figures)
{
    if (!heap_is_counted()) {
        return;
    }
    figures[FIGURE_PEAK] = peak_of(row->strict, on);
    figures[FIGURE_PLAIN_PEAK] = peak_of(row->plain, on);
    if (row->strict == envelope_read) {
        static talc_envelope envelope;
        heap_watch();
        ledger_side before = ledger_enter(LEDGER_CLIENT);
        talc_envelope_read(on->text, on->text_size, SUBJECT_TEXT_SIZE, &envelope);
        ledger_enter(before);
        heap_unwatch();
        figures[FIGURE_LEFT] = (double)heap_bytes(LEDGER_CLIENT);
        talc_envelope_clear(&envelope);
    }
}

static bool measure(const work_row *row, const subject *on, const options *chosen, double *figures)
{
    for (size_t i = 0; i < FIGURES; i++) {
        figures[i] = (double)NAN;
    }
    figures[FIGURE_SIZE] = (double)(row->is_base64 ? on->bytes_size : on->text_size);
    measure_times(row, on, chosen, figures);
    measure_heap(row, on, figures);
    return !isnan(figures[FIGURE_RATIO]);
}

/* ---------------------------------------------------------------- all of it */

static bool measure_size(size_t size_index, const options *chosen, double figures[][FIGURES])
{
    static subject on;
    if (!subject_make(&on, body_sizes[size_index]) || !subject_reads_alike(&on)) {
        fprintf(stderr, "codec: no body of %zu bytes that both ways read alike\n",
                body_sizes[size_index]);
        subject_clear(&on);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < WORK_ROWS; i++) {
        good = measure(&work_rows[i], &on, chosen, figures[i * BODY_SIZES + size_index]) && good;
    }
    subject_clear(&on);
    return good;
}

static bool measure_all(const options *chosen)
{
    static double figures[CASES][FIGURES];
    static const char *const sizes[BODY_SIZES] = { "519", "763", "1887" };
    report_case cases[CASES];
    for (size_t i = 0; i < BODY_SIZES; i++) {
        if (!measure_size(i, chosen, figures)) {
            return false;
        }
    }
    for (size_t i = 0; i < CASES; i++) {
        cases[i] =
            (report_case){ { work_rows[i / BODY_SIZES].name, sizes[i % BODY_SIZES] }, figures[i] };
    }
    report_table table = { "codec", { "work", "body" }, figure_rows, FIGURES, cases, CASES };
    printf("Envelopes read and written, and the base64 of their larger record alone (decode,\n"
           "encode), for bodies of 519, 763 and 1887 bytes; medians of %zu batches. Plain: the\n"
           "same work by cJSON and libb64 without any check. Heap: bytes asked for.\n\n",
           chosen->batches);
    report_print(&table, stdout);
    if (chosen->json != NULL && !report_write_json(&table, chosen->json)) {
        fprintf(stderr, "codec: %s cannot be written\n", chosen->json);
        return false;
    }
    return true;
}

static int usage(FILE *file, int code)
{
    fprintf(file, "usage: codec [--json FILE] [--quick]\n\n--quick: its times say nothing.\n");
    return code;
}

int main(int argc, char **argv)
{
    static const struct option known[] = { { "json", required_argument, NULL, 'j' },
                                           { "quick", no_argument, NULL, 'q' },
                                           { "help", no_argument, NULL, 'h' },
                                           { NULL, 0, NULL, 0 } };
    options chosen = { NULL, BATCHES_MAX, 2000 };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'j': chosen.json = optarg; break;
        case 'q':
            chosen.batches = 3;
            chosen.batch_us = 0;
            break;
        case 'h': return usage(stdout, 0);
        default: return usage(stderr, 2);
        }
    }
    if (optind != argc) {
        return usage(stderr, 2);
    }
    return measure_all(&chosen) ? 0 : 1;
}
