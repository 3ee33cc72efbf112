/* SPDX-License-Identifier: MIT */
/* Where requests may go: nowhere until it is said, and then exactly where it was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/gateway_decision.h"

static void nothing_is_allowed_by_default(void **state)
{
    static const char *const uris[] = { "coap://127.0.0.1/", "http://localhost/",
                                        "https://svc.example/", "coap://[::1]/" };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        decision_ask_uri(*state, uris[i]);
        decision_expect(uris[i], FORBIDDEN, NULL);
    }
    decision_ask_http(*state, "GET", "/hc/coap://127.0.0.1/");
    decision_expect("mapping", FORBIDDEN, NULL);
    decision_ask_http(*state, "GET", "coap://127.0.0.1/");
    decision_expect("absolute target", FORBIDDEN, NULL);
    decision_ask_http(*state, "GET", "/");
    decision_expect("own path", NO_ROUTE, NULL);
}

/* yes: allowed; no: 4.03. */
static const struct {
    const char *pattern;
    const char *yes[6];
    const char *no[14];
} patterns[] = {
    { "coap://device.example",
      { "coap://device.example/", "coap://DEVICE.example/a?b", "coap://device.example:5683/" },
      { "coap://device.example:5684/", "http://device.example/", "http://device.example:5683/",
        "coap://device.example.evil.example/", "coap://evil.device.example/",
        "coap://xdevice.example/", "coap://device.exampl/", "coap://127.0.0.1/" } },
    { "coap://device.example:any",
      { "coap://device.example/", "coap://device.example:1/", "coap://device.example:65535/" },
      { "http://device.example/", "coap://other.example/" } },
    { "http://svc.example:8080",
      { "http://svc.example:8080/", "http://svc.example:8080/x" },
      { "http://svc.example/", "https://svc.example:8080/", "coap://svc.example:8080/" } },
    { "https://svc.example",
      { "https://svc.example/", "https://svc.example:443/" },
      { "http://svc.example/", "http://svc.example:443/" } },
    { "http://svc.example/api/",
      { "http://svc.example/api/", "http://svc.example/api/x", "http://svc.example/api/x/?y" },
      { "http://svc.example/", "http://svc.example/api", "http://svc.example/apix",
        "http://svc.example/API/x", "http://svc.example/x/api/", "http://svc.example//api/x",
        "http://svc.example/?/api/", "http://svc.example/api%2Fx" } },
    { "http://svc.example/api",
      { "http://svc.example/api", "http://svc.example/api?x", "http://svc.example/api/",
        "http://svc.example/api/x" },
      { "http://svc.example/", "http://svc.example/apix", "http://svc.example/ap" } },
    { "coap://.example.org",
      { "coap://a.example.org/", "coap://a.b.example.org/", "coap://A.EXAMPLE.ORG/" },
      { "coap://example.org/", "coap://aexample.org/", "coap://example.org.evil.example/",
        "coap://a.example.org:5684/" } },
    { "http://.example.org:any/api/",
      { "http://a.example.org/api/x", "http://a.example.org:81/api/x" },
      { "http://a.example.org/", "coap://a.example.org/api/x" } },
    { "coap://192.0.2.0/24",
      { "coap://192.0.2.0/", "coap://192.0.2.255/x" },
      { "coap://192.0.3.0/", "coap://192.0.1.255/", "coap://a192.0.2.x/", "coap://[2001:db8::1]/",
        "coap://192.0.2.1:5684/", "http://192.0.2.1/" } },
    { "coap://192.0.2.128:any/25",
      { "coap://192.0.2.128/", "coap://192.0.2.255:1/" },
      { "coap://192.0.2.127/", "http://192.0.2.128/" } },
    { "http://10.0.0.0/9", { "http://10.127.0.1/" }, { "http://10.128.0.1/" } },
    { "coap://0.0.0.0/0",
      { "coap://127.0.0.1/", "coap://192.0.2.1/" },
      { "coap://[::1]/", "coap://device.example/", "coap://0.0.0.0/" } },
    { "coap://192.0.2.1/32", { "coap://192.0.2.1/" }, { "coap://192.0.2.0/" } },
    { "coap://[2001:db8::]/32",
      { "coap://[2001:db8::1]/", "coap://[2001:db8:ffff::1]/x", "coap://[2001:DB8:0:0::1]/" },
      { "coap://[2001:db9::1]/", "coap://32.1.13.184/", "coap://[::1]/" } },
    { "coap://[2001:db8::]/33",
      { "coap://[2001:db8:7fff::1]/" },
      { "coap://[2001:db8:8000::1]/" } },
    { "coap://[::]/0",
      { "coap://[::1]/", "coap://[2001:db8::1]/" },
      { "coap://127.0.0.1/", "coap://[::]/" } },
    { "coap://[2001:db8::1]:any",
      { "coap://[2001:db8::1]/", "coap://[2001:0db8::0001]:7/" },
      { "coap://[2001:db8::2]/" } },
    { "coap://192.0.2.1", { "coap://192.0.2.1/" }, { "coap://192.0.2.10/", "coap://192.0.2.2/" } },
    { "coap:",
      { "coap://device.example/", "coap://127.0.0.1:1/", "coap://[::1]/" },
      { "http://device.example/", "https://device.example/" } },
    { "http:", { "http://device.example:81/" }, { "https://device.example/" } },
    { "any",
      { "coap://device.example/", "http://127.0.0.1:22/", "https://[::1]/" },
      { "coap://224.0.1.187/", "coap://[ff02::fd]/", "coap://[ff05::fd]/x", "coap://0.0.0.0/",
        "coap://[::]/", "coap://255.255.255.255/", "http://239.1.2.3/", "http://0.1.2.3/" } },
};

