/* SPDX-License-Identifier: MIT */
/* How a gateway's own paths lead to targets: routes, and the mapping of RFC 8075. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/gateway_decision.h"

static const struct {
    const char *asked;
    const char *target; /* NULL: no route */
} routed[] = {
    { "/dev", "coap://192.0.2.1/base" },
    { "/dev/", "coap://192.0.2.1/base/" },
    { "/dev/a/b?c=d", "coap://192.0.2.1/base/a/b?c=d" },
    { "/dev?x", "coap://192.0.2.1/base?x" },
    { "/dev//a", "coap://192.0.2.1/base//a" },
    { "/dev/longer", "coap://longer.example:61616/" },
    { "/dev/longer/a", "coap://longer.example:61616/a" },
    { "/dev/longerx", "coap://192.0.2.1/base/longerx" },
    { "/dev/longer/still/a", "coap://still.example/a" },
    { "/device", NULL },
    { "/Dev", NULL },
    { "/", NULL },
    { "/%64ev", NULL },
};

static void routes_go_by_the_longest_prefix(void **state)
{
    decision_route(*state, "/dev/longer=coap://longer.example:61616");
    decision_route(*state, "/dev=coap://192.0.2.1/base");
    decision_route(*state, "/dev/longer/still=coap://still.example");
    for (size_t i = 0; i < sizeof routed / sizeof routed[0]; i++) {
        decision_ask_http(*state, "GET", routed[i].asked);
        decision_expect(routed[i].asked, routed[i].target != NULL ? 0 : NO_ROUTE, routed[i].target);
        if (routed[i].target != NULL) {
            assert_int_equal(decision.is_reverse, 1);
            assert_int_equal(decision.way.kind, TALC_GATEWAY_REVERSE);
        }
    }
    decision_ask_http(*state, "GET", "/dev/a");
    assert_string_equal(decision.way.prefix, "/dev");
    assert_string_equal(decision.way.base, "/base");
    decision_ask_http(*state, "GET", "/dev/../admin");
    decision_expect("dot segments", NO_URI, NULL);
    decision_ask_http(*state, "GET", "/dev/%2E%2E/admin");
    decision_expect("encoded dot segments", NO_URI, NULL);
    decision_ask_http(*state, "GET", "/dev/..;/admin");
    decision_expect("dot segments with a parameter", NO_URI, NULL);
    decision_ask_http(*state, "GET", "/dev/%252e%252e/admin");
    decision_expect("dot segments that are encoded twice", NO_URI, NULL);
    decision_ask_http(*state, "GET", "/dev/..%00/admin");
    decision_expect("control characters", NO_URI, NULL);
}

static void targets_have_a_limit(void **state)
{
    static char target[4 * TALC_GATEWAY_URI_SIZE_MAX];
    static const char *const beginnings[] = { "/dev/", "/dev?", "/hc/coap://h/", "/hc/coap:/h?" };
    decision_allow(*state, "any");
    decision_route(*state, "/dev=coap://192.0.2.1");
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        for (size_t size = TALC_GATEWAY_URI_SIZE_MAX - 64; size < sizeof target; size += 31) {
            memset(target, 'a', sizeof target);
            memcpy(target, beginnings[i], strlen(beginnings[i]));
            target[size] = '\0';
            decision_ask_http(*state, "GET", target);
            decision_expect(beginnings[i],
                            size > TALC_GATEWAY_URI_SIZE_MAX + 16   ? NO_URI
                            : size < TALC_GATEWAY_URI_SIZE_MAX - 16 ? 0
                                                                    : decision.refusal,
                            NULL);
        }
    }
}

static void slashes_at_the_ends_of_a_route_make_no_difference(void **state)
{
    decision_route(*state, "/dev/=coap://192.0.2.1/base/");
    decision_ask_http(*state, "GET", "/dev/a");
    decision_expect("/dev/a", 0, "coap://192.0.2.1/base/a");
    decision_ask_http(*state, "GET", "/dev");
    decision_expect("/dev", 0, "coap://192.0.2.1/base");
}

