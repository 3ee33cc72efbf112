/* SPDX-License-Identifier: MIT */
#include "gateway/text_reader.h"

#include <string.h>

void talc_text_reader_init(talc_text_reader *reader, const char *text, size_t size)
{
    reader->text = text == NULL ? "" : text;
    reader->size = text == NULL ? 0 : size;
    reader->at = 0;
}

void talc_text_reader_string(talc_text_reader *reader, const char *string)
{
    talc_text_reader_init(reader, string, string == NULL ? 0 : strlen(string));
}

bool talc_text_reader_at_end(const talc_text_reader *reader)
{
    return reader->at >= reader->size;
}

int talc_text_reader_peek(const talc_text_reader *reader)
{
    return talc_text_reader_at_end(reader) ? -1 : (unsigned char)reader->text[reader->at];
}

int talc_text_reader_next(talc_text_reader *reader)
{
    int character = talc_text_reader_peek(reader);
    reader->at += character >= 0 ? 1 : 0;
    return character;
}

bool talc_text_reader_take(talc_text_reader *reader, char wanted)
{
    if (talc_text_reader_peek(reader) != (unsigned char)wanted) {
        return false;
    }
    reader->at++;
    return true;
}

void talc_text_reader_skip_blanks(talc_text_reader *reader)
{
    while (talc_text_reader_take(reader, ' ') || talc_text_reader_take(reader, '\t')) {
    }
}

static talc_text_piece piece_from(const talc_text_reader *reader, size_t begin)
{
    talc_text_piece piece = { reader->text + begin, reader->at - begin };
    return piece;
}

talc_text_piece talc_text_reader_until(talc_text_reader *reader, const char *ends)
{
    size_t begin = reader->at;
    while (!talc_text_reader_at_end(reader) &&
           (reader->text[reader->at] == '\0' || strchr(ends, reader->text[reader->at]) == NULL)) {
        reader->at++;
    }
    return piece_from(reader, begin);
}

static bool is_token(int character)
{
    return talc_text_is_letter(character) || talc_text_is_digit(character) ||
           (character > 0 && strchr("!#$%&'*+-.^_`|~", character) != NULL);
}

talc_text_piece talc_text_reader_token(talc_text_reader *reader)
{
    size_t begin = reader->at;
    while (is_token(talc_text_reader_peek(reader))) {
        reader->at++;
    }
    return piece_from(reader, begin);
}

bool talc_text_reader_number(talc_text_reader *reader, uint32_t *number)
{
    uint64_t value = 0;
    if (!talc_text_is_digit(talc_text_reader_peek(reader))) {
        return false;
    }
    while (talc_text_is_digit(talc_text_reader_peek(reader))) {
        value = value * 10 + (uint64_t)(talc_text_reader_next(reader) - '0');
        value = value > UINT32_MAX ? UINT32_MAX : value;
    }
    *number = (uint32_t)value;
    return true;
}

bool talc_text_reader_quoted(talc_text_reader *reader, char *text, size_t capacity)
{
    size_t length = 0;
    if (!talc_text_reader_take(reader, '"')) {
        return false;
    }
    while (!talc_text_reader_take(reader, '"')) {
        talc_text_reader_take(reader, '\\');
        int character = talc_text_reader_next(reader);
        if (character < 0 || length + 1 >= capacity) {
            return false;
        }
        text[length++] = (char)character;
    }
    text[length] = '\0';
    return true;
}

bool talc_text_piece_is(talc_text_piece piece, const char *word)
{
    size_t i = 0;
    while (i < piece.size && word[i] != '\0' &&
           talc_text_lower(piece.text[i]) == talc_text_lower(word[i])) {
        i++;
    }
    return i == piece.size && word[i] == '\0';
}

bool talc_text_piece_copy(talc_text_piece piece, char *text, size_t capacity)
{
    if (piece.size >= capacity) {
        return false;
    }
    if (piece.size > 0) {
        memcpy(text, piece.text, piece.size);
    }
    text[piece.size] = '\0';
    return true;
}

int talc_text_hex_value(int character)
{
    int lower = talc_text_lower(character);
    if (talc_text_is_digit(lower)) {
        return lower - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int talc_text_lower(int character)
{
    return character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : character;
}

bool talc_text_is_digit(int character)
{
    return character >= '0' && character <= '9';
}

bool talc_text_is_letter(int character)
{
    int lower = talc_text_lower(character);
    return lower >= 'a' && lower <= 'z';
}
