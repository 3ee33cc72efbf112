/* SPDX-License-Identifier: MIT */
/* CoAP through forward proxies: played ones for the two ways to name the server, and libcoap's own.
 * And libcoap's own client, which takes blocks its own way. */
#include "tests/coap_played.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---------------------------------------------------------------- proxies */

static void answer_as_proxy_of_schemes(played *server, const wire_message *request)
{
    wire_message answer;
    size_t size;
    if (wire_find(request, WIRE_PROXY_URI, 0, &size) == NULL) {
        played_answer_short(server, request);
        return;
    }
    wire_answer(&answer, request, WIRE_CODE(5, 1));
    played_send(server, &answer);
}

static void pair_proxy(coap_pair *pair, played *proxy, char uri[64],
                       void (*script)(played *, const wire_message *))
{
    pair->proxy_uri = "coap://127.0.0.1:1"; /* known once the socket is there */
    pair->uri = "coap://[2001:db8::7]:61616";
    play(pair, proxy, script);
    snprintf(uri, 64, "%s", proxy->uri);
    pair->proxy_uri = uri;
    coap_pair_client_open(pair);
}

static void a_proxy_gets_the_whole_uri_in_one_option(void **state)
{
    coap_pair *pair = *state;
    played proxy;
    char uri[64];
    size_t size;
    pair_proxy(pair, &proxy, uri, played_answer_short);
    assert_int_equal(coap_pair_send(pair, 1, 1023), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_true(wire_says(&proxy.last, WIRE_PROXY_URI, 0,
                          "coap://[2001:db8::7]:61616/.well-known/atls?s=-__-BAUGBwgJCgsM"));
    assert_null(wire_find(&proxy.last, WIRE_URI_PATH, 0, &size));
    assert_null(wire_find(&proxy.last, WIRE_URI_QUERY, 0, &size));
    assert_null(wire_find(&proxy.last, WIRE_URI_HOST, 0, &size));
    /* No blocks through a proxy. */
    assert_int_equal(talc_coap_carrier.limits(pair->client).body_size, 1023);
    assert_int_equal(coap_pair_send(pair, 2, 1024), TALC_ERROR_TOO_LARGE);
    play_end(pair, &proxy);
}

static void a_proxy_that_refuses_is_asked_in_the_other_form(void **state)
{
    coap_pair *pair = *state;
    played proxy;
    char uri[64];
    size_t size;
    pair_proxy(pair, &proxy, uri, answer_as_proxy_of_schemes);
    assert_int_equal(coap_pair_send(pair, 1, 1023), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(pair->code, WIRE_CODE(2, 4));
    assert_int_equal(proxy.requests, 2);
    assert_true(wire_says(&proxy.last, WIRE_PROXY_SCHEME, 0, "coap"));
    assert_true(wire_says(&proxy.last, WIRE_URI_HOST, 0, "[2001:db8::7]"));
    assert_int_equal(wire_number(&proxy.last, WIRE_URI_PORT), 61616);
    assert_true(wire_says(&proxy.last, WIRE_URI_PATH, 1, "atls"));
    assert_true(wire_says(&proxy.last, WIRE_URI_QUERY, 0, "s=-__-BAUGBwgJCgsM"));
    wire_payload_find(&proxy.last, &size);
    assert_int_equal(size, 1023);
    /* What worked is kept. */
    assert_int_equal(coap_pair_send(pair, 2, 10), TALC_OK);
    coap_pair_await_answers(pair, 2);
    assert_int_equal(proxy.requests, 3);
    play_end(pair, &proxy);
}

static void answer_not_a_proxy(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(5, 5));
    wire_payload(&answer, "no proxy", 8);
    played_send(server, &answer);
}

static void answer_from_behind(played *server, const wire_message *request)
{
    wire_message answer;
    wire_answer(&answer, request, WIRE_CODE(5, 1));
    wire_payload(&answer, "{\"i\":1}", 7);
    played_send(server, &answer);
}

static void a_refusal_in_both_forms_or_by_the_server_is_the_answer(void **state)
{
    coap_pair *pair = *state;
    played proxy;
    char uri[64];
    pair_proxy(pair, &proxy, uri, answer_not_a_proxy);
    assert_int_equal(coap_pair_send(pair, 1, 10), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->code, WIRE_CODE(5, 5));
    assert_memory_equal(pair->answer, "no proxy", 8);
    assert_int_equal(proxy.requests, 2);
    play_end(pair, &proxy);

    pair_proxy(pair, &proxy, uri, answer_from_behind);
    assert_int_equal(coap_pair_send(pair, 2, 10), TALC_OK);
    coap_pair_await_answers(pair, 2);
    assert_int_equal(pair->code, WIRE_CODE(5, 1));
    assert_int_equal(proxy.requests, 1);
    play_end(pair, &proxy);
}

/* ---------------------------------------------------------------- libcoap's proxy */

#define PROXY_PROGRAM "coap-server-notls"

typedef struct forward_proxy {
    pid_t process; /* 0: none */
    uint16_t port;
    char uri[64];
} forward_proxy;

static forward_proxy the_proxy; /* stopped by the teardown, so that a failed test leaves none */

/* A CoAP ping (RFC 7252 section 4.3) that is answered: the proxy is there. */
static int proxy_answers(const forward_proxy *proxy, int socket)
{
    wire_message ping, pong;
    uint16_t from;
    wire_begin(&ping, WIRE_CON, 0, 1, NULL, 0);
    wire_send(socket, &ping, proxy->port);
    return wire_receive(socket, &pong, &from) && from == proxy->port;
}

/* Pings until the program answers, or has ended. */
static void proxy_await(forward_proxy *proxy)
{
    uint16_t port;
    int status;
    int socket = wire_socket(&port);
    assert_true(socket >= 0);
    while (!proxy_answers(proxy, socket)) {
        if (waitpid(proxy->process, &status, WNOHANG) != 0) {
            proxy->process = 0;
            fail_msg(PROXY_PROGRAM " ended with status %d", status);
        }
        sched_yield();
    }
    close(socket);
}

static void proxy_start(forward_proxy *proxy)
{
    char port[8];
    int free_socket = wire_socket(&proxy->port);
    assert_true(free_socket >= 0);
    close(free_socket);
    snprintf(port, sizeof port, "%u", (unsigned)proxy->port);
    snprintf(proxy->uri, sizeof proxy->uri, "coap://127.0.0.1:%s", port);
    char *const arguments[] = { PROXY_PROGRAM, "-A", "127.0.0.1",   "-p",
                                port,          "-P", ",test-proxy", NULL };
    int error = posix_spawnp(&proxy->process, PROXY_PROGRAM, NULL, NULL, arguments, environ);
    if (error == ENOENT) {
        skip(); /* package libcoap3-bin */
    }
    assert_int_equal(error, 0);
    proxy_await(proxy);
}

/* The client's path: relay, then proxy, then server. */
static void proxy_connect(coap_pair *pair, char uri[64], char proxy_uri[64])
{
    proxy_start(&the_proxy);
    snprintf(uri, 64, "coap://127.0.0.1:%u", (unsigned)talc_coap_listener.port(pair->server));
    snprintf(proxy_uri, 64, "coap://127.0.0.1:%u", (unsigned)relay_port(pair->relay));
    relay_server_set(pair->relay, the_proxy.port);
    pair->uri = uri;
    pair->proxy_uri = proxy_uri;
    coap_pair_client_open(pair);
}

static int teardown(void **state)
{
    if (the_proxy.process != 0) {
        kill(the_proxy.process, SIGKILL);
        waitpid(the_proxy.process, NULL, 0);
        the_proxy.process = 0;
    }
    return coap_pair_teardown(state);
}

static void second_relay_turn(coap_pair *pair, void *context)
{
    (void)pair;
    relay_process(context);
}

/* Counted on both legs: before the proxy and behind it. */
static void bodies_of_one_message_pass_libcoaps_proxy(void **state)
{
    static const size_t sizes[] = { 10, 512, 513, 1000, 1023 };
    coap_pair *pair = *state;
    char uri[64], proxy_uri[64];
    test_relay *behind = relay_new(talc_coap_listener.port(pair->server));
    assert_non_null(behind);
    pair->extra = second_relay_turn;
    pair->extra_context = behind;
    pair->extra_descriptor = relay_descriptor(behind);
    proxy_connect(pair, uri, proxy_uri);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)relay_port(behind));
    coap_pair_client_open(pair);
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++) {
            coap_pair_exchange(pair, sizes[i], sizes[j]);
        }
    }
    assert_int_equal(relay_counts_get(pair->relay, RELAY_UP).payload_max, 1023);
    assert_int_equal(relay_counts_get(pair->relay, RELAY_DOWN).payload_max, 1023);
    assert_int_equal(relay_counts_get(behind, RELAY_UP).payload_max, 1023);
    assert_int_equal(relay_counts_get(behind, RELAY_DOWN).payload_max, 1023);
    assert_int_equal(relay_counts_get(behind, RELAY_UP).datagrams, 25);
    assert_int_equal(relay_counts_get(behind, RELAY_DOWN).datagrams, 25);
    relay_free(behind);
}

