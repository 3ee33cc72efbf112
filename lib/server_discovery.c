/* SPDX-License-Identifier: MIT */
/* What a server tells of its resources, in every mode the same. */
#include <stdlib.h>
#include <string.h>

#include "lib/discovery.h"
#include "lib/failure.h"
#include "lib/server_state.h"

talc_status talc_server_describe(talc_server *server, const char *path,
                                 const talc_resource_description *description)
{
    talc_failure spare;
    if (server == NULL) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_failure *failure = talc_configuration_failure(&server->configuration.config, &spare);
    talc_status status = talc_routes_describe(server->routes, path, description);
    if (status != TALC_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, status,
                                "the resource \"%.200s\" cannot be described: %s",
                                path == NULL ? "" : path,
                                status == TALC_ERROR_MEMORY ? "out of memory"
                                : status == TALC_ERROR_TOO_LARGE
                                    ? "a string is longer than 255 bytes"
                                    : "it is not served, or a format is none, or a string holds '\"', "
                                      "'\\' or a control character");
    }
    return TALC_OK;
}

/* RFC 7252 section 5.10.4: who accepts another format only gets 4.06. */
static bool is_acceptable(const talc_request *request)
{
    return request->accept == TALC_FORMAT_NONE || request->accept == TALC_FORMAT_LINKS;
}

void talc_server_discover(void *context, talc_exchange *exchange, const talc_request *request)
{
    talc_server *server = context;
    char *text = NULL;
    talc_response response = { TALC_CODE(4, 6), TALC_FORMAT_NONE, NULL, 0 };
    if (is_acceptable(request)) {
        talc_status status =
            talc_discovery_write(server->routes, request->query, &text, &response.payload_size);
        response.code = status == TALC_OK               ? TALC_CODE_CONTENT
                        : status == TALC_ERROR_ARGUMENT ? TALC_CODE_BAD_REQUEST
                                                        : TALC_CODE_INTERNAL_ERROR;
        response.content_format = status == TALC_OK ? TALC_FORMAT_LINKS : TALC_FORMAT_NONE;
        response.payload = text;
    }
    (void)talc_exchange_respond(exchange, &response);
    free(text);
}
