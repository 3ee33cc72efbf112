/* SPDX-License-Identifier: MIT */
/* talc-proxy between programs of others: curl and Python as HTTP clients, libcoap's coap-client,
 * libcoap's coap-server, a scripted HTTP origin and nginx. Ordinary resources only; nothing here
 * knows of sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/gateway_process.h"

#define COAP 0 /* listeners of the gateway */
#define HTTP 1

static started_program gateway, http_origin, coap_server, coap_script;
static finished_program run;
static char folder[] = "/tmp/talc-gateway-XXXXXX";

static int start_all(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    origin_script_start(&http_origin, "tests/http_origin.py");
    origin_script_start(&coap_script, "tests/coap_origin.py");
    coap_server_start(&coap_server);
    gateway_process_start(&gateway,
                          "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --timeout 2 "
                          "--name gate.test --log %s/log --quiet --ready-fd 1 "
                          "--allow http://127.0.0.1:any --allow coap://127.0.0.1:any "
                          "--allow coap://localhost:any "
                          "--route /site=http://127.0.0.1:%u/things "
                          "--route /device=coap://127.0.0.1:%u",
                          folder, http_origin.ports[0], coap_server.ports[0]);
    return 0;
}

static int stop_all(void **state)
{
    (void)state;
    gateway_process_stop(&gateway);
    started_program_stop(&http_origin);
    started_program_stop(&coap_script);
    started_program_stop(&coap_server);
    finished_program_run(&run, "rm -r %s", folder);
    return 0;
}

/* ---------------------------------------------------------------- CoAP to HTTP */

#define COAP_CLIENT "coap-client-notls -v 6 -B 20 -P coap://127.0.0.1:%u "

/* A request of coap-client by Proxy-Uri; what stands in the trace of its messages. */
static void coap_asks(const char *options, const char *path, const char *words)
{
    finished_program_expect(&run, words, COAP_CLIENT "%s http://127.0.0.1:%u%s",
                            gateway.ports[COAP], options, http_origin.ports[0], path);
}

static void coap_methods_become_those_of_http(void **state)
{
    static const struct {
        const char *options, *path, *words;
    } rows[] = {
        { "-m get", "/things/a", "c:4.04" },
        { "-m put -t 0 -e one", "/things/a", "c:2.01" },
        { "-m put -t 0 -e two", "/things/a", "c:2.04" },
        { "-m get", "/things/a", "c:2.05" },
        { "-m get", "/things/a", "two" },
        { "-m patch -t 0 -e +", "/things/a", "c:2.04" },
        { "-m get", "/things/a", "two+" },
        { "-m delete", "/things/a", "c:2.02" },
        { "-m get", "/things/a", "c:4.04" },
        { "-m post -t 50 -e {}", "/things", "c:2.01" },
        { "-m get", "/echo/fields?a=b", "GET /echo/fields?a=b" },
        { "-m post -t 50 -e {}", "/echo", "Content-Format:application/json" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        coap_asks(rows[i].options, rows[i].path, rows[i].words);
    }
}

static void status_codes_become_codes(void **state)
{
    static const struct {
        unsigned status;
        const char *words;
    } rows[] = {
        { 200, "c:2.05" }, { 400, "c:4.00" }, { 401, "c:4.01" }, { 403, "c:4.03" },
        { 404, "c:4.04" }, { 405, "c:4.05" }, { 406, "c:4.06" }, { 412, "c:4.12" },
        { 413, "c:4.13" }, { 415, "c:4.15" }, { 500, "c:5.00" }, { 501, "c:5.01" },
        { 502, "c:5.02" }, { 503, "c:5.03" }, { 504, "c:5.04" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[32];
        snprintf(path, sizeof path, "/status/%u", rows[i].status);
        coap_asks("-m get", path, rows[i].words);
    }
}

static void a_location_becomes_options(void **state)
{
    (void)state;
    coap_asks("-m post -t 0 -e x", "/things", "Location-Path:things, Location-Path:new");
    assert_non_null(strstr(run.output, "Location-Query:made=1"));
}

static void max_age_comes_from_cache_control(void **state)
{
    (void)state;
    coap_asks("-m put -t 0 -e aged", "/things/aged", "c:2.0");
    coap_asks("-m get", "/things/aged", "Max-Age:120");
}

/* Copies the value of an ETag from a trace as coap-client takes it: "0x1234". */
static void etag_read(char *text, size_t capacity)
{
    const char *at = strstr(run.output, "ETag:0x");
    assert_non_null(at);
    size_t size = strcspn(at + 5, ",] ");
    assert_true(size < capacity);
    memcpy(text, at + 5, size);
    text[size] = '\0';
}

static void conditional_requests_pass(void **state)
{
    char tag[40], options[80];
    (void)state;
    coap_asks("-m put -t 0 -e tagged", "/things/tagged", "c:2.0");
    coap_asks("-m get", "/things/tagged", "ETag:0x");
    etag_read(tag, sizeof tag);
    snprintf(options, sizeof options, "-m get -O 4,%s", tag);
    coap_asks(options, "/things/tagged", "c:2.03");
    assert_non_null(strstr(run.output, "Max-Age:30"));
    coap_asks("-m put -t 0 -e other -O 1,0x0102030405060708", "/things/tagged", "c:4.12");
    coap_asks("-m put -t 0 -e other -O 5", "/things/tagged", "c:4.12");
    snprintf(options, sizeof options, "-m put -t 0 -e new -O 1,%s", tag);
    coap_asks(options, "/things/tagged", "c:2.04");
}

/* The bytes that http_origin.py gives for /bytes/N. */
static void expect_bytes(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t i = 0;
    assert_non_null(file);
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
        assert_int_equal(byte, i * 7 % 251);
        i++;
    }
    fclose(file);
    assert_int_equal(i, size);
}

static void bytes_write(const char *path, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) {
        fputc((int)(i * 7 % 251), file);
    }
    assert_int_equal(fclose(file), 0);
}

