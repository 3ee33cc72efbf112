/* SPDX-License-Identifier: MIT */

/* The command as a user has it: captures of real sessions, made from what a relay saw; sessions as TCP
 * connections, and what is inside them with a key log. tshark does its part, so it has to be there
 * (scripts/deps.sh). */
#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "tests/credential_folder.h"
#include "tools/inspect_reader.h"
#include "tools/pcap_writer.h"
#include "tools/process.h"

#define OUTPUT_MAX (1u << 20)

/* ---------------------------------------------------------------- files of a test */

enum {
    FILE_CAPTURE,
    FILE_JOURNAL,
    FILE_KEYS,
    FILE_OTHER_JOURNAL,
    FILE_OTHER_KEYS,
    FILE_REBUILT,
    FILES
};
static char folder[64];
static char paths[FILES][96];

static int make_folder(void **state)
{
    static const char *const names[FILES] = { "capture", "journal",    "keys",
                                              "other",   "other-keys", "rebuilt" };
    (void)state;
    strcpy(folder, "/tmp/talc-test-inspect-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
    }
    return 0;
}

static int remove_folder(void **state)
{
    int failed = peers_free_all(state);
    for (size_t i = 0; i < FILES; i++) {
        unlink(paths[i]);
    }
    return rmdir(folder) != 0 || failed != 0 ? -1 : 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* ---------------------------------------------------------------- programs */

/* Runs a program; its output is static, its exit code returned. */
static char output[OUTPUT_MAX];
static char complaint[512];

static int run(const char *const *words)
{
    process program;
    assert_true(process_start(&program, words));
    size_t size = fread(output, 1, sizeof output - 1, program.output);
    output[size] = '\0';
    return process_end(&program, complaint, sizeof complaint);
}

static const char *talc(void)
{
    const char *path = getenv("TALC_TEST_TALC");
    assert_non_null(path);
    return path;
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
#define INSPECT(...) RUN(talc(), "inspect", __VA_ARGS__)

/* ---------------------------------------------------------------- sessions that are recorded */

/* What a relay sees becomes a capture between two addresses, at a port that is not CoAP's. */
typedef struct recorder {
    FILE *file;
    pcap_writer writer;
    uint64_t time_us;
    unsigned copies; /* of each datagram, as if CoAP had sent it again */
} recorder;

static const pcap_endpoint ends[2] = { { { 192, 0, 2, 10 }, 40001 }, { { 192, 0, 2, 20 }, 40002 } };

static int record(void *context, relay_direction direction, uint8_t *bytes, size_t *size,
                  size_t capacity)
{
    recorder *to = context;
    const pcap_endpoint back[2] = { ends[1], ends[0] };
    (void)capacity;
    for (unsigned i = 0; i < to->copies; i++) {
        to->time_us += 1000;
        assert_true(pcap_datagram_write(&to->writer, direction == RELAY_UP ? ends : back,
                                        to->time_us, bytes, *size));
    }
    return 1;
}

typedef struct session_row {
    const char *name;
    const peers_credentials *credentials;
    talc_mode mode;
    talc_tls_version version;
    bool is_blockwise;
} session_row;

static const session_row rows[] = {
    { "certificates, TLS 1.3", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_3, false },
    { "certificates, TLS 1.2", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_2, false },
    { "a pre-shared key, TLS 1.3", &peers_psk, TALC_MODE_TLS, TALC_TLS_1_3, false },
    { "a pre-shared key, TLS 1.2", &peers_psk, TALC_MODE_TLS, TALC_TLS_1_2, false },
    { "chains of RSA, in blocks", &peers_rsa_chain, TALC_MODE_TLS, TALC_TLS_1_3, true },
    { "ecc", &peers_device, TALC_MODE_ECC, 0, false },
};
#define ROWS (sizeof rows / sizeof rows[0])
#define ROW_PSK 2
#define ROW_ECC (ROWS - 1)

static void ask(peers *of, talc_method method, const char *path, const char *payload)
{
    static peers_call call;
    talc_request request = TALC_REQUEST_DEFAULT;
    request.method = method;
    request.path = path;
    request.payload = payload;
    request.payload_size = strlen(payload);
    peers_fetch(of, 0, &request, &call);
    assert_int_equal(call.status, TALC_OK);
}

static void converse(peers *of)
{
    ask(of, TALC_GET, "hello", "");
    ask(of, TALC_POST, "echo", "four words for you");
    ask(of, TALC_GET, "large", "");
}

typedef struct recording {
    const relay_faults *faults; /* NULL: none */
    unsigned copies;
    bool into_other_files;
} recording;

/* Records a session: capture, journal, key log. */
static void record_session(const session_row *row, const recording *how, talc_session_info *info)
{
    recorder to = { .copies = how->copies, .time_us = 1700000000000000u };
    peers_options options = {
        .credentials = row->credentials, .mode = &row->mode, .version = row->version,
        .has_relays = 1,
        .journal_path = paths[how->into_other_files ? FILE_OTHER_JOURNAL : FILE_JOURNAL],
        .key_log_path = paths[how->into_other_files ? FILE_OTHER_KEYS : FILE_KEYS],
    };
    peers *of = peers_new(&options);
    to.file = fopen(paths[FILE_CAPTURE], "wb");
    assert_non_null(to.file);
    pcap_writer_begin(&to.writer, to.file);
    relay_hook_set(of->near, record, &to);
    if (how->faults != NULL) {
        relay_faults_set(of->near, RELAY_UP, how->faults);
        relay_faults_set(of->near, RELAY_DOWN, how->faults);
    }
    converse(of);
    talc_client_info(of->clients[0], info);
    relay_hook_set(of->near, NULL, NULL);
    peers_free(of);
    assert_false(to.writer.failed);
    assert_int_equal(fclose(to.file), 0);
}

static const recording plain = { .copies = 1 };

static void read_capture(inspection *all, unsigned port)
{
    inspect_reading reading = { 0 };
    inspect_source source = { .path = paths[FILE_CAPTURE], .port = port };
    assert_true(inspection_begin(all));
    if (!inspect_capture_read(all, &source, &reading)) {
        fail_msg("%s", reading.failure);
    }
    assert_int_equal(reading.bad, 0);
    inspection_finish(all);
}

static void expect_numbers(const inspection *all, const talc_session_info *info, const char *name)
{
    if (all->view_count != 1 || inspection_anomalies(all) > 0) {
        fail_msg("%s: %zu views, %s", name, all->view_count,
                 all->finding_count > 0 ? all->findings[0].text : "nothing noticed");
    }
    const inspect_session *session = all->views[0].sessions;
    assert_non_null(session);
    assert_memory_equal(session->id, info->session_id, sizeof session->id);
    assert_int_equal(session->totals[INSPECT_CLIENT].envelopes, info->exchanges);
    assert_int_equal(session->totals[INSPECT_CLIENT].body_bytes, info->body_bytes_out);
    assert_int_equal(session->streams[INSPECT_CLIENT].byte_count, info->record_bytes_out);
    assert_int_equal(session->streams[INSPECT_SERVER].byte_count, info->record_bytes_in);
    assert_string_equal(session->client, "192.0.2.10:40001");
}

static void a_capture_has_the_numbers_of_the_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        inspection all;
        talc_session_info info;
        record_session(&rows[i], &plain, &info);
        read_capture(&all, 0);
        expect_numbers(&all, &info, rows[i].name);
        const inspect_totals *server = &all.views[0].sessions->totals[INSPECT_SERVER];
        assert_int_equal(server->body_bytes, info.body_bytes_in);
        assert_int_equal(all.counts[INSPECT_LONG_BODY] > 0, rows[i].is_blockwise);
        inspection_end(&all);
    }
}

