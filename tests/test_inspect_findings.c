/* SPDX-License-Identifier: MIT */

/* What `talc inspect` makes of what is odd: each odd thing has its name, the rest is read, and
 * nothing is without a limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "tools/inspect_reader.h"
#include "tools/inspect_report.h"

static const uint8_t session_id[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
#define ID_TEXT "AAECAwQFBgcICQoL"

/* ---------------------------------------------------------------- odd things */

/* Up to four bodies in a row; NULL ends it. A request begins with '>', an answer with '<', behind
 * a code if it is not 2.04. The record in `f` is AQAA: 3 bytes, 8 with its header. */
typedef struct odd_row {
    const char *name;
    const char *bodies[5];
    inspect_finding_kind kind;
    const char *text;
    size_t message_max;
} odd_row;

#define ASKED(i, rest) ">{\"i\":" #i rest "}"
#define ANSWERED(i, rest) "<{\"i\":" #i rest "}"
#define RECORD(n, f) ",\"n\":" #n ",\"r\":[{\"t\":22,\"f\":\"" f "\"}]"
#define GUARD ",\"g\":\"kq0x3J9aXsc\""

static const odd_row odd_rows[] = {
    { .name = "no envelope in a request",
      .bodies = { ">{\"i\":1" },
      .kind = INSPECT_MALFORMED_ENVELOPE,
      .text = "a request of 6 bytes" },
    { .name = "an empty request",
      .bodies = { ">" },
      .kind = INSPECT_MALFORMED_ENVELOPE,
      .text = "a request of 0 bytes" },
    { .name = "a good answer that is no envelope",
      .bodies = { ASKED(1, ""), "<hello" },
      .kind = INSPECT_MALFORMED_ENVELOPE,
      .text = "an answer of 5 bytes" },
    { .name = "other bytes at the same place",
      .bodies = { ASKED(1, RECORD(0, "AQAA")), ASKED(2, RECORD(0, "AQAB")) },
      .kind = INSPECT_CHANGED_BYTES,
      .text = "the client's stream: 1 bytes from offset 7 on are not those seen before" },
    { .name = "a record whose header is none, joined by a gap that closed",
      .bodies = { ASKED(1, ",\"n\":8,\"r\":[{\"t\":22,\"l\":9,\"p\":1,\"f\":\"AQAAAQAA\"}]"),
                  ASKED(2, RECORD(0, "AQAA")) },
      .kind = INSPECT_BROKEN_RECORD,
      .text = "the client's stream: what stands at 8 is no record header" },
    { .name = "bytes that were not seen",
      .bodies = { ASKED(1, RECORD(0, "AQAA")), ASKED(2, RECORD(10, "AQAA")) },
      .kind = INSPECT_GAP,
      .text = "the client's stream: bytes 8 to 9 were not seen" },
    { .name = "an answer that nobody asked for",
      .bodies = { ASKED(1, ""), ANSWERED(2, "") },
      .kind = INSPECT_ANSWER_TO_NO_REQUEST,
      .text = "an answer to request 2" },
    { .name = "an acknowledgement that went back",
      .bodies = { ANSWERED(7, RECORD(0, "AgAA")), ASKED(8, ",\"a\":8"), ASKED(9, ",\"a\":7") },
      .kind = INSPECT_ACKNOWLEDGED_LESS,
      .text = "the client acknowledged 7 after 8" },
    { .name = "an acknowledgement of what was not seen",
      .bodies = { ASKED(1, RECORD(0, "AQAA")), ANSWERED(1, ",\"a\":9") },
      .kind = INSPECT_ACKNOWLEDGED_MORE,
      .text = "the client's stream: acknowledged to 9, seen to 8" },
    { .name = "a tag that is there no more",
      .bodies = { ANSWERED(7, RECORD(0, "AgAA")), ASKED(8, GUARD), ASKED(9, ",\"a\":8") },
      .kind = INSPECT_GUARD_MISSING,
      .text = "the client has tagged before, and this not" },
    { .name = "a message of 1024 bytes",
      .bodies = { ASKED(1, "") },
      .message_max = 1024,
      .kind = INSPECT_LARGE_MESSAGE,
      .text = "1024 bytes of payload in one message" },
    { .name = "an error",
      .bodies = { ASKED(1, ""), "4.04<{\"i\":1,\"e\":\"unknown-session\"}" },
      .kind = INSPECT_ERROR_ANSWER,
      .text = "4.04, unknown-session" },
    { .name = "an answer of a proxy",
      .bodies = { ASKED(1, ""), "5.04<timeout" },
      .kind = INSPECT_ANSWER_OF_THE_PATH,
      .text = "5.04, 7 bytes" },
    { .name = "an answer without a body",
      .bodies = { ASKED(1, ""), "2.04<" },
      .kind = INSPECT_ANSWER_OF_THE_PATH,
      .text = "2.04, 0 bytes" },
    { .name = "a stream whose beginning was not seen",
      .bodies = { ASKED(1, RECORD(100, "AQAA")) },
      .kind = INSPECT_NOT_FROM_THE_START,
      .text = "the client's stream begins at 100" },
    { .name = "nothing: an empty answer without a tag, which goes to another address",
      .bodies = { ASKED(1, ""), ASKED(2, ""), ANSWERED(1, GUARD), ANSWERED(2, "") },
      .kind = INSPECT_FINDING_KINDS },
    { .name = "nothing: repeats and older envelopes that come late",
      .bodies = { ASKED(1, RECORD(0, "AQAA")), ASKED(3, ",\"a\":0" GUARD),
                  ASKED(2, RECORD(0, "AQAA")), ASKED(1, RECORD(0, "AQAA")) },
      .kind = INSPECT_FINDING_KINDS },
};

