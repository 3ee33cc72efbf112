/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_TAMPERING_ENVELOPE_TEXT_H
#define EXAMPLES_TAMPERING_ENVELOPE_TEXT_H

/** An envelope as the text that it is on the path, and the few things that somebody in the middle
 * does to it. It understands what talc writes: one JSON object without white space and escapes. Of
 * any other text nothing is found, and nothing in it is changed. Nothing here is checked for
 * sense: the result may be an envelope that no reader takes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of a body; larger ones pass untouched. */
#define ENVELOPE_TEXT_MAX 2047

/** Always with a NUL behind it. Its bytes need not be text. */
typedef struct envelope_text {
    size_t size; /**< bytes, the NUL not counted */
    char bytes[ENVELOPE_TEXT_MAX + 1];
} envelope_text;

/** A part of a text. */
typedef struct text_span {
    size_t begin;
    size_t size;
} text_span;

/** `"key":value` of an object. */
typedef struct text_member {
    text_span whole;
    text_span key; /**< without its quotes */
    text_span value;
} text_member;

/** False, and nothing copied, if there is no room. */
bool envelope_text_set(envelope_text *text, const void *bytes, size_t size);

/** Puts `with` in place of a part; false, and nothing changed, if there is no room. */
bool envelope_text_replace(envelope_text *text, text_span part, const void *with, size_t size);

/** The next member of the object that begins at `*at`, or of the same object when `*at` is where
 * the call before left it. False behind the last one. */
bool envelope_text_next(const envelope_text *text, size_t *at, text_member *member);

/** The member of the outer object with this key. */
bool envelope_text_find(const envelope_text *text, const char *key, text_member *member);

/** Its value, if that is a number; `fallback` otherwise. */
unsigned long long envelope_text_number(const envelope_text *text, const char *key,
                                        unsigned long long fallback);

/** Puts a number where the key stands, or a new member behind `i`. */
bool envelope_text_set_number(envelope_text *text, const char *key, unsigned long long number);

/** Takes the member out, with a comma beside it. False if it is not there. */
bool envelope_text_remove(envelope_text *text, const char *key);

/** The object in `r` with this number, from 0. */
bool envelope_text_record(const envelope_text *text, size_t number, text_span *object);

/** The characters of its fragment, between their quotes. */
bool envelope_text_fragment(const envelope_text *text, size_t number, text_span *characters);

/** The same decoded; 0 if there is none, or it has more than `capacity` bytes. */
size_t envelope_text_fragment_bytes(const envelope_text *text, size_t number, uint8_t *bytes,
                                    size_t capacity);

/** Writes another fragment. */
bool envelope_text_set_fragment(envelope_text *text, size_t number, const uint8_t *bytes,
                                size_t size);

/** Bytes of the sender's stream that the records stand for, headers included. */
size_t envelope_text_range_size(const envelope_text *text);

/** Bytes as base64url without padding. The text has to have room for 4 characters for 3 bytes, and
 * a NUL. */
void base64url_write(const uint8_t *bytes, size_t size, char *text);

/** Bytes that the characters stand for; 0 if they are no base64url or hold more than `capacity`. */
size_t base64url_read(const char *text, size_t size, uint8_t *bytes, size_t capacity);

#endif
