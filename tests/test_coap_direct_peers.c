/* SPDX-License-Identifier: MIT */
/* Mode `none` with the programs of others: libcoap's coap-client and coap-server, directly and as a
 * proxy in between. */
#include "tests/direct_pair.h"
#include "tests/proxy_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT "coap-client-notls" /* Debian's name; package libcoap3-bin */

static void content_is(const char *output, size_t size, size_t wanted)
{
    assert_true(size >= wanted);
    direct_pair_body_is((const uint8_t *)output, wanted, wanted);
    for (size_t i = wanted; i < size; i++) { /* it ends the line where there is none */
        assert_int_equal(output[i], '\n');
    }
}

/* Makes a file of `size` bytes that the program may send. */
static void file_make(char path[32], size_t size)
{
    strcpy(path, "/tmp/talc-body-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = coap_pair_byte(size, i);
        assert_int_equal(write(descriptor, &byte, 1), 1);
    }
    close(descriptor);
}

/* ---------------------------------------------------------------- libcoap's client */

static void libcoaps_client_is_served(void **state)
{
    static const struct {
        const char *arguments;
        uint8_t code;
        const char *path, *query;
        size_t answer_size;
    } rows[] = {
        { "-m get", TALC_GET, "sensors/temperature", "", 5 },
        { "-m get", TALC_GET, "sensors/temperature", "", 1023 },
        { "-m get", TALC_GET, "a", "", 3000 },
        { "-m get", TALC_GET, "a", "", 60000 },
        { "-m get -b 16", TALC_GET, "a", "", 1000 },
        { "-m get -b 1024", TALC_GET, "a", "", 5000 },
        { "-m get -N", TALC_GET, "a", "x=1&y", 100 },
        { "-m get -N", TALC_GET, "a", "", 3000 },
        { "-m get", TALC_GET, ".well-known/core", "rt=x*", 2000 },
        { "-m delete", TALC_DELETE, "not/there", "", 0 },
        { "-m fetch -e x", 5, "a", "", 700 },
    };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char command[256];
        size_t size;
        pair->answer_size = rows[i].answer_size;
        snprintf(command, sizeof command, CLIENT " -B 30 %s 'coap://127.0.0.1:%u/%s%s%s'",
                 rows[i].arguments, (unsigned)direct_pair_port(pair), rows[i].path,
                 rows[i].query[0] != '\0' ? "?" : "", rows[i].query);
        const char *output = direct_pair_run(pair, command, &size);
        assert_int_equal(pair->requests, i + 1);
        assert_int_equal(pair->request.code, rows[i].code);
        assert_string_equal(pair->request.path, rows[i].path);
        assert_string_equal(pair->request.query, rows[i].query);
        content_is(output, size, rows[i].answer_size);
    }
}

static void libcoaps_client_uploads(void **state)
{
    static const struct {
        const char *arguments;
        size_t size, answer_size;
    } rows[] = { { "-m put", 10, 0 },         { "-m post", 1000, 1000 },
                 { "-m put", 3000, 0 },       { "-m post", 5000, 5000 },
                 { "-m put -b 64", 1000, 2 }, { "-m post -b 16", 300, 3000 } };
    direct_pair *pair = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char command[256], file[32];
        size_t size;
        file_make(file, rows[i].size);
        pair->answer_code = WIRE_CODE(2, 4);
        pair->answer_size = rows[i].answer_size;
        snprintf(command, sizeof command,
                 CLIENT " -B 30 %s -t 60 -f %s coap://127.0.0.1:%u/up", rows[i].arguments, file,
                 (unsigned)direct_pair_port(pair));
        const char *output = direct_pair_run(pair, command, &size);
        unlink(file);
        assert_int_equal(pair->requests, i + 1);
        assert_int_equal(pair->request.content_format, 60);
        direct_pair_body_is(pair->body, pair->request.payload_size, rows[i].size);
        content_is(output, size, rows[i].answer_size);
    }
}

/* It loses every second of its datagrams at first, and gets each answer once. */
static void libcoaps_client_repeats_and_nothing_runs_twice(void **state)
{
    direct_pair *pair = *state;
    char command[256];
    size_t size;
    pair->answer_size = 100;
    for (size_t i = 1; i <= 3; i++) {
        relay_faults lost = { .drop_every = 2, .drop_phase = 0 };
        relay_faults_set(pair->relay, RELAY_DOWN, &lost);
        snprintf(command, sizeof command, CLIENT " -B 30 -m post -e x coap://127.0.0.1:%u/a",
                 (unsigned)relay_port(pair->relay));
        const char *output = direct_pair_run(pair, command, &size);
        content_is(output, size, 100);
        assert_int_equal(pair->requests, i);
    }
    assert_true(relay_counts_get(pair->relay, RELAY_DOWN).lost >= 3);
}

/* ---------------------------------------------------------------- libcoap's server */

