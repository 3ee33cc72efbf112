/* SPDX-License-Identifier: MIT */
#include "gateway/draft.h"

#include "gateway/uri_path.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void talc_gateway_draft_begin(talc_gateway_draft *draft)
{
    memset(&draft->coap, 0, sizeof draft->coap);
    memset(&draft->http, 0, sizeof draft->http);
    draft->coap.options = draft->options;
    draft->http.fields = draft->fields;
    draft->stored = 0;
    draft->is_full = 0;
}

static char *store(talc_gateway_draft *draft, const void *bytes, size_t size)
{
    if (size > sizeof draft->store - draft->stored) {
        draft->is_full = 1;
        return NULL;
    }
    char *copy = &draft->store[draft->stored];
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    draft->stored += size;
    return copy;
}

void talc_gateway_draft_option(talc_gateway_draft *draft, uint16_t number, const uint8_t *value,
                               size_t size)
{
    size_t at = draft->coap.option_count;
    if (at == TALC_COAP_MESSAGE_OPTIONS_MAX || size > UINT16_MAX) {
        draft->is_full = 1;
        return;
    }
    const char *copy = store(draft, value, size);
    if (copy == NULL) {
        return;
    }
    for (; at > 0 && draft->options[at - 1].number > number; at--) {
        draft->options[at] = draft->options[at - 1];
    }
    draft->options[at].number = number;
    draft->options[at].size = (uint16_t)size;
    draft->options[at].value = size > 0 ? (const uint8_t *)copy : NULL;
    draft->coap.option_count++;
}

void talc_gateway_draft_uint(talc_gateway_draft *draft, uint16_t number, uint32_t value)
{
    uint8_t bytes[4];
    size_t size = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        if (size > 0 || value >> shift > 0) {
            bytes[size++] = (uint8_t)(value >> shift);
        }
    }
    talc_gateway_draft_option(draft, number, bytes, size);
}

static void add_parts(talc_gateway_draft *draft, uint16_t number, talc_text_reader *reader,
                      char separator)
{
    const char ends[2] = { separator, '\0' };
    do {
        uint8_t bytes[TALC_GATEWAY_PART_SIZE_MAX];
        size_t size;
        if (!talc_gateway_uri_decode(talc_text_reader_until(reader, ends), bytes, &size)) {
            draft->is_full = 1;
            return;
        }
        talc_gateway_draft_option(draft, number, bytes, size);
    } while (talc_text_reader_take(reader, separator));
}

void talc_gateway_draft_path(talc_gateway_draft *draft, uint16_t number, const char *path)
{
    talc_text_reader reader;
    talc_text_reader_string(&reader, path);
    if (talc_text_reader_take(&reader, '/') && !talc_text_reader_at_end(&reader)) {
        add_parts(draft, number, &reader, '/');
    }
}

void talc_gateway_draft_query(talc_gateway_draft *draft, uint16_t number, const char *query)
{
    talc_text_reader reader;
    talc_text_reader_string(&reader, query);
    if (!talc_text_reader_at_end(&reader)) {
        add_parts(draft, number, &reader, '&');
    }
}

static bool is_field_value(const char *value)
{
    for (; *value != '\0'; value++) {
        if ((*value < ' ' || *value > '~') && *value != '\t') {
            return false;
        }
    }
    return true;
}

const char *talc_gateway_draft_text(talc_gateway_draft *draft, const char *text)
{
    return store(draft, text, strlen(text) + 1);
}

void talc_gateway_draft_field(talc_gateway_draft *draft, const char *name, const char *value)
{
    if (!is_field_value(value)) {
        return;
    }
    const char *copy = talc_gateway_draft_text(draft, value);
    if (copy == NULL || draft->http.field_count == TALC_GATEWAY_FIELDS_MAX) {
        draft->is_full = 1;
        return;
    }
    draft->fields[draft->http.field_count].name = name;
    draft->fields[draft->http.field_count].value = copy;
    draft->http.field_count++;
}

uint8_t talc_gateway_draft_refuse(talc_gateway_draft *draft, uint8_t code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(draft->reason, sizeof draft->reason, format, arguments);
    va_end(arguments);
    return code;
}
