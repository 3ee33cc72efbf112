/* SPDX-License-Identifier: MIT */
#include "bench/report.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIGURE_SIZE 32
#define GAP 2

/* ---------------------------------------------------------------- for people */

static const char *figure_text(double figure, int decimals, char text[FIGURE_SIZE])
{
    if (isnan(figure)) {
        return "-";
    }
    snprintf(text, FIGURE_SIZE, "%.*f", decimals, figure);
    return text;
}

static int larger(int width, const char *text)
{
    int size = (int)strlen(text);
    return size > width ? size : width;
}

static int text_width(const report_table *table)
{
    int width = 0;
    for (size_t i = 0; i < table->figure_count; i++) {
        width = table->figures[i].key != NULL ? larger(width, table->figures[i].text) : width;
    }
    return width;
}

static int case_width(const report_table *table, const report_case *column)
{
    char text[FIGURE_SIZE];
    int width = 0;
    for (size_t i = 0; i < REPORT_LABELS; i++) {
        width = larger(width, column->labels[i]);
    }
    for (size_t i = 0; i < table->figure_count; i++) {
        width = larger(width, figure_text(column->figures[i], table->figures[i].decimals, text));
    }
    return width + GAP;
}

static void print_heading(const report_table *table, size_t label, FILE *file)
{
    fprintf(file, "%-*s", text_width(table), "");
    for (size_t i = 0; i < table->case_count; i++) {
        fprintf(file, "%*s", case_width(table, &table->cases[i]), table->cases[i].labels[label]);
    }
    fputc('\n', file);
}

static void print_figures(const report_table *table, size_t figure, FILE *file)
{
    char text[FIGURE_SIZE];
    const report_figure *described = &table->figures[figure];
    fprintf(file, "%-*s", text_width(table), described->text);
    for (size_t i = 0; i < table->case_count; i++) {
        const report_case *column = &table->cases[i];
        fprintf(file, "%*s", case_width(table, column),
                figure_text(column->figures[figure], described->decimals, text));
    }
    fputc('\n', file);
}

void report_print(const report_table *table, FILE *file)
{
    for (size_t label = 0; label < REPORT_LABELS; label++) {
        print_heading(table, label, file);
    }
    for (size_t figure = 0; figure < table->figure_count; figure++) {
        if (table->figures[figure].key == NULL) {
            fprintf(file, "\n%s\n", table->figures[figure].text);
        } else {
            print_figures(table, figure, file);
        }
    }
}

/* ---------------------------------------------------------------- for programs */

static cJSON *case_json(const report_table *table, const report_case *column)
{
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < REPORT_LABELS; i++) {
        cJSON_AddStringToObject(object, table->label_keys[i], column->labels[i]);
    }
    for (size_t i = 0; i < table->figure_count; i++) {
        if (table->figures[i].key == NULL) {
            continue;
        }
        if (isnan(column->figures[i])) {
            cJSON_AddNullToObject(object, table->figures[i].key);
        } else {
            cJSON_AddNumberToObject(object, table->figures[i].key, column->figures[i]);
        }
    }
    return object;
}

struct cJSON *report_json(const report_table *table)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "name", table->name);
    cJSON *cases = cJSON_AddArrayToObject(root, "cases");
    for (size_t i = 0; i < table->case_count; i++) {
        cJSON_AddItemToArray(cases, case_json(table, &table->cases[i]));
    }
    return root;
}

bool report_write(struct cJSON *root, const char *path)
{
    char *text = root != NULL ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    FILE *file = fopen(path, "w");
    bool is_written = text != NULL && file != NULL && fprintf(file, "%s\n", text) > 0;
    is_written = file != NULL && fclose(file) == 0 && is_written;
    free(text);
    return is_written;
}

bool report_write_json(const report_table *table, const char *path)
{
    return report_write(report_json(table), path);
}

static void write_csv_line(const report_table *table, const report_case *row, FILE *file)
{
    fprintf(file, "%s,%s", row->labels[0], row->labels[1]);
    for (size_t i = 0; i < table->figure_count; i++) {
        if (table->figures[i].key == NULL) {
            continue;
        }
        fputc(',', file);
        if (!isnan(row->figures[i])) {
            fprintf(file, "%.*f", table->figures[i].decimals, row->figures[i]);
        }
    }
    fputc('\n', file);
}

bool report_write_csv(const report_table *table, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(file, "%s,%s", table->label_keys[0], table->label_keys[1]);
    for (size_t i = 0; i < table->figure_count; i++) {
        if (table->figures[i].key != NULL) {
            fprintf(file, ",%s", table->figures[i].key);
        }
    }
    fputc('\n', file);
    for (size_t i = 0; i < table->case_count; i++) {
        write_csv_line(table, &table->cases[i], file);
    }
    bool is_whole = ferror(file) == 0;
    return fclose(file) == 0 && is_whole;
}
