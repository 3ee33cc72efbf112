/* SPDX-License-Identifier: MIT */
/* The client of a gateway: options as they are, whole bodies, no request twice. */
#include "tests/coap_message_pair.h"

#include <string.h>

enum { GET = 1, POST, PUT, DELETE, FETCH, PATCH, IPATCH };

static void bodies_pass_both_ways(void **state)
{
    static const struct {
        uint8_t code;
        size_t size, answer_size;
    } rows[] = {
        { GET, 0, 0 },       { GET, 0, 512 },     { GET, 0, 513 },        { GET, 0, 1023 },
        { GET, 0, 1024 },    { GET, 0, 65536 },   { POST, 1023, 1023 },   { POST, 1024, 1024 },
        { PUT, 5000, 0 },    { DELETE, 0, 0 },    { POST, 65536, 65536 }, { FETCH, 3000, 3000 },
        { PATCH, 2000, 10 }, { IPATCH, 1, 5000 },
    };
    message_pair *pair = *state;
    for (int deferred = 0; deferred <= 1; deferred++) {
        pair->hold = deferred;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            const talc_coap_message_option path[] = { message_text(TALC_COAP_URI_PATH, "a") };
            size_t results = pair->results, requests = pair->requests;
            talc_coap_message request = message_request(rows[i].code, path, 1, rows[i].size);
            pair->answer_size = rows[i].answer_size;
            assert_int_equal(message_pair_send(pair, (uint32_t)i, &request), TALC_OK);
            message_pair_await(pair, &pair->requests, requests + 1);
            if (deferred) {
                message_pair_release(pair, pair->held_count - 1);
            }
            message_pair_await(pair, &pair->results, results + 1);
            assert_int_equal(pair->end, TALC_COAP_MESSAGE_ANSWERED);
            assert_int_equal(pair->number, i);
            assert_int_equal(pair->requests, requests + 1);
            message_body_is(&pair->request.message, rows[i].size);
            message_body_is(&pair->response.message, rows[i].answer_size);
        }
    }
    assert_true(relay_counts_get(pair->relay, RELAY_UP).payload_max <= 1023);
    assert_true(relay_counts_get(pair->relay, RELAY_DOWN).payload_max <= 1023);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MESSAGE_CASE(bodies_pass_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
