/* SPDX-License-Identifier: MIT */

/* What a ticket says of its owner is written as it was read. */
#include <stdlib.h>
#include <string.h>

#include "lib/ticket_proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[TALC_TICKET_PROOF_SIZE_MAX];
    talc_ticket_proof proof;
    size_t used = 0;
    if (talc_ticket_proof_read(&proof, data, size, &used) == TALC_OK &&
        (used > size || talc_ticket_proof_write(&proof, bytes) != used ||
         memcmp(bytes, data, used) != 0)) {
        abort();
    }
    return 0;
}
