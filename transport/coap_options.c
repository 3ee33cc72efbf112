/* SPDX-License-Identifier: MIT */
#include "transport/coap_options.h"

#include "lib/framing_options.h"

static bool is_block(uint32_t number)
{
    return number == COAP_OPTION_BLOCK1 || number == COAP_OPTION_BLOCK2;
}

talc_status talc_coap_options_read(const coap_pdu_t *pdu, talc_frame *frame)
{
    talc_frame_options options;
    coap_opt_iterator_t iterator;
    const coap_opt_t *option;
    uint32_t last = 0;
    talc_frame_options_begin(&options, frame, (uint8_t)coap_pdu_get_code(pdu));
    coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
    while ((option = coap_option_next(&iterator)) != NULL) {
        uint32_t number = iterator.number;
        if (!is_block(number) || number == last) {
            talc_status status = talc_frame_options_take(&options, number, coap_opt_value(option),
                                                         coap_opt_length(option));
            if (status != TALC_OK) {
                return status;
            }
        }
        last = number;
    }
    return talc_frame_options_end(&options);
}
