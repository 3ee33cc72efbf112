/* SPDX-License-Identifier: MIT */
#include "transport/coap_separates.h"

int talc_coap_separates_add(talc_coap_separates *separates, size_t max, uint64_t span_ms,
                            uint64_t now_ms)
{
    uint64_t age_ms = now_ms - separates->since_ms;
    if (age_ms >= span_ms / 2) {
        separates->before = age_ms >= span_ms ? 0 : separates->now;
        separates->now = 0;
        separates->since_ms = now_ms;
    }
    if (separates->now + separates->before >= max) {
        return 0;
    }
    separates->now++;
    return 1;
}
