/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_REPORT_H
#define TALC_BENCH_REPORT_H

/** Figures as a table for people and as JSON for programs, from the same description. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cJSON;

#define REPORT_LABELS 2

/** One kind of figure; a line of the table. */
typedef struct report_figure {
    const char
        *key; /**< in files, with its unit: "client_cpu_us"; NULL: the text is a heading, which
                           is in the table only */
    const char *text; /**< in the table, with its unit: "client CPU (us)" */
    int decimals;
} report_figure;

/** One thing that was measured; a column of the table. */
typedef struct report_case {
    const char *labels[REPORT_LABELS];
    const double *figures; /**< as many as the table has; NAN: not measured */
} report_case;

typedef struct report_table {
    const char *name;                      /**< of the program */
    const char *label_keys[REPORT_LABELS]; /**< what the labels are, in JSON */
    const report_figure *figures;
    size_t figure_count;
    const report_case *cases;
    size_t case_count;
} report_table;

void report_print(const report_table *table, FILE *file);

/** {"name": ..., "cases": [{...}]}, the caller's; NULL without memory. */
struct cJSON *report_json(const report_table *table);

/** Writes any JSON to a file and deletes it. False if it is NULL or the file cannot be written. */
bool report_write(struct cJSON *root, const char *path);

/** Writes the JSON of a table. False if the file cannot be written. */
bool report_write_json(const report_table *table, const char *path);

/** Writes a line for each case, with labels and figures by their keys; what was not measured is empty.
 * False if the file cannot be written. */
bool report_write_csv(const report_table *table, const char *path);

#endif
