/* SPDX-License-Identifier: MIT */
/* Stands in for http_server.c in a build without HTTP. Nothing can be opened, so nothing else is
 * ever called with anything. */
#include "transport/http_server.h"

#include "lib/failure.h"

static talc_status absent(talc_failure *failure)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                            "this build has no HTTP: it was made with -Dhttp=disabled, or without "
                            "libcurl or libmicrohttpd");
}

talc_status talc_http_server_open(talc_http_server **server, const talc_http_server_setup *setup,
                                  talc_failure *failure)
{
    (void)setup;
    *server = NULL;
    return absent(failure);
}

void talc_http_server_reply(talc_http_server *server, void *handle,
                            const talc_http_message *response)
{
    (void)server;
    (void)handle;
    (void)response;
}

talc_status talc_http_server_process(talc_http_server *server)
{
    (void)server;
    return TALC_OK;
}

int talc_http_server_descriptor(const talc_http_server *server)
{
    (void)server;
    return -1;
}

uint32_t talc_http_server_timeout_ms(const talc_http_server *server)
{
    (void)server;
    return UINT32_MAX;
}

uint16_t talc_http_server_port(const talc_http_server *server)
{
    (void)server;
    return 0;
}

size_t talc_http_server_connections(const talc_http_server *server)
{
    (void)server;
    return 0;
}

void talc_http_server_close(talc_http_server *server)
{
    (void)server;
}
