/* SPDX-License-Identifier: MIT */

/* The command as a user has it: what is inside sessions with a key log, sessions as TCP
 * connections for Wireshark, digests, JSON, and codes to exit with. tshark has to be there
 * (scripts/deps.sh). */
#include "tests/inspect_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "tests/credential_folder.h"

/* ---------------------------------------------------------------- what is inside */

static void expect_inside(const char *name)
{
    if (strstr(stage_output, "  client  GET /hello [") == NULL ||
        strstr(stage_output, "] 21.5\n") == NULL ||
        strstr(stage_output, "] four words for you\n") == NULL ||
        strstr(stage_output, "(16384 bytes)\n") == NULL) {
        fail_msg("%s: %s\n%s", name, stage_complaint, stage_output);
    }
}

/* Wireshark has no stage_complaint about the connection, and reads what was said. */
static void expect_wireshark_reads(const char *name)
{
    char keys[160];
    snprintf(keys, sizeof keys, "tls.keylog_file:%s", stage_paths[FILE_KEYS]);
    assert_int_equal(RUN("tshark", "-n", "-r", stage_paths[FILE_REBUILT], "-o",
                         "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y",
                         "tcp.analysis.flags || tcp.checksum.status == 0 || "
                         "ip.checksum.status == 0 || _ws.malformed"),
                     0);
    assert_string_equal(stage_output, "");
    assert_int_equal(RUN("tshark", "-n", "-r", stage_paths[FILE_REBUILT], "-q", "-z",
                         "follow,tls,ascii,0", "-o", keys),
                     0);
    if (strstr(stage_output, "21.5") == NULL ||
        strstr(stage_output, "four words for you") == NULL) {
        fail_msg("%s: %s", name, stage_output);
    }
    assert_int_equal(
        RUN("tshark", "-n", "-r", stage_paths[FILE_REBUILT], "-q", "-z", "follow,tls,ascii,0"), 0);
    assert_null(strstr(stage_output, "21.5"));
}

static void a_key_log_opens_what_was_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < STAGE_ROW_ECC; i++) {
        talc_session_info info;
        unlink(stage_paths[FILE_JOURNAL]);
        unlink(stage_paths[FILE_KEYS]);
        stage_record(&stage_rows[i], &stage_plain, &info);
        assert_int_equal(INSPECT("--check", "--keys", stage_paths[FILE_KEYS], "--pcap",
                                 stage_paths[FILE_REBUILT], stage_paths[FILE_JOURNAL]),
                         0);
        expect_inside(stage_rows[i].name);
        expect_wireshark_reads(stage_rows[i].name);
        assert_int_equal(
            INSPECT("--check", "--keys", stage_paths[FILE_KEYS], stage_paths[FILE_CAPTURE]), 0);
        expect_inside(stage_rows[i].name);
    }
}

static void other_keys_open_nothing(void **state)
{
    (void)state;
    talc_session_info info;
    const stage_recording other = { .copies = 1, .into_other_files = true };
    stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
    stage_record(&stage_rows[STAGE_ROW_PSK], &other, &info);
    assert_int_equal(INSPECT("--keys", stage_paths[FILE_OTHER_KEYS], stage_paths[FILE_JOURNAL]), 0);
    assert_contains(stage_output, "nothing could be decrypted: its keys are not in ");
    assert_null(strstr(stage_output, "21.5"));
    assert_null(strstr(stage_output, "GET /hello"));
}

/* Leaves of the journal what an awk program prints; the rest goes into the other file. */
static void split_journal(const char *program)
{
    char command[512];
    snprintf(command, sizeof command, "awk '{ if (%s) print > \"%s\"; else print > \"%s\" }' %s",
             program, stage_paths[FILE_REBUILT], stage_paths[FILE_OTHER_JOURNAL],
             stage_paths[FILE_JOURNAL]);
    assert_int_equal(RUN("sh", "-c", command), 0);
    assert_int_equal(rename(stage_paths[FILE_REBUILT], stage_paths[FILE_JOURNAL]), 0);
}