static void take_text(inspection *all, const char *text, size_t message_max, uint64_t place)
{
    char code[8] = "2.04";
    size_t code_size = strcspn(text, "<>");
    memcpy(code, code_size > 0 ? text : code, code_size > 0 ? code_size : 4);
    bool is_request = text[code_size] == '>';
    const char *start = text + code_size + 1;
    inspect_body body = { .place = place,
                          .direction = is_request ? INSPECT_CLIENT : INSPECT_SERVER,
                          .session_id = session_id,
                          .client = "c",
                          .text = start,
                          .size = strlen(start),
                          .is_success = code[0] == '2',
                          .code = code,
                          .message_max = message_max };
    inspection_take_body(all, inspection_view(all, "view"), &body);
}

static void odd_things_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_rows / sizeof odd_rows[0]; i++) {
        const odd_row *row = &odd_rows[i];
        inspection all;
        assert_true(inspection_begin(&all));
        for (size_t body = 0; body < 5 && row->bodies[body] != NULL; body++) {
            take_text(&all, row->bodies[body], row->message_max, body + 1);
        }
        inspection_finish(&all);
        size_t wanted = row->kind == INSPECT_FINDING_KINDS ? 0 : 1;
        size_t found = 0;
        for (size_t finding = 0; finding < all.finding_count; finding++) {
            if (all.findings[finding].kind == row->kind) {
                assert_string_equal(all.findings[finding].text, row->text);
                found++;
            }
        }
        if (found != wanted || (wanted == 0 && all.finding_count > 0)) {
            fail_msg("%s: %zu of %zu findings", row->name, found, all.finding_count);
        }
        inspection_end(&all);
    }
}

static void repeats_and_retransmissions_are_two_things(void **state)
{
    (void)state;
    static const char *const bodies[] = { ASKED(1, RECORD(0, "AQAA")),
                                          ASKED(1, RECORD(0, "AQAA")), /* CoAP sends it again */
                                          ASKED(2, RECORD(0, "AQAA")), /* the client does */
                                          ANSWERED(2, ",\"a\":8"), ANSWERED(2, ",\"a\":8") };
    inspection all;
    assert_true(inspection_begin(&all));
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        take_text(&all, bodies[i], 0, i + 1);
    }
    inspection_finish(&all);
    const inspect_session *session = all.views[0].sessions;
    assert_int_equal(session->totals[INSPECT_CLIENT].envelopes, 2);
    assert_int_equal(session->totals[INSPECT_CLIENT].repeats, 1);
    assert_int_equal(session->totals[INSPECT_CLIENT].retransmissions, 1);
    assert_int_equal(session->totals[INSPECT_SERVER].envelopes, 1);
    assert_int_equal(session->totals[INSPECT_SERVER].retransmissions, 1);
    assert_int_equal(session->streams[INSPECT_CLIENT].byte_count, 8);
    assert_int_equal(session->streams[INSPECT_CLIENT].record_count, 1);
    assert_int_equal(inspection_anomalies(&all), 0);
    inspection_end(&all);
}

