/* SPDX-License-Identifier: MIT */
/* What a gateway writes of what passes: lines for programs, which have to be JSON whatever a peer
 * sent, and lines for people, which must not move a terminal's cursor. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/proxy_log.h"
#include "records/proxy_log_reader.h"
#include "talc/message.h"

#define LINE_MAX 200000

static char path[64];
static char line[LINE_MAX], copy[2 * LINE_MAX + 16];

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/talc-proxy-log-XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

/* Writes one event and reads its line back. */
static size_t write_one(const talc_gateway_event *event)
{
    talc_proxy_log *log;
    talc_failure failure = { 0 };
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(talc_proxy_log_open(&log, path, &failure), TALC_OK);
    assert_int_equal(talc_proxy_log_write(log, event), TALC_OK);
    talc_proxy_log_close(log);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = '\0';
    return size;
}

static const uint8_t json_format = 50;
static const talc_coap_message_option format_option = { TALC_COAP_CONTENT_FORMAT, 1, &json_format };

static void keys_stand_in_their_order(void **state)
{
    const talc_http_field type = { "content-type", "application/json; charset=utf-8" };
    const talc_coap_message post = { .code = TALC_POST,
                                     .options = &format_option,
                                     .option_count = 1,
                                     .body = (const uint8_t *)"{\"i\":1}",
                                     .body_size = 7 };
    const talc_coap_message changed = { .code = TALC_CODE(2, 4) };
    const talc_coap_message unnamed = { .code = 31 };
    const talc_http_message get = { .method = "GET", .target = "http://svc/" };
    const talc_http_message good = { .status = 200,
                                     .fields = &type,
                                     .field_count = 1,
                                     .body = (const uint8_t *)"\x00\xff\n",
                                     .body_size = 3 };
    const struct {
        talc_gateway_event event;
        const char *line;
    } rows[] = {
        { { TALC_GATEWAY_REQUEST_IN, 17, 1700000000000, TALC_GATEWAY_COAP, "127.0.0.1:40012",
            "coap://svc/a", &post, NULL, NULL, 0 },
          "{\"time_ms\":1700000000000,\"exchange\":17,\"kind\":\"request-in\",\"protocol\":"
          "\"coap\","
          "\"peer\":\"127.0.0.1:40012\",\"uri\":\"coap://svc/a\",\"method\":\"POST\","
          "\"format\":\"application/json\",\"size\":7,\"body\":\"{\\\"i\\\":1}\"}\n" },
        { { TALC_GATEWAY_REQUEST_OUT, 1, 2, TALC_GATEWAY_HTTPS, "https://svc", "https://svc/", NULL,
            &get, "Observe is not mapped", 0 },
          "{\"time_ms\":2,\"exchange\":1,\"kind\":\"request-out\",\"protocol\":\"https\","
          "\"peer\":\"https://svc\",\"uri\":\"https://svc/\",\"method\":\"GET\",\"size\":0,"
          "\"reason\":\"Observe is not mapped\"}\n" },
        { { TALC_GATEWAY_RESPONSE_IN, 1, 2, TALC_GATEWAY_HTTP, "http://svc", "http://svc/", NULL,
            &good, NULL, 0 },
          "{\"time_ms\":2,\"exchange\":1,\"kind\":\"response-in\",\"protocol\":\"http\","
          "\"peer\":\"http://svc\",\"uri\":\"http://svc/\",\"status\":200,"
          "\"format\":\"application/json; charset=utf-8\",\"size\":3,"
          "\"body_base64url\":\"AP8K\"}\n" },
        { { TALC_GATEWAY_RESPONSE_OUT, 1, 2, TALC_GATEWAY_COAP, "p", "", &changed, NULL, NULL, 0 },
          "{\"time_ms\":2,\"exchange\":1,\"kind\":\"response-out\",\"protocol\":\"coap\","
          "\"peer\":\"p\",\"uri\":\"\",\"code\":\"2.04\",\"size\":0}\n" },
        { { TALC_GATEWAY_REQUEST_IN, 1, 2, TALC_GATEWAY_COAP, "p", "", &unnamed, NULL, NULL, 0 },
          "{\"time_ms\":2,\"exchange\":1,\"kind\":\"request-in\",\"protocol\":\"coap\","
          "\"peer\":\"p\",\"uri\":\"\",\"method\":\"0.31\",\"size\":0}\n" },
        /* Whoever is refused does not fill the disk. */
        { { TALC_GATEWAY_REQUEST_IN, 1, 2, TALC_GATEWAY_COAP, "p", "coap://svc/a", &post, NULL,
            NULL, 1 },
          "{\"time_ms\":2,\"exchange\":1,\"kind\":\"request-in\",\"protocol\":\"coap\","
          "\"peer\":\"p\",\"uri\":\"coap://svc/a\",\"method\":\"POST\","
          "\"format\":\"application/json\",\"size\":7}\n" },
        { { TALC_GATEWAY_TROUBLE, 1, 2, TALC_GATEWAY_HTTP, "http://svc", "http://svc/", NULL, NULL,
            "no answer", 0 },
          "{\"time_ms\":2,\"exchange\":1,\"kind\":\"trouble\",\"protocol\":\"http\","
          "\"peer\":\"http://svc\",\"uri\":\"http://svc/\",\"reason\":\"no answer\"}\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)write_one(&rows[i].event);
        assert_string_equal(line, rows[i].line);
    }
}

/* Every byte in every text, and bodies of every kind: the reader of talc inspect finds the body. */
static void whatever_a_peer_sends_is_one_line_of_json(void **state)
{
    static uint8_t body[65536];
    talc_proxy_log_entry entry;
    char text[256];
    (void)state;
    for (size_t i = 1; i < sizeof text; i++) {
        text[i - 1] = (char)i;
    }
    text[255] = '\0';
    for (unsigned byte = 0; byte < 256; byte++) {
        memset(body, (int)byte, sizeof body);
        const talc_http_field type = { "Content-Type", text };
        const talc_http_message message = { .method = text,
                                            .fields = &type,
                                            .field_count = 1,
                                            .body = body,
                                            .body_size = byte % 2 ? sizeof body / 4 : 1 };
        const talc_gateway_event event = { .kind = TALC_GATEWAY_REQUEST_IN,
                                           .peer = text,
                                           .uri = text,
                                           .http = &message,
                                           .reason = text };
        size_t size = write_one(&event);
        assert_ptr_equal(memchr(line, '\n', size), line + size - 1);
        assert_int_equal(talc_proxy_log_read_line(line, size, copy, &entry), TALC_OK);
        assert_int_equal(entry.size, message.body_size);
        assert_int_equal(entry.body_size, message.body_size);
        assert_memory_equal(entry.body, body, entry.body_size);
    }
}

static void a_log_that_others_may_read_is_refused(void **state)
{
    talc_proxy_log *log;
    talc_failure failure = { 0 };
    (void)state;
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(talc_proxy_log_open(&log, path, &failure), TALC_ERROR_IO);
    assert_null(log);
    assert_non_null(strstr(failure.text, "chmod 600"));
    assert_int_equal(talc_proxy_log_open(&log, "/dev/null", NULL), TALC_ERROR_IO);
}

static void lines_are_appended(void **state)
{
    talc_proxy_log *log;
    struct stat before, after;
    const talc_gateway_event event = { .peer = "p", .uri = "" };
    (void)state;
    (void)write_one(&event);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(talc_proxy_log_open(&log, path, NULL), TALC_OK);
    assert_int_equal(talc_proxy_log_write(log, &event), TALC_OK);
    talc_proxy_log_close(log);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_size, 2 * before.st_size);
}

