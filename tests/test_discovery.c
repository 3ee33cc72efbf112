/* SPDX-License-Identifier: MIT */
/* What a server tells of its resources, in link-format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/discovery.h"
#include "lib/framing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MANY 500

static talc_route *routes;

static void handler(void *context, talc_exchange *exchange, const talc_request *request)
{
    (void)context;
    (void)exchange;
    (void)request;
}

static void serve(const char *path)
{
    const talc_route_target target = { handler, NULL };
    assert_int_equal(talc_routes_add(&routes, path, TALC_ALLOW(TALC_GET), &target), TALC_OK);
}

static void describe(const char *path, const talc_resource_description *description)
{
    serve(path);
    assert_int_equal(talc_routes_describe(routes, path, description), TALC_OK);
}

static int tear_down(void **state)
{
    (void)state;
    talc_routes_free(&routes);
    return 0;
}

static void assert_answer(const char *query, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    assert_int_equal(talc_discovery_write(routes, query, &text, &size), TALC_OK);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
    free(text);
}

/* ---------------------------------------------------------------- links */

static void no_resource_gives_an_empty_text(void **state)
{
    (void)state;
    assert_answer(NULL, "");
    assert_answer("rt=a", "");
}

static void links_come_in_the_order_of_their_paths(void **state)
{
    (void)state;
    static const char *const paths[] = { "b", "a/b", "/", "a", "B", "a-b", "r%c3%a4ume/1%2F2" };
    for (size_t i = 0; i < COUNT(paths); i++) {
        serve(paths[i]);
    }
    assert_answer(NULL, "</>,</B>,</a>,</a-b>,</a/b>,</b>,</r%C3%A4ume/1%2F2>");
    assert_answer("", "</>,</B>,</a>,</a-b>,</a/b>,</b>,</r%C3%A4ume/1%2F2>");
}

static void what_is_told_stands_behind_the_link(void **state)
{
    (void)state;
    static const struct {
        talc_resource_description description;
        const char *link;
    } cases[] = {
        { { .title = NULL }, "</x>" },
        { { .resource_type = "", .interfaces = "", .title = "" }, "</x>" },
        { { .resource_type = "temperature-c" }, "</x>;rt=\"temperature-c\"" },
        { { .resource_type = "  a   b " }, "</x>;rt=\"a b\"" },
        { { .resource_type = " ", .interfaces = "  " }, "</x>" },
        { { .interfaces = "core.s sensor" }, "</x>;if=\"core.s sensor\"" },
        { { .title = " Hall,  2nd floor; <b>" }, "</x>;title=\" Hall,  2nd floor; <b>\"" },
        { { .title = "R\xc3\xa4ume" }, "</x>;title=\"R\xc3\xa4ume\"" },
        { { .content_formats = { TALC_FORMAT_LINKS } }, "</x>;ct=40" },
        { { .content_formats = { TALC_FORMAT_TEXT } }, "</x>;ct=0" },
        { { .content_formats = { TALC_FORMAT_JSON, TALC_FORMAT_CBOR } }, "</x>;ct=\"50 60\"" },
        { { .content_formats = { TALC_FORMAT_TEXT, 65535, 1, 42 } }, "</x>;ct=\"0 65535 1 42\"" },
        { { .content_formats = { 50 }, .resource_type = "a", .interfaces = "b", .title = "c" },
          "</x>;rt=\"a\";if=\"b\";ct=50;title=\"c\"" },
    };
    serve("x");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(talc_routes_describe(routes, "x", &cases[i].description), TALC_OK);
        assert_answer(NULL, cases[i].link);
    }
}

static void a_hidden_resource_is_not_listed(void **state)
{
    (void)state;
    const talc_resource_description hidden = { .resource_type = "a", .is_hidden = 1 };
    serve("x");
    describe("y", &hidden);
    serve("z");
    assert_answer(NULL, "</x>,</z>");
    assert_answer("href=/y", "");
    assert_answer("rt=a", "");
}

/* As long as everything may be. */
static void many_long_links_are_written_in_full(void **state)
{
    (void)state;
    char text[TALC_DESCRIPTION_SIZE_MAX + 1] = "";
    memset(text, 'a', TALC_DESCRIPTION_SIZE_MAX);
    const talc_resource_description full = { .content_formats = { 65535, 65535, 65535, 65535 },
                                             .resource_type = text,
                                             .interfaces = text,
                                             .title = text };
    for (int i = 0; i < MANY; i++) {
        char path[TALC_PATH_SIZE_MAX + 1];
        snprintf(path, sizeof path, "%0128d/%0127d", i, i);
        describe(path, &full);
    }
    char *answer = NULL;
    size_t size = 0;
    assert_int_equal(talc_discovery_write(routes, NULL, &answer, &size), TALC_OK);
    size_t link_size = strlen("</>;rt=\"\";if=\"\";ct=\"65535 65535 65535 65535\";title=\"\"") +
                       TALC_PATH_SIZE_MAX + 3 * (size_t)TALC_DESCRIPTION_SIZE_MAX;
    assert_int_equal(size, MANY * (link_size + 1) - 1);
    assert_int_equal(strlen(answer), size);
    assert_int_equal(answer[size - 1], '"');
    free(answer);
}

