/* SPDX-License-Identifier: MIT */
/* Block-wise transfer (RFC 7959) of the server of mode `none`, against clients that are played by
 * hand. */
#include "tests/direct_pair.h"

#include <stdio.h>
#include <string.h>

#define GET WIRE_CODE(0, 1)
#define POST WIRE_CODE(0, 2)
#define PUT WIRE_CODE(0, 3)

/* ---------------------------------------------------------------- blocks of requests */

/* Sends a body of `size` in blocks; returns the last code. */
static unsigned upload(direct_caller *caller, const char *query, unsigned szx, size_t size)
{
    size_t block = (size_t)16 << szx;
    unsigned code = WIRE_CODE(2, 31);
    for (size_t offset = 0; offset < size && code == WIRE_CODE(2, 31); offset += block) {
        uint8_t bytes[1024];
        wire_message request;
        size_t left = size - offset < block ? size - offset : block;
        uint32_t value = WIRE_BLOCK(offset / block, offset + left < size, szx);
        for (size_t i = 0; i < left; i++) {
            bytes[i] = coap_pair_byte(size, offset + i);
        }
        direct_call_request(caller, &request, WIRE_CON, PUT);
        wire_text(&request, WIRE_URI_PATH, "up");
        wire_text(&request, WIRE_URI_QUERY, query);
        wire_uint(&request, WIRE_BLOCK1, value);
        wire_payload(&request, bytes, left);
        direct_call(caller, &request);
        code = wire_code(&caller->answer);
        if (code >> 5 == 2) {
            assert_int_equal(wire_number(&caller->answer, WIRE_BLOCK1), value);
        }
    }
    return code;
}

static void a_request_in_blocks_of_any_size_arrives_whole(void **state)
{
    static const size_t sizes[] = { 1, 16, 17, 1024, 2500 };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    size_t requests = 0;
    pair->answer_code = WIRE_CODE(2, 4);
    for (unsigned szx = 0; szx <= 6; szx++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            assert_int_equal(upload(&caller, "q", szx, sizes[i]), WIRE_CODE(2, 4));
            assert_int_equal(pair->requests, ++requests);
            assert_string_equal(pair->request.query, "q");
            direct_pair_body_is(pair->body, pair->request.payload_size, sizes[i]);
        }
    }
    direct_call_end(&caller);
}

static unsigned block_send(direct_caller *caller, const char *query, const char *tag,
                           uint32_t block1, size_t size)
{
    static const uint8_t zeros[1024];
    wire_message request;
    direct_call_request(caller, &request, WIRE_CON, PUT);
    wire_text(&request, WIRE_URI_PATH, "up");
    wire_text(&request, WIRE_URI_QUERY, query);
    wire_uint(&request, WIRE_BLOCK1, block1);
    if (tag != NULL) {
        wire_text(&request, WIRE_REQUEST_TAG, tag);
    }
    wire_payload(&request, zeros, size);
    return wire_code(direct_call(caller, &request));
}

