/* SPDX-License-Identifier: MIT */
/* Errors of the gateway's own. */
#include "gateway/codes.h"
#include "gateway/draft.h"

#include <stdio.h>
#include <string.h>

void talc_gateway_error_coap(talc_gateway_draft *draft, uint8_t code, const char *reason,
                             uint32_t retry_after_s)
{
    talc_gateway_draft_begin(draft);
    draft->coap.code = code;
    draft->coap.body = (const uint8_t *)reason;
    draft->coap.body_size = strlen(reason);
    /* 0: no cache keeps what may be better a second later (RFC 7252 section 5.6.1). */
    talc_gateway_draft_uint(draft, TALC_COAP_MAX_AGE, retry_after_s);
}

void talc_gateway_error_http(talc_gateway_draft *draft, uint8_t code, const char *reason,
                             uint32_t retry_after_s)
{
    char text[16];
    talc_gateway_draft_begin(draft);
    draft->http.status =
        code == TALC_GATEWAY_PROXYING_NOT_SUPPORTED ? 501 : talc_gateway_status_of(code);
    draft->http.body = (const uint8_t *)reason;
    draft->http.body_size = strlen(reason);
    talc_gateway_draft_field(draft, "Content-Type", "text/plain;charset=utf-8");
    talc_gateway_draft_field(draft, "Cache-Control", "no-store");
    if (retry_after_s > 0) {
        snprintf(text, sizeof text, "%lu", (unsigned long)retry_after_s);
        talc_gateway_draft_field(draft, "Retry-After", text);
    }
}
