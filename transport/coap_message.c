/* SPDX-License-Identifier: MIT */
#include "transport/coap_message.h"

const talc_coap_message_option *talc_coap_message_find(const talc_coap_message *message,
                                                       uint16_t number)
{
    for (size_t i = 0; i < message->option_count; i++) {
        if (message->options[i].number == number) {
            return &message->options[i];
        }
    }
    return NULL;
}

uint32_t talc_coap_message_uint(const talc_coap_message *message, uint16_t number,
                                uint32_t fallback)
{
    const talc_coap_message_option *option = talc_coap_message_find(message, number);
    uint32_t value = 0;
    if (option == NULL || option->size > 4) {
        return fallback;
    }
    for (size_t i = 0; i < option->size; i++) {
        value = value << 8 | option->value[i];
    }
    return value;
}
