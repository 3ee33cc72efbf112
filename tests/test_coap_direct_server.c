/* SPDX-License-Identifier: MIT */
/* The server of mode `none` against clients that are played by hand: what of a request reaches the
 * application and how answers travel. Blocks are in test_coap_direct_server_blocks.c, repeats in
 * test_coap_duplicates.c. */
#define _DEFAULT_SOURCE /* struct ip_mreq */
#include "tests/direct_pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define GET WIRE_CODE(0, 1)
#define POST WIRE_CODE(0, 2)

/* ---------------------------------------------------------------- requests */

static void every_method_on_every_path_reaches_the_application(void **state)
{
    static const char *const paths[] = { NULL, ".well-known", "a", "%41" };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    size_t requests = 0;
    for (unsigned code = 1; code <= 7; code++) {
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
            direct_call_request(&caller, &request, WIRE_CON, code);
            if (paths[i] != NULL) {
                wire_text(&request, WIRE_URI_PATH, paths[i]);
            }
            direct_call(&caller, &request);
            assert_int_equal(wire_code(&caller.answer), TALC_CODE_CONTENT);
            assert_int_equal(pair->requests, ++requests);
            assert_int_equal(pair->request.code, code);
        }
    }
    assert_string_equal(pair->request.path, "%2541");
    direct_call_end(&caller);
}

static void discovery_is_an_ordinary_request(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    for (unsigned code = 1; code <= 4; code++) {
        direct_call_request(&caller, &request, WIRE_CON, code);
        wire_text(&request, WIRE_URI_PATH, ".well-known");
        wire_text(&request, WIRE_URI_PATH, "core");
        wire_text(&request, WIRE_URI_QUERY, "rt=a*");
        pair->answer_size = 20;
        direct_call(&caller, &request);
        assert_int_equal(pair->requests, code);
        assert_string_equal(pair->request.path, ".well-known/core");
        assert_string_equal(pair->request.query, "rt=a*");
        assert_int_equal(wire_code(&caller.answer), TALC_CODE_CONTENT);
    }
    direct_call_end(&caller);
}

typedef struct option_row {
    unsigned number;
    const char *value;
} option_row;

#define OPTIONS_MAX 4

static void options_reach_the_application_as_the_reader_of_frames_has_them(void **state)
{
    static const struct {
        option_row options[OPTIONS_MAX];
        const char *path, *query;
        int content_format, accept;
        uint32_t refused;
    } rows[] = {
        { { { 11, "a" }, { 11, "b c" } }, "a/b%20c", "", -1, -1, 0 },
        { { { 11, "a" }, { 15, "x=1" }, { 15, "y" } }, "a", "x=1&y", -1, -1, 0 },
        { { { 12, "2" } }, "", "", 50, -1, 0 },
        { { { 17, "<" } }, "", "", -1, 60, 0 },
        { { { 3, "host" }, { 7, "\x16" }, { 11, "a" } }, "a", "", -1, -1, 0 },
        { { { 6, "" }, { 11, "a" } }, "a", "", -1, -1, 0 },      /* Observe */
        { { { 4, "e" }, { 11, "a" } }, "a", "", -1, -1, 0 },     /* ETag */
        { { { 11, "a" }, { 252, "echo" } }, "a", "", -1, -1, 0 },
        { { { 1, "e" }, { 11, "a" } }, "a", "", -1, -1, 1 },     /* If-Match */
        { { { 5, "" }, { 11, "a" } }, "a", "", -1, -1, 5 },      /* If-None-Match */
        { { { 17, "<" }, { 17, "<" } }, "", "", -1, 60, 17 },    /* once too often */
        { { { 11, "" }, { 11, "a" } }, "a", "", -1, -1, 11 },    /* an empty first segment */
        { { { 3, "h" }, { 3, "h" } }, "", "", -1, -1, 3 },
        { { { 12, "2" }, { 12, "<" } }, "", "", 50, -1, 0 },     /* elective: passed over */
    };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request;
        direct_call_request(&caller, &request, WIRE_CON, GET);
        for (size_t j = 0; j < OPTIONS_MAX && rows[i].options[j].value != NULL; j++) {
            wire_text(&request, rows[i].options[j].number, rows[i].options[j].value);
        }
        direct_call(&caller, &request);
        assert_int_equal(pair->requests, i + 1);
        assert_int_equal(pair->request.refused_option, rows[i].refused);
        assert_string_equal(pair->request.path, rows[i].path);
        assert_string_equal(pair->request.query, rows[i].query);
        assert_int_equal(pair->request.content_format, rows[i].content_format);
        assert_int_equal(pair->request.accept, rows[i].accept);
    }
    direct_call_end(&caller);
}

