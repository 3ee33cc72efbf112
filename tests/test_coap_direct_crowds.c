/* SPDX-License-Identifier: MIT */
/* Many clients of mode `none` at one address: they do not take the server from those at others. */
#include "tests/direct_pair.h"
#include "transport/coap_server.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(an_address_leaves_half_of_the_waiting_places_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
