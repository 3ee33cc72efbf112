/* SPDX-License-Identifier: MIT */
/* URIs of a gateway have one spelling: what is accepted is written as it was meant, everything
 * that a resolver or an origin might understand in another way is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/draft.h"
#include "gateway/uri_path.h"
#include "tests/vectors.h"

#define TEXT_SIZE (TALC_GATEWAY_URI_SIZE_MAX + TALC_GATEWAY_URI_ORIGIN_SIZE)

static talc_gateway_draft draft;

static talc_status wanted_status(const cJSON *row)
{
    const char *status = vector_string(row, "status");
    if (vector_string(row, "name")[0] == 'y') {
        return TALC_OK;
    }
    return status == NULL                       ? TALC_ERROR_ARGUMENT
           : strcmp(status, "unsupported") == 0 ? TALC_ERROR_UNSUPPORTED
                                                : TALC_ERROR_TOO_LARGE;
}

static void check_parts(const cJSON *row, const talc_gateway_uri *uri)
{
    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(row, "uri");
    const char *name = vector_string(row, "name");
    if (wanted == NULL) {
        return;
    }
    if (strcmp(talc_gateway_scheme_text(uri->scheme), vector_string(wanted, "scheme")) != 0 ||
        strcmp(uri->host, vector_string(wanted, "host")) != 0 ||
        uri->port != vector_number(wanted, "port", 0) ||
        strcmp(uri->path, vector_string(wanted, "path")) != 0 ||
        strcmp(uri->query, vector_string(wanted, "query")) != 0) {
        fail_msg("%s: read as %s, %s, %u, %s, %s", name, talc_gateway_scheme_text(uri->scheme),
                 uri->host, (unsigned)uri->port, uri->path, uri->query);
    }
    assert_int_equal(uri->has_colon, strchr(uri->host, ':') != NULL);
}

/* What is written is read as the same, and written once more as the same. */
static void check_written(const cJSON *row, const talc_gateway_uri *uri, const char *text,
                          size_t size)
{
    static char written[TEXT_SIZE], again[TEXT_SIZE];
    const char *wanted = vector_string(row, "written");
    talc_gateway_uri read;
    assert_int_equal(talc_gateway_uri_write(uri, written, sizeof written), TALC_OK);
    if (wanted != NULL ? strcmp(written, wanted) != 0
                       : strlen(written) != size || memcmp(written, text, size) != 0) {
        fail_msg("%s: written as %s", vector_string(row, "name"), written);
    }
    assert_int_equal(talc_gateway_uri_read(&read, written, strlen(written)), TALC_OK);
    assert_int_equal(talc_gateway_uri_write(&read, again, sizeof again), TALC_OK);
    assert_string_equal(written, again);
    assert_int_equal(talc_gateway_uri_write(uri, again, strlen(written)), TALC_ERROR_TOO_LARGE);
}

static void check_row(const cJSON *row)
{
    static talc_gateway_uri uri;
    size_t size;
    char *text = vector_input(row, &size);
    talc_status status = talc_gateway_uri_read(&uri, text, size);
    if (status != wanted_status(row)) {
        fail_msg("%s: %s", vector_string(row, "name"), talc_status_text(status));
    }
    if (status == TALC_OK) {
        check_parts(row, &uri);
        check_written(row, &uri, text, size);
    }
    free(text);
}

static void each_uri_is_read_or_refused(void **state)
{
    (void)state;
    cJSON *rows = vectors_load("gateway-uri");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        check_row(row);
    }
    cJSON_Delete(rows);
}

/* The values of one option, one after the other. */
static void check_values(const cJSON *row, const char *key, uint16_t number)
{
    const cJSON *value = NULL;
    size_t at = 0;
    cJSON_ArrayForEach(value, cJSON_GetObjectItemCaseSensitive(row, key))
    {
        char hex[2 * TALC_GATEWAY_PART_SIZE_MAX + 1] = "";
        while (at < draft.coap.option_count && draft.options[at].number != number) {
            at++;
        }
        assert_true(at < draft.coap.option_count);
        for (size_t i = 0; i < draft.options[at].size; i++) {
            snprintf(&hex[2 * i], 3, "%02x", draft.options[at].value[i]);
        }
        if (strcmp(hex, cJSON_GetStringValue(value)) != 0) {
            fail_msg("%s: %s instead of %s", vector_string(row, "name"), hex,
                     cJSON_GetStringValue(value));
        }
        at++;
    }
}

static void check_options(const cJSON *row)
{
    static talc_gateway_uri uri, back;
    static char text[TEXT_SIZE];
    const char *wanted = vector_string(row, "back") != NULL      ? vector_string(row, "back")
                         : vector_string(row, "written") != NULL ? vector_string(row, "written")
                                                                 : vector_string(row, "text");
    int count = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(row, "segments")) +
                cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(row, "arguments"));
    size_t size;
    char *input = vector_input(row, &size);
    assert_int_equal(talc_gateway_uri_read(&uri, input, size), TALC_OK);
    free(input);
    talc_gateway_draft_begin(&draft);
    talc_gateway_draft_query(&draft, TALC_COAP_URI_QUERY, uri.query);
    talc_gateway_draft_path(&draft, TALC_COAP_URI_PATH, uri.path);
    assert_int_equal(draft.is_full, 0);
    assert_int_equal(draft.coap.option_count, count);
    check_values(row, "segments", TALC_COAP_URI_PATH);
    check_values(row, "arguments", TALC_COAP_URI_QUERY);
    back = uri;
    assert_int_equal(
        talc_gateway_uri_set_path(&back, &draft.coap, TALC_COAP_URI_PATH, TALC_COAP_URI_QUERY),
        TALC_OK);
    assert_int_equal(talc_gateway_uri_write(&back, text, sizeof text), TALC_OK);
    if (strcmp(text, wanted) != 0) {
        fail_msg("%s: comes back as %s", vector_string(row, "name"), text);
    }
}

