/* SPDX-License-Identifier: MIT */
#include "fuzz/gateway_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536

talc_gateway_asked gateway_input_asked;
const talc_gateway_self gateway_input_self = { "gw-1", 4096, 0 };

/* A sender's options come sorted. */
static int compare(const void *left, const void *right)
{
    const talc_coap_message_option *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

const talc_coap_message *gateway_input_coap(const uint8_t *data, size_t size)
{
    static talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    static talc_coap_message message;
    size_t at = 1;
    memset(&message, 0, sizeof message);
    message.code = size > 0 ? data[0] : 0;
    message.options = options;
    while (at + 3 <= size && message.option_count < TALC_COAP_MESSAGE_OPTIONS_MAX) {
        uint16_t number = (uint16_t)(data[at] << 8 | data[at + 1]);
        size_t length = data[at + 2];
        if (number == 0xffff || length > size - at - 3) {
            break;
        }
        options[message.option_count].number = number;
        options[message.option_count].size = (uint16_t)length;
        options[message.option_count++].value = length > 0 ? &data[at + 3] : NULL;
        at += 3 + length;
    }
    qsort(options, message.option_count, sizeof options[0], compare);
    message.body_size = at + 2 < size ? size - at - 2 : 0;
    message.body = message.body_size > 0 ? &data[at + 2] : NULL;
    return &message;
}

/* Fields as "Name: value"; the server of HTTP has taken out what cannot stand in them. */
static void add_line(talc_http_message *message, talc_http_field *fields, char *line)
{
    char *colon = strchr(line, ':');
    if (colon != NULL && message->field_count < TALC_GATEWAY_FIELDS_MAX) {
        *colon = '\0';
        fields[message->field_count].name = line;
        fields[message->field_count++].value = colon[1] == ' ' ? colon + 2 : colon + 1;
    }
}

static void begin_line(talc_http_message *message, char *line)
{
    char *blank = strchr(line, ' ');
    if (blank != NULL) {
        *blank = '\0';
        message->method = line;
        message->target = blank + 1;
    } else {
        message->status = (unsigned)atoi(line) % 1000;
    }
}

const talc_http_message *gateway_input_http(const uint8_t *data, size_t size)
{
    static talc_http_field fields[TALC_GATEWAY_FIELDS_MAX];
    static talc_http_message message;
    static char text[TEXT_MAX];
    size_t begin = 0, text_size = size < TEXT_MAX ? size : TEXT_MAX - 1;
    memset(&message, 0, sizeof message);
    memcpy(text, data, text_size);
    text[text_size] = '\0';
    message.fields = fields;
    while (begin < text_size) {
        size_t length = strcspn(&text[begin], "\n");
        text[begin + length] = '\0';
        if (length == 0) {
            break;
        }
        if (begin == 0) {
            begin_line(&message, text);
        } else {
            add_line(&message, fields, &text[begin]);
        }
        begin += length + 1;
    }
    message.body_size = begin + 1 < text_size ? text_size - begin - 1 : 0;
    message.body = message.body_size > 0 ? (const uint8_t *)&text[begin + 1] : NULL;
    return &message;
}

static void check_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((*text < ' ' && *text != '\t') || *text > '~') {
            abort();
        }
    }
}

void gateway_input_check(const talc_gateway_draft *draft)
{
    for (size_t i = 1; i < draft->coap.option_count; i++) {
        if (draft->options[i - 1].number > draft->options[i].number) {
            abort();
        }
    }
    for (size_t i = 0; i < draft->http.field_count; i++) {
        check_text(draft->fields[i].name);
        check_text(draft->fields[i].value);
    }
    check_text(draft->http.target != NULL ? draft->http.target : "");
    check_text(draft->reason);
}

void gateway_input_ask(uint8_t choice)
{
    static const char *const targets[] = { "coap://[2001:db8::1]:7/base/x?y",
                                           "http://svc.example/base/x?y" };
    const char *target = targets[choice & 1];
    memset(&gateway_input_asked, 0, sizeof gateway_input_asked);
    talc_gateway_uri_read(&gateway_input_asked.target, target, strlen(target));
    gateway_input_asked.code = (uint8_t)(choice >> 1 & 7);
    gateway_input_asked.tag_count = choice >> 4 & 1;
    gateway_input_asked.tags[0] = (talc_gateway_tag){ { 'a' }, 1 };
    gateway_input_asked.way.kind = (talc_gateway_way_kind)((choice >> 5) % 3);
    snprintf(gateway_input_asked.way.prefix, TALC_GATEWAY_PREFIX_SIZE, "/prefix");
    snprintf(gateway_input_asked.way.base, TALC_GATEWAY_PREFIX_SIZE, "/base");
}
