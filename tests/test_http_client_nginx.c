/* SPDX-License-Identifier: MIT */
/* The HTTP client and Debian's nginx, plain and with TLS. */
#include "tests/credential_folder.h"
#include "tests/http_asking.h"
#include "tests/nginx_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EXCHANGES 64

/* All of it speaks to one nginx, which is ended with the test. */
static nginx_process nginx;

static int stop_and_teardown(void **state)
{
    nginx_process_stop(&nginx);
    return asking_teardown(state);
}

static const char plain_directives[] =
    "keepalive_requests 100000;\n"
    "location /hello { return 200 'hello'; }\n"
    "location /echo { return 200 '$request_method $args $http_x_mark'; }\n"
    "location /count { return 200 '$connection_requests'; }\n"
    "location /moved { return 302 /hello; }\n"
    "location /files/ { dav_methods PUT DELETE; create_full_put_path on; }\n";

static void start(const char *certificate, const char *key)
{
    const nginx_setup setup = { .certificate = certificate,
                                .key = key,
                                .directives = plain_directives };
    nginx_process_start(&nginx, &setup);
}

static const char *url(const char *scheme, const char *path)
{
    static char text[128];
    snprintf(text, sizeof text, "%s://127.0.0.1:%u%s", scheme,
             (unsigned)(strcmp(scheme, "https") == 0 ? nginx.tls_port : nginx.port), path);
    return text;
}

/* ---------------------------------------------------------------- plain */

static void requests_and_responses_pass(void **state)
{
    static const talc_http_field mark[] = { { "X-Mark", "42" } };
    http_asking *asking = *state;
    start(NULL, NULL);
    asking_open(asking);
    const talc_http_message request = { .method = "PATCH",
                                        .target = url("http", "/echo?a=%20b"),
                                        .fields = mark,
                                        .field_count = 1,
                                        .body = (const uint8_t *)"{}",
                                        .body_size = 2 };
    assert_int_equal(talc_http_client_send(asking->client, 1, 0, &request), TALC_OK);
    asking_await(asking, 1);
    assert_int_equal(asking->notes[0].end, TALC_HTTP_ANSWERED);
    assert_int_equal(asking->notes[0].status, 200);
    assert_string_equal((const char *)asking->notes[0].body, "PATCH a=%20b 42");
    assert_contains(asking->notes[0].fields, "Server: nginx");
    assert_null(strstr(asking->notes[0].fields, "Connection"));
    assert_null(strstr(asking->notes[0].fields, "Content-Length"));

    assert_int_equal(asking_do(asking, "HEAD", url("http", "/hello"))->end, TALC_HTTP_ANSWERED);
    const asking_note *moved = asking_do(asking, "GET", url("http", "/moved"));
    assert_int_equal(moved->status, 302);
    assert_contains(moved->fields, "Location: http://127.0.0.1");
    assert_int_equal(asking_do(asking, "GET", url("http", "/nothing"))->status, 404);
}

static void bodies_of_64_kib_pass_both_ways(void **state)
{
    enum { SIZE = 65536 };
    http_asking *asking = *state;
    uint8_t *body = malloc(SIZE);
    assert_non_null(body);
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    start(NULL, NULL);
    asking_open(asking);
    const talc_http_message put = {
        .method = "PUT", .target = url("http", "/files/body"), .body = body, .body_size = SIZE
    };
    assert_int_equal(talc_http_client_send(asking->client, 1, 0, &put), TALC_OK);
    asking_await(asking, 1);
    assert_int_equal(asking->notes[0].status, 201);
    const asking_note *got = asking_do(asking, "GET", url("http", "/files/body"));
    assert_int_equal(got->status, 200);
    assert_int_equal(got->body_size, SIZE);
    assert_memory_equal(got->body, body, SIZE);
    assert_int_equal(asking_do(asking, "DELETE", url("http", "/files/body"))->status, 204);
    assert_int_equal(asking_do(asking, "GET", url("http", "/files/body"))->status, 404);
    free(body);
}

/* However many: sent as they fit, over and over. */
static void sixty_four_at_once_over_eight_connections(void **state)
{
    uint64_t seen = 0;
    http_asking *asking = *state;
    start("server-ip.pem", "server-ip.key");
    asking->setup.anchors_path = credential_path("ca.pem");
    asking_open(asking);
    for (uint32_t number = 0; number < EXCHANGES; number++) {
        char path[32];
        snprintf(path, sizeof path, "/echo?%u", (unsigned)number);
        assert_int_equal(
            asking_send(asking, number, "POST", url(number % 2 == 0 ? "http" : "https", path)),
            TALC_OK);
    }
    asking_await(asking, EXCHANGES);
    for (size_t i = 0; i < EXCHANGES; i++) {
        char expected[32];
        const asking_note *note = &asking->notes[i];
        snprintf(expected, sizeof expected, "POST %u ", (unsigned)note->number);
        assert_int_equal(note->end, TALC_HTTP_ANSWERED);
        assert_string_equal((const char *)note->body, expected);
        seen |= (uint64_t)1 << note->number;
    }
    assert_true(seen == UINT64_MAX);
}

