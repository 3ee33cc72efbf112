/* SPDX-License-Identifier: MIT */
/* The server of a gateway: every path and every proxied URI, options as they are, each request
 * once. */
#include "tests/coap_message_pair.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIENT "coap-client-notls" /* Debian's name; package libcoap3-bin */

enum { CON = WIRE_CON, NON = WIRE_NON };
enum { GET = 1, POST, PUT, DELETE, FETCH, PATCH, IPATCH };

/* ---------------------------------------------------------------- what arrives */

static void a_request_arrives_with_all_its_options(void **state)
{
    message_pair *pair = *state;
    const uint8_t large[300] = "of a number and of a size with all extensions";
    const talc_coap_message_option options[] = {
        { TALC_COAP_IF_MATCH, 3, (const uint8_t *)"\x00\xff\x01" },
        { TALC_COAP_IF_MATCH, 0, NULL },
        message_text(TALC_COAP_URI_HOST, "not.this.host"),
        message_text(TALC_COAP_ETAG, "12345678"),
        message_text(TALC_COAP_ETAG, "x"),
        { TALC_COAP_IF_NONE_MATCH, 0, NULL },
        { TALC_COAP_OBSERVE, 0, NULL },
        { TALC_COAP_URI_PORT, 2, (const uint8_t *)"\x16\x33" },
        { 9, 3, (const uint8_t *)"osc" },
        message_text(TALC_COAP_URI_PATH, "a"),
        message_text(TALC_COAP_URI_PATH, ""),
        message_text(TALC_COAP_URI_PATH, "b c/%\xc3\xbc"),
        { TALC_COAP_CONTENT_FORMAT, 1, (const uint8_t *)"\x3c" },
        message_text(TALC_COAP_URI_QUERY, "x=1"),
        message_text(TALC_COAP_URI_QUERY, "&=?"),
        { TALC_COAP_HOP_LIMIT, 1, (const uint8_t *)"\x07" },
        { TALC_COAP_ACCEPT, 0, NULL },
        { 21, 0, NULL },
        { 2049, 2, (const uint8_t *)"\x08\x00" },
        { 2053, 2, (const uint8_t *)"\x08\x00" },
        { 65000, sizeof large, large },
    };
    size_t count = sizeof options / sizeof options[0];
    for (uint8_t code = GET; code <= IPATCH; code++) {
        talc_coap_message request = message_request(code, options, count, code == GET ? 0 : 40);
        message_pair_exchange(pair, &request);
        assert_int_equal(pair->requests, code);
        assert_int_equal(pair->request.message.code, code);
        message_options_are(&pair->request.message, options, count);
        message_body_is(&pair->request.message, code == GET ? 0 : 40);
    }
}

/* Block1, Size1, Request-Tag, Echo and No-Response are the hop's own. */
static void options_of_the_hop_do_not_arrive(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    message_call_request(&caller, &request, CON, WIRE_CODE(0, PUT));
    wire_text(&request, WIRE_URI_PATH, "a");
    wire_uint(&request, WIRE_BLOCK2, WIRE_BLOCK(0, 0, 5));
    wire_uint(&request, WIRE_BLOCK1, WIRE_BLOCK(0, 0, 5));
    wire_uint(&request, WIRE_SIZE2, 0);
    wire_uint(&request, WIRE_SIZE1, 4);
    wire_text(&request, 252, "echo");
    wire_uint(&request, 258, 0);
    wire_text(&request, WIRE_REQUEST_TAG, "tag");
    wire_payload(&request, "body", 4);
    message_call(&caller, &request);
    assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 5));
    const talc_coap_message_option path[] = { message_text(TALC_COAP_URI_PATH, "a") };
    message_options_are(&pair->request.message, path, 1);
    assert_int_equal(pair->request.message.body_size, 4);
    message_call_end(&caller);
}

static void a_peer_is_named(void **state)
{
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    wire_message request;
    char wanted[40];
    message_call_request(&caller, &request, CON, WIRE_CODE(0, GET));
    message_call(&caller, &request);
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u", (unsigned)caller.port);
    assert_string_equal(pair->peer_text, wanted);
    message_call_end(&caller);
}

static void a_peer_of_a_socket_for_both_protocols_is_named_by_its_own_address(void **state)
{
    message_pair *pair = *state;
    message_pair_server_open(pair, "coap://[::]:0");
    a_peer_is_named(state);
}

/* ---------------------------------------------------------------- proxied URIs */