/* ---------------------------------------------------------------- queries (RFC 6690, 4.1) */

static void serve_a_house(void)
{
    const talc_resource_description sensor = { .content_formats = { TALC_FORMAT_TEXT, 50 },
                                               .resource_type = "temperature-c core.s",
                                               .interfaces = "sensor",
                                               .title = "Hall of fame" };
    const talc_resource_description light = { .content_formats = { 5 },
                                              .resource_type = "light-lux",
                                              .interfaces = "sensor actuator" };
    describe("sensors/temp", &sensor);
    describe("sensors/light", &light);
    serve("r%C3%A4ume");
    serve("/");
}

#define TEMP                                                                                       \
    "</sensors/temp>;rt=\"temperature-c core.s\";if=\"sensor\";ct=\"0 50\";title=\"Hall of fame\""
#define LIGHT "</sensors/light>;rt=\"light-lux\";if=\"sensor actuator\";ct=5"
#define ROOM "</r%C3%A4ume>"
#define ROOT "</>"

static void a_query_selects(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        const char *answer;
    } cases[] = {
        { "rt=light-lux", LIGHT },
        { "rt=core.s", TEMP },
        { "rt=temperature-c", TEMP },
        { "rt=temperature-c%20core.s", "" }, /* words, not the list */
        { "rt=temperature", "" },
        { "rt=temperature*", TEMP },
        { "rt=temperature%2A", TEMP }, /* the pattern is decoded first */
        { "rt=temp*-c", "" },
        { "rt=**", "" },
        { "rt=core*", TEMP },
        { "rt=Core*", "" },
        { "rt=*", LIGHT "," TEMP },
        { "rt=", "" },
        { "if=sensor", LIGHT "," TEMP },
        { "if=a*", LIGHT },
        { "ct=0", TEMP },
        { "ct=50", TEMP },
        { "ct=5", LIGHT },
        { "ct=5*", LIGHT "," TEMP },
        { "ct=05", "" },
        { "ct=*", LIGHT "," TEMP },
        { "title=Hall%20of%20fame", TEMP },
        { "title=Hall", "" },
        { "title=Hall*", TEMP },
        { "title=*", TEMP },
        { "title=", "" },
        { "href=/sensors/temp", TEMP },
        { "href=/sensors*", LIGHT "," TEMP },
        { "href=/sensors/", "" },
        { "href=sensors/temp", "" },
        { "href=/", ROOT },
        { "href=/*", ROOT "," ROOM "," LIGHT "," TEMP },
        { "href=*", ROOT "," ROOM "," LIGHT "," TEMP },
        { "href=/r%25C3%25A4ume", ROOM },
        { "href=", "" },
        { "sz=*", "" },
        { "RT=light-lux", "" },
        { "=x", "" },
        { "r=light-lux", "" },
        { "rtt=light-lux", "" },
        { "rt", ROOT "," ROOM "," LIGHT "," TEMP },
        { "rt=temp*&if=sensor", TEMP },
        { "if=sensor&ct=5", LIGHT },
        { "if=sensor&ct=99", "" },
        { "rt&ct=5", LIGHT },
    };
    serve_a_house();
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_answer(cases[i].query, cases[i].answer);
    }
}

static void a_broken_query_is_an_error(void **state)
{
    (void)state;
    char query[300] = "rt=";
    memset(query + 3, 'a', 253);
    const char *const queries[] = { "rt=%2", "rt=%zz", query };
    serve_a_house();
    for (size_t i = 0; i < COUNT(queries); i++) {
        char *text = query;
        size_t size = 1;
        assert_int_equal(talc_discovery_write(routes, queries[i], &text, &size),
                         TALC_ERROR_ARGUMENT);
        assert_null(text);
        assert_int_equal(size, 0);
    }
}

static void the_path_is_in_its_one_form(void **state)
{
    (void)state;
    char form[TALC_PATH_SIZE_MAX + 1];
    assert_int_equal(talc_path_normalize("/.well-known/core", form), TALC_OK);
    assert_string_equal(form, TALC_DISCOVERY_PATH);
}

#define RULE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(no_resource_gives_an_empty_text),     RULE(links_come_in_the_order_of_their_paths),
        RULE(what_is_told_stands_behind_the_link), RULE(a_hidden_resource_is_not_listed),
        RULE(many_long_links_are_written_in_full), RULE(a_query_selects),
        RULE(a_broken_query_is_an_error),          RULE(the_path_is_in_its_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
