/* SPDX-License-Identifier: MIT */

/* The journal: what is written is one line for each record, read back as the same entry. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "records/journal.h"

static const uint8_t fragment[TALC_FRAGMENT_SIZE_MAX] = { 1, 2, 3 };

static const talc_journal_entry entry_out = {
    .time_ms = 1700000000000,
    .direction = TALC_JOURNAL_OUT,
    .session_id = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
    .request = 7,
    .offset = 226,
    .header = { 22, 771, 3 },
    .digest = { 0xff, 0xfe },
    .fragment = fragment,
};

#define TIME "\"time_ms\":1700000000000"
#define SESSION "\"session\":\"AAECAwQFBgcICQoL\""
#define HEADER "\"type\":22,\"version\":771,\"length\":3"
#define DIGEST "\"sha256\":\"__4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define LINE_OUT                                                                                   \
    "{" TIME ",\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":226," HEADER "," DIGEST  \
    ",\"fragment\":\"AQID\"}"

/* --- A folder for each test --- */

static char folder[64];
static char path[80];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/talc-test-journal-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/journal", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static size_t read_file(char *text, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(text, 1, capacity, file);
    fclose(file);
    return size;
}

static void assert_entry_equal(const talc_journal_entry *left, const talc_journal_entry *right)
{
    assert_int_equal(left->time_ms, right->time_ms);
    assert_int_equal(left->direction, right->direction);
    assert_memory_equal(left->session_id, right->session_id, TALC_SESSION_ID_SIZE);
    assert_int_equal(left->request, right->request);
    assert_int_equal(left->offset, right->offset);
    assert_int_equal(left->header.type, right->header.type);
    assert_int_equal(left->header.version, right->header.version);
    assert_int_equal(left->header.length, right->header.length);
    assert_memory_equal(left->digest, right->digest, TALC_JOURNAL_DIGEST_SIZE);
    assert_memory_equal(left->fragment, right->fragment, left->header.length);
}

/* --- Writing --- */

static void each_record_is_one_line(void **state)
{
    (void)state;
    char text[2048];
    talc_journal *journal = NULL;
    talc_journal_entry entry_in = entry_out;
    entry_in.direction = TALC_JOURNAL_IN;
    assert_int_equal(talc_journal_open(&journal, path), TALC_OK);
    assert_int_equal(talc_journal_write(journal, &entry_out), TALC_OK);
    /* No buffer: the line is there before the journal is closed. */
    assert_int_equal(read_file(text, sizeof text), strlen(LINE_OUT "\n"));
    assert_memory_equal(text, LINE_OUT "\n", strlen(LINE_OUT "\n"));
    assert_int_equal(talc_journal_write(journal, &entry_in), TALC_OK);
    assert_int_equal(talc_journal_close(journal), TALC_OK);
    assert_int_equal(read_file(text, sizeof text), 2 * strlen(LINE_OUT "\n") - 1);
    assert_memory_equal(text + strlen(LINE_OUT "\n"), "{" TIME ",\"direction\":\"in\",",
                        strlen("{" TIME ",\"direction\":\"in\","));
}

static void reopened_file_grows(void **state)
{
    (void)state;
    char text[2048];
    for (size_t lines = 1; lines <= 3; lines++) {
        talc_journal *journal = NULL;
        assert_int_equal(talc_journal_open(&journal, path), TALC_OK);
        assert_int_equal(talc_journal_write(journal, &entry_out), TALC_OK);
        assert_int_equal(talc_journal_close(journal), TALC_OK);
        assert_int_equal(read_file(text, sizeof text), lines * strlen(LINE_OUT "\n"));
    }
}

static void file_is_private(void **state)
{
    (void)state;
    struct stat status;
    talc_journal *journal = NULL;
    mode_t mask = umask(0);
    assert_int_equal(talc_journal_open(&journal, path), TALC_OK);
    umask(mask);
    assert_int_equal(talc_journal_close(journal), TALC_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void file_of_others_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0640, 0620, 0610, 0604, 0602, 0601 };
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        talc_journal *journal = (talc_journal *)path;
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(talc_journal_open(&journal, path), TALC_ERROR_IO);
        assert_null(journal);
    }
    /* Only root can write to, and only root can make, a private file of somebody else. */
    if (geteuid() == 0) {
        talc_journal *journal = NULL;
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(talc_journal_open(&journal, path), TALC_ERROR_IO);
        assert_int_equal(chown(path, 0, 0), 0);
        assert_int_equal(talc_journal_open(&journal, path), TALC_OK);
        assert_int_equal(talc_journal_close(journal), TALC_OK);
    }
}

