/* SPDX-License-Identifier: MIT */
/* A response, cut into lines and a body as libcurl does: what is taken of it is within the limits,
 * and is fields as they are promised to be. */
#include <stdlib.h>
#include <string.h>

#include "transport/http_client_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[4096];
    talc_http_client client = { .header_size = 1000, .body_size = 1000 };
    talc_http_exchange exchange = { .client = &client };
    talc_http_message response = { .status = 200 };
    size_t at = 0, line = 1;
    size = size < sizeof bytes ? size : sizeof bytes;
    memcpy(bytes, data, size);
    while (at < size && line > 0 && exchange.answer.section != TALC_HTTP_BODY) {
        const char *end = memchr(bytes + at, '\n', size - at);
        line = end == NULL ? size - at : (size_t)(end - bytes) + 1 - at;
        line = talc_http_take_line(bytes + at, 1, line, &exchange);
        at += line;
    }
    if (exchange.answer.section == TALC_HTTP_BODY && !exchange.is_refused) {
        (void)talc_http_take_body(bytes + at, 1, size - at, &exchange);
        talc_http_answer_read(&exchange, &response);
    }
    int is_sane = response.status >= 200 && response.status <= 599 && response.body_size <= 1000;
    for (size_t i = 0; i < response.field_count; i++) {
        is_sane = is_sane && talc_http_is_token(response.fields[i].name) &&
                  talc_http_is_value(response.fields[i].value);
    }
    talc_http_answer_clear(&exchange.answer);
    if (!is_sane) {
        abort();
    }
    return 0;
}
