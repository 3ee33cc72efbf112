/* SPDX-License-Identifier: MIT */

/* What `talc inspect` concludes of honest sessions: the numbers that their ends know themselves, on
 * bad paths too, and nothing odd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "tests/pair.h"
#include "tools/inspect_reader.h"
#include "tools/inspect_report.h"

typedef struct honest_row {
    const char *name;
    pair_kind kind;
    talc_tls_version version;
    const char *protocol;
    const char *first_client; /* of the names of the first records */
    const char *first_server;
} honest_row;

static const honest_row honest_rows[] = {
    { "certificates, TLS 1.3", PAIR_CERTIFICATES, TALC_TLS_1_3, "TLS 1.3",
      "ClientHello (sensor.example)", "ServerHello (suite 0x1301)" },
    { "certificates, TLS 1.2", PAIR_CERTIFICATES, TALC_TLS_1_2, "TLS 1.2",
      "ClientHello (sensor.example)", "ServerHello (suite 0xc02b)" },
    { "a pre-shared key, TLS 1.3", PAIR_PSK, TALC_TLS_1_3, "TLS 1.3", "ClientHello",
      "ServerHello (suite 0x1301)" },
    { "a pre-shared key, TLS 1.2", PAIR_PSK, TALC_TLS_1_2, "TLS 1.2", "ClientHello",
      "ServerHello (suite 0xccac)" },
    { "chains of RSA", PAIR_RSA_CHAIN, TALC_TLS_1_3, "TLS 1.3", "ClientHello (sensor.example)",
      "ServerHello (suite 0x1301)" },
    { "ecc", PAIR_ECC, 0, "ecc", "M1", "M2" },
};

static const path_weather weathers[] = {
    { .delay_min_ms = 20, .delay_max_ms = 20 },
    { .seed = 7,
      .loss_percent = 20,
      .duplication_percent = 10,
      .delay_min_ms = 20,
      .delay_max_ms = 300 },
    { .seed = 8, .loss_percent = 30, .delay_min_ms = 5, .delay_max_ms = 50 },
};

typedef struct onlooker {
    inspection all;
    inspect_view *view;
    uint64_t place;
} onlooker;

/* Sees each body as it sets out, before the path has its way with it. */
static bool look(void *context, test_path *path, path_parcel *parcel)
{
    onlooker *who = context;
    char code[8];
    snprintf(code, sizeof code, "%u.%02u", parcel->code >> 5, parcel->code & 31u);
    inspect_body body = { .time_us = path->now_ms * 1000,
                          .place = ++who->place,
                          .direction =
                              parcel->direction == PATH_TO_SERVER ? INSPECT_CLIENT : INSPECT_SERVER,
                          .session_id = parcel->session_id,
                          .client = "client",
                          .text = (const char *)parcel->body,
                          .size = parcel->body_size,
                          .is_success = parcel->code >> 5 == 2,
                          .code = code,
                          .message_max = parcel->body_size < 1024 ? parcel->body_size : 512 };
    inspection_take_body(&who->all, who->view, &body);
    return true;
}

static void converse(test_pair *pair)
{
    static const char *const paths[] = { "hello", "echo", "large", "nothing", "later" };
    for (unsigned i = 0; i < 10; i++) {
        pair_outcome outcome;
        talc_request request = pair_request(TALC_GET, paths[i % 5], i);
        pair_fetch(pair, &request, &outcome);
        assert_int_equal(outcome.status, TALC_OK);
        pair_outcome_clear(&outcome);
    }
}

static void expect_numbers(const inspect_session *session, const talc_session_info *info)
{
    const inspect_totals *client = &session->totals[INSPECT_CLIENT];
    assert_memory_equal(session->id, info->session_id, sizeof session->id);
    assert_int_equal(client->envelopes, info->exchanges);
    assert_int_equal(client->body_bytes, info->body_bytes_out);
    assert_int_equal(client->retransmissions, 0);
    assert_int_equal(session->streams[INSPECT_CLIENT].byte_count, info->record_bytes_out);
    assert_int_equal(session->streams[INSPECT_SERVER].byte_count, info->record_bytes_in);
    /* Repeats of requests without records leave no trace among the records. */
    assert_true(client->repeats <= info->repeats);
}

static void expect_nothing_odd(const inspection *all, const char *name)
{
    for (size_t i = 0; i < all->finding_count; i++) {
        if (all->findings[i].kind <= INSPECT_LAST_ANOMALY) {
            fail_msg("%s: %s: %s", name, inspect_finding_text(all->findings[i].kind),
                     all->findings[i].text);
        }
    }
    assert_false(all->is_cut);
}