/* A session that moved: what one recording lacks, the other has. */
typedef struct moved_row {
    const char *name;
    const char *stays;   /* in the recording */
    const char *alone;   /* what is said of it alone */
    const char *both;    /* of both, not merged */
    const char *noticed; /* of both, NULL: nothing */
} moved_row;

static const moved_row moved_rows[] = {
    { "the handshake is elsewhere", "!/\"offset\":0,/",
      "nothing could be decrypted: its handshake (the client random, which finds its keys) is\n"
      "  not in this recording; give the recording that has it as well, with --merge\n",
      "with --merge\n", NULL },
    { "a later part is elsewhere", "!/\"out\"/ || ++n != 4",
      " bytes of the client were not decrypted: bytes ", " before them were not seen\n",
      "here, but by another view: try --merge" },
    { "the end is elsewhere", "!/\"out\"/ || ++n != 5", "  client  GET /hello [",
      "not decrypted: only another view has them\n", NULL },
};

static void a_session_that_moved_says_what_is_missing(void **state)
{
    (void)state;
    talc_session_info info;
    for (size_t i = 0; i < sizeof moved_rows / sizeof moved_rows[0]; i++) {
        const moved_row *row = &moved_rows[i];
        const char *keys = stage_paths[FILE_KEYS];
        const char *journal = stage_paths[FILE_JOURNAL];
        const char *other = stage_paths[FILE_OTHER_JOURNAL];
        unlink(journal);
        unlink(other);
        unlink(keys);
        stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
        split_journal(row->stays);
        assert_int_equal(INSPECT("--keys", keys, journal), 0);
        assert_contains(stage_output, row->alone);
        assert_null(strstr(stage_output, "its keys are not in"));
        assert_int_equal(INSPECT("--keys", keys, journal, other), 0);
        assert_contains(stage_output, row->both);
        assert_contains(stage_output, row->noticed != NULL ? row->noticed : "--merge");
        assert_int_equal(INSPECT("--merge", "--check", "--keys", keys, other, journal), 0);
        expect_inside(row->name);
        assert_null(strstr(stage_output, "not decrypted"));
        assert_null(strstr(stage_output, "--merge"));
    }
}

static void ecc_says_why_nobody_decrypts_it(void **state)
{
    (void)state;
    talc_session_info info;
    stage_record(&stage_rows[STAGE_ROW_ECC], &stage_plain, &info);
    stage_write_file(stage_paths[FILE_KEYS], "");
    assert_int_equal(INSPECT("--keys", stage_paths[FILE_KEYS], stage_paths[FILE_JOURNAL]), 0);
    assert_non_null(strstr(stage_output, ", ecc\n"));
    assert_non_null(strstr(stage_output, "ecc is not TLS"));
}

/* ---------------------------------------------------------------- the command itself */

static void digests_of_two_places_are_the_same_text(void **state)
{
    (void)state;
    static char of_journal[STAGE_OUTPUT_SIZE];
    talc_session_info info;
    stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
    assert_int_equal(INSPECT("--digests", stage_paths[FILE_JOURNAL]), 0);
    snprintf(of_journal, sizeof of_journal, "%s", stage_output);
    assert_true(strlen(of_journal) > 1000);
    assert_int_equal(INSPECT("--digests", stage_paths[FILE_CAPTURE]), 0);
    assert_string_equal(stage_output, of_journal);
}

static void json_is_json(void **state)
{
    (void)state;
    talc_session_info info;
    char number[64];
    stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
    assert_int_equal(INSPECT("--json", stage_paths[FILE_CAPTURE]), 0);
    snprintf(number, sizeof number, "\"record_bytes\":%llu,",
             (unsigned long long)info.record_bytes_in);
    assert_contains(stage_output, number);
    stage_write_file(stage_paths[FILE_REBUILT], stage_output);
    assert_int_equal(RUN("python3", "-m", "json.tool", stage_paths[FILE_REBUILT]), 0);
}

