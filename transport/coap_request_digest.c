/* SPDX-License-Identifier: MIT */
#include "transport/coap_request_digest.h"

#include "lib/crypto.h"
#include "lib/framing_wire.h"

#include <string.h>

#define REQUEST_MAX 1500 /* bytes of a datagram that libcoap takes, and more */

static void digest_option(talc_byte_writer *writer, uint32_t number, const coap_opt_t *option)
{
    talc_byte_writer_uint(writer, 2, number);
    talc_byte_writer_uint(writer, 2, (uint32_t)coap_opt_length(option));
    talc_byte_writer_put(writer, coap_opt_value(option), coap_opt_length(option));
}

/* NoCacheKey (RFC 7252 section 5.4.6), and what a client may leave out when it asks for a later
 * block, or adds to it: Content-Format, Hop-Limit, the block options and Request-Tag. */
static int names_a_resource(uint32_t number)
{
    return (number & 0x1e) != 0x1c && number != COAP_OPTION_CONTENT_FORMAT &&
           number != COAP_OPTION_HOP_LIMIT && number != COAP_OPTION_BLOCK1 &&
           number != COAP_OPTION_BLOCK2 && number != COAP_OPTION_OBSERVE &&
           number != COAP_OPTION_RTAG;
}

static int every_option(uint32_t number)
{
    (void)number;
    return 1;
}

/* The code and the options that `counts` wants, in bytes that no other ones have. */
static void digest_request(talc_byte_writer *writer, const coap_pdu_t *request,
                           int (*counts)(uint32_t number))
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *option;
    talc_byte_writer_uint(writer, 1, (uint32_t)coap_pdu_get_code(request));
    coap_option_iterator_init(request, &iterator, COAP_OPT_ALL);
    while ((option = coap_option_next(&iterator)) != NULL) {
        if (counts(iterator.number)) {
            digest_option(writer, iterator.number, option);
        }
    }
}

static talc_status digest_end(const talc_byte_writer *writer, uint8_t *digest, size_t size)
{
    uint8_t whole[TALC_SHA256_SIZE];
    if (!talc_byte_writer_fits(writer)) {
        return TALC_ERROR_TOO_LARGE;
    }
    talc_status status = talc_sha256(writer->bytes, writer->size, whole);
    memcpy(digest, whole, size);
    return status;
}

talc_status talc_coap_request_subject(talc_coap_key *key, const coap_pdu_t *request, uint64_t guest)
{
    uint8_t bytes[2 * REQUEST_MAX];
    talc_byte_writer writer = { bytes, sizeof bytes, 0 };
    digest_request(&writer, request, names_a_resource);
    key->has_subject = 1;
    memcpy(key->subject, &guest, sizeof guest);
    return digest_end(&writer, key->subject + sizeof guest, sizeof key->subject - sizeof guest);
}

talc_status talc_coap_request_message_key(talc_coap_message_key *key,
                                          const talc_coap_pending *arrived,
                                          const coap_pdu_t *request)
{
    uint8_t bytes[2 * REQUEST_MAX];
    talc_byte_writer writer = { bytes, sizeof bytes, 0 };
    const uint8_t *payload = NULL;
    size_t payload_size = 0;
    (void)coap_get_data(request, &payload_size, &payload);
    talc_byte_writer_uint(&writer, 1, (uint32_t)arrived->token_size);
    talc_byte_writer_put(&writer, arrived->token, arrived->token_size);
    digest_request(&writer, request, every_option);
    talc_byte_writer_uint(&writer, 1, TALC_PAYLOAD_MARKER);
    talc_byte_writer_put(&writer, payload, payload_size);
    memset(key, 0, sizeof *key);
    memcpy(key->asker.peer, arrived->key.peer, sizeof key->asker.peer);
    key->asker.guest = arrived->guest;
    key->is_safe = coap_pdu_get_code(request) == COAP_REQUEST_CODE_GET;
    key->id = (uint16_t)arrived->message_id;
    key->type = (uint8_t)arrived->type;
    return digest_end(&writer, key->digest, sizeof key->digest);
}
