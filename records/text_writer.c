/* SPDX-License-Identifier: MIT */
#include "records/text_writer.h"

#include <string.h>

#include "records/base64.h"

#define DIGITS_MAX 20 /* of 2^64-1 */

void talc_text_writer_init(talc_text_writer *writer, char *text, size_t capacity)
{
    writer->text = text;
    writer->capacity = text == NULL ? 0 : capacity;
    writer->size = 0;
    writer->full = false;
}

void talc_text_writer_init_counting(talc_text_writer *writer)
{
    talc_text_writer_init(writer, NULL, 0);
    writer->capacity = SIZE_MAX;
}

/* Whether `size` more characters fit; if not, nothing will any more. */
static bool reserve(talc_text_writer *writer, size_t size)
{
    if (writer->full || size > writer->capacity - writer->size) {
        writer->full = true;
    }
    return !writer->full;
}

static void write_characters(talc_text_writer *writer, const char *characters, size_t size)
{
    if (!reserve(writer, size)) {
        return;
    }
    if (writer->text != NULL) {
        memcpy(writer->text + writer->size, characters, size);
    }
    writer->size += size;
}

void talc_text_writer_put(talc_text_writer *writer, char character)
{
    write_characters(writer, &character, 1);
}

void talc_text_writer_string(talc_text_writer *writer, const char *string)
{
    write_characters(writer, string, strlen(string));
}

void talc_text_writer_number(talc_text_writer *writer, uint64_t number)
{
    char digits[DIGITS_MAX];
    size_t first = DIGITS_MAX;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    write_characters(writer, digits + first, DIGITS_MAX - first);
}

void talc_text_writer_base64(talc_text_writer *writer, const uint8_t *bytes, size_t size)
{
    size_t text_size = talc_base64_encoded_size(size);
    if (!reserve(writer, text_size)) {
        return;
    }
    if (writer->text != NULL &&
        talc_base64_encode(bytes, size, writer->text + writer->size, text_size) != TALC_OK) {
        writer->full = true;
        return;
    }
    writer->size += text_size;
}
