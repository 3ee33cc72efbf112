/* SPDX-License-Identifier: MIT */

/* What is read of a line lies within the text that belongs to it, and is as long as it says. */
#include <stdlib.h>
#include <string.h>

#include "records/proxy_log_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t capacity, const char *string)
{
    bool is_inside = string >= text && string < text + capacity;
    if (strlen(string) > 0 && !is_inside) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    talc_proxy_log_entry entry;
    char *text = malloc(2 * size + 16);
    if (text == NULL ||
        talc_proxy_log_read_line((const char *)data, size, text, &entry) != TALC_OK) {
        free(text);
        return 0;
    }
    const char *strings[] = { entry.protocol, entry.peer, entry.uri, entry.code, entry.reason };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        check(text, 2 * size + 16, strings[i]);
    }
    if (entry.body_size > size || (entry.body_size > 0 && !entry.has_body)) {
        abort();
    }
    free(text);
    return 0;
}
