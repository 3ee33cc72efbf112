/* SPDX-License-Identifier: MIT */
/* Where CoAP carriers and listeners lead: URIs, families of addresses, ports, and the room that an
 * address leaves in a message. */
#include "tests/coap_pair.h"
#include "transport/coap_address.h"
#include "transport/table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void carriers_are_found_by_scheme(void **state)
{
    (void)state;
    assert_ptr_equal(talc_carrier_find("coap://example.org"), &talc_coap_carrier);
    assert_ptr_equal(talc_listener_find("COAP://[::]"), &talc_coap_listener);
    assert_null(talc_carrier_find("coaps://example.org"));
    assert_null(talc_carrier_find("coap+tcp://example.org"));
    assert_null(talc_carrier_find("coap:example.org"));
}

static void no_answer(void *context, const talc_carrier_answer *answer)
{
    (void)context;
    (void)answer;
    fail();
}

/* Opens and closes a client; the limits if it opened. */
static talc_status try_client(talc_carrier_target target, talc_carrier_limits *limits,
                              talc_failure *failure)
{
    talc_carrier_events events = { NULL, no_answer };
    void *link = &events;
    memset(failure, 0, sizeof *failure);
    target.message_size = target.message_size != 0 ? target.message_size : 1023;
    target.body_size = target.body_size != 0 ? target.body_size : 16384;
    target.block_size = 512;
    talc_status status = talc_coap_carrier.open(&link, &target, &events, failure);
    if (status == TALC_OK) {
        *limits = talc_coap_carrier.limits(link);
        talc_coap_carrier.close(link);
        return TALC_OK;
    }
    assert_null(link);
    assert_int_equal(failure->status, status);
    assert_true(failure->text[0] != '\0');
    return status;
}

static const struct {
    const char *uri;
    talc_status status;
} uris[] = {
    { "coap://127.0.0.1", TALC_OK },
    { "coap://127.0.0.1/", TALC_OK },
    { "coap://127.0.0.1:5684", TALC_OK },
    { "coap://[::1]", TALC_OK },
    { "coap://[::1]:61616/", TALC_OK },
    { "coap://[fe80::1%25lo]", TALC_OK },
    { "coap://localhost:5683", TALC_OK },
    { "", TALC_ERROR_ARGUMENT },
    { "coap", TALC_ERROR_ARGUMENT },
    { "coap://", TALC_ERROR_ARGUMENT },
    { "coap://:5683", TALC_ERROR_ARGUMENT },
    { "coap://[::1", TALC_ERROR_ARGUMENT },
    { "coap://127.0.0.1:65536", TALC_ERROR_ARGUMENT },
    { "coap://127.0.0.1:port", TALC_ERROR_ARGUMENT },
    { "coap://127.0.0.1/path", TALC_ERROR_ARGUMENT },
    { "coap://127.0.0.1?query", TALC_ERROR_ARGUMENT },
    { "coaps://127.0.0.1", TALC_ERROR_ARGUMENT },
    { "coap+tcp://127.0.0.1", TALC_ERROR_ARGUMENT },
    { "http://127.0.0.1", TALC_ERROR_ARGUMENT },
    { "/path", TALC_ERROR_ARGUMENT },
    { "coap://no..name", TALC_ERROR_UNREACHABLE }, /* refused without asking the network */
};

static void uris_that_are_none_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        talc_carrier_target target = { .uri = uris[i].uri, .path = COAP_PAIR_PATH };
        talc_carrier_limits limits;
        talc_failure failure;
        talc_status status = try_client(target, &limits, &failure);
        if (status != uris[i].status) {
            fail_msg("\"%s\": %d (%s)", uris[i].uri, status, failure.text);
        }
        if (status == TALC_OK) {
            continue;
        }
        target.uri = "coap://no..name";
        target.proxy_uri = uris[i].uri;
        assert_int_equal(try_client(target, &limits, &failure), uris[i].status);
    }
    /* The name of the server need not be known here when a proxy asks for it. */
    talc_carrier_target proxied = { .uri = "coap://no..name",
                                    .proxy_uri = "coap://127.0.0.1",
                                    .path = COAP_PAIR_PATH };
    talc_carrier_limits limits;
    talc_failure failure;
    assert_int_equal(try_client(proxied, &limits, &failure), TALC_OK);
}

