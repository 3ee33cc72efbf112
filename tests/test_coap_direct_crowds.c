/* SPDX-License-Identifier: MIT */
/* Many clients at one address: they do not take the server of mode `none` from those at others. */
#include "tests/direct_pair.h"
#include "transport/coap_server.h"

#include <stdlib.h>
#include <string.h>

#define GET WIRE_CODE(0, 1)
#define CALLERS 5
#define HALF (TALC_COAP_PENDING_MAX / 2)

/* One more request, which waits unless it is refused at once. Returns the code of what is said. */
static unsigned request_code(direct_caller *caller)
{
    wire_message request;
    direct_call_request(caller, &request, WIRE_CON, GET);
    return wire_code(direct_call(caller, &request));
}

/* None of them has as many as one client may. */
static void an_address_leaves_half_of_the_waiting_places_to_others(void **state)
{
    direct_pair *pair = *state;
    direct_caller callers[CALLERS];
    pair->hold = 1;
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = direct_call_begin(pair);
    }
    for (size_t i = 0; i < HALF; i++) {
        assert_int_equal(request_code(&callers[i % CALLERS]), 0);
    }
    direct_caller newcomer = direct_call_begin(pair);
    direct_caller other = direct_call_begin_from(pair, "127.0.0.2");
    assert_int_equal(request_code(&newcomer), WIRE_CODE(5, 3));
    assert_int_equal(request_code(&other), 0);
    assert_int_equal(pair->requests, HALF + 1);
    for (size_t i = 0; i < CALLERS; i++) {
        direct_call_end(&callers[i]);
    }
    direct_call_end(&newcomer);
    direct_call_end(&other);
}

/* 64 KiB of a peer at 0.`address`.0.0. */
static talc_coap_transfer *body_of(talc_coap_transfers *bodies, uint8_t address, uint16_t port)
{
    static uint8_t bytes[65536];
    const talc_coap_body piece = { .bytes = bytes, .size = sizeof bytes };
    talc_coap_key key;
    memset(&key, 0, sizeof key);
    memcpy(key.peer + 2, &port, sizeof port);
    key.peer[5] = address;
    talc_coap_transfer *begun = talc_coap_transfer_begin(bodies, &key, 1000u + port);
    assert_int_equal(talc_coap_transfer_append(bodies, begun, &piece, sizeof bytes), TALC_OK);
    return begun;
}

/* Before all places are taken. */
static void an_address_that_has_most_bytes_gives_way(void **state)
{
    talc_coap_transfers *bodies = calloc(1, sizeof *bodies);
    (void)state;
    assert_non_null(bodies);
    bodies->places = TALC_COAP_TRANSFERS_MAX;
    const talc_coap_transfer *first = body_of(bodies, 1, 0);
    const talc_coap_key key = first->key;
    for (uint16_t port = 1; port <= 200; port++) {
        body_of(bodies, 2, port);
    }
    assert_true(talc_coap_transfers_expire(bodies, 1200, 10000) < 128);
    body_of(bodies, 3, 201);
    assert_true(talc_coap_transfer_is_there(bodies, &key));
    assert_int_equal(talc_coap_transfers_expire(bodies, 1200, 0), 0);
    free(bodies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(an_address_leaves_half_of_the_waiting_places_to_others),
        cmocka_unit_test(an_address_that_has_most_bytes_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
