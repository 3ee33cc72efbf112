/* SPDX-License-Identifier: MIT */
/*
 * A server that is sent anything, before, during and after a handshake with a real client. The
 * input is a row of parts: a control byte, two bytes of length, a body. Control: bit 0, the client's
 * own bodies pass first; bit 1, another session id than the client's; bits 2 and 3, time passes;
 * bits 4 to 7, the address.
 */
#include <stdlib.h>

#include "fuzz/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t times_ms[] = { 0, 100, 3000, 31000 };
    fuzz_stage stage;
    stage_part part;
    stage_begin(&stage);
    for (int i = 0; i < 64 && stage_part_next(&data, &size, &part); i++) {
        if ((part.control & 1) != 0) {
            stage_let_pass(&stage);
        }
        if (part.body_size > 0) {
            stage_give_server(&stage, part.control & 2, &part);
        }
        stage_pass(&stage, times_ms[part.control >> 2 & 3]);
    }
    stage_end(&stage);
    return 0;
}
