/* SPDX-License-Identifier: MIT */
/* The client's carrier over HTTP: where bodies go, over which connections, and through nginx. */
#include "talc/message.h"
#include "tests/credential_folder.h"
#include "tests/http_carrying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void ignore(void *context, const talc_carrier_answer *answer)
{
    (void)context;
    (void)answer;
}

/* ---------------------------------------------------------------- requests */

static void a_body_is_posted_as_json(void **state)
{
    static const char *const lines[] = {
        "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.1\r\n",
        "\r\nContent-Type: application/json\r\n",
        "\r\nAccept: application/json\r\n",
        "\r\nCache-Control: no-store\r\n",
        "\r\nContent-Length: 100\r\n",
        "\r\n\r\nbbbbbbbb",
    };
    http_carrying *of = *state;
    carrying_open(of);
    carrying_exchange(of);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_contains(carrying_last_request(of), lines[i]);
    }
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(of->code, TALC_CODE(2, 4));
    assert_int_equal(of->body_size, 2);
    assert_memory_equal(of->body, "{}", 2);
    assert_int_equal(of->retry_after_ms, 0);
}

/* "%s" is the played server; it is the origin, the proxy or the gateway. */
static const struct {
    const char *uri;
    const char *proxy_uri;
    const char *path;
    const char *line;
} addresses[] = {
    { "%s", NULL, "/.well-known/atls", "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.1\r\n" },
    { "%s/", NULL, "/.well-known/atls", "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.1\r\n" },
    { "%s/base", NULL, "/.well-known/atls", "POST /base/.well-known/atls?s=-__" },
    { "%s/a/b%%20c//", NULL, "/x", "POST /a/b%20c/x?s=-__" },
    { "%s", NULL, "/a b/\xc3\xa4?", "POST /a%20b/%C3%A4%3F?s=-__" },
    { "http://server.example", "%s", "/x", "POST http://server.example/x?s=-__" },
    { "http://server.example:8080/base", "%s/", "/x",
      "POST http://server.example:8080/base/x?s=-__" },
    { "coap://device.example", "%s/hc", "/.well-known/atls",
      "POST /hc/coap://device.example/.well-known/atls?s=-__" },
    { "coap://device.example/", "%s", "/x", "POST /hc/coap://device.example/x?s=-__" },
    { "coap://device.example:5684", "%s/", "/x", "POST /hc/coap://device.example:5684/x?s=-__" },
    { "coap://[2001:db8::1]:61616", "%s/a/hc/", "/x",
      "POST /a/hc/coap://%5B2001:db8::1%5D:61616/x?s=-__" },
};

static void addresses_lead_to_the_server_the_proxy_or_the_gateway(void **state)
{
    http_carrying *of = *state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char uri[128], proxy_uri[128];
        snprintf(uri, sizeof uri, addresses[i].uri, of->server.uri);
        of->target.uri = uri;
        of->target.proxy_uri = NULL;
        if (addresses[i].proxy_uri != NULL) {
            snprintf(proxy_uri, sizeof proxy_uri, addresses[i].proxy_uri, of->server.uri);
            of->target.proxy_uri = proxy_uri;
        }
        of->target.path = addresses[i].path;
        carrying_open(of);
        memset(uri, 'x', sizeof uri); /* all has been copied */
        carrying_exchange(of);
        assert_memory_equal(carrying_last_request(of), addresses[i].line,
                            strlen(addresses[i].line));
    }
}

static void https_goes_through_a_proxy_in_a_tunnel(void **state)
{
    http_carrying *of = *state;
    of->server.text = "HTTP/1.1 502 No Way\r\nContent-Length: 0\r\n\r\n";
    of->target.proxy_uri = of->server.uri;
    of->target.uri = "https://server.example/base";
    carrying_open(of);
    carrying_exchange(of);
    assert_contains(carrying_last_request(of), "CONNECT server.example:443 HTTP/1.1\r\n");
    assert_int_equal(of->outcome, TALC_OUTCOME_UNREACHABLE);
}

