/* SPDX-License-Identifier: MIT */
/* A gateway's two faces and block-wise transfer: uploads, answers, options that leave little room,
 * and servers that know no blocks. */
#include "tests/coap_message_pair.h"

#include <string.h>

enum { CON = WIRE_CON };
enum { GET = 1, POST, PUT };

/* ---------------------------------------------------------------- bodies */

static void block_begin(message_caller *caller, wire_message *request, const char *proxy_uri,
                        uint32_t block1)
{
    message_call_request(caller, request, CON, WIRE_CODE(0, PUT));
    wire_uint(request, WIRE_BLOCK1, block1);
    wire_text(request, WIRE_PROXY_URI, proxy_uri);
}

static void uploads_to_two_uris_do_not_mix(void **state)
{
    static const char *const uris[] = { "http://svc.example/a", "http://svc.example/b" };
    static const char *const halves[2][2] = { { "aaaaaaaaaaaaaaaa", "A" },
                                              { "bbbbbbbbbbbbbbbb", "B" } };
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    for (uint32_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < 2; i++) {
            wire_message request;
            block_begin(&caller, &request, uris[i], WIRE_BLOCK(part, part == 0, 0));
            wire_payload(&request, halves[i][part], strlen(halves[i][part]));
            message_call(&caller, &request);
            assert_int_equal(wire_code(&caller.answer),
                             part == 0 ? WIRE_CODE(2, 31) : WIRE_CODE(2, 5));
            if (part == 1) {
                assert_int_equal(pair->request.message.body_size, 17);
                assert_memory_equal(pair->request.body, halves[i][0], 16);
                assert_int_equal(pair->request.body[16], halves[i][1][0]);
            }
        }
    }
    assert_int_equal(pair->requests, 2);
    message_call_end(&caller);
}

static void a_body_above_the_limit_is_refused_early(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    pair->body_size = 100;
    message_pair_server_open(pair, "coap://127.0.0.1:0");
    message_call_request(&caller, &request, CON, WIRE_CODE(0, PUT));
    wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(0, 1, 0));
    wire_uint(&request, WIRE_SIZE1, 101);
    wire_payload(&request, "0123456789abcdef", 16);
    message_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(4, 13));
    assert_int_equal(wire_number(&caller.answer, WIRE_SIZE1), 100);
    for (uint32_t number = 0; number < 7; number++) { /* and if it does not say so, on the way */
        message_call_request(&caller, &request, CON, WIRE_CODE(0, PUT));
        wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(number, 1, 0));
        wire_payload(&request, "0123456789abcdef", 16);
        message_call(&caller, &request);
        assert_int_equal(wire_code(&caller.answer),
                         number < 6 ? WIRE_CODE(2, 31) : WIRE_CODE(4, 13));
    }
    assert_int_equal(wire_number(&caller.answer, WIRE_SIZE1), 100);
    assert_int_equal(pair->requests, 0);
    message_call_end(&caller);
}

/* Asks for one block of an answer. */
static const wire_message *block_get(message_caller *caller, unsigned code, uint32_t block2)
{
    wire_message request;
    message_call_request(caller, &request, CON, code);
    wire_text(&request, WIRE_URI_PATH, "long");
    wire_uint(&request, WIRE_BLOCK2, block2);
    return message_call(caller, &request);
}

static void every_block_of_an_answer_has_its_options_and_one_version(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    const talc_coap_message_option options[] = {
        message_text(TALC_COAP_ETAG, "orig"), message_text(TALC_COAP_LOCATION_PATH, "l"),
        { TALC_COAP_CONTENT_FORMAT, 1, (const uint8_t *)"\x2a" },
        { TALC_COAP_MAX_AGE, 1, (const uint8_t *)"\x07" }, message_text(65000, "kept") };
    pair->answer_size = 1500;
    for (size_t skipped = 0; skipped <= 1; skipped++) { /* with the origin's version, and without */
        uint8_t etag[8];
        size_t etag_size = 0, size;
        pair->answer.options = options + skipped;
        pair->answer.option_count = 5 - skipped;
        size_t requests = pair->requests;
        for (uint32_t number = 0; number < 3; number++) {
            const wire_message *answer =
                block_get(&caller, WIRE_CODE(0, POST), WIRE_BLOCK(number, 0, 5));
            const uint8_t *found = wire_find(answer, WIRE_ETAG, 0, &size);
            assert_non_null(found);
            if (number == 0) {
                etag_size = size;
                memcpy(etag, found, size);
            }
            assert_int_equal(size, etag_size);
            assert_memory_equal(found, etag, size);
            assert_int_equal(wire_number(answer, WIRE_BLOCK2), WIRE_BLOCK(number, number < 2, 5));
            assert_int_equal(wire_number(answer, WIRE_CONTENT_FORMAT), 42);
            assert_int_equal(wire_number(answer, WIRE_MAX_AGE), 7);
            assert_true(wire_says(answer, TALC_COAP_LOCATION_PATH, 0, "l"));
            assert_true(wire_says(answer, 65000, 0, "kept"));
            (void)wire_payload_find(answer, &size);
            assert_int_equal(size, number < 2 ? 512 : 1500 - 1024);
        }
        assert_int_equal(etag_size, skipped ? 8 : 4);
        assert_int_equal(pair->requests, requests + 1);
    }
    message_call_end(&caller);
}