static void bodies_of_64_kib_pass_from_coap(void **state)
{
    static const size_t sizes[] = { 0, 1, 1023, 1024, 1025, 65536 };
    char path[128], upload[128];
    (void)state;
    snprintf(path, sizeof path, "%s/down", folder);
    snprintf(upload, sizeof upload, "%s/up", folder);
    for (size_t i = 2; i < sizeof sizes / sizeof sizes[0]; i++) {
        (void)unlink(path);
        finished_program_run(&run,
                             "coap-client-notls -B 20 -P coap://127.0.0.1:%u -m get -o %s "
                             "http://127.0.0.1:%u/bytes/%zu",
                             gateway.ports[COAP], path, http_origin.ports[0], sizes[i]);
        expect_bytes(path, sizes[i]);
        bytes_write(upload, sizes[i]);
        (void)unlink(path);
        finished_program_run(
            &run,
            "coap-client-notls -B 20 -b 512 -P coap://127.0.0.1:%u -m post -t 42 -f %s -o %s "
            "http://127.0.0.1:%u/echo",
            gateway.ports[COAP], upload, path, http_origin.ports[0]);
        expect_bytes(path, sizes[i]);
    }
}

static void larger_bodies_are_refused_to_coap(void **state)
{
    char upload[128];
    (void)state;
    coap_asks("-m get", "/bytes/65537", "c:5.02");
    snprintf(upload, sizeof upload, "%s/up", folder);
    bytes_write(upload, 66000);
    finished_program_expect(&run, "4.13",
                            "coap-client-notls -B 20 -b 512 -P coap://127.0.0.1:%u -m post -t 42 "
                            "-f %s http://127.0.0.1:%u/echo",
                            gateway.ports[COAP], upload, http_origin.ports[0]);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    coap_asks("-m get", "/loop", "c:5.02");
}

/* ---------------------------------------------------------------- HTTP to CoAP */

static void curl_asks(const char *options, const char *path, const char *words)
{
    finished_program_expect(&run, words,
                            "curl -sS -i -m 20 %s http://127.0.0.1:%u/hc/coap://127.0.0.1:%u%s",
                            options, gateway.ports[HTTP], coap_server.ports[0], path);
}