static void other_addresses_are_refused_with_words(void **state)
{
    static const struct {
        const char *uri;
        const char *proxy_uri;
        const char *named;
    } rows[] = {
        { "", NULL, "http://host:port/base" },
        { "ftp://server.example", NULL, "ftp://server.example" },
        { "server.example", NULL, "server.example" },
        { "http://", NULL, "http://" },
        { "http://a b/", NULL, "http://a b/" },
        { "http://server.example:0x50", NULL, "server.example:0x50" },
        { "http://user@server.example", NULL, "user@server.example" },
        { "http://server.example/?q", NULL, "server.example/?q" },
        { "http://server.example/#f", NULL, "server.example/#f" },
        { "http://server.example", "https://proxy.example", "https://proxy.example" },
        { "http://server.example", "http://proxy.example/path", "http://proxy.example/path" },
        { "coap://device.example", NULL, "gateway" },
        { "coap://device.example", "coap://proxy.example", "gateway" },
        { "coap://device.example/path", "http://gateway.example", "coap://device.example/path" },
        { "coap://device.example?q", "http://gateway.example", "coap://device.example?q" },
        { "coap://u@device.example", "http://gateway.example", "coap://u@device.example" },
        { "coap://device.example", "http://gateway.example/hc?target={tu}", "gateway.example/hc?" },
        { "coaps://device.example", "http://gateway.example", "coaps://device.example" },
    };
    http_carrying *of = *state;
    const talc_carrier_events events = { of, ignore };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talc_failure failure = { 0 };
        of->target.uri = rows[i].uri;
        of->target.proxy_uri = rows[i].proxy_uri;
        talc_status status = of->carrier->open(&of->link, &of->target, &events, &failure);
        if (status != TALC_ERROR_ARGUMENT || of->link != NULL) {
            fail_msg("%s: %d", rows[i].uri, (int)status);
        }
        assert_int_equal(failure.status, TALC_ERROR_ARGUMENT);
        assert_contains(failure.text, rows[i].named);
    }
}

static void anchors_that_cannot_be_used_are_refused(void **state)
{
    http_carrying *of = *state;
    const talc_carrier_events events = { of, ignore };
    talc_failure failure = { 0 };
    of->target.https_anchors_path = "/nowhere/ca.pem";
    assert_int_equal(of->carrier->open(&of->link, &of->target, &events, &failure),
                     TALC_ERROR_TRUST);
    assert_null(of->link);
    assert_contains(failure.text, "/nowhere/ca.pem");
}

static void no_body_is_longer_than_a_message(void **state)
{
    http_carrying *of = *state;
    of->target.message_size = 300;
    carrying_open(of);
    talc_carrier_limits limits = of->carrier->limits(of->link);
    assert_int_equal(limits.message_size, 300);
    assert_int_equal(limits.body_size, 300);
    assert_int_equal(carrying_send(of, 1, 0, 301), TALC_ERROR_TOO_LARGE);
    assert_int_equal(carrying_send(of, 1, 0, 300), TALC_OK);
    carrying_await(of, 1);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
}

/* ---------------------------------------------------------------- connections */

static void repeats_take_a_connection_of_their_own(void **state)
{
    http_carrying *of = *state;
    carrying_open(of);
    carrying_exchange(of);
    carrying_exchange(of);
    assert_int_equal(of->server.accepted, 1);
    assert_int_equal(carrying_send(of, 8, 1, 100), TALC_OK);
    carrying_await(of, 3);
    assert_int_equal(of->server.accepted, 2);
}

static void a_cancelled_exchange_has_no_answer(void **state)
{
    http_carrying *of = *state;
    carrying_open(of);
    of->server.script = http_played_silence;
    assert_int_equal(carrying_send(of, 1, 0, 100), TALC_OK);
    assert_int_equal(carrying_send(of, 2, 0, 100), TALC_OK);
    while (of->server.requests < 2) {
        carrying_turn(of);
    }
    of->carrier->cancel(of->link, 1);
    of->carrier->cancel(of->link, 99);
    for (size_t i = 0; i < 2; i++) {
        if (of->server.connections[i].socket >= 0) {
            http_played_send(&of->server.connections[i], CARRYING_ANSWERED);
        }
    }
    carrying_await(of, 1);
    assert_int_equal(of->exchange, 2);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
}

