/* SPDX-License-Identifier: MIT */
/* CoAP clients of servers that speak HTTP: a proxy translates, and is told the server's URI. */
#include "lib/configuration.h"
#include "tests/direct_pair.h"
#include "tests/peers.h"
#include "transport/coap_address.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TURNS_MAX 2000 /* a hang guard */

/* ---------------------------------------------------------------- URIs */

static void uris_are_read(void **state)
{
    static const struct {
        const char *uri, *scheme, *host, *base;
        uint16_t port;
        int is_default_port;
    } rows[] = {
        { "http://svc.example", "http", "svc.example", "", 80, 1 },
        { "HTTP://svc.example/", "http", "svc.example", "", 80, 1 },
        { "https://svc.example:443/", "https", "svc.example", "", 443, 1 },
        { "https://svc.example:80", "https", "svc.example", "", 80, 0 },
        { "http://192.0.2.1:8080/api/v1/", "http", "192.0.2.1", "api/v1", 8080, 0 },
        { "http://[2001:db8::7]/a%2fb/%c3%bc", "http", "2001:db8::7", "a%2Fb/%C3%BC", 80, 1 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        talc_coap_uri read;
        talc_failure failure = { 0 };
        assert_true(talc_coap_uri_is_http(rows[i].uri));
        assert_int_equal(talc_coap_uri_read_http(&read, rows[i].uri, &failure), TALC_OK);
        assert_string_equal(read.scheme, rows[i].scheme);
        assert_string_equal(read.host, rows[i].host);
        assert_string_equal(read.base, rows[i].base);
        assert_int_equal(read.port, rows[i].port);
        assert_int_equal(read.is_default_port, rows[i].is_default_port);
        assert_int_equal(read.has_colon, strchr(rows[i].host, ':') != NULL);
    }
}

static void bad_uris_are_refused(void **state)
{
    static const char *const uris[] = {
        "http://",          "http:///a",          "http://:80",       "http://[::1",
        "http://h:65536",   "http://h:80x/",      "http://u@h/",      "http://u:p@h/",
        "http://h/a?q",     "http://h?q",         "http://h/a#f",     "http://h#f",
        "http://h/a/../b",  "http://h/./a",       "http://h//a",      "http://h/%zz",
        "http://a b/",      "coap://h",           "ftp://h",          "http:/h",
    };
    char long_base[400] = "http://h/";
    (void)state;
    memset(long_base + strlen(long_base), 'a', 300);
    for (size_t i = 0; i <= COUNT(uris); i++) {
        const char *uri = i < COUNT(uris) ? uris[i] : long_base;
        talc_coap_uri read;
        talc_failure failure = { 0 };
        if (talc_coap_uri_read_http(&read, uri, &failure) != TALC_ERROR_ARGUMENT) {
            fail_msg("%s is taken", uri);
        }
        assert_true(failure.text[0] != '\0');
    }
}

/* What a server proves behind any number of proxies. */
static void the_name_to_be_verified_is_the_host(void **state)
{
    static const struct {
        const char *uri, *host;
    } rows[] = {
        { "http://svc.example", "svc.example" },
        { "http://svc.example/base", "svc.example" },
        { "https://svc.example:8443/a/b", "svc.example" },
        { "http://[2001:db8::7]:80/base", "2001:db8::7" },
    };
    char host[TALC_HOST_SIZE_MAX];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(talc_uri_host(rows[i].uri, host), TALC_OK);
        assert_string_equal(host, rows[i].host);
    }
    /* Whoever would connect goes to evil.example. */
    assert_int_equal(talc_uri_host("http://svc.example:80@evil.example/", host),
                     TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_uri_host("http://svc.example@[2001:db8::7]", host), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_uri_host("http://svc.example/a@b", host), TALC_OK);
}

/* ---------------------------------------------------------------- without a proxy */

static void no_answer(void *context, const talc_carrier_answer *answer)
{
    (void)context;
    (void)answer;
    fail();
}

