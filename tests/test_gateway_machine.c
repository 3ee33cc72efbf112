/* SPDX-License-Identifier: MIT */
/* The gateway inside a program: its event loop, what it tells of each message, what becomes of an
 * exchange however its origin ends it, and how it is closed. A CoAP client by hand, a played
 * origin. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/gateway_state.h"
#include "tests/coap_played.h"

#define TURNS_MAX 2000 /* a hang guard: 5 ms each */
#define TOLD_MAX 64

typedef struct told {
    talc_gateway_event_kind kind;
    uint64_t exchange;
    char peer[80], uri[128], reason[200];
    uint8_t code;
} told;

typedef struct machine {
    talc_gateway *gateway;
    talc_gateway_rules *rules;
    played origin;
    int client;
    uint16_t client_port;
    told told[TOLD_MAX];
    size_t told_count;
} machine;

static void on_event(void *context, const talc_gateway_event *event)
{
    machine *of = context;
    assert_true(of->told_count < TOLD_MAX);
    told *last = &of->told[of->told_count++];
    assert_true(event->time_ms > 1600000000000u);
    last->kind = event->kind;
    last->exchange = event->exchange;
    snprintf(last->peer, sizeof last->peer, "%s", event->peer);
    snprintf(last->uri, sizeof last->uri, "%s", event->uri);
    snprintf(last->reason, sizeof last->reason, "%s", event->reason != NULL ? event->reason : "");
    last->code = event->coap != NULL ? event->coap->code : 0;
}

static void silent(played *server, const wire_message *request)
{
    (void)server;
    (void)request;
}

static int make(void **state)
{
    machine *of = calloc(1, sizeof *of);
    char route[128];
    talc_failure failure = { 0 };
    assert_non_null(of);
    played_open(&of->origin, played_answer_short);
    of->rules = talc_gateway_rules_new();
    snprintf(route, sizeof route, "/x=coap://127.0.0.1:%u/y", of->origin.port);
    assert_int_equal(talc_gateway_rules_route(of->rules, route, &failure), TALC_OK);
    const talc_gateway_config config = {
        .rules = of->rules, .pseudonym = "machine", .event = on_event, .event_context = of
    };
    assert_int_equal(talc_gateway_new(&of->gateway, &config, &failure), TALC_OK);
    assert_int_equal(talc_gateway_listen(of->gateway, "coap://127.0.0.1:0", &failure), TALC_OK);
    of->client = wire_socket(&of->client_port);
    *state = of;
    return 0;
}

static int drop(void **state)
{
    machine *of = *state;
    talc_gateway_free(of->gateway);
    talc_gateway_rules_free(of->rules);
    close(of->origin.socket);
    close(of->client);
    free(of);
    return 0;
}

static void ask(const machine *of, uint16_t id)
{
    const uint8_t token[2] = { (uint8_t)(id >> 8), (uint8_t)id };
    wire_message request;
    wire_begin(&request, WIRE_CON, 1, id, token, sizeof token);
    wire_text(&request, WIRE_URI_PATH, "x");
    wire_text(&request, WIRE_URI_PATH, "a");
    wire_text(&request, WIRE_URI_QUERY, "b=c");
    wire_send(of->client, &request, talc_gateway_port(of->gateway, 0));
}

static void turn(machine *of)
{
    assert_int_equal(talc_gateway_wait(of->gateway, 5), TALC_OK);
    played_turn(&of->origin);
}

/* The code of the next response. */
static unsigned await_code(machine *of)
{
    wire_message response;
    uint16_t from;
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        turn(of);
        if (wire_receive(of->client, &response, &from) && wire_code(&response) != 0) {
            return wire_code(&response);
        }
    }
    fail_msg("there is no response");
    return 0;
}

static void await_outstanding(machine *of, size_t count)
{
    for (int turns = 0; talc_gateway_outstanding(of->gateway) != count; turns++) {
        assert_true(turns < TURNS_MAX);
        turn(of);
    }
}

