/* SPDX-License-Identifier: MIT */
/* Paths and queries have one form each, whatever the spelling (RFC 7252 sections 6.4 and 6.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/path.h"

#include "lib/framing.h"

typedef struct text_case {
    const char *text;
    const char *form; /* NULL: TALC_ERROR_ARGUMENT */
} text_case;

typedef talc_status (*normalize_call)(const char *text, char *form);

static void check_texts(normalize_call normalize, const text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char form[TALC_PATH_SIZE_MAX + 1] = "untouched";
        char again[TALC_PATH_SIZE_MAX + 1];
        const char *form_expected = cases[i].form;
        print_message("  %s\n", cases[i].text != NULL ? cases[i].text : "(NULL)");
        assert_int_equal(normalize(cases[i].text, form),
                         form_expected != NULL ? TALC_OK : TALC_ERROR_ARGUMENT);
        assert_string_equal(form, form_expected != NULL ? form_expected : "");
        assert_int_equal(normalize(form, again), TALC_OK);
        assert_string_equal(again, form);
    }
}

static void test_paths_have_one_form(void **state)
{
    (void)state;
    static const text_case cases[] = {
        { NULL, "" }, { "", "" }, { "/", "" }, { "a", "a" }, { "/a", "a" }, { "/a/b", "a/b" },
        { "a/", "a/" }, { "a//b", "a//b" }, { "a//", "a//" }, { "//", NULL }, { "//a", NULL },
        { "%61%7E%2d", "a~-" }, { "a%2fb", "a%2Fb" }, { "%2F", "%2F" }, { "/%2f", "%2F" },
        { "a%25b", "a%25b" }, { "%2525", "%2525" }, { "a b", "a%20b" }, { "%00", "%00" },
        { "\x01\x7f", "%01%7F" }, { "\xc3\xa4", "%C3%A4" }, { "%c3%a4", "%C3%A4" },
        { "-._~!$&'()*+,;=:@", "-._~!$&'()*+,;=:@" }, { "%26%3b%3A", "&;:" },
        { "\"<>[]\\^`{|}", "%22%3C%3E%5B%5D%5C%5E%60%7B%7C%7D" }, { "a?b#c", "a%3Fb%23c" },
        { ".", NULL }, { "..", NULL }, { "a/./b", NULL }, { "a/..", NULL }, { "%2e", NULL },
        { "%2E.", NULL }, { "...", "..." }, { ".a/a.", ".a/a." },
        { "%", NULL }, { "a%", NULL }, { "a%4", NULL }, { "%4/a", NULL }, { "%g1", NULL },
        { "%1g", NULL }, { "%%41", NULL }, { "% 1", NULL },
    };
    check_texts(talc_path_normalize, cases, sizeof cases / sizeof *cases);
}

static void test_queries_have_one_form(void **state)
{
    (void)state;
    static const text_case cases[] = {
        { NULL, "" }, { "", "" }, { "a", "a" }, { "a=1&b=2", "a=1&b=2" }, { "a&", "a&" },
        { "a&&b", "a&&b" }, { "&", NULL }, { "&a", NULL }, { "a%26b", "a%26b" },
        { "%61=%2f%3F", "a=/?" }, { "/", "/" }, { "/a", "/a" }, { ".", "." }, { "..", ".." },
        { "a#b", "a%23b" }, { "100%25", "100%25" }, { "a%", NULL }, { "a=%zz", NULL },
    };
    check_texts(talc_query_normalize, cases, sizeof cases / sizeof *cases);
}

/* The bound is on the form, whatever the text. */
static void test_forms_are_bounded(void **state)
{
    (void)state;
    static const struct {
        size_t blanks; /* 3 characters each */
        size_t letters;
        talc_status status;
    } cases[] = {
        { 0, 255, TALC_OK }, { 0, 256, TALC_ERROR_ARGUMENT }, { 85, 0, TALC_OK },
        { 85, 1, TALC_OK },  { 85, 2, TALC_ERROR_TOO_LARGE }, { 86, 0, TALC_ERROR_TOO_LARGE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300] = "";
        char form[TALC_PATH_SIZE_MAX + 1];
        memset(text, ' ', cases[i].blanks);
        memset(text + cases[i].blanks, 'a', cases[i].letters);
        assert_int_equal(talc_path_normalize(text, form), cases[i].status);
        size_t expected = cases[i].status == TALC_OK ? 3 * cases[i].blanks + cases[i].letters : 0;
        assert_int_equal(strlen(form), expected);
    }
}

/* ---------------------------------------------------------------- lists */

typedef struct value {
    const char *bytes;
    size_t size;
} value;

typedef struct list_case {
    value values[3];
    size_t count;
    const char *form;
} list_case;

typedef struct value_check {
    const list_case *expected;
    size_t next;
} value_check;

static talc_status check_next(void *context, const uint8_t *bytes, size_t size)
{
    value_check *check = context;
    assert_true(check->next < check->expected->count);
    const value *expected = &check->expected->values[check->next++];
    assert_int_equal(size, expected->size);
    assert_memory_equal(bytes, expected->bytes, size);
    return TALC_OK;
}

/* Lists that a careless joining would confuse. Each form leads back to its list. */
static void test_different_lists_have_different_forms(void **state)
{
    (void)state;
    static const list_case cases[] = {
        { { { "", 0 } }, 0, "" },
        { { { "a", 1 } }, 1, "a" },
        { { { "a", 1 }, { "", 0 } }, 2, "a/" },
        { { { "a", 1 }, { "", 0 }, { "", 0 } }, 3, "a//" },
        { { { "a", 1 }, { "b", 1 } }, 2, "a/b" },
        { { { "a/b", 3 } }, 1, "a%2Fb" },
        { { { "a%2Fb", 5 } }, 1, "a%252Fb" },
        { { { "/", 1 }, { "a", 1 } }, 2, "%2F/a" },
        { { { "a\0b", 3 } }, 1, "a%00b" },
        { { { "a\0c", 3 } }, 1, "a%00c" },
        { { { "\xff\xfe", 2 } }, 1, "%FF%FE" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TALC_PATH_SIZE_MAX + 1];
        talc_path_form form;
        talc_path_form_start(&form, &talc_path_syntax_path, text);
        for (size_t j = 0; j < cases[i].count; j++) {
            const value *next = &cases[i].values[j];
            assert_int_equal(
                talc_path_form_append(&form, (const uint8_t *)next->bytes, next->size), TALC_OK);
        }
        assert_string_equal(text, cases[i].form);
        value_check check = { &cases[i], 0 };
        assert_int_equal(talc_path_each(&talc_path_syntax_path, text, strlen(text), check_next,
                                        &check), TALC_OK);
        assert_int_equal(check.next, cases[i].count);
    }
}

static talc_status refuse(void *context, const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    ++*(int *)context;
    return TALC_ERROR_MEMORY;
}

static void test_a_refused_segment_is_the_last(void **state)
{
    (void)state;
    int calls = 0;
    assert_int_equal(talc_path_each(&talc_path_syntax_path, "a/b", 3, refuse, &calls),
                     TALC_ERROR_MEMORY);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_have_one_form),
        cmocka_unit_test(test_queries_have_one_form),
        cmocka_unit_test(test_forms_are_bounded),
        cmocka_unit_test(test_different_lists_have_different_forms),
        cmocka_unit_test(test_a_refused_segment_is_the_last),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
