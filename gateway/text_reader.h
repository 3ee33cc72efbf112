/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_TEXT_READER_H
#define TALC_GATEWAY_TEXT_READER_H

/** A checked reader of text that somebody else wrote: URIs, and values of header fields in the
 * grammar of RFC 9110 section 5.6. It never reads past `size`; at the end there is no character. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A piece of a text, not NUL-terminated. */
typedef struct talc_text_piece {
    const char *text;
    size_t size;
} talc_text_piece;

typedef struct talc_text_reader {
    const char *text;
    size_t size;
    size_t at;
} talc_text_reader;

void talc_text_reader_init(talc_text_reader *reader, const char *text, size_t size);

/** Of a NUL-terminated string; NULL counts as "". */
void talc_text_reader_string(talc_text_reader *reader, const char *string);

bool talc_text_reader_at_end(const talc_text_reader *reader);

/** The next character, -1 at the end. */
int talc_text_reader_peek(const talc_text_reader *reader);

/** The next character is read, if there is one. */
int talc_text_reader_next(talc_text_reader *reader);

/** Reads `wanted` and says true, or leaves it. */
bool talc_text_reader_take(talc_text_reader *reader, char wanted);

/** Blanks and tabs. */
void talc_text_reader_skip_blanks(talc_text_reader *reader);

/** What stands before the first of the characters `ends`, or before the end. */
talc_text_piece talc_text_reader_until(talc_text_reader *reader, const char *ends);

/** A token of RFC 9110 section 5.6.2, empty if there is none. */
talc_text_piece talc_text_reader_token(talc_text_reader *reader);

/** Digits as a number; false if there are none. What is too large counts as UINT32_MAX. */
bool talc_text_reader_number(talc_text_reader *reader, uint32_t *number);

/** A quoted string of RFC 9110 section 5.6.4, unquoted into `text` with a NUL. False if there is
 * none, if its end is missing, or if it has more than `capacity` - 1 characters. */
bool talc_text_reader_quoted(talc_text_reader *reader, char *text, size_t capacity);

/** Whether a piece is this word, in any case. */
bool talc_text_piece_is(talc_text_piece piece, const char *word);

/** As a NUL-terminated string; false if it is too long. */
bool talc_text_piece_copy(talc_text_piece piece, char *text, size_t capacity);

/** The value of a hexadecimal digit, -1 for another character. */
int talc_text_hex_value(int character);

/** As in ASCII, whatever the locale. */
int talc_text_lower(int character);
bool talc_text_is_digit(int character);
bool talc_text_is_letter(int character);

#endif
