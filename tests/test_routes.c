/* SPDX-License-Identifier: MIT */
/* Which handler serves a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/framing.h"
#include "lib/routes.h"

#define MANY 500

static void handler(void *context, talc_exchange *exchange, const talc_request *request)
{
    (void)context;
    (void)exchange;
    (void)request;
}

static int here; /* its address is the context of what is served */
static int there;
static talc_route *routes;

static int tear_down(void **state)
{
    (void)state;
    talc_routes_free(&routes);
    assert_null(routes);
    return 0;
}

static talc_status add(const char *path, unsigned methods, void *context)
{
    talc_route_target target = { handler, context };
    return talc_routes_add(&routes, path, methods, &target);
}

/* The context of who serves, or NULL; then `*code` says why. */
static const void *find(const char *path, uint8_t method, uint8_t *code)
{
    const talc_route_target *target = talc_routes_find(routes, path, method, code);
    return target == NULL ? NULL : target->context;
}

static void paths_and_methods(void **state)
{
    (void)state;
    uint8_t code;
    assert_int_equal(add("a/b", TALC_ALLOW(TALC_GET) | TALC_ALLOW(TALC_PUT), &here), TALC_OK);
    assert_int_equal(add("a/b", TALC_ALLOW(TALC_POST), &there), TALC_OK);
    assert_int_equal(add("a", TALC_ALLOW(TALC_GET), &there), TALC_OK);
    assert_ptr_equal(find("a/b", TALC_GET, &code), &here);
    assert_ptr_equal(find("a/b", TALC_PUT, &code), &here);
    assert_ptr_equal(find("a/b", TALC_POST, &code), &there);
    assert_ptr_equal(find("a", TALC_GET, &code), &there);
    assert_null(find("a/b", TALC_DELETE, &code));
    assert_int_equal(code, TALC_CODE_METHOD_NOT_ALLOWED);
    assert_null(find("a/b/c", TALC_GET, &code));
    assert_int_equal(code, TALC_CODE_NOT_FOUND);
    assert_null(find("", TALC_GET, &code));
    assert_int_equal(code, TALC_CODE_NOT_FOUND);
    assert_null(find("A", TALC_GET, &code)); /* RFC 7252 section 6.1: case matters */
}

/* Codes of methods that nobody defined, or that are no requests at all. */
static void foreign_methods(void **state)
{
    (void)state;
    uint8_t code;
    assert_int_equal(add("a", TALC_ALLOW(TALC_GET), &here), TALC_OK);
    for (unsigned method = 0; method < 256; method++) {
        const void *found = find("a", (uint8_t)method, &code);
        if (method == TALC_GET) {
            assert_ptr_equal(found, &here);
        } else {
            assert_null(found);
            assert_int_equal(code, TALC_CODE_METHOD_NOT_ALLOWED);
        }
    }
}

/* However it is written, it is the same path. */
static void paths_have_one_form(void **state)
{
    (void)state;
    uint8_t code;
    assert_int_equal(add("/r%C3%A4ume/1", TALC_ALLOW(TALC_GET), &here), TALC_OK);
    assert_int_equal(add("r\xC3\xA4ume/%31", TALC_ALLOW(TALC_GET), &there), TALC_ERROR_ARGUMENT);
    char form[TALC_PATH_SIZE_MAX + 1];
    assert_int_equal(talc_path_normalize("r%c3%a4ume/1", form), TALC_OK);
    assert_ptr_equal(find(form, TALC_GET, &code), &here);
    assert_int_equal(add(NULL, TALC_ALLOW(TALC_GET), &there), TALC_OK);
    assert_ptr_equal(find("", TALC_GET, &code), &there);
    assert_int_equal(add("/", TALC_ALLOW(TALC_GET), &here), TALC_ERROR_ARGUMENT);
}