static void a_later_block_of_what_is_not_kept_is_refused_unless_it_is_safe(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    pair->answer_size = 1500;
    assert_int_equal(wire_code(block_get(&caller, WIRE_CODE(0, POST), WIRE_BLOCK(1, 0, 5))),
                     WIRE_CODE(4, 8));
    assert_int_equal(pair->requests, 0);
    assert_int_equal(wire_code(block_get(&caller, WIRE_CODE(0, GET), WIRE_BLOCK(1, 0, 5))),
                     WIRE_CODE(2, 5));
    assert_int_equal(pair->requests, 1);
    message_call_end(&caller);
}

/* ---------------------------------------------------------------- long options */

static void long_options_of_a_response_make_its_blocks_smaller(void **state)
{
    static const uint8_t segment[255] = "a long segment of a location";
    static const struct {
        size_t segments, answer_size, block_size; /* 0: the answer is whole */
        uint8_t code;
    } rows[] = {
        { 0, 1023, 0, WIRE_CODE(2, 1) },   { 1, 800, 0, WIRE_CODE(2, 1) },
        { 1, 1023, 512, WIRE_CODE(2, 1) }, { 3, 1023, 256, WIRE_CODE(2, 1) },
        { 4, 200, 64, WIRE_CODE(2, 1) },   { 4, 0, 0, WIRE_CODE(2, 1) },
        { 5, 0, 0, WIRE_CODE(5, 2) },      { 6, 1023, 0, WIRE_CODE(5, 2) },
    };
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    const talc_coap_message_option location = { TALC_COAP_LOCATION_PATH, sizeof segment, segment };
    const talc_coap_message_option options[6] = { location, location, location,
                                                  location, location, location };
    for (pair->defers = 0; pair->defers <= 1; pair->defers++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            wire_message request;
            size_t size;
            message_call_request(&caller, &request, CON, WIRE_CODE(0, POST));
            pair->answer = (talc_coap_message){ .code = WIRE_CODE(2, 1), .options = options,
                                                .option_count = rows[i].segments };
            pair->answer_size = rows[i].answer_size;
            message_call(&caller, &request);
            assert_int_equal(wire_code(&caller.answer), rows[i].code);
            assert_true(caller.answer.size <= 1152);
            const uint8_t *payload = wire_payload_find(&caller.answer, &size);
            if (rows[i].code == WIRE_CODE(5, 2)) {
                assert_non_null(payload); /* says why */
                continue;
            }
            assert_int_equal(size,
                             rows[i].block_size > 0 ? rows[i].block_size : rows[i].answer_size);
            assert_int_equal(wire_number(&caller.answer, WIRE_BLOCK2) == UINT32_MAX,
                             rows[i].block_size == 0);
        }
    }
    message_call_end(&caller);
}

static void a_whole_body_passes_beside_long_options(void **state)
{
    static const uint8_t segment[255] = "a long segment of a location";
    message_pair *pair = *state;
    const talc_coap_message_option options[] = {
        { TALC_COAP_LOCATION_PATH, sizeof segment, segment },
        { TALC_COAP_LOCATION_PATH, sizeof segment, segment },
        { TALC_COAP_LOCATION_PATH, sizeof segment, segment },
        { TALC_COAP_LOCATION_PATH, sizeof segment, segment },
    };
    pair->answer.options = options;
    pair->answer.option_count = 4;
    pair->answer_size = 5000;
    talc_coap_message request = message_request(GET, NULL, 0, 0);
    message_pair_exchange(pair, &request);
    message_body_is(&pair->response.message, 5000);
    assert_int_equal(pair->requests, 1);
}

/* ---------------------------------------------------------------- servers without blocks */

static void refuse_blocks(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    int has_block = wire_find(request, WIRE_BLOCK2, 0, &size) != NULL;
    wire_answer(&answer, request, has_block ? WIRE_CODE(4, 2) : WIRE_CODE(2, 5));
    played_send(server, &answer);
}

static void a_server_that_knows_no_blocks_is_asked_again_without(void **state)
{
    message_pair *pair = *state;
    played server;
    message_play(pair, &server, refuse_blocks);
    talc_coap_message request = message_request(GET, NULL, 0, 0);
    message_pair_exchange(pair, &request);
    assert_int_equal(pair->response.message.code, WIRE_CODE(2, 5));
    assert_int_equal(server.requests, 2);
    message_play_end(pair);
}

static void refuse_everything(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(4, 2));
    played_send(server, &answer);
}

static void a_refusal_of_something_else_is_the_answer(void **state)
{
    message_pair *pair = *state;
    played server;
    message_play(pair, &server, refuse_everything);
    talc_coap_message request = message_request(GET, NULL, 0, 0);
    message_pair_exchange(pair, &request);
    assert_int_equal(pair->response.message.code, WIRE_CODE(4, 2));
    assert_int_equal(server.requests, 2);
    message_play_end(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MESSAGE_CASE(uploads_to_two_uris_do_not_mix),
        MESSAGE_CASE(a_body_above_the_limit_is_refused_early),
        MESSAGE_CASE(every_block_of_an_answer_has_its_options_and_one_version),
        MESSAGE_CASE(a_later_block_of_what_is_not_kept_is_refused_unless_it_is_safe),
        MESSAGE_CASE(long_options_of_a_response_make_its_blocks_smaller),
        MESSAGE_CASE(a_whole_body_passes_beside_long_options),
        MESSAGE_CASE(a_server_that_knows_no_blocks_is_asked_again_without),
        MESSAGE_CASE(a_refusal_of_something_else_is_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
