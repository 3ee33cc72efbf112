/* SPDX-License-Identifier: MIT */
#include "gateway/media_types.h"

#include "gateway/field_list.h"

#include <stdio.h>
#include <string.h>

/* parameter: the one that tells formats of the same type apart, as it is written. */
static const struct {
    uint16_t format;
    const char *name;
    const char *parameter;
    const char *variant;
    const char *coding;
} registry[] = {
    { 0, "text/plain", ";charset=utf-8", "", "" },
    { 16, "application/cose", ";cose-type=\"cose-encrypt0\"", "cose-encrypt0", "" },
    { 17, "application/cose", ";cose-type=\"cose-mac0\"", "cose-mac0", "" },
    { 18, "application/cose", ";cose-type=\"cose-sign1\"", "cose-sign1", "" },
    { 19, "application/ace+cbor", "", "", "" },
    { 21, "image/gif", "", "", "" },
    { 22, "image/jpeg", "", "", "" },
    { 23, "image/png", "", "", "" },
    { 40, "application/link-format", "", "", "" },
    { 41, "application/xml", "", "", "" },
    { 42, "application/octet-stream", "", "", "" },
    { 47, "application/exi", "", "", "" },
    { 50, "application/json", "", "", "" },
    { 51, "application/json-patch+json", "", "", "" },
    { 52, "application/merge-patch+json", "", "", "" },
    { 60, "application/cbor", "", "", "" },
    { 61, "application/cwt", "", "", "" },
    { 62, "application/multipart-core", "", "", "" },
    { 63, "application/cbor-seq", "", "", "" },
    { 64, "application/edhoc+cbor-seq", "", "", "" },
    { 65, "application/cid-edhoc+cbor-seq", "", "", "" },
    { 96, "application/cose", ";cose-type=\"cose-encrypt\"", "cose-encrypt", "" },
    { 97, "application/cose", ";cose-type=\"cose-mac\"", "cose-mac", "" },
    { 98, "application/cose", ";cose-type=\"cose-sign\"", "cose-sign", "" },
    { 101, "application/cose-key", "", "", "" },
    { 102, "application/cose-key-set", "", "", "" },
    { 110, "application/senml+json", "", "", "" },
    { 111, "application/sensml+json", "", "", "" },
    { 112, "application/senml+cbor", "", "", "" },
    { 113, "application/sensml+cbor", "", "", "" },
    { 114, "application/senml-exi", "", "", "" },
    { 115, "application/sensml-exi", "", "", "" },
    { 256, "application/coap-group+json", "", "", "" },
    { 271, "application/dots+cbor", "", "", "" },
    { 272, "application/missing-blocks+cbor-seq", "", "", "" },
    { 280, "application/pkcs7-mime", ";smime-type=server-generated-key", "server-generated-key",
      "" },
    { 281, "application/pkcs7-mime", ";smime-type=certs-only", "certs-only", "" },
    { 284, "application/pkcs8", "", "", "" },
    { 285, "application/csrattrs", "", "", "" },
    { 286, "application/pkcs10", "", "", "" },
    { 287, "application/pkix-cert", "", "", "" },
    { 310, "application/senml+xml", "", "", "" },
    { 311, "application/sensml+xml", "", "", "" },
    { 320, "application/senml-etch+json", "", "", "" },
    { 322, "application/senml-etch+cbor", "", "", "" },
    { 432, "application/td+json", "", "", "" },
    { 10000, "application/vnd.ocf+cbor", "", "", "" },
    { 10001, "application/oscore", "", "", "" },
    { 11050, "application/json", "", "", "deflate" },
    { 11060, "application/cbor", "", "", "deflate" },
    { 11542, "application/vnd.oma.lwm2m+tlv", "", "", "" },
    { 11543, "application/vnd.oma.lwm2m+json", "", "", "" },
    { 11544, "application/vnd.oma.lwm2m+cbor", "", "", "" },
};

#define ROW_COUNT (sizeof registry / sizeof registry[0])

static void to_lower(char *text)
{
    for (; *text != '\0'; text++) {
        *text = (char)talc_text_lower(*text);
    }
}