static void a_route_of_the_root_takes_everything(void **state)
{
    decision_route(*state, "/=http://svc.example");
    const talc_coap_message_option path[] = {
        { TALC_COAP_URI_HOST, 10, (const uint8_t *)"gw.example" },
        { TALC_COAP_URI_PATH, 1, (const uint8_t *)"a" },
        { TALC_COAP_URI_PATH, 3, (const uint8_t *)"b c" },
        { TALC_COAP_URI_QUERY, 3, (const uint8_t *)"d=e" },
    };
    talc_coap_message request = { .code = TALC_GET, .options = path, .option_count = 4 };
    talc_gateway_decide_coap(*state, &request, &decision);
    decision_expect("a path", 0, "http://svc.example/a/b%20c?d=e");
    request.option_count = 1;
    talc_gateway_decide_coap(*state, &request, &decision);
    decision_expect("no path", 0, "http://svc.example/");
    decision_ask_http(*state, "GET", "/a");
    decision_expect("over HTTP it would lead to HTTP", NO_SCHEME, NULL);
}

static void wrong_routes_are_refused_with_words(void **state)
{
    static const char *const wrong[] = {
        "",
        "/dev",
        "dev=coap://host",
        "/dev=",
        "/dev=host",
        "/dev=coaps://host",
        "/dev=ftp://host",
        "/dev=coap://host?x",
        "/dev?x=coap://host",
        "/../x=coap://host",
        "/dev=coap://127.1",
        "/dev=coap://224.0.1.187",
        "/dev=coap://[ff02::fd]",
        "=coap://host",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        talc_failure failure = { 0 };
        if (talc_gateway_rules_route(*state, wrong[i], &failure) != TALC_ERROR_ARGUMENT) {
            fail_msg("\"%s\" is taken", wrong[i]);
        }
        assert_non_null(strstr(failure.text, wrong[i]));
    }
}

static const struct {
    const char *mapping; /* NULL: the default */
    const char *asked;
    uint8_t refusal;
    const char *target;
} mapped[] = {
    { NULL, "/hc/coap://s.example.com/light", 0, "coap://s.example.com/light" },
    { NULL, "/hc/coap://s.example.com/light?on", 0, "coap://s.example.com/light?on" },
    { NULL, "/hc/coap://s.example.com", 0, "coap://s.example.com/" },
    { NULL, "/hc/coap://s.example.com?on", 0, "coap://s.example.com/?on" },
    { NULL, "/hc/coap:/s.example.com/light", 0, "coap://s.example.com/light" },
    { NULL, "/hc/COAP://s.example.com/", 0, "coap://s.example.com/" },
    { NULL, "/hc/coap://%5B2001:db8::1%5D/light?on", 0, "coap://[2001:db8::1]/light?on" },
    { NULL, "/hc/coap://%5b2001:db8::1%5d:61616/", 0, "coap://[2001:db8::1]:61616/" },
    { NULL, "/hc/coap://[2001:db8::1]/", 0, "coap://[2001:db8::1]/" },
    { NULL, "/hc/coap://h/%5B", 0, "coap://h/%5B" },
    { NULL, "/hc/coaps://s.example.com/light", NO_SCHEME, NULL },
    { NULL, "/hc/s.example.com/light", NO_URI, NULL },
    { NULL, "/hc/", NO_URI, NULL },
    { NULL, "/hc/coap", NO_URI, NULL },
    { NULL, "/hc/coap:", NO_URI, NULL },
    { NULL, "/hc/coap:/", NO_URI, NULL },
    { NULL, "/hc/coap:///x", NO_URI, NULL },
    { NULL, "/hc/coap%3A//s.example.com/", NO_URI, NULL },
    { NULL, "/hc/coap://u@h/", NO_URI, NULL },
    { NULL, "/hc/coap://h/../x", NO_URI, NULL },
    { NULL, "/hc", NO_ROUTE, NULL },
    { NULL, "/hcx/coap://h/", NO_ROUTE, NULL },
    { "/proxy", "/proxy/coap://h/x", 0, "coap://h/x" },
    { "/proxy", "/hc/coap://h/x", NO_ROUTE, NULL },
    { "/hc?target_uri={+tu}", "/hc?target_uri=coap://h/x?y=z&w", 0, "coap://h/x?y=z&w" },
    { "/hc/?target_uri={+tu}", "/hc/?target_uri=coap://h/x", 0, "coap://h/x" },
    { "/hc?target_uri={+tu}", "/hc?other=coap://h/x", NO_ROUTE, NULL },
    { "/hc/forward/{+tu}", "/hc/forward/coap://h/x", 0, "coap://h/x" },
    { "/{+tu}", "/coap://h/x", 0, "coap://h/x" },
    { "", "/hc/coap://h/x", NO_ROUTE, NULL },
    { "", "coap://h/x", 0, "coap://h/x" },
};

