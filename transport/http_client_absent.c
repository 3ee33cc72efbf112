/* SPDX-License-Identifier: MIT */
/* Stands in for http_client.c in a build without HTTP. Nothing can be opened, so nothing else is
 * ever called with anything. */
#include "transport/http_client.h"

#include "lib/failure.h"

static talc_status absent(talc_failure *failure)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                            "this build has no HTTP: it was made with -Dhttp=disabled, or without "
                            "libcurl or libmicrohttpd");
}

talc_status talc_http_client_open(talc_http_client **client, const talc_http_client_setup *setup,
                                  talc_failure *failure)
{
    (void)setup;
    *client = NULL;
    return absent(failure);
}

int talc_http_is_url(const char *text)
{
    (void)text;
    return 0;
}

talc_status talc_http_client_send(talc_http_client *client, uint32_t number, uint32_t attempt,
                                  const talc_http_message *request)
{
    (void)client;
    (void)number;
    (void)attempt;
    (void)request;
    return TALC_ERROR_UNSUPPORTED;
}

void talc_http_client_cancel(talc_http_client *client, uint32_t number)
{
    (void)client;
    (void)number;
}

talc_status talc_http_client_process(talc_http_client *client)
{
    (void)client;
    return TALC_OK;
}

int talc_http_client_descriptor(const talc_http_client *client)
{
    (void)client;
    return -1;
}

uint32_t talc_http_client_timeout_ms(const talc_http_client *client)
{
    (void)client;
    return UINT32_MAX;
}

void talc_http_client_close(talc_http_client *client)
{
    (void)client;
}
