/* SPDX-License-Identifier: MIT */
/*
 * Two `ecc` engines and a path that does what the input says. The input is a row of parts: a control
 * byte, a size, bytes. Control: bit 0, which side hears them; bit 1, what the other side has said
 * passes, damaged by the bytes; else the bytes alone.
 */
#include "fuzz/ecc_stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ecc_stage stage;
    ecc_stage_begin(&stage);
    for (int i = 0; i < 64 && size >= 2; i++) {
        talc_role to = (data[0] & 1) != 0 ? TALC_ROLE_SERVER : TALC_ROLE_CLIENT;
        size_t part = data[1] < size - 2 ? data[1] : size - 2;
        if ((data[0] & 2) != 0) {
            ecc_stage_pass(&stage, to, data + 2, part);
        } else {
            ecc_stage_feed(&stage, to, data + 2, part);
        }
        data += 2 + part;
        size -= 2 + part;
    }
    ecc_stage_end(&stage);
    return 0;
}
