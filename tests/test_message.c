/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "talc/message.h"

/* A payload that is not freed is what the leak check of a sanitized build finds. */
static void test_clear_releases_the_payload_and_empties(void **state)
{
    (void)state;
    talc_response response = TALC_RESPONSE_DEFAULT;
    response.payload = malloc(5);
    assert_non_null(response.payload);
    response.payload_size = 4;
    response.content_format = TALC_FORMAT_JSON;
    for (int times = 0; times < 2; times++) {
        talc_response_clear(&response);
        assert_null(response.payload);
        assert_int_equal(response.payload_size, 0);
        assert_int_equal(response.code, 0);
        assert_int_equal(response.content_format, TALC_FORMAT_NONE);
    }
    talc_response_clear(NULL);
}

static void test_success_is_class_2(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        int expected = code >= TALC_CODE(2, 0) && code <= TALC_CODE(2, 31);
        assert_int_equal(talc_code_is_success((uint8_t)code), expected);
    }
}

static void test_codes_are_written_with_two_digits(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        const char *text;
    } cases[] = {
        { 0, "0.00" },
        { TALC_GET, "0.01" },
        { TALC_CODE_CONTENT, "2.05" },
        { TALC_CODE(2, 31), "2.31" },
        { TALC_CODE_TOO_LARGE, "4.13" },
        { TALC_CODE_UNAVAILABLE, "5.03" },
        { 255, "7.31" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TALC_CODE_TEXT_SIZE];
        assert_ptr_equal(talc_code_text(cases[i].code, text), text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clear_releases_the_payload_and_empties),
        cmocka_unit_test(test_success_is_class_2),
        cmocka_unit_test(test_codes_are_written_with_two_digits),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