/* ---------------------------------------------------------------- TLS */

static void tls_is_spoken_where_the_server_is_verified(void **state)
{
    http_asking *asking = *state;
    start("server-ip.pem", "server-ip.key");
    asking->setup.anchors_path = credential_path("anchors.pem");
    asking_open(asking);
    for (unsigned i = 1; i <= 3; i++) {
        char count[8];
        const asking_note *note = asking_do(asking, "POST", url("https", "/count"));
        snprintf(count, sizeof count, "%u", i);
        assert_int_equal(note->end, TALC_HTTP_ANSWERED);
        assert_string_equal((const char *)note->body, count); /* of the one connection */
    }
}

/* What the log of nginx would show is that a request came. */
static void assert_nothing_was_asked(void)
{
    char path[128];
    char line[256];
    snprintf(path, sizeof path, "%s/access.log", nginx.folder);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    while (fgets(line, sizeof line, log) != NULL) {
        assert_null(strstr(line, "\"POST"));
    }
    fclose(log);
}

static void servers_that_cannot_be_verified_get_nothing(void **state)
{
    static const struct {
        const char *certificate, *key, *anchors, *word;
    } rows[] = {
        { "server-ip.pem", "server-ip.key", "other-ca.pem", "verification failed" },
        { "server-ip.pem", "server-ip.key", NULL, "verification failed" },
        { "self-signed.pem", "self-signed.key", "ca.pem", "verification failed" },
        { "expired.pem", "expired.key", "ca.pem", "verification failed" },
        { "server.pem", "server.key", "ca.pem", "127.0.0.1" },
        { "wrong-name.pem", "wrong-name.key", "ca.pem", "does not match" },
    };
    http_asking *asking = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(rows[i].certificate, rows[i].key);
        asking->setup.anchors_path =
            rows[i].anchors != NULL ? credential_path(rows[i].anchors) : NULL;
        asking_open(asking);
        const asking_note *note = asking_do(asking, "POST", url("https", "/hello"));
        if (note->end != TALC_HTTP_INSECURE) {
            fail_msg("%s: ended as %d: %s", rows[i].certificate, (int)note->end, note->reason);
        }
        assert_contains(note->reason, url("https", ""));
        assert_contains(note->reason, rows[i].word);
        assert_nothing_was_asked();
        nginx_process_stop(&nginx);
    }
}

static void a_plain_server_is_no_https_server(void **state)
{
    http_asking *asking = *state;
    char plain[64];
    start(NULL, NULL);
    snprintf(plain, sizeof plain, "https://127.0.0.1:%u/", (unsigned)nginx.port);
    asking_open(asking);
    const asking_note *note = asking_do(asking, "POST", plain);
    assert_int_equal(note->end, TALC_HTTP_INSECURE);
    assert_contains(note->reason, "https://127.0.0.1");
    assert_nothing_was_asked();
}

/* nginx answers 400 by HTTP to those who speak it on its TLS port, and hangs up. */
static void an_https_server_tells_plain_clients_so(void **state)
{
    http_asking *asking = *state;
    char crossed[64];
    start("server-ip.pem", "server-ip.key");
    snprintf(crossed, sizeof crossed, "http://127.0.0.1:%u/", (unsigned)nginx.tls_port);
    asking_open(asking);
    assert_int_equal(asking_do(asking, "POST", crossed)->status, 400);
}

/* ---------------------------------------------------------------- its end */

static void a_server_that_went_away_is_found_again(void **state)
{
    static const char *const schemes[] = { "http", "https" };
    http_asking *asking = *state;
    asking->setup.anchors_path = credential_path("ca.pem");
    asking_open(asking);
    for (size_t i = 0; i < 2; i++) {
        start("server-ip.pem", "server-ip.key");
        assert_int_equal(asking_do(asking, "POST", url(schemes[i], "/hello"))->end,
                         TALC_HTTP_ANSWERED);
        nginx_process_stop(&nginx);
        assert_int_equal(asking_do(asking, "POST", url(schemes[i], "/hello"))->end,
                         TALC_HTTP_UNREACHABLE);
        start("server-ip.pem", "server-ip.key");
        assert_int_equal(asking_do(asking, "POST", url(schemes[i], "/hello"))->end,
                         TALC_HTTP_ANSWERED);
        nginx_process_stop(&nginx);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, asking_setup, stop_and_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(requests_and_responses_pass),
        EACH(bodies_of_64_kib_pass_both_ways),
        EACH(sixty_four_at_once_over_eight_connections),
        EACH(tls_is_spoken_where_the_server_is_verified),
        EACH(servers_that_cannot_be_verified_get_nothing),
        EACH(a_plain_server_is_no_https_server),
        EACH(an_https_server_tells_plain_clients_so),
        EACH(a_server_that_went_away_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
