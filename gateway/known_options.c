/* SPDX-License-Identifier: MIT */
#include "gateway/known_options.h"

#define CRITICAL 1u
#define UNSAFE 2u

/* RFC 7252 section 5.10, RFC 7641, RFC 8768. Hop-Limit is one byte there; another size is judged
 * by its value, where it is read. */
static const struct {
    uint16_t number;
    uint16_t size_min;
    uint16_t size_max;
    int is_repeatable;
} known[] = {
    { TALC_COAP_IF_MATCH, 0, 8, 1 },
    { TALC_COAP_URI_HOST, 1, 255, 0 },
    { TALC_COAP_ETAG, 1, 8, 1 },
    { TALC_COAP_IF_NONE_MATCH, 0, 0, 0 },
    { TALC_COAP_OBSERVE, 0, 3, 0 },
    { TALC_COAP_URI_PORT, 0, 2, 0 },
    { TALC_COAP_LOCATION_PATH, 0, 255, 1 },
    { TALC_COAP_URI_PATH, 0, 255, 1 },
    { TALC_COAP_CONTENT_FORMAT, 0, 2, 0 },
    { TALC_COAP_MAX_AGE, 0, 4, 0 },
    { TALC_COAP_URI_QUERY, 0, 255, 1 },
    { TALC_COAP_HOP_LIMIT, 0, 4, 0 },
    { TALC_COAP_ACCEPT, 0, 2, 0 },
    { TALC_COAP_LOCATION_QUERY, 0, 255, 1 },
    { TALC_COAP_PROXY_URI, 1, 1034, 0 },
    { TALC_COAP_PROXY_SCHEME, 1, 255, 0 },
};

int talc_gateway_option_is_critical(uint16_t number)
{
    return (number & CRITICAL) != 0;
}

/* In a response only one ETag counts, and it may be there once (RFC 7252 section 5.10.6.1). */
static int is_repeatable(const talc_coap_message *message, size_t row)
{
    return known[row].is_repeatable &&
           (known[row].number != TALC_COAP_ETAG || message->code >> 5 == 0);
}

talc_gateway_option_class talc_gateway_option_classify(const talc_coap_message *message,
                                                       size_t index)
{
    const talc_coap_message_option *option = &message->options[index];
    int is_repeat = index > 0 && message->options[index - 1].number == option->number;
    for (size_t row = 0; row < sizeof known / sizeof known[0]; row++) {
        if (known[row].number != option->number) {
            continue;
        }
        if (option->size >= known[row].size_min && option->size <= known[row].size_max &&
            (!is_repeat || is_repeatable(message, row))) {
            return TALC_GATEWAY_OPTION_KNOWN;
        }
        return talc_gateway_option_is_critical(option->number) ? TALC_GATEWAY_OPTION_BAD
                                                               : TALC_GATEWAY_OPTION_IGNORE;
    }
    return (option->number & UNSAFE) != 0 ? TALC_GATEWAY_OPTION_BAD : TALC_GATEWAY_OPTION_FORWARD;
}