/* A request, and its result. */
static void fetch(direct_pair *pair, uint8_t method, const char *path, size_t body_size)
{
    talc_frame request = direct_pair_frame(method, path, body_size);
    size_t results = pair->results;
    assert_int_equal(direct_pair_send(pair, (uint32_t)results, &request), TALC_OK);
    direct_pair_await_results(pair, results + 1);
    if (pair->status != TALC_OK) {
        fail_msg("%s: %s", path, pair->failure.text);
    }
}

static void libcoaps_server_is_asked(void **state)
{
    static const size_t sizes[] = { 1, 600, 1023, 1024, 3000, 5000 };
    static const uint32_t block_sizes[] = { 512, 64 };
    direct_pair *pair = *state;
    proxy_process server;
    char uri[64];
    proxy_process_start(&server);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)server.port);
    pair->uri = uri;
    for (size_t i = 0; i < 2; i++) {
        pair->config.block_size = block_sizes[i];
        direct_pair_client_open(pair);
        fetch(pair, TALC_GET, ".well-known/core", 0);
        assert_int_equal(pair->code, TALC_CODE_CONTENT);
        assert_int_equal(pair->format, 40);
        assert_non_null(strstr((const char *)pair->answer, "</time>"));
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            fetch(pair, TALC_PUT, "example_data", sizes[j]);
            assert_int_equal(pair->code >> 5, 2);
            fetch(pair, TALC_GET, "example_data", 0);
            assert_int_equal(pair->code, TALC_CODE_CONTENT);
            direct_pair_body_is(pair->answer, pair->answer_body_size, sizes[j]);
        }
        fetch(pair, TALC_GET, "async?1", 0);
        fetch(pair, TALC_DELETE, "nothing", 0);
        fetch(pair, TALC_POST, "nothing", 3);
        assert_int_equal(pair->code, TALC_CODE_NOT_FOUND);
        direct_pair_client_close(pair);
    }
    proxy_process_stop(&server);
}

/* An answer that it sends a second later, by itself. */
static void libcoaps_server_answers_later(void **state)
{
    direct_pair *pair = *state;
    proxy_process server;
    char uri[64];
    proxy_process_start(&server);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u", (unsigned)server.port);
    pair->uri = uri;
    direct_pair_client_open(pair);
    talc_frame request = direct_pair_frame(TALC_GET, "async", 0);
    assert_int_equal(talc_query_normalize("1", request.query), TALC_OK);
    assert_int_equal(direct_pair_send(pair, 1, &request), TALC_OK);
    direct_pair_await_results(pair, 1);
    assert_int_equal(pair->status, TALC_OK);
    assert_int_equal(pair->code, TALC_CODE_CONTENT);
    assert_string_equal((const char *)pair->answer, "done");
    direct_pair_client_close(pair);
    proxy_process_stop(&server);
}

/* ---------------------------------------------------------------- a proxy in between */

static void bodies_of_all_sizes_pass_libcoaps_proxy(void **state)
{
    static const struct {
        uint8_t method;
        size_t size, answer_size;
    } rows[] = {
        { TALC_GET, 0, 5 },         { TALC_GET, 0, 1023 },     { TALC_GET, 0, 3000 },
        { TALC_PUT, 10, 0 },        { TALC_POST, 1000, 1000 }, { TALC_POST, 3000, 10 },
        { TALC_POST, 3000, 3000 },  { TALC_DELETE, 0, 0 },     { TALC_GET, 0, 20000 },
    };
    direct_pair *pair = *state;
    proxy_process proxy;
    char proxy_uri[64];
    proxy_process_start(&proxy);
    snprintf(proxy_uri, sizeof proxy_uri, "coap://127.0.0.1:%u", (unsigned)proxy.port);
    pair->proxy_uri = proxy_uri; /* `uri` stays the relay, which leads to the server */
    direct_pair_client_open(pair);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pair->answer_size = rows[i].answer_size;
        talc_frame request = direct_pair_frame(rows[i].method, "a/b%20c", rows[i].size);
        assert_int_equal(talc_query_normalize("x=%26&y", request.query), TALC_OK);
        assert_int_equal(direct_pair_send(pair, (uint32_t)i, &request), TALC_OK);
        direct_pair_await_results(pair, i + 1);
        if (pair->status != TALC_OK) {
            fail_msg("%zu: %s", i, pair->failure.text);
        }
        assert_int_equal(pair->requests, i + 1);
        assert_string_equal(pair->request.path, "a/b%20c");
        assert_string_equal(pair->request.query, "x=%26&y");
        direct_pair_body_is(pair->body, pair->request.payload_size, rows[i].size);
        direct_pair_body_is(pair->answer, pair->answer_body_size, rows[i].answer_size);
    }
    direct_pair_client_close(pair);
    proxy_process_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIRECT_CASE(libcoaps_client_is_served),
        DIRECT_CASE(libcoaps_client_uploads),
        DIRECT_CASE(libcoaps_client_repeats_and_nothing_runs_twice),
        DIRECT_CASE(libcoaps_server_is_asked),
        DIRECT_CASE(libcoaps_server_answers_later),
        DIRECT_CASE(bodies_of_all_sizes_pass_libcoaps_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