static void patterns_allow_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        talc_gateway_rules *rules = talc_gateway_rules_new();
        assert_non_null(rules);
        decision_allow(rules, patterns[i].pattern);
        for (size_t k = 0; k < 6 && patterns[i].yes[k] != NULL; k++) {
            decision_ask_uri(rules, patterns[i].yes[k]);
            if (decision.refusal != 0) {
                fail_msg("%s does not allow %s", patterns[i].pattern, patterns[i].yes[k]);
            }
        }
        for (size_t k = 0; k < 14 && patterns[i].no[k] != NULL; k++) {
            decision_ask_uri(rules, patterns[i].no[k]);
            if (decision.refusal != FORBIDDEN) {
                fail_msg("%s and %s: %u", patterns[i].pattern, patterns[i].no[k],
                         (unsigned)decision.refusal);
            }
        }
        talc_gateway_rules_free(rules);
    }
}

/* Other spellings of a host get no further than the reader of URIs, whatever is allowed. */
static void other_spellings_are_no_way_around(void **state)
{
    static const char *const uris[] = {
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://%31%32%37.0.0.1/",
        "http://localhost./",
        "http://svc.example@127.0.0.1/",
        "http://svc.example/api/../admin",
        "http://svc.example/api/%2e%2e/admin",
        "http://svc.example/api/x%2f..%2f..%2fadmin",
        "http://svc.example/api/..;/admin",
        "http://svc.example/api/%252e%252e/admin",
        "http://svc.example:0/",
        "http://svc.example#@127.0.0.1/",
        "http://svc.example\\@127.0.0.1/",
        "http:///127.0.0.1/",
    };
    decision_allow(*state, "any");
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        decision_ask_uri(*state, uris[i]);
        decision_expect(uris[i], NO_URI, NULL);
    }
}

/* Where a path decides, nobody knows what an origin makes of such a byte; where none does, it is
 * the origin's business. */
static void control_characters_are_no_way_around_a_path(void **state)
{
    static const char *const paths[] = { "/api/..%00/x",  "/api/x%00", "/api/%09",
                                         "/api/x%0d%0ay", "/api/%1f",  "/api/%7f",
                                         "/api/..%2500/x" };
    char api[64], free_one[64];
    decision_allow(*state, "http://svc.example/api/");
    decision_allow(*state, "http://free.example");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        snprintf(api, sizeof api, "http://svc.example%s", paths[i]);
        snprintf(free_one, sizeof free_one, "http://free.example%s", paths[i]);
        decision_ask_uri(*state, api);
        decision_expect(api, NO_URI, NULL);
        decision_ask_uri(*state, free_one);
        decision_expect(free_one, 0, free_one);
    }
    decision_ask_uri(*state, "http://svc.example/api/%20%80?%00");
    decision_expect("no control character", 0, "http://svc.example/api/%20%80?%00");
    decision_ask_uri(*state, "http://svc.example/other/%00");
    decision_expect("another path", FORBIDDEN, NULL);
    decision_allow(*state, "http://svc.example:any");
    decision_ask_uri(*state, "http://svc.example/api/%00");
    decision_expect("allowed by another rule", 0, "http://svc.example/api/%00");
}