static void read_journal(inspection *all, const char *path)
{
    inspect_reading reading = { 0 };
    inspect_source source = { .path = path, .file = fopen(path, "rb") };
    assert_non_null(source.file);
    assert_int_equal(inspect_content_of(source.file), INSPECT_CONTENT_JOURNAL);
    assert_true(inspect_journal_read(all, &source, &reading));
    assert_int_equal(reading.bad, 0);
    fclose(source.file);
}

/* The lines of the views that are shown; the caller's to free. */
static char *digests_of(const inspection *all)
{
    const inspect_choice choice = { .has_session = false };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_true(inspect_digests_write(all, &choice, out));
    fclose(out);
    return text;
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

/* Path, client's journal and server's journal: three views of the same records. */
static void expect_same_digests(inspection *all)
{
    char *texts[3];
    assert_int_equal(all->view_count, 3);
    for (size_t shown = 0; shown < 3; shown++) {
        for (size_t i = 0; i < 3; i++) {
            all->views[i].is_shown = i == shown;
        }
        texts[shown] = digests_of(all);
    }
    const inspect_session *session = all->views[0].sessions;
    assert_int_equal(lines_of(texts[0]), session->streams[INSPECT_CLIENT].record_count +
                                             session->streams[INSPECT_SERVER].record_count);
    assert_string_equal(texts[0], texts[1]);
    assert_string_equal(texts[0], texts[2]);
    for (size_t i = 0; i < 3; i++) {
        all->views[i].is_shown = true;
        free(texts[i]);
    }
    char *together = digests_of(all); /* each record once, whoever saw it */
    assert_int_equal(lines_of(together), session->streams[INSPECT_CLIENT].record_count +
                                             session->streams[INSPECT_SERVER].record_count);
    free(together);
}

static void expect_names(const inspect_session *session, const honest_row *row)
{
    assert_string_equal(session->protocol, row->protocol);
    assert_string_equal(session->streams[INSPECT_CLIENT].records[0].name, row->first_client);
    assert_string_equal(session->streams[INSPECT_SERVER].records[0].name, row->first_server);
}

static void watch_a_session(const honest_row *row, const path_weather *weather)
{
    char folder[] = "/tmp/talc-test-inspection-XXXXXX";
    char paths[2][64];
    onlooker who = { .place = 0 };
    pair_credentials credentials;
    test_pair pair;
    talc_session_info info;
    assert_non_null(mkdtemp(folder));
    snprintf(paths[0], sizeof paths[0], "%s/client", folder);
    snprintf(paths[1], sizeof paths[1], "%s/server", folder);
    assert_true(inspection_begin(&who.all));
    who.view = inspection_view(&who.all, "the path");
    pair_credentials_load(&credentials, row->kind);
    pair_begin(&pair, &(pair_options){ .credentials = &credentials,
                                       .version = row->version,
                                       .weather = *weather });
    pair.client_config.journal_path = paths[0];
    pair.server_config.journal_path = paths[1];
    pair.path.watcher = look;
    pair.path.watcher_context = &who;
    pair_start(&pair);
    converse(&pair);
    talc_client_info(pair.client, &info);
    pair_end(&pair);
    pair_credentials_free(&credentials);

    read_journal(&who.all, paths[0]);
    read_journal(&who.all, paths[1]);
    inspection_finish(&who.all);
    expect_nothing_odd(&who.all, row->name);
    assert_int_equal(HASH_COUNT(who.view->sessions), 1);
    expect_numbers(who.view->sessions, &info);
    for (size_t i = 0; i < 3; i++) {
        expect_names(who.all.views[i].sessions, row);
    }
    expect_same_digests(&who.all);
    inspection_end(&who.all);
    unlink(paths[0]);
    unlink(paths[1]);
    rmdir(folder);
}

static void an_honest_session_has_the_numbers_of_its_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof honest_rows / sizeof honest_rows[0]; i++) {
        watch_a_session(&honest_rows[i], &weathers[0]);
    }
}

static void loss_and_disorder_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof honest_rows / sizeof honest_rows[0]; i++) {
        for (size_t weather = 1; weather < sizeof weathers / sizeof weathers[0]; weather++) {
            watch_a_session(&honest_rows[i], &weathers[weather]);
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
        cmocka_unit_test(an_honest_session_has_the_numbers_of_its_ends),
        cmocka_unit_test(loss_and_disorder_change_nothing),
    };
    return cmocka_run_group_tests_name("inspection", tests, start, NULL);
}