static void only_regular_files_are_opened(void **state)
{
    (void)state;
    talc_journal *journal = NULL;
    assert_int_equal(talc_journal_open(&journal, folder), TALC_ERROR_IO);
    assert_int_equal(talc_journal_open(&journal, "/dev/null"), TALC_ERROR_IO);
    assert_int_equal(talc_journal_open(&journal, "/nowhere/journal"), TALC_ERROR_IO);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(talc_journal_open(&journal, path), TALC_ERROR_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("target", path), 0);
    assert_int_equal(talc_journal_open(&journal, path), TALC_ERROR_IO);
}

static void no_journal_is_off(void **state)
{
    (void)state;
    assert_int_equal(talc_journal_write(NULL, &entry_out), TALC_OK);
    assert_int_equal(talc_journal_close(NULL), TALC_OK);
}

static void bad_entry_is_refused_and_forgotten(void **state)
{
    (void)state;
    talc_journal_entry entries[7];
    talc_journal *journal = NULL;
    char text[2048];
    for (size_t i = 0; i < 7; i++) {
        entries[i] = entry_out;
    }
    entries[0].header.type = 24;
    entries[1].header.length = 0;
    entries[2].header.length = TALC_FRAGMENT_SIZE_MAX + 1;
    entries[3].fragment = NULL;
    entries[4].time_ms = TALC_ENVELOPE_NUMBER_MAX + 1;
    entries[5].offset = UINT64_MAX;
    entries[6].direction = (talc_journal_direction)2;
    assert_int_equal(talc_journal_open(&journal, path), TALC_OK);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(talc_journal_write(journal, &entries[i]), TALC_ERROR_ARGUMENT);
    }
    assert_int_equal(talc_journal_write(journal, &entry_out), TALC_OK);
    assert_int_equal(talc_journal_close(journal), TALC_OK);
    assert_int_equal(read_file(text, sizeof text), strlen(LINE_OUT "\n"));
}

