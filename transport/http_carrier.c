/* SPDX-License-Identifier: MIT */
#include "transport/http_carrier.h"

#include "lib/failure.h"

static talc_status carrier_open(void **link, const talc_carrier_target *target,
                                const talc_carrier_events *events, talc_failure *failure)
{
    (void)target;
    (void)events;
    *link = NULL;
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED, "no HTTP yet");
}

const talc_carrier talc_http_carrier = { .scheme = "http", .open = carrier_open };
const talc_carrier talc_https_carrier = { .scheme = "https", .open = carrier_open };
