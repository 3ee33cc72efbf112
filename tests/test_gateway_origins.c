/* SPDX-License-Identifier: MIT */
/* The pool of CoAP origins with real sockets and the system's resolver: addresses, names, addresses
 * where nobody is, and what happens when the pool is full. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/origins.h"
#include "talc/message.h"
#include "tests/coap_played.h"

#define ORIGINS 3
#define EXCHANGES 4
#define TURNS_MAX 4000 /* a hang guard: 5 ms each */

/* ---------------------------------------------------------------- names that no name service has
 */

/* The program's own definitions stand before the C library's. */
typedef struct played_name {
    const char *name;
    const char *texts[4]; /* NULL: no more */
    struct sockaddr_in addresses[4];
    struct addrinfo found[4];
} played_name;

static played_name names[] = {
    /* Nobody is at the first two. */
    { .name = "three.test", .texts = { "127.0.0.2", "127.0.0.3", "127.0.0.1" } },
    /* The last one would lead to this machine. */
    { .name = "nobody.test", .texts = { "224.0.1.187", "255.255.255.255", "0.0.0.0" } },
};

static int find(played_name *name, struct addrinfo **found)
{
    for (size_t i = 0; name->texts[i] != NULL; i++) {
        struct sockaddr_in *address = &name->addresses[i];
        address->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, name->texts[i], &address->sin_addr), 1);
        name->found[i] =
            (struct addrinfo){ .ai_family = AF_INET,
                               .ai_addrlen = sizeof *address,
                               .ai_addr = (struct sockaddr *)address,
                               .ai_next = name->texts[i + 1] != NULL ? &name->found[i + 1] : NULL };
    }
    *found = name->found;
    return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    for (size_t i = 0; node != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(node, names[i].name) == 0) {
            return find(&names[i], found);
        }
    }
    return next(node, service, hints, found);
}

void freeaddrinfo(struct addrinfo *found)
{
    void (*next)(struct addrinfo *);
    *(void **)&next = dlsym(RTLD_NEXT, "freeaddrinfo");
    if (found != names[0].found && found != names[1].found) {
        next(found);
    }
}

/* ---------------------------------------------------------------- the pool */

typedef struct pool {
    talc_gateway_origins *origins;
    int epoll;
    size_t ended;
    uint32_t number; /* of the last one */
    talc_coap_message_end end;
    uint8_t code;
    char reason[256];
} pool;

static void on_ended(void *context, const talc_gateway_origin_result *result)
{
    pool *of = context;
    of->ended++;
    of->number = result->number;
    of->end = result->end;
    of->code = result->response != NULL ? result->response->code : 0;
    snprintf(of->reason, sizeof of->reason, "%s", result->reason);
}

static int make_pool(void **state)
{
    static pool made;
    const size_t *kept = *state; /* NULL: all */
    memset(&made, 0, sizeof made);
    made.epoll = epoll_create1(0);
    assert_true(made.epoll >= 0);
    const talc_gateway_origins_setup setup = { .origins_max = ORIGINS,
                                               .kept_max = kept != NULL ? *kept : ORIGINS,
                                               .exchanges_max = EXCHANGES,
                                               .body_size = 1024,
                                               .epoll = made.epoll,
                                               .ended = on_ended,
                                               .context = &made };
    assert_int_equal(talc_gateway_origins_new(&made.origins, &setup), TALC_OK);
    *state = &made;
    return 0;
}

static int free_pool(void **state)
{
    pool *of = *state;
    talc_gateway_origins_free(of->origins);
    close(of->epoll);
    return 0;
}

static void silent(played *server, const wire_message *request)
{
    (void)server;
    (void)request;
}

static talc_status ask(pool *of, uint32_t number, const char *host, uint16_t port)
{
    talc_gateway_uri target = { .scheme = TALC_GATEWAY_COAP, .port = port, .path = "/" };
    const talc_coap_message request = { .code = TALC_POST,
                                        .body = (const uint8_t *)"{}",
                                        .body_size = 2 };
    snprintf(target.host, sizeof target.host, "%s", host);
    target.has_colon = strchr(host, ':') != NULL;
    return talc_gateway_origins_send(of->origins, number, &target, &request);
}