static void a_renamed_log_is_left_for_a_new_one(void **state)
{
    char old[sizeof path + 8];
    talc_proxy_log *log;
    struct stat first, second;
    talc_failure failure = { 0 };
    const talc_gateway_event event = { .peer = "p", .uri = "" };
    (void)state;
    snprintf(old, sizeof old, "%s.1", path);
    size_t size = write_one(&event);
    assert_int_equal(talc_proxy_log_open(&log, path, NULL), TALC_OK);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(talc_proxy_log_write(log, &event), TALC_OK);
    assert_int_equal(talc_proxy_log_reopen(log, path, &failure), TALC_OK);
    assert_int_equal(talc_proxy_log_write(log, &event), TALC_OK);
    /* Where there is no new one, the old one goes on. */
    assert_int_equal(talc_proxy_log_reopen(log, "/nowhere/log", &failure), TALC_ERROR_IO);
    assert_non_null(strstr(failure.text, "/nowhere/log"));
    assert_int_equal(talc_proxy_log_write(log, &event), TALC_OK);
    talc_proxy_log_close(log);
    assert_int_equal(stat(old, &first), 0);
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_size, 2 * size);
    assert_int_equal(second.st_size, 2 * size);
    assert_int_equal(second.st_mode & 0777, 0600);
    (void)unlink(old);
}

