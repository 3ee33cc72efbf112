/* SPDX-License-Identifier: MIT */
/* Codes, formats and entity-tags: what is translated comes back as it was, and nothing is left
 * without a translation. */
#include "gateway/codes.h"
#include "gateway/entity_tags.h"
#include "gateway/media_types.h"
#include "tests/gateway_messages.h"

static talc_gateway_draft drafts[2];
static talc_gateway_asked asked;
static const talc_gateway_self self = { .pseudonym = "gw-1", .body_size = 1024 };

static void every_code_has_a_status(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        unsigned status = talc_gateway_status_of((uint8_t)code);
        unsigned wanted = code >> 5 == 2 ? 2 : code >> 5 == 4 ? 4 : 5;
        if (status / 100 != wanted && code != TALC_CODE(2, 3) && code != TALC_CODE(2, 31)) {
            fail_msg("%u.%02u has the status %u", code >> 5, code & 31, status);
        }
    }
}

static void every_status_has_a_code(void **state)
{
    (void)state;
    for (unsigned status = 0; status < 1000; status++) {
        unsigned class = talc_gateway_code_of(status) >> 5;
        unsigned wanted = status == 304                                         ? 2
                          : status / 100 == 2 && status != 206 && status != 226 ? 2
                          : status / 100 == 4                                   ? 4
                                                                                : 5;
        if (class != wanted) {
            fail_msg("%u has a code of class %u", status, class);
        }
    }
}

/* What a server says in CoAP is what a client reads behind two gateways, but for codes that HTTP
 * does not tell apart. */
static void codes_come_back(void **state)
{
    (void)state;
    static const struct {
        uint8_t code, back;
    } cases[] = {
        { TALC_CODE(4, 0), TALC_CODE(4, 0) },   { TALC_CODE(4, 1), TALC_CODE(4, 3) },
        { TALC_CODE(4, 2), TALC_CODE(4, 0) },   { TALC_CODE(4, 3), TALC_CODE(4, 3) },
        { TALC_CODE(4, 4), TALC_CODE(4, 4) },   { TALC_CODE(4, 5), TALC_CODE(4, 0) },
        { TALC_CODE(4, 6), TALC_CODE(4, 6) },   { TALC_CODE(4, 8), TALC_CODE(4, 8) },
        { TALC_CODE(4, 9), TALC_CODE(4, 9) },   { TALC_CODE(4, 12), TALC_CODE(4, 12) },
        { TALC_CODE(4, 13), TALC_CODE(4, 13) }, { TALC_CODE(4, 15), TALC_CODE(4, 15) },
        { TALC_CODE(4, 22), TALC_CODE(4, 22) }, { TALC_CODE(4, 29), TALC_CODE(4, 29) },
        { TALC_CODE(5, 0), TALC_CODE(5, 0) },   { TALC_CODE(5, 1), TALC_CODE(5, 1) },
        { TALC_CODE(5, 2), TALC_CODE(5, 2) },   { TALC_CODE(5, 3), TALC_CODE(5, 3) },
        { TALC_CODE(5, 4), TALC_CODE(5, 4) },   { TALC_CODE(5, 5), TALC_CODE(5, 2) },
        { TALC_CODE(5, 8), TALC_CODE(5, 8) },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(talc_gateway_code_of(talc_gateway_status_of(cases[i].code)),
                         cases[i].back);
    }
}

static void methods_come_back(void **state)
{
    (void)state;
    size_t count = 0;
    for (unsigned code = 0; code < 256; code++) {
        const char *text = talc_gateway_method_text((uint8_t)code);
        if (text != NULL) {
            assert_int_equal(talc_gateway_method_of(text), code);
            count++;
        }
    }
    assert_int_equal(count, 5);
}

/* The media type of a format, read again, is the format. */
static void every_format_comes_back(void **state)
{
    (void)state;
    size_t known = 0;
    for (unsigned format = 0; format <= UINT16_MAX; format++) {
        char text[TALC_GATEWAY_MEDIA_TYPE_SIZE];
        talc_gateway_media_type type;
        talc_text_reader reader;
        const char *coding = talc_gateway_format_text((uint16_t)format, text);
        talc_text_reader_string(&reader, text);
        assert_true(talc_gateway_media_type_read(&type, &reader));
        assert_int_equal(talc_gateway_format_of(&type, coding != NULL ? coding : ""), format);
        known += talc_gateway_media_type_is_payload(&type) ? 0 : 1;
    }
    assert_in_range(known, 50, 60);
}

