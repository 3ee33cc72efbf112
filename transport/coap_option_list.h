/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_OPTION_LIST_H
#define TALC_TRANSPORT_COAP_OPTION_LIST_H

/** Options that pass through an endpoint as they are (coap_message.h): copied out of messages and
 * put into messages between the endpoint's own. */

#include "talc/status.h"
#include "transport/coap_block.h"
#include "transport/coap_message.h"

#include <coap3/coap.h>

/** In the order of their numbers. All zero: none. Whether the memory is the list's own or borrowed,
 * its place says. */
typedef struct talc_coap_option_list {
    const talc_coap_message_option *options;
    size_t count; /**< at most TALC_COAP_MESSAGE_OPTIONS_MAX */
} talc_coap_option_list;

/** 1 for what is the endpoints' own business, hop by hop: the block options and their sizes,
 * Request-Tag, Echo, and No-Response, which the server's side honours itself (RFC 7967). */
int talc_coap_option_is_hop(uint32_t number);

/** Fills `options` with those of a message that are not hop by hop; the values stay in the message.
 * TALC_OK; TALC_ERROR_TOO_LARGE: there are more than TALC_COAP_MESSAGE_OPTIONS_MAX. */
talc_status talc_coap_options_collect(
    const coap_pdu_t *pdu, talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX],
    size_t *count);

/** Makes `*copy` a copy in memory of its own, without what is hop by hop. TALC_OK;
 * TALC_ERROR_TOO_LARGE: too many; TALC_ERROR_MEMORY. Then `*copy` is empty. */
talc_status talc_coap_option_list_copy(talc_coap_option_list *copy,
                                       const talc_coap_message_option *options, size_t count);

/** Frees a list that owns its memory and makes it empty. */
void talc_coap_option_list_clear(talc_coap_option_list *list);

/** Bytes that the options take in a message (RFC 7252 section 3.1), whatever stands between
 * them. */
size_t talc_coap_option_list_size(const talc_coap_option_list *list);

/** Adds options to a message in the order of their numbers: the caller its own, in that order, and
 * in between what is left of `passed`. A step that finds no room makes `ok` 0 and the rest
 * harmless. */
typedef struct talc_coap_option_writer {
    coap_pdu_t *pdu;
    const talc_coap_option_list *passed; /**< NULL: none */
    int asks_for_block; /**< leaves out what a demand for a later block does without: Content-Format
                             has no body there, Observe must not (RFC 7959 section 3.4), and with
                             ETag libcoap's server makes the answer anew and leaves its ETag out */
    size_t at;          /**< of the next one passed */
    int ok;             /**< begins as 1 */
} talc_coap_option_writer;

void talc_coap_option_writer_bytes(talc_coap_option_writer *writer, coap_option_num_t number,
                                   const void *value, size_t size);
void talc_coap_option_writer_uint(talc_coap_option_writer *writer, coap_option_num_t number,
                                  uint32_t value);
void talc_coap_option_writer_block(talc_coap_option_writer *writer, coap_option_num_t number,
                                   const talc_coap_block *block);

/** Adds what is left. Returns `ok`. */
int talc_coap_option_writer_end(talc_coap_option_writer *writer);

#endif
