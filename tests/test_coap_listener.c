/* SPDX-License-Identifier: MIT */
/* The CoAP listener against clients that are written by hand: addresses, blocks in every order,
 * methods, and requests made to exhaust it. */
#include "tests/coap_pair.h"
#include "tests/coap_wire.h"
#include "transport/coap_transfer.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "s=-__-BAUGBwgJCgsM" /* coap_pair_id */

static const char no_tag[] = "";

/* A played client. */
typedef struct played_client {
    coap_pair *pair;
    int socket;
    uint16_t port;
    uint16_t next_id;
    wire_message answer;
    size_t answers;
} played_client;

static played_client call_begin(coap_pair *pair)
{
    played_client made = { .pair = pair, .next_id = 1 };
    made.socket = wire_socket(&made.port);
    assert_true(made.socket >= 0);
    return made;
}

static void request_begin(played_client *caller, wire_message *request, unsigned type)
{
    uint8_t token[2] = { (uint8_t)(caller->next_id >> 8), (uint8_t)caller->next_id };
    wire_begin(request, type, WIRE_CODE(0, 2), caller->next_id++, token, sizeof token);
    wire_text(request, WIRE_URI_PATH, ".well-known");
    wire_text(request, WIRE_URI_PATH, "atls");
}

static void request_send(const played_client *caller, const wire_message *request)
{
    wire_send(caller->socket, request, talc_coap_listener.port(caller->pair->server));
}

/* Runs the server until it says something. */
static const wire_message *answer_await(played_client *caller)
{
    uint16_t from;
    for (int turns = 0; turns < 1000; turns++) {
        if (wire_receive(caller->socket, &caller->answer, &from)) {
            caller->answers++;
            return &caller->answer;
        }
        coap_pair_turn(caller->pair, 5);
    }
    fail_msg("the server says nothing");
    return NULL;
}

static unsigned code_of(played_client *caller, const wire_message *request)
{
    request_send(caller, request);
    return wire_code(answer_await(caller));
}

static void answer_says(const played_client *caller, const char *text)
{
    size_t size;
    const uint8_t *payload = wire_payload_find(&caller->answer, &size);
    assert_non_null(payload);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(payload, text, size);
}

/* A block of a request: `tag` NULL for none. */
static unsigned block_call(played_client *caller, const char *tag, uint32_t block1,
                           const void *bytes, size_t size)
{
    wire_message request;
    request_begin(caller, &request, WIRE_CON);
    wire_uint(&request, WIRE_CONTENT_FORMAT, 50);
    wire_text(&request, WIRE_URI_QUERY, ID);
    wire_uint(&request, WIRE_BLOCK1, block1);
    if (tag != NULL) {
        wire_text(&request, WIRE_REQUEST_TAG, tag);
    }
    if (size > 0) {
        wire_payload(&request, bytes, size);
    }
    return code_of(caller, &request);
}

/* ---------------------------------------------------------------- addresses and methods */

static void session_ids_are_read_strictly(void **state)
{
    static const struct {
        const char *first, *second; /* Uri-Query options */
        int is_id;
    } cases[] = {
        { ID, NULL, 1 },
        { "a=1", ID, 1 },
        { ID, "s", 1 },
        { "s=%2D__%2dBAUGBwgJCgsM", NULL, 1 }, /* a gateway left its encoding on */
        { NULL, NULL, 0 },
        { "s=", NULL, 0 },
        { "S=-__-BAUGBwgJCgsM", NULL, 0 },
        { "s=-__-BAUGBwgJCgs", NULL, 0 },
        { "s=-__-BAUGBwgJCgsMA", NULL, 0 },
        { "s=+//+BAUGBwgJCgsM", NULL, 0 },
        { "s=-__-BAUGBwgJCgs=", NULL, 0 },
        { "s=-__-BAUGBwgJCgs%", NULL, 0 },
        { "s=-__-BAUGBwgJCgs%4", NULL, 0 },
        { "s=-__-BAUGBwgJCgs%4x", NULL, 0 },
        { "s=-__-BAUGBwgJCgs%254D", NULL, 0 }, /* encoded twice */
        { ID, ID, 0 },
        { ID, "s=AAAAAAAAAAAAAAAA", 0 },
    };
    played_client caller = call_begin(*state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_message request;
        request_begin(&caller, &request, WIRE_CON);
        if (cases[i].first != NULL) {
            wire_text(&request, WIRE_URI_QUERY, cases[i].first);
        }
        if (cases[i].second != NULL) {
            wire_text(&request, WIRE_URI_QUERY, cases[i].second);
        }
        wire_payload(&request, "{}", 2);
        assert_int_equal(code_of(&caller, &request), WIRE_CODE(2, 4));
        assert_int_equal(caller.pair->inbound_has_id, cases[i].is_id);
        if (cases[i].is_id) {
            assert_memory_equal(caller.pair->inbound_id, coap_pair_id, sizeof coap_pair_id);
        }
    }
    close(caller.socket);
}