static void loss_shows_as_repeats(void **state)
{
    (void)state;
    static const relay_faults faults = { .drop_every = 12, .drop_phase = 2 };
    const recording lossy = { .faults = &faults, .copies = 1 };
    inspection all;
    talc_session_info info;
    record_session(&rows[ROW_PSK], &lossy, &info);
    read_capture(&all, 0);
    expect_numbers(&all, &info, "loss");
    const inspect_totals *totals = all.views[0].sessions->totals;
    /* Whoever lost what: CoAP sends it again, or talc does. */
    assert_true(totals[INSPECT_CLIENT].retransmissions + totals[INSPECT_CLIENT].repeats +
                    totals[INSPECT_SERVER].retransmissions + totals[INSPECT_SERVER].repeats >
                0);
    assert_true(totals[INSPECT_CLIENT].repeats <= info.repeats);
    inspection_end(&all);
}

static void datagrams_that_come_twice_are_retransmissions(void **state)
{
    (void)state;
    const recording doubled = { .copies = 2 };
    inspection all;
    talc_session_info info;
    record_session(&rows[ROW_PSK], &doubled, &info);
    read_capture(&all, 0);
    expect_numbers(&all, &info, "doubled");
    const inspect_totals *totals = all.views[0].sessions->totals;
    assert_int_equal(totals[INSPECT_CLIENT].retransmissions, totals[INSPECT_CLIENT].envelopes);
    assert_int_equal(totals[INSPECT_SERVER].retransmissions, totals[INSPECT_SERVER].envelopes);
    inspection_end(&all);
}