static void each_message_of_an_exchange_is_told(void **state)
{
    static const talc_gateway_event_kind kinds[] = { TALC_GATEWAY_REQUEST_IN,
                                                     TALC_GATEWAY_REQUEST_OUT,
                                                     TALC_GATEWAY_RESPONSE_IN,
                                                     TALC_GATEWAY_RESPONSE_OUT };
    machine *of = *state;
    char client[32], origin[64], target[80];
    snprintf(client, sizeof client, "127.0.0.1:%u", of->client_port);
    snprintf(origin, sizeof origin, "coap://127.0.0.1:%u", of->origin.port);
    snprintf(target, sizeof target, "%s/y/a?b=c", origin);
    for (uint16_t i = 0; i < 2; i++) {
        ask(of, i);
        assert_int_equal(await_code(of), TALC_CODE(2, 4));
    }
    assert_int_equal(of->told_count, 8);
    for (size_t i = 0; i < 8; i++) {
        int is_client = i % 4 == 0 || i % 4 == 3;
        assert_int_equal(of->told[i].kind, kinds[i % 4]);
        assert_int_equal(of->told[i].exchange, 1 + i / 4);
        assert_string_equal(of->told[i].peer, is_client ? client : origin);
        assert_string_equal(of->told[i].uri, is_client ? "/x/a?b=c" : target);
        assert_string_equal(of->told[i].reason, "");
        assert_int_equal(of->told[i].code, i % 4 < 2 ? 1 : TALC_CODE(2, 4));
    }
    assert_int_equal(talc_gateway_outstanding(of->gateway), 0);
}

/* As the pool of origins says it; the last words of the origin's own clock included. */
static void however_a_coap_origin_ends_it_the_client_is_told(void **state)
{
    static const struct {
        talc_coap_message_end end;
        uint8_t code;
        const char *words;
    } rows[] = {
        { TALC_COAP_MESSAGE_LATE, TALC_CODE(5, 4), "did not answer in time" },
        { TALC_COAP_MESSAGE_UNREACHABLE, TALC_CODE(5, 2), "cannot be reached" },
        { TALC_COAP_MESSAGE_RESET, TALC_CODE(5, 2), "rejected" },
        { TALC_COAP_MESSAGE_TOO_LARGE, TALC_CODE(5, 2), "more than 65536 bytes (--max-body)" },
        { TALC_COAP_MESSAGE_BROKEN, TALC_CODE(5, 2), "blocks" },
        { TALC_COAP_MESSAGE_NO_MEMORY, TALC_CODE(5, 3), "memory" },
    };
    machine *of = *state;
    of->origin.script = silent;
    for (uint16_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(of, i);
        await_outstanding(of, 1);
        const talc_gateway_origin_result result = { .number = i + 1u,
                                                    .end = rows[i].end,
                                                    .reason = "" };
        talc_gateway_coap_ended(of->gateway, &result);
        assert_int_equal(talc_gateway_outstanding(of->gateway), 0);
        talc_gateway_origins_cancel(of->gateway->origins, i + 1u);
        assert_int_equal(await_code(of), rows[i].code);
        const told *trouble = &of->told[of->told_count - 2];
        assert_int_equal(trouble->kind, TALC_GATEWAY_TROUBLE);
        assert_non_null(strstr(trouble->reason, rows[i].words));
        assert_string_equal(of->told[of->told_count - 1].reason, trouble->reason);
    }
}

static void however_an_http_origin_ends_it_the_client_is_told(void **state)
{
    static const struct {
        talc_http_end end;
        uint8_t code;
    } rows[] = {
        { TALC_HTTP_UNREACHABLE, TALC_CODE(5, 2) }, { TALC_HTTP_INSECURE, TALC_CODE(5, 2) },
        { TALC_HTTP_LOST, TALC_CODE(5, 2) },        { TALC_HTTP_LATE, TALC_CODE(5, 4) },
        { TALC_HTTP_TOO_LARGE, TALC_CODE(5, 2) },   { TALC_HTTP_MALFORMED, TALC_CODE(5, 2) },
        { TALC_HTTP_NO_MEMORY, TALC_CODE(5, 3) },
    };
    machine *of = *state;
    of->origin.script = silent;
    for (uint16_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(of, i);
        await_outstanding(of, 1);
        const talc_http_result result = { .number = i + 1u, .end = rows[i].end, .reason = "words" };
        talc_gateway_http_ended(of->gateway, &result);
        talc_gateway_origins_cancel(of->gateway->origins, i + 1u);
        assert_int_equal(await_code(of), rows[i].code);
        assert_string_equal(of->told[of->told_count - 2].reason,
                            rows[i].end == TALC_HTTP_TOO_LARGE ? "words (--max-body 65536)"
                                                               : "words");
    }
    const talc_http_result unknown = { .number = 999, .end = TALC_HTTP_LOST, .reason = "" };
    talc_gateway_http_ended(of->gateway, &unknown);
}