static void records_are_compared_between_views(void **state)
{
    (void)state;
    static const char *const fragments[] = { ASKED(1, RECORD(0, "AQAA")),
                                             ASKED(1, RECORD(0, "AQAB")) };
    inspection all;
    assert_true(inspection_begin(&all));
    for (size_t i = 0; i < 2; i++) {
        inspect_body body = { .direction = INSPECT_CLIENT,
                              .session_id = session_id,
                              .client = "",
                              .text = fragments[i] + 1,
                              .size = strlen(fragments[i]) - 1,
                              .code = "" };
        inspection_take_body(&all, inspection_view(&all, i == 0 ? "before" : "behind"), &body);
    }
    inspection_finish(&all);
    assert_int_equal(all.counts[INSPECT_CHANGED_BETWEEN_VIEWS], 1);
    assert_string_equal(all.findings[0].text, "the record at 0 is another one at behind");
    inspection_end(&all);
}

/* ---------------------------------------------------------------- journals and logs that are odd
 */

static void read_text(inspection *all, const char *text, inspect_reading *reading)
{
    inspect_source source = { .path = "file", .leg = INSPECT_LEG_BOTH };
    memset(reading, 0, sizeof *reading);
    source.file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(source.file);
    assert_true(inspection_begin(all));
    bool is_journal = inspect_content_of(source.file) == INSPECT_CONTENT_JOURNAL;
    assert_true(is_journal ? inspect_journal_read(all, &source, reading)
                           : inspect_proxy_log_read(all, &source, reading));
    inspection_finish(all);
    fclose(source.file);
}

#define JOURNAL_LINE(offset, digest)                                                               \
    "{\"time_ms\":1700000000000,\"direction\":\"in\",\"session\":\"" ID_TEXT                       \
    "\",\"request\":7,\"offset\":" #offset                                                         \
    ",\"type\":22,\"version\":771,\"length\":3,\"sha256\":\"" digest "\",\"fragment\":\"AQID\"}\n"
#define RIGHT_DIGEST "A5BYxvLAy0ksUzsKTRTvd8wPeKvMztUofYShogEc-4E"
#define WRONG_DIGEST "A5BYxvLAy0ksUzsKTRTvd8wPeKvMztUofYShogEc-4A"

static void bad_lines_are_counted_and_the_rest_is_read(void **state)
{
    (void)state;
    inspection all;
    inspect_reading reading;
    read_text(&all, "nonsense\n" JOURNAL_LINE(0, RIGHT_DIGEST) "{}\n" JOURNAL_LINE(8, RIGHT_DIGEST),
              &reading);
    assert_int_equal(reading.lines, 4);
    assert_int_equal(reading.bad, 2);
    assert_int_equal(reading.bad_lines[0], 1);
    assert_int_equal(reading.bad_lines[1], 3);
    assert_int_equal(all.views[0].sessions->streams[INSPECT_CLIENT].record_count, 2);
    inspection_end(&all);
}

static void a_digest_that_is_not_the_fragments_is_noticed(void **state)
{
    (void)state;
    inspection all;
    inspect_reading reading;
    read_text(&all, JOURNAL_LINE(0, RIGHT_DIGEST) JOURNAL_LINE(8, WRONG_DIGEST), &reading);
    assert_int_equal(all.counts[INSPECT_WRONG_DIGEST], 1);
    assert_int_equal(all.findings[0].place, 2);
    inspection_end(&all);
}

#define LOG_LINE(kind, rest, body)                                                                 \
    "{\"time_ms\":1,\"exchange\":1,\"kind\":\"" kind                                               \
    "\",\"protocol\":\"coap\",\"peer\":\"192.0.2.9:4711\",\"uri\":\"coap://h/.well-known/"         \
    "atls?s=" ID_TEXT "\"," rest ",\"size\":1,\"body\":\"" body "\"}\n"
#define LOG_ENVELOPE(f)                                                                            \
    "{\\\"i\\\":1,\\\"n\\\":0,\\\"r\\\":[{\\\"t\\\":22,\\\"f\\\":\\\"" f "\\\"}]}"

