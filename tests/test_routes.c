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

#define RULE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(paths_and_methods),     RULE(foreign_methods), RULE(paths_have_one_form),
        RULE(what_cannot_be_served), RULE(taken_methods),   RULE(many_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
