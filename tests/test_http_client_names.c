/* SPDX-License-Identifier: MIT */
/* Names that resolve slowly: the HTTP client never waits for them. The resolver of this program is
 * the system's, but for one name, which nobody finds until the test says so. */
#define _GNU_SOURCE
#include "tests/http_asking.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SLOW_NAME "slow.example"
#define SLOW "http://" SLOW_NAME "/"
#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned searching; /* threads that look for the slow name */
static unsigned searched;  /* so far */
static int may_end;

static void search(void)
{
    pthread_mutex_lock(&lock);
    searching++;
    searched++;
    pthread_cond_broadcast(&changed);
    while (!may_end) {
        pthread_cond_wait(&changed, &lock);
    }
    searching--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* What a hostile name service may say. */
static const struct {
    const char *name;
    const char *addresses[2];
} names[] = {
    { "unspecified.test", { "0.0.0.0" } },
    { "mapped.test", { "::ffff:0.0.0.0" } },
    { "multicast.test", { "224.0.0.1", "255.255.255.255" } },
    { "both.test", { "0.0.0.0", "127.0.0.1" } },
};

/* The C library's own list of one name's addresses, so that it can free it. */
static int find(size_t of, resolve *real, const char *service, struct addrinfo **found)
{
    const struct addrinfo numeric = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
    int error = real(names[of].addresses[0], service, &numeric, found);
    return error != 0 || names[of].addresses[1] == NULL
               ? error
               : real(names[of].addresses[1], service, &numeric, &(*found)->ai_next);
}

/* In place of that of the C library, for libcurl too. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    resolve *real;
    if (name != NULL && strcmp(name, SLOW_NAME) == 0) {
        search();
        return EAI_NONAME;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i].name) == 0) {
            return find(i, real, service, found);
        }
    }
    return real(name, service, hints, found);
}

static void await_searches(unsigned count)
{
    pthread_mutex_lock(&lock);
    while (searched < count) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static int begin(void **state)
{
    may_end = 0;
    searched = 0;
    return asking_setup(state);
}

/* The resolver's threads end before the next test begins. */
static int finish(void **state)
{
    int ended = asking_teardown(state);
    pthread_mutex_lock(&lock);
    may_end = 1;
    pthread_cond_broadcast(&changed);
    while (searching > 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return ended;
}

/* Starts a search and sees that it is under way. */
static void send_slow(http_asking *asking, uint32_t number)
{
    unsigned before = searched;
    assert_int_equal(asking_send(asking, number, "POST", SLOW), TALC_OK);
    assert_int_equal(talc_http_client_process(asking->client), TALC_OK);
    await_searches(before + 1);
}

static void others_go_on_meanwhile(void **state)
{
    http_asking *asking = *state;
    asking->server.script = http_played_text;
    asking->server.text = GOOD;
    asking_open(asking);
    send_slow(asking, 7);
    assert_int_equal(asking_send(asking, 8, "POST", asking->server.uri), TALC_OK);
    asking_await(asking, 1);
    assert_int_equal(asking->notes[0].number, 8);
    assert_int_equal(asking->notes[0].end, TALC_HTTP_ANSWERED);
    pthread_mutex_lock(&lock);
    may_end = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    asking_await(asking, 2);
    assert_int_equal(asking->notes[1].number, 7);
    assert_int_equal(asking->notes[1].end, TALC_HTTP_UNREACHABLE);
    assert_non_null(strstr(asking->notes[1].reason, SLOW_NAME));
}

static void cancel_does_not_wait(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    send_slow(asking, 1);
    talc_http_client_cancel(asking->client, 1);
    assert_int_equal(asking->note_count, 0);
}

static void close_does_not_wait(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    send_slow(asking, 1);
    talc_http_client_close(asking->client);
    asking->client = NULL;
}

static void the_deadline_does_not_wait(void **state)
{
    http_asking *asking = *state;
    asking->setup.timeout_ms = 100;
    asking_open(asking);
    send_slow(asking, 1);
    asking_await(asking, 1);
    assert_int_equal(asking->notes[0].end, TALC_HTTP_UNREACHABLE);
}

static void the_time_to_connect_does_not_wait(void **state)
{
    http_asking *asking = *state;
    asking->setup.connect_timeout_ms = 100;
    asking_open(asking);
    send_slow(asking, 1);
    asking_await(asking, 1);
    assert_int_equal(asking->notes[0].end, TALC_HTTP_UNREACHABLE);
}

/* Where a client may not go there, a name gives it nothing that an address would not; the next
 * address counts. */
static void addresses_of_no_single_host_are_passed_over(void **state)
{
    static const struct {
        const char *name;
        talc_http_addresses addresses;
        talc_http_end end;
    } rows[] = {
        { "unspecified.test", TALC_HTTP_ALL_ADDRESSES, TALC_HTTP_ANSWERED },
        { "unspecified.test", TALC_HTTP_ADDRESSES_OF_ONE_HOST, TALC_HTTP_UNREACHABLE },
        { "mapped.test", TALC_HTTP_ADDRESSES_OF_ONE_HOST, TALC_HTTP_UNREACHABLE },
        { "multicast.test", TALC_HTTP_ADDRESSES_OF_ONE_HOST, TALC_HTTP_UNREACHABLE },
        { "both.test", TALC_HTTP_ADDRESSES_OF_ONE_HOST, TALC_HTTP_ANSWERED },
        { "localhost", TALC_HTTP_ADDRESSES_OF_ONE_HOST, TALC_HTTP_ANSWERED },
    };
    http_asking *asking = *state;
    asking->server.script = http_played_text;
    asking->server.text = GOOD;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char uri[64];
        asking->setup.addresses = rows[i].addresses;
        asking_open(asking);
        snprintf(uri, sizeof uri, "http://%s:%u/", rows[i].name, asking->server.port);
        const asking_note *note = asking_do(asking, "POST", uri);
        assert_int_equal(note->end, rows[i].end);
        if (rows[i].end != TALC_HTTP_ANSWERED) {
            assert_non_null(strstr(note->reason, "no address of one host"));
        }
    }
    assert_int_equal(asking->server.requests, 3);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(others_go_on_meanwhile),
        EACH(cancel_does_not_wait),
        EACH(close_does_not_wait),
        EACH(the_deadline_does_not_wait),
        EACH(the_time_to_connect_does_not_wait),
        EACH(addresses_of_no_single_host_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