static void a_proxy_that_changes_what_passes_is_found_out(void **state)
{
    (void)state;
    inspection all;
    inspect_reading reading;
    /* The same envelope, re-serialised by the gateway, is no change. */
    read_text(&all,
              LOG_LINE("request-in", "\"method\":\"POST\"", LOG_ENVELOPE("AQAA"))
                  LOG_LINE("request-out", "\"method\":\"POST\"",
                           "{ \\\"r\\\":[{\\\"f\\\":\\\"AQAA\\\",\\\"t\\\":22}],\\\"n\\\":0,"
                           "\\\"i\\\":1}"),
              &reading);
    assert_int_equal(all.view_count, 2);
    assert_int_equal(inspection_anomalies(&all), 0);
    assert_string_equal(all.views[0].sessions->client, "192.0.2.9:4711");
    inspection_end(&all);
    read_text(&all,
              LOG_LINE("request-in", "\"method\":\"POST\"", LOG_ENVELOPE("AQAA"))
                  LOG_LINE("request-out", "\"method\":\"POST\"", LOG_ENVELOPE("AQAB")),
              &reading);
    assert_int_equal(all.counts[INSPECT_CHANGED_BETWEEN_VIEWS], 1);
    inspection_end(&all);
}

static void answers_are_found_on_both_legs_of_a_log(void **state)
{
    (void)state;
    inspection all;
    inspect_reading reading;
    read_text(&all,
              LOG_LINE("request-in", "\"method\":\"POST\"", LOG_ENVELOPE("AQAA"))
                  LOG_LINE("request-out", "\"method\":\"POST\"", LOG_ENVELOPE("AQAA"))
                      LOG_LINE("response-in", "\"status\":200", LOG_ENVELOPE("AgAA"))
                          LOG_LINE("response-out", "\"code\":\"2.04\"", LOG_ENVELOPE("AgAA")),
              &reading);
    for (size_t i = 0; i < 2; i++) {
        const inspect_session *session = all.views[i].sessions;
        assert_int_equal(session->streams[INSPECT_CLIENT].record_count, 1);
        assert_int_equal(session->streams[INSPECT_SERVER].record_count, 1);
    }
    assert_int_equal(inspection_anomalies(&all), 0);
    inspection_end(&all);
}

/* ---------------------------------------------------------------- names of views */

static void files_with_long_paths_are_told_apart(void **state)
{
    (void)state;
    static const char *const ends[] = { "client.journal", "server.journal" };
    inspection all;
    assert_true(inspection_begin(&all));
    for (size_t i = 0; i < 2; i++) {
        char path[400];
        inspect_reading reading = { 0 };
        inspect_source source = { .path = path };
        memset(path, 'x', 300);
        snprintf(path + 300, sizeof path - 300, "/%s", ends[i]);
        source.file = fmemopen((void *)(uintptr_t)JOURNAL_LINE(0, RIGHT_DIGEST),
                               strlen(JOURNAL_LINE(0, RIGHT_DIGEST)), "r");
        assert_non_null(source.file);
        assert_true(inspect_journal_read(&all, &source, &reading));
        fclose(source.file);
    }
    assert_int_equal(all.view_count, 2);
    inspection_end(&all);
}

/* ---------------------------------------------------------------- limits */

static void take_of(inspection *all, inspect_view *view, uint32_t number)
{
    uint8_t id[TALC_SESSION_ID_SIZE] = { (uint8_t)number, (uint8_t)(number >> 8) };
    inspect_body body = { .direction = INSPECT_CLIENT,
                          .session_id = id,
                          .client = "",
                          .text = "{\"i\":1}",
                          .size = 7,
                          .code = "" };
    inspection_take_body(all, view, &body);
}

static void what_goes_beyond_the_limits_is_left_out_and_said(void **state)
{
    (void)state;
    inspection all;
    char name[16];
    assert_true(inspection_begin(&all));
    inspect_view *view = inspection_view(&all, "view");
    for (uint32_t i = 0; i < INSPECT_SESSIONS_MAX; i++) {
        take_of(&all, view, i);
    }
    assert_false(all.is_cut);
    take_of(&all, view, INSPECT_SESSIONS_MAX);
    assert_true(all.is_cut);
    assert_int_equal(all.session_count, INSPECT_SESSIONS_MAX);
    for (size_t i = 1; i <= INSPECT_VIEWS_MAX; i++) {
        snprintf(name, sizeof name, "%zu", i);
        assert_true((inspection_view(&all, name) != NULL) == (i < INSPECT_VIEWS_MAX));
    }
    inspection_end(&all);
}

static void a_session_without_an_envelope_is_one_line(void **state)
{
    (void)state;
    const inspect_choice choice = { .has_session = false };
    inspection all;
    char *text = NULL;
    size_t size = 0;
    assert_true(inspection_begin(&all));
    take_text(&all, ">{", 0, 1);
    inspection_finish(&all);
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    inspect_report_write(&all, &choice, out);
    fclose(out);
    assert_non_null(strstr(text, "no envelope of it was seen\n"));
    assert_null(strstr(text, "1970"));
    free(text);
    inspection_end(&all);
}

