/* SPDX-License-Identifier: MIT */
#include "tests/mode_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define IN_FLIGHT 20
#define ATTEMPTS_MAX 20
#define NUMBERS_MAX 200 /* below RESOURCES_COUNTERS */

/* What became of a request, by its number. */
typedef enum fate {
    FATE_NONE = 0,
    FATE_ANSWERED,
    FATE_FAILED, /* as the row allows it */
    FATE_NOT_SERVED
} fate;

typedef struct conversation {
    peers *of;
    const mode_row *row;
    unsigned last_number;
    fate fates[NUMBERS_MAX];
    bool has_failed; /* one of the last requests: perhaps there is no session just now */
    bool is_second;  /* session */
} conversation;

/* One request and the response that it has to get. */
typedef struct asked {
    const char *what;
    talc_method method;
    const char *path;
    size_t payload_size; /* of resources_byte() */
    uint8_t code;
    uint8_t code_again;   /* if an attempt before it may have been executed; 0: the same */
    size_t response_size; /* of resources_byte(), or of `text` */
    const char *text;
} asked;

/* ---------------------------------------------------------------- requests */

static unsigned send_asked(conversation *with, const asked *what, peers_call *call)
{
    static uint8_t payload[PEERS_PAYLOAD_MAX];
    char query[16];
    unsigned number = ++with->last_number;
    talc_request request = TALC_REQUEST_DEFAULT;
    assert_true(number < NUMBERS_MAX);
    with->has_failed = false;
    for (size_t i = 0; i < what->payload_size; i++) {
        payload[i] = resources_byte(i + number);
    }
    snprintf(query, sizeof query, "n=%u", number);
    request.method = what->method;
    request.path = what->path;
    request.query = query;
    request.payload = payload;
    request.payload_size = what->payload_size;
    peers_send(with->of, 0, &request, call);
    return number;
}

static bool may_fail_so(const mode_row *row, const peers_call *call)
{
    bool is_late = call->status == TALC_ERROR_TIMEOUT;
    bool is_of_proxy = call->status == TALC_ERROR_PROTOCOL ||
                       (call->status == TALC_OK && call->code == TALC_CODE(5, 2));
    return (row->promise == MODE_GIVES_UP && is_late) ||
           (row->promise == MODE_BELIEVES_A_PROXY && (is_late || is_of_proxy));
}

/* Notes what became of it; true if it was answered. */
static bool note_fate(conversation *with, unsigned number, const peers_call *call)
{
    assert_true(call->is_done);
    if (may_fail_so(with->row, call)) {
        with->fates[number] = FATE_FAILED;
        with->has_failed = true;
        return false;
    }
    if (call->status != TALC_OK) {
        fail_msg("%s: request %u: %s: %s", with->row->name, number, talc_status_text(call->status),
                 call->failure.text);
    }
    with->fates[number] = FATE_ANSWERED;
    return true;
}

static void expect_payload(const conversation *with, unsigned number, const asked *what,
                           const peers_call *call)
{
    if (call->payload_size != what->response_size) {
        fail_msg("%s: %s: %zu bytes instead of %zu", with->row->name, what->what,
                 call->payload_size, what->response_size);
    }
    for (size_t i = 0; i < what->response_size; i++) {
        uint8_t expected = what->text != NULL ? (uint8_t)what->text[i] : resources_byte(i + number);
        if (call->payload[i] != expected) {
            fail_msg("%s: %s: byte %zu of the response is wrong", with->row->name, what->what, i);
        }
    }
}

/* ---------------------------------------------------------------- who is there */

static void expect_peer(const conversation *with, const talc_peer *peer, const peers_side *side)
{
    const char *name = peers_shown_name(side);
    if (peer->engine != with->row->engine || peer->credential != side->credential ||
        strcmp(peer->name, name) != 0) {
        fail_msg("%s: the peer is (%d, %d, %s) instead of (%d, %d, %s)", with->row->name,
                 (int)peer->engine, (int)peer->credential, peer->name, (int)with->row->engine,
                 (int)side->credential, name);
    }
}

