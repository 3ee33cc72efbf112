/* SPDX-License-Identifier: MIT */
#ifndef TALC_BENCH_CODEC_PLAIN_H
#define TALC_BENCH_CODEC_PLAIN_H

/**
 * Envelopes read and written in the plain way, by cJSON and libb64 alone: what a program would do
 * that trusts the other side. No limits, no check of grammar, numbers, alphabet or repeated keys,
 * nothing wiped; base64 in its usual alphabet with padding, because that is what libb64 speaks.
 */

#include <stdbool.h>

#include "records/envelope.h"

/** The text of an envelope, which the caller frees; NULL without memory. */
char *plain_envelope_write(const talc_envelope *envelope);

/** Reads a NUL-terminated text that plain_envelope_write() made into an envelope of the same shape
 * as talc_envelope_read(): the caller clears it. */
bool plain_envelope_read(const char *text, talc_envelope *envelope);

/** Characters that plain_base64_encode() writes at most. */
size_t plain_base64_text_max(size_t size);

/** As libb64 writes it, line breaks and padding too; returns the number of characters. */
size_t plain_base64_encode(const uint8_t *bytes, size_t size, char *text);

/** Without line breaks, as JSON needs it. */
size_t plain_base64_encode_unbroken(const uint8_t *bytes, size_t size, char *text);

/** Reads a text without line breaks. Returns the number of bytes; at most size / 4 * 3 + 3 are
 * written. */
size_t plain_base64_decode(const char *text, size_t size, uint8_t *bytes);

#endif