static void long_text(char *text, size_t size)
{
    memset(text, 'x', size);
    text[size] = '\0';
}

static void what_no_application_could_answer_is_refused(void **state)
{
    static char long_path[201];
    static const struct {
        option_row options[OPTIONS_MAX];
        unsigned code;
    } rows[] = {
        { { { 11, "a" }, { 11, ".." } }, WIRE_CODE(4, 0) },
        { { { 11, "." } }, WIRE_CODE(4, 0) },
        { { { 11, long_path }, { 11, long_path } }, WIRE_CODE(4, 0) },
        { { { 15, long_path }, { 15, long_path } }, WIRE_CODE(4, 0) },
        { { { 9, "x" } }, WIRE_CODE(4, 2) },     /* OSCORE */
        { { { 65001, "x" } }, WIRE_CODE(4, 2) },
        { { { 11, "a" }, { 27, "\x0f" } }, WIRE_CODE(4, 0) }, /* szx 7 */
        { { { 35, "coap://127.0.0.1/x" } }, WIRE_CODE(5, 5) },
        { { { 3, "example" }, { 39, "coap" } }, WIRE_CODE(5, 5) },
    };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    long_text(long_path, sizeof long_path - 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request;
        direct_call_request(&caller, &request, WIRE_CON, GET);
        for (size_t j = 0; j < OPTIONS_MAX && rows[i].options[j].value != NULL; j++) {
            wire_text(&request, rows[i].options[j].number, rows[i].options[j].value);
        }
        direct_call(&caller, &request);
        assert_int_equal(wire_code(&caller.answer), rows[i].code);
        assert_int_equal(wire_id(&caller.answer), wire_id(&request));
        assert_int_equal(pair->requests, 0);
    }
    direct_call_end(&caller);
}

static void what_cannot_be_a_message_is_reset(void **state)
{
    static const option_row rows[] = { { 17, "abc" }, { 23, "1234" }, { 3, "" } }; /* sizes */
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request;
        direct_call_request(&caller, &request, WIRE_CON, GET);
        wire_text(&request, rows[i].number, rows[i].value);
        direct_call(&caller, &request);
        assert_int_equal(wire_type(&caller.answer), WIRE_RST);
        assert_int_equal(wire_id(&caller.answer), wire_id(&request));
    }
    assert_int_equal(pair->requests, 0);
    direct_call_end(&caller);
}

static void a_request_that_is_not_confirmable_is_answered_likewise(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    direct_call_request(&caller, &request, WIRE_NON, POST);
    wire_text(&request, WIRE_URI_PATH, "a");
    wire_payload(&request, "21.5", 4);
    pair->answer_size = 100;
    direct_call(&caller, &request);
    assert_int_equal(wire_type(&caller.answer), WIRE_NON);
    assert_int_equal(wire_code(&caller.answer), TALC_CODE_CONTENT);
    size_t size;
    const uint8_t *payload = wire_payload_find(&caller.answer, &size);
    direct_pair_body_is(payload, size, 100);
    assert_int_equal(pair->request.payload_size, 4);
    assert_memory_equal(pair->body, "21.5", 4);
    direct_call_end(&caller);
}

