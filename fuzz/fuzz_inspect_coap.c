/* SPDX-License-Identifier: MIT */

/* What a datagram holds lies within it; a block has a number below 2^20. */
#include <stdlib.h>

#include "tools/inspect_coap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    inspect_coap message;
    if (!inspect_coap_read(data, size, &message)) {
        return 0;
    }
    if (message.payload_size > size || message.token_size > INSPECT_TOKEN_SIZE_MAX ||
        (message.payload_size > 0 && message.payload + message.payload_size != data + size) ||
        message.block1.offset >> 20 >= 2048 || message.block2.offset >> 20 >= 2048) {
        abort();
    }
    return 0;
}