static void requests_in_blocks_are_told_apart_by_all_that_names_them(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    direct_caller other = direct_call_begin(pair);
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    assert_int_equal(block_send(&caller, "b", NULL, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    assert_int_equal(block_send(&caller, "a", "1", WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    assert_int_equal(block_send(&other, "a", NULL, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(1, 0, 0), 1), TALC_CODE_CONTENT);
    assert_int_equal(pair->request.payload_size, 17);
    assert_int_equal(block_send(&caller, "b", NULL, WIRE_BLOCK(1, 0, 0), 2), TALC_CODE_CONTENT);
    assert_int_equal(pair->request.payload_size, 18);
    assert_int_equal(block_send(&caller, "a", "1", WIRE_BLOCK(1, 0, 0), 3), TALC_CODE_CONTENT);
    assert_int_equal(pair->request.payload_size, 19);
    assert_int_equal(block_send(&other, "a", NULL, WIRE_BLOCK(1, 0, 0), 4), TALC_CODE_CONTENT);
    assert_int_equal(pair->request.payload_size, 20);
    assert_int_equal(pair->requests, 4);
    direct_call_end(&caller);
    direct_call_end(&other);
}

/* The blocks of one address do not push out those of another, from however many ports. */
static void a_crowd_of_bodies_costs_its_address_most(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin_from(pair, "127.0.0.2");
    direct_caller newcomer = direct_call_begin_from(pair, "127.0.0.3");
    direct_caller crowd = direct_call_begin(pair);
    char tag[9];
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    assert_int_equal(block_send(&crowd, "a", NULL, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    for (unsigned i = 0; i < 300; i++) {
        direct_caller other = direct_call_begin(pair);
        snprintf(tag, sizeof tag, "%u", i);
        assert_int_equal(block_send(&other, "a", tag, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
        direct_call_end(&other);
    }
    assert_int_equal(block_send(&newcomer, "a", NULL, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(1, 0, 0), 1), TALC_CODE_CONTENT);
    assert_int_equal(pair->request.payload_size, 17);
    assert_int_equal(block_send(&newcomer, "a", NULL, WIRE_BLOCK(1, 0, 0), 2), TALC_CODE_CONTENT);
    assert_int_equal(pair->request.payload_size, 18);
    assert_int_equal(block_send(&crowd, "a", NULL, WIRE_BLOCK(1, 0, 0), 1), WIRE_CODE(4, 8));
    direct_call_end(&caller);
    direct_call_end(&newcomer);
    direct_call_end(&crowd);
}

static void blocks_that_do_not_follow_are_refused(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(1, 0, 0), 16), WIRE_CODE(4, 8));
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(0, 1, 0), 16), WIRE_CODE(2, 31));
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(2, 0, 0), 16), WIRE_CODE(4, 8));
    assert_int_equal(block_send(&caller, "a", NULL, WIRE_BLOCK(1, 1, 0), 15), WIRE_CODE(4, 0));
    assert_int_equal(pair->requests, 0);
    direct_call_end(&caller);
}

static void a_request_above_the_limit_is_refused_as_soon_as_it_shows(void **state)
{
    direct_pair *pair = *state;
    pair->config.message_size_max = 1152;
    direct_pair_server_open(pair, "coap://127.0.0.1:0");
    direct_caller caller = direct_call_begin(pair);
    assert_int_equal(upload(&caller, "q", 5, 1152), TALC_CODE_CONTENT);
    assert_int_equal(pair->requests, 1);
    assert_int_equal(upload(&caller, "q", 5, 1153), WIRE_CODE(4, 13));
    assert_int_equal(wire_number(&caller.answer, WIRE_SIZE1), 1152);
    wire_message request;
    direct_call_request(&caller, &request, WIRE_CON, PUT);
    wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(0, 1, 0));
    wire_uint(&request, WIRE_SIZE1, 0x10000000);
    wire_payload(&request, "0123456789abcdef", 16);
    direct_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(4, 13));
    assert_int_equal(wire_number(&caller.answer, WIRE_SIZE1), 1152);
    assert_int_equal(pair->requests, 1);
    direct_call_end(&caller);
}

/* ---------------------------------------------------------------- blocks of answers */

static const wire_message *block_get(direct_caller *caller, uint32_t block2)
{
    wire_message request;
    direct_call_request(caller, &request, WIRE_CON, GET);
    wire_text(&request, WIRE_URI_PATH, "down");
    if (block2 != UINT32_MAX) {
        wire_uint(&request, WIRE_BLOCK2, block2);
    }
    return direct_call(caller, &request);
}

/* Fetches all; `wanted_szx` is that of the answers. */
static void download(direct_caller *caller, uint32_t first, unsigned szx, size_t size)
{
    static uint8_t bytes[DIRECT_PAIR_BODY_MAX];
    uint8_t etag[8];
    size_t got = 0, piece;
    uint32_t block2 = first;
    for (uint32_t number = 0;; number++) {
        const wire_message *answer = block_get(caller, block2);
        assert_int_equal(wire_code(answer), TALC_CODE_CONTENT);
        const uint8_t *payload = wire_payload_find(answer, &piece);
        assert_true(piece <= (size_t)16 << szx);
        memcpy(bytes + got, payload, piece);
        got += piece;
        assert_int_equal(wire_number(answer, WIRE_BLOCK2), WIRE_BLOCK(number, got < size, szx));
        const uint8_t *version = wire_find(answer, WIRE_ETAG, 0, &piece);
        assert_int_equal(piece, sizeof etag);
        if (number > 0) {
            assert_memory_equal(version, etag, sizeof etag);
        }
        memcpy(etag, version, sizeof etag);
        if (got >= size) {
            break;
        }
        block2 = WIRE_BLOCK(number + 1, 0, szx);
    }
    direct_pair_body_is(bytes, got, size);
}

