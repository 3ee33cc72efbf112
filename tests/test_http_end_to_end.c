/* SPDX-License-Identifier: MIT */
/* Whole clients and servers over HTTP: straight, through nginx, and through nginx with TLS
 * outside. */
#include "tests/credential_folder.h"
#include "tests/nginx_process.h"
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define IN_FLIGHT 20
#define LARGE 16384 /* bytes */

typedef enum http_hops { STRAIGHT, NGINX, NGINX_TLS } http_hops;

typedef struct http_case {
    const char *name;
    const peers_credentials *credentials;
    http_hops outside;
} http_case;

static nginx_process nginx;

static int stop_all(void **state)
{
    nginx_process_stop(&nginx);
    return peers_free_all(state);
}

/* A client that goes through nginx in place of the one that does not. */
static void lead_through_nginx(peers *of, http_hops outside, const char *anchors)
{
    talc_config config;
    talc_failure failure;
    const nginx_setup setup = { .upstream_port = of->server_port,
                                .certificate = "server-ip.pem",
                                .key = "server-ip.key" };
    nginx_process_start(&nginx, &setup);
    snprintf(of->uri, sizeof of->uri, "%s://127.0.0.1:%u", outside == NGINX ? "http" : "https",
             (unsigned)(outside == NGINX ? nginx.port : nginx.tls_port));
    peers_configure(&config, &of->options.credentials->client);
    config.hold_s = 1;
    config.https_anchors_path = credential_path(anchors);
    config.failure = &failure;
    config.request_timeout_ms =
        of->options.request_timeout_ms != 0 ? of->options.request_timeout_ms : 120000;
    talc_client_free(of->clients[0]);
    of->clients[0] = NULL;
    if (talc_client_new(&of->clients[0], &config, of->uri, NULL) != TALC_OK) {
        fail_msg("%s: %s", of->uri, failure.text);
    }
    peers_configure_drop(&config);
}

static talc_request post(const uint8_t *payload, size_t size)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = TALC_POST;
    request.path = "echo";
    request.payload = payload;
    request.payload_size = size;
    return request;
}

static void expect_echo(peers *of, size_t size)
{
    static uint8_t payload[LARGE];
    static peers_call call;
    for (size_t i = 0; i < size; i++) {
        payload[i] = resources_byte(i);
    }
    talc_request request = post(payload, size);
    peers_fetch(of, 0, &request, &call);
    peers_expect(&call, TALC_CODE_CHANGED);
    assert_int_equal(call.payload_size, size);
    assert_memory_equal(call.payload, payload, size);
}

static void expect_many_in_flight(peers *of)
{
    static peers_call calls[IN_FLIGHT];
    uint8_t payload[700];
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        memset(payload, (int)i, sizeof payload);
        talc_request request = post(payload, 50 + i * 30);
        peers_send(of, 0, &request, &calls[i]);
    }
    peers_await(&of, 1);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        peers_expect(&calls[i], TALC_CODE_CHANGED);
        assert_int_equal(calls[i].payload_size, 50 + i * 30);
        assert_int_equal(calls[i].payload[0], i);
    }
}

/* Held by the server until something is there. */
static void expect_later(peers *of)
{
    static peers_call calls[2];
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "later";
    peers_send(of, 0, &request, &calls[0]);
    request.method = TALC_POST;
    request.path = "release";
    peers_send(of, 0, &request, &calls[1]);
    peers_await(&of, 1);
    peers_expect(&calls[0], TALC_CODE_CONTENT);
    assert_memory_equal(calls[0].payload, "now", 3);
}

static void a_session_over_http(void **state)
{
    const http_case *row = *state;
    const peers_options options = { .credentials = row->credentials, .scheme = "http" };
    peers *of = peers_new(&options);
    if (row->outside != STRAIGHT) {
        lead_through_nginx(of, row->outside, "ca.pem");
    }
    expect_echo(of, 0);
    expect_echo(of, 3072);
    expect_echo(of, LARGE);
    expect_many_in_flight(of);
    expect_later(of);
    assert_int_equal(of->events.opened, 1);
    assert_int_equal(of->events.refused + of->events.failed + of->events.dropped, 0);
    assert_string_equal(of->resources->last_peer.name, peers_shown_name(&row->credentials->client));
    peers_free(of);
}

/* The outer TLS is only another hop, but whoever cannot show its name gets not even envelopes. */
static void an_outer_tls_that_cannot_be_verified_carries_nothing(void **state)
{
    static peers_call call;
    const peers_options options = { .credentials = &peers_certificates,
                                    .scheme = "http",
                                    .request_timeout_ms = 1000 };
    (void)state;
    peers *of = peers_new(&options);
    lead_through_nginx(of, NGINX_TLS, "other-ca.pem");
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "hello";
    peers_fetch(of, 0, &request, &call);
    assert_int_equal(call.status, TALC_ERROR_UNREACHABLE);
    assert_int_equal(call.failure.stage, TALC_STAGE_PATH);
    assert_contains(call.failure.text, of->uri);
    assert_contains(call.failure.text, "certificate verification failed");
    assert_int_equal(of->events.opened, 0);
    peers_free(of);
}

static http_case cases[] = {
    { "straight, certificates", &peers_certificates, STRAIGHT },
    { "straight, PSK", &peers_psk, STRAIGHT },
    { "nginx, certificates", &peers_certificates, NGINX },
    { "nginx, PSK", &peers_psk, NGINX },
    { "nginx with TLS, certificates", &peers_certificates, NGINX_TLS },
    { "nginx with TLS, PSK", &peers_psk, NGINX_TLS },
    { "nginx with TLS, RSA chain", &peers_rsa_chain, NGINX_TLS },
};

#define CASES (sizeof cases / sizeof cases[0])

int main(void)
{
    struct CMUnitTest tests[CASES + 1] = { cmocka_unit_test_teardown(
        an_outer_tls_that_cannot_be_verified_carries_nothing, stop_all) };
    for (size_t i = 0; i < CASES; i++) {
        tests[i + 1] =
            (struct CMUnitTest){ cases[i].name, a_session_over_http, NULL, stop_all, &cases[i] };
    }
    return cmocka_run_group_tests_name("http end to end", tests, NULL, NULL);
}
