/* SPDX-License-Identifier: MIT */
/* Where an HTTP server listens, with which certificate, and what it says when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/credential_folder.h"
#include "tests/http_stand.h"
#include "tests/tls_program.h"
#include "transport/http_server_address.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 60

/* ---------------------------------------------------------------- what cannot be opened */

static size_t descriptors_open(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static void expect_failure(http_stand *of, talc_status status, const char *words)
{
    talc_http_server *server = of->server;
    talc_failure failure = { 0 };
    size_t before = descriptors_open();
    talc_status got = talc_http_server_open(&server, &of->setup, &failure);
    if (got != status || failure.status != status) {
        fail_msg("%s: %d: %s", of->setup.uri, got, failure.text);
    }
    assert_null(server);
    assert_contains(failure.text, words);
    assert_int_equal(descriptors_open(), before);
}

static void uris_are_read_strictly(void **state)
{
    static const char *const uris[] = {
        "",
        "127.0.0.1",
        "coap://127.0.0.1",
        "httpx://127.0.0.1",
        "http:127.0.0.1",
        "http://",
        "http://:80",
        "http:///",
        "http://127.0.0.1:",
        "http://127.0.0.1:x",
        "http://127.0.0.1:80x",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:100000",
        "http://127.0.0.1:-1",
        "http://127.0.0.1/path",
        "http://127.0.0.1:80/path",
        "http://127.0.0.1?q",
        "http://me@127.0.0.1",
        "http://[::1",
        "http://[::1]x",
        "http://::1",
    };
    http_stand *of = *state;
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        of->setup.uri = uris[i];
        expect_failure(of, TALC_ERROR_ARGUMENT, uris[i]);
    }
    of->setup.uri = NULL;
    expect_failure(of, TALC_ERROR_ARGUMENT, "http://host:port");
}

static void endpoints_have_default_ports(void **state)
{
    static const struct {
        const char *uri, *host, *port;
        int is_secure;
    } cases[] = {
        { "http://host", "host", "80", 0 },
        { "HTTP://host/", "host", "80", 0 },
        { "https://host", "host", "443", 1 },
        { "http://host:0", "host", "0", 0 },
        { "https://[::1]:65535/", "::1", "65535", 1 },
        { "http://[fe80::1%25eth0]", "fe80::1%eth0", "80", 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        talc_http_endpoint endpoint;
        assert_int_equal(talc_http_endpoint_read(&endpoint, cases[i].uri, NULL), TALC_OK);
        assert_string_equal(endpoint.host, cases[i].host);
        assert_string_equal(endpoint.port, cases[i].port);
        assert_int_equal(endpoint.is_secure, cases[i].is_secure);
    }
}

static void an_address_that_cannot_be_had_is_named(void **state)
{
    http_stand *of = *state;
    char busy[64];
    snprintf(busy, sizeof busy, "http://127.0.0.1:%u", of->port);
    of->setup.uri = busy;
    expect_failure(of, TALC_ERROR_UNREACHABLE, "127.0.0.1");
    of->setup.uri = "http://192.0.2.1:0";
    expect_failure(of, TALC_ERROR_UNREACHABLE, "192.0.2.1");
    of->setup.uri = "http://no-such-host.invalid:0";
    expect_failure(of, TALC_ERROR_UNREACHABLE, "no-such-host.invalid");
}

static void certificates_and_keys_are_checked(void **state)
{
    http_stand *of = *state;
    of->setup.uri = "https://127.0.0.1:0";
    expect_failure(of, TALC_ERROR_ARGUMENT, "https_certificate_path");
    of->setup.certificate_path = credential_path("outer.pem");
    expect_failure(of, TALC_ERROR_ARGUMENT, "https_key_path");
    of->setup.key_path = "/no/such/file";
    expect_failure(of, TALC_ERROR_IDENTITY, "/no/such/file");
    of->setup.key_path = credential_path("server.key"); /* of another certificate */
    expect_failure(of, TALC_ERROR_IDENTITY, "server.key");
    of->setup.key_path = credential_path("outer-ca.pem");
    expect_failure(of, TALC_ERROR_IDENTITY, "outer-ca.pem");
    of->setup.key_path = scratch_text("-----BEGIN PRIVATE KEY-----\n");
    expect_failure(of, TALC_ERROR_IDENTITY, "the HTTP server");
    of->setup.key_path = scratch_file("key", 3, 0640);
    expect_failure(of, TALC_ERROR_IDENTITY, "chmod 600");
    of->setup.key_path = credential_path("outer.key");
    of->setup.certificate_path = "/no/such/file";
    expect_failure(of, TALC_ERROR_IDENTITY, "/no/such/file");
    of->setup.certificate_path = credential_path("outer.pem");
    http_stand_reopen(of);
}

/* ---------------------------------------------------------------- who is there */

static void ipv4_comes_to_ipv6_too(void **state)
{
    http_stand *of = *state;
    of->setup.uri = "http://[::]:0";
    http_stand_reopen(of);
    http_stand_serves(of);
    assert_int_equal(strncmp(of->peer, "127.0.0.1:", 10), 0);
}

static void peers_have_one_name(void **state)
{
    struct sockaddr_in plain = { .sin_family = AF_INET, .sin_port = htons(4711) };
    struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(4711) };
    struct sockaddr_in6 other = { .sin6_family = AF_INET6, .sin6_port = htons(4712) };
    talc_http_peer peers[3];
    (void)state;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &plain.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &other.sin6_addr), 1);
    talc_http_peer_set(&peers[0], (struct sockaddr *)&plain);
    talc_http_peer_set(&peers[1], (struct sockaddr *)&mapped);
    talc_http_peer_set(&peers[2], (struct sockaddr *)&other);
    assert_string_equal(peers[0].text, "192.0.2.1:4711");
    assert_string_equal(peers[1].text, "192.0.2.1:4711");
    assert_string_equal(peers[2].text, "[2001:db8::1]:4712");
    assert_memory_equal(peers[0].bytes, peers[1].bytes, sizeof peers[0].bytes);
    assert_memory_not_equal(peers[0].bytes, peers[2].bytes, sizeof peers[0].bytes);
    /* Without the port it is the same sender. */
    mapped.sin6_port = htons(1);
    talc_http_peer_set(&peers[1], (struct sockaddr *)&mapped);
    assert_memory_not_equal(peers[0].bytes, peers[1].bytes, sizeof peers[0].bytes);
    assert_memory_equal(peers[0].bytes, peers[1].bytes,
                        sizeof peers[0].bytes - TALC_HTTP_PEER_PORT_SIZE);
}

