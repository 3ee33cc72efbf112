/* SPDX-License-Identifier: MIT */
/* Requests in blocks (RFC 7959) of the client of mode `none`, to servers that a script plays. */
#include "tests/direct_pair.h"

#include <string.h>

/* Sends one request and waits for its result. */
static void fetch(direct_pair *pair, uint8_t method, size_t body_size)
{
    talc_frame request = direct_pair_frame(method, "a", body_size);
    request.accept = 60;
    size_t results = pair->results;
    assert_int_equal(direct_pair_send(pair, (uint32_t)results, &request), TALC_OK);
    direct_pair_await_results(pair, results + 1);
    assert_int_equal(pair->exchange, results);
}

typedef struct gathered {
    uint8_t bytes[8192];
    size_t size;
} gathered;

static gathered taken;
static unsigned wanted_szx; /* that the played server asks for */

static void take_in_blocks(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    uint32_t block = wire_number(request, WIRE_BLOCK1);
    const uint8_t *payload = wire_payload_find(request, &size);
    assert_true(request->size <= 1152);
    if (block == UINT32_MAX) {
        taken.size = size;
        played_answer_short(server, request);
        return;
    }
    size_t offset = (size_t)(block >> 4) << ((block & 7) + 4);
    assert_true(offset + size <= sizeof taken.bytes);
    memcpy(taken.bytes + offset, payload, size);
    taken.size = offset + size;
    unsigned szx = (block & 7) < wanted_szx ? block & 7 : wanted_szx;
    wire_answer(&answer, request, (block & 8) != 0 ? WIRE_CODE(2, 31) : WIRE_CODE(2, 4));
    wire_uint(&answer, WIRE_BLOCK1, (block & ~7u) | szx);
    played_send(server, &answer);
}

static void a_long_request_goes_in_blocks(void **state)
{
    static const struct {
        uint32_t block_size;
        size_t size;
        unsigned szx; /* that the server wants */
        unsigned requests;
    } rows[] = {
        { 512, 1023, 6, 1 }, { 512, 1024, 6, 2 }, { 512, 5000, 6, 10 }, { 256, 257, 6, 2 },
        { 256, 256, 6, 1 },  { 16, 100, 6, 7 },   { 512, 1100, 2, 1 + 10 },
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        played server;
        size_t size;
        wanted_szx = rows[i].szx;
        pair->config.block_size = rows[i].block_size;
        direct_play(pair, &server, take_in_blocks);
        fetch(pair, TALC_PUT, rows[i].size);
        assert_int_equal(pair->status, TALC_OK);
        assert_int_equal(taken.size, rows[i].size);
        assert_int_equal(server.requests, rows[i].requests);
        if (rows[i].requests > 1) {
            direct_pair_body_is(taken.bytes, taken.size, rows[i].size);
            assert_non_null(wire_find(&server.last, WIRE_REQUEST_TAG, 0, &size));
        }
        direct_play_end(pair);
    }
}

static void answer_too_large(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    wire_payload_find(request, &size);
    if (size <= (size_t)16 << wanted_szx) {
        take_in_blocks(server, request);
        return;
    }
    wire_answer(&answer, request, WIRE_CODE(4, 13));
    wire_uint(&answer, WIRE_BLOCK1, WIRE_BLOCK(0, 1, wanted_szx));
    played_send(server, &answer);
}

/* RFC 7959 section 2.9.3. */
static void a_server_may_say_which_blocks_it_takes(void **state)
{
    static const size_t sizes[] = { 300, 3000 };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        played server;
        wanted_szx = 2;
        direct_play(pair, &server, answer_too_large);
        fetch(pair, TALC_PUT, sizes[i]);
        assert_int_equal(pair->status, TALC_OK);
        assert_int_equal(pair->code, WIRE_CODE(2, 4));
        direct_pair_body_is(taken.bytes, taken.size, sizes[i]);
        assert_int_equal(server.requests, 1 + (sizes[i] + 63) / 64);
        direct_play_end(pair);
    }
}

