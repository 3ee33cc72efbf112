/* SPDX-License-Identifier: MIT */
/* Who counts as one client of a gateway: neither another port nor another address of the same
 * network makes another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gateway/client_address.h"

static void peers_of_one_address_are_one_client(void **state)
{
    static const struct {
        const char *left, *right;
        int are_equal;
    } rows[] = {
        { "192.0.2.1:4711", "192.0.2.1:4712", 1 },
        { "192.0.2.1:4711", "192.0.2.2:4711", 0 },
        { "[2001:db8::1]:4711", "[2001:db8::ffff:ffff:ffff:ffff]:4711", 1 },
        { "[2001:db8::1]:4711", "[2001:db8:0:1::1]:4711", 0 },
        { "[fe80::1%eth0]:4711", "[fe80::2]:4711", 1 },
        { "[::ffff:192.0.2.1]:4711", "192.0.2.1:4711", 1 },
        { "[::ffff:192.0.2.1]:4711", "[::ffff:192.0.2.2]:4711", 0 },
        { "192.0.2.1:4711", "[2001:db8::1]:4711", 0 },
        { "?:4711", "nobody", 1 },
        { "?:4711", "192.0.2.1:4711", 0 },
        { "", "[", 1 },
        { "[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222]:1", "?:1", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const talc_gateway_client_address left = talc_gateway_client_address_of(rows[i].left);
        const talc_gateway_client_address right = talc_gateway_client_address_of(rows[i].right);
        assert_int_equal(talc_gateway_client_address_equal(&left, &right), rows[i].are_equal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_of_one_address_are_one_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
