/* SPDX-License-Identifier: MIT */
#include "gateway/message_copy.h"

#include <stdlib.h>
#include <string.h>

/* What a copy consists of. */
typedef struct copied {
    talc_coap_message message; /* first: it is what the caller frees */
    talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    uint8_t bytes[]; /* values, then the body */
} copied;

static size_t values_size(const talc_coap_message *message)
{
    size_t size = 0;
    for (size_t i = 0; i < message->option_count; i++) {
        size += message->options[i].size;
    }
    return size;
}

static void copy_options(copied *copy, const talc_coap_message *message)
{
    size_t at = 0;
    for (size_t i = 0; i < message->option_count; i++) {
        copy->options[i] = message->options[i];
        copy->options[i].value = &copy->bytes[at];
        if (message->options[i].size > 0) {
            memcpy(&copy->bytes[at], message->options[i].value, message->options[i].size);
        }
        at += message->options[i].size;
    }
}

talc_coap_message *talc_gateway_message_copy(const talc_coap_message *message)
{
    if (message->option_count > TALC_COAP_MESSAGE_OPTIONS_MAX) {
        return NULL;
    }
    size_t size = values_size(message);
    if (message->body_size > SIZE_MAX - sizeof(copied) - size) {
        return NULL;
    }
    copied *copy = calloc(1, sizeof *copy + size + message->body_size);
    if (copy == NULL) {
        return NULL;
    }
    copy->message = *message;
    copy->message.options = copy->options;
    copy_options(copy, message);
    copy->message.body = &copy->bytes[size];
    if (message->body_size > 0) {
        memcpy(&copy->bytes[size], message->body, message->body_size);
    }
    return &copy->message;
}