static void turn(pool *of, played *server)
{
    struct epoll_event events[4];
    (void)epoll_wait(of->epoll, events, 4, 5);
    if (server != NULL) {
        played_turn(server);
    }
    talc_gateway_origins_process(of->origins);
}

static void await(pool *of, played *server, size_t ended)
{
    for (int turns = 0; of->ended < ended; turns++) {
        assert_true(turns < TURNS_MAX);
        turn(of, server);
    }
}

static void an_address_and_a_name_lead_to_the_origin(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost", "127.0.0.1", "localhost" };
    pool *of = *state;
    played server;
    played_open(&server, played_answer_short);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(ask(of, i + 1, hosts[i], server.port), TALC_OK);
        await(of, &server, i + 1);
        assert_int_equal(of->number, i + 1);
        assert_int_equal(of->end, TALC_COAP_MESSAGE_ANSWERED);
        assert_int_equal(of->code, TALC_CODE(2, 4));
    }
    assert_int_equal(server.requests, 4);
    assert_int_equal(talc_gateway_origins_count(of->origins), 2);
    close(server.socket);
}

static void a_name_without_an_address_is_unreachable(void **state)
{
    pool *of = *state;
    assert_int_equal(ask(of, 1, "nobody.invalid", 5683), TALC_OK);
    assert_int_equal(ask(of, 2, "nobody.invalid", 5683), TALC_OK);
    await(of, NULL, 2);
    assert_int_equal(of->end, TALC_COAP_MESSAGE_UNREACHABLE);
    assert_string_not_equal(of->reason, "");
    assert_int_equal(talc_gateway_origins_count(of->origins), 0);
}

static void nobody_at_an_address_is_unreachable(void **state)
{
    pool *of = *state;
    assert_int_equal(ask(of, 1, "127.0.0.1", 1), TALC_OK);
    await(of, NULL, 1);
    assert_int_equal(of->end, TALC_COAP_MESSAGE_UNREACHABLE);
}

static void addresses_of_a_name_are_tried_in_turn(void **state)
{
    pool *of = *state;
    played server;
    played_open(&server, played_answer_short);
    for (uint32_t i = 0; i < EXCHANGES; i++) {
        assert_int_equal(ask(of, i, "three.test", server.port), TALC_OK);
    }
    await(of, &server, EXCHANGES);
    assert_int_equal(of->end, TALC_COAP_MESSAGE_ANSWERED);
    assert_int_equal(server.requests, EXCHANGES);
    close(server.socket);
    assert_int_equal(ask(of, 9, "three.test", 1), TALC_OK);
    await(of, NULL, EXCHANGES + 1);
    assert_int_equal(of->end, TALC_COAP_MESSAGE_UNREACHABLE);
}

static void an_address_of_many_or_of_nobody_is_no_origin(void **state)
{
    pool *of = *state;
    played server;
    played_open(&server, played_answer_short);
    assert_int_equal(ask(of, 1, "nobody.test", server.port), TALC_OK);
    await(of, &server, 1);
    assert_int_equal(of->end, TALC_COAP_MESSAGE_UNREACHABLE);
    assert_string_not_equal(of->reason, "");
    assert_int_equal(server.requests, 0);
    close(server.socket);
}

static void a_busy_origin_and_a_busy_pool_have_no_room(void **state)
{
    pool *of = *state;
    played servers[ORIGINS + 1];
    for (size_t i = 0; i <= ORIGINS; i++) {
        played_open(&servers[i], silent);
    }
    for (uint32_t i = 0; i < EXCHANGES; i++) {
        assert_int_equal(ask(of, i, "127.0.0.1", servers[0].port), TALC_OK);
    }
    assert_int_equal(ask(of, 100, "127.0.0.1", servers[0].port), TALC_WANT_ROOM);
    for (uint32_t i = 1; i < ORIGINS; i++) {
        assert_int_equal(ask(of, 100 + i, "127.0.0.1", servers[i].port), TALC_OK);
    }
    assert_int_equal(ask(of, 200, "127.0.0.1", servers[ORIGINS].port), TALC_WANT_ROOM);
    talc_gateway_origins_cancel(of->origins, 101);
    assert_int_equal(ask(of, 200, "127.0.0.1", servers[ORIGINS].port), TALC_OK);
    assert_int_equal(talc_gateway_origins_count(of->origins), ORIGINS);
    assert_int_equal(of->ended, 0);
    for (size_t i = 0; i <= ORIGINS; i++) {
        close(servers[i].socket);
    }
}

