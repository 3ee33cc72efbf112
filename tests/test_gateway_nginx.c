/* SPDX-License-Identifier: MIT */
/* talc-proxy beside nginx as Debian has it: nginx as the HTTP origin of CoAP clients, plain and by
 * https, and nginx in front of the gateway for HTTP clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/credential_folder.h"
#include "tests/gateway_process.h"
#include "tests/nginx_process.h"

#define COAP 0 /* listeners of the gateway */
#define HTTP 1
#define HTTPS 2

static started_program gateway, coap_server;
static nginx_process origin, front;
static finished_program run;
static char folder[] = "/tmp/talc-gateway-XXXXXX";

static int start_all(void **state)
{
    const nginx_setup files = { .certificate = "outer.pem",
                                .key = "outer.key",
                                .directives = "dav_methods PUT DELETE;\n"
                                              "client_max_body_size 1m;\n"
                                              "add_header Cache-Control max-age=77;\n"
                                              "default_type text/plain;\n" };
    (void)state;
    assert_non_null(mkdtemp(folder));
    nginx_process_start(&origin, &files);
    coap_server_start(&coap_server);
    gateway_process_start(
        &gateway,
        "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --listen https://127.0.0.1:0 "
        "--https-ca %s --https-cert %s --https-key %s --quiet --ready-fd 1 "
        "--allow http://127.0.0.1:%u --allow https://127.0.0.1:%u --allow coap://127.0.0.1:%u",
        credential_path("outer-ca.pem"), credential_path("outer.pem"), credential_path("outer.key"),
        origin.port, origin.tls_port, coap_server.ports[0]);
    const nginx_setup before = { .upstream_port = gateway.ports[HTTP] };
    nginx_process_start(&front, &before);
    return 0;
}

static int stop_all(void **state)
{
    (void)state;
    gateway_process_stop(&gateway);
    nginx_process_stop(&front);
    nginx_process_stop(&origin);
    started_program_stop(&coap_server);
    finished_program_run(&run, "rm -r %s", folder);
    return 0;
}

typedef struct origin_row {
    const char *options, *path, *words;
} origin_row;

static void coap_asks(const char *origin_uri, const origin_row *row)
{
    finished_program_expect(&run, row->words,
                            "coap-client-notls -v 6 -B 20 -P coap://127.0.0.1:%u %s %s%s",
                            gateway.ports[COAP], row->options, origin_uri, row->path);
}

static void files_are_put_read_and_deleted(const char *origin_uri)
{
    static const origin_row rows[] = {
        { "-m get", "/file", "c:4.04" },
        { "-m put -t 0 -e hello", "/file", "c:2.01" },
        { "-m put -t 0 -e again", "/file", "c:2.04" },
        { "-m get", "/file", "again" },
        { "-m get", "/file", "Max-Age:77" },
        { "-m get", "/file", "Content-Format:text/plain" },
        { "-m post -t 0 -e x", "/file", "c:4.05" },
        { "-m get", "/file", "ETag:0x" },
    };
    char tag[40], options[80];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        coap_asks(origin_uri, &rows[i]);
    }
    const char *at = strstr(run.output, "ETag:0x") + strlen("ETag:");
    snprintf(tag, sizeof tag, "%.*s", (int)strcspn(at, ",] "), at);
    snprintf(options, sizeof options, "-m get -O 4,%s", tag);
    coap_asks(origin_uri, &(origin_row){ options, "/file", "c:2.03" });
    coap_asks(origin_uri, &(origin_row){ "-m delete", "/file", "c:2.02" });
    coap_asks(origin_uri, &(origin_row){ options, "/file", "c:4.04" });
}

static void nginx_is_an_origin(void **state)
{
    char uri[64];
    (void)state;
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u", origin.port);
    files_are_put_read_and_deleted(uri);
}

static void nginx_is_an_origin_by_https(void **state)
{
    char uri[64];
    (void)state;
    snprintf(uri, sizeof uri, "https://127.0.0.1:%u", origin.tls_port);
    files_are_put_read_and_deleted(uri);
}

static void an_https_origin_that_is_not_believed_is_a_bad_gateway(void **state)
{
    started_program doubting;
    (void)state;
    gateway_process_start(&doubting,
                          "--listen coap://127.0.0.1:0 --https-ca %s --quiet --ready-fd 1 "
                          "--allow https://127.0.0.1:%u",
                          credential_path("ca.pem"), origin.tls_port);
    finished_program_expect(&run, "c:5.02",
                            "coap-client-notls -v 6 -B 20 -P coap://127.0.0.1:%u "
                            "https://127.0.0.1:%u/file",
                            doubting.ports[COAP], origin.tls_port);
    gateway_process_stop(&doubting);
}

static void sixty_four_kib_go_to_nginx_and_back(void **state)
{
    (void)state;
    finished_program_run(&run, "dd if=/dev/urandom of=%s/up bs=65536 count=1", folder);
    finished_program_run(&run,
                         "coap-client-notls -B 20 -b 512 -m put -t 42 -f %s/up -P "
                         "coap://127.0.0.1:%u http://127.0.0.1:%u/large",
                         folder, gateway.ports[COAP], origin.port);
    finished_program_run(&run, "cmp %s/up %s/www/large", folder, origin.folder);
    assert_int_equal(run.code, 0);
    finished_program_run(&run,
                         "coap-client-notls -B 20 -o %s/down -P coap://127.0.0.1:%u "
                         "https://127.0.0.1:%u/large",
                         folder, gateway.ports[COAP], origin.tls_port);
    finished_program_run(&run, "cmp %s/up %s/down", folder, folder);
    assert_int_equal(run.code, 0);
}

static void nginx_stands_in_front(void **state)
{
    (void)state;
    finished_program_expect(&run, "HTTP/1.1 201",
                            "curl -sS -i -m 20 -X PUT -H Content-Type:text/plain -d front "
                            "http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/front",
                            front.port, coap_server.ports[0]);
    finished_program_expect(&run, "front",
                            "curl -sS -i -m 20 http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/front",
                            front.port, coap_server.ports[0]);
}

static void https_clients_are_served(void **state)
{
    (void)state;
    finished_program_expect(&run, "HTTP/1.1 200",
                            "curl -sS -i -m 20 --http1.1 --cacert %s "
                            "https://127.0.0.1:%u/hc/coap://127.0.0.1:%u/example_data",
                            credential_path("outer-ca.pem"), gateway.ports[HTTPS],
                            coap_server.ports[0]);
}

/* A disk that is full, by a limit for the size of files. */
static void a_log_without_room_is_no_reason_to_stop(void **state)
{
    started_program logging;
    struct rlimit before, small;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    gateway_process_start(&logging,
                          "--listen http://127.0.0.1:0 --log %s/log --quiet --ready-fd 1 --allow "
                          "coap://127.0.0.1:%u",
                          folder, coap_server.ports[0]);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    for (int i = 0; i < 5; i++) {
        finished_program_expect(
            &run, "HTTP/1.1 200",
            "curl -sS -i -m 20 http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/example_data",
            logging.ports[0], coap_server.ports[0]);
    }
    gateway_process_stop(&logging);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nginx_is_an_origin),
        cmocka_unit_test(nginx_is_an_origin_by_https),
        cmocka_unit_test(an_https_origin_that_is_not_believed_is_a_bad_gateway),
        cmocka_unit_test(sixty_four_kib_go_to_nginx_and_back),
        cmocka_unit_test(nginx_stands_in_front),
        cmocka_unit_test(https_clients_are_served),
        cmocka_unit_test(a_log_without_room_is_no_reason_to_stop),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
