/* SPDX-License-Identifier: MIT */
#include "gateway/uri.h"

#include "gateway/text_reader.h"
#include "gateway/uri_host.h"
#include "gateway/uri_path.h"
#include "records/text_writer.h"

#include <string.h>

static const struct {
    const char *text;
    uint16_t port;
} schemes[] = {
    [TALC_GATEWAY_COAP] = { "coap", 5683 },
    [TALC_GATEWAY_COAPS] = { "coaps", 5684 },
    [TALC_GATEWAY_HTTP] = { "http", 80 },
    [TALC_GATEWAY_HTTPS] = { "https", 443 },
};

#define SCHEME_COUNT (sizeof schemes / sizeof schemes[0])

const char *talc_gateway_scheme_text(talc_gateway_scheme scheme)
{
    return schemes[scheme].text;
}

uint16_t talc_gateway_scheme_port(talc_gateway_scheme scheme)
{
    return schemes[scheme].port;
}

/* scheme of RFC 3986 section 3.1. */
static int is_scheme(talc_text_piece name)
{
    for (size_t i = 0; i < name.size; i++) {
        int character = (unsigned char)name.text[i];
        if (!talc_text_is_letter(character) &&
            (i == 0 || (!talc_text_is_digit(character) && character != '+' && character != '-' &&
                        character != '.'))) {
            return 0;
        }
    }
    return name.size > 0;
}

talc_status talc_gateway_scheme_read(talc_gateway_scheme *scheme, const char *text, size_t size)
{
    talc_text_piece name = { text, size };
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (talc_text_piece_is(name, schemes[i].text)) {
            *scheme = (talc_gateway_scheme)i;
            return TALC_OK;
        }
    }
    return is_scheme(name) ? TALC_ERROR_UNSUPPORTED : TALC_ERROR_ARGUMENT;
}

static talc_status read_port(talc_gateway_uri *uri, talc_text_reader *reader)
{
    uint32_t port = schemes[uri->scheme].port;
    talc_text_reader digits;
    talc_text_piece text = talc_text_reader_until(reader, "/?");
    talc_text_reader_init(&digits, text.text, text.size);
    /* ":" without digits is the scheme's own port (RFC 3986 section 3.2.3). */
    if (text.size > 5 || (text.size > 0 && !talc_text_reader_number(&digits, &port)) ||
        (text.size > 0 && !talc_text_reader_at_end(&digits)) || port == 0 || port > UINT16_MAX) {
        return TALC_ERROR_ARGUMENT;
    }
    uri->port = (uint16_t)port;
    return TALC_OK;
}

static talc_status read_authority(talc_gateway_uri *uri, talc_text_reader *reader)
{
    talc_text_piece host;
    int is_bracketed = talc_text_reader_take(reader, '[');
    host = talc_text_reader_until(reader, is_bracketed ? "]/?" : ":/?");
    if (is_bracketed && !talc_text_reader_take(reader, ']')) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_status status = is_bracketed ? talc_gateway_uri_set_literal(uri, host)
                                      : talc_gateway_uri_set_host(uri, host);
    if (status != TALC_OK) {
        return status;
    }
    if (talc_text_reader_take(reader, ':')) {
        return read_port(uri, reader);
    }
    uri->port = schemes[uri->scheme].port;
    int next = talc_text_reader_peek(reader);
    return next < 0 || next == '/' || next == '?' ? TALC_OK : TALC_ERROR_ARGUMENT;
}

talc_status talc_gateway_uri_read(talc_gateway_uri *uri, const char *text, size_t size)
{
    talc_text_reader reader;
    talc_text_reader_init(&reader, text, size);
    memset(uri, 0, sizeof *uri);
    if (size > TALC_GATEWAY_URI_SIZE_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    talc_text_piece scheme = talc_text_reader_until(&reader, ":");
    talc_status status = talc_gateway_scheme_read(&uri->scheme, scheme.text, scheme.size);
    if (status != TALC_OK || !talc_text_reader_take(&reader, ':') ||
        !talc_text_reader_take(&reader, '/') || !talc_text_reader_take(&reader, '/')) {
        return status != TALC_OK ? status : TALC_ERROR_ARGUMENT;
    }
    status = read_authority(uri, &reader);
    return status == TALC_OK ? talc_gateway_uri_read_path(uri, &reader) : status;
}

static void write_origin(const talc_gateway_uri *uri, talc_text_writer *writer)
{
    talc_text_writer_string(writer, schemes[uri->scheme].text);
    talc_text_writer_string(writer, uri->has_colon ? "://[" : "://");
    talc_text_writer_string(writer, uri->host);
    talc_text_writer_string(writer, uri->has_colon ? "]" : "");
    if (uri->port != schemes[uri->scheme].port) {
        talc_text_writer_put(writer, ':');
        talc_text_writer_number(writer, uri->port);
    }
}

static talc_status finish(talc_text_writer *writer)
{
    talc_text_writer_put(writer, '\0');
    return writer->full ? TALC_ERROR_TOO_LARGE : TALC_OK;
}

talc_status talc_gateway_uri_write(const talc_gateway_uri *uri, char *text, size_t capacity)
{
    talc_text_writer writer;
    talc_text_writer_init(&writer, text, capacity);
    write_origin(uri, &writer);
    talc_text_writer_string(&writer, uri->path);
    if (uri->query[0] != '\0') {
        talc_text_writer_put(&writer, '?');
        talc_text_writer_string(&writer, uri->query);
    }
    return finish(&writer);
}

talc_status talc_gateway_uri_write_origin(const talc_gateway_uri *uri, char *text, size_t capacity)
{
    talc_text_writer writer;
    talc_text_writer_init(&writer, text, capacity);
    write_origin(uri, &writer);
    return finish(&writer);
}
