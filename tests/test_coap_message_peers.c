/* SPDX-License-Identifier: MIT */
/* A gateway's two faces before libcoap's programs: its client, its server, and its proxy in
 * between. */
#include "tests/coap_message_pair.h"
#include "tests/proxy_process.h"

#include <stdio.h>
#include <string.h>

#define CLIENT "coap-client-notls" /* Debian's name; package libcoap3-bin */

enum { GET = 1, POST, PUT, DELETE };

/* ---------------------------------------------------------------- libcoap's client */

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
                     (unsigned)relay_port(pair->relay), rows[i].uri);
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
    assert_true(relay_counts_get(pair->relay, RELAY_DOWN).payload_max <= 1023);
}

/* ---------------------------------------------------------------- libcoap's server */

static void libcoaps_server_is_asked(void **state)
{
    message_pair *pair = *state;
    proxy_process origin;
    const talc_coap_message_option path[] = { message_text(TALC_COAP_URI_PATH, "example_data") };
    const talc_coap_message_option other_tag[] = { { TALC_COAP_ETAG, 1, (const uint8_t *)"\x02" },
                                                   path[0] };
    const talc_coap_message_option nowhere[] = { message_text(TALC_COAP_URI_PATH, "nowhere") };
    proxy_process_start(&origin);
    relay_server_set(pair->relay, origin.port);
    for (size_t size = 10; size <= 40000; size *= 10) {
        talc_coap_message put = message_request(PUT, path, 1, size);
        message_pair_exchange(pair, &put);
        assert_int_equal(pair->response.message.code >> 5, 2);
        talc_coap_message get = message_request(GET, path, 1, 0);
        message_pair_exchange(pair, &get);
        assert_int_equal(pair->response.message.code, WIRE_CODE(2, 5));
        message_body_is(&pair->response.message, size);
        /* It has another version than the one that we have. */
        get = message_request(GET, other_tag, 2, 0);
        message_pair_exchange(pair, &get);
        assert_int_equal(pair->response.message.code, WIRE_CODE(2, 5));
        message_body_is(&pair->response.message, size);
    }
    talc_coap_message get = message_request(GET, nowhere, 1, 0);
    message_pair_exchange(pair, &get);
    assert_int_equal(pair->response.message.code, WIRE_CODE(4, 4));
    assert_true(relay_counts_get(pair->relay, RELAY_UP).payload_max <= 1023);
    assert_true(relay_counts_get(pair->relay, RELAY_DOWN).payload_max <= 1023);
    relay_server_set(pair->relay, message_pair_port(pair));
    proxy_process_stop(&origin);
}

/* As a proxy in between, it asks our server in its turn. */
static void libcoaps_proxy_is_asked(void **state)
{
    message_pair *pair = *state;
    proxy_process proxy;
    char uri[80];
    proxy_process_start(&proxy);
    relay_server_set(pair->relay, proxy.port);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u/a?b", (unsigned)message_pair_port(pair));
    const talc_coap_message_option options[] = {
        { TALC_COAP_CONTENT_FORMAT, 1, (const uint8_t *)"\x3c" },
        message_text(TALC_COAP_PROXY_URI, uri) };
    talc_coap_message request = message_request(POST, options, 2, 3000);
    pair->answer_size = 3000;
    message_pair_exchange(pair, &request);
    assert_int_equal(pair->requests, 1);
    message_body_is(&pair->request.message, 3000);
    message_body_is(&pair->response.message, 3000);
    assert_non_null(talc_coap_message_find(&pair->request.message, TALC_COAP_URI_QUERY));
    relay_server_set(pair->relay, message_pair_port(pair));
    proxy_process_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MESSAGE_CASE(libcoaps_client_uses_the_server_as_a_proxy),
        MESSAGE_CASE(libcoaps_server_is_asked),
        MESSAGE_CASE(libcoaps_proxy_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
