/* SPDX-License-Identifier: MIT */
/* What no peer can do to a gateway: get a byte of its own into the head of an HTTP message, a
 * message past a bound, or an option past its class. */
#include "gateway/draft.h"
#include "talc/message.h"
#include "tests/gateway_messages.h"

#define HUGE_SIZE 20000

static talc_gateway_draft draft;
static talc_gateway_asked asked;
static const talc_gateway_self self = { .pseudonym = "gw-1", .body_size = 1024 };

static void check_text(const char *text)
{
    assert_non_null(text);
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            fail_msg("byte %02x in the head of a message", (unsigned)(uint8_t)*text);
        }
    }
}

/* Printable ASCII; no blank in a target; names that a header may have. */
static void check_head(const talc_http_message *http)
{
    for (size_t i = 0; i < http->field_count; i++) {
        check_text(http->fields[i].name);
        check_text(http->fields[i].value);
        assert_int_equal(strcspn(http->fields[i].name, " :\t"), strlen(http->fields[i].name));
    }
    if (http->target != NULL) {
        check_text(http->target);
        assert_null(strchr(http->target, ' '));
    }
}

/* Every known option, and every byte in it, alone and in company. */
static void no_option_of_a_request_breaks_the_head(void **state)
{
    (void)state;
    static talc_gateway_uri target;
    gateway_uri_read(&target, "http://svc.example/");
    for (uint16_t number = 0; number < 64; number++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint8_t value[4] = { (uint8_t)byte, '\r', '\n', (uint8_t)byte };
            for (uint16_t size = 0; size <= 4; size++) {
                const talc_coap_message_option option = { number, size, value };
                const talc_coap_message request = {
                    .code = TALC_PUT,
                    .options = &option,
                    .option_count = 1,
                    .body = value,
                    .body_size = sizeof value,
                };
                if (talc_gateway_request_to_http(&draft, &asked, &request, &target, &self) == 0) {
                    check_head(&draft.http);
                    assert_string_equal(draft.http.target, "http://svc.example/");
                }
            }
        }
    }
}

static void no_option_of_a_response_breaks_the_head(void **state)
{
    (void)state;
    memset(&asked, 0, sizeof asked);
    asked.code = TALC_POST;
    gateway_uri_read(&asked.target, "coap://192.0.2.1/");
    for (uint16_t number = 0; number < 64; number++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint8_t value[4] = { (uint8_t)byte, '\r', '\n', (uint8_t)byte };
            for (uint16_t size = 0; size <= 4; size++) {
                const talc_coap_message_option option = { number, size, value };
                const talc_coap_message response = { .code = TALC_CODE_CREATED,
                                                     .options = &option,
                                                     .option_count = 1 };
                talc_gateway_response_to_http(&draft, &asked, &response, &self);
                check_head(&draft.http);
                assert_in_range(draft.http.status, 200, 599);
            }
        }
    }
}

/* The last door: whatever a translation would write. */
static void no_field_takes_a_control_character(void **state)
{
    (void)state;
    for (unsigned byte = 1; byte < 256; byte++) {
        const char value[] = { 'a', (char)byte, 'b', '\0' };
        talc_gateway_draft_begin(&draft);
        talc_gateway_draft_field(&draft, "Via", value);
        bool is_fine = (byte >= ' ' && byte <= '~') || byte == '\t';
        assert_int_equal(draft.http.field_count, is_fine ? 1 : 0);
    }
}

/* The words of a refusal go to people and logs: one line, whatever was asked. */
static void reasons_are_one_line(void **state)
{
    (void)state;
    static talc_gateway_uri target;
    gateway_uri_read(&target, "coap://192.0.2.1/");
    for (unsigned byte = 1; byte < 256; byte++) {
        const char text[] = { (char)byte, '\r', '\n', 'x', '\0' };
        const talc_http_field fields[] = { { "Content-Type", text },
                                           { "Accept", text },
                                           { "If-Match", text },
                                           { "Content-Encoding", text } };
        for (size_t i = 0; i < 4; i++) {
            const talc_http_message request = { .method = i == 3 ? text : "POST",
                                                .target = text,
                                                .fields = &fields[i],
                                                .field_count = 1,
                                                .body = (const uint8_t *)text,
                                                .body_size = 1 };
            talc_gateway_request_to_coap(&draft, &asked, &request, &target, &self);
            check_text(draft.reason);
        }
    }
}