/* "0", "0.25", "1.000" (RFC 9110 section 12.4.2); anything else is no weight and counts as 0. */
static uint32_t read_weight(const char *text)
{
    talc_text_reader reader;
    uint32_t whole, weight = 0, unit = 100;
    talc_text_reader_string(&reader, text);
    if (!talc_text_reader_number(&reader, &whole) || whole > 1) {
        return 0;
    }
    talc_text_reader_take(&reader, '.');
    while (talc_text_is_digit(talc_text_reader_peek(&reader)) && unit > 0) {
        weight += unit * (uint32_t)(talc_text_reader_next(&reader) - '0');
        unit /= 10;
    }
    return !talc_text_reader_at_end(&reader) ? 0 : whole == 1 ? 1000 : weight;
}

static int32_t read_cf(const char *text)
{
    talc_text_reader reader;
    uint32_t number;
    talc_text_reader_string(&reader, text);
    return talc_text_reader_number(&reader, &number) && talc_text_reader_at_end(&reader) &&
                   number <= UINT16_MAX
               ? (int32_t)number
               : TALC_GATEWAY_FORMAT_NONE;
}

static void keep_parameter(talc_gateway_media_type *type, talc_text_piece name, const char *value)
{
    if (talc_text_piece_is(name, "charset")) {
        snprintf(type->charset, sizeof type->charset, "%s", value);
    } else if (talc_text_piece_is(name, "cose-type") || talc_text_piece_is(name, "smime-type")) {
        snprintf(type->variant, sizeof type->variant, "%s", value);
    } else if (talc_text_piece_is(name, "cf")) {
        type->cf = read_cf(value);
    } else if (talc_text_piece_is(name, "q")) {
        type->weight = read_weight(value);
    }
}

/* ";name=value" with blanks where RFC 9110 section 5.6.6 allows them. */
static bool read_parameter(talc_gateway_media_type *type, talc_text_reader *reader)
{
    char value[128];
    talc_text_reader_skip_blanks(reader);
    talc_text_piece name = talc_text_reader_token(reader);
    if (name.size == 0) {
        return true; /* a semicolon at the end */
    }
    if (!talc_text_reader_take(reader, '=')) {
        return false;
    }
    if (talc_text_reader_peek(reader) == '"') {
        if (!talc_text_reader_quoted(reader, value, sizeof value)) {
            return false;
        }
    } else {
        talc_text_piece token = talc_text_reader_token(reader);
        if (token.size == 0 || !talc_text_piece_copy(token, value, sizeof value)) {
            return false;
        }
    }
    to_lower(value);
    keep_parameter(type, name, value);
    return true;
}

bool talc_gateway_media_type_read(talc_gateway_media_type *type, talc_text_reader *reader)
{
    memset(type, 0, sizeof *type);
    type->cf = TALC_GATEWAY_FORMAT_NONE;
    type->weight = 1000;
    talc_text_reader_skip_blanks(reader);
    talc_text_piece first = talc_text_reader_token(reader);
    if (!talc_text_reader_take(reader, '/')) {
        return false;
    }
    talc_text_piece second = talc_text_reader_token(reader);
    if (first.size == 0 || second.size == 0 || first.size + 1 + second.size >= sizeof type->name) {
        return false;
    }
    snprintf(type->name, sizeof type->name, "%.*s/%.*s", (int)first.size, first.text,
             (int)second.size, second.text);
    to_lower(type->name);
    talc_text_reader_skip_blanks(reader);
    while (talc_text_reader_take(reader, ';')) {
        if (!read_parameter(type, reader)) {
            return false;
        }
        talc_text_reader_skip_blanks(reader);
    }
    return talc_text_reader_at_end(reader);
}

/* CoAP knows UTF-8 only. */
static bool is_utf8(const char *charset)
{
    return charset[0] == '\0' || strcmp(charset, "utf-8") == 0 || strcmp(charset, "utf8") == 0 ||
           strcmp(charset, "us-ascii") == 0;
}

