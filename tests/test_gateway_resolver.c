/* SPDX-License-Identifier: MIT */
/* Names whose servers are silent do not stop the look-up of others. The resolver of this program is
 * the system's, but for the names below, of which some are not found until the test says so. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/resolver.h"

#define PATIENCE_MS 20000
#define NEW_AT_ONCE 8 /* threads for them */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned searching; /* threads that look for a silent name */
static int may_end;
static int has_turned; /* turned.test is silent, too */

static void search(void)
{
    pthread_mutex_lock(&lock);
    searching++;
    pthread_cond_broadcast(&changed);
    while (!may_end) {
        pthread_cond_wait(&changed, &lock);
    }
    searching--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void await_searching(unsigned count)
{
    pthread_mutex_lock(&lock);
    while (searching != count) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void end_searches(void)
{
    pthread_mutex_lock(&lock);
    may_end = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int turned(void)
{
    pthread_mutex_lock(&lock);
    int now = has_turned;
    pthread_mutex_unlock(&lock);
    return now;
}

/* In place of that of the C library. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    const struct addrinfo numeric = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST };
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strncmp(name, "silent", 6) == 0 || (strcmp(name, "turned.test") == 0 && turned())) {
        search();
        return EAI_AGAIN;
    }
    return strstr(name, ".test") != NULL ? real("127.0.0.1", service, &numeric, found)
                                         : real(name, service, hints, found);
}

static int begin(void **state)
{
    static talc_gateway_resolver *made;
    may_end = has_turned = 0;
    assert_int_equal(talc_gateway_resolver_new(&made), TALC_OK);
    *state = made;
    return 0;
}

static void await(talc_gateway_resolver *resolver, talc_gateway_resolution *found)
{
    struct pollfd ready = { .fd = talc_gateway_resolver_descriptor(resolver), .events = POLLIN };
    while (!talc_gateway_resolver_take(resolver, found)) {
        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
    }
}

static int finish(void **state)
{
    end_searches();
    await_searching(0);
    talc_gateway_resolver_free(*state);
    return 0;
}

static void find_now(talc_gateway_resolver *resolver, uint32_t number, const char *name)
{
    talc_gateway_resolution found;
    assert_int_equal(talc_gateway_resolver_ask(resolver, number, name), TALC_OK);
    await(resolver, &found);
    assert_int_equal(found.number, number);
    assert_int_equal(found.count, 1);
}

static void ask_silent(talc_gateway_resolver *resolver, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "silent%u.test", i);
        assert_int_equal(talc_gateway_resolver_ask(resolver, 1000 + i, name), TALC_OK);
    }
}

static void a_few_silent_names_stop_nothing(void **state)
{
    ask_silent(*state, NEW_AT_ONCE - 1);
    await_searching(NEW_AT_ONCE - 1);
    find_now(*state, 1, "new.test");
}

static void many_silent_names_do_not_stop_known_ones(void **state)
{
    find_now(*state, 1, "known.test");
    ask_silent(*state, 3 * NEW_AT_ONCE);
    await_searching(NEW_AT_ONCE);
    for (uint32_t i = 2; i < 20; i++) {
        find_now(*state, i, "known.test");
    }
    await_searching(NEW_AT_ONCE);
}

/* What was known and is not found any more is new again. */
static void a_name_that_falls_silent_is_not_known_any_more(void **state)
{
    talc_gateway_resolution found;
    find_now(*state, 1, "turned.test");
    find_now(*state, 2, "known.test");
    pthread_mutex_lock(&lock);
    has_turned = 1;
    pthread_mutex_unlock(&lock);
    assert_int_equal(talc_gateway_resolver_ask(*state, 3, "turned.test"), TALC_OK);
    await_searching(1);
    end_searches();
    await(*state, &found);
    assert_int_equal(found.number, 3);
    assert_int_equal(found.count, 0);
    await_searching(0);
    pthread_mutex_lock(&lock);
    may_end = 0;
    pthread_mutex_unlock(&lock);
    ask_silent(*state, NEW_AT_ONCE);
    await_searching(NEW_AT_ONCE);
    assert_int_equal(talc_gateway_resolver_ask(*state, 4, "turned.test"), TALC_OK);
    for (uint32_t i = 5; i < 20; i++) {
        find_now(*state, i, "known.test");
    }
    await_searching(NEW_AT_ONCE);
}

static void a_queue_full_of_new_names_has_room_for_known_ones(void **state)
{
    find_now(*state, 1, "known.test");
    ask_silent(*state, TALC_GATEWAY_NEW_NAMES_MAX);
    assert_int_equal(talc_gateway_resolver_ask(*state, 2, "new.test"), TALC_WANT_ROOM);
    find_now(*state, 3, "known.test");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_few_silent_names_stop_nothing),
        EACH(many_silent_names_do_not_stop_known_ones),
        EACH(a_name_that_falls_silent_is_not_known_any_more),
        EACH(a_queue_full_of_new_names_has_room_for_known_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