static void expect_session(const conversation *with, const talc_session_info *info)
{
    int is_resumed = with->is_second && with->row->is_resumed;
    if (info->is_resumed != is_resumed) {
        fail_msg("%s: the %s session is %sresumed", with->row->name,
                 with->is_second ? "second" : "first", is_resumed ? "not " : "");
    }
    assert_true(info->is_open);
    assert_string_equal(info->protocol, with->row->protocol);
}

static void expect_both_sides(const conversation *with)
{
    const peers *of = with->of;
    const resources *served = of->resources;
    talc_session_info client;
    if (with->has_failed) {
        return;
    }
    talc_client_info(of->clients[0], &client);
    expect_session(with, &client);
    expect_session(with, &served->last_session);
    assert_memory_equal(client.session_id, served->last_session.session_id,
                        sizeof client.session_id);
    assert_string_equal(client.cipher_suite, served->last_session.cipher_suite);
    expect_peer(with, &client.peer, &with->row->credentials->server);
    expect_peer(with, &served->last_session.peer, &with->row->credentials->client);
    expect_peer(with, &served->last_peer, &with->row->credentials->client);
}

/* ---------------------------------------------------------------- steps */

/* Sends it until it is answered, and that is at once unless the row allows it to fail. The number of
 * the request that was. */
static unsigned ask(conversation *with, const asked *what)
{
    static peers_call call;
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        unsigned number = send_asked(with, what, &call);
        peers_await(&with->of, 1);
        if (note_fate(with, number, &call)) {
            bool may_be_again = attempt > 0 || with->row->promise == MODE_BELIEVES_A_PROXY;
            bool is_again = may_be_again && call.code == what->code_again;
            peers_expect(&call, is_again ? what->code_again : what->code);
            expect_payload(with, number, what, &call);
            expect_both_sides(with);
            return number;
        }
    }
    fail_msg("%s: %s: failed again and again", with->row->name, what->what);
    return 0;
}

static void connect_and_get(conversation *with)
{
    (void)ask(with, &(asked){ "GET", TALC_GET, "hello", 0, TALC_CODE_CONTENT, 0, 4, "21.5" });
}

static void put_get_delete(conversation *with)
{
    const peers *of = with->of;
    const size_t size = 300;
    unsigned put = ask(with, &(asked){ "PUT", TALC_PUT, "value", size, TALC_CODE_CREATED,
                                       TALC_CODE_CHANGED, 0, NULL });
    char value[300];
    for (size_t i = 0; i < size; i++) {
        value[i] = (char)resources_byte(i + put);
    }
    assert_int_equal(of->resources->value_size, size);
    assert_memory_equal(of->resources->value, value, size);
    (void)ask(with, &(asked){ "GET of what was put", TALC_GET, "value", 0, TALC_CODE_CONTENT, 0,
                              size, value });
    (void)ask(with, &(asked){ "POST of 3 KB", TALC_POST, "echo", 3072, TALC_CODE_CHANGED, 0, 3072,
                              NULL });
    (void)ask(with, &(asked){ "DELETE", TALC_DELETE, "value", 0, TALC_CODE_DELETED, 0, 0, NULL });
    assert_false(of->resources->has_value);
    (void)ask(with, &(asked){ "GET of what was deleted", TALC_GET, "value", 0, TALC_CODE_NOT_FOUND,
                              0, 0, NULL });
}

static void ask_for_nothing(conversation *with)
{
    unsigned number = ask(with, &(asked){ "GET of a path that is not served", TALC_GET, "nothing",
                                          0, TALC_CODE_NOT_FOUND, 0, 0, NULL });
    with->fates[number] = FATE_NOT_SERVED;
}

/* Until the server keeps the exchange, or the client has given it up. */
static bool is_kept(conversation *with, const peers_call *call)
{
    while (!call->is_done && with->of->resources->later_count == 0) {
        peers_turn(&with->of, 1);
    }
    return !call->is_done;
}

