/* SPDX-License-Identifier: MIT */

/* Whatever a client asks for, it gets the whole link, nothing, or an error. */
#include <stdlib.h>
#include <string.h>

#include "lib/discovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void handler(void *context, talc_exchange *exchange, const talc_request *request)
{
    (void)context;
    (void)exchange;
    (void)request;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const talc_resource_description description = { { 50 }, "r s", "i", "t", 0 };
    const talc_route_target target = { handler, NULL };
    talc_route *routes = NULL;
    char *query = calloc(1, size + 1);
    char *text = NULL;
    size_t text_size = 0;
    if (query == NULL || talc_routes_add(&routes, "a", TALC_ALLOW(TALC_GET), &target) != TALC_OK ||
        talc_routes_describe(routes, "a", &description) != TALC_OK) {
        abort();
    }
    memcpy(query, data, size);
    if (talc_discovery_write(routes, query, &text, &text_size) == TALC_OK && text_size > 0 &&
        strcmp(text, "</a>;rt=\"r s\";if=\"i\";ct=50;title=\"t\"") != 0) {
        abort();
    }
    free(text);
    free(query);
    talc_routes_free(&routes);
    return 0;
}
