/* SPDX-License-Identifier: MIT */
/* A URI that is accepted has one spelling, without dots to leave its path by; a rule for one host
 * lets no other one through. */
#include <stdlib.h>
#include <string.h>

#include "gateway/rules_pattern.h"
#include "gateway/uri_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static talc_gateway_uri uris[2];
static char texts[2][TALC_GATEWAY_URI_SIZE_MAX + TALC_GATEWAY_URI_ORIGIN_SIZE];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    talc_gateway_pattern pattern;
    if (talc_gateway_uri_read(&uris[0], (const char *)data, size) != TALC_OK) {
        return 0;
    }
    if (talc_gateway_uri_write(&uris[0], texts[0], sizeof texts[0]) != TALC_OK ||
        talc_gateway_uri_read(&uris[1], texts[0], strlen(texts[0])) != TALC_OK ||
        talc_gateway_uri_write(&uris[1], texts[1], sizeof texts[1]) != TALC_OK ||
        strcmp(texts[0], texts[1]) != 0 || talc_gateway_path_has_dots(uris[0].path)) {
        abort();
    }
    if (talc_gateway_pattern_read(&pattern, "http://svc.example/api/", NULL) != TALC_OK ||
        (talc_gateway_pattern_matches(&pattern, &uris[0]) &&
         strncmp(texts[0], "http://svc.example/api/", 23) != 0)) {
        abort();
    }
    return 0;
}