static unsigned refusal;

static void answer_refusal(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, refusal);
    wire_uint(&answer, WIRE_BLOCK1, wire_number(request, WIRE_BLOCK1));
    wire_payload(&answer, "no", 2);
    played_send(server, &answer);
}

static void answer_wrong_block(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(2, 31));
    wire_uint(&answer, WIRE_BLOCK1, WIRE_BLOCK(5, 1, 5));
    played_send(server, &answer);
}

static void a_refused_block_ends_the_request(void **state)
{
    static const unsigned refusals[] = { WIRE_CODE(4, 8), WIRE_CODE(4, 13), WIRE_CODE(4, 1) };
    direct_pair *pair = *state;
    played server;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refusal = refusals[i];
        direct_play(pair, &server, answer_refusal);
        fetch(pair, TALC_PUT, 3000);
        assert_int_equal(pair->status, TALC_OK);
        assert_int_equal(pair->code, refusal);
        assert_memory_equal(pair->answer, "no", 3);
        assert_int_equal(server.requests, 1);
        direct_play_end(pair);
    }
    direct_play(pair, &server, answer_wrong_block);
    fetch(pair, TALC_PUT, 3000);
    assert_int_equal(pair->status, TALC_ERROR_PROTOCOL);
    direct_play_end(pair);
}

/* RFC 7959 figure 9: a server that executes each block by itself. */
static void answer_each_block(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    uint32_t block = wire_number(request, WIRE_BLOCK1);
    wire_payload_find(request, &size);
    taken.size = server->requests == 1 ? size : taken.size + size;
    wire_answer(&answer, request, WIRE_CODE(2, 4));
    wire_uint(&answer, WIRE_BLOCK1, block & ~8u);
    played_send(server, &answer);
}

static void a_success_of_a_block_is_not_that_of_the_request(void **state)
{
    static const struct {
        played_script *script;
        talc_status status;
        unsigned requests;
    } rows[] = {
        { answer_each_block, TALC_OK, 6 },
        { played_answer_short, TALC_ERROR_PROTOCOL, 1 }, /* without Block1: it took one for all */
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        played server;
        direct_play(pair, &server, rows[i].script);
        fetch(pair, TALC_PUT, 3000);
        assert_int_equal(pair->status, rows[i].status);
        assert_int_equal(server.requests, rows[i].requests);
        direct_play_end(pair);
    }
    assert_int_equal(taken.size, 3000);
}

/* A message never exceeds 1152 bytes (RFC 7252 section 4.6), whatever its options take. */
static void long_paths_make_small_blocks(void **state)
{
    static const struct {
        size_t path, query, body;
        unsigned requests;
    } rows[] = {
        { 1, 1, 1023, 1 },
        { 200, 200, 700, 1 },    /* what is left is enough */
        { 200, 200, 800, 2 },    /* 512 */
        { 256, 256, 1023, 2 },
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        played server;
        talc_frame request = direct_pair_frame(TALC_PUT, NULL, rows[i].body);
        wanted_szx = 6;
        memset(request.path, 'p', rows[i].path);
        memset(request.query, 'q', rows[i].query);
        for (size_t at = 50; at < 256; at += 50) {
            request.path[at] = at + 1 < rows[i].path ? '/' : request.path[at];
            request.query[at] = at + 1 < rows[i].query ? '&' : request.query[at];
        }
        direct_play(pair, &server, take_in_blocks);
        size_t results = pair->results;
        assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
        direct_pair_await_results(pair, results + 1);
        assert_int_equal(pair->status, TALC_OK);
        assert_int_equal(server.requests, rows[i].requests);
        assert_int_equal(taken.size, rows[i].body);
        direct_play_end(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(a_long_request_goes_in_blocks),
        DIRECT_CASE(a_server_may_say_which_blocks_it_takes),
        DIRECT_CASE(a_refused_block_ends_the_request),
        DIRECT_CASE(a_success_of_a_block_is_not_that_of_the_request),
        DIRECT_CASE(long_paths_make_small_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