static void a_long_answer_comes_in_blocks_as_the_client_wants_them(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    size_t requests = 0;
    pair->answer_size = 3000;
    download(&caller, UINT32_MAX, 5, 3000); /* it says nothing */
    assert_int_equal(pair->requests, ++requests);
    for (unsigned szx = 0; szx <= 6; szx++) {
        download(&caller, WIRE_BLOCK(0, 0, szx), szx < 5 ? szx : 5, 3000);
        assert_int_equal(pair->requests, ++requests);
    }
    pair->answer_size = 1024;
    download(&caller, UINT32_MAX, 5, 1024); /* no payload of 1024 bytes */
    direct_call_end(&caller);
}

static void the_blocks_are_those_of_the_configuration(void **state)
{
    direct_pair *pair = *state;
    pair->config.block_size = 64;
    direct_pair_server_open(pair, "coap://127.0.0.1:0");
    direct_caller caller = direct_call_begin(pair);
    pair->answer_size = 200;
    download(&caller, UINT32_MAX, 2, 200);
    download(&caller, WIRE_BLOCK(0, 0, 5), 2, 200);
    direct_call_end(&caller);
}

static void a_client_may_want_smaller_blocks_later(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    size_t size;
    pair->answer_size = 3000;
    block_get(&caller, UINT32_MAX);
    const wire_message *answer = block_get(&caller, WIRE_BLOCK(16, 0, 1)); /* at 512 */
    assert_int_equal(wire_number(answer, WIRE_BLOCK2), WIRE_BLOCK(16, 1, 1));
    const uint8_t *payload = wire_payload_find(answer, &size);
    assert_int_equal(size, 32);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(payload[i], coap_pair_byte(3000, 512 + i));
    }
    assert_int_equal(pair->requests, 1);
    direct_call_end(&caller);
}

static void a_block_of_an_answer_that_is_not_kept_is_asked_for_again(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    pair->answer_size = 3000;
    const wire_message *answer = block_get(&caller, WIRE_BLOCK(5, 0, 5));
    assert_int_equal(wire_code(answer), TALC_CODE_CONTENT);
    assert_int_equal(wire_number(answer, WIRE_BLOCK2), WIRE_BLOCK(5, 0, 5));
    assert_int_equal(pair->requests, 1);
    answer = block_get(&caller, WIRE_BLOCK(6, 0, 5)); /* behind the end */
    assert_int_equal(wire_code(answer), WIRE_CODE(4, 0));
    wire_message request;
    direct_call_request(&caller, &request, WIRE_CON, POST);
    wire_uint(&request, WIRE_BLOCK2, WIRE_BLOCK(1, 0, 5));
    direct_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(4, 8)); /* not run without its body */
    assert_int_equal(pair->requests, 2);
    direct_call_end(&caller);
}

static void the_answer_to_a_request_in_blocks_comes_in_blocks(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    size_t size;
    pair->answer_size = 1200;
    pair->answer_code = WIRE_CODE(2, 4);
    assert_int_equal(upload(&caller, "q", 4, 600), WIRE_CODE(2, 4));
    assert_int_equal(wire_number(&caller.answer, WIRE_BLOCK2), WIRE_BLOCK(0, 1, 5));
    direct_call_request(&caller, &request, WIRE_CON, PUT);
    wire_text(&request, WIRE_URI_PATH, "up");
    wire_text(&request, WIRE_URI_QUERY, "q");
    wire_uint(&request, WIRE_BLOCK2, WIRE_BLOCK(2, 0, 5));
    direct_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 4));
    wire_payload_find(&caller.answer, &size);
    assert_int_equal(size, 1200 - 1024);
    assert_int_equal(pair->requests, 1);
    direct_call_end(&caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(a_request_in_blocks_of_any_size_arrives_whole),
        DIRECT_CASE(requests_in_blocks_are_told_apart_by_all_that_names_them),
        DIRECT_CASE(blocks_that_do_not_follow_are_refused),
        DIRECT_CASE(a_crowd_of_bodies_costs_its_address_most),
        DIRECT_CASE(a_request_above_the_limit_is_refused_as_soon_as_it_shows),
        DIRECT_CASE(a_long_answer_comes_in_blocks_as_the_client_wants_them),
        DIRECT_CASE(the_blocks_are_those_of_the_configuration),
        DIRECT_CASE(a_client_may_want_smaller_blocks_later),
        DIRECT_CASE(a_block_of_an_answer_that_is_not_kept_is_asked_for_again),
        DIRECT_CASE(the_answer_to_a_request_in_blocks_comes_in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
