/* SPDX-License-Identifier: MIT */

/* A datagram shows no more than it did, if its last record is cut off. */
#include <stdlib.h>

#include "lib/dtls_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    talc_dtls_shown whole, cut;
    talc_dtls_shown_read(data, size, &whole);
    if (whole.alert < TALC_DTLS_NO_ALERT || whole.alert > UINT8_MAX) {
        abort();
    }
    for (size_t left = size; left > 0 && size - left < 32; left--) {
        talc_dtls_shown_read(data, left - 1, &cut);
        if (cut.client_hello > whole.client_hello || cut.sealed_alert > whole.sealed_alert ||
            cut.sealed_data > whole.sealed_data ||
            (cut.alert != TALC_DTLS_NO_ALERT && whole.alert == TALC_DTLS_NO_ALERT)) {
            abort();
        }
    }
    return 0;
}