static void a_port_can_be_chosen(void **state)
{
    (void)state;
    inspection all;
    talc_session_info info;
    record_session(&rows[ROW_PSK], &plain, &info);
    read_capture(&all, ends[1].port);
    assert_int_equal(all.view_count, 1);
    inspection_end(&all);
    read_capture(&all, ends[0].port);
    assert_int_equal(all.session_count, 0);
    inspection_end(&all);
}

/* ---------------------------------------------------------------- HTTP */

static void send_http(pcap_writer *writer, pcap_connection *connection, int sender,
                      const char *first_line, const char *body)
{
    char text[512];
    int size = snprintf(text, sizeof text,
                        "%s\r\nHost: service.example\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        first_line, strlen(body), body);
    assert_in_range(size, 1, sizeof text - 1);
    pcap_connection_send(writer, connection, sender, (const uint8_t *)text, (size_t)size);
}

static void write_http_capture(void)
{
    FILE *file = fopen(paths[FILE_CAPTURE], "wb");
    pcap_writer writer;
    pcap_connection connection = { .ends = { { { 192, 0, 2, 1 }, 40003 },
                                             { { 192, 0, 2, 2 }, 8099 } } };
    assert_non_null(file);
    pcap_writer_begin(&writer, file);
    pcap_connection_open(&writer, &connection, 1700000000000000u);
    send_http(&writer, &connection, 0, "POST /.well-known/atls?s=AAECAwQFBgcICQoL HTTP/1.1",
              "{\"i\":1,\"n\":0,\"r\":[{\"t\":22,\"f\":\"AQAA\"}]}");
    /* Re-serialised on the way, with white space and escapes. */
    send_http(&writer, &connection, 1, "HTTP/1.1 200 OK",
              "{ \"r\":\r\n\t[{\"f\":\"Ag\\u0041A\",\"t\":22}], \"n\":0,\"a\":8,\"i\":1}");
    send_http(&writer, &connection, 0, "POST /.well-known/atls?s=AAECAwQFBgcICQoL HTTP/1.1",
              "{\"i\":2,\"a\":8}");
    send_http(&writer, &connection, 1, "HTTP/1.1 502 Bad Gateway", "no answer");
    send_http(&writer, &connection, 0, "POST /elsewhere HTTP/1.1", "{}");
    pcap_connection_close(&writer, &connection);
    assert_int_equal(fclose(file), 0);
}

static void http_is_found_at_any_port(void **state)
{
    (void)state;
    inspection all;
    write_http_capture();
    read_capture(&all, 0);
    assert_int_equal(all.view_count, 2);
    assert_int_equal(all.views[1].others, 1);
    const inspect_session *session = all.views[0].sessions;
    assert_non_null(session);
    assert_int_equal(session->totals[INSPECT_CLIENT].envelopes, 2);
    assert_int_equal(session->streams[INSPECT_CLIENT].record_count, 1);
    assert_int_equal(session->streams[INSPECT_SERVER].record_count, 1);
    assert_int_equal(inspection_anomalies(&all), 0);
    assert_int_equal(all.counts[INSPECT_ANSWER_OF_THE_PATH], 1);
    assert_string_equal(all.findings[0].text, "502, 9 bytes");
    inspection_end(&all);
}

/* ---------------------------------------------------------------- what is inside */

static void expect_inside(const char *name)
{
    if (strstr(output, "  client  GET /hello [") == NULL || strstr(output, "] 21.5\n") == NULL ||
        strstr(output, "] four words for you\n") == NULL ||
        strstr(output, "(16384 bytes)\n") == NULL) {
        fail_msg("%s: %s\n%s", name, complaint, output);
    }
}

/* Wireshark has no complaint about the connection, and reads what was said. */
static void expect_wireshark_reads(const char *name)
{
    char keys[160];
    snprintf(keys, sizeof keys, "tls.keylog_file:%s", paths[FILE_KEYS]);
    assert_int_equal(RUN("tshark", "-n", "-r", paths[FILE_REBUILT], "-o",
                         "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y",
                         "tcp.analysis.flags || tcp.checksum.status == 0 || "
                         "ip.checksum.status == 0 || _ws.malformed"),
                     0);
    assert_string_equal(output, "");
    assert_int_equal(RUN("tshark", "-n", "-r", paths[FILE_REBUILT], "-q", "-z",
                         "follow,tls,ascii,0", "-o", keys),
                     0);
    if (strstr(output, "21.5") == NULL || strstr(output, "four words for you") == NULL) {
        fail_msg("%s: %s", name, output);
    }
    assert_int_equal(RUN("tshark", "-n", "-r", paths[FILE_REBUILT], "-q", "-z",
                         "follow,tls,ascii,0"),
                     0);
    assert_null(strstr(output, "21.5"));
}

static void a_key_log_opens_what_was_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_ECC; i++) {
        talc_session_info info;
        unlink(paths[FILE_JOURNAL]);
        unlink(paths[FILE_KEYS]);
        record_session(&rows[i], &plain, &info);
        assert_int_equal(INSPECT("--check", "--keys", paths[FILE_KEYS], "--pcap",
                                 paths[FILE_REBUILT], paths[FILE_JOURNAL]),
                         0);
        expect_inside(rows[i].name);
        expect_wireshark_reads(rows[i].name);
        assert_int_equal(INSPECT("--check", "--keys", paths[FILE_KEYS], paths[FILE_CAPTURE]), 0);
        expect_inside(rows[i].name);
    }
}