static void the_origin_that_was_idle_longest_makes_room(void **state)
{
    pool *of = *state;
    played server;
    static const char *const hosts[] = { "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4" };
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(ask(of, i, hosts[i], 1), TALC_OK);
        await(of, NULL, i + 1);
    }
    assert_int_equal(talc_gateway_origins_count(of->origins), ORIGINS);
    played_open(&server, played_answer_short);
    assert_int_equal(ask(of, 9, "127.0.0.1", server.port), TALC_OK);
    await(of, &server, 5);
    assert_int_equal(of->end, TALC_COAP_MESSAGE_ANSWERED);
    close(server.socket);
}

static void more_are_kept_only_while_they_are_busy(void **state)
{
    pool *of = *state;
    played servers[ORIGINS];
    for (uint32_t i = 0; i < ORIGINS; i++) {
        played_open(&servers[i], i == 0 ? silent : played_answer_short);
        assert_int_equal(ask(of, i, "127.0.0.1", servers[i].port), TALC_OK);
    }
    assert_int_equal(talc_gateway_origins_count(of->origins), ORIGINS);
    for (uint32_t i = 1; i < ORIGINS; i++) {
        await(of, &servers[i], i);
    }
    /* The first one is busy still, though it is the oldest. */
    assert_int_equal(talc_gateway_origins_count(of->origins), 1);
    talc_gateway_origins_cancel(of->origins, 0);
    assert_int_equal(ask(of, 9, "127.0.0.1", servers[1].port), TALC_OK);
    await(of, &servers[1], ORIGINS);
    assert_int_equal(of->number, 9);
    assert_int_equal(talc_gateway_origins_count(of->origins), 1);
    for (size_t i = 0; i < ORIGINS; i++) {
        close(servers[i].socket);
    }
}

static void a_cancelled_request_is_not_told(void **state)
{
    pool *of = *state;
    played server;
    played_open(&server, played_answer_short);
    assert_int_equal(ask(of, 1, "localhost", server.port), TALC_OK); /* waits for the resolver */
    talc_gateway_origins_cancel(of->origins, 1);
    assert_int_equal(ask(of, 2, "localhost", server.port), TALC_OK);
    await(of, &server, 1);
    assert_int_equal(of->number, 2);
    assert_int_equal(server.requests, 1);
    talc_gateway_origins_cancel(of->origins, 77);
    for (uint32_t i = 0; i < EXCHANGES; i++) {
        assert_int_equal(ask(of, 10 + i, "three.test", server.port), TALC_OK);
    }
    assert_int_equal(ask(of, 20, "three.test", server.port), TALC_WANT_ROOM);
    close(server.socket);
}

int main(void)
{
    static size_t one = 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_and_a_name_lead_to_the_origin, make_pool,
                                        free_pool),
        cmocka_unit_test_setup_teardown(a_name_without_an_address_is_unreachable, make_pool,
                                        free_pool),
        cmocka_unit_test_setup_teardown(nobody_at_an_address_is_unreachable, make_pool, free_pool),
        cmocka_unit_test_setup_teardown(addresses_of_a_name_are_tried_in_turn, make_pool,
                                        free_pool),
        cmocka_unit_test_setup_teardown(an_address_of_many_or_of_nobody_is_no_origin, make_pool,
                                        free_pool),
        cmocka_unit_test_setup_teardown(a_busy_origin_and_a_busy_pool_have_no_room, make_pool,
                                        free_pool),
        cmocka_unit_test_setup_teardown(the_origin_that_was_idle_longest_makes_room, make_pool,
                                        free_pool),
        cmocka_unit_test_prestate_setup_teardown(more_are_kept_only_while_they_are_busy, make_pool,
                                                 free_pool, &one),
        cmocka_unit_test_setup_teardown(a_cancelled_request_is_not_told, make_pool, free_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
