/* SPDX-License-Identifier: MIT */

/* Options of a datagram that libcoap reads pass through a gateway's endpoints unchanged: collected,
 * copied, measured, and written into a message between options of the endpoint's own. */
#include <stdlib.h>
#include <string.h>

#include "transport/coap_option_list.h"

#define DATAGRAM_MAX 1500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only what may not be repeated, or finds no room, may not be written. */
static void check_written(const talc_coap_option_list *list)
{
    static talc_coap_message_option written[TALC_COAP_MESSAGE_OPTIONS_MAX];
    coap_pdu_t *pdu = coap_pdu_init(0, COAP_RESPONSE_CODE(205), 0, 2 * DATAGRAM_MAX);
    talc_coap_option_writer writer = { .pdu = pdu, .passed = list, .ok = 1 };
    size_t count = 0;
    talc_coap_option_writer_uint(&writer, COAP_OPTION_BLOCK2, 8);
    if (talc_coap_option_writer_end(&writer)) {
        if (talc_coap_options_collect(pdu, written, &count) != TALC_OK || count != list->count) {
            abort();
        }
        for (size_t i = 0; i < count; i++) {
            const talc_coap_message_option *wanted = &list->options[i];
            if (written[i].number != wanted->number || written[i].size != wanted->size ||
                memcmp(written[i].value, wanted->value, wanted->size) != 0) {
                abort();
            }
        }
    }
    coap_delete_pdu(pdu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    talc_coap_option_list copy;
    size_t count = 0;
    coap_pdu_t *pdu = size <= DATAGRAM_MAX ? coap_pdu_init(0, 0, 0, DATAGRAM_MAX) : NULL;
    if (pdu != NULL && coap_pdu_parse(COAP_PROTO_UDP, data, size, pdu) &&
        talc_coap_options_collect(pdu, options, &count) == TALC_OK &&
        talc_coap_option_list_copy(&copy, options, count) == TALC_OK) {
        if (copy.count != count || talc_coap_option_list_size(&copy) > size) {
            abort();
        }
        check_written(&copy);
        talc_coap_option_list_clear(&copy);
    }
    coap_delete_pdu(pdu);
    return 0;
}
