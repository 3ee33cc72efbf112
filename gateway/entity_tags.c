/* SPDX-License-Identifier: MIT */
#include "gateway/entity_tags.h"

#include "gateway/field_list.h"
#include "lib/crypto.h"

#include <string.h>

void talc_gateway_tag_write(talc_text_writer *writer, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    talc_text_writer_put(writer, '"');
    for (size_t i = 0; i < size; i++) {
        talc_text_writer_put(writer, digits[bytes[i] >> 4]);
        talc_text_writer_put(writer, digits[bytes[i] & 15]);
    }
    talc_text_writer_put(writer, '"');
}

/* Upper case would be a second text of the same bytes. */
static int digit_value(char digit)
{
    return digit >= 'A' && digit <= 'F' ? -1 : talc_text_hex_value((unsigned char)digit);
}

static bool decode(talc_text_piece text, talc_gateway_tag *tag)
{
    tag->size = 0;
    if (text.size == 0 || text.size % 2 != 0 || text.size > 2 * sizeof tag->bytes) {
        return false;
    }
    for (size_t i = 0; i < text.size; i += 2) {
        int high = digit_value(text.text[i]), low = digit_value(text.text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        tag->bytes[i / 2] = (uint8_t)(high * 16 + low);
    }
    tag->size = (uint8_t)(text.size / 2);
    return true;
}

/* entity-tag of RFC 9110 section 8.8.3: no escapes inside the quotes. */
static bool read_text(talc_text_reader *reader, talc_text_piece *text, bool *is_weak)
{
    *is_weak = talc_text_reader_take(reader, 'W');
    if (*is_weak && !talc_text_reader_take(reader, '/')) {
        return false;
    }
    if (!talc_text_reader_take(reader, '"')) {
        return false;
    }
    *text = talc_text_reader_until(reader, "\"");
    return talc_text_reader_take(reader, '"') && talc_text_reader_at_end(reader);
}

bool talc_gateway_tag_read(talc_text_reader *reader, talc_gateway_tag *tag, bool *is_weak)
{
    talc_text_piece text;
    return read_text(reader, &text, is_weak) && decode(text, tag);
}

static bool digest(talc_text_piece text, talc_gateway_tag *tag)
{
    uint8_t sum[TALC_SHA256_SIZE];
    if (talc_crypto_start() != TALC_OK || talc_sha256(text.text, text.size, sum) != TALC_OK) {
        return false;
    }
    memcpy(tag->bytes, sum, sizeof tag->bytes);
    tag->size = sizeof tag->bytes;
    return true;
}

bool talc_gateway_tag_of_response(const talc_http_message *response, talc_gateway_tag *tag)
{
    talc_text_reader reader;
    talc_text_piece text;
    bool is_weak;
    tag->size = 0;
    if (talc_gateway_field_count(response, "ETag") != 1) {
        return false;
    }
    talc_text_reader_string(&reader, talc_http_field_find(response, "ETag"));
    if (!read_text(&reader, &text, &is_weak) || is_weak) {
        return false; /* all tags of CoAP are strong (RFC 7252 section 10.1.1) */
    }
    return decode(text, tag) || digest(text, tag);
}

bool talc_gateway_tag_is_asked(const talc_gateway_asked *asked, const talc_gateway_tag *tag)
{
    for (size_t i = 0; i < asked->tag_count; i++) {
        if (tag->size > 0 && asked->tags[i].size == tag->size &&
            memcmp(asked->tags[i].bytes, tag->bytes, tag->size) == 0) {
            return true;
        }
    }
    return false;
}

bool talc_gateway_tag_ask(talc_gateway_asked *asked, const talc_gateway_tag *tag)
{
    if (asked->tag_count == TALC_GATEWAY_TAGS_MAX) {
        return false;
    }
    asked->tags[asked->tag_count++] = *tag;
    return true;
}
