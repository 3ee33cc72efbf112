/* SPDX-License-Identifier: MIT */
/* The relay that other tests and the measurements rely on does to datagrams what it is told, and the
 * same for the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/relay.h"

#define SENT 200 /* what a socket holds if they all arrive at once */
#define ARRIVED_MAX (4 * SENT)
#define DATAGRAM_SIZE 20

typedef struct line {
    int client;
    int server;
    test_relay *relay;
    unsigned arrived[ARRIVED_MAX]; /* the numbers of the datagrams, as they came */
    size_t count;
} line;

static struct sockaddr_in loopback_address(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int socket_open(uint16_t *port)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    int made = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(made >= 0);
    assert_int_equal(bind(made, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(made, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return made;
}

static void line_open(line *opened, const relay_faults *faults, uint64_t seed)
{
    uint16_t port;
    memset(opened, 0, sizeof *opened);
    opened->client = socket_open(&port);
    opened->server = socket_open(&port);
    opened->relay = relay_new(port);
    assert_non_null(opened->relay);
    struct sockaddr_in relay = loopback_address(relay_port(opened->relay));
    assert_int_equal(connect(opened->client, (struct sockaddr *)&relay, sizeof relay), 0);
    relay_faults_set(opened->relay, RELAY_UP, faults);
    relay_seed(opened->relay, seed);
}

static void line_close(line *closed)
{
    relay_free(closed->relay);
    close(closed->client);
    close(closed->server);
}

static void take_arrived(line *on)
{
    unsigned char bytes[DATAGRAM_SIZE + 1];
    while (recv(on->server, bytes, sizeof bytes, MSG_DONTWAIT) == DATAGRAM_SIZE) {
        assert_true(on->count < ARRIVED_MAX);
        on->arrived[on->count++] = bytes[0] * 256u + bytes[1];
    }
}

static void wait_for_delayed(line *on)
{
    while (relay_timeout_ms(on->relay) != UINT32_MAX) {
        (void)poll(NULL, 0, (int)relay_timeout_ms(on->relay));
        relay_process(on->relay);
        take_arrived(on);
    }
}

/* Sends numbered datagrams, and waits for all that is still to come. */
static void line_use(line *on)
{
    for (unsigned i = 0; i < SENT; i++) {
        const unsigned char bytes[DATAGRAM_SIZE] = { (unsigned char)(i / 256),
                                                     (unsigned char)(i % 256) };
        assert_int_equal(send(on->client, bytes, sizeof bytes, 0), DATAGRAM_SIZE);
        relay_process(on->relay);
        take_arrived(on);
    }
    wait_for_delayed(on);
}

static size_t copies_of(const line *on, unsigned number)
{
    size_t copies = 0;
    for (size_t i = 0; i < on->count; i++) {
        copies += on->arrived[i] == number;
    }
    return copies;
}

static size_t out_of_order(const line *on)
{
    size_t found = 0;
    for (size_t i = 1; i < on->count; i++) {
        found += on->arrived[i] < on->arrived[i - 1];
    }
    return found;
}

/* ---------------------------------------------------------------- what holds */

static void test_all_pass_in_order_and_are_counted(void **state)
{
    (void)state;
    static const relay_faults faults[] = { { 0 }, { .delay_ms = 3 } };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        line on;
        line_open(&on, &faults[i], 1);
        line_use(&on);
        assert_int_equal(on.count, SENT);
        assert_int_equal(out_of_order(&on), 0);
        relay_counts counts = relay_counts_get(on.relay, RELAY_UP);
        assert_int_equal(counts.datagrams, SENT);
        assert_int_equal(counts.bytes, SENT * DATAGRAM_SIZE);
        assert_int_equal(counts.lost, 0);
        assert_int_equal(relay_counts_get(on.relay, RELAY_DOWN).datagrams, 0);
        line_close(&on);
    }
}

static void test_as_many_are_lost_as_chance_wants(void **state)
{
    (void)state;
    line on;
    line_open(&on, &(relay_faults){ .loss = 0.15 }, 1);
    line_use(&on);
    relay_counts counts = relay_counts_get(on.relay, RELAY_UP);
    assert_in_range(counts.lost, SENT * 10 / 100, SENT * 20 / 100);
    assert_int_equal(counts.datagrams, SENT);
    assert_int_equal(on.count, SENT - counts.lost);
    line_close(&on);
}

static void test_as_many_are_doubled_as_chance_wants(void **state)
{
    (void)state;
    line on;
    size_t doubled = 0;
    line_open(&on, &(relay_faults){ .duplication = 0.15 }, 1);
    line_use(&on);
    for (unsigned i = 0; i < SENT; i++) {
        size_t copies = copies_of(&on, i);
        assert_in_range(copies, 1, 2);
        doubled += copies == 2;
    }
    assert_in_range(doubled, SENT * 10 / 100, SENT * 20 / 100);
    assert_int_equal(relay_counts_get(on.relay, RELAY_UP).datagrams, SENT);
    line_close(&on);
}

static void test_some_come_late_and_none_is_lost(void **state)
{
    (void)state;
    static const relay_faults faults[] = {
        { .reordering = 0.15, .reordering_ms = 3 },
        { .delay_ms = 2, .reordering = 0.15, .reordering_ms = 3 },
        { .jitter_ms = 3 },
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        line on;
        line_open(&on, &faults[i], 1);
        line_use(&on);
        assert_int_equal(on.count, SENT);
        assert_true(out_of_order(&on) > 0);
        line_close(&on);
    }
}

static void test_the_same_seed_does_the_same(void **state)
{
    (void)state;
    static const relay_faults faults = { .loss = 0.15, .duplication = 0.15 };
    line first, same, other;
    line_open(&first, &faults, 7);
    line_open(&same, &faults, 7);
    line_open(&other, &faults, 8);
    line_use(&first);
    line_use(&same);
    line_use(&other);
    assert_int_equal(first.count, same.count);
    assert_memory_equal(first.arrived, same.arrived, sizeof first.arrived);
    assert_memory_not_equal(first.arrived, other.arrived, sizeof first.arrived);
    line_close(&first);
    line_close(&same);
    line_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pass_in_order_and_are_counted),
        cmocka_unit_test(test_as_many_are_lost_as_chance_wants),
        cmocka_unit_test(test_as_many_are_doubled_as_chance_wants),
        cmocka_unit_test(test_some_come_late_and_none_is_lost),
        cmocka_unit_test(test_the_same_seed_does_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