/* RFC 7252 section 4.2. */
static void requests_that_are_no_requests_are_ignored(void **state)
{
    static const unsigned types[] = { WIRE_ACK, WIRE_RST };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    for (size_t i = 0; i < 2; i++) {
        wire_message request;
        direct_call_request(&caller, &request, types[i], POST);
        wire_text(&request, WIRE_URI_PATH, "a");
        direct_call_send(&caller, &request);
        direct_call_expect_silence(&caller);
        assert_int_equal(pair->requests, i + 1); /* those that asked for silence */
    }
    direct_call_end(&caller);
}

#define GROUP "224.0.1.187" /* All CoAP Nodes, RFC 7252 section 12.8 */

/* To whom a group is not known to be wanted, it is not there. */
static void requests_to_groups_are_ignored(void **state)
{
    direct_pair *pair = *state;
    direct_pair_server_open(pair, "coap://0.0.0.0:0");
    direct_caller caller = direct_call_begin(pair);
    struct ip_mreq membership = { .imr_interface.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in group = { .sin_family = AF_INET, .sin_port = htons(direct_pair_port(pair)) };
    wire_message request;
    assert_int_equal(inet_pton(AF_INET, GROUP, &group.sin_addr), 1);
    membership.imr_multiaddr = group.sin_addr;
    if (setsockopt(caller.socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership,
                   sizeof membership) != 0 ||
        setsockopt(caller.socket, IPPROTO_IP, IP_MULTICAST_IF, &membership.imr_interface,
                   sizeof membership.imr_interface) != 0) {
        print_message("no groups on the loopback of this machine: nothing was tested\n");
        skip();
    }
    direct_call_request(&caller, &request, WIRE_NON, POST);
    wire_text(&request, WIRE_URI_PATH, "a");
    assert_int_equal(sendto(caller.socket, request.bytes, request.size, 0,
                            (struct sockaddr *)&group, sizeof group),
                     request.size);
    direct_call_expect_silence(&caller);
    assert_int_equal(pair->requests, 1);
    direct_call_end(&caller);
}

/* RFC 7252 section 5.4.1: rejected, and a rejected one may be passed over. */
static void a_refused_option_of_one_is_passed_over_in_silence(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    direct_call_request(&caller, &request, WIRE_NON, GET);
    wire_text(&request, 1 /* If-Match */, "e");
    direct_call_send(&caller, &request);
    direct_call_expect_silence(&caller);
    assert_int_equal(pair->requests, 1); /* the one that asked for silence */
    direct_call_end(&caller);
}

/* ---------------------------------------------------------------- answers */

static void an_answer_at_once_rides_on_the_acknowledgement(void **state)
{
    static const struct {
        uint8_t code;
        int format;
        size_t size;
    } rows[] = { { WIRE_CODE(2, 5), 0, 5 },     { WIRE_CODE(2, 1), TALC_OPTION_ABSENT, 0 },
                 { WIRE_CODE(4, 4), 50, 1023 }, { WIRE_CODE(5, 3), 65535, 1 },
                 { WIRE_CODE(2, 5), 60, 0 } };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request;
        size_t size, wanted;
        pair->answer_code = rows[i].code;
        pair->answer_format = rows[i].format;
        pair->answer_size = rows[i].size;
        direct_call_request(&caller, &request, WIRE_CON, GET);
        direct_call(&caller, &request);
        assert_int_equal(pair->replied, TALC_OK);
        assert_int_equal(wire_type(&caller.answer), WIRE_ACK);
        assert_int_equal(wire_id(&caller.answer), wire_id(&request));
        assert_int_equal(wire_code(&caller.answer), rows[i].code);
        const uint8_t *token = wire_token(&request, &wanted);
        assert_memory_equal(wire_token(&caller.answer, &size), token, wanted);
        assert_int_equal(size, wanted);
        assert_int_equal((int)wire_number(&caller.answer, WIRE_CONTENT_FORMAT), rows[i].format);
        assert_null(wire_find(&caller.answer, WIRE_BLOCK2, 0, &size));
        const uint8_t *payload = wire_payload_find(&caller.answer, &size);
        direct_pair_body_is(payload, size, rows[i].size);
    }
    direct_call_end(&caller);
}