static void other_keys_open_nothing(void **state)
{
    (void)state;
    talc_session_info info;
    const recording other = { .copies = 1, .into_other_files = true };
    record_session(&rows[ROW_PSK], &plain, &info);
    record_session(&rows[ROW_PSK], &other, &info);
    assert_int_equal(INSPECT("--keys", paths[FILE_OTHER_KEYS], paths[FILE_JOURNAL]), 0);
    assert_non_null(strstr(output, "nothing could be decrypted"));
    assert_null(strstr(output, "21.5"));
    assert_null(strstr(output, "GET /hello"));
}

static void ecc_says_why_nobody_decrypts_it(void **state)
{
    (void)state;
    talc_session_info info;
    record_session(&rows[ROW_ECC], &plain, &info);
    write_file(paths[FILE_KEYS], "");
    assert_int_equal(INSPECT("--keys", paths[FILE_KEYS], paths[FILE_JOURNAL]), 0);
    assert_non_null(strstr(output, ", ecc\n"));
    assert_non_null(strstr(output, "ecc is not TLS"));
}

/* ---------------------------------------------------------------- the command itself */

static void digests_of_two_places_are_the_same_text(void **state)
{
    (void)state;
    static char of_journal[OUTPUT_MAX];
    talc_session_info info;
    record_session(&rows[ROW_PSK], &plain, &info);
    assert_int_equal(INSPECT("--digests", paths[FILE_JOURNAL]), 0);
    strcpy(of_journal, output);
    assert_true(strlen(of_journal) > 1000);
    assert_int_equal(INSPECT("--digests", paths[FILE_CAPTURE]), 0);
    assert_string_equal(output, of_journal);
}