static void http_methods_become_those_of_coap(void **state)
{
    static const struct {
        const char *options, *path, *words;
    } rows[] = {
        { "", "/nothing", "HTTP/1.1 404" },
        { "-X PUT -H Content-Type:text/plain -d one", "/curl", "HTTP/1.1 201" },
        { "-X PUT -H Content-Type:text/plain -d two", "/curl", "HTTP/1.1 204" },
        { "", "/curl", "two" },
        { "-I", "/curl", "HTTP/1.1 200" },
        { "-X DELETE", "/curl", "HTTP/1.1 204" },
        { "", "/curl", "HTTP/1.1 404" },
        { "-X OPTIONS", "/curl", "HTTP/1.1 501" },
        { "-X BREW", "/curl", "HTTP/1.1 501" },
        { "", "/.well-known/core", "application/link-format" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        curl_asks(rows[i].options, rows[i].path, rows[i].words);
    }
}

static void a_delayed_answer_arrives(void **state)
{
    (void)state;
    curl_asks("", "/async?1", "done");
}

static void another_http_client_is_served_as_well(void **state)
{
    (void)state;
    finished_program_expect(&run, "all right, over 2 connections",
                            "python3 tests/http_client.py %u coap://127.0.0.1:%u",
                            gateway.ports[HTTP], coap_server.ports[0]);
}

static void the_mapping_is_told_of(void **state)
{
    (void)state;
    finished_program_expect(&run, "</hc/>;rt=\"core.hc\"",
                            "curl -sS -i -m 20 http://127.0.0.1:%u/.well-known/core",
                            gateway.ports[HTTP]);
    assert_non_null(strstr(run.output, "application/link-format"));
    finished_program_expect(&run, "core.hc",
                            "coap-client-notls -B 20 coap://127.0.0.1:%u/.well-known/core",
                            gateway.ports[COAP]);
}

/* ---------------------------------------------------------------- CoAP to CoAP, and reverse */

static void coap_goes_on_as_coap(void **state)
{
    (void)state;
    finished_program_expect(&run, "c:2.01", COAP_CLIENT "-m put -e hop coap://127.0.0.1:%u/hop",
                            gateway.ports[COAP], coap_server.ports[0]);
    finished_program_expect(&run, "hop", COAP_CLIENT "-m get coap://127.0.0.1:%u/hop",
                            gateway.ports[COAP], coap_server.ports[0]);
    finished_program_expect(&run, "c:2.02", COAP_CLIENT "-m delete coap://127.0.0.1:%u/hop",
                            gateway.ports[COAP], coap_server.ports[0]);
}

static void a_name_is_resolved(void **state)
{
    (void)state;
    finished_program_expect(&run, "c:2.05", COAP_CLIENT "-m get coap://localhost:%u/example_data",
                            gateway.ports[COAP], coap_server.ports[0]);
}

static void large_bodies_go_on_as_coap(void **state)
{
    char path[128], upload[128];
    (void)state;
    snprintf(path, sizeof path, "%s/down", folder);
    snprintf(upload, sizeof upload, "%s/up", folder);
    bytes_write(upload, 65536);
    (void)unlink(path);
    finished_program_run(&run,
                         "coap-client-notls -B 20 -b 512 -P coap://127.0.0.1:%u -m put -f %s "
                         "coap://127.0.0.1:%u/large",
                         gateway.ports[COAP], upload, coap_server.ports[0]);
    finished_program_run(
        &run,
        "coap-client-notls -B 20 -P coap://127.0.0.1:%u -m get -o %s coap://127.0.0.1:%u/large",
        gateway.ports[COAP], path, coap_server.ports[0]);
    expect_bytes(path, 65536);
}

static void routes_lead_in_reverse(void **state)
{
    (void)state;
    finished_program_expect(&run, "c:2.01",
                            "coap-client-notls -v 6 -B 20 -m put -t 0 -e routed "
                            "coap://127.0.0.1:%u/site/routed",
                            gateway.ports[COAP]);
    finished_program_expect(&run, "routed",
                            "coap-client-notls -v 6 -B 20 coap://127.0.0.1:%u/site/routed",
                            gateway.ports[COAP]);
    finished_program_expect(&run, "c:2.05",
                            "coap-client-notls -v 6 -B 20 coap://127.0.0.1:%u/device/example_data",
                            gateway.ports[COAP]);
    finished_program_expect(&run, "HTTP/1.1 200",
                            "curl -sS -i -m 20 http://127.0.0.1:%u/device/example_data",
                            gateway.ports[HTTP]);
    finished_program_expect(&run, "c:4.04",
                            "coap-client-notls -v 6 -B 20 coap://127.0.0.1:%u/nowhere",
                            gateway.ports[COAP]);
}

/* ---------------------------------------------------------------- refusals */

static void what_is_not_allowed_is_refused(void **state)
{
    (void)state;
    finished_program_expect(&run, "c:4.03", COAP_CLIENT "-m get http://192.0.2.1/",
                            gateway.ports[COAP]);
    finished_program_expect(&run, "c:4.03", COAP_CLIENT "-m get coap://192.0.2.1/",
                            gateway.ports[COAP]);
    finished_program_expect(&run, "HTTP/1.1 403",
                            "curl -sS -i -m 20 http://127.0.0.1:%u/hc/coap://192.0.2.1/",
                            gateway.ports[HTTP]);
    finished_program_expect(&run, "HTTP/1.1 501",
                            "curl -sS -i -m 20 http://127.0.0.1:%u/hc/coaps://127.0.0.1/",
                            gateway.ports[HTTP]);
}

static void an_origin_that_is_not_there_is_a_bad_gateway(void **state)
{
    (void)state;
    finished_program_expect(&run, "c:5.02", COAP_CLIENT "-m get http://127.0.0.1:1/",
                            gateway.ports[COAP]);
    finished_program_expect(&run, "c:5.02", COAP_CLIENT "-m get coap://127.0.0.1:1/",
                            gateway.ports[COAP]);
    finished_program_expect(&run, "HTTP/1.1 502",
                            "curl -sS -i -m 20 http://127.0.0.1:%u/hc/coap://127.0.0.1:1/",
                            gateway.ports[HTTP]);
}

static void an_origin_that_does_not_answer_is_a_time_out(void **state)
{
    (void)state;
    coap_asks("-m get", "/silent", "c:5.04");
    finished_program_expect(&run, "c:5.04", COAP_CLIENT "-m get coap://127.0.0.1:%u/silent",
                            gateway.ports[COAP], coap_script.ports[0]);
    finished_program_expect(&run, "HTTP/1.1 504",
                            "curl -sS -i -m 20 http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/silent",
                            gateway.ports[HTTP], coap_script.ports[0]);
}

static void a_gateway_that_asks_itself_stops(void **state)
{
    (void)state;
    /* The gateway's HTTP side, asked by its CoAP side for its CoAP side, and so on. */
    finished_program_expect(&run, "c:5.0",
                            COAP_CLIENT "-m get http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/device",
                            gateway.ports[COAP], gateway.ports[HTTP], gateway.ports[COAP]);
    finished_program_expect(&run, "c:5.08",
                            COAP_CLIENT "-H 1 -m get coap://127.0.0.1:%u/example_data",
                            gateway.ports[COAP], coap_server.ports[0]);
    assert_non_null(strstr(run.output, "gate.test"));
}

/* ---------------------------------------------------------------- its log */

static void read_log(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/log", folder);
    finished_program_run(&run, "tail -n 4 %s", path);
}

static void observe_is_not_mapped_and_the_log_says_so(void **state)
{
    (void)state;
    finished_program_run(&run, COAP_CLIENT "-s 1 -m get coap://127.0.0.1:%u/time",
                         gateway.ports[COAP], coap_server.ports[0]);
    assert_non_null(strstr(run.output, "c:2.05"));
    const char *answer = strstr(run.output, "c:2.05");
    assert_null(strstr(answer, "Observe"));
    char path[128];
    snprintf(path, sizeof path, "%s/log", folder);
    finished_program_expect(&run, "Observe is not mapped", "tail -n 8 %s", path);
}

static void four_messages_make_an_exchange_in_the_log(void **state)
{
    static const char *const words[] = {
        "\"kind\":\"request-in\",\"protocol\":\"coap\",\"peer\":\"127.0.0.1:",
        "\"kind\":\"request-out\",\"protocol\":\"http\",\"peer\":\"http://127.0.0.1:",
        "\"kind\":\"response-in\",\"protocol\":\"http\",\"peer\":\"http://127.0.0.1:",
        "\"kind\":\"response-out\",\"protocol\":\"coap\",\"peer\":\"127.0.0.1:",
        "\"method\":\"POST\",\"format\":\"application/json\",\"size\":6,\"body\":\"[1234]\"}",
        "\"status\":200,\"format\":\"application/json\",\"size\":6,\"body\":\"[1234]\"}",
        "\"code\":\"2.04\",\"format\":\"application/json\",\"size\":6,\"body\":\"[1234]\"}",
    };
    struct stat status;
    char path[128];
    (void)state;
    coap_asks("-m post -t 50 -e [1234]", "/echo", "[1234]");
    snprintf(path, sizeof path, "%s/log", folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    read_log();
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(run.output, words[i]) == NULL) {
            fail_msg("no %s in %s", words[i], run.output);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coap_methods_become_those_of_http),
        cmocka_unit_test(status_codes_become_codes),
        cmocka_unit_test(a_location_becomes_options),
        cmocka_unit_test(max_age_comes_from_cache_control),
        cmocka_unit_test(conditional_requests_pass),
        cmocka_unit_test(bodies_of_64_kib_pass_from_coap),
        cmocka_unit_test(larger_bodies_are_refused_to_coap),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(http_methods_become_those_of_coap),
        cmocka_unit_test(a_delayed_answer_arrives),
        cmocka_unit_test(another_http_client_is_served_as_well),
        cmocka_unit_test(the_mapping_is_told_of),
        cmocka_unit_test(coap_goes_on_as_coap),
        cmocka_unit_test(a_name_is_resolved),
        cmocka_unit_test(large_bodies_go_on_as_coap),
        cmocka_unit_test(routes_lead_in_reverse),
        cmocka_unit_test(what_is_not_allowed_is_refused),
        cmocka_unit_test(an_origin_that_is_not_there_is_a_bad_gateway),
        cmocka_unit_test(an_origin_that_does_not_answer_is_a_time_out),
        cmocka_unit_test(a_gateway_that_asks_itself_stops),
        cmocka_unit_test(observe_is_not_mapped_and_the_log_says_so),
        cmocka_unit_test(four_messages_make_an_exchange_in_the_log),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