static void acknowledge(const direct_caller *caller, const wire_message *message)
{
    wire_message ack;
    wire_begin(&ack, WIRE_ACK, 0, wire_id(message), NULL, 0);
    direct_call_send(caller, &ack);
}

static void an_answer_that_comes_later_is_a_message_of_its_own(void **state)
{
    static const unsigned types[] = { WIRE_CON, WIRE_NON };
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    pair->hold = 1;
    for (size_t i = 0; i < 2; i++) {
        wire_message request;
        size_t size, wanted;
        direct_call_request(&caller, &request, types[i], GET);
        direct_call_send(&caller, &request);
        if (types[i] == WIRE_CON) {
            direct_call_await(&caller);
            assert_int_equal(wire_type(&caller.answer), WIRE_ACK);
            assert_int_equal(wire_code(&caller.answer), 0);
            assert_int_equal(wire_id(&caller.answer), wire_id(&request));
            assert_int_equal(caller.answer.size, 4);
        }
        direct_pair_await_requests(pair, i + 1);
        direct_pair_release(pair, i, 300);
        assert_int_equal(pair->replied, TALC_OK);
        direct_call_await(&caller);
        assert_int_equal(wire_type(&caller.answer), types[i]);
        assert_int_equal(wire_code(&caller.answer), TALC_CODE_CONTENT);
        const uint8_t *token = wire_token(&request, &wanted);
        assert_memory_equal(wire_token(&caller.answer, &size), token, wanted);
        const uint8_t *payload = wire_payload_find(&caller.answer, &size);
        direct_pair_body_is(payload, size, 300);
        acknowledge(&caller, &caller.answer);
    }
    direct_call_end(&caller);
}

static void a_request_may_stay_without_an_answer(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    pair->hold = 1;
    direct_call_request(&caller, &request, WIRE_CON, GET);
    direct_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), 0);
    assert_int_equal(talc_coap_direct_server.reply(pair->server, pair->held[0], NULL), TALC_OK);
    direct_call_expect_silence(&caller);
    direct_call_end(&caller);
}

#define OWN_SEPARATE_MAX 64 /* of one client, while one is given up */

static void await_type(direct_caller *caller, unsigned type)
{
    do {
        direct_call_await(caller);
    } while (wire_type(&caller->answer) != type);
}

/* Each would be kept until it is acknowledged, behind the first one. */
static void who_acknowledges_nothing_gets_answers_that_need_none(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    pair->hold = 1;
    for (size_t i = 0; i <= OWN_SEPARATE_MAX; i++) {
        direct_call_request(&caller, &request, WIRE_CON, GET);
        direct_call_send(&caller, &request);
        await_type(&caller, WIRE_ACK);
        pair->held_count = 0;
        direct_pair_release(pair, 0, 10);
    }
    assert_int_equal(pair->requests, OWN_SEPARATE_MAX + 1);
    await_type(&caller, WIRE_NON);
    size_t size;
    wire_token(&request, &size);
    assert_memory_equal(wire_token(&caller.answer, &size), wire_token(&request, &size), size);
    direct_caller other = direct_call_begin(pair); /* somebody else's need one */
    direct_call_request(&other, &request, WIRE_CON, GET);
    direct_call(&other, &request);
    pair->held_count = 0;
    direct_pair_release(pair, 0, 10);
    direct_call_await(&other);
    assert_int_equal(wire_type(&other.answer), WIRE_CON);
    direct_call_end(&caller);
    direct_call_end(&other);
}

#define HOST_SEPARATE_MAX 512 /* of all clients at one address */

/* One more request, which is answered late. Returns the type of its answer. */
static unsigned separate_type(direct_caller *caller)
{
    direct_pair *pair = caller->pair;
    wire_message request;
    direct_call_request(caller, &request, WIRE_CON, GET);
    direct_call(caller, &request);
    pair->held_count = 0;
    direct_pair_release(pair, 0, 10);
    direct_call_await(caller);
    return wire_type(&caller->answer);
}

