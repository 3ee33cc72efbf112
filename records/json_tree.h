/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_JSON_TREE_H
#define TALC_RECORDS_JSON_TREE_H

/**
 * cJSON behind the strict scan, for the three files that read JSON: envelope_reader.c,
 * journal_reader.c and registry_reader.c. Inline, so that nothing else has to link with cJSON.
 *
 * Threads: cJSON_Parse writes a static variable (the place of the last error), so parses in two
 * threads race on it. No lock is taken: only cJSON_GetErrorPtr reads that variable, we never call
 * it, and cJSON calls itself thread safe on that condition; a lock of ours would not cover the
 * parses of the application and would bring threads into a library that has none. For the same
 * reason cJSON_InitHooks, which is process-wide, is left to the application. Numbers reach cJSON
 * as digits only, so the locale has no influence.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "records/json_scan.h"
#include "talc/status.h"

/** Checks and parses a text; on TALC_OK the caller deletes `*root`, an object. Otherwise
 *  TALC_ERROR_MALFORMED, TALC_ERROR_TOO_LARGE (too many values) or TALC_ERROR_MEMORY. */
static inline talc_status talc_json_parse(const char *text, size_t size,
                                          const talc_json_limits *limits, cJSON **root)
{
    size_t copy_size = 0;
    *root = NULL;
    char *copy = size < SIZE_MAX ? malloc(size + 1) : NULL;
    if (copy == NULL) {
        return TALC_ERROR_MEMORY;
    }
    talc_status status = talc_json_scan(text, size, limits, copy, &copy_size);
    if (status == TALC_OK) {
        /* The scan left nothing that cJSON could refuse, so it can only run out of memory. */
        *root = cJSON_ParseWithLengthOpts(copy, copy_size + 1, NULL, 1);
        status = *root == NULL ? TALC_ERROR_MEMORY : TALC_OK;
    }
    free(copy);
    return status;
}

/** Finds the value of each of `count` names, NULL where there is none; names are compared byte by
 *  byte, other keys ignored. TALC_ERROR_MALFORMED if a name comes twice or it is not an object. */
static inline talc_status talc_json_collect(const cJSON *object, const char *const *names,
                                            size_t count, const cJSON **found)
{
    if (!cJSON_IsObject(object)) {
        return TALC_ERROR_MALFORMED;
    }
    memset(found, 0, count * sizeof *found);
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(member->string, names[i]) != 0) {
                continue;
            }
            if (found[i] != NULL) {
                return TALC_ERROR_MALFORMED;
            }
            found[i] = member;
        }
    }
    return TALC_OK;
}

/** A number of at most `max`. Without a value `*number` keeps what it holds. */
static inline bool talc_json_number(const cJSON *value, uint64_t max, uint64_t *number)
{
    if (value == NULL) {
        return true;
    }
    if (!cJSON_IsNumber(value) || value->valuedouble > (double)max) {
        return false;
    }
    *number = (uint64_t)value->valuedouble;
    return true;
}

/** The text of a string, borrowed from the tree; NULL if the value is none. */
static inline const char *talc_json_string(const cJSON *value)
{
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

#endif
