/* SPDX-License-Identifier: MIT */
#include "bench/testbed.h"

#include <stdio.h>
#include <string.h>

talc_status testbed_client_new(const testbed *of, const testbed_client *wanted,
                               talc_client **client, talc_failure *failure)
{
    char uri[64];
    talc_config config = credentials_client_config(&of->clients[wanted->mode], TALC_TLS_1_3);
    config.mode = mode_rows[wanted->mode].mode;
    config.tickets = wanted->tickets;
    config.request_timeout_ms = wanted->timeout_ms;
    config.failure = failure;
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)wanted->port);
    return talc_client_new(client, &config, uri, NULL);
}

static talc_status try_mode(testbed *opened, mode_name mode)
{
    talc_client *client = NULL;
    uint16_t port = hosts_port(opened->servers, mode_rows[mode].mode);
    const testbed_client wanted = { .mode = mode, .port = port != 0 ? port : 1, .timeout_ms = 1 };
    talc_failure *refusal = &opened->refusals[mode];
    talc_status status = testbed_client_new(opened, &wanted, &client, refusal);
    talc_client_free(client);
    if (status == TALC_OK && port == 0) {
        snprintf(refusal->text, sizeof refusal->text, "the library has no server for it");
    }
    opened->is_served[mode] = status == TALC_OK && port != 0;
    return status;
}

static talc_status load_mode(testbed *opened, mode_name mode, const char *folder,
                             talc_failure *failure)
{
    talc_status status =
        credentials_load(&opened->clients[mode], mode_rows[mode].kind, folder, failure);
    if (status == TALC_OK) {
        status = try_mode(opened, mode);
        *failure = opened->refusals[mode];
    }
    return status == TALC_ERROR_UNSUPPORTED ? TALC_OK : status;
}

talc_status testbed_open(testbed *opened, const char *folder, talc_failure *failure)
{
    memset(opened, 0, sizeof *opened);
    talc_status status = hosts_start(&opened->servers, folder, failure);
    for (int mode = 0; mode < MODES && status == TALC_OK; mode++) {
        status = load_mode(opened, (mode_name)mode, folder, failure);
    }
    if (status == TALC_OK) {
        opened->paths = relays_start();
        status = opened->paths != NULL ? TALC_OK : TALC_ERROR_IO;
    }
    if (status != TALC_OK) {
        testbed_close(opened);
    }
    return status;
}

void testbed_close(testbed *closed)
{
    relays_stop(closed->paths);
    hosts_stop(closed->servers);
    for (size_t i = 0; i < MODES; i++) {
        credentials_clear(&closed->clients[i]);
    }
    memset(closed, 0, sizeof *closed);
}