static void texts_that_are_no_media_type_are_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",       "a",      "a/",   "/b",        "a/b/c",       "a/b c",   "a/b;c",   "a/b;c=\"d",
        "a/b;c=", "a/b;=d", "a\\b", "a/b;c=d e", "a/b;c=\"d\\", "\"a/b\"", "a/b;c=d/"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        talc_gateway_media_type type;
        talc_text_reader reader;
        talc_text_reader_string(&reader, wrong[i]);
        if (talc_gateway_media_type_read(&type, &reader)) {
            fail_msg("\"%s\" is taken", wrong[i]);
        }
    }
}

static void parameters_have_a_limit(void **state)
{
    (void)state;
    static const char *const beginnings[] = { "a/b;c=", "a/b;c=\"", "a/" };
    for (size_t i = 0; i < 3; i++) {
        char text[1024];
        talc_gateway_media_type type;
        talc_text_reader reader;
        memset(text, 'x', sizeof text - 2);
        memcpy(text, beginnings[i], strlen(beginnings[i]));
        text[sizeof text - 2] = i == 1 ? '"' : 'x';
        text[sizeof text - 1] = '\0';
        talc_text_reader_string(&reader, text);
        assert_false(talc_gateway_media_type_read(&type, &reader));
    }
}

/* Through a gateway to HTTP and through another one back to CoAP. */
static void tags_of_coap_survive_two_gateways(void **state)
{
    (void)state;
    uint8_t bytes[8];
    for (unsigned seed = 0; seed < 2048; seed++) {
        size_t size = seed % 8 + 1;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(seed / 8 + i * 37);
        }
        const talc_coap_message_option tag = { TALC_COAP_ETAG, (uint16_t)size, bytes };
        const talc_coap_message origin = { .code = TALC_CODE_CONTENT,
                                           .options = &tag,
                                           .option_count = 1 };
        memset(&asked, 0, sizeof asked);
        asked.code = TALC_GET;
        talc_gateway_response_to_http(&drafts[0], &asked, &origin, &self);
        talc_gateway_response_to_coap(&drafts[1], &asked, &drafts[0].http, &self);
        assert_int_equal(drafts[1].coap.code, TALC_CODE_CONTENT);
        const talc_coap_message_option *back =
            talc_coap_message_find(&drafts[1].coap, TALC_COAP_ETAG);
        assert_non_null(back);
        assert_int_equal(back->size, size);
        assert_memory_equal(back->value, bytes, size);
    }
}

/* A validator that the client sends is read by the second gateway as what the first one read. */
static void conditions_survive_two_gateways(void **state)
{
    (void)state;
    static talc_gateway_uri http_target, coap_target;
    static const uint8_t tag[8] = { 0, 1, 0x7f, 0x80, 0xff, '"', '\\', '\n' };
    gateway_uri_read(&http_target, "http://svc.example/");
    gateway_uri_read(&coap_target, "coap://192.0.2.1/");
    for (size_t i = 0; i < 9 * 3; i++) {
        static const uint16_t numbers[] = { TALC_COAP_IF_MATCH, TALC_COAP_ETAG,
                                            TALC_COAP_IF_NONE_MATCH };
        const talc_coap_message_option option = { numbers[i / 9], (uint16_t)(i % 9), tag };
        const talc_coap_message request = {
            .code = option.number == TALC_COAP_ETAG ? TALC_GET : TALC_PUT,
            .options = &option,
            .option_count = 1,
        };
        if ((option.number == TALC_COAP_ETAG && option.size == 0) ||
            (option.number == TALC_COAP_IF_NONE_MATCH && option.size > 0)) {
            continue; /* no such options */
        }
        assert_int_equal(
            talc_gateway_request_to_http(&drafts[0], &asked, &request, &http_target, &self), 0);
        drafts[0].fields[0].value = "1.1 other"; /* Via: the second gateway is another one */
        assert_int_equal(
            talc_gateway_request_to_coap(&drafts[1], &asked, &drafts[0].http, &coap_target, &self),
            0);
        const talc_coap_message_option *back =
            talc_coap_message_find(&drafts[1].coap, option.number);
        assert_non_null(back);
        assert_int_equal(back->size, option.size);
        assert_true(option.size == 0 || memcmp(back->value, tag, option.size) == 0);
    }
}