/* RFC 7252 section 5.4.6: the number alone says what a proxy does with an option that it does not
 * know. */
static void unknown_options_go_by_their_number(void **state)
{
    (void)state;
    static talc_gateway_uri http_target, coap_target;
    gateway_uri_read(&http_target, "http://svc.example/");
    gateway_uri_read(&coap_target, "coap://192.0.2.1/");
    for (unsigned number = 64; number <= UINT16_MAX; number++) {
        const talc_coap_message_option option = { (uint16_t)number, 1, (const uint8_t *)"x" };
        const talc_coap_message request = { .code = TALC_GET,
                                            .options = &option,
                                            .option_count = 1 };
        bool is_critical = (number & 1) != 0, is_unsafe = (number & 2) != 0;
        uint8_t onward = talc_gateway_request_onward(&draft, &asked, &request, &coap_target, &self);
        assert_int_equal(onward, is_unsafe ? TALC_CODE_BAD_OPTION : 0);
        if (onward == 0) {
            const talc_coap_message_option *passed =
                talc_coap_message_find(&draft.coap, (uint16_t)number);
            assert_true(passed != NULL && passed->size == 1 && passed->value[0] == 'x');
        }
        uint8_t crossed =
            talc_gateway_request_to_http(&draft, &asked, &request, &http_target, &self);
        assert_int_equal(crossed, is_unsafe || is_critical ? TALC_CODE_BAD_OPTION : 0);
        if (crossed == 0) {
            assert_int_equal(draft.http.field_count, 1); /* Via */
        }
    }
}

static void fill(talc_coap_message_option *options, uint16_t number, const uint8_t *value,
                 uint16_t size)
{
    for (size_t i = 0; i < TALC_COAP_MESSAGE_OPTIONS_MAX; i++) {
        options[i] = (talc_coap_message_option){ number, size, value };
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static talc_gateway_uri target;
    static talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    static uint8_t value[1034];
    const talc_coap_message request = { .code = TALC_GET,
                                        .options = options,
                                        .option_count = TALC_COAP_MESSAGE_OPTIONS_MAX };
    const talc_coap_message response = { .code = TALC_CODE_CONTENT,
                                         .options = options,
                                         .option_count = TALC_COAP_MESSAGE_OPTIONS_MAX };
    gateway_uri_read(&target, "coap://192.0.2.1/");
    fill(options, 2048, value, sizeof value); /* more than the store holds */
    assert_int_equal(talc_gateway_request_onward(&draft, &asked, &request, &target, &self),
                     TALC_CODE_BAD_REQUEST);
    talc_gateway_response_back(&draft, &asked, &response, &self);
    assert_int_equal(draft.coap.code, TALC_CODE(5, 2));
    fill(options, 2048, value, 1); /* with Hop-Limit one option too many */
    assert_int_equal(talc_gateway_request_onward(&draft, &asked, &request, &target, &self),
                     TALC_CODE_BAD_REQUEST);
    talc_gateway_response_back(&draft, &asked, &response, &self);
    assert_int_equal(draft.coap.code, TALC_CODE_CONTENT);
    assert_int_equal(draft.coap.option_count, TALC_COAP_MESSAGE_OPTIONS_MAX);
}

/* All that a message may have of what becomes longer on the way. */
static void the_longest_conditions_and_locations_fit_or_are_left_out(void **state)
{
    (void)state;
    static talc_gateway_uri target;
    static talc_coap_message_option options[TALC_COAP_MESSAGE_OPTIONS_MAX];
    static uint8_t value[255]; /* "%00" each */
    const talc_coap_message request = { .code = TALC_PUT,
                                        .options = options,
                                        .option_count = TALC_COAP_MESSAGE_OPTIONS_MAX };
    const talc_coap_message response = { .code = TALC_CODE_CREATED,
                                         .options = options,
                                         .option_count = TALC_COAP_MESSAGE_OPTIONS_MAX };
    gateway_uri_read(&target, "http://svc.example/");
    fill(options, TALC_COAP_IF_MATCH, value, 8);
    assert_int_equal(talc_gateway_request_to_http(&draft, &asked, &request, &target, &self), 0);
    const char *match = talc_http_field_find(&draft.http, "If-Match");
    assert_non_null(match);
    assert_int_equal(strlen(match), TALC_COAP_MESSAGE_OPTIONS_MAX * 20 - 2);
    memset(&asked, 0, sizeof asked);
    gateway_uri_read(&asked.target, "coap://192.0.2.1/");
    fill(options, TALC_COAP_LOCATION_PATH, value, sizeof value);
    talc_gateway_response_to_http(&draft, &asked, &response, &self);
    assert_int_equal(draft.http.status, 201);
    assert_null(talc_http_field_find(&draft.http, "Location"));
}

static char *huge(char character)
{
    char *text = vector_allocate(HUGE_SIZE);
    memset(text, character, HUGE_SIZE - 1);
    text[HUGE_SIZE - 1] = '\0';
    return text;
}

/* Fields are as long as the client of HTTP lets them be. */
static void huge_fields_of_a_response_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Content-Type", "Content-Encoding", "ETag", "Location",    "Cache-Control",
        "Age",          "Expires",          "Date", "Retry-After", "Vary"
    };
    static const char characters[] = "a9\",;=%/ *\\(";
    memset(&asked, 0, sizeof asked);
    asked.code = TALC_POST;
    gateway_uri_read(&asked.target, "http://svc.example/");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t k = 0; characters[k] != '\0'; k++) {
            char *value = huge(characters[k]);
            const talc_http_field field = { names[i], value };
            for (unsigned status = 201; status <= 503; status += 302) {
                const talc_http_message response = { .status = status,
                                                     .fields = &field,
                                                     .field_count = 1,
                                                     .body = (const uint8_t *)"x",
                                                     .body_size = 1 };
                talc_gateway_response_to_coap(&draft, &asked, &response, &self);
                assert_true(draft.coap.code >> 5 == 2 || draft.coap.code >> 5 == 5);
                assert_int_equal(draft.is_full, 0);
            }
            free(value);
        }
    }
}

