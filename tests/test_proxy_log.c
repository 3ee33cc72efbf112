/* SPDX-License-Identifier: MIT */

/* Lines of a proxy's log: JSON as any writer writes it, and nothing that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "records/proxy_log_reader.h"

/* Reads a copy of exactly the line's size, so that a sanitizer sees a read behind it. */
static char *text;

static talc_status read_line(const char *line, size_t size, talc_proxy_log_entry *entry)
{
    char *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, line, size);
    free(text);
    text = malloc(2 * size + 16);
    assert_non_null(text);
    talc_status status = talc_proxy_log_read_line(copy, size, text, entry);
    free(copy);
    return status;
}

static int free_text(void **state)
{
    (void)state;
    free(text);
    return 0;
}

static void a_request_has_all_its_fields(void **state)
{
    (void)state;
    static const char line[] =
        "{\"time_ms\":1700000000000,\"exchange\":17,\"kind\":\"request-in\",\"protocol\":\"coap\","
        "\"peer\":\"127.0.0.1:40012\",\"uri\":\"coap://h/p?s=1\",\"method\":\"POST\","
        "\"format\":\"application/json\",\"size\":7,\"body\":\"{\\\"i\\\":7}\"}\n";
    talc_proxy_log_entry entry;
    assert_int_equal(read_line(line, sizeof line - 1, &entry), TALC_OK);
    assert_int_equal(entry.time_ms, 1700000000000);
    assert_int_equal(entry.exchange, 17);
    assert_int_equal(entry.kind, TALC_PROXY_LOG_REQUEST_IN);
    assert_string_equal(entry.protocol, "coap");
    assert_string_equal(entry.peer, "127.0.0.1:40012");
    assert_string_equal(entry.uri, "coap://h/p?s=1");
    assert_string_equal(entry.code, "");
    assert_int_equal(entry.size, 7);
    assert_true(entry.has_body);
    assert_int_equal(entry.body_size, 7);
    assert_memory_equal(entry.body, "{\"i\":7}", 7);
}

#define KIND "\"exchange\":1,\"kind\":\"response-out\""

static void kinds_are_told_apart(void **state)
{
    (void)state;
    static const char *const kinds[] = { "request-in", "request-out", "response-in",
                                         "response-out", "trouble" };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char line[80];
        talc_proxy_log_entry entry;
        int size = snprintf(line, sizeof line, "{\"exchange\":1,\"kind\":\"%s\"}", kinds[i]);
        assert_int_equal(read_line(line, (size_t)size, &entry), TALC_OK);
        assert_int_equal(entry.kind, i);
        assert_false(entry.has_body);
    }
}

/* A body, written in one way or another. */
static const struct body_case {
    const char *json;
    const char *bytes;
    size_t size;
} bodies[] = {
    { "\"body\":\"\"", "", 0 },
    { "\"body\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
    { "\"body\":\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
      10 },
    { "\"body\":\"\xc3\xa9\"", "\xc3\xa9", 2 },
    { "\"body_base64url\":\"AAEC_w\"", "\0\1\2\xff", 4 },
    { "\"body_base64url\":\"\"", "", 0 },
};

static void a_body_is_text_or_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char line[160];
        talc_proxy_log_entry entry;
        int size = snprintf(line, sizeof line, "{" KIND ",%s}", bodies[i].json);
        assert_int_equal(read_line(line, (size_t)size, &entry), TALC_OK);
        assert_true(entry.has_body);
        assert_int_equal(entry.body_size, bodies[i].size);
        assert_memory_equal(entry.body, bodies[i].bytes, bodies[i].size);
    }
}

static void what_is_not_known_is_passed_over(void **state)
{
    (void)state;
    static const char *const values[] = { "1",     "-1.5e+3", "true",          "null", "\"x\\n\"",
                                          "[]",    "{}",      "[1,{\"a\":[]}]", "{\"kind\":1}" };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char line[160];
        talc_proxy_log_entry entry;
        int size = snprintf(line, sizeof line, "{\"new\":%s," KIND ",\"status\":200}", values[i]);
        if (read_line(line, (size_t)size, &entry) != TALC_OK || entry.status != 200) {
            fail_msg("%s", line);
        }
    }
}

static const char *const broken[] = {
    "",
    "{}",
    "[]",
    "null",
    "{" KIND,
    "{" KIND "}}",
    "{" KIND "} x",
    "{" KIND ",}",
    "{,}",
    "{\"exchange\":1}",
    "{\"kind\":\"trouble\"}",
    "{\"exchange\":1,\"kind\":\"request\"}",
    "{\"exchange\":1,\"kind\":1}",
    "{\"exchange\":\"1\",\"kind\":\"trouble\"}",
    "{\"exchange\":-1,\"kind\":\"trouble\"}",
    "{\"exchange\":1.5,\"kind\":\"trouble\"}",
    "{\"exchange\":9007199254740992,\"kind\":\"trouble\"}",
    "{\"exchange\":99999999999999999999999,\"kind\":\"trouble\"}",
    "{" KIND ",\"exchange\":1}",
    "{" KIND ",\"body\":\"a\",\"body_base64url\":\"AA\"}",
    "{" KIND ",\"body_base64url\":\"A\"}",
    "{" KIND ",\"body_base64url\":\"AAE=\"}",
    "{" KIND ",\"body\":\"a",
    "{" KIND ",\"body\":\"a\n\"}",
    "{" KIND ",\"body\":\"\\x\"}",
    "{" KIND ",\"body\":\"\\u00\"}",
    "{" KIND ",\"body\":\"\\u0000\"}",
    "{" KIND ",\"body\":\"\\ud800\"}",
    "{" KIND ",\"body\":\"\\ud800\\u0041\"}",
    "{" KIND ",\"body\":\"\\udc00\"}",
    "{" KIND ",\"new\":[[[[[[[[[1]]]]]]]]]}",
    "{" KIND ",\"new\":}",
    "{" KIND ",\"new\":]}",
};

static void what_is_no_such_line_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        talc_proxy_log_entry entry;
        static const talc_proxy_log_entry nothing;
        if (read_line(broken[i], strlen(broken[i]), &entry) != TALC_ERROR_MALFORMED) {
            fail_msg("taken: %s", broken[i]);
        }
        assert_memory_equal(&entry, &nothing, sizeof entry);
    }
}

static void a_longer_line_is_refused(void **state)
{
    (void)state;
    talc_proxy_log_entry entry;
    char *line = malloc(TALC_PROXY_LOG_LINE_SIZE_MAX + 1);
    assert_non_null(line);
    memset(line, ' ', TALC_PROXY_LOG_LINE_SIZE_MAX + 1);
    memcpy(line, "{" KIND "}", strlen("{" KIND "}"));
    assert_int_equal(read_line(line, TALC_PROXY_LOG_LINE_SIZE_MAX, &entry), TALC_OK);
    assert_int_equal(read_line(line, TALC_PROXY_LOG_LINE_SIZE_MAX + 1, &entry),
                     TALC_ERROR_TOO_LARGE);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_all_its_fields),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(a_body_is_text_or_bytes),
        cmocka_unit_test(what_is_not_known_is_passed_over),
        cmocka_unit_test(what_is_no_such_line_is_refused),
        cmocka_unit_test(a_longer_line_is_refused),
    };
    return cmocka_run_group_tests_name("proxy_log", tests, NULL, free_text);
}