static void without_a_proxy_it_is_an_error_with_words(void **state)
{
    talc_carrier_target target = { .uri = "http://127.0.0.1/base",
                                   .path = COAP_PAIR_PATH,
                                   .message_size = 1023,
                                   .body_size = 1023,
                                   .block_size = 512 };
    talc_carrier_events events = { NULL, no_answer };
    talc_failure failure = { 0 };
    talc_config config = TALC_CONFIG_DEFAULT;
    talc_client *client = (talc_client *)&config;
    void *link = &target;
    (void)state;
    assert_int_equal(talc_coap_carrier.open(&link, &target, &events, &failure),
                     TALC_ERROR_ARGUMENT);
    assert_null(link);
    assert_non_null(strstr(failure.text, "speaks HTTP"));
    config.mode = TALC_MODE_NONE;
    config.failure = &failure;
    assert_int_equal(talc_client_new(&client, &config, "http://127.0.0.1/base", NULL),
                     TALC_ERROR_UNSUPPORTED);
    assert_null(client);
    assert_non_null(strstr(failure.text, "http://127.0.0.1/base"));
}

/* ---------------------------------------------------------------- envelopes */

static void carrier_play(coap_pair *pair, played *proxy, const char *uri, played_script *script)
{
    static char proxy_uri[64];
    pair->proxy_uri = "coap://127.0.0.1:1"; /* known once the socket is there */
    pair->uri = uri;
    play(pair, proxy, script);
    snprintf(proxy_uri, sizeof proxy_uri, "%s", proxy->uri);
    pair->proxy_uri = proxy_uri;
    coap_pair_client_open(pair);
}

static void envelopes_go_to_an_http_server(void **state)
{
    static const struct {
        const char *uri, *proxied;
    } rows[] = {
        { "http://svc.example", "http://svc.example" },
        { "http://svc.example:8080/base/", "http://svc.example:8080/base" },
        { "https://[2001:db8::7]/a%2Fb", "https://[2001:db8::7]/a%2Fb" },
    };
    coap_pair *pair = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        played proxy;
        char wanted[128];
        size_t size;
        carrier_play(pair, &proxy, rows[i].uri, played_answer_short);
        snprintf(wanted, sizeof wanted, "%s%s?s=-__-BAUGBwgJCgsM", rows[i].proxied,
                 COAP_PAIR_PATH);
        assert_int_equal(coap_pair_send(pair, 1, 1023), TALC_OK);
        coap_pair_await_answers(pair, i + 1);
        assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
        assert_true(wire_says(&proxy.last, WIRE_PROXY_URI, 0, wanted));
        assert_null(wire_find(&proxy.last, WIRE_URI_PATH, 0, &size));
        (void)wire_payload_find(&proxy.last, &size);
        assert_int_equal(size, 1023);
        play_end(pair, &proxy);
    }
}

static void refuse_the_uri(played *proxy, const wire_message *request)
{
    wire_message answer;
    size_t size;
    if (wire_find(request, WIRE_PROXY_URI, 0, &size) == NULL) {
        played_answer_short(proxy, request);
        return;
    }
    wire_answer(&answer, request, WIRE_CODE(5, 1));
    played_send(proxy, &answer);
}