static void other_methods_and_paths_are_refused(void **state)
{
    played_client caller = call_begin(*state);
    wire_message request;
    request_begin(&caller, &request, WIRE_CON);
    request.bytes[1] = WIRE_CODE(0, 1);
    wire_text(&request, WIRE_URI_QUERY, ID);
    assert_int_equal(code_of(&caller, &request), WIRE_CODE(4, 5));

    wire_begin(&request, WIRE_CON, WIRE_CODE(0, 2), 900, NULL, 0);
    wire_text(&request, WIRE_URI_PATH, "elsewhere");
    wire_payload(&request, "{}", 2);
    assert_int_equal(code_of(&caller, &request), WIRE_CODE(4, 4));
    assert_int_equal(caller.pair->inbounds, 0);
    close(caller.socket);
}

static void a_non_confirmable_request_gets_such_an_answer(void **state)
{
    played_client caller = call_begin(*state);
    wire_message request;
    for (int hold = 0; hold < 2; hold++) {
        caller.pair->hold = hold;
        request_begin(&caller, &request, WIRE_NON);
        wire_text(&request, WIRE_URI_QUERY, ID);
        wire_payload(&request, "{}", 2);
        request_send(&caller, &request);
        if (hold) {
            coap_pair_await_inbounds(caller.pair, 2);
            coap_pair_release(caller.pair, 0, 10);
        }
        assert_int_equal(wire_type(answer_await(&caller)), WIRE_NON);
        assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 4));
    }
    close(caller.socket);
}

static void answers_are_json(void **state)
{
    played_client caller = call_begin(*state);
    wire_message request;
    size_t size;
    request_begin(&caller, &request, WIRE_CON);
    wire_uint(&request, WIRE_CONTENT_FORMAT, 42); /* not minded: gateways rewrite it */
    wire_text(&request, WIRE_URI_QUERY, ID);
    wire_payload(&request, "{}", 2);
    caller.pair->answer_size = 100;
    assert_int_equal(code_of(&caller, &request), WIRE_CODE(2, 4));
    assert_int_equal(wire_type(&caller.answer), WIRE_ACK);
    assert_int_equal(wire_number(&caller.answer, WIRE_CONTENT_FORMAT), 50);
    assert_null(wire_find(&caller.answer, WIRE_BLOCK2, 0, &size));
    assert_null(wire_find(&caller.answer, WIRE_BLOCK1, 0, &size));
    close(caller.socket);
}

/* ---------------------------------------------------------------- requests in blocks */

static void blocks_may_come_twice_but_not_with_gaps(void **state)
{
    static const char bytes[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"; /* 44 */
    played_client caller = call_begin(*state);
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(0, 1, 0), bytes, 16), WIRE_CODE(2, 31));
    assert_int_equal(wire_number(&caller.answer, WIRE_BLOCK1), WIRE_BLOCK(0, 1, 0));
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(0, 1, 0), bytes, 16), WIRE_CODE(2, 31));
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(2, 0, 0), bytes + 32, 12),
                     WIRE_CODE(4, 8));
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(1, 1, 0), bytes + 16, 16),
                     WIRE_CODE(2, 31));
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(0, 1, 0), bytes, 16), WIRE_CODE(2, 31));
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(1, 1, 0), bytes + 16, 16),
                     WIRE_CODE(2, 31));
    assert_int_equal(caller.pair->inbounds, 0);
    for (size_t twice = 1; twice <= 2; twice++) {
        /* The last one again is the whole request again: its answer was lost. */
        assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(2, 0, 0), bytes + 32, 12),
                         WIRE_CODE(2, 4));
        assert_int_equal(wire_number(&caller.answer, WIRE_BLOCK1), WIRE_BLOCK(2, 0, 0));
        assert_int_equal(caller.pair->inbounds, twice);
        assert_int_equal(caller.pair->inbound_size, 44);
        assert_memory_equal(caller.pair->inbound, bytes, 44);
    }
    close(caller.socket);
}

