/* SPDX-License-Identifier: MIT */

/* Every byte string survives the round trip, and a text that is accepted is the only one for its
 * bytes. */
#include <stdlib.h>
#include <string.h>

#include "records/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t text_size = talc_base64_encoded_size(size);
    char *text = malloc(text_size + 1);
    uint8_t *bytes = malloc(size + 1);
    require(text != NULL && bytes != NULL);
    require(talc_base64_encode(data, size, text, text_size) == TALC_OK);
    require(talc_base64_decode(text, text_size, bytes, size) == TALC_OK);
    require(memcmp(bytes, data, size) == 0);

    size_t byte_count = talc_base64_decoded_size(size);
    if (talc_base64_decode((const char *)data, size, bytes, byte_count) == TALC_OK) {
        require(talc_base64_encode(bytes, byte_count, text, size) == TALC_OK);
        require(memcmp(text, data, size) == 0);
    }
    free(bytes);
    free(text);
    return 0;
}
