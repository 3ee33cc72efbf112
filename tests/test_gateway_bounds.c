/* SPDX-License-Identifier: MIT */
/* talc-proxy where it has to end something by itself: too much at once, loops through other
 * gateways, and a command line that makes no sense. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/gateway_process.h"

#define HTTP 1 /* a listener of the gateway */

static started_program origin;
static finished_program run;

static int start_origin(void **state)
{
    (void)state;
    origin_script_start(&origin, "tests/coap_origin.py");
    return 0;
}

static int stop_origin(void **state)
{
    (void)state;
    started_program_stop(&origin);
    return 0;
}

static void a_full_gateway_says_when_to_come_again(void **state)
{
    started_program small;
    (void)state;
    gateway_process_start(&small,
                          "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --timeout 3 "
                          "--max-outstanding 1 --quiet --ready-fd 1 --allow coap://127.0.0.1:%u",
                          origin.ports[0]);
    finished_program_run(&run,
                         "curl -sS -i -m 20 --parallel --parallel-immediate "
                         "http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/silent?[1-3]",
                         small.ports[HTTP], origin.ports[0]);
    assert_non_null(strstr(run.output, "HTTP/1.1 504"));
    assert_non_null(strstr(run.output, "HTTP/1.1 503"));
    assert_non_null(strstr(run.output, "Retry-After: 2"));
    gateway_process_stop(&small);
}

/* Two addresses ask for more than there is: one for nearly all, and then the other for a little. */
static void one_address_does_not_take_all_places(void **state)
{
    static const struct {
        const char *options, *of_the_other; /* what the other one gets */
    } rows[] = {
        { "", "127.0.0.2=504;" },
        { "--max-per-client 8", "127.0.0.2=503;" }, /* as behind a reverse proxy */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        started_program small;
        gateway_process_start(
            &small,
            "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --timeout 3 "
            "--max-outstanding 8 --quiet --ready-fd 1 --allow coap://127.0.0.1:%u "
            "%s",
            origin.ports[0], rows[i].options);
        finished_program_run(
            &run,
            "curl -s -m 20 --parallel --parallel-immediate --parallel-max 50 --interface 127.0.0.1 "
            "-o /dev/null -w %%{local_ip}=%%{http_code}; "
            "http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/silent?[1-20] --next -s -m 20 "
            "--interface 127.0.0.2 -o /dev/null -w %%{local_ip}=%%{http_code}; "
            "http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/silent?last",
            small.ports[HTTP], origin.ports[0], small.ports[HTTP], origin.ports[0]);
        assert_non_null(strstr(run.output, "127.0.0.1=504;"));
        assert_non_null(strstr(run.output, "127.0.0.1=503;"));
        assert_non_null(strstr(run.output, rows[i].of_the_other));
        gateway_process_stop(&small);
    }
}

/* A socket of all addresses of the loopback network that never answers. */
static int silent_everywhere(uint16_t *port)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
    socklen_t size = sizeof any;
    int wire = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(wire >= 0);
    assert_int_equal(bind(wire, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(getsockname(wire, (struct sockaddr *)&any, &size), 0);
    *port = ntohs(any.sin_port);
    return wire;
}

static void silent_origins_leave_room_for_others(void **state)
{
    started_program wide;
    uint16_t port;
    int wire = silent_everywhere(&port);
    (void)state;
    gateway_process_start(&wide,
                          "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --timeout 3 "
                          "--quiet --ready-fd 1 --allow coap:");
    finished_program_run(&run,
                         "curl -s -m 20 --parallel --parallel-immediate --parallel-max 200 "
                         "-o /dev/null -w %%{http_code}; "
                         "http://127.0.0.1:%u/hc/coap://127.0.0.[1-80]:%u/x",
                         wide.ports[HTTP], port);
    assert_non_null(strstr(run.output, "504;"));
    assert_null(strstr(run.output, "503;"));
    gateway_process_stop(&wide);
    close(wire);
}

/* Connections wait in its queue, and nobody ever answers. */
static int silent_listener(uint16_t *port)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listening >= 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(listen(listening, 64), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&here, &size), 0);
    *port = ntohs(here.sin_port);
    return listening;
}

