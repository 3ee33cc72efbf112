/* SPDX-License-Identifier: MIT */

/* A datagram that libcoap reads means the same to the links of `none` and `dtls` as to the reader
 * of messages inside a session. Block options are the links' own, and libcoap lets numbers of
 * options wrap that are too large. */
#include <stdlib.h>
#include <string.h>

#include "lib/framing_wire.h"
#include "transport/coap_options.h"

#define DATAGRAM_MAX 1500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Code, token and options behind the header of RFC 8323 section 3.2. */
static talc_status read_inside(const uint8_t *data, size_t size, talc_frame *frame)
{
    static uint8_t bytes[DATAGRAM_MAX + 8];
    talc_byte_writer writer = { bytes, sizeof bytes, 0 };
    uint32_t length = (uint32_t)(size - 4 - (data[0] & 15u));
    unsigned nibble = length < 13 ? length : length < 269 ? 13 : 14;
    talc_byte_writer_uint(&writer, 1, nibble << 4 | (data[0] & 15u));
    talc_byte_writer_uint(&writer, talc_nibble_width(nibble), length - talc_nibble_base(nibble));
    talc_byte_writer_put(&writer, data + 1, 1);
    talc_byte_writer_put(&writer, data + 4, size - 4);
    return talc_frame_read(bytes, writer.size, frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    talc_frame direct, inside;
    coap_opt_iterator_t iterator;
    coap_pdu_t *pdu = size <= DATAGRAM_MAX ? coap_pdu_init(0, 0, 0, DATAGRAM_MAX) : NULL;
    if (pdu == NULL || !coap_pdu_parse(COAP_PROTO_UDP, data, size, pdu) || data[1] == 0 ||
        data[1] >> 5 == 7) {
        coap_delete_pdu(pdu);
        return 0;
    }
    int has_blocks = coap_check_option(pdu, COAP_OPTION_BLOCK1, &iterator) != NULL ||
                     coap_check_option(pdu, COAP_OPTION_BLOCK2, &iterator) != NULL;
    talc_status read = talc_coap_options_read(pdu, &direct);
    talc_status wanted = read_inside(data, size, &inside);
    if (!has_blocks && wanted != TALC_ERROR_MALFORMED &&
        (wanted != read || direct.refused_option != inside.refused_option ||
         strcmp(direct.path, inside.path) != 0 || strcmp(direct.query, inside.query) != 0 ||
         direct.content_format != inside.content_format || direct.accept != inside.accept)) {
        abort();
    }
    coap_delete_pdu(pdu);
    return 0;
}
