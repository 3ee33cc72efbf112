/* SPDX-License-Identifier: MIT */
/* What the HTTP client sends, byte by byte, and what it refuses to send; a forward proxy. */
#include "tests/credential_folder.h"
#include "tests/http_asking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* ---------------------------------------------------------------- requests */

typedef struct request_case {
    const char *what;
    talc_http_message message; /* its target is a path here */
    const char *seen;          /* "%s" is host and port */
} request_case;

static const talc_http_field two_fields[] = { { "Content-Type", "application/json" },
                                              { "X-Mark", "a,\tb" } };
static const talc_http_field odd_fields[] = { { "Accept", "*/*" },
                                              { "X-Empty", "" },
                                              { "User-Agent", "talc" },
                                              { "X-Mark", "1" },
                                              { "X-Mark", "2" } };

static const request_case requests[] = {
    { "nothing of libcurl's own",
      { .method = "GET", .target = "/a/b?c=d" },
      "GET /a/b?c=d HTTP/1.1\r\nHost: %s\r\n\r\n" },
    { "a path as it is",
      { .method = "GET", .target = "/hc/coap://[::1]:5683/./x/../y?s=%41&t" },
      "GET /hc/coap://[::1]:5683/./x/../y?s=%%41&t HTTP/1.1\r\nHost: %s\r\n\r\n" },
    { "no path", { .method = "GET", .target = "" }, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n" },
    { "a POST",
      { .method = "POST",
        .target = "/",
        .fields = two_fields,
        .field_count = 2,
        .body = (const uint8_t *)"{}",
        .body_size = 2 },
      "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Mark: a,\tb\r\n"
      "Content-Length: 2\r\n\r\n{}" },
    { "a POST of nothing",
      { .method = "POST", .target = "/" },
      "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n" },
    { "a PUT of nothing",
      { .method = "PUT", .target = "/" },
      "PUT / HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n" },
    { "a PUT",
      { .method = "PUT", .target = "/", .body = (const uint8_t *)"x", .body_size = 1 },
      "PUT / HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\n\r\nx" },
    { "a PATCH",
      { .method = "PATCH", .target = "/", .body = (const uint8_t *)"x", .body_size = 1 },
      "PATCH / HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\n\r\nx" },
    { "a DELETE", { .method = "DELETE", .target = "/" }, "DELETE / HTTP/1.1\r\nHost: %s\r\n\r\n" },
    { "a method of tomorrow with a body",
      { .method = "FETCH", .target = "/", .body = (const uint8_t *)"q", .body_size = 1 },
      "FETCH / HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\n\r\nq" },
    { "a GET with a body",
      { .method = "GET", .target = "/", .body = (const uint8_t *)"q", .body_size = 1 },
      "GET / HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\n\r\nq" },
    { "fields that libcurl has too, empty ones, twice the same",
      { .method = "GET", .target = "/", .fields = odd_fields, .field_count = 5 },
      "GET / HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nX-Empty:\r\nUser-Agent: talc\r\n"
      "X-Mark: 1\r\nX-Mark: 2\r\n\r\n" },
};

/* Field by field, because their order is libcurl's business. */
static void assert_same_request(const char *what, const char *seen, const char *expected)
{
    if (strlen(seen) != strlen(expected)) {
        fail_msg("%s: \"%s\" instead of \"%s\"", what, seen, expected);
    }
    char lines[1024];
    strcpy(lines, expected);
    char *rest = lines;
    for (char *line = strtok_r(lines, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        if (strstr(seen, line) == NULL) {
            fail_msg("%s: \"%s\" has no \"%s\"", what, seen, line);
        }
    }
}

static void requests_are_what_was_said_and_nothing_else(void **state)
{
    http_asking *asking = *state;
    asking->server.script = http_played_text;
    asking->server.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    asking_open(asking);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char url[256];
        char expected[512];
        talc_http_message message = requests[i].message;
        snprintf(url, sizeof url, "%s%s", asking->server.uri, message.target);
        snprintf(expected, sizeof expected, requests[i].seen, asking->server.uri + 7);
        message.target = url;
        assert_int_equal(talc_http_client_send(asking->client, 1, 0, &message), TALC_OK);
        memset(url, 'x', sizeof url); /* all has been copied */
        asking_await(asking, i + 1);
        assert_int_equal(asking->notes[i].end, TALC_HTTP_ANSWERED);
        assert_same_request(requests[i].what, asking->server.connections[0].request, expected);
    }
    assert_int_equal(asking->server.accepted, 1);
}

static void head_does_not_wait_for_a_body(void **state)
{
    http_asking *asking = *state;
    asking_open(asking);
    asking->server.script = http_played_text;
    asking->server.text = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nX-Mark: 1\r\n\r\n";
    const asking_note *note = asking_do(asking, "HEAD", asking->server.uri);
    assert_int_equal(note->end, TALC_HTTP_ANSWERED);
    assert_int_equal(note->body_size, 0);
    assert_string_equal(note->fields, "X-Mark: 1\n");
    assert_memory_equal(asking->server.connections[0].request, "HEAD / HTTP/1.1\r\n", 17);
    assert_int_equal(asking_do(asking, "HEAD", asking->server.uri)->end, TALC_HTTP_ANSWERED);
    assert_int_equal(asking->server.accepted, 1);
}

static void what_is_no_request_is_refused(void **state)
{
    static const talc_http_field line_end[] = { { "X", "a\r\nY: b" } };
    static const talc_http_field bad_name[] = { { "X Y", "a" } };
    static const talc_http_field transfer[] = { { "Transfer-Encoding", "chunked" } };
    static const talc_http_field length[] = { { "content-length", "0" } };
    static const talc_http_message messages[] = {
        { .method = "GET", .target = "ftp://127.0.0.1/" },
        { .method = "GET", .target = "file:///etc/passwd" },
        { .method = "GET", .target = "127.0.0.1/" },
        { .method = "GET", .target = "/" },
        { .method = "GET", .target = "" },
        { .method = "GET", .target = "http://" },
        { .method = "GET", .target = "http:/127.0.0.1/" },
        { .method = "GET", .target = "http:///127.0.0.1/" },
        { .method = "GET", .target = "http:127.0.0.1" },
        { .method = "GET", .target = "http://user:password@127.0.0.1/" },
        { .method = "GET", .target = "http://127.0.0.1/a b" },
        { .method = "GET", .target = "http://127.0.0.1/\r\nX: y" },
        { .method = "GET", .target = "http://127.0.0.1/\xc3\xa4" },
        { .method = "GET", .target = "http://127.0.0.1:99999/" },
        { .method = "GET", .target = "http://[::1/" },
        { .method = "GET", .target = NULL },
        { .method = NULL, .target = "http://127.0.0.1/" },
        { .method = "", .target = "http://127.0.0.1/" },
        { .method = "G T", .target = "http://127.0.0.1/" },
        { .method = "GET\r\n", .target = "http://127.0.0.1/" },
        { .method = "CONNECT", .target = "http://127.0.0.1/" },
        { .method = "HEAD",
          .target = "http://127.0.0.1/",
          .body = (const uint8_t *)"x",
          .body_size = 1 },
        { .method = "GET", .target = "http://127.0.0.1/", .fields = line_end, .field_count = 1 },
        { .method = "GET", .target = "http://127.0.0.1/", .fields = bad_name, .field_count = 1 },
        { .method = "GET", .target = "http://127.0.0.1/", .fields = transfer, .field_count = 1 },
        { .method = "GET", .target = "http://127.0.0.1/", .fields = length, .field_count = 1 },
    };
    http_asking *asking = *state;
    asking_open(asking);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        talc_status status = talc_http_client_send(asking->client, 1, 0, &messages[i]);
        if (status != TALC_ERROR_ARGUMENT) {
            fail_msg("%s %s: %d", messages[i].method, messages[i].target, status);
        }
    }
}