static void mappings_name_coap_resources(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0]; i++) {
        talc_gateway_rules *rules = talc_gateway_rules_new();
        talc_failure failure = { 0 };
        decision_allow(rules, "coap:");
        if (mapped[i].mapping != NULL &&
            talc_gateway_rules_mapping(rules, mapped[i].mapping, &failure) != TALC_OK) {
            fail_msg("%s", failure.text);
        }
        decision_ask_http(rules, "GET", mapped[i].asked);
        decision_expect(mapped[i].asked, mapped[i].refusal, mapped[i].target);
        assert_int_equal(decision.is_reverse, 0);
        if (mapped[i].target != NULL && mapped[i].asked[0] == '/') {
            assert_int_equal(decision.way.kind, TALC_GATEWAY_MAPPED);
            assert_memory_equal(mapped[i].asked, decision.way.prefix, strlen(decision.way.prefix));
        }
        talc_gateway_rules_free(rules);
    }
}

static void wrong_mappings_are_refused_with_words(void **state)
{
    static const char *const wrong[] = {
        "hc/",
        "/hc{+tu}",
        "/hc/{+s}/{+hp}{+p}{+qq}",
        "/hc?s={+s}&hp={+hp}",
        "/hc/{tu}",
        "/hc/{+tu}/x",
        "/hc/{?tu}",
        "http://host/hc/",
        "/h c/",
        "/../hc/",
        "/hc/{",
        "/hc#{+tu}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        talc_failure failure = { 0 };
        if (talc_gateway_rules_mapping(*state, wrong[i], &failure) != TALC_ERROR_ARGUMENT) {
            fail_msg("\"%s\" is taken", wrong[i]);
        }
        assert_non_null(strstr(failure.text, wrong[i]));
    }
    decision_allow(*state, "any");
    decision_ask_http(*state, "GET", "/hc/coap://h/");
    decision_expect("the default stays", 0, "coap://h/");
}

static void the_mapping_is_told_by_a_link(void **state)
{
    static const struct {
        const char *mapping;
        const char *anchor;
        const char *link;
    } links[] = {
        { "/hc/", NULL, "</hc/>;rt=\"core.hc\"" },
        { "/hc/", "https://p.example.com",
          "</hc/>;anchor=\"https://p.example.com\";rt=\"core.hc\"" },
        { "/hc/?uri={+tu}", "https://p.example.com",
          "</hc/>;anchor=\"https://p.example.com\";rt=\"core.hc\";hct=\"?uri={+tu}\"" },
        { "/hc?target_uri={+tu}", NULL, "</hc>;rt=\"core.hc\";hct=\"?target_uri={+tu}\"" },
        { "/hc/forward/{+tu}", NULL, "</hc/forward/>;rt=\"core.hc\"" },
        { "", NULL, "" },
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char text[128];
        talc_failure failure = { 0 };
        assert_int_equal(talc_gateway_rules_mapping(*state, links[i].mapping, &failure), TALC_OK);
        assert_int_equal(talc_gateway_rules_write_link(*state, links[i].anchor, text, sizeof text),
                         TALC_OK);
        assert_string_equal(text, links[i].link);
        assert_int_equal(
            talc_gateway_rules_write_link(*state, links[i].anchor, text, strlen(links[i].link)),
            TALC_ERROR_TOO_LARGE);
    }
}

static void methods_without_translation_are_known_first(void **state)
{
    static const char *const methods[] = { "OPTIONS", "TRACE", "CONNECT", "QUERY", "", "get" };
    decision_allow(*state, "any");
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        decision_ask_http(*state, methods[i], i == 2 ? "svc.example:443" : "*");
        decision_expect(methods[i], NO_METHOD, NULL);
        decision_ask_http(*state, methods[i], "/hc/coap://h/");
        decision_expect(methods[i], NO_METHOD, NULL);
    }
    decision_ask_http(*state, "GET", "*");
    decision_expect("GET *", NO_URI, NULL);
    decision_ask_http(*state, "GET", "");
    decision_expect("GET of nothing", NO_URI, NULL);
}

#define CASE(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, gateway_rules_setup, gateway_rules_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(routes_go_by_the_longest_prefix),
        CASE(targets_have_a_limit),
        CASE(slashes_at_the_ends_of_a_route_make_no_difference),
        CASE(a_route_of_the_root_takes_everything),
        CASE(wrong_routes_are_refused_with_words),
        CASE(mappings_name_coap_resources),
        CASE(wrong_mappings_are_refused_with_words),
        CASE(the_mapping_is_told_by_a_link),
        CASE(methods_without_translation_are_known_first),
    };
    return cmocka_run_group_tests_name("gateway_rules_ways", tests, NULL, NULL);
}