/* As many non-confirmable GETs as may wait for one origin. */
static void ask_often(uint16_t gateway, char path)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(gateway),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int wire = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(wire >= 0);
    for (uint8_t i = 0; i < 32; i++) {
        const uint8_t get[] = { 0x51, 0x01, (uint8_t)path, i, i, 0xb1, (uint8_t)path };
        assert_int_equal(sendto(wire, get, sizeof get, 0, (struct sockaddr *)&to, sizeof to),
                         sizeof get);
    }
    close(wire);
}

static void slow_http_origins_do_not_delay_others(void **state)
{
    started_program web, gateway;
    uint16_t ports[3];
    int slow[3];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        slow[i] = silent_listener(&ports[i]);
    }
    origin_script_start(&web, "tests/http_origin.py");
    gateway_process_start(&gateway,
                          "--listen coap://127.0.0.1:0 --quiet --ready-fd 1 --timeout 60 "
                          "--route /a=http://127.0.0.1:%u --route /b=http://127.0.0.1:%u "
                          "--route /c=http://127.0.0.1:%u --route /good=http://127.0.0.1:%u",
                          ports[0], ports[1], ports[2], web.ports[0]);
    for (char path = 'a'; path <= 'c'; path++) {
        ask_often(gateway.ports[0], path);
    }
    finished_program_expect(&run, "c:2.05",
                            "coap-client-notls -v 6 -B 10 coap://127.0.0.1:%u/good/bytes/5",
                            gateway.ports[0]);
    gateway_process_stop(&gateway);
    started_program_stop(&web);
    for (size_t i = 0; i < 3; i++) {
        close(slow[i]);
    }
}

static size_t read_file(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, capacity - 1, file);
    fclose(file);
    text[size] = '\0';
    return size;
}

/* By the rules, for want of a format, and for want of room. */
static void refused_bodies_are_not_logged_and_a_renamed_log_is_left(void **state)
{
    static char text[65536];
    char folder[] = "/tmp/talc-proxy-bounds-XXXXXX";
    char log[64], old[64];
    started_program small;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(log, sizeof log, "%s/log", folder);
    snprintf(old, sizeof old, "%s/log.1", folder);
    gateway_process_start(&small,
                          "--listen coap://127.0.0.1:0 --listen http://127.0.0.1:0 --timeout 2 "
                          "--max-outstanding 1 --quiet --ready-fd 1 --log %s "
                          "--allow coap://127.0.0.1:%u",
                          log, origin.ports[0]);
    finished_program_expect(&run, "HTTP/1.1 403",
                            "curl -sS -i -m 20 -d forbidden-body "
                            "http://127.0.0.1:%u/hc/coap://127.0.0.9:%u/silent",
                            small.ports[HTTP], origin.ports[0]);
    finished_program_run(&run,
                         "curl -sS -i -m 20 --parallel --parallel-immediate -H "
                         "Content-Type:application/json -d outstanding "
                         "http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/silent?[1-3]",
                         small.ports[HTTP], origin.ports[0]);
    finished_program_expect(&run, "HTTP/1.1 415",
                            "curl -sS -i -m 20 -d untranslated "
                            "http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/silent",
                            small.ports[HTTP], origin.ports[0]);
    assert_non_null(strstr(run.output, "Content-Type application/x-www-form-urlencoded"));
    assert_int_equal(rename(log, old), 0);
    assert_int_equal(kill(small.process, SIGHUP), 0);
    finished_program_expect(&run, "HTTP/1.1 403",
                            "curl -sS -i -m 20 -d later-body "
                            "http://127.0.0.1:%u/hc/coap://127.0.0.9:%u/silent",
                            small.ports[HTTP], origin.ports[0]);
    gateway_process_stop(&small);
    (void)read_file(old, text, sizeof text);
    assert_null(strstr(text, "forbidden-body"));
    assert_null(strstr(text, "untranslated"));
    assert_non_null(strstr(text, "\"size\":14"));
    /* One of three has gone on: it is there as it came in and as it went out. */
    unsigned bodies = 0;
    for (const char *at = text; (at = strstr(at, "\"outstanding\"")) != NULL; at++) {
        bodies++;
    }
    assert_int_equal(bodies, 2);
    assert_null(strstr(text, "\"size\":10"));
    (void)read_file(log, text, sizeof text);
    assert_non_null(strstr(text, "\"size\":10"));
    (void)unlink(log);
    (void)unlink(old);
    (void)rmdir(folder);
}

