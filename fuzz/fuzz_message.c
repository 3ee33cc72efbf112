/* SPDX-License-Identifier: MIT */
/* A message inside a session: what can be read can be written, and then reads the same. */
#include <stdlib.h>
#include <string.h>

#include "lib/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t measured = 0;
    talc_frame first, second;
    if (talc_frame_measure(data, size, &measured) != TALC_OK || measured > size ||
        talc_frame_read(data, (size_t)measured, &first) != TALC_OK || first.refused_option != 0) {
        return 0;
    }
    size_t room = talc_frame_size_max(&first);
    size_t written = 0;
    uint8_t *bytes = malloc(room);
    if (bytes == NULL) {
        return 0;
    }
    if (talc_frame_write(&first, bytes, room, &written) != TALC_OK || written > measured ||
        talc_frame_read(bytes, written, &second) != TALC_OK ||
        second.payload_size != first.payload_size ||
        (second.payload_size > 0 &&
         memcmp(second.payload, first.payload, second.payload_size) != 0)) {
        abort();
    }
    second.payload = first.payload;
    if (memcmp(&first, &second, sizeof first) != 0) { /* talc_frame_init() wipes the gaps too */
        abort();
    }
    free(bytes);
    return 0;
}