static void other_schemes_are_not_proxied(void **state)
{
    static const char *const uris[] = { "coaps://device.example/", "coap+tcp://device.example/",
                                        "ftp://svc.example/", "file:///etc/passwd",
                                        "gopher://svc.example:25/" };
    decision_allow(*state, "any");
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        decision_ask_uri(*state, uris[i]);
        decision_expect(uris[i], NO_SCHEME, NULL);
        decision_ask_http(*state, "GET", uris[i]);
        decision_expect(uris[i], NO_SCHEME, NULL);
    }
    decision_ask_http(*state, "GET", "http://svc.example/");
    decision_expect("HTTP to HTTP", NO_SCHEME, NULL);
    decision_ask_http(*state, "GET", "/hc/http://svc.example/");
    decision_expect("HTTP to HTTP by the mapping", NO_SCHEME, NULL);
}

static void wrong_patterns_are_refused_with_words(void **state)
{
    static const char *const wrong[] = {
        "",
        "all",
        "*",
        "coap",
        "coap:/",
        "coaps:",
        "ftp:",
        "coap://",
        "coap://*",
        "coap://*.example",
        "coap://a b",
        "coap://host?x",
        "coap://host:x",
        "coap://host:0",
        "coap://host:65536",
        "coaps://host",
        "ftp://host",
        "coap://192.0.2.0/33",
        "coap://[2001:db8::]/129",
        "coap://127.1",
        "coap://.1.2",
        "coap://..example",
        "coap://.192.0.2.1",
        "coap://.[2001:db8::1]",
        "coap://[::ffff:127.0.0.1]",
        "coap://host/../x",
        "device.example",
        "coap://host/a#b",
        "coap://user@host",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        talc_failure failure = { 0 };
        if (talc_gateway_rules_allow(*state, wrong[i], &failure) != TALC_ERROR_ARGUMENT) {
            fail_msg("\"%s\" is taken", wrong[i]);
        }
        assert_int_equal(failure.status, TALC_ERROR_ARGUMENT);
        assert_non_null(strstr(failure.text, wrong[i]));
    }
    decision_ask_uri(*state, "coap://192.0.2.1/");
    decision_expect("after wrong patterns", FORBIDDEN, NULL);
}

/* Behind the bits it would be a path. */
static void a_port_behind_a_net_is_refused_with_the_right_form(void **state)
{
    static const char *const rows[][2] = {
        { "coap://127.0.0.0/8:any", "before the '/': coap://127.0.0.0:any/8" },
        { "coap://127.0.0.1/32:15683", "before the '/': coap://127.0.0.1:15683/32" },
        { "http://[2001:db8::]/32:any", "before the '/': http://[2001:db8::]:any/32" },
        { "coap://10.0.0.0/8:", "before the '/': coap://10.0.0.0:any/8" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        talc_failure failure = { 0 };
        assert_int_equal(talc_gateway_rules_allow(*state, rows[i][0], &failure),
                         TALC_ERROR_ARGUMENT);
        assert_non_null(strstr(failure.text, rows[i][0]));
        assert_non_null(strstr(failure.text, rows[i][1]));
        assert_int_equal(talc_gateway_rules_allow(*state, strstr(rows[i][1], ": ") + 2, NULL),
                         TALC_OK);
    }
    decision_ask_uri(*state, "coap://127.9.9.9:7/");
    decision_expect("a net with any port", 0, NULL);
    decision_ask_uri(*state, "coap://device.example/8:any");
    decision_expect("another host", FORBIDDEN, NULL);
}

static void only_what_allows_all_hosts_is_open(void **state)
{
    static const char *const closed[] = { "coap://device.example:any", "coap://.example",
                                          "coap://0.0.0.0/1", "http://svc.example/" };
    static const char *const open[] = { "any", "coap:", "https:", "coap://0.0.0.0/0",
                                        "coap://[::]:any/0" };
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        decision_allow(*state, closed[i]);
        assert_false(talc_gateway_rules_are_open(*state));
    }
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        talc_gateway_rules *rules = talc_gateway_rules_new();
        assert_non_null(rules);
        decision_allow(rules, open[i]);
        assert_true(talc_gateway_rules_are_open(rules));
        talc_gateway_rules_free(rules);
    }
}

static void rules_have_a_bound(void **state)
{
    talc_failure failure = { 0 };
    for (int i = 0; i < TALC_GATEWAY_RULES_MAX; i++) {
        decision_allow(*state, "coap://device.example");
    }
    assert_int_equal(talc_gateway_rules_allow(*state, "any", &failure), TALC_ERROR_MEMORY);
    decision_ask_uri(*state, "coap://other.example/");
    decision_expect("the last rule", FORBIDDEN, NULL);
}

