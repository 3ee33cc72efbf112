/* SPDX-License-Identifier: MIT */
#include "transport/http_carrier.h"

#include "lib/failure.h"

static talc_status listener_open(void **link, const talc_listener_target *target,
                                 const talc_listener_events *events, talc_failure *failure)
{
    (void)target;
    (void)events;
    *link = NULL;
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED, "no HTTP yet");
}

const talc_listener talc_http_listener = { .scheme = "http", .open = listener_open };
const talc_listener talc_https_listener = { .scheme = "https", .open = listener_open };
