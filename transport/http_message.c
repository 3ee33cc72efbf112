/* SPDX-License-Identifier: MIT */
#include "transport/http_message.h"

#include <strings.h>

const char *talc_http_field_find(const talc_http_message *message, const char *name)
{
    for (size_t i = 0; i < message->field_count; i++) {
        if (strcasecmp(message->fields[i].name, name) == 0) {
            return message->fields[i].value;
        }
    }
    return NULL;
}