static void it_closes_with_requests_under_way(void **state)
{
    machine *of = *state;
    of->origin.script = silent;
    for (uint16_t i = 0; i < 5; i++) {
        ask(of, i);
    }
    await_outstanding(of, 5);
}

static void listeners_are_bounded_and_told_apart(void **state)
{
    machine *of = *state;
    talc_failure failure = { 0 };
    for (size_t i = 1; i < TALC_GATEWAY_LISTENERS_MAX; i++) {
        assert_int_equal(talc_gateway_listen(of->gateway, "coap://127.0.0.1:0", NULL), TALC_OK);
        assert_int_not_equal(talc_gateway_port(of->gateway, i), 0);
        assert_int_not_equal(talc_gateway_port(of->gateway, i),
                             talc_gateway_port(of->gateway, i - 1));
    }
    assert_int_equal(talc_gateway_listen(of->gateway, "coap://127.0.0.1:0", &failure),
                     TALC_ERROR_ARGUMENT);
    assert_non_null(strstr(failure.text, "8 are possible"));
    assert_int_equal(talc_gateway_port(of->gateway, TALC_GATEWAY_LISTENERS_MAX), 0);
}

static void a_listener_that_fails_leaves_room(void **state)
{
    machine *of = *state;
    talc_failure failure = { 0 };
    assert_int_equal(talc_gateway_listen(of->gateway, "coap://192.0.2.1:0", &failure),
                     TALC_ERROR_UNREACHABLE);
    assert_int_equal(talc_gateway_port(of->gateway, 1), 0);
    assert_int_equal(talc_gateway_listen(of->gateway, "coap://127.0.0.1:0", NULL), TALC_OK);
    ask(of, 1);
    assert_int_equal(await_code(of), TALC_CODE(2, 4));
}

static void its_descriptor_wakes_another_loop(void **state)
{
    machine *of = *state;
    struct pollfd readable = { .fd = talc_gateway_descriptor(of->gateway), .events = POLLIN };
    assert_int_equal(talc_gateway_process(of->gateway), TALC_OK);
    ask(of, 1);
    assert_int_equal(poll(&readable, 1, 10000), 1);
    assert_int_equal(talc_gateway_process(of->gateway), TALC_OK);
    assert_int_equal(talc_gateway_outstanding(of->gateway), 1);
    assert_in_range(talc_gateway_timeout_ms(of->gateway), 0, 30000);
    assert_int_equal(await_code(of), TALC_CODE(2, 4));
}

static void a_name_has_to_be_a_token(void **state)
{
    static const char *const names[] = { "", "a b", "a/b", "a,b", "\xc3\xa9" };
    talc_gateway *gateway;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const talc_gateway_config config = { .pseudonym = names[i] };
        talc_failure failure = { 0 };
        assert_int_equal(talc_gateway_new(&gateway, &config, &failure), TALC_ERROR_ARGUMENT);
        assert_null(gateway);
        assert_non_null(strstr(failure.text, "is no name"));
    }
    talc_gateway_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_message_of_an_exchange_is_told, make, drop),
        cmocka_unit_test_setup_teardown(however_a_coap_origin_ends_it_the_client_is_told, make,
                                        drop),
        cmocka_unit_test_setup_teardown(however_an_http_origin_ends_it_the_client_is_told, make,
                                        drop),
        cmocka_unit_test_setup_teardown(it_closes_with_requests_under_way, make, drop),
        cmocka_unit_test_setup_teardown(listeners_are_bounded_and_told_apart, make, drop),
        cmocka_unit_test_setup_teardown(a_listener_that_fails_leaves_room, make, drop),
        cmocka_unit_test_setup_teardown(its_descriptor_wakes_another_loop, make, drop),
        cmocka_unit_test(a_name_has_to_be_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
