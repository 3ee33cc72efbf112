/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_MESSAGES_H
#define TALC_TOOLS_INSPECT_MESSAGES_H

/** The CoAP messages in the plaintext of a session (RFC 8323 section 3.2), printed as they come. */

#include <stdio.h>

#include "tools/inspection.h"

typedef struct inspect_messages {
    FILE *out;
    size_t count; /**< messages that were printed */
    struct {
        uint8_t *bytes; /**< owned: of a message that is not whole */
        size_t size;
        bool is_broken; /**< what follows is no CoAP */
    } sides[2];
} inspect_messages;

void inspect_messages_begin(inspect_messages *messages, FILE *out);

/** Takes plaintext of one side, in order. */
void inspect_messages_take(inspect_messages *messages, inspect_direction sender,
                           const uint8_t *bytes, size_t size);

void inspect_messages_end(inspect_messages *messages);

#endif