static void findings_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    inspection all;
    const size_t count = INSPECT_FINDINGS_MAX + 10;
    assert_true(inspection_begin(&all));
    for (size_t i = 0; i < count; i++) {
        take_text(&all, ">{", 0, i + 1);
    }
    assert_int_equal(all.finding_count, INSPECT_FINDINGS_MAX);
    assert_int_equal(all.counts[INSPECT_MALFORMED_ENVELOPE], count);
    assert_int_equal(inspection_anomalies(&all), count);
    inspection_end(&all);
}

/* ---------------------------------------------------------------- what a terminal gets */

static void nothing_of_a_recording_moves_a_cursor(void **state)
{
    (void)state;
    static const char log[] =
        "{\"exchange\":1,\"kind\":\"request-in\",\"peer\":\"a\\u001b[2Jb\",\"uri\":\"?s=" ID_TEXT
        "\",\"body\":\"{\"}\n"
        "{\"exchange\":1,\"kind\":\"response-out\",\"code\":\"5\\u001b[1m\",\"uri\":\"?s=" ID_TEXT
        "\"}\n"
        "{\"exchange\":1,\"kind\":\"trouble\",\"reason\":\"\\u009bm\\u0007\"}\n";
    const inspect_choice choice = { .has_session = false };
    inspection all;
    inspect_reading reading;
    char *text = NULL;
    size_t size = 0;
    read_text(&all, log, &reading);
    assert_int_equal(reading.bad, 0);
    assert_int_equal(all.finding_count, 3);
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    inspect_report_write(&all, &choice, out);
    inspect_json_write(&all, &choice, out);
    fclose(out);
    assert_non_null(strstr(text, "a?[2Jb"));
    for (size_t i = 0; i < size; i++) {
        assert_true(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
    }
    free(text);
    inspection_end(&all);
}

/* ---------------------------------------------------------------- addresses */

static const struct address_row {
    const char *uri;
    bool has_id;
} address_rows[] = {
    { "coap://h/.well-known/atls?s=" ID_TEXT, true },
    { "coap://h/.well-known/atls?a=b&s=" ID_TEXT "&c", true },
    { "http://h/.well-known/atls?s=%41AECAwQFBgcICQoL", true },
    { "http://g/hc/coap://h/.well-known/atls%3Fs%3D" ID_TEXT, true },
    { "coap://h/.well-known/atls?s=" ID_TEXT "A", false },
    { "coap://h/.well-known/atls?s=AAECAwQFBgcICQo", false },
    { "coap://h/.well-known/atls?s=AAECAwQFBgcICQ+L", false },
    { "coap://h/.well-known/atls?x=" ID_TEXT, false },
    { "coap://h/s=" ID_TEXT, false },
    { "coap://h/?s=%4", false },
    { "coap://h/?s=%", false },
    { "?", false },
    { "", false },
};

static void sessions_are_known_by_their_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof address_rows / sizeof address_rows[0]; i++) {
        const char *uri = address_rows[i].uri;
        uint8_t id[TALC_SESSION_ID_SIZE];
        if (inspect_session_of_uri(uri, strlen(uri), id) != address_rows[i].has_id) {
            fail_msg("%s", uri);
        }
        if (address_rows[i].has_id) {
            assert_memory_equal(id, session_id, sizeof id);
        }
    }
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_things_are_named),
        cmocka_unit_test(repeats_and_retransmissions_are_two_things),
        cmocka_unit_test(records_are_compared_between_views),
        cmocka_unit_test(bad_lines_are_counted_and_the_rest_is_read),
        cmocka_unit_test(a_digest_that_is_not_the_fragments_is_noticed),
        cmocka_unit_test(a_proxy_that_changes_what_passes_is_found_out),
        cmocka_unit_test(answers_are_found_on_both_legs_of_a_log),
        cmocka_unit_test(files_with_long_paths_are_told_apart),
        cmocka_unit_test(what_goes_beyond_the_limits_is_left_out_and_said),
        cmocka_unit_test(a_session_without_an_envelope_is_one_line),
        cmocka_unit_test(findings_beyond_the_limit_are_counted),
        cmocka_unit_test(nothing_of_a_recording_moves_a_cursor),
        cmocka_unit_test(sessions_are_known_by_their_addresses),
    };
    return cmocka_run_group_tests_name("inspect_findings", tests, start, NULL);
}