static void tags_callers_and_ids_keep_bodies_apart(void **state)
{
    static const char *const tags[] = { NULL, no_tag, "a", "b" };
    played_client one = call_begin(*state);
    played_client other = call_begin(*state);
    char bytes[16];
    for (size_t i = 0; i < 4; i++) {
        memset(bytes, 'A' + (int)i, sizeof bytes);
        assert_int_equal(block_call(&one, tags[i], WIRE_BLOCK(0, 1, 0), bytes, 16),
                         WIRE_CODE(2, 31));
        memset(bytes, 'a' + (int)i, sizeof bytes);
        assert_int_equal(block_call(&other, tags[i], WIRE_BLOCK(0, 1, 0), bytes, 16),
                         WIRE_CODE(2, 31));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(block_call(&one, tags[i], WIRE_BLOCK(1, 0, 0), "end", 3), WIRE_CODE(2, 4));
        assert_int_equal(one.pair->inbound[0], 'A' + (int)i);
        assert_int_equal(block_call(&other, tags[i], WIRE_BLOCK(1, 0, 0), "end", 3),
                         WIRE_CODE(2, 4));
        assert_int_equal(one.pair->inbound[0], 'a' + (int)i);
        assert_int_equal(one.pair->inbound_size, 19);
    }
    close(one.socket);
    close(other.socket);
}

static void a_first_block_begins_another_body(void **state)
{
    played_client caller = call_begin(*state);
    assert_int_equal(block_call(&caller, NULL, WIRE_BLOCK(0, 1, 0), "0123456789abcdef", 16),
                     WIRE_CODE(2, 31));
    assert_int_equal(block_call(&caller, NULL, WIRE_BLOCK(0, 1, 0), "fedcba9876543210", 16),
                     WIRE_CODE(2, 31));
    assert_int_equal(block_call(&caller, NULL, WIRE_BLOCK(1, 0, 0), "one", 3), WIRE_CODE(2, 4));
    assert_int_equal(caller.pair->inbound[0], 'f');
    /* The next body, which begins like the last one. */
    assert_int_equal(block_call(&caller, NULL, WIRE_BLOCK(0, 1, 0), "fedcba9876543210", 16),
                     WIRE_CODE(2, 31));
    assert_int_equal(block_call(&caller, NULL, WIRE_BLOCK(1, 0, 0), "two", 3), WIRE_CODE(2, 4));
    assert_memory_equal(caller.pair->inbound + 16, "two", 3);
    close(caller.socket);
}

static void malformed_blocks_are_refused(void **state)
{
    static const struct {
        uint32_t block1;
        size_t size;
        unsigned code;
    } cases[] = {
        { WIRE_BLOCK(0, 1, 7), 1024, WIRE_CODE(4, 0) }, /* reserved size */
        { WIRE_BLOCK(0, 0, 7), 100, WIRE_CODE(4, 0) },
        { WIRE_BLOCK(0, 1, 2), 63, WIRE_CODE(4, 0) }, /* not full, more follow */
        { WIRE_BLOCK(0, 1, 2), 65, WIRE_CODE(4, 0) }, /* too full */
        { WIRE_BLOCK(0, 0, 2), 65, WIRE_CODE(4, 0) },
        { WIRE_BLOCK(0, 1, 0), 0, WIRE_CODE(4, 0) },
        { WIRE_BLOCK(7, 0, 2), 10, WIRE_CODE(4, 8) }, /* the end of what never began */
        { WIRE_BLOCK(0xfffff, 1, 6), 1024, WIRE_CODE(4, 8) },
    };
    static const uint8_t bytes[1024];
    played_client caller = call_begin(*state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(block_call(&caller, "t", cases[i].block1, bytes, cases[i].size),
                         cases[i].code);
        answer_says(&caller, "{\"i\":0,\"e\":\"malformed\"}");
    }
    assert_int_equal(caller.pair->inbounds, 0);
    close(caller.socket);
}

