/* SPDX-License-Identifier: MIT */
#include "bench/json_cost.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "bench/heap.h"
#include "bench/stopwatch.h"
#include "bench/subject.h"

#define BATCHES_MAX 101
#define BATCH_SIZE 100

/* Of messages from the smallest to the largest of these sizes; kilobytes of memory in all. */
#define PUBLISHED_WRITE_MS                                                                         \
    {                                                                                              \
        20, 75                                                                                     \
    }
#define PUBLISHED_READ_MS                                                                          \
    {                                                                                              \
        235, 855                                                                                   \
    }
#define PUBLISHED_MEMORY_KB 312

/* Keeps the compiler from leaving out what nobody looks at. */
static volatile size_t seen;

static bool write_once(const subject *on)
{
    char text[SUBJECT_TEXT_SIZE];
    size_t size = 0;
    bool is_written = talc_envelope_write(&on->envelope, text, sizeof text, &size) == TALC_OK;
    seen = size;
    return is_written;
}

static bool read_once(const subject *on)
{
    static talc_envelope envelope;
    if (talc_envelope_read(on->text, on->text_size, SUBJECT_TEXT_SIZE, &envelope) != TALC_OK) {
        return false;
    }
    seen = envelope.range_size;
    talc_envelope_clear(&envelope);
    return true;
}

static double median_us(bool (*work)(const subject *on), const subject *on, size_t batches)
{
    double times[BATCHES_MAX];
    batches = batches < BATCHES_MAX ? batches : BATCHES_MAX;
    for (size_t batch = 0; batch < batches; batch++) {
        bool is_good = true;
        uint64_t before_ns = stopwatch_cpu_ns();
        for (size_t i = 0; i < BATCH_SIZE; i++) {
            is_good = work(on) && is_good;
        }
        times[batch] = (double)(stopwatch_cpu_ns() - before_ns) / 1000 / BATCH_SIZE;
        if (!is_good) {
            return (double)NAN;
        }
    }
    return stopwatch_median(times, batches);
}

static double read_peak(const subject *on)
{
    heap_watch();
    ledger_side before = ledger_enter(LEDGER_CLIENT);
    bool is_good = read_once(on);
    ledger_enter(before);
    heap_unwatch();
    return is_good && heap_is_counted() && heap_is_complete()
               ? (double)heap_peak_bytes(LEDGER_CLIENT)
               : (double)NAN;
}

static bool cost_measure(json_cost *cost, size_t batches)
{
    static subject on;
    bool is_good = subject_make(&on, cost->size) && subject_reads_alike(&on);
    if (is_good) {
        cost->write_us = median_us(write_once, &on, batches);
        cost->read_us = median_us(read_once, &on, batches);
        cost->read_peak_bytes = read_peak(&on);
        is_good = !isnan(cost->write_us) && !isnan(cost->read_us);
    }
    subject_clear(&on);
    return is_good;
}

bool json_cost_measure(json_cost costs[JSON_COSTS], size_t batches)
{
    static const size_t sizes[JSON_COSTS] = SUBJECT_SIZES;
    bool is_good = true;
    for (size_t i = 0; i < JSON_COSTS && is_good; i++) {
        costs[i] = (json_cost){ .size = sizes[i] };
        is_good = cost_measure(&costs[i], batches);
    }
    return is_good;
}

void json_cost_print(const json_cost costs[JSON_COSTS], FILE *file)
{
    static const int write_ms[] = PUBLISHED_WRITE_MS;
    static const int read_ms[] = PUBLISHED_READ_MS;
    fprintf(file, "The JSON of a message                ");
    for (size_t i = 0; i < JSON_COSTS; i++) {
        fprintf(file, "%7zu B", costs[i].size);
    }
    fprintf(file, "   published, on other hardware\nwritten: CPU (us)                    ");
    for (size_t i = 0; i < JSON_COSTS; i++) {
        fprintf(file, "%9.1f", costs[i].write_us);
    }
    fprintf(file, "   %d to %d ms\nread: CPU (us)                       ", write_ms[0],
            write_ms[1]);
    for (size_t i = 0; i < JSON_COSTS; i++) {
        fprintf(file, "%9.1f", costs[i].read_us);
    }
    fprintf(file, "   %d to %d ms\nread: heap, peak (B)                 ", read_ms[0], read_ms[1]);
    for (size_t i = 0; i < JSON_COSTS; i++) {
        fprintf(file, "%9.0f", costs[i].read_peak_bytes);
    }
    fprintf(file, "   %d KB of memory in all\n", PUBLISHED_MEMORY_KB);
}

static void add_figure(cJSON *object, const char *key, double figure)
{
    if (isnan(figure)) {
        cJSON_AddNullToObject(object, key);
    } else {
        cJSON_AddNumberToObject(object, key, figure);
    }
}

struct cJSON *json_cost_json(const json_cost costs[JSON_COSTS])
{
    static const int write_ms[] = PUBLISHED_WRITE_MS;
    static const int read_ms[] = PUBLISHED_READ_MS;
    cJSON *root = cJSON_CreateObject();
    cJSON *cases = cJSON_AddArrayToObject(root, "cases");
    for (size_t i = 0; i < JSON_COSTS; i++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "bytes", (double)costs[i].size);
        add_figure(object, "write_us", costs[i].write_us);
        add_figure(object, "read_us", costs[i].read_us);
        add_figure(object, "read_peak_bytes", costs[i].read_peak_bytes);
        cJSON_AddItemToArray(cases, object);
    }
    cJSON *published = cJSON_AddObjectToObject(root, "published");
    cJSON_AddItemToObject(published, "write_ms", cJSON_CreateIntArray(write_ms, 2));
    cJSON_AddItemToObject(published, "read_ms", cJSON_CreateIntArray(read_ms, 2));
    cJSON_AddNumberToObject(published, "memory_kb", PUBLISHED_MEMORY_KB);
    return root;
}
