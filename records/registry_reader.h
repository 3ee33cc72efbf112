/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_REGISTRY_READER_H
#define TALC_RECORDS_REGISTRY_READER_H

/**
 * Reads the file of a registry, one device at a time: so many devices take no more memory than one.
 *
 *     {"devices":[{"id":"meter-7","key":"<base64url>","state":"enrolled"}, ...]}
 *
 * `state` may be left out. Keys that are not known here are passed over; those that are known may
 * stand once. What may stand in strings is said in json_scan.h. What IDs and keys have to be is for
 * the taker to say.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

#define TALC_REGISTRY_KEY_SIZE_MAX 128 /**< bytes of a public key in a file; P-256 needs 91 */

/** One device of the file. Pointers are the reader's, valid during the call. */
typedef struct talc_registry_record {
    const char *id; /**< NUL-terminated */
    const uint8_t *key;
    size_t key_size;
    bool is_revoked;
} talc_registry_record;

/** What is wrong, and where. Texts are static. */
typedef struct talc_registry_fault {
    size_t line;   /**< from 1: where the value begins that is wrong; 0: nowhere in particular */
    size_t device; /**< its number in the array, from 1; 0: no device is at fault */
    const char *field;  /**< of the device; NULL: all of it */
    const char *reason; /**< never NULL after an error */
} talc_registry_fault;

/** Takes a device. Any status but TALC_OK ends the reading; then `fault->field` and `->reason` are
 * the taker's to set. */
typedef talc_status (*talc_registry_take)(void *context, const talc_registry_record *record,
                                          talc_registry_fault *fault);

/** Reads `size` characters. TALC_OK: all devices were taken. TALC_ERROR_MALFORMED,
 * TALC_ERROR_MEMORY, or a status of `take`: some may have been, and `fault` is filled. */
talc_status talc_registry_read(const char *text, size_t size, talc_registry_take take,
                               void *context, talc_registry_fault *fault);

#endif