static void requests_may_be_large(void **state)
{
    enum { SIZE = 1500000 }; /* from 1 MiB on libcurl would ask before it sends */
    http_asking *asking = *state;
    uint8_t *body = malloc(SIZE);
    assert_non_null(body);
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (uint8_t)(i % 251);
    }
    asking->server.script = http_played_text;
    asking->server.text = GOOD;
    asking_open(asking);
    const talc_http_message request = {
        .method = "POST", .target = asking->server.uri, .body = body, .body_size = SIZE
    };
    assert_int_equal(talc_http_client_send(asking->client, 1, 0, &request), TALC_OK);
    asking_await(asking, 1);
    const http_played_connection *from = &asking->server.connections[0];
    assert_int_equal(from->request_size - from->header_size, SIZE);
    assert_memory_equal(http_played_body(from), body, SIZE);
    assert_null(strstr(from->request, "Expect:"));
    free(body);
}

/* ---------------------------------------------------------------- a forward proxy */

static void a_proxy_gets_the_whole_url(void **state)
{
    http_asking *asking = *state;
    asking->setup.proxy_uri = asking->server.uri;
    asking->server.script = http_played_text;
    asking->server.text = GOOD;
    asking_open(asking);
    const asking_note *note = asking_do(asking, "POST", "http://server.example:8080/a?b");
    assert_int_equal(note->end, TALC_HTTP_ANSWERED);
    assert_memory_equal(asking->server.connections[0].request,
                        "POST http://server.example:8080/a?b HTTP/1.1\r\n", 45);
}