bool talc_gateway_media_type_is_payload(const talc_gateway_media_type *type)
{
    return strcmp(type->name, "application/coap-payload") == 0;
}

int32_t talc_gateway_format_of(const talc_gateway_media_type *type, const char *coding)
{
    /* Two names of one thing (RFC 7303 section 9.2). */
    const char *name = strcmp(type->name, "text/xml") == 0 ? "application/xml" : type->name;
    if (talc_gateway_media_type_is_payload(type) && coding[0] == '\0') {
        return type->cf;
    }
    for (size_t i = 0; i < ROW_COUNT && is_utf8(type->charset); i++) {
        if (strcmp(registry[i].name, name) == 0 && strcmp(registry[i].coding, coding) == 0 &&
            strcmp(registry[i].variant, type->variant) == 0) {
            return registry[i].format;
        }
    }
    return TALC_GATEWAY_FORMAT_NONE;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size > end_size && strcmp(text + size - end_size, end) == 0;
}

int32_t talc_gateway_format_general(const talc_gateway_media_type *type)
{
    static const struct {
        const char *suffix;
        int32_t format;
    } suffixes[] = { { "+json", 50 }, { "+cbor", 60 }, { "+xml", 41 } };
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (ends_with(type->name, suffixes[i].suffix) && is_utf8(type->charset)) {
            return suffixes[i].format;
        }
    }
    return TALC_GATEWAY_FORMAT_NONE;
}

bool talc_gateway_media_type_is_structured(const talc_gateway_media_type *type)
{
    return ends_with(type->name, "/json") || ends_with(type->name, "+json") ||
           ends_with(type->name, "/cbor") || ends_with(type->name, "+cbor") ||
           talc_gateway_media_type_is_payload(type);
}

const char *talc_gateway_format_text(uint16_t format, char text[TALC_GATEWAY_MEDIA_TYPE_SIZE])
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (registry[i].format == format) {
            snprintf(text, TALC_GATEWAY_MEDIA_TYPE_SIZE, "%s%s", registry[i].name,
                     registry[i].parameter);
            return registry[i].coding[0] != '\0' ? registry[i].coding : NULL;
        }
    }
    snprintf(text, TALC_GATEWAY_MEDIA_TYPE_SIZE, "application/coap-payload;cf=%u",
             (unsigned)format);
    return NULL;
}

void talc_gateway_coding_read(const talc_http_message *message, char coding[16])
{
    talc_gateway_field_list list;
    talc_text_reader element;
    coding[0] = '\0';
    talc_gateway_field_list_init(&list, message, "Content-Encoding");
    while (talc_gateway_field_list_next(&list, &element)) {
        talc_text_piece name = talc_text_reader_token(&element);
        if (talc_text_piece_is(name, "identity") && talc_text_reader_at_end(&element)) {
            continue;
        }
        if (coding[0] != '\0' || !talc_text_reader_at_end(&element) ||
            !talc_text_piece_copy(name, coding, 16)) {
            memcpy(coding, "?", 2);
            return;
        }
        to_lower(coding);
    }
}

talc_gateway_wish talc_gateway_accept_read(const talc_http_message *message)
{
    talc_gateway_wish wish = { TALC_GATEWAY_FORMAT_NONE, false };
    talc_gateway_field_list list;
    talc_text_reader element;
    uint32_t weight = 0;
    talc_gateway_field_list_init(&list, message, "Accept");
    while (talc_gateway_field_list_next(&list, &element)) {
        talc_gateway_media_type type;
        if (!talc_gateway_media_type_read(&type, &element) || type.weight == 0) {
            continue;
        }
        if (strchr(type.name, '*') != NULL) {
            wish.format = TALC_GATEWAY_FORMAT_NONE;
            return wish;
        }
        int32_t format = talc_gateway_format_of(&type, "");
        if (format != TALC_GATEWAY_FORMAT_NONE && type.weight > weight) {
            wish.format = format;
            wish.is_payload = talc_gateway_media_type_is_payload(&type);
            weight = type.weight;
        }
    }
    return wish;
}