/* ---------------------------------------------------------------- https */

/* Lets both sides run until the program has said one of these. */
static const char *await_words(const http_stand *of, tls_program *program, const char *good,
                               const char *bad)
{
    time_t begin = time(NULL);
    for (;;) {
        tls_program_listen(program);
        if (strstr(program->text, good) != NULL) {
            return good;
        }
        if (strstr(program->text, bad) != NULL) {
            return bad;
        }
        if (time(NULL) > begin + PATIENCE_S) {
            fail_msg("neither \"%s\" nor \"%s\": %s", good, bad, program->text);
        }
        http_loop_turn(&of->loop, program->output, 20);
    }
}

static void secure_connections_are_verified_and_new(void **state)
{
    static const char served[] = "200 OK", refused[] = "Cipher is (NONE)";
    static const struct {
        const char *options;
        const char *outcome;
    } cases[] = {
        { "-tls1_3", served },
        { "-tls1_2", served },
        { "-tls1_1 -cipher ALL@SECLEVEL=0", refused },
        { "-tls1_2 -cipher ECDHE-ECDSA-NULL-SHA@SECLEVEL=0", refused },
    };
    http_stand *of = *state;
    of->setup.uri = "https://127.0.0.1:0";
    of->setup.certificate_path = credential_path("outer.pem");
    of->setup.key_path = credential_path("outer.key");
    http_stand_reopen(of);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const char request[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
        char command[512];
        tls_program program;
        snprintf(command, sizeof command,
                 "openssl s_client -connect 127.0.0.1:%u -CAfile %s -verify_return_error "
                 "-verify_ip 127.0.0.1 %s",
                 of->port, credential_path("outer-ca.pem"), cases[i].options);
        tls_program_start(&program, command);
        assert_int_equal(write(program.input, request, sizeof request - 1), sizeof request - 1);
        if (await_words(of, &program, served, refused) != cases[i].outcome) {
            fail_msg("%s: %s", cases[i].options, program.text);
        }
        tls_program_stop(&program);
    }
}

int main(void)
{
#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, http_stand_setup, http_stand_teardown)
    const struct CMUnitTest tests[] = {
        CASE(uris_are_read_strictly),
        cmocka_unit_test(endpoints_have_default_ports),
        CASE(an_address_that_cannot_be_had_is_named),
        CASE(certificates_and_keys_are_checked),
        CASE(ipv4_comes_to_ipv6_too),
        cmocka_unit_test(peers_have_one_name),
        CASE(secure_connections_are_verified_and_new),
    };
    return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