static void what_cannot_be_served(void **state)
{
    (void)state;
    char long_path[TALC_PATH_SIZE_MAX + 2];
    memset(long_path, 'a', sizeof long_path);
    for (size_t i = 100; i < sizeof long_path; i += 100) {
        long_path[i] = '/';
    }
    long_path[sizeof long_path - 1] = 0;
    talc_route_target nobody = { NULL, NULL };
    uint8_t code;
    assert_int_equal(add("a", 0, &here), TALC_ERROR_ARGUMENT);
    assert_int_equal(add("a", 1u << 0, &here), TALC_ERROR_ARGUMENT);
    assert_int_equal(add("a", 1u << 5, &here), TALC_ERROR_ARGUMENT);
    assert_int_equal(add("a", 1u << 31, &here), TALC_ERROR_ARGUMENT);
    assert_int_equal(add("a/../b", TALC_ALLOW(TALC_GET), &here), TALC_ERROR_ARGUMENT);
    assert_int_equal(add("a%2", TALC_ALLOW(TALC_GET), &here), TALC_ERROR_ARGUMENT);
    assert_int_equal(add(long_path, TALC_ALLOW(TALC_GET), &here), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_routes_add(&routes, "a", TALC_ALLOW(TALC_GET), &nobody),
                     TALC_ERROR_ARGUMENT);
    long_path[TALC_PATH_SIZE_MAX] = 0;
    assert_int_equal(add(long_path, TALC_ALLOW(TALC_GET), &here), TALC_OK);
    assert_ptr_equal(find(long_path, TALC_GET, &code), &here);
}

/* A method that is taken leaves all of the call undone. */
static void taken_methods(void **state)
{
    (void)state;
    uint8_t code;
    assert_int_equal(add("a", TALC_ALLOW(TALC_GET), &here), TALC_OK);
    assert_int_equal(add("a", TALC_ALLOW(TALC_GET) | TALC_ALLOW(TALC_PUT), &there),
                     TALC_ERROR_ARGUMENT);
    assert_ptr_equal(find("a", TALC_GET, &code), &here);
    assert_null(find("a", TALC_PUT, &code));
}

static void many_paths(void **state)
{
    (void)state;
    char path[32];
    uint8_t code;
    static int contexts[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "sensors/%d", i);
        assert_int_equal(add(path, TALC_ALLOW(TALC_GET), &contexts[i]), TALC_OK);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "sensors/%d", i);
        assert_ptr_equal(find(path, TALC_GET, &code), &contexts[i]);
    }
}

/* ---------------------------------------------------------------- descriptions */

static const talc_route_description *description_of(const char *path)
{
    talc_route *route;
    HASH_FIND(hh, routes, path, strlen(path), route);
    assert_non_null(route);
    return route->description;
}

static void a_description_is_copied_and_replaced(void **state)
{
    (void)state;
    char type[] = "temperature-c core.s";
    talc_resource_description first = { .content_formats = { TALC_FORMAT_TEXT, TALC_FORMAT_JSON },
                                        .resource_type = type,
                                        .interfaces = "sensor",
                                        .title = "Hall" };
    const talc_resource_description second = { .is_hidden = 7 };
    assert_int_equal(add("a/b", TALC_ALLOW(TALC_GET), &here), TALC_OK);
    assert_null(description_of("a/b"));
    assert_int_equal(talc_routes_describe(routes, "/a/%62", &first), TALC_OK);
    memset(type, 'x', sizeof type - 1);
    const talc_route_description *description = description_of("a/b");
    assert_int_equal(description->format_count, 2);
    assert_int_equal(description->formats[0], 0); /* text/plain on the wire */
    assert_int_equal(description->formats[1], 50);
    assert_string_equal(description->resource_type, "temperature-c core.s");
    assert_string_equal(description->interfaces, "sensor");
    assert_string_equal(description->title, "Hall");
    assert_false(description->is_hidden);

    assert_int_equal(talc_routes_describe(routes, "a/b", &second), TALC_OK);
    description = description_of("a/b");
    assert_int_equal(description->format_count, 0);
    assert_string_equal(description->resource_type, "");
    assert_true(description->is_hidden);
}