static void a_proxy_that_refuses_a_tunnel_is_named(void **state)
{
    http_asking *asking = *state;
    asking->setup.proxy_uri = asking->server.uri;
    asking->server.script = http_played_text;
    asking->server.text = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    asking_open(asking);
    const asking_note *note = asking_do(asking, "POST", "https://server.example/a");
    assert_memory_equal(asking->server.connections[0].request,
                        "CONNECT server.example:443 HTTP/1.1\r\n", 37);
    assert_int_equal(note->end, TALC_HTTP_UNREACHABLE);
    assert_contains(note->reason, "https://server.example");
    assert_contains(note->reason, asking->server.uri);
    assert_contains(note->reason, "403");
}

static void the_environment_names_no_proxy(void **state)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY" };
    http_asking *asking = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(setenv(names[i], "http://nobody.invalid:1", 1), 0);
    }
    asking_open(asking);
    assert_int_equal(asking_get(asking, GOOD)->end, TALC_HTTP_ANSWERED);

    assert_int_equal(setenv("no_proxy", "*", 1), 0);
    asking->setup.proxy_uri = asking->server.uri;
    asking_open(asking);
    assert_int_equal(asking_do(asking, "GET", "http://server.example/")->end, TALC_HTTP_ANSWERED);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    unsetenv("no_proxy");
}

static void a_proxy_is_http_and_nothing_else(void **state)
{
    static const char *const proxies[] = {
        "",           "127.0.0.1",          "https://127.0.0.1",  "coap://127.0.0.1",
        "http://",    "http://u@proxy",     "http://127.0.0.1/a", "http://127.0.0.1/?q",
        "http://a b", "socks5://127.0.0.1",
    };
    http_asking *asking = *state;
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
        talc_failure failure = { 0 };
        asking->setup.proxy_uri = proxies[i];
        assert_int_equal(talc_http_client_open(&asking->client, &asking->setup, &failure),
                         TALC_ERROR_ARGUMENT);
        assert_null(asking->client);
        assert_int_equal(failure.status, TALC_ERROR_ARGUMENT);
        assert_contains(failure.text, proxies[i]);
    }
}

static void anchors_are_a_file_with_certificates(void **state)
{
    http_asking *asking = *state;
    const char *const files[] = { "/nowhere/ca.pem", credential_path("ca.key"), "/" };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        talc_failure failure = { 0 };
        asking->setup.anchors_path = files[i];
        assert_int_equal(talc_http_client_open(&asking->client, &asking->setup, &failure),
                         TALC_ERROR_TRUST);
        assert_null(asking->client);
        assert_contains(failure.text, files[i]);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, asking_setup, asking_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(requests_are_what_was_said_and_nothing_else),
        EACH(head_does_not_wait_for_a_body),
        EACH(what_is_no_request_is_refused),
        EACH(requests_may_be_large),
        EACH(a_proxy_gets_the_whole_url),
        EACH(a_proxy_that_refuses_a_tunnel_is_named),
        EACH(the_environment_names_no_proxy),
        EACH(a_proxy_is_http_and_nothing_else),
        EACH(anchors_are_a_file_with_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