static void json_is_json(void **state)
{
    (void)state;
    talc_session_info info;
    char number[64];
    record_session(&rows[ROW_PSK], &plain, &info);
    assert_int_equal(INSPECT("--json", paths[FILE_CAPTURE]), 0);
    snprintf(number, sizeof number, "\"record_bytes\":%llu,",
             (unsigned long long)info.record_bytes_in);
    assert_contains(output, number);
    write_file(paths[FILE_REBUILT], output);
    assert_int_equal(RUN("python3", "-m", "json.tool", paths[FILE_REBUILT]), 0);
}

static void it_exits_as_it_says(void **state)
{
    (void)state;
    talc_session_info info;
    record_session(&rows[ROW_PSK], &plain, &info);
    write_file(paths[FILE_REBUILT], "neither journal nor log\n");
    assert_int_equal(RUN(talc()), 2);
    assert_int_equal(RUN(talc(), "--help"), 0);
    assert_int_equal(RUN(talc(), "nothing"), 2);
    assert_int_equal(INSPECT("--help"), 0);
    assert_int_equal(INSPECT("--leg", "up", paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--port", "70000", paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--session", "x", paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--json", "--digests", paths[FILE_JOURNAL]), 2);
    assert_int_equal(INSPECT("--check"), 2);
    assert_int_equal(INSPECT("--check", paths[FILE_JOURNAL]), 0);
    assert_int_equal(INSPECT(paths[FILE_OTHER_JOURNAL]), 3);
    assert_int_equal(INSPECT(paths[FILE_REBUILT]), 3);
    assert_contains(complaint, "no journal, no log of talc-proxy and no capture");
    assert_int_equal(INSPECT("--keys", paths[FILE_OTHER_KEYS], paths[FILE_JOURNAL]), 3);
    assert_int_equal(INSPECT("--pcap", "/nowhere/at/all", paths[FILE_JOURNAL]), 3);
}

static void a_pipe_is_refused(void **state)
{
    (void)state;
    assert_int_equal(RUN("sh", "-c", "cat /dev/null | \"$0\" inspect /dev/stdin", talc()), 3);
    assert_contains(complaint, "a file and no pipe");
}

static void what_is_odd_can_be_the_exit_code(void **state)
{
    (void)state;
    static const char line[] =
        "{\"time_ms\":1,\"exchange\":1,\"kind\":\"request-in\",\"protocol\":\"coap\","
        "\"uri\":\"coap://h/?s=AAECAwQFBgcICQoL\",\"body\":\"{\"}\n";
    write_file(paths[FILE_JOURNAL], line);
    assert_int_equal(INSPECT(paths[FILE_JOURNAL]), 0);
    assert_contains(output, "malformed envelope");
    assert_int_equal(INSPECT("--check", paths[FILE_JOURNAL]), 1);
}

static void a_capture_that_is_damaged_is_said_to_be(void **state)
{
    (void)state;
    write_file(paths[FILE_CAPTURE], "\xd4\xc3\xb2\xa1 and no more");
    assert_int_equal(INSPECT(paths[FILE_CAPTURE]), 3);
    assert_contains(complaint, "tshark cannot read it");
}

static void without_tshark_it_names_the_package(void **state)
{
    (void)state;
    char *path = strdup(getenv("PATH"));
    assert_non_null(path);
    write_http_capture();
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    int code = INSPECT(paths[FILE_CAPTURE]);
    assert_int_equal(setenv("PATH", path, 1), 0);
    free(path);
    assert_int_equal(code, 3);
    assert_contains(complaint, "Debian's package is tshark");
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_capture_has_the_numbers_of_the_session),
        TEST(loss_shows_as_repeats),
        TEST(datagrams_that_come_twice_are_retransmissions),
        TEST(a_port_can_be_chosen),
        TEST(http_is_found_at_any_port),
        TEST(a_key_log_opens_what_was_recorded),
        TEST(other_keys_open_nothing),
        TEST(ecc_says_why_nobody_decrypts_it),
        TEST(digests_of_two_places_are_the_same_text),
        TEST(json_is_json),
        TEST(it_exits_as_it_says),
        TEST(a_pipe_is_refused),
        TEST(what_is_odd_can_be_the_exit_code),
        TEST(a_capture_that_is_damaged_is_said_to_be),
        TEST(without_tshark_it_names_the_package),
    };
    return cmocka_run_group_tests_name("inspect_capture", tests, start, NULL);
}
