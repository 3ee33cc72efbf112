/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_SUBJECT_H
#define TALC_BENCH_SUBJECT_H

/** An envelope of a wanted size, as talc and as cJSON and libb64 write it: what reading and writing is
 * measured with. */

#include <stdbool.h>

#include "records/envelope.h"

#define SUBJECT_TEXT_SIZE 4096

/** Bytes of a body that others have published figures for. */
#define SUBJECT_SIZES                                                                              \
    {                                                                                              \
        519, 763, 1887                                                                             \
    }

typedef struct subject {
    uint8_t fragments[SUBJECT_TEXT_SIZE];
    size_t bytes_size; /**< of the largest fragment, for base64 alone */
    talc_envelope envelope;
    char text[SUBJECT_TEXT_SIZE]; /**< as talc writes it */
    size_t text_size;
    char *plain_text; /**< as cJSON writes it, owned */
    char base64[SUBJECT_TEXT_SIZE];
    size_t base64_size;
    char plain_base64[SUBJECT_TEXT_SIZE];
    size_t plain_base64_size;
} subject;

/** Makes one whose text has exactly this size; false if there is none. subject_clear() in any case. */
bool subject_make(subject *made, size_t body_size);

/** Whether both ways find the same records: comparing them would mean nothing otherwise. */
bool subject_reads_alike(const subject *on);

void subject_clear(subject *cleared);

#endif
