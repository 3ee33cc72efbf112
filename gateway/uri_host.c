/* SPDX-License-Identifier: MIT */
#include "gateway/uri_host.h"

#include <arpa/inet.h>
#include <string.h>

#define LABEL_SIZE_MAX 63
#define NAME_SIZE_MAX 253 /* RFC 1035 section 2.3.4, without the lengths of first and last label */

/* Names are letters, digits and hyphens; underscores are in use. */
static int is_name_character(int character)
{
    return talc_text_is_letter(character) || talc_text_is_digit(character) || character == '-' ||
           character == '_';
}

/* inet_aton() and so getaddrinfo() take "127.1", "0x7f.1", "017700000001" and "2130706433". */
static int is_number(talc_text_piece label)
{
    int is_hex = label.size >= 2 && label.text[0] == '0' && talc_text_lower(label.text[1]) == 'x';
    for (size_t i = is_hex ? 2 : 0; i < label.size; i++) {
        if (is_hex ? talc_text_hex_value(label.text[i]) < 0 : !talc_text_is_digit(label.text[i])) {
            return 0;
        }
    }
    return 1;
}

static int is_label(talc_text_piece label)
{
    for (size_t i = 0; i < label.size; i++) {
        if (!is_name_character((unsigned char)label.text[i])) {
            return 0;
        }
    }
    return label.size > 0 && label.size <= LABEL_SIZE_MAX;
}

talc_status talc_gateway_uri_set_host(talc_gateway_uri *uri, talc_text_piece host)
{
    struct in_addr address;
    talc_text_reader reader;
    talc_text_piece label;
    talc_text_reader_init(&reader, host.text, host.size);
    do {
        label = talc_text_reader_until(&reader, ".");
        if (!is_label(label)) {
            return TALC_ERROR_ARGUMENT;
        }
    } while (talc_text_reader_take(&reader, '.'));
    if (host.size > NAME_SIZE_MAX || !talc_text_piece_copy(host, uri->host, sizeof uri->host)) {
        return TALC_ERROR_ARGUMENT;
    }
    for (size_t i = 0; i < host.size; i++) {
        uri->host[i] = (char)talc_text_lower(uri->host[i]);
    }
    uri->has_colon = 0;
    return is_number(label) && inet_pton(AF_INET, uri->host, &address) != 1 ? TALC_ERROR_ARGUMENT
                                                                            : TALC_OK;
}

static int embeds_ipv4(const struct in6_addr *address)
{
    static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
    return IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) ||
           memcmp(address, nat64, sizeof nat64) == 0;
}

talc_status talc_gateway_uri_set_literal(talc_gateway_uri *uri, talc_text_piece literal)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (memchr(literal.text, '\0', literal.size) != NULL ||
        !talc_text_piece_copy(literal, text, sizeof text) ||
        inet_pton(AF_INET6, text, &address) != 1 || embeds_ipv4(&address) ||
        inet_ntop(AF_INET6, &address, uri->host, sizeof uri->host) == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    uri->has_colon = 1;
    return TALC_OK;
}
