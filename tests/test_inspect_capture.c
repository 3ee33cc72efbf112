/* SPDX-License-Identifier: MIT */

/* Captures of real sessions: they have the numbers that the ends of the session know. tshark does
 * its part, so it has to be there (scripts/deps.sh). */
#include "tests/inspect_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "tests/credential_folder.h"
#include "tools/inspect_reader.h"

static void read_capture(inspection *all, unsigned port)
{
    inspect_reading reading = { 0 };
    inspect_source source = { .path = stage_paths[FILE_CAPTURE], .port = port };
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
    for (size_t i = 0; i < STAGE_ROWS; i++) {
        inspection all;
        talc_session_info info;
        stage_record(&stage_rows[i], &stage_plain, &info);
        read_capture(&all, 0);
        expect_numbers(&all, &info, stage_rows[i].name);
        const inspect_totals *server = &all.views[0].sessions->totals[INSPECT_SERVER];
        assert_int_equal(server->body_bytes, info.body_bytes_in);
        assert_int_equal(all.counts[INSPECT_LONG_BODY] > 0, stage_rows[i].is_blockwise);
        inspection_end(&all);
    }
}

static void loss_shows_as_repeats(void **state)
{
    (void)state;
    static const relay_faults faults = { .drop_every = 12, .drop_phase = 2 };
    const stage_recording lossy = { .faults = &faults, .copies = 1 };
    inspection all;
    talc_session_info info;
    stage_record(&stage_rows[STAGE_ROW_PSK], &lossy, &info);
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
    const stage_recording doubled = { .copies = 2 };
    inspection all;
    talc_session_info info;
    stage_record(&stage_rows[STAGE_ROW_PSK], &doubled, &info);
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
    stage_record(&stage_rows[STAGE_ROW_PSK], &stage_plain, &info);
    read_capture(&all, stage_ends[1].port);
    assert_int_equal(all.view_count, 1);
    inspection_end(&all);
    read_capture(&all, stage_ends[0].port);
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
    FILE *file = fopen(stage_paths[FILE_CAPTURE], "wb");
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

static void without_tshark_it_names_the_package(void **state)
{
    (void)state;
    char *path = strdup(getenv("PATH"));
    assert_non_null(path);
    write_http_capture();
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    int code = INSPECT(stage_paths[FILE_CAPTURE]);
    assert_int_equal(setenv("PATH", path, 1), 0);
    free(path);
    assert_int_equal(code, 3);
    assert_contains(stage_complaint, "Debian's package is tshark");
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
        TEST(a_capture_has_the_numbers_of_the_session),
        TEST(loss_shows_as_repeats),
        TEST(datagrams_that_come_twice_are_retransmissions),
        TEST(a_port_can_be_chosen),
        TEST(http_is_found_at_any_port),
        TEST(without_tshark_it_names_the_package),
    };
    return cmocka_run_group_tests_name("inspect_capture", tests, start, NULL);
}