static size_t heap_size(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Each of many requests announces 256 MiB; the server keeps what came, and of few of them. */
static void announced_sizes_and_many_bodies_take_little_memory(void **state)
{
    static const uint8_t bytes[512];
    played_client caller = call_begin(*state);
    char tag[9];
    size_t before = heap_size();
    for (unsigned i = 0; i < 500; i++) {
        wire_message request;
        snprintf(tag, sizeof tag, "%u", i);
        request_begin(&caller, &request, WIRE_CON);
        wire_text(&request, WIRE_URI_QUERY, ID);
        wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(0, 1, 5));
        wire_uint(&request, WIRE_SIZE1, 0x10000000);
        wire_text(&request, WIRE_REQUEST_TAG, tag);
        wire_payload(&request, bytes, sizeof bytes);
        assert_int_equal(code_of(&caller, &request), WIRE_CODE(2, 31));
    }
    assert_true(heap_size() < before + 256 * 1024);
    /* The newest is there, the oldest gave way. */
    assert_int_equal(block_call(&caller, "499", WIRE_BLOCK(1, 0, 5), bytes, 10), WIRE_CODE(2, 4));
    assert_int_equal(block_call(&caller, "0", WIRE_BLOCK(1, 0, 5), bytes, 10), WIRE_CODE(4, 8));
    close(caller.socket);
}

static void a_body_ends_at_the_limit(void **state)
{
    static const uint8_t bytes[512];
    played_client caller = call_begin(*state);
    caller.pair->known = 0; /* 4096 */
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(i, 1, 5), bytes, 512),
                         WIRE_CODE(2, 31));
    }
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(8, 1, 5), bytes, 512), WIRE_CODE(4, 13));
    answer_says(&caller, "{\"i\":0,\"e\":\"too-large\"}");
    assert_int_equal(block_call(&caller, "t", WIRE_BLOCK(9, 0, 5), bytes, 1), WIRE_CODE(4, 8));
    assert_int_equal(caller.pair->inbounds, 0);
    close(caller.socket);
}

static void bodies_that_nobody_goes_on_with_are_let_go(void **state)
{
    talc_coap_transfers *transfers = calloc(1, sizeof *transfers);
    talc_coap_key keys[2] = { { .tag_size = 1 }, { .tag_size = 2 } };
    (void)state;
    assert_non_null(transfers);
    transfers->places = 2;
    talc_coap_transfer_begin(transfers, &keys[0], 1000);
    talc_coap_transfer_begin(transfers, &keys[1], 1000);
    assert_int_equal(talc_coap_transfers_expire(transfers, 30999, 30000), 2);
    assert_non_null(talc_coap_transfer_find(transfers, &keys[1], 30999));
    assert_int_equal(talc_coap_transfers_expire(transfers, 31000, 30000), 1);
    assert_null(talc_coap_transfer_find(transfers, &keys[0], 31000));
    assert_int_equal(talc_coap_transfers_expire(transfers, 60999, 30000), 0);
    free(transfers);
}

/* ---------------------------------------------------------------- answers in blocks */

static unsigned fetch(played_client *caller, uint32_t block2, size_t body_size)
{
    wire_message request;
    request_begin(caller, &request, WIRE_CON);
    wire_text(&request, WIRE_URI_QUERY, ID);
    if (block2 != UINT32_MAX) {
        wire_uint(&request, WIRE_BLOCK2, block2);
    }
    if (body_size > 0) {
        wire_payload(&request, "{}", body_size);
    }
    return code_of(caller, &request);
}

static void blocks_of_an_answer_are_given_in_any_order(void **state)
{
    played_client caller = call_begin(*state);
    size_t size;
    uint8_t etag[8];
    caller.pair->answer_size = 1100;
    assert_int_equal(fetch(&caller, UINT32_MAX, 2), WIRE_CODE(2, 4));
    assert_int_equal(wire_number(&caller.answer, WIRE_BLOCK2), WIRE_BLOCK(0, 1, 5));
    assert_int_equal(wire_number(&caller.answer, WIRE_SIZE2), 1100);
    const uint8_t *version = wire_find(&caller.answer, WIRE_ETAG, 0, &size);
    assert_int_equal(size, sizeof etag);
    memcpy(etag, version, sizeof etag);
    /* 1100 = 2 * 512 + 76 = 17 * 64 + 12 */
    assert_int_equal(fetch(&caller, WIRE_BLOCK(2, 0, 5), 0), WIRE_CODE(2, 4));
    assert_int_equal(wire_number(&caller.answer, WIRE_BLOCK2), WIRE_BLOCK(2, 0, 5));
    const uint8_t *payload = wire_payload_find(&caller.answer, &size);
    assert_int_equal(size, 76);
    assert_int_equal(payload[0], coap_pair_byte(1100, 1024));
    assert_memory_equal(wire_find(&caller.answer, WIRE_ETAG, 0, &size), etag, sizeof etag);
    assert_int_equal(fetch(&caller, WIRE_BLOCK(17, 0, 2), 0), WIRE_CODE(2, 4));
    payload = wire_payload_find(&caller.answer, &size);
    assert_int_equal(size, 12);
    assert_int_equal(payload[0], coap_pair_byte(1100, 1088));
    /* The server itself was asked once. */
    assert_int_equal(caller.pair->inbounds, 1);
    assert_int_equal(fetch(&caller, WIRE_BLOCK(3, 0, 5), 0), WIRE_CODE(4, 0));
    /* More than we ever send: cut smaller. */
    assert_int_equal(fetch(&caller, WIRE_BLOCK(1, 0, 6), 0), WIRE_CODE(2, 4));
    assert_int_equal(wire_number(&caller.answer, WIRE_BLOCK2), WIRE_BLOCK(2, 0, 5));
    close(caller.socket);
}