static void doubled_datagrams_pass_libcoaps_proxy(void **state)
{
    const relay_faults doubled = { .duplicates = 1 };
    coap_pair *pair = *state;
    char uri[64], proxy_uri[64];
    proxy_connect(pair, uri, proxy_uri);
    relay_faults_set(pair->relay, RELAY_UP, &doubled);
    relay_faults_set(pair->relay, RELAY_DOWN, &doubled);
    for (size_t i = 0; i < 5; i++) {
        coap_pair_exchange(pair, 1023, 1023);
    }
    coap_pair_settle(pair, 100);
    assert_int_equal(pair->answers, 5);
}

static void late_answers_pass_libcoaps_proxy(void **state)
{
    coap_pair *pair = *state;
    char uri[64], proxy_uri[64];
    proxy_connect(pair, uri, proxy_uri);
    pair->hold = 1;
    assert_int_equal(coap_pair_send(pair, 1, 1023), TALC_OK);
    coap_pair_await_inbounds(pair, 1);
    coap_pair_settle(pair, 50);
    coap_pair_release(pair, 0, 1023);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(pair->answer_body_size, 1023);
}

/* The proxy acknowledges at once and answers in a message of its own. When our acknowledgement of
 * that is lost, it keeps the next answer back; a repeat from another port gets through. */
