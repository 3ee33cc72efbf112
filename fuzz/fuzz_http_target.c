/* SPDX-License-Identifier: MIT */

/* A session id that is read out of a target is read out of its plain spelling, and out of the one
 * that has every character percent-encoded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/base64.h"
#include "transport/http_target.h"

#define TARGET_MAX 4096
#define PATH "/.well-known/atls"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char target[TARGET_MAX + 1];
    char text[16], plain[64], encoded[128] = PATH "?";
    uint8_t id[TALC_SESSION_ID_SIZE], again[TALC_SESSION_ID_SIZE];
    size = size < TARGET_MAX ? size : TARGET_MAX;
    memcpy(target, data, size);
    target[size] = '\0';
    int is_ours = talc_http_target_has_path(target, PATH);
    if (!talc_http_target_session_id(target, id) || !is_ours) {
        return 0;
    }
    (void)talc_base64_encode(id, sizeof id, text, sizeof text);
    int length = snprintf(plain, sizeof plain, PATH "?s=%.16s", text);
    for (int i = (int)strlen(PATH) + 1; i < length; i++) {
        snprintf(encoded + strlen(encoded), 4, "%%%02x", (unsigned char)plain[i]);
    }
    if (!talc_http_target_session_id(plain, again) || memcmp(id, again, sizeof id) != 0 ||
        !talc_http_target_session_id(encoded, again) || memcmp(id, again, sizeof id) != 0) {
        abort();
    }
    return 0;
}
