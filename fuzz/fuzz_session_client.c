/* SPDX-License-Identifier: MIT */
/*
 * A client that is answered anything, in place of and between the answers of a real server. The
 * input is a row of parts: a control byte, two bytes of length, a body. Control: bit 0, a genuine
 * exchange first; bit 1, the body is put behind {"i":<the number asked for>, which nobody could
 * guess; bits 2 and 3, time passes.
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
            stage_give_client(&stage, part.control & 2, &part);
        }
        stage_pass(&stage, times_ms[part.control >> 2 & 3]);
    }
    stage_end(&stage);
    return 0;
}