/* Requests to a forward proxy, of every kind: libcoap has a way of its own for each. */
static void proxied_requests_arrive(void **state)
{
    static const struct {
        const char *uri, *scheme, *host;
        unsigned hop_limit; /* 0: none */
    } rows[] = {
        { "coap://device.example/a?b", NULL, NULL, 0 },
        { "http://user@svc.example:8080/a%2Fb?c=d&e#f", NULL, NULL, 0 },
        { "https://[2001:db8::1]/", NULL, NULL, 16 },
        { "coaps://x", NULL, NULL, 1 },
        { "coap://127.0.0.1", NULL, NULL, 0 },
        { "coap+tcp://x", NULL, NULL, 0 },
        { NULL, "http", "svc.example", 0 },
        { NULL, "http", "svc.example", 1 },
        { NULL, "gopher", "svc.example", 200 },
        { NULL, "coap", NULL, 0 },
        { NULL, "coap", NULL, 16 },
    };
    message_pair *pair = *state;
    message_caller caller = message_call_begin(pair);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_message request;
        message_call_request(&caller, &request, CON, WIRE_CODE(0, POST));
        if (rows[i].host != NULL) {
            wire_text(&request, WIRE_URI_HOST, rows[i].host);
        }
        if (rows[i].scheme != NULL) {
            wire_text(&request, WIRE_URI_PATH, "p");
        }
        if (rows[i].hop_limit > 0) {
            wire_uint(&request, TALC_COAP_HOP_LIMIT, rows[i].hop_limit);
        }
        if (rows[i].uri != NULL) {
            wire_text(&request, WIRE_PROXY_URI, rows[i].uri);
        } else {
            wire_text(&request, WIRE_PROXY_SCHEME, rows[i].scheme);
        }
        message_call(&caller, &request);
        while (wire_code(&caller.answer) == 0) { /* libcoap's early acknowledgement */
            message_call_await(&caller);
        }
        assert_int_equal(wire_code(&caller.answer), WIRE_CODE(2, 5));
        assert_int_equal(pair->requests, i + 1);
        const talc_coap_message *got = &pair->request.message;
        const char *named = rows[i].uri != NULL ? rows[i].uri : rows[i].scheme;
        const talc_coap_message_option *option = talc_coap_message_find(
            got, rows[i].uri != NULL ? TALC_COAP_PROXY_URI : TALC_COAP_PROXY_SCHEME);
        assert_non_null(option);
        assert_int_equal(option->size, strlen(named));
        assert_memory_equal(option->value, named, option->size);
        assert_int_equal(talc_coap_message_uint(got, TALC_COAP_HOP_LIMIT, 0), rows[i].hop_limit);
        assert_int_equal(talc_coap_message_find(got, TALC_COAP_URI_HOST) != NULL,
                         rows[i].host != NULL);
    }
    message_call_end(&caller);
}

static void libcoaps_client_uses_the_server_as_a_proxy(void **state)
{
    static const struct {
        const char *arguments, *uri;
        uint8_t code;
        size_t answer_size;
    } rows[] = {
        { "-m get", "coap://device.example/sensors/t", GET, 5 },
        { "-m get", "coap://device.example:5699/sensors/t?u=c", GET, 3000 },
        { "-m get", "http://svc.example/a/b", GET, 65536 },
        { "-m get -N", "https://svc.example/", GET, 100 },
        { "-m post -e x", "http://svc.example:8080/a?s=1", POST, 1023 },
        { "-m put -b 16 -e 01234567890123456789012345678901234567890123456789",
          "coap://d.example/a", PUT, 0 },
        { "-m delete -H 3", "coap://d.example/a", DELETE, 0 },
    };
    message_pair *pair = *state;
    for (pair->defers = 0; pair->defers <= 1; pair->defers++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            char command[300];
            size_t size, requests = pair->requests;
            pair->answer_size = rows[i].answer_size;
            snprintf(command, sizeof command,
                     CLIENT " -B 30 %s -P coap://127.0.0.1:%u '%s'", rows[i].arguments,
                     (unsigned)message_pair_port(pair), rows[i].uri);
            const char *output = message_pair_run(pair, command, &size);
            assert_int_equal(pair->requests, requests + 1);
            assert_int_equal(pair->request.message.code, rows[i].code);
            const talc_coap_message_option *option =
                talc_coap_message_find(&pair->request.message, TALC_COAP_PROXY_URI);
            assert_non_null(option);
            assert_int_equal(option->size, strlen(rows[i].uri));
            assert_memory_equal(option->value, rows[i].uri, option->size);
            assert_true(size >= rows[i].answer_size);
            for (size_t at = 0; at < rows[i].answer_size; at++) {
                assert_int_equal((uint8_t)output[at], coap_pair_byte(rows[i].answer_size, at));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MESSAGE_CASE(a_request_arrives_with_all_its_options),
        MESSAGE_CASE(options_of_the_hop_do_not_arrive),
        MESSAGE_CASE(a_peer_is_named),
        MESSAGE_CASE(a_peer_of_a_socket_for_both_protocols_is_named_by_its_own_address),
        MESSAGE_CASE(proxied_requests_arrive),
        MESSAGE_CASE(libcoaps_client_uses_the_server_as_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