static void exchanges_are_bounded(void **state)
{
    http_carrying *of = *state;
    carrying_open(of);
    of->server.script = http_played_silence;
    for (uint32_t number = 1; number <= 16; number++) {
        assert_int_equal(carrying_send(of, number, 0, 100), TALC_OK);
    }
    assert_int_equal(carrying_send(of, 17, 0, 100), TALC_ERROR_MEMORY);
}

/* ---------------------------------------------------------------- nginx between */

static void start_nginx(http_carrying *of, const char *certificate, const char *key)
{
    const nginx_setup setup_of_nginx = { .upstream_port = of->server.port,
                                         .certificate = certificate,
                                         .key = key };
    nginx_process_start(&of->nginx, &setup_of_nginx);
}

static void bodies_pass_nginx(void **state)
{
    http_carrying *of = *state;
    char uri[64];
    start_nginx(of, NULL, NULL);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u", (unsigned)of->nginx.port);
    of->target.uri = uri;
    carrying_open(of);
    carrying_exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(of->code, TALC_CODE(2, 4));
    assert_memory_equal(of->body, "{}", 2);
    assert_contains(carrying_last_request(of),
                    "POST /.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.0\r\n");
}

static void bodies_pass_nginx_over_tls(void **state)
{
    http_carrying *of = *state;
    char uri[64];
    start_nginx(of, "server-ip.pem", "server-ip.key");
    snprintf(uri, sizeof uri, "https://127.0.0.1:%u/base", (unsigned)of->nginx.tls_port);
    of->carrier = &talc_https_carrier;
    of->target.uri = uri;
    of->target.https_anchors_path = credential_path("ca.pem");
    carrying_open(of);
    for (unsigned i = 0; i < 3; i++) {
        carrying_exchange(of);
        assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
        assert_int_equal(of->code, TALC_CODE(2, 4));
    }
    assert_contains(carrying_last_request(of),
                    "POST /base/.well-known/atls?s=-__-BAUGBwgJCgsM HTTP/1.0\r\n");
}

static void nothing_reaches_a_server_that_cannot_be_verified(void **state)
{
    http_carrying *of = *state;
    char uri[64];
    start_nginx(of, "server-ip.pem", "server-ip.key");
    snprintf(uri, sizeof uri, "https://127.0.0.1:%u", (unsigned)of->nginx.tls_port);
    of->carrier = &talc_https_carrier;
    of->target.uri = uri;
    of->target.https_anchors_path = credential_path("other-ca.pem");
    carrying_open(of);
    carrying_exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_UNREACHABLE);
    assert_contains(of->reason, uri);
    assert_contains(of->reason, "certificate verification failed");
    assert_int_equal(of->server.requests, 0);
}

/* nginx answers for a server that is gone: with a page of its own. */
static void pages_of_nginx_pass_as_answers(void **state)
{
    http_carrying *of = *state;
    char uri[64];
    http_played nobody;
    http_played_open(&nobody, http_played_silence);
    const nginx_setup setup_of_nginx = { .upstream_port = nobody.port };
    http_played_close(&nobody);
    nginx_process_start(&of->nginx, &setup_of_nginx);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u", (unsigned)of->nginx.port);
    of->target.uri = uri;
    carrying_open(of);
    carrying_exchange(of);
    assert_int_equal(of->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(of->code, TALC_CODE(5, 2));
    assert_memory_equal(of->body, "<html>", 6);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, carrying_setup, carrying_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_body_is_posted_as_json),
        EACH(addresses_lead_to_the_server_the_proxy_or_the_gateway),
        EACH(https_goes_through_a_proxy_in_a_tunnel),
        EACH(other_addresses_are_refused_with_words),
        EACH(anchors_that_cannot_be_used_are_refused),
        EACH(no_body_is_longer_than_a_message),
        EACH(repeats_take_a_connection_of_their_own),
        EACH(a_cancelled_exchange_has_no_answer),
        EACH(exchanges_are_bounded),
        EACH(bodies_pass_nginx),
        EACH(bodies_pass_nginx_over_tls),
        EACH(nothing_reaches_a_server_that_cannot_be_verified),
        EACH(pages_of_nginx_pass_as_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