static void a_description_has_up_to_four_formats(void **state)
{
    (void)state;
    static const struct {
        int formats[TALC_RESOURCE_FORMATS_MAX];
        size_t count;
        talc_status status;
    } cases[] = {
        { { 1, 65535, TALC_FORMAT_TEXT, 40 }, 4, TALC_OK },
        { { 0 }, 0, TALC_OK },
        { { 50, 0, -1, 70000 }, 1, TALC_OK }, /* it ends at the first TALC_FORMAT_NONE */
        { { -1 }, 0, TALC_ERROR_ARGUMENT },
        { { TALC_FORMAT_TEXT + 1 }, 0, TALC_ERROR_ARGUMENT },
        { { 50, 60, 70, -5 }, 0, TALC_ERROR_ARGUMENT },
    };
    assert_int_equal(add("a", TALC_ALLOW(TALC_GET), &here), TALC_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        talc_resource_description description = { .title = "a" };
        memcpy(description.content_formats, cases[i].formats, sizeof cases[i].formats);
        assert_int_equal(talc_routes_describe(routes, "a", &description), cases[i].status);
        if (cases[i].status == TALC_OK) {
            assert_int_equal(description_of("a")->format_count, cases[i].count);
        }
    }
}

static void a_string_of_a_description_needs_no_escape(void **state)
{
    (void)state;
    assert_int_equal(add("a", TALC_ALLOW(TALC_GET), &here), TALC_OK);
    for (unsigned byte = 1; byte < 256; byte++) {
        const char text[] = { 'a', (char)byte, 'b', 0 };
        bool good = byte >= 0x20 && byte != 0x7f && byte != '"' && byte != '\\';
        const talc_resource_description descriptions[] = { { .resource_type = text },
                                                           { .interfaces = text },
                                                           { .title = text } };
        for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++) {
            assert_int_equal(talc_routes_describe(routes, "a", &descriptions[i]),
                             good ? TALC_OK : TALC_ERROR_ARGUMENT);
        }
    }
}

static void what_cannot_be_described(void **state)
{
    (void)state;
    char text[TALC_DESCRIPTION_SIZE_MAX + 2] = "";
    memset(text, 'a', TALC_DESCRIPTION_SIZE_MAX + 1);
    const talc_resource_description good = { .title = "good" };
    const talc_resource_description large[] = { { .resource_type = text },
                                                { .interfaces = text },
                                                { .title = text } };
    assert_int_equal(talc_routes_describe(routes, "a", &good), TALC_ERROR_ARGUMENT);
    assert_int_equal(add("a", TALC_ALLOW(TALC_GET), &here), TALC_OK);
    assert_int_equal(talc_routes_describe(routes, "a", NULL), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_routes_describe(routes, "a/b", &good), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_routes_describe(routes, "a%2", &good), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_routes_describe(routes, NULL, &good), TALC_ERROR_ARGUMENT);
    assert_int_equal(talc_routes_describe(routes, "a", &good), TALC_OK);
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        assert_int_equal(talc_routes_describe(routes, "a", &large[i]), TALC_ERROR_TOO_LARGE);
        assert_string_equal(description_of("a")->title, "good");
    }
    text[TALC_DESCRIPTION_SIZE_MAX] = 0;
    assert_int_equal(talc_routes_describe(routes, "a", &large[2]), TALC_OK);
    assert_string_equal(description_of("a")->title, text);
}

#define RULE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(paths_and_methods),
        RULE(foreign_methods),
        RULE(paths_have_one_form),
        RULE(what_cannot_be_served),
        RULE(taken_methods),
        RULE(many_paths),
        RULE(a_description_is_copied_and_replaced),
        RULE(a_description_has_up_to_four_formats),
        RULE(a_string_of_a_description_needs_no_escape),
        RULE(what_cannot_be_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
