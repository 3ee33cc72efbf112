/* SPDX-License-Identifier: MIT */
#include "transport/coap_option_list.h"

#include <stdlib.h>
#include <string.h>

#define ECHO 252 /* RFC 9175 */
#define NO_RESPONSE 258

int talc_coap_option_is_hop(uint32_t number)
{
    switch (number) {
    case COAP_OPTION_BLOCK1:
    case COAP_OPTION_BLOCK2:
    case COAP_OPTION_SIZE1:
    case COAP_OPTION_SIZE2:
    case COAP_OPTION_RTAG:
    case ECHO:
    case NO_RESPONSE: return 1;
    default: return 0;
    }
}

talc_status talc_coap_options_collect(
    const coap_pdu_t *pdu, talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX],
    size_t *count)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *option;
    *count = 0;
    coap_option_iterator_init(pdu, &iterator, COAP_OPT_ALL);
    while ((option = coap_option_next(&iterator)) != NULL) {
        if (talc_coap_option_is_hop(iterator.number)) {
            continue;
        }
        if (*count == TALC_COAP_MESSAGE_OPTIONS_MAX) {
            return TALC_ERROR_TOO_LARGE;
        }
        options[(*count)++] =
            (talc_coap_message_option){ .number = (uint16_t)iterator.number,
                                        .size = (uint16_t)coap_opt_length(option),
                                        .value = coap_opt_value(option) };
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- copies */

talc_status talc_coap_option_list_copy(talc_coap_option_list *copy,
                                       const talc_coap_message_option *options, size_t count)
{
    size_t values_size = 0;
    memset(copy, 0, sizeof *copy);
    if (count > TALC_COAP_MESSAGE_OPTIONS_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    for (size_t i = 0; i < count; i++) {
        values_size += options[i].size;
    }
    if (count == 0) {
        return TALC_OK;
    }
    talc_coap_message_option *list = malloc(count * sizeof *list + values_size);
    if (list == NULL) {
        return TALC_ERROR_MEMORY;
    }
    uint8_t *values = (uint8_t *)(list + count);
    for (size_t i = 0; i < count; i++) {
        if (talc_coap_option_is_hop(options[i].number)) {
            continue;
        }
        if (options[i].size > 0) {
            memcpy(values, options[i].value, options[i].size);
        }
        list[copy->count++] =
            (talc_coap_message_option){ options[i].number, options[i].size, values };
        values += options[i].size;
    }
    copy->options = list;
    return TALC_OK;
}

void talc_coap_option_list_clear(talc_coap_option_list *list)
{
    free((void *)(uintptr_t)list->options);
    memset(list, 0, sizeof *list);
}

/* ---------------------------------------------------------------- sizes */

/* Of a delta or a length that does not fit the nibble. */
static size_t extension_size(size_t value)
{
    return value < 13 ? 0 : value < 269 ? 1 : 2;
}

/* An option between two others makes the second's delta smaller, never longer. */
size_t talc_coap_option_list_size(const talc_coap_option_list *list)
{
    size_t sum = 0;
    uint16_t last = 0;
    for (size_t i = 0; i < list->count; i++) {
        const talc_coap_message_option *option = &list->options[i];
        size_t delta = option->number > last ? (size_t)(option->number - last) : 0;
        sum += 1 + extension_size(delta) + extension_size(option->size) + option->size;
        last = option->number;
    }
    return sum;
}

/* ---------------------------------------------------------------- writing */

static int is_left_out(const talc_coap_option_writer *writer, uint16_t number)
{
    return writer->asks_for_block &&
           (number == COAP_OPTION_CONTENT_FORMAT || number == COAP_OPTION_OBSERVE ||
            number == COAP_OPTION_ETAG);
}

/* Those with numbers below `end`. */
static void pass(talc_coap_option_writer *writer, uint32_t end)
{
    while (writer->passed != NULL && writer->at < writer->passed->count &&
           writer->passed->options[writer->at].number < end) {
        const talc_coap_message_option *option = &writer->passed->options[writer->at++];
        if (!is_left_out(writer, option->number)) {
            const uint8_t *value = option->size > 0 ? option->value : (const uint8_t *)"";
            writer->ok = writer->ok && coap_add_option(writer->pdu, option->number, option->size,
                                                       value) > 0;
        }
    }
}

void talc_coap_option_writer_bytes(talc_coap_option_writer *writer, coap_option_num_t number,
                                   const void *value, size_t size)
{
    pass(writer, number);
    writer->ok = writer->ok && coap_add_option(writer->pdu, number, size, value) > 0;
}

void talc_coap_option_writer_uint(talc_coap_option_writer *writer, coap_option_num_t number,
                                  uint32_t value)
{
    pass(writer, number);
    writer->ok = writer->ok && talc_coap_uint_add(writer->pdu, number, value);
}

void talc_coap_option_writer_block(talc_coap_option_writer *writer, coap_option_num_t number,
                                   const talc_coap_block *block)
{
    pass(writer, number);
    writer->ok = writer->ok && talc_coap_block_add(writer->pdu, number, block);
}

int talc_coap_option_writer_end(talc_coap_option_writer *writer)
{
    pass(writer, UINT32_MAX);
    return writer->ok;
}