/* A full disk, by a limit for the size of files. */
static void a_line_that_was_cut_ends_before_the_next(void **state)
{
    struct rlimit before, small;
    struct stat first, cut;
    talc_proxy_log *log;
    const talc_gateway_event event = { .peer = "p", .uri = "" };
    (void)state;
    size_t size = write_one(&event);
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = size + size / 2;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(talc_proxy_log_open(&log, path, NULL), TALC_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(talc_proxy_log_write(log, &event), TALC_ERROR_IO);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(talc_proxy_log_write(log, &event), TALC_ERROR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(stat(path, &cut), 0);
    assert_int_equal(talc_proxy_log_write(log, &event), TALC_OK);
    talc_proxy_log_close(log);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(copy, 1, sizeof copy, file), (size_t)cut.st_size + 1 + size);
    fclose(file);
    assert_int_equal(copy[cut.st_size], '\n');
    assert_memory_equal(copy + cut.st_size + 1, line, size);
}

static void a_line_for_people_is_safe_and_short(void **state)
{
    char shown[TALC_PROXY_LINE_SIZE];
    char long_uri[4096];
    uint8_t body[1000];
    (void)state;
    memset(long_uri, 'u', sizeof long_uri - 1);
    long_uri[sizeof long_uri - 1] = '\0';
    memcpy(long_uri, "coap://\x1b[2J", 12);
    long_uri[11] = 'u';
    memset(body, 0x1b, sizeof body);
    const talc_coap_message post = { .code = TALC_POST,
                                     .options = &format_option,
                                     .option_count = 1,
                                     .body = body,
                                     .body_size = sizeof body };
    const talc_gateway_event event = { .kind = TALC_GATEWAY_REQUEST_IN,
                                       .exchange = 17,
                                       .peer = "127.0.0.1:40012",
                                       .uri = long_uri,
                                       .coap = &post,
                                       .reason = "\r\n\x07" };
    talc_proxy_line_write(shown, &event, TALC_PROXY_LINE_PLAIN);
    for (const char *at = shown; *at != '\0'; at++) {
        assert_in_range(*at, 0x20, 0x7e);
    }
    assert_non_null(strstr(shown, "#17"));
    assert_non_null(strstr(shown, "POST"));
    assert_non_null(strstr(shown, "coap://\\x1b[2J"));
    assert_non_null(strstr(shown, "uuu..."));
    assert_non_null(strstr(shown, "1000 bytes application/json \\x1b\\x1b"));
    assert_non_null(strstr(shown, "(\\x0d\\x0a\\x07)"));
    talc_proxy_line_write(shown, &event, TALC_PROXY_LINE_COLOURED);
    assert_int_equal(shown[0], 0x1b);
    assert_string_equal(shown + strlen(shown) - 4, "\x1b[0m");
}

/* What stands behind the peer. */
static const char *shown_of(char shown[TALC_PROXY_LINE_SIZE], const talc_gateway_event *event)
{
    talc_proxy_line_write(shown, event, TALC_PROXY_LINE_PLAIN);
    const char *peer = strstr(shown, event->peer);
    assert_non_null(peer);
    peer += strlen(event->peer);
    return peer + strspn(peer, " ");
}

#define BODY(text) .body = (const uint8_t *)(text), .body_size = sizeof(text) - 1

static void words_of_a_line_are_apart_and_said_once(void **state)
{
    static const talc_coap_message delete = { .code = TALC_DELETE }, ipatch = { .code = 7 };
    static const talc_coap_message changed = { .code = TALC_CODE(2, 4) };
    static const talc_coap_message refused = { .code = TALC_CODE(4, 3), BODY("not here") };
    static const talc_coap_message other = { .code = TALC_CODE(4, 3), BODY("not now") };
    static const talc_coap_message blanks = { .code = TALC_CODE(2, 5), BODY("a  ") };
    static const talc_http_message options = { .method = "OPTIONS" };
    static const struct {
        talc_gateway_event event;
        const char *shown;
    } rows[] = {
        { { TALC_GATEWAY_REQUEST_IN, 1, 2, TALC_GATEWAY_COAP, "p:1", "/dev/new", &delete, NULL,
            NULL, 0 },
          "DELETE /dev/new  0 bytes" },
        { { TALC_GATEWAY_REQUEST_OUT, 1, 2, TALC_GATEWAY_COAP, "p:1", "/a", &ipatch, NULL, NULL,
            0 },
          "iPATCH /a  0 bytes" },
        { { TALC_GATEWAY_REQUEST_IN, 1, 2, TALC_GATEWAY_HTTP, "p:1", "/a", NULL, &options, NULL,
            0 },
          "OPTIONS /a  0 bytes" },
        { { TALC_GATEWAY_RESPONSE_IN, 1, 2, TALC_GATEWAY_COAP, "p:1", "", &changed, NULL, NULL, 0 },
          "2.04 0 bytes" },
        { { TALC_GATEWAY_RESPONSE_IN, 1, 2, TALC_GATEWAY_COAP, "p:1", "", &blanks, NULL, NULL, 0 },
          "2.05 3 bytes a" },
        { { TALC_GATEWAY_RESPONSE_OUT, 1, 2, TALC_GATEWAY_COAP, "p:1", "", &refused, NULL,
            "not here", 0 },
          "4.03 8 bytes (not here)" },
        { { TALC_GATEWAY_RESPONSE_OUT, 1, 2, TALC_GATEWAY_COAP, "p:1", "", &other, NULL, "not here",
            0 },
          "4.03 7 bytes not now (not here)" },
        { { TALC_GATEWAY_TROUBLE, 1, 2, TALC_GATEWAY_COAP, "p:1", "", NULL, NULL, "no answer", 0 },
          "(no answer)" },
    };
    char shown[TALC_PROXY_LINE_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(shown_of(shown, &rows[i].event), rows[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_stand_in_their_order, make_path, remove_path),
        cmocka_unit_test_setup_teardown(whatever_a_peer_sends_is_one_line_of_json, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(a_log_that_others_may_read_is_refused, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(lines_are_appended, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_renamed_log_is_left_for_a_new_one, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(a_line_that_was_cut_ends_before_the_next, make_path,
                                        remove_path),
        cmocka_unit_test(a_line_for_people_is_safe_and_short),
        cmocka_unit_test(words_of_a_line_are_apart_and_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