static void own_errors_are_short_and_not_kept(void **state)
{
    (void)state;
    talc_gateway_error_coap(&drafts[0], TALC_CODE(5, 4), "the origin is late", 0);
    assert_int_equal(drafts[0].coap.code, TALC_CODE(5, 4));
    assert_memory_equal(drafts[0].coap.body, "the origin is late", drafts[0].coap.body_size);
    assert_int_equal(talc_coap_message_uint(&drafts[0].coap, TALC_COAP_MAX_AGE, 60), 0);
    assert_null(talc_coap_message_find(&drafts[0].coap, TALC_COAP_CONTENT_FORMAT));

    talc_gateway_error_coap(&drafts[0], TALC_CODE(5, 3), "busy", 7);
    assert_int_equal(talc_coap_message_uint(&drafts[0].coap, TALC_COAP_MAX_AGE, 60), 7);

    talc_gateway_error_http(&drafts[0], TALC_CODE(5, 3), "busy", 7);
    assert_int_equal(drafts[0].http.status, 503);
    assert_string_equal(talc_http_field_find(&drafts[0].http, "Retry-After"), "7");
    assert_string_equal(talc_http_field_find(&drafts[0].http, "Cache-Control"), "no-store");
    assert_string_equal(talc_http_field_find(&drafts[0].http, "Content-Type"),
                        "text/plain;charset=utf-8");
    assert_memory_equal(drafts[0].http.body, "busy", drafts[0].http.body_size);

    talc_gateway_error_http(&drafts[0], TALC_CODE(5, 5), "no", 0);
    assert_int_equal(drafts[0].http.status, 501);
    assert_null(talc_http_field_find(&drafts[0].http, "Retry-After"));
}

/* The reason of a refusal is what the error says, although both lie in one draft. */
static void a_refusal_becomes_an_error_in_the_same_draft(void **state)
{
    (void)state;
    static talc_gateway_uri target;
    const talc_coap_message request = { .code = 5 };
    gateway_uri_read(&target, "http://svc.example/");
    uint8_t refusal = talc_gateway_request_to_http(&drafts[0], &asked, &request, &target, &self);
    talc_gateway_error_coap(&drafts[0], refusal, drafts[0].reason, 0);
    assert_int_equal(drafts[0].coap.code, TALC_CODE(5, 1));
    assert_int_equal(drafts[0].coap.body_size, strlen("FETCH has no counterpart in HTTP"));
    assert_memory_equal(drafts[0].coap.body, "FETCH has no counterpart in HTTP",
                        drafts[0].coap.body_size);
}

static void a_type_without_a_format_is_named(void **state)
{
    static const struct {
        const char *type, *coding, *reason;
    } rows[] = {
        { "application/x-www-form-urlencoded", "identity",
          "no CoAP content format for Content-Type application/x-www-form-urlencoded" },
        { "Text/Plain; charset=\"latin<1>\"", "identity",
          "no CoAP content format for Content-Type text/plain with its parameters" },
        { "application/json", "gzip",
          "no CoAP content format for Content-Type application/json, Content-Encoding gzip" },
        { "application/coap-payload;cf=50", "identity",
          "no CoAP content format for Content-Type application/coap-payload" },
        { "nonsense", "identity",
          "Content-Encoding without Content-Type, or a Content-Type that is not one media type" },
    };
    const talc_gateway_uri target = { .scheme = TALC_GATEWAY_COAP,
                                      .host = "d.example",
                                      .path = "/" };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const talc_http_field fields[] = { { "Content-Type", rows[i].type },
                                           { "Content-Encoding", rows[i].coding } };
        const talc_http_message request = { .method = "POST",
                                            .target = "/hc/coap://d.example/",
                                            .fields = fields,
                                            .field_count = 2,
                                            .body = (const uint8_t *)"a=b",
                                            .body_size = 3 };
        assert_int_equal(talc_gateway_request_to_coap(&drafts[0], &asked, &request, &target, &self),
                         TALC_CODE(4, 15));
        assert_string_equal(drafts[0].reason, rows[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_status),
        cmocka_unit_test(every_status_has_a_code),
        cmocka_unit_test(codes_come_back),
        cmocka_unit_test(methods_come_back),
        cmocka_unit_test(every_format_comes_back),
        cmocka_unit_test(a_type_without_a_format_is_named),
        cmocka_unit_test(texts_that_are_no_media_type_are_none),
        cmocka_unit_test(parameters_have_a_limit),
        cmocka_unit_test(tags_of_coap_survive_two_gateways),
        cmocka_unit_test(conditions_survive_two_gateways),
        cmocka_unit_test(own_errors_are_short_and_not_kept),
        cmocka_unit_test(a_refusal_becomes_an_error_in_the_same_draft),
    };
    return cmocka_run_group_tests_name("gateway_translation_formats", tests, NULL, NULL);
}