static bool try_deferred(conversation *with)
{
    static const asked later = { "GET that waits",  TALC_GET, "later", 0,
                                 TALC_CODE_CONTENT, 0,        3,       "now" };
    static const asked release = { "POST that lets it go", TALC_POST, "release", 0,
                                   TALC_CODE_CHANGED,      0,         0,         NULL };
    static peers_call waiting, call;
    unsigned number = send_asked(with, &later, &waiting);
    if (!is_kept(with, &waiting)) {
        return note_fate(with, number, &waiting);
    }
    unsigned passing = send_asked(with, &(asked){ .method = TALC_GET, .path = "hello" }, &call);
    peers_await_calls(with->of, &call, 1);
    if (note_fate(with, passing, &call)) {
        peers_expect(&call, TALC_CODE_CONTENT);
    }
    assert_true(!waiting.is_done || may_fail_so(with->row, &waiting));
    passing = send_asked(with, &release, &call);
    peers_await(&with->of, 1);
    if (note_fate(with, passing, &call)) {
        peers_expect(&call, TALC_CODE_CHANGED);
    }
    resources_release(with->of->resources); /* in case that one was lost */
    if (!note_fate(with, number, &waiting)) {
        return false;
    }
    peers_expect(&waiting, later.code);
    expect_payload(with, number, &later, &waiting);
    return true;
}

static void wait_for_a_deferred_answer(conversation *with)
{
    int attempts = 0;
    while (!try_deferred(with)) {
        assert_true(++attempts < ATTEMPTS_MAX);
    }
    expect_both_sides(with);
}

static void have_many_in_flight(conversation *with)
{
    static peers_call calls[IN_FLIGHT];
    unsigned numbers[IN_FLIGHT];
    asked echo = { "one of many", TALC_POST, "echo", 0, TALC_CODE_CHANGED, 0, 0, NULL };
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        echo.payload_size = 50 + i * 30;
        numbers[i] = send_asked(with, &echo, &calls[i]);
    }
    peers_await(&with->of, 1);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        echo.response_size = 50 + i * 30;
        if (note_fate(with, numbers[i], &calls[i])) {
            peers_expect(&calls[i], echo.code);
            expect_payload(with, numbers[i], &echo, &calls[i]);
        }
    }
    expect_both_sides(with);
}

static void close_session(conversation *with)
{
    talc_client *client = with->of->clients[0];
    talc_session_info info;
    talc_status status = talc_client_close(client, 0);
    assert_true(status == TALC_OK || status == TALC_PENDING);
    talc_client_info(client, &info);
    assert_true(status == TALC_PENDING || !info.is_open);
    while (info.is_open) {
        peers_turn(&with->of, 1);
        talc_client_info(client, &info);
    }
    with->is_second = true;
}

/* ---------------------------------------------------------------- the whole */

static bool may_run(const mode_row *row, fate became, unsigned times)
{
    switch (became) {
    case FATE_ANSWERED: return row->promise == MODE_BELIEVES_A_PROXY ? times >= 1 : times == 1;
    case FATE_FAILED: return row->promise == MODE_BELIEVES_A_PROXY || times <= 1;
    default: return times == 0;
    }
}

/* How many requests failed. */
static unsigned expect_executions(const conversation *with)
{
    unsigned failed = 0;
    for (unsigned number = 1; number <= with->last_number; number++) {
        unsigned times = with->of->resources->executions[number];
        if (!may_run(with->row, with->fates[number], times)) {
            fail_msg("%s: request %u was executed %u times", with->row->name, number, times);
        }
        failed += with->fates[number] == FATE_FAILED;
    }
    return failed;
}

unsigned mode_converse(peers *of, const mode_row *row)
{
    conversation with = { .of = of, .row = row };
    connect_and_get(&with);
    put_get_delete(&with);
    ask_for_nothing(&with);
    wait_for_a_deferred_answer(&with);
    have_many_in_flight(&with);
    close_session(&with);
    connect_and_get(&with);
    put_get_delete(&with);
    return expect_executions(&with);
}
