/* SPDX-License-Identifier: MIT */
#include "gateway/uri_path.h"

#include "records/text_writer.h"

#include <string.h>

static bool is_unreserved(int character)
{
    return talc_text_is_letter(character) || talc_text_is_digit(character) ||
           (character > 0 && strchr("-._~", character) != NULL);
}

/* pchar of RFC 3986 section 3.3 without percent-encodings. */
static bool is_path_character(int character)
{
    return is_unreserved(character) ||
           (character > 0 && strchr("!$&'()*+,;=:@", character) != NULL);
}

/* Moves a character, or a percent-encoding, to the writer. */
static bool read_character(talc_text_reader *reader, talc_text_writer *writer, const char *more)
{
    int character = talc_text_reader_next(reader);
    if (character == '%') {
        int high = talc_text_reader_next(reader);
        int low = talc_text_reader_next(reader);
        talc_text_writer_put(writer, '%');
        talc_text_writer_put(writer, (char)high);
        talc_text_writer_put(writer, (char)low);
        return talc_text_hex_value(high) >= 0 && talc_text_hex_value(low) >= 0;
    }
    talc_text_writer_put(writer, (char)character);
    return is_path_character(character) || (character > 0 && strchr(more, character) != NULL);
}

talc_status talc_gateway_uri_read_path(talc_gateway_uri *uri, talc_text_reader *reader)
{
    talc_text_writer path, query;
    talc_text_writer_init(&path, uri->path, sizeof uri->path - 1);
    talc_text_writer_init(&query, uri->query, sizeof uri->query - 1);
    if (talc_text_reader_peek(reader) != '/') {
        talc_text_writer_put(&path, '/');
    }
    while (!talc_text_reader_at_end(reader) && talc_text_reader_peek(reader) != '?') {
        if (!read_character(reader, &path, "/")) {
            return TALC_ERROR_ARGUMENT;
        }
    }
    talc_text_reader_take(reader, '?');
    while (!talc_text_reader_at_end(reader)) {
        if (!read_character(reader, &query, "/?")) {
            return TALC_ERROR_ARGUMENT;
        }
    }
    if (path.full || query.full || path.size + query.size > TALC_GATEWAY_URI_SIZE_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    uri->path[path.size] = '\0';
    uri->query[query.size] = '\0';
    return talc_gateway_path_has_dots(uri->path) ? TALC_ERROR_ARGUMENT : TALC_OK;
}

/* The next byte, decoded; -1 at the end. A percent sign without digits stands for itself. */
static int next_byte(talc_text_reader *reader)
{
    int character = talc_text_reader_next(reader);
    talc_text_reader ahead = *reader;
    int high = talc_text_hex_value(talc_text_reader_next(&ahead));
    int low = talc_text_hex_value(talc_text_reader_next(&ahead));
    if (character != '%' || high < 0 || low < 0) {
        return character;
    }
    *reader = ahead;
    return high * 16 + low;
}

/* One decoding, in place: what is read is never shorter than what is written. */
static size_t decode(char *bytes, size_t size)
{
    talc_text_reader reader;
    size_t written = 0;
    int byte;
    talc_text_reader_init(&reader, bytes, size);
    while ((byte = next_byte(&reader)) >= 0) {
        bytes[written++] = (char)byte;
    }
    return written;
}

typedef bool (*test_of_bytes)(const char *bytes, size_t size);

/* Whether the test says so of the path decoded once, or twice: an origin behind another server gets
 * there what it would refuse here. What is too long to be tested has failed. */
static bool is_so_decoded(const char *path, test_of_bytes test)
{
    char bytes[TALC_GATEWAY_URI_SIZE_MAX + 1];
    size_t size = strlen(path);
    if (size > sizeof bytes) {
        return true;
    }
    memcpy(bytes, path, size);
    for (int times = 1; times <= 2; times++) {
        size = decode(bytes, size);
        if (test(bytes, size)) {
            return true;
        }
    }
    return false;
}

/* Servlet containers drop what follows a ';' in a segment before they look for dots; and a '?' or
 * '#' that is decoded early ends the path. */
static bool ends_name(int byte)
{
    return byte < 0 || (byte > 0 && strchr("/\\;?#", byte) != NULL);
}

static bool has_dots(const char *bytes, size_t size)
{
    talc_text_reader reader;
    size_t dots = 0, others = 0;
    int byte;
    talc_text_reader_init(&reader, bytes, size);
    do {
        byte = talc_text_reader_next(&reader);
        if (ends_name(byte)) {
            if (others == 0 && (dots == 1 || dots == 2)) {
                return true;
            }
            dots = 0;
            others = byte == '/' || byte == '\\' ? 0 : 1; /* a parameter is no segment */
        } else if (byte == '.') {
            dots++;
        } else {
            others++;
        }
    } while (byte >= 0);
    return false;
}

static bool has_controls(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)bytes[i];
        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

bool talc_gateway_path_has_dots(const char *path)
{
    return is_so_decoded(path, has_dots);
}

bool talc_gateway_path_has_controls(const char *path)
{
    return is_so_decoded(path, has_controls);
}

static void write_encoded(talc_text_writer *writer, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    talc_text_writer_put(writer, '%');
    talc_text_writer_put(writer, digits[byte >> 4]);
    talc_text_writer_put(writer, digits[byte & 15]);
}

/* What a value becomes in a URI; `more` are the characters that may stand there besides those of a
 * segment. */
static void write_part(talc_text_writer *writer, const talc_coap_message_option *option,
                       const char *more)
{
    for (size_t i = 0; i < option->size; i++) {
        uint8_t byte = option->value[i];
        bool is_plain = is_path_character(byte) && (byte != '&' || more[0] == '\0');
        if (is_plain || (byte != 0 && strchr(more, byte) != NULL)) {
            talc_text_writer_put(writer, (char)byte);
        } else {
            write_encoded(writer, byte);
        }
    }
}

talc_status talc_gateway_uri_set_path(talc_gateway_uri *uri, const talc_coap_message *message,
                                      uint16_t path_number, uint16_t query_number)
{
    talc_text_writer path, query;
    bool has_query = false;
    talc_text_writer_init(&path, uri->path, sizeof uri->path - 1);
    talc_text_writer_init(&query, uri->query, sizeof uri->query - 1);
    for (size_t i = 0; i < message->option_count; i++) {
        const talc_coap_message_option *option = &message->options[i];
        if (option->number == path_number) {
            talc_text_writer_put(&path, '/');
            write_part(&path, option, "");
        } else if (option->number == query_number) {
            talc_text_writer_string(&query, has_query ? "&" : "");
            write_part(&query, option, "/?");
            has_query = true;
        }
    }
    talc_text_writer_string(&path, path.size == 0 ? "/" : "");
    if (path.full || query.full || path.size + query.size > TALC_GATEWAY_URI_SIZE_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    uri->path[path.size] = '\0';
    uri->query[query.size] = '\0';
    return talc_gateway_path_has_dots(uri->path) ? TALC_ERROR_ARGUMENT : TALC_OK;
}

bool talc_gateway_uri_decode(talc_text_piece part, uint8_t *bytes, size_t *size)
{
    talc_text_reader reader;
    int byte;
    talc_text_reader_init(&reader, part.text, part.size);
    *size = 0;
    while ((byte = next_byte(&reader)) >= 0) {
        if (*size == TALC_GATEWAY_PART_SIZE_MAX) {
            return false;
        }
        bytes[(*size)++] = (uint8_t)byte;
    }
    return true;
}