static void it_exits_as_it_says(void **state)
{
    (void)state;
    talc_session_info info;
    stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
    stage_write_file(stage_paths[FILE_REBUILT], "neither journal nor log\n");
    assert_int_equal(RUN(stage_talc()), 2);
    assert_int_equal(RUN(stage_talc(), "--help"), 0);
    assert_int_equal(RUN(stage_talc(), "nothing"), 2);
    assert_int_equal(INSPECT("--help"), 0);
    assert_int_equal(INSPECT("--leg", "up", stage_paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--port", "70000", stage_paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--session", "x", stage_paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--json", "--digests", stage_paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--check"), 2);
    assert_int_equal(INSPECT("--check", stage_paths[FILE_JOURNAL]), 0);
    assert_int_equal(INSPECT(stage_paths[FILE_OTHER_JOURNAL]), 3);
    assert_int_equal(INSPECT(stage_paths[FILE_REBUILT]), 3);
    assert_contains(stage_complaint, "no journal, no log of talc-proxy and no capture");
    assert_int_equal(INSPECT("--keys", stage_paths[FILE_OTHER_KEYS], stage_paths[FILE_JOURNAL]), 3);
    assert_int_equal(INSPECT("--pcap", "/nowhere/at/all", stage_paths[FILE_JOURNAL]), 3);
}

/* One line: what is wrong, and where to look. */
static void wrong_usage_is_said_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *words[5];
        const char *complaint;
    } rows[] = {
        { { "inspect", "--port", "x", "f" }, "--port: \"x\" is not a port, 1 to 65535" },
        { { "inspect", "--session", "zz", "f" }, "--session: \"zz\" is not a session id" },
        { { "inspect", "--leg", "up", "f" }, "--leg: \"up\" is not in, out or both" },
        { { "inspect", "--nope", "f" }, "--nope: no such option" },
        { { "inspect", "-x", "f" }, "-x: no such option" },
        { { "inspect", "--json=1", "f" }, "--json=1: it takes no value" },
        { { "inspect", "f", "--port" }, "--port needs a value" },
        { { "inspect", "--json", "--digests", "f" }, "only one of --json, --digests and --keys" },
        { { "inspect", "--check" }, "no FILE is named" },
        { { "nope" }, "nope: no such command" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *words[6] = { stage_talc() };
        memcpy(words + 1, rows[i].words, sizeof rows[i].words);
        stage_complaint[0] = '\0';
        assert_int_equal(stage_run(words), 2);
        assert_contains(stage_complaint, rows[i].complaint);
        assert_contains(stage_complaint, "try ");
        assert_contains(stage_complaint, "--help");
        assert_string_equal(stage_output, "");
    }
}

static void what_cannot_be_read_has_no_report(void **state)
{
    (void)state;
    talc_session_info info;
    assert_int_equal(INSPECT("/tmp"), 3);
    assert_contains(stage_complaint, "/tmp: it is a directory");
    assert_string_equal(stage_output, "");
    assert_int_equal(INSPECT("--json", "/nowhere/at/all"), 3);
    assert_contains(stage_complaint, "/nowhere/at/all: No such file");
    assert_string_equal(stage_output, "");
    stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
    assert_int_equal(INSPECT("/nowhere/at/all", stage_paths[FILE_JOURNAL]), 3);
    assert_contains(stage_output, "0 anomalies");
}

static void a_capture_that_breaks_off_is_read_up_to_there(void **state)
{
    (void)state;
    talc_session_info info;
    stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
    assert_int_equal(RUN("truncate", "-s", "-20", stage_paths[FILE_CAPTURE]), 0);
    assert_int_equal(INSPECT("--check", stage_paths[FILE_CAPTURE]), 1);
    assert_contains(stage_complaint, "it breaks off, and only what comes before was read; tshark:");
    assert_null(strstr(stage_complaint, "lines"));
    assert_contains(stage_output, "ClientHello");
}

