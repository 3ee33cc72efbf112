/* SPDX-License-Identifier: MIT */
/* What is read as a message of `ecc` is that message and no other: written again it is the same. */
#include <stdlib.h>
#include <string.h>

#include "lib/ecc_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(const uint8_t *written, size_t written_size, const uint8_t *data, size_t size)
{
    if (written_size != size || memcmp(written, data, size) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    talc_ecc_m1 m1;
    talc_ecc_m2 m2;
    talc_ecc_m3 m3;
    uint8_t written[TALC_ECC_M3_SIZE_MAX];
    if (talc_ecc_m1_read(&m1, data, size) == TALC_OK) {
        talc_ecc_m1_write(&m1, written);
        expect(written, TALC_ECC_M1_SIZE, data, size);
    }
    if (talc_ecc_m2_read(&m2, data, size) == TALC_OK) {
        talc_ecc_m2_write(&m2, written);
        expect(written, TALC_ECC_M2_SIZE, data, size);
    }
    if (talc_ecc_m3_read(&m3, data, size) == TALC_OK) {
        expect(written, talc_ecc_m3_write(&m3, written), data, size);
    }
    if (talc_ecc_m4_read(data, size) == TALC_OK) {
        talc_ecc_m4_write(written);
        expect(written, TALC_ECC_M4_SIZE, data, size);
    }
    return 0;
}