static void a_repeat_passes_a_proxy_that_is_stuck(void **state)
{
    coap_pair *pair = *state;
    char uri[64], proxy_uri[64];
    proxy_connect(pair, uri, proxy_uri);
    coap_pair_exchange(pair, 100, 100);
    coap_pair_settle(pair, 50);
    pair->hold = 1;
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_inbounds(pair, 2);
    const relay_faults all_lost = { .loss = 1 };
    const relay_faults none = { 0 };
    relay_faults_set(pair->relay, RELAY_UP, &all_lost);
    coap_pair_release(pair, 0, 100);
    coap_pair_await_answers(pair, 2); /* but its acknowledgement is lost */
    relay_process(pair->relay);
    relay_faults_set(pair->relay, RELAY_UP, &none);
    pair->hold = 0;
    pair->answer_size = 200;
    pair->long_answer_size = 0;
    assert_int_equal(coap_pair_send(pair, 2, 100), TALC_OK);
    coap_pair_await_inbounds(pair, 3);
    talc_coap_carrier.cancel(pair->client, 2);
    assert_int_equal(coap_pair_send_again(pair, 3, 1, 100), TALC_OK);
    coap_pair_await_answers(pair, 3);
    assert_int_equal(pair->exchange, 3);
    assert_int_equal(pair->answer_body_size, 200);
}

/* ---------------------------------------------------------------- libcoap's client */

#define CLIENT_PROGRAM "coap-client-notls"
#define CLIENT_BODY_SIZE 3000
#define CLIENT_ANSWER_SIZE 12000

/* Makes a file of a test body; returns its descriptor. */
static int body_file(char name[32], size_t size)
{
    strcpy(name, "/tmp/talc-coap-XXXXXX");
    int file = mkstemp(name);
    assert_true(file >= 0);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = coap_pair_byte(size, i);
        assert_int_equal(write(file, &byte, 1), 1);
    }
    return file;
}

static void client_run(coap_pair *pair, const char *in, const char *out)
{
    char uri[100];
    int status = -1;
    pid_t process;
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u" COAP_PAIR_PATH "?s=-__-BAUGBwgJCgsM",
             (unsigned)relay_port(pair->relay));
    char *const arguments[] = {
        CLIENT_PROGRAM,         "-m", "post", "-f", (char *)(uintptr_t)in, "-o",
        (char *)(uintptr_t)out, uri,  NULL
    };
    int error = posix_spawnp(&process, CLIENT_PROGRAM, NULL, NULL, arguments, environ);
    if (error == ENOENT) {
        skip(); /* package libcoap3-bin */
    }
    assert_int_equal(error, 0);
    while (waitpid(process, &status, WNOHANG) == 0) {
        coap_pair_turn(pair, 20);
    }
    assert_int_equal(status, 0);
}

/* Long bodies both ways, once plain and once with every datagram twice. libcoap's client would
 * never end if a doubled request got its answer under another ETag. */
static void libcoaps_client_gets_long_answers(void **state)
{
    coap_pair *pair = *state;
    uint8_t got[CLIENT_ANSWER_SIZE + 1];
    char in[32], out[32];
    close(body_file(in, CLIENT_BODY_SIZE));
    pair->answer_size = CLIENT_ANSWER_SIZE;
    for (unsigned duplicates = 0; duplicates < 2; duplicates++) {
        const relay_faults faults = { .duplicates = duplicates };
        relay_faults_set(pair->relay, RELAY_UP, &faults);
        relay_faults_set(pair->relay, RELAY_DOWN, &faults);
        relay_counts_reset(pair->relay);
        int file = body_file(out, 0);
        client_run(pair, in, out);
        assert_int_equal(pair->inbound_size, CLIENT_BODY_SIZE);
        assert_int_equal(read(file, got, sizeof got), CLIENT_ANSWER_SIZE);
        for (size_t i = 0; i < CLIENT_ANSWER_SIZE; i++) {
            assert_int_equal(got[i], coap_pair_byte(CLIENT_ANSWER_SIZE, i));
        }
        assert_true(relay_counts_get(pair->relay, RELAY_UP).datagrams <= 60);
        assert_true(relay_counts_get(pair->relay, RELAY_DOWN).payload_max <= 512);
        close(file);
        unlink(out);
    }
    unlink(in);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, coap_pair_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_proxy_gets_the_whole_uri_in_one_option),
        CASE(a_proxy_that_refuses_is_asked_in_the_other_form),
        CASE(a_refusal_in_both_forms_or_by_the_server_is_the_answer),
        CASE(bodies_of_one_message_pass_libcoaps_proxy),
        CASE(doubled_datagrams_pass_libcoaps_proxy),
        CASE(late_answers_pass_libcoaps_proxy),
        CASE(a_repeat_passes_a_proxy_that_is_stuck),
        CASE(libcoaps_client_gets_long_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
