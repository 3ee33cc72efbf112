/* SPDX-License-Identifier: MIT */
#ifndef TALC_RECORDS_TEXT_WRITER_H
#define TALC_RECORDS_TEXT_WRITER_H

/**
 * A checked writer of ASCII text. It never writes past `capacity`: what does not fit is left out
 * as a whole, and `full` says so for good. Without a text it only counts, so the same code that
 * writes something also tells its size.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct talc_text_writer {
    char *text; /**< the caller's, NULL to count only */
    size_t capacity;
    size_t size; /**< characters written, no NUL among them */
    bool full;   /**< something did not fit */
} talc_text_writer;

void talc_text_writer_init(talc_text_writer *writer, char *text, size_t capacity);

/** A writer that only counts. */
void talc_text_writer_init_counting(talc_text_writer *writer);

void talc_text_writer_put(talc_text_writer *writer, char character);

/** A NUL-terminated string as it is; the caller vouches that nothing in it needs an escape. */
void talc_text_writer_string(talc_text_writer *writer, const char *string);

/** In decimal. */
void talc_text_writer_number(talc_text_writer *writer, uint64_t number);

/** In base64url. `bytes` may be NULL when the writer only counts. */
void talc_text_writer_base64(talc_text_writer *writer, const uint8_t *bytes, size_t size);

#endif