static void limits_are_what_the_address_leaves(void **state)
{
    char path[1000];
    talc_carrier_target target = { .uri = "coap://127.0.0.1", .path = COAP_PAIR_PATH };
    talc_carrier_limits limits;
    talc_failure failure;
    (void)state;
    assert_int_equal(try_client(target, &limits, &failure), TALC_OK);
    assert_int_equal(limits.message_size, 1023);
    assert_int_equal(limits.body_size, 16384);
    target.message_size = 300;
    target.body_size = 200;
    assert_int_equal(try_client(target, &limits, &failure), TALC_OK);
    assert_int_equal(limits.message_size, 300);
    assert_int_equal(limits.body_size, 300);

    target.message_size = 1023;
    target.body_size = 16384;
    target.proxy_uri = "coap://127.0.0.1";
    assert_int_equal(try_client(target, &limits, &failure), TALC_OK);
    assert_int_equal(limits.message_size, 1023);
    assert_int_equal(limits.body_size, 1023);

    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[300] = '\0';
    target.path = path;
    assert_int_equal(try_client(target, &limits, &failure), TALC_OK);
    assert_in_range(limits.message_size, 750, 830);
    path[300] = 'p';
    path[900] = '\0';
    assert_int_equal(try_client(target, &limits, &failure), TALC_ERROR_TOO_LARGE);
}

/* What limits() allows leaves in one datagram that every CoAP peer takes. */
static void the_largest_body_fits_with_the_longest_address(void **state)
{
    char uri[400] = "coap://";
    char proxy_uri[64];
    coap_pair *pair = *state;
    memset(uri + 7, 'h', 240);
    strcpy(uri + 247, ":65535");
    snprintf(proxy_uri, sizeof proxy_uri, "coap://127.0.0.1:%u", (unsigned)relay_port(pair->relay));
    pair->uri = uri;
    pair->proxy_uri = proxy_uri;
    coap_pair_client_open(pair);
    size_t size = talc_coap_carrier.limits(pair->client).message_size;
    assert_in_range(size, 780, 860);
    assert_int_equal(coap_pair_send(pair, 1, size), TALC_OK);
    while (pair->answers == 0) {
        coap_pair_turn(pair, 1000); /* our server is no proxy and says so, in both forms */
    }
    assert_int_equal(pair->code, 165); /* 5.05 */
    relay_counts counts = relay_counts_get(pair->relay, RELAY_UP);
    assert_int_equal(counts.datagrams, 2);
    assert_int_equal(counts.payload_max, size);
    assert_true(counts.bytes <= 2 * 1152);
}

static int has_ipv6(void)
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int probe = socket(AF_INET6, SOCK_DGRAM, 0);
    int bound = probe >= 0 && bind(probe, (struct sockaddr *)&address, sizeof address) == 0;
    close(probe);
    return bound;
}

static void any_address_takes_both_families(void **state)
{
    static const char *const clients[] = { "coap://127.0.0.1:%u", "coap://[::1]:%u",
                                           "coap://localhost:%u" };
    coap_pair *pair = *state;
    coap_pair_server_open(pair, "coap://[::]:0");
    for (size_t i = 0; i < 3; i++) {
        char uri[64];
        if (i == 1 && !has_ipv6()) {
            continue;
        }
        snprintf(uri, sizeof uri, clients[i], (unsigned)talc_coap_listener.port(pair->server));
        pair->uri = uri;
        coap_pair_client_open(pair);
        coap_pair_exchange(pair, 1023, 3000);
    }
}

