/* SPDX-License-Identifier: MIT */
#include "gateway/asked_uri.h"

#include <stdlib.h>
#include <string.h>

#include "records/text_writer.h"

#define SIZE_MAX_TEXT 4096 /* with the NUL */

static void write_bytes(talc_text_writer *writer, const talc_coap_message_option *option)
{
    for (size_t i = 0; i < option->size; i++) {
        talc_text_writer_put(writer, (char)option->value[i]);
    }
}

/* Proxy-Scheme with Uri-Host and Uri-Port; the host is written as it came, as an address may be
 * without its brackets. */
static void write_origin(talc_text_writer *writer, const talc_coap_message *request)
{
    const talc_coap_message_option *scheme =
        talc_coap_message_find(request, TALC_COAP_PROXY_SCHEME);
    const talc_coap_message_option *host = talc_coap_message_find(request, TALC_COAP_URI_HOST);
    uint32_t port = talc_coap_message_uint(request, TALC_COAP_URI_PORT, 0);
    if (scheme == NULL) {
        return;
    }
    write_bytes(writer, scheme);
    talc_text_writer_string(writer, "://");
    if (host != NULL) {
        write_bytes(writer, host);
    }
    if (port != 0) {
        talc_text_writer_put(writer, ':');
        talc_text_writer_number(writer, port);
    }
}

/* RFC 7252 section 6.5: what stays as it is in a segment, and in a part of a query. */
static const char in_segment[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-._~!$&'()*+,;=:@";
static const char in_query[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~!$'()*+,;=:@/?";

static void write_part(talc_text_writer *writer, const talc_coap_message_option *option,
                       const char *plain)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < option->size; i++) {
        uint8_t byte = option->value[i];
        if (byte != 0 && strchr(plain, byte) != NULL) {
            talc_text_writer_put(writer, (char)byte);
        } else {
            const char encoded[] = { '%', digits[byte >> 4], digits[byte & 15], '\0' };
            talc_text_writer_string(writer, encoded);
        }
    }
}

static void write_path(talc_text_writer *writer, const talc_coap_message *request)
{
    size_t segments = 0;
    for (size_t i = 0; i < request->option_count; i++) {
        const talc_coap_message_option *option = &request->options[i];
        if (option->number == TALC_COAP_URI_PATH) {
            segments++;
            talc_text_writer_put(writer, '/');
            write_part(writer, option, in_segment);
        }
    }
    if (segments == 0) {
        talc_text_writer_put(writer, '/');
    }
}

static void write_query(talc_text_writer *writer, const talc_coap_message *request)
{
    char separator = '?';
    for (size_t i = 0; i < request->option_count; i++) {
        const talc_coap_message_option *option = &request->options[i];
        if (option->number == TALC_COAP_URI_QUERY) {
            talc_text_writer_put(writer, separator);
            write_part(writer, option, in_query);
            separator = '&';
        }
    }
}

char *talc_gateway_asked_uri_coap(const talc_coap_message *request)
{
    const talc_coap_message_option *whole = talc_coap_message_find(request, TALC_COAP_PROXY_URI);
    talc_text_writer writer;
    char *text = malloc(SIZE_MAX_TEXT);
    if (text == NULL) {
        return NULL;
    }
    talc_text_writer_init(&writer, text, SIZE_MAX_TEXT - 1);
    if (whole != NULL) {
        write_bytes(&writer, whole);
    } else {
        write_origin(&writer, request);
        write_path(&writer, request);
        write_query(&writer, request);
    }
    text[writer.size] = '\0';
    return text;
}

char *talc_gateway_asked_uri_http(const talc_http_message *request)
{
    return strndup(request->target != NULL ? request->target : "", SIZE_MAX_TEXT - 1);
}