/* RFC 7252 section 5.10.2: the parts of the URI, and the scheme. */
static const struct {
    const char *scheme;
    const char *host; /* NULL: no Uri-Host */
    int port;         /* -1: no Uri-Port */
    uint8_t refusal;
    const char *target;
} schemes[] = {
    { "coap", "d.example", -1, 0, "coap://d.example/a" },
    { "COAP", "D.Example", -1, 0, "coap://d.example/a" },
    { "coap", "d.example", 61616, 0, "coap://d.example:61616/a" },
    { "http", "svc.example", -1, 0, "http://svc.example/a" },
    { "https", "svc.example", 8443, 0, "https://svc.example:8443/a" },
    { "coap", "192.0.2.1", -1, 0, "coap://192.0.2.1/a" },
    { "coap", "[2001:db8::1]", -1, 0, "coap://[2001:db8::1]/a" },
    { "coap", "2001:db8::1", 7, 0, "coap://[2001:db8::1]:7/a" },
    { "coap", NULL, -1, NO_URI, NULL },
    { "coap", "d.example", 0, NO_URI, NULL },
    { "coap", "127.1", -1, NO_URI, NULL },
    { "coap", "d.example/x", -1, NO_URI, NULL },
    { "coap", "u@d.example", -1, NO_URI, NULL },
    { "coap", "d.example:80", -1, NO_URI, NULL },
    { "coap", "::ffff:127.0.0.1", -1, NO_URI, NULL },
    { "coap", "[", -1, NO_URI, NULL },
    { "coap", "[]", -1, NO_URI, NULL },
    { "coaps", "d.example", -1, NO_SCHEME, NULL },
    { "ftp", "d.example", -1, NO_SCHEME, NULL },
    { "co ap", "d.example", -1, NO_URI, NULL },
    { "http://evil.example/", "d.example", -1, NO_URI, NULL },
};

static void schemes_make_uris_of_parts(void **state)
{
    decision_allow(*state, "any");
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        uint8_t port[2] = { (uint8_t)(schemes[i].port >> 8), (uint8_t)schemes[i].port };
        talc_coap_message_option options[4];
        talc_coap_message request = { .code = TALC_GET, .options = options };
        if (schemes[i].host != NULL) {
            options[request.option_count++] =
                (talc_coap_message_option){ TALC_COAP_URI_HOST, (uint16_t)strlen(schemes[i].host),
                                            (const uint8_t *)schemes[i].host };
        }
        if (schemes[i].port >= 0) {
            options[request.option_count++] =
                (talc_coap_message_option){ TALC_COAP_URI_PORT, 2, port };
        }
        options[request.option_count++] =
            (talc_coap_message_option){ TALC_COAP_URI_PATH, 1, (const uint8_t *)"a" };
        options[request.option_count++] =
            (talc_coap_message_option){ TALC_COAP_PROXY_SCHEME, (uint16_t)strlen(schemes[i].scheme),
                                        (const uint8_t *)schemes[i].scheme };
        talc_gateway_decide_coap(*state, &request, &decision);
        decision_expect(schemes[i].scheme, schemes[i].refusal, schemes[i].target);
    }
}

/* Clients send both; the URI goes before (RFC 7252 section 5.10.2). */
static void a_proxy_uri_goes_before_its_parts(void **state)
{
    const talc_coap_message_option options[] = {
        { TALC_COAP_URI_HOST, 12, (const uint8_t *)"evil.example" },
        { TALC_COAP_URI_PORT, 1, (const uint8_t *)"\7" },
        { TALC_COAP_PROXY_URI, 18, (const uint8_t *)"coap://d.example/a" },
    };
    const talc_coap_message request = { .code = TALC_GET, .options = options, .option_count = 3 };
    decision_allow(*state, "coap://d.example");
    talc_gateway_decide_coap(*state, &request, &decision);
    decision_expect("Proxy-Uri", 0, "coap://d.example/a");
}

#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, gateway_rules_setup, gateway_rules_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_allowed_by_default),
        CASE(patterns_allow_what_they_say),
        CASE(other_spellings_are_no_way_around),
        CASE(control_characters_are_no_way_around_a_path),
        CASE(other_schemes_are_not_proxied),
        CASE(wrong_patterns_are_refused_with_words),
        CASE(a_port_behind_a_net_is_refused_with_the_right_form),
        CASE(only_what_allows_all_hosts_is_open),
        CASE(rules_have_a_bound),
        CASE(schemes_make_uris_of_parts),
        CASE(a_proxy_uri_goes_before_its_parts),
    };
    return cmocka_run_group_tests_name("gateway_rules", tests, NULL, NULL);
}