static void the_same_answer_has_the_same_version(void **state)
{
    played_client caller = call_begin(*state);
    uint8_t etags[3][8];
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        caller.pair->answer_size = i < 2 ? 2000 : 2001;
        assert_int_equal(fetch(&caller, UINT32_MAX, 2), WIRE_CODE(2, 4));
        memcpy(etags[i], wire_find(&caller.answer, WIRE_ETAG, 0, &size), 8);
    }
    assert_memory_equal(etags[0], etags[1], 8);
    assert_memory_not_equal(etags[0], etags[2], 8);
    close(caller.socket);
}

/* What libcoap's clients do when they begin a fetch again, and what a caller from another address
 * does for whom nothing is kept: the session knows. */
static void a_request_without_a_body_asks_the_server(void **state)
{
    played_client caller = call_begin(*state);
    caller.pair->answer_size = 2000;
    assert_int_equal(fetch(&caller, UINT32_MAX, 2), WIRE_CODE(2, 4));
    assert_int_equal(fetch(&caller, WIRE_BLOCK(0, 0, 5), 0), WIRE_CODE(2, 4));
    assert_int_equal(caller.pair->empty_inbounds, 1);
    close(caller.socket);
    caller = call_begin(*state);
    assert_int_equal(fetch(&caller, WIRE_BLOCK(3, 0, 5), 0), WIRE_CODE(2, 4));
    assert_int_equal(caller.pair->empty_inbounds, 2);
    size_t size;
    const uint8_t *payload = wire_payload_find(&caller.answer, &size);
    assert_int_equal(size, 2000 - 3 * 512);
    assert_int_equal(payload[0], coap_pair_byte(2000, 3 * 512));
    close(caller.socket);
}

/* An error is no block of the answer that was asked for: a client could take it for one. */
static void an_error_comes_whole(void **state)
{
    static const char whole[] = "{\"i\":0,\"e\":\"malformed\"}";
    played_client caller = call_begin(*state);
    caller.pair->answer_size = sizeof whole - 1;
    caller.pair->answer_code = WIRE_CODE(4, 0);
    assert_int_equal(fetch(&caller, WIRE_BLOCK(3, 0, 5), 0), WIRE_CODE(4, 0));
    size_t size;
    (void)wire_payload_find(&caller.answer, &size);
    assert_int_equal(size, sizeof whole - 1);
    assert_null(wire_find(&caller.answer, WIRE_BLOCK2, 0, &size));
    close(caller.socket);
}

#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, coap_pair_setup, coap_pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(session_ids_are_read_strictly),
        CASE(other_methods_and_paths_are_refused),
        CASE(a_non_confirmable_request_gets_such_an_answer),
        CASE(answers_are_json),
        CASE(blocks_may_come_twice_but_not_with_gaps),
        CASE(tags_callers_and_ids_keep_bodies_apart),
        CASE(a_first_block_begins_another_body),
        CASE(malformed_blocks_are_refused),
        CASE(announced_sizes_and_many_bodies_take_little_memory),
        CASE(a_body_ends_at_the_limit),
        CASE(an_error_comes_whole),
        cmocka_unit_test(bodies_that_nobody_goes_on_with_are_let_go),
        CASE(blocks_of_an_answer_are_given_in_any_order),
        CASE(the_same_answer_has_the_same_version),
        CASE(a_request_without_a_body_asks_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