static void a_proxy_that_wants_a_scheme_gets_the_base_as_segments(void **state)
{
    static const char *const segments[] = { "api", "a/b", ".well-known", "atls" };
    coap_pair *pair = *state;
    played proxy;
    carrier_play(pair, &proxy, "https://svc.example/api/a%2Fb/", refuse_the_uri);
    assert_int_equal(coap_pair_send(pair, 1, 100), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(proxy.requests, 2);
    assert_true(wire_says(&proxy.last, WIRE_PROXY_SCHEME, 0, "https"));
    assert_true(wire_says(&proxy.last, WIRE_URI_HOST, 0, "svc.example"));
    assert_int_equal(wire_number(&proxy.last, WIRE_URI_PORT), 443);
    for (unsigned i = 0; i < COUNT(segments); i++) {
        assert_true(wire_says(&proxy.last, WIRE_URI_PATH, i, segments[i]));
    }
    play_end(pair, &proxy);
}

/* What the carrier says fits does fit, in both forms. */
static void a_long_base_leaves_less_room(void **state)
{
    coap_pair *pair = *state;
    char uri[300] = "http://svc.example";
    played proxy;
    for (int i = 0; i < 120; i++) {
        strcat(uri, "/a");
    }
    carrier_play(pair, &proxy, uri, refuse_the_uri);
    size_t limit = talc_coap_carrier.limits(pair->client).message_size;
    assert_true(limit < 1023);
    assert_int_equal(coap_pair_send(pair, 1, limit), TALC_OK);
    coap_pair_await_answers(pair, 1);
    assert_int_equal(pair->outcome, TALC_OUTCOME_ANSWER);
    assert_int_equal(proxy.requests, 2);
    assert_true(proxy.last.size <= 1152);
    play_end(pair, &proxy);
}

static char noted_reason[300];

static void note_reason(void *context, const talc_carrier_answer *answer)
{
    (void)context;
    assert_int_equal(answer->outcome, TALC_OUTCOME_UNREACHABLE);
    assert_non_null(answer->reason);
    snprintf(noted_reason, sizeof noted_reason, "%s", answer->reason);
}

static void an_end_without_an_answer_names_the_peer(void **state)
{
    uint16_t port;
    char proxy_uri[40];
    close(wire_socket(&port));
    snprintf(proxy_uri, sizeof proxy_uri, "coap://127.0.0.1:%u", (unsigned)port);
    talc_carrier_target target = { .uri = "http://svc.example/base",
                                   .proxy_uri = proxy_uri,
                                   .path = COAP_PAIR_PATH,
                                   .message_size = 1023,
                                   .body_size = 1023,
                                   .block_size = 512 };
    talc_carrier_events events = { NULL, note_reason };
    talc_carrier_request request = { .session_id = coap_pair_id, .exchange = 1 };
    talc_failure failure = { 0 };
    void *link;
    (void)state;
    assert_int_equal(talc_coap_carrier.open(&link, &target, &events, &failure), TALC_OK);
    assert_int_equal(talc_coap_carrier.send(link, &request), TALC_OK);
    for (int turns = 0; noted_reason[0] == '\0'; turns++) {
        struct pollfd polled = { .fd = talc_coap_carrier.descriptor(link), .events = POLLIN };
        assert_true(turns < TURNS_MAX);
        (void)poll(&polled, 1, 10);
        assert_int_equal(talc_coap_carrier.process(link), TALC_OK);
    }
    assert_string_equal(noted_reason, "svc.example port 80 by the proxy: nobody listens there, as "
                                      "the operating system says");
    talc_coap_carrier.close(link);
}

/* ---------------------------------------------------------------- requests of mode none */

static void requests_go_to_an_http_server(void **state)
{
    static const struct {
        const char *uri, *path, *query, *wanted;
    } rows[] = {
        { "http://svc.example", "a/b%2Fc", "x=%26&y", "http://svc.example/a/b%2Fc?x=%26&y" },
        { "http://svc.example/base", "a", NULL, "http://svc.example/base/a" },
        { "http://svc.example/base/", NULL, "q", "http://svc.example/base?q" },
        { "https://svc.example:81", NULL, NULL, "https://svc.example:81/" },
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        played proxy;
        size_t size;
        pair->uri = rows[i].uri;
        direct_play_by_proxy(pair, &proxy, played_answer_short);
        talc_frame request = direct_pair_frame(TALC_POST, rows[i].path, 700);
        request.content_format = 60;
        assert_int_equal(talc_query_normalize(rows[i].query, request.query), TALC_OK);
        assert_int_equal(direct_pair_send(pair, (uint32_t)i, &request), TALC_OK);
        direct_pair_await_results(pair, i + 1);
        assert_int_equal(pair->status, TALC_OK);
        assert_true(wire_says(&proxy.last, WIRE_PROXY_URI, 0, rows[i].wanted));
        assert_int_equal(wire_number(&proxy.last, WIRE_CONTENT_FORMAT), 60);
        (void)wire_payload_find(&proxy.last, &size);
        assert_int_equal(size, 700);
        direct_play_end(pair);
    }
}

/* ---------------------------------------------------------------- the public client */

static unsigned code; /* of the last response; 0: none yet */

static void note_code(void *context, talc_status status, const talc_response *response)
{
    (void)context;
    assert_int_equal(status, TALC_OK);
    code = response->code;
}

static void the_client_of_mode_none_asks_an_http_server(void **state)
{
    talc_config config = TALC_CONFIG_DEFAULT;
    talc_client *client;
    played proxy;
    code = 0;
    (void)state;
    played_open(&proxy, played_answer_short);
    config.mode = TALC_MODE_NONE;
    assert_int_equal(talc_client_new(&client, &config, "http://svc.example/base", proxy.uri),
                     TALC_OK);
    const talc_request request = { .method = TALC_GET, .path = "a" };
    assert_int_equal(talc_client_send(client, &request, note_code, NULL), TALC_PENDING);
    for (int turns = 0; code == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        assert_int_equal(talc_client_wait(client, 10), TALC_OK);
        played_turn(&proxy);
    }
    assert_int_equal(code, WIRE_CODE(2, 4));
    assert_true(wire_says(&proxy.last, WIRE_PROXY_URI, 0, "http://svc.example/base/a"));
    talc_client_free(client);
    close(proxy.socket);
}

/* DTLS ends at the proxy, whose name it proves. This one, a server, says that it is none. */
static void the_client_of_mode_dtls_asks_its_proxy(void **state)
{
    static const peers_side side = { .certificate = "server-ip", .anchors = "ca.pem" };
    talc_config config;
    talc_server *server;
    talc_client *client;
    talc_session_info info;
    char proxy_uri[40];
    code = 0;
    (void)state;
    peers_configure(&config, &side);
    config.mode = TALC_MODE_DTLS;
    config.server_name = NULL;
    assert_int_equal(talc_server_new(&server, &config), TALC_OK);
    assert_int_equal(talc_server_listen(server, "coaps://127.0.0.1:0"), TALC_OK);
    snprintf(proxy_uri, sizeof proxy_uri, "coaps://127.0.0.1:%u", talc_server_port(server, 0));
    assert_int_equal(talc_client_new(&client, &config, "http://svc.example/base", proxy_uri),
                     TALC_OK);
    peers_configure_drop(&config);
    const talc_request request = { .method = TALC_GET, .path = "a" };
    assert_int_equal(talc_client_send(client, &request, note_code, NULL), TALC_PENDING);
    for (int turns = 0; code == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        assert_int_equal(talc_client_wait(client, 1), TALC_OK);
        assert_int_equal(talc_server_process(server), TALC_OK);
    }
    assert_int_equal(code, WIRE_CODE(5, 5)); /* RFC 7252 section 5.7.2: proxying not supported */
    talc_client_info(client, &info);
    assert_true(info.is_open);
    talc_client_free(client);
    talc_server_free(server);
}

static void ignore(void *context, talc_status status, const talc_response *response)
{
    (void)context;
    (void)status;
    (void)response;
}

/* The name that has to be proved is the server's, not the proxy's. */
static void the_client_of_mode_tls_sends_its_hello_through_the_proxy(void **state)
{
    static const peers_side side = { .certificate = "client", .anchors = "ca.pem" };
    talc_config config;
    talc_client *client;
    played proxy;
    char wanted[] = "https://svc.example/base/.well-known/atls?s=";
    size_t size;
    (void)state;
    played_open(&proxy, played_answer_short);
    peers_configure(&config, &side);
    config.mode = TALC_MODE_TLS;
    config.server_name = NULL;
    assert_int_equal(talc_client_new(&client, &config, "https://svc.example/base", proxy.uri),
                     TALC_OK);
    peers_configure_drop(&config);
    const talc_request request = { .method = TALC_GET, .path = "a", .timeout_ms = 60000 };
    assert_int_equal(talc_client_send(client, &request, ignore, NULL), TALC_PENDING);
    for (int turns = 0; proxy.requests == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        assert_int_equal(talc_client_wait(client, 10), TALC_OK);
        played_turn(&proxy);
    }
    const uint8_t *uri = wire_find(&proxy.last, WIRE_PROXY_URI, 0, &size);
    assert_non_null(uri);
    assert_int_equal(size, strlen(wanted) + 16);
    assert_memory_equal(uri, wanted, strlen(wanted));
    const uint8_t *hello = wire_payload_find(&proxy.last, &size);
    assert_true(size > 2 && hello[0] == '{');
    talc_client_free(client);
    close(proxy.socket);
}

#define CARRIER_CASE(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, coap_pair_setup, coap_pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uris_are_read),
        cmocka_unit_test(bad_uris_are_refused),
        cmocka_unit_test(the_name_to_be_verified_is_the_host),
        cmocka_unit_test(without_a_proxy_it_is_an_error_with_words),
        CARRIER_CASE(envelopes_go_to_an_http_server),
        CARRIER_CASE(a_proxy_that_wants_a_scheme_gets_the_base_as_segments),
        CARRIER_CASE(a_long_base_leaves_less_room),
        cmocka_unit_test(an_end_without_an_answer_names_the_peer),
        DIRECT_CASE(requests_go_to_an_http_server),
        cmocka_unit_test(the_client_of_mode_none_asks_an_http_server),
        cmocka_unit_test(the_client_of_mode_dtls_asks_its_proxy),
        cmocka_unit_test(the_client_of_mode_tls_sends_its_hello_through_the_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