static void listeners_say_why_they_cannot_open(void **state)
{
    char taken[64];
    coap_pair *pair = *state;
    snprintf(taken, sizeof taken, "coap://127.0.0.1:%u",
             (unsigned)talc_coap_listener.port(pair->server));
    const struct {
        const char *uri;
        talc_status status;
    } cases[] = {
        { taken, TALC_ERROR_UNREACHABLE },
        { "coap://192.0.2.1:0", TALC_ERROR_UNREACHABLE }, /* not of this machine */
        { "coap://no..name", TALC_ERROR_UNREACHABLE },
        { "coap://127.0.0.1/path", TALC_ERROR_ARGUMENT },
        { "coaps://127.0.0.1", TALC_ERROR_ARGUMENT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        talc_listener_target target = {
            .uri = cases[i].uri, .path = "/x", .message_size = 1023, .block_size = 512
        };
        talc_listener_events events = { NULL, NULL, NULL };
        talc_failure failure = { 0 };
        void *link = pair;
        assert_int_equal(talc_coap_listener.open(&link, &target, &events, &failure),
                         cases[i].status);
        assert_null(link);
        assert_int_equal(failure.status, cases[i].status);
        assert_true(failure.text[0] != '\0');
    }
}

static void a_port_is_free_again_after_closing(void **state)
{
    char uri[64];
    coap_pair *pair = *state;
    uint16_t port = talc_coap_listener.port(pair->server);
    assert_int_not_equal(port, 0);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)port);
    coap_pair_server_open(pair, uri);
    assert_int_equal(talc_coap_listener.port(pair->server), port);
}

#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, coap_pair_setup, coap_pair_teardown)

/* Tokens and message ids come from there. */
/* ---------------------------------------------------------------- peers */

typedef struct endpoint {
    const char *host;
    uint16_t port;
} endpoint;

/* As talc_coap_peer() has them: family, port, address, scope. */
static void host_of(const endpoint *from, uint8_t host[TALC_COAP_PEER_SIZE])
{
    uint8_t peer[TALC_COAP_PEER_SIZE] = { 0 };
    uint16_t family = strchr(from->host, ':') != NULL ? AF_INET6 : AF_INET;
    memcpy(peer, &family, sizeof family);
    memcpy(peer + 2, &from->port, sizeof from->port);
    assert_int_equal(inet_pton(family, from->host, peer + 4), 1);
    talc_coap_peer_host(peer, host);
}

static void shares_are_counted_by_address(void **state)
{
    static const struct {
        endpoint left, right;
        int is_same;
    } rows[] = {
        { { "192.0.2.1", 1 }, { "192.0.2.1", 65535 }, 1 },
        { { "192.0.2.1", 1 }, { "192.0.2.2", 1 }, 0 },
        { { "2001:db8::1", 1 }, { "2001:db8::1", 2 }, 1 },
        { { "2001:db8::1", 1 }, { "2001:db8::ffff:ffff:ffff:ffff", 1 }, 1 },
        { { "2001:db8::1", 1 }, { "2001:db8:0:1::1", 1 }, 0 },
        { { "::ffff:192.0.2.1", 1 }, { "::ffff:192.0.2.1", 2 }, 1 },
        { { "::ffff:192.0.2.1", 1 }, { "::ffff:192.0.2.2", 1 }, 0 },
        { { "::ffff:192.0.2.1", 1 }, { "::1", 1 }, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t left[TALC_COAP_PEER_SIZE], right[TALC_COAP_PEER_SIZE];
        host_of(&rows[i].left, left);
        host_of(&rows[i].right, right);
        assert_int_equal(memcmp(left, right, sizeof left) == 0, rows[i].is_same);
    }
}

static void random_numbers_are_no_rand(void **state)
{
    uint8_t first[16], second[16];
    (void)state;
    talc_coap_startup();
    srand(42);
    assert_int_equal(coap_prng(first, sizeof first), 1);
    srand(42);
    assert_int_equal(coap_prng(second, sizeof second), 1);
    assert_memory_not_equal(first, second, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_counted_by_address),
        cmocka_unit_test(random_numbers_are_no_rand),
        cmocka_unit_test(carriers_are_found_by_scheme),
        cmocka_unit_test(uris_that_are_none_are_refused),
        cmocka_unit_test(limits_are_what_the_address_leaves),
        CASE(the_largest_body_fits_with_the_longest_address),
        CASE(any_address_takes_both_families),
        CASE(listeners_say_why_they_cannot_open),
        CASE(a_port_is_free_again_after_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