/* Another gateway's route has to name it before it is there. */
static uint16_t port_that_was_free(void)
{
    started_program probe;
    gateway_process_start(&probe, "--listen coap://127.0.0.1:0 --quiet --ready-fd 1");
    uint16_t port = probe.ports[0];
    gateway_process_stop(&probe);
    return port;
}

static void two_gateways_in_a_loop_stop(void **state)
{
    started_program first, other;
    (void)state;
    /* /loop of this one leads to /loop of the next, which leads to /loop of this one. */
    uint16_t port = port_that_was_free();
    gateway_process_start(&first,
                          "--listen coap://127.0.0.1:0 --quiet --ready-fd 1 "
                          "--route /loop=coap://127.0.0.1:%u/loop --name first.test",
                          port);
    gateway_process_start(&other,
                          "--listen coap://127.0.0.1:%u --quiet --ready-fd 1 "
                          "--route /loop=coap://127.0.0.1:%u/loop --name second.test",
                          port, first.ports[0]);
    /* The way back passes the gateway that the hop limit's end has passed, too. */
    finished_program_expect(&run, "c:5.02", "coap-client-notls -v 6 -B 20 coap://127.0.0.1:%u/loop",
                            first.ports[0]);
    assert_non_null(strstr(run.output, "a 5.08 of this gateway came back to it"));
    gateway_process_stop(&first);
    gateway_process_stop(&other);
}

/* Neither Via nor Hop-Limit outlives the other protocol; the bound for one origin ends it. */
static void a_loop_over_both_protocols_is_bounded(void **state)
{
    started_program first, second;
    (void)state;
    uint16_t port = port_that_was_free();
    gateway_process_start(&second,
                          "--listen http://127.0.0.1:0 --quiet --ready-fd 1 "
                          "--allow coap://127.0.0.1:%u",
                          port);
    gateway_process_start(&first,
                          "--listen coap://127.0.0.1:%u --quiet --ready-fd 1 "
                          "--route /spin=http://127.0.0.1:%u/hc/coap://127.0.0.1:%u/spin",
                          port, second.ports[0], port);
    finished_program_expect(&run, "c:5.03", "coap-client-notls -v 6 -B 20 coap://127.0.0.1:%u/spin",
                            port);
    assert_non_null(strstr(run.output, "too many requests wait for http://127.0.0.1"));
    gateway_process_stop(&first);
    gateway_process_stop(&second);
}

/* A listener whose queue is full leaves connections to it unanswered. */
static int full_listener(int callers[2], uint16_t *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < 2; i++) {
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(callers[i], (struct sockaddr *)&address, size);
    }
    *port = ntohs(address.sin_port);
    return listener;
}

/* That no connection came about is as late as no response: the gateway's own clock says so first.
 */
static void a_host_that_does_not_connect_is_late(void **state)
{
    started_program hasty;
    int callers[2];
    uint16_t port;
    (void)state;
    int listener = full_listener(callers, &port);
    gateway_process_start(&hasty,
                          "--listen coap://127.0.0.1:0 --timeout 1 --quiet --ready-fd 1 "
                          "--route /late=http://127.0.0.1:%u",
                          port);
    for (unsigned i = 0; i < 3; i++) {
        finished_program_expect(&run, "c:5.04",
                                "coap-client-notls -v 6 -B 20 coap://127.0.0.1:%u/late",
                                hasty.ports[0]);
        assert_non_null(strstr(run.output, "did not answer within 1000 ms"));
    }
    gateway_process_stop(&hasty);
    close(callers[0]);
    close(callers[1]);
    close(listener);
}

