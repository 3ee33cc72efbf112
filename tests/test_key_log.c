/* SPDX-License-Identifier: MIT */

/* The key log: what both ends of a session know, and nobody else may read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/key_log.h"
#include "tests/credential_folder.h"
#include "tests/pair.h"

#define LINE_SIZE 300
#define LINES_MAX 8

static char folder[64];
static char client_log[96];
static char server_log[96];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/talc-test-keys-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(client_log, sizeof client_log, "%s/client", folder);
    snprintf(server_log, sizeof server_log, "%s/server", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(client_log);
    unlink(server_log);
    return rmdir(folder);
}

/* --- The file --- */

typedef struct key_lines {
    size_t count;
    char text[LINES_MAX][LINE_SIZE];
} key_lines;

static int by_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

static void read_lines(const char *path, key_lines *lines)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    lines->count = 0;
    while (lines->count < LINES_MAX && fgets(lines->text[lines->count], LINE_SIZE, file) != NULL) {
        lines->count++;
    }
    assert_true(feof(file) || fgetc(file) == EOF);
    fclose(file);
    qsort(lines->text, lines->count, LINE_SIZE, by_text);
}

static void a_line_is_label_random_and_secret(void **state)
{
    (void)state;
    talc_failure failure = { 0 };
    talc_key_log *log;
    uint8_t random[TALC_CLIENT_RANDOM_SIZE] = { 0x01, 0xab };
    const uint8_t secret[] = { 0xff, 0x00, 0x10 };
    static const uint8_t long_secret[TALC_KEY_LOG_SECRET_SIZE_MAX + 1];
    key_lines lines;
    assert_int_equal(talc_key_log_open(&log, client_log, &failure), TALC_OK);
    assert_int_equal(talc_key_log_write(log, "LABEL", random, secret, sizeof secret), TALC_OK);
    assert_int_equal(talc_key_log_write(log, "LABEL", random, long_secret, sizeof long_secret),
                     TALC_ERROR_ARGUMENT);
    read_lines(client_log, &lines); /* no buffer: it is there before the log is closed */
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.text[0],
                        "LABEL 01ab000000000000000000000000000000000000000000000000000000000000 "
                        "ff0010\n");
    talc_key_log_close(log);
}

static void only_its_owner_reads_it(void **state)
{
    (void)state;
    talc_failure failure = { 0 };
    talc_key_log *log;
    struct stat status;
    mode_t mask = umask(0);
    assert_int_equal(talc_key_log_open(&log, client_log, &failure), TALC_OK);
    umask(mask);
    talc_key_log_close(log);
    assert_int_equal(stat(client_log, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_file_that_others_read_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0640, 0604, 0660, 0601 };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        talc_failure failure = { 0 };
        talc_key_log *log;
        const char *path = scratch_file("", 0, modes[i]);
        assert_int_equal(talc_key_log_open(&log, path, &failure), TALC_ERROR_IO);
        assert_null(log);
        assert_contains(failure.text, path);
    }
}

static void a_link_is_refused(void **state)
{
    (void)state;
    talc_failure failure = { 0 };
    talc_key_log *log;
    assert_int_equal(symlink(server_log, client_log), 0);
    assert_int_equal(talc_key_log_open(&log, client_log, &failure), TALC_ERROR_IO);
    assert_int_equal(access(server_log, F_OK), -1);
}

/* --- Sessions --- */

typedef struct session_row {
    const char *label;
    pair_kind kind;
    talc_tls_version version;
    size_t lines;
    const char *labels[LINES_MAX]; /* in the order of the alphabet */
    size_t secret_size;
} session_row;

#define LABELS_1_3                                                                                 \
    4, { "CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "CLIENT_TRAFFIC_SECRET_0 ",                           \
         "SERVER_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 " }, 32

static const session_row rows[] = {
    { "certificates, 1.3", PAIR_CERTIFICATES, TALC_TLS_1_3, LABELS_1_3 },
    { "pre-shared key, 1.3", PAIR_PSK, TALC_TLS_1_3, LABELS_1_3 },
    { "certificates, 1.2", PAIR_CERTIFICATES, TALC_TLS_1_2, 1, { "CLIENT_RANDOM " }, 48 },
    { "pre-shared key, 1.2", PAIR_PSK, TALC_TLS_1_2, 1, { "CLIENT_RANDOM " }, 48 },
};

static void say_hello_with_logs(const session_row *row, const char *client, const char *server)
{
    pair_credentials credentials;
    test_pair pair;
    pair_credentials_load(&credentials, row->kind);
    pair_begin(&pair, &(pair_options){ .credentials = &credentials, .version = row->version });
    pair.client_config.key_log_path = client;
    pair.server_config.key_log_path = server;
    pair_start(&pair);
    pair_say_hello(&pair, pair.client);
    pair_end(&pair);
    pair_credentials_free(&credentials);
}

static void check_line(const session_row *row, const key_lines *lines, size_t i)
{
    const char *line = lines->text[i];
    size_t label_size = strlen(row->labels[i]);
    if (strncmp(line, row->labels[i], label_size) != 0 ||
        strlen(line) != label_size + 64 + 1 + 2 * row->secret_size + 1) {
        fail_msg("%s: line %zu is %s", row->label, i, line);
    }
    /* All lines of a session begin with the random bytes of its ClientHello. */
    assert_memory_equal(line + label_size, lines->text[0] + strlen(row->labels[0]), 64);
}

static void both_ends_log_the_same_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        key_lines client, server;
        say_hello_with_logs(&rows[i], client_log, server_log);
        read_lines(client_log, &client);
        read_lines(server_log, &server);
        assert_int_equal(client.count, rows[i].lines);
        assert_int_equal(server.count, rows[i].lines);
        for (size_t line = 0; line < client.count; line++) {
            check_line(&rows[i], &client, line);
            assert_string_equal(client.text[line], server.text[line]);
        }
        unlink(client_log);
        unlink(server_log);
    }
}

static void the_environment_turns_nothing_on(void **state)
{
    (void)state;
    assert_int_equal(setenv("SSLKEYLOGFILE", client_log, 1), 0);
    say_hello_with_logs(&rows[0], NULL, NULL);
    unsetenv("SSLKEYLOGFILE");
    assert_int_equal(access(client_log, F_OK), -1);
}

static void a_log_that_cannot_be_opened_is_said_at_once(void **state)
{
    (void)state;
    pair_credentials credentials;
    test_pair pair;
    talc_client *client;
    pair_credentials_load(&credentials, PAIR_PSK);
    pair_begin(&pair, &(pair_options){ .credentials = &credentials });
    pair.client_config.key_log_path = scratch_file("", 0, 0644);
    assert_int_equal(talc_client_new(&client, &pair.client_config, PAIR_URI, NULL), TALC_ERROR_IO);
    assert_contains(pair.last_failure.text, "key log");
    pair_end(&pair);
    pair_credentials_free(&credentials);
}

static int start(void **state)
{
    (void)state;
    return talc_crypto_start() == TALC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_label_random_and_secret, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(only_its_owner_reads_it, make_folder, remove_folder),
        cmocka_unit_test(a_file_that_others_read_is_refused),
        cmocka_unit_test_setup_teardown(a_link_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(both_ends_log_the_same_secrets, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(the_environment_turns_nothing_on, make_folder,
                                        remove_folder),
        cmocka_unit_test(a_log_that_cannot_be_opened_is_said_at_once),
    };
    return cmocka_run_group_tests_name("key_log", tests, start, remove_scratch);
}