static void huge_fields_of_a_request_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = { "Content-Type", "Content-Encoding", "Accept",
                                         "If-Match",     "If-None-Match",    "Via" };
    static const char characters[] = "a9\",;=%/ *\\(";
    static talc_gateway_uri target;
    gateway_uri_read(&target, "coap://192.0.2.1/");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t k = 0; characters[k] != '\0'; k++) {
            char *value = huge(characters[k]);
            const talc_http_field field = { names[i], value };
            const talc_http_message request = { .method = "PUT",
                                                .target = "/",
                                                .fields = &field,
                                                .field_count = 1,
                                                .body = (const uint8_t *)"x",
                                                .body_size = 1 };
            uint8_t refusal =
                talc_gateway_request_to_coap(&draft, &asked, &request, &target, &self);
            assert_true(refusal == 0 || refusal >> 5 == 4 || refusal >> 5 == 5);
            assert_true(draft.coap.option_count <= TALC_COAP_MESSAGE_OPTIONS_MAX);
            free(value);
        }
    }
}

/* More tags than options fit a message. */
static void too_many_tags_in_a_condition_are_refused(void **state)
{
    (void)state;
    static talc_gateway_uri target;
    static char tags[100 * 6 + 1];
    gateway_uri_read(&target, "coap://192.0.2.1/");
    for (size_t i = 0; i < 100; i++) {
        memcpy(&tags[6 * i], "\"01\", ", 6);
    }
    const talc_http_field field = { "If-Match", tags };
    const talc_http_message request = {
        .method = "PUT", .target = "/", .fields = &field, .field_count = 1
    };
    assert_int_equal(talc_gateway_request_to_coap(&draft, &asked, &request, &target, &self),
                     TALC_CODE_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_option_of_a_request_breaks_the_head),
        cmocka_unit_test(no_option_of_a_response_breaks_the_head),
        cmocka_unit_test(no_field_takes_a_control_character),
        cmocka_unit_test(reasons_are_one_line),
        cmocka_unit_test(unknown_options_go_by_their_number),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(the_longest_conditions_and_locations_fit_or_are_left_out),
        cmocka_unit_test(huge_fields_of_a_response_do_no_harm),
        cmocka_unit_test(huge_fields_of_a_request_do_no_harm),
        cmocka_unit_test(too_many_tags_in_a_condition_are_refused),
    };
    return cmocka_run_group_tests_name("gateway_translation_hostile", tests, NULL, NULL);
}