static void wrong_usage_is_told(void **state)
{
    static const struct {
        const char *options, *words;
        int code;
    } rows[] = {
        { "--help", "usage: talc-proxy", 0 },
        { "--version", "talc-proxy 0", 0 },
        { "--what", "--what", 2 },
        { "--what", "ry talc-proxy --help", 2 },
        { "--allow", "ry talc-proxy --help", 2 },
        { "what", "what is \"what\"?", 2 },
        { "--timeout 0", "--timeout takes a number", 2 },
        { "--timeout 1x", "--timeout takes a number", 2 },
        { "--allow gopher://x", "--allow", 2 },
        { "--route nonsense", "--route", 2 },
        { "--hc-path hc", "--hc-path", 2 },
        { "--allow coap://127.0.0.0/8:any", "coap://127.0.0.0:any/8", 2 },
        { "--name a/b", "is no name for a gateway", 2 },
        { "--listen gopher://[::]", "listens at coap://, http:// or https://", 2 },
        { "--listen coap://127.0.0.1:99999", "99999", 2 },
        { "--listen http://127.0.0.1:99999", "99999", 2 },
        { "--listen http://127.0.0.1:x", "127.0.0.1:x", 2 },
        { "--ready-fd 77", "--ready-fd 77 is not open", 2 },
        { "--ready-fd x", "--ready-fd takes a number", 2 },
        { "--listen coap://192.0.2.1:0", "192.0.2.1", 1 },
        { "--log /nowhere/log", "/nowhere/log", 1 },
        { "--https-ca /nowhere/ca", "/nowhere/ca", 1 },
        { "--listen https://127.0.0.1:0",
          "--listen https://127.0.0.1:0 needs --https-cert and --https-key", 2 },
        { "--https-cert c.pem", "--https-cert needs --https-key", 2 },
        { "--https-key k.pem", "--https-key needs --https-cert", 2 },
        { "--listen https://127.0.0.1:0 --https-cert /nowhere/c --https-key /nowhere/k",
          "/nowhere/c", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        finished_program_expect(&run, rows[i].words, "%s %s", getenv("TALC_TEST_TALC_PROXY"),
                                rows[i].options);
        assert_int_equal(run.code, rows[i].code);
        assert_true(rows[i].code == 0 || strstr(run.output, "usage:") == NULL);
    }
}

/* Whoever opens it to everybody is told, in whatever words that was said. */
static void an_open_proxy_is_warned_of(void **state)
{
    static const struct {
        const char *options;
        int is_open;
    } rows[] = { { "--open-proxy", 1 },
                 { "--allow any", 1 },
                 { "--allow coap:", 1 },
                 { "--allow coap://192.0.2.0:any/24", 0 },
                 { "--open-proxy --quiet", 0 } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        finished_program_run(&run, "bash tests/proxy_until_ready.sh %s %s",
                             getenv("TALC_TEST_TALC_PROXY"), rows[i].options);
        assert_int_equal(run.code, 0);
        assert_int_equal(strstr(run.output, "warning: an open proxy") != NULL, rows[i].is_open);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_gateway_says_when_to_come_again),
        cmocka_unit_test(one_address_does_not_take_all_places),
        cmocka_unit_test(silent_origins_leave_room_for_others),
        cmocka_unit_test(slow_http_origins_do_not_delay_others),
        cmocka_unit_test(refused_bodies_are_not_logged_and_a_renamed_log_is_left),
        cmocka_unit_test(two_gateways_in_a_loop_stop),
        cmocka_unit_test(a_loop_over_both_protocols_is_bounded),
        cmocka_unit_test(a_host_that_does_not_connect_is_late),
        cmocka_unit_test(wrong_usage_is_told),
        cmocka_unit_test(an_open_proxy_is_warned_of),
    };
    return cmocka_run_group_tests(tests, start_origin, stop_origin);
}