/* Who acknowledges nothing does not go on from another port for ever. All stay open, so that no
 * port comes twice. */
static void separate_responses_are_counted_for_an_address_too(void **state)
{
    static direct_caller callers[HOST_SEPARATE_MAX];
    direct_pair *pair = *state;
    pair->hold = 1;
    for (size_t i = 0; i < HOST_SEPARATE_MAX; i++) {
        callers[i] = direct_call_begin(pair);
        assert_int_equal(separate_type(&callers[i]), WIRE_CON);
    }
    direct_caller one_more = direct_call_begin(pair);
    assert_int_equal(separate_type(&one_more), WIRE_NON);
    direct_caller other = direct_call_begin_from(pair, "127.0.0.2");
    assert_int_equal(separate_type(&other), WIRE_CON);
    for (size_t i = 0; i < HOST_SEPARATE_MAX; i++) {
        direct_call_end(&callers[i]);
    }
    direct_call_end(&one_more);
    direct_call_end(&other);
}

static void answers_that_are_too_large_or_none_become_errors(void **state)
{
    direct_pair *pair = *state;
    direct_caller caller = direct_call_begin(pair);
    wire_message request;
    pair->answer_size = pair->config.message_size_max + 1;
    direct_call_request(&caller, &request, WIRE_CON, GET);
    direct_call(&caller, &request);
    assert_int_equal(pair->replied, TALC_ERROR_TOO_LARGE);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(5, 0));
    pair->answer_size = 0;
    pair->answer_code = WIRE_CODE(0, 1);
    direct_call_request(&caller, &request, WIRE_CON, GET);
    direct_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(5, 0));
    direct_call_end(&caller);
}

static void there_are_no_sessions_to_count(void **state)
{
    direct_pair *pair = *state;
    size_t open = 1, half_open = 1;
    talc_coap_direct_server.count(pair->server, &open, &half_open);
    assert_int_equal(open, 0);
    assert_int_equal(half_open, 0);
}

/* ---------------------------------------------------------------- opening */

static void a_port_that_is_taken_is_refused(void **state)
{
    direct_pair *pair = *state;
    talc_direct_server_events events = { 0 };
    talc_failure failure = { 0 };
    void *second;
    char uri[64];
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)direct_pair_port(pair));
    assert_int_equal(
        talc_coap_direct_server.open(&second, uri, &pair->config, &events, &failure),
        TALC_ERROR_UNREACHABLE);
    assert_null(second);
    assert_non_null(strstr(failure.text, uri));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(every_method_on_every_path_reaches_the_application),
        DIRECT_CASE(discovery_is_an_ordinary_request),
        DIRECT_CASE(options_reach_the_application_as_the_reader_of_frames_has_them),
        DIRECT_CASE(what_no_application_could_answer_is_refused),
        DIRECT_CASE(what_cannot_be_a_message_is_reset),
        DIRECT_CASE(a_request_that_is_not_confirmable_is_answered_likewise),
        DIRECT_CASE(requests_that_are_no_requests_are_ignored),
        DIRECT_CASE(requests_to_groups_are_ignored),
        DIRECT_CASE(a_refused_option_of_one_is_passed_over_in_silence),
        DIRECT_CASE(an_answer_at_once_rides_on_the_acknowledgement),
        DIRECT_CASE(an_answer_that_comes_later_is_a_message_of_its_own),
        DIRECT_CASE(a_request_may_stay_without_an_answer),
        DIRECT_CASE(who_acknowledges_nothing_gets_answers_that_need_none),
        DIRECT_CASE(separate_responses_are_counted_for_an_address_too),
        DIRECT_CASE(answers_that_are_too_large_or_none_become_errors),
        DIRECT_CASE(there_are_no_sessions_to_count),
        DIRECT_CASE(a_port_that_is_taken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
