/* SPDX-License-Identifier: MIT */
/* What is accepted can be written, is read back as the same, and is then written byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "records/envelope.h"

#define TEXT_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t write_and_read(const talc_envelope *envelope, char *text, talc_envelope *again)
{
    size_t size = 0;
    if (talc_envelope_write(envelope, text, TEXT_MAX, &size) != TALC_OK ||
        talc_envelope_read(text, size, TEXT_MAX, again) != TALC_OK ||
        again->range_size != envelope->range_size || again->offset != envelope->offset ||
        (again->range_size > 0 && memcmp(again->range, envelope->range, again->range_size) != 0)) {
        abort();
    }
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char texts[2][TEXT_MAX];
    static talc_envelope envelopes[3];
    if (talc_envelope_read((const char *)data, size, TEXT_MAX, &envelopes[0]) == TALC_OK) {
        size_t first = write_and_read(&envelopes[0], texts[0], &envelopes[1]);
        size_t second = write_and_read(&envelopes[1], texts[1], &envelopes[2]);
        if (first > size || first != second || memcmp(texts[0], texts[1], first) != 0) {
            abort();
        }
        talc_envelope_clear(&envelopes[1]);
        talc_envelope_clear(&envelopes[2]);
    }
    talc_envelope_clear(&envelopes[0]);
    return 0;
}
