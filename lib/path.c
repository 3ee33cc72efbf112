/* SPDX-License-Identifier: MIT */
#include "path.h"

#include "framing.h"

/* RFC 7252 section 6.5, steps 6 and 8: unreserved, sub-delims and a few more. */
#define UNRESERVED "-._~"
#define SUB_DELIMS_BUT_AMPERSAND "!$'()*+,;="

const talc_path_syntax talc_path_syntax_path = {
    '/', UNRESERVED SUB_DELIMS_BUT_AMPERSAND "&:@"
};
const talc_path_syntax talc_path_syntax_query = {
    '&', UNRESERVED SUB_DELIMS_BUT_AMPERSAND ":@/?"
};

/* ---------------------------------------------------------------- values */

static bool is_dots(const uint8_t *value, size_t size)
{
    return (size == 1 || size == 2) && value[0] == '.' && value[size - 1] == '.';
}

static talc_status check_value(const talc_path_syntax *syntax, size_t index, const uint8_t *value,
                               size_t size)
{
    if (index == 0 && size == 0) {
        return TALC_ERROR_UNSUPPORTED;
    }
    if (syntax == &talc_path_syntax_path && is_dots(value, size)) {
        return TALC_ERROR_MALFORMED;
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- values to text */

/* Not isalnum(): that depends on the locale. */
static bool is_literal(const talc_path_syntax *syntax, uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') ||
           (byte != 0 && strchr(syntax->literals, byte) != NULL);
}

static void put_byte(talc_path_form *form, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_literal(form->syntax, byte)) {
        talc_byte_writer_put(&form->text, &byte, 1);
    } else {
        const char encoded[] = { '%', digits[byte >> 4], digits[byte & 0x0F] };
        talc_byte_writer_put(&form->text, encoded, sizeof encoded);
    }
}

void talc_path_form_start(talc_path_form *form, const talc_path_syntax *syntax, char *text)
{
    form->syntax = syntax;
    form->text = (talc_byte_writer){ (uint8_t *)text, TALC_PATH_SIZE_MAX, 0 };
    form->count = 0;
    text[0] = '\0';
}

talc_status talc_path_form_append(talc_path_form *form, const uint8_t *value, size_t size)
{
    talc_status status = check_value(form->syntax, form->count, value, size);
    if (status != TALC_OK) {
        return status;
    }
    if (form->count > 0) {
        talc_byte_writer_put(&form->text, &form->syntax->separator, 1);
    }
    form->count++;
    for (size_t i = 0; i < size; i++) {
        put_byte(form, value[i]);
    }
    if (!talc_byte_writer_fits(&form->text)) {
        form->text.bytes[0] = '\0';
        return TALC_ERROR_TOO_LARGE;
    }
    form->text.bytes[form->text.size] = '\0';
    return TALC_OK;
}

/* ---------------------------------------------------------------- text to values */

static int digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte of the two digits behind a '%'. */
static bool read_encoded(talc_byte_reader *text, uint8_t *byte)
{
    const uint8_t *digits;
    if (!talc_byte_reader_take(text, 2, &digits)) {
        return false;
    }
    int high = digit_value(digits[0]);
    int low = digit_value(digits[1]);
    if (high < 0 || low < 0) {
        return false;
    }
    *byte = (uint8_t)(high * 16 + low);
    return true;
}

/* Reads to the next separator and passes over it, or to the end: `last` tells. */
static talc_status read_segment(talc_byte_reader *text, char separator, talc_byte_writer *value,
                                bool *last)
{
    const uint8_t *character;
    while (talc_byte_reader_take(text, 1, &character)) {
        uint8_t byte = *character;
        if (byte == (uint8_t)separator) {
            *last = false;
            return TALC_OK;
        }
        if (byte == '%' && !read_encoded(text, &byte)) {
            return TALC_ERROR_ARGUMENT;
        }
        talc_byte_writer_put(value, &byte, 1);
        if (!talc_byte_writer_fits(value)) {
            return TALC_ERROR_ARGUMENT;
        }
    }
    *last = true;
    return TALC_OK;
}

talc_status talc_path_each(const talc_path_syntax *syntax, const char *text, size_t size,
                           talc_path_take take, void *context)
{
    talc_byte_reader reader = { (const uint8_t *)text, size };
    const uint8_t *slash;
    if (syntax == &talc_path_syntax_path && size > 0 && text[0] == '/') {
        (void)talc_byte_reader_take(&reader, 1, &slash);
    }
    bool last = reader.size == 0;
    for (size_t index = 0; !last; index++) {
        uint8_t bytes[TALC_SEGMENT_SIZE_MAX];
        talc_byte_writer value = { bytes, sizeof bytes, 0 };
        talc_status status = read_segment(&reader, syntax->separator, &value, &last);
        if (status == TALC_OK && check_value(syntax, index, bytes, value.size) != TALC_OK) {
            status = TALC_ERROR_ARGUMENT;
        }
        if (status == TALC_OK) {
            status = take(context, bytes, value.size);
        }
        if (status != TALC_OK) {
            return status;
        }
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- text to its one form */

static talc_status append_segment(void *context, const uint8_t *value, size_t size)
{
    return talc_path_form_append(context, value, size);
}

static talc_status normalize(const talc_path_syntax *syntax, const char *text, char *form)
{
    talc_path_form grown;
    talc_path_form_start(&grown, syntax, form);
    if (text == NULL) {
        return TALC_OK;
    }
    talc_status status = talc_path_each(syntax, text, strlen(text), append_segment, &grown);
    if (status != TALC_OK) {
        form[0] = '\0';
    }
    return status;
}

talc_status talc_path_normalize(const char *text, char *form)
{
    return normalize(&talc_path_syntax_path, text, form);
}

talc_status talc_query_normalize(const char *text, char *form)
{
    return normalize(&talc_path_syntax_query, text, form);
}