static void paths_become_options_and_come_back(void **state)
{
    (void)state;
    size_t count = 0;
    cJSON *rows = vectors_load("gateway-uri");
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        if (cJSON_GetObjectItemCaseSensitive(row, "segments") != NULL) {
            check_options(row);
            count++;
        }
    }
    assert_true(count > 20);
    cJSON_Delete(rows);
}

/* Any byte may stand in a segment and in an argument, and is the same behind two translations. */
static void every_byte_survives(void **state)
{
    (void)state;
    static talc_gateway_uri uri;
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t value[3] = { 'a', (uint8_t)byte, 'b' };
        const talc_coap_message_option options[] = {
            { TALC_COAP_URI_PATH, sizeof value, value },
            { TALC_COAP_URI_QUERY, sizeof value, value },
        };
        const talc_coap_message message = { .options = options, .option_count = 2 };
        assert_int_equal(
            talc_gateway_uri_set_path(&uri, &message, TALC_COAP_URI_PATH, TALC_COAP_URI_QUERY),
            TALC_OK);
        talc_gateway_draft_begin(&draft);
        talc_gateway_draft_path(&draft, TALC_COAP_URI_PATH, uri.path);
        talc_gateway_draft_query(&draft, TALC_COAP_URI_QUERY, uri.query);
        assert_int_equal(draft.coap.option_count, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(draft.options[i].number, options[i].number);
            assert_int_equal(draft.options[i].size, sizeof value);
            assert_memory_equal(draft.options[i].value, value, sizeof value);
        }
    }
}

static void segments_of_dots_are_refused(void **state)
{
    (void)state;
    static const char *const segments[] = { ".",   "..",    "x/../y", "../x", "x\\..",  "./x",
                                            "..;", ".;v=1", "..?",    "..#",  "%2e%2e", "%2e.;" };
    static talc_gateway_uri uri;
    for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++) {
        const talc_coap_message_option option = { TALC_COAP_URI_PATH, (uint16_t)strlen(segments[i]),
                                                  (const uint8_t *)segments[i] };
        const talc_coap_message message = { .options = &option, .option_count = 1 };
        assert_int_equal(
            talc_gateway_uri_set_path(&uri, &message, TALC_COAP_URI_PATH, TALC_COAP_URI_QUERY),
            TALC_ERROR_ARGUMENT);
    }
}

static void paths_of_options_have_a_limit(void **state)
{
    (void)state;
    static talc_gateway_uri uri;
    static uint8_t value[255]; /* each byte takes three characters */
    talc_coap_message_option options[4];
    for (size_t i = 0; i < 4; i++) {
        options[i] = (talc_coap_message_option){ TALC_COAP_URI_PATH, sizeof value, value };
    }
    talc_coap_message message = { .options = options, .option_count = 2 };
    assert_int_equal(
        talc_gateway_uri_set_path(&uri, &message, TALC_COAP_URI_PATH, TALC_COAP_URI_QUERY),
        TALC_OK);
    assert_int_equal(strlen(uri.path), 2 * (1 + 3 * sizeof value));
    message.option_count = 3;
    assert_int_equal(
        talc_gateway_uri_set_path(&uri, &message, TALC_COAP_URI_PATH, TALC_COAP_URI_QUERY),
        TALC_ERROR_TOO_LARGE);
}

static void origins_are_written_alone(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "coap://device.example/a?b", "coap://device.example" },
        { "coap://[2001:db8::1]:5684/a", "coap://[2001:db8::1]:5684" },
        { "https://svc.example:443/", "https://svc.example" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static talc_gateway_uri uri;
        char text[TALC_GATEWAY_URI_ORIGIN_SIZE];
        assert_int_equal(talc_gateway_uri_read(&uri, cases[i][0], strlen(cases[i][0])), TALC_OK);
        assert_int_equal(talc_gateway_uri_write_origin(&uri, text, sizeof text), TALC_OK);
        assert_string_equal(text, cases[i][1]);
        assert_int_equal(talc_gateway_uri_write_origin(&uri, text, strlen(cases[i][1])),
                         TALC_ERROR_TOO_LARGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_uri_is_read_or_refused),
        cmocka_unit_test(paths_become_options_and_come_back),
        cmocka_unit_test(every_byte_survives),
        cmocka_unit_test(segments_of_dots_are_refused),
        cmocka_unit_test(paths_of_options_have_a_limit),
        cmocka_unit_test(origins_are_written_alone),
    };
    return cmocka_run_group_tests_name("gateway_uri", tests, NULL, NULL);
}