/* A limit on the file's size stands for a full disk. */
static void first_failure_sticks(void **state)
{
    (void)state;
    talc_journal *journal = NULL;
    struct rlimit before;
    char text[2048];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = { strlen(LINE_OUT "\n") + 10, before.rlim_max };
    assert_int_equal(talc_journal_open(&journal, path), TALC_OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(talc_journal_write(journal, &entry_out), TALC_OK);
    assert_int_equal(talc_journal_write(journal, &entry_out), TALC_ERROR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    size_t size = read_file(text, sizeof text);
    assert_int_equal(talc_journal_write(journal, &entry_out), TALC_ERROR_IO);
    assert_int_equal(read_file(text, sizeof text), size);
    assert_int_equal(talc_journal_close(journal), TALC_ERROR_IO);
}

static void largest_entry_fits_a_line(void **state)
{
    (void)state;
    static char line[TALC_JOURNAL_LINE_SIZE_MAX];
    static uint8_t read_fragment[TALC_FRAGMENT_SIZE_MAX];
    talc_journal *journal = NULL;
    talc_journal_entry entry = entry_out;
    talc_journal_entry read;
    entry.time_ms = TALC_ENVELOPE_NUMBER_MAX;
    entry.request = TALC_ENVELOPE_NUMBER_MAX;
    entry.offset = TALC_ENVELOPE_NUMBER_MAX;
    entry.header = (talc_record_header){ 23, 60417, TALC_FRAGMENT_SIZE_MAX };
    assert_int_equal(talc_journal_open(&journal, path), TALC_OK);
    assert_int_equal(talc_journal_write(journal, &entry), TALC_OK);
    assert_int_equal(talc_journal_close(journal), TALC_OK);
    size_t size = read_file(line, sizeof line);
    assert_int_equal(talc_journal_read_line(line, size, &read, read_fragment, sizeof read_fragment),
                     TALC_OK);
    assert_entry_equal(&read, &entry);
}

/* --- Reading --- */

static const struct line_case {
    const char *name, *line;
    talc_status status;
} line_cases[] = {
    { "as written", LINE_OUT, TALC_OK },
    { "with its newline", LINE_OUT "\n", TALC_OK },
    { "an unknown key",
      "{\"later\":[-1.5]," TIME ",\"direction\":\"out\"," SESSION
      ",\"request\":7,\"offset\":226," HEADER "," DIGEST ",\"fragment\":\"AQID\"}",
      TALC_OK },
    { "nothing", "", TALC_ERROR_MALFORMED },
    { "no object", "[]", TALC_ERROR_MALFORMED },
    { "no keys", "{}", TALC_ERROR_MALFORMED },
    { "two lines", LINE_OUT "\n" LINE_OUT, TALC_ERROR_MALFORMED },
    { "time missing",
      "{\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":226," HEADER "," DIGEST
      ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "time twice",
      "{" TIME "," TIME ",\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":226," HEADER
      "," DIGEST ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "another direction",
      "{" TIME ",\"direction\":\"Out\"," SESSION ",\"request\":7,\"offset\":226," HEADER "," DIGEST
      ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "short session id",
      "{" TIME ",\"direction\":\"out\",\"session\":\"AAECAwQFBgcICQo\","
      "\"request\":7,\"offset\":226," HEADER "," DIGEST ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "request negative",
      "{" TIME ",\"direction\":\"out\"," SESSION ",\"request\":-7,\"offset\":226," HEADER "," DIGEST
      ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "offset as text",
      "{" TIME ",\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":\"226\"," HEADER
      "," DIGEST ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "type of no record",
      "{" TIME ",\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":226,"
      "\"type\":278,\"version\":771,\"length\":3," DIGEST ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "length is not the fragment's",
      "{" TIME ",\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":226,"
      "\"type\":22,\"version\":771,\"length\":2," DIGEST ",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "longer than the room for it",
      "{" TIME ",\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":226,"
      "\"type\":22,\"version\":771,\"length\":4," DIGEST ",\"fragment\":\"AQIDBA\"}",
      TALC_ERROR_TOO_LARGE },
    { "short digest",
      "{" TIME ",\"direction\":\"out\"," SESSION ",\"request\":7,\"offset\":226," HEADER
      ",\"sha256\":\"AAAA\",\"fragment\":\"AQID\"}",
      TALC_ERROR_MALFORMED },
    { "padded fragment",
      "{" TIME ",\"direction\":\"out\"," SESSION
      ",\"request\":7,\"offset\":226,\"type\":22,\"version\":771,\"length\":2," DIGEST
      ",\"fragment\":\"AQI=\"}",
      TALC_ERROR_MALFORMED },
};

static void lines_are_read_strictly(void **state)
{
    (void)state;
    static const talc_journal_entry empty;
    for (size_t i = 0; i < sizeof line_cases / sizeof line_cases[0]; i++) {
        const struct line_case *expected = &line_cases[i];
        uint8_t bytes[3];
        talc_journal_entry entry;
        talc_status status = talc_journal_read_line(expected->line, strlen(expected->line), &entry,
                                                    bytes, sizeof bytes);
        if (status != expected->status) {
            fail_msg("%s: status %d", expected->name, status);
        }
        if (status == TALC_OK) {
            assert_entry_equal(&entry, &entry_out);
        } else {
            assert_memory_equal(&entry, &empty, sizeof empty);
        }
    }
}

static void every_truncated_line_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < strlen(LINE_OUT); size++) {
        uint8_t bytes[3];
        talc_journal_entry entry;
        assert_int_equal(talc_journal_read_line(LINE_OUT, size, &entry, bytes, sizeof bytes),
                         TALC_ERROR_MALFORMED);
    }
}

static void endless_line_is_refused(void **state)
{
    (void)state;
    static char line[TALC_JOURNAL_LINE_SIZE_MAX + 1];
    uint8_t bytes[3];
    talc_journal_entry entry;
    memset(line, ' ', sizeof line);
    memcpy(line, LINE_OUT, strlen(LINE_OUT));
    assert_int_equal(talc_journal_read_line(line, sizeof line - 1, &entry, bytes, 3), TALC_OK);
    assert_int_equal(talc_journal_read_line(line, sizeof line, &entry, bytes, 3),
                     TALC_ERROR_TOO_LARGE);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(each_record_is_one_line),
        FILE_TEST(reopened_file_grows),
        FILE_TEST(file_is_private),
        FILE_TEST(file_of_others_is_refused),
        FILE_TEST(only_regular_files_are_opened),
        cmocka_unit_test(no_journal_is_off),
        FILE_TEST(bad_entry_is_refused_and_forgotten),
        FILE_TEST(first_failure_sticks),
        FILE_TEST(largest_entry_fits_a_line),
        cmocka_unit_test(lines_are_read_strictly),
        cmocka_unit_test(every_truncated_line_is_refused),
        cmocka_unit_test(endless_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