/* An answer that nobody asked for on the leg to the origin. */
static void the_legs_of_a_log_are_named_for_what_they_are(void **state)
{
    (void)state;
#define LOG_LINE(kind, protocol, peer, body)                                                       \
    "{\"time_ms\":1,\"exchange\":1,\"kind\":\"" kind "\",\"protocol\":\"" protocol                 \
    "\",\"peer\":\"" peer "\",\"uri\":\"coap://h/?s=AAECAwQFBgcICQoL\",\"status\":200,"            \
    "\"body\":\"{\\\"i\\\":" body "}\"}\n"
    static const char heading[] = "noticed on the proxy's other side, which is not shown";
    static const char log[] = LOG_LINE("request-in", "coap", "192.0.2.1:4711", "1")
        LOG_LINE("request-out", "http", "http://192.0.2.2:8080", "1")
            LOG_LINE("response-in", "http", "http://192.0.2.2:8080", "2")
                LOG_LINE("response-out", "coap", "192.0.2.1:4711", "1");
    stage_write_file(stage_paths[FILE_JOURNAL], log);
    assert_int_equal(INSPECT(stage_paths[FILE_JOURNAL]), 0);
    assert_contains(stage_output, "  client       192.0.2.1:4711\n");
    assert_null(strstr(stage_output, "http://192.0.2.2:8080"));
    const char *found = strstr(stage_output, heading);
    assert_non_null(found);
    assert_contains(found, "leg out 3, session AAECAwQFBgcICQoL: an answer to request 2");
    assert_int_equal(INSPECT("--leg", "out", stage_paths[FILE_JOURNAL]), 0);
    assert_contains(stage_output, "  client       the proxy\n");
    assert_contains(stage_output, "  origin       http://192.0.2.2:8080\n");
    assert_contains(stage_output, "\nnoticed\n");
    assert_null(strstr(stage_output, heading));
}

static void a_pipe_is_refused(void **state)
{
    (void)state;
    assert_int_equal(RUN("sh", "-c", "cat /dev/null | \"$0\" inspect /dev/stdin", stage_talc()), 3);
    assert_contains(stage_complaint, "a file and no pipe");
}

static void what_is_odd_can_be_the_exit_code(void **state)
{
    (void)state;
    static const char line[] =
        "{\"time_ms\":1,\"exchange\":1,\"kind\":\"request-in\",\"protocol\":\"coap\","
        "\"uri\":\"coap://h/?s=AAECAwQFBgcICQoL\",\"body\":\"{\"}\n";
    stage_write_file(stage_paths[FILE_JOURNAL], line);
    assert_int_equal(INSPECT(stage_paths[FILE_JOURNAL]), 0);
    assert_contains(stage_output, "malformed envelope");
    assert_int_equal(INSPECT("--check", stage_paths[FILE_JOURNAL]), 1);
}

static void a_capture_that_is_damaged_is_said_to_be(void **state)
{
    (void)state;
    stage_write_file(stage_paths[FILE_CAPTURE], "\xd4\xc3\xb2\xa1 and no more");
    assert_int_equal(INSPECT(stage_paths[FILE_CAPTURE]), 3);
    assert_contains(stage_complaint, "tshark cannot read it");
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make_folder, stage_remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_log_opens_what_was_recorded),
        TEST(other_keys_open_nothing),
        TEST(a_session_that_moved_says_what_is_missing),
        TEST(ecc_says_why_nobody_decrypts_it),
        TEST(digests_of_two_places_are_the_same_text),
        TEST(json_is_json),
        TEST(it_exits_as_it_says),
        TEST(wrong_usage_is_said_in_one_line),
        TEST(what_cannot_be_read_has_no_report),
        TEST(a_capture_that_breaks_off_is_read_up_to_there),
        TEST(the_legs_of_a_log_are_named_for_what_they_are),
        TEST(a_pipe_is_refused),
        TEST(what_is_odd_can_be_the_exit_code),
        TEST(a_capture_that_is_damaged_is_said_to_be),
    };
    return cmocka_run_group_tests_name("inspect_command", tests, start, NULL);
}
