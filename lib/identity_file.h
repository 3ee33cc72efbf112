/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_IDENTITY_FILE_H
#define TALC_LIB_IDENTITY_FILE_H

/**
 * The files that identities and trust are read from: bounded, checked for who may read them, and
 * wiped after use.
 */

#include <stdint.h>

#include "talc/status.h"

#define TALC_KEY_FILE_SIZE_MAX ((size_t)64 * 1024)
#define TALC_CERTIFICATE_FILE_SIZE_MAX ((size_t)1024 * 1024) /* a system's bundle has 220 KB */
#define TALC_REVOCATION_FILE_SIZE_MAX ((size_t)1024 * 1024)

/** What is being read, for the text of a failure, and what wrong content in it is called. */
typedef struct talc_source {
    const char *name;      /**< path, or what the bytes are */
    talc_status fault;     /**< TALC_ERROR_IDENTITY or TALC_ERROR_TRUST */
    talc_failure *failure; /**< may be NULL */
} talc_source;

/** Fails with the source's fault and "NAME: text". Of a long name the end is kept. */
talc_status talc_source_fault(const talc_source *source, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The same with another status. */
talc_status talc_source_error(const talc_source *source, talc_status status, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

/** `size` bytes and a NUL behind them. The owner frees it with talc_content_free(). */
typedef struct talc_content {
    uint8_t *bytes;
    size_t size;
} talc_content;

typedef enum talc_secrecy {
    TALC_CONTENT_PUBLIC,
    TALC_CONTENT_GUARDED, /**< refused if group or others may change the file */
    TALC_CONTENT_SECRET   /**< refused if group or others have any access to the file */
} talc_secrecy;

typedef struct talc_content_rule {
    size_t size_max;
    talc_secrecy secrecy;
} talc_content_rule;

/** Reads the regular file `source->name`. TALC_ERROR_IO: it cannot be read or is no regular file;
 * the source's fault: empty, too large, or too open to others; TALC_ERROR_MEMORY. */
talc_status talc_content_read(talc_content *content, const talc_source *source,
                              const talc_content_rule *rule);

/** Copies bytes from memory. The source's fault: none, or more than `size_max`;
 * TALC_ERROR_MEMORY. */
talc_status talc_content_copy(talc_content *content, const void *bytes, size_t size,
                              size_t size_max, const talc_source *source);

/** Wipes and frees; leaves it empty. */
void talc_content_free(talc_content *content);

#endif
