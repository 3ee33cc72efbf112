/* SPDX-License-Identifier: MIT */
/* Whatever an origin answers: the client gets a response. The first byte chooses what was asked. */
#include <stdlib.h>

#include "fuzz/gateway_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static talc_gateway_draft draft;

static void check_coap(void)
{
    gateway_input_check(&draft);
    if (draft.coap.code >> 5 != 2 && draft.coap.code >> 5 != 4 && draft.coap.code >> 5 != 5) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const talc_gateway_asked *asked = &gateway_input_asked;
    if (size == 0) {
        return 0;
    }
    gateway_input_ask(data[0]);
    talc_gateway_response_to_coap(&draft, asked, gateway_input_http(data + 1, size - 1),
                                  &gateway_input_self);
    check_coap();
    const talc_coap_message *response = gateway_input_coap(data + 1, size - 1);
    talc_gateway_response_back(&draft, asked, response, &gateway_input_self);
    check_coap();
    talc_gateway_response_to_http(&draft, asked, response, &gateway_input_self);
    gateway_input_check(&draft);
    if (draft.http.status < 200 || draft.http.status > 599) {
        abort();
    }
    return 0;
}
