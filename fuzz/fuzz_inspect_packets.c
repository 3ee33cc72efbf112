/* SPDX-License-Identifier: MIT */

/* Whatever tshark lists of a capture, it is read, put together and concluded from. */
#include <stdlib.h>

#include "tools/inspect_packets.h"
#include "tools/inspect_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    inspection all;
    inspect_reading reading = { 0 };
    const inspect_choice choice = { .has_session = false };
    const inspect_source source = { .path = "input" };
    FILE *out = fopen("/dev/null", "w");
    FILE *lines = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (out != NULL && lines != NULL && inspection_begin(&all)) {
        (void)inspect_packets_read(&all, &source, lines, &reading);
        inspection_finish(&all);
        inspect_report_write(&all, &choice, out);
        inspection_end(&all);
    }
    if (lines != NULL) {
        fclose(lines);
    }
    if (out != NULL) {
        fclose(out);
    }
    return 0;
}
