/* SPDX-License-Identifier: MIT */
#include "tests/inspect_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/process.h"

/* ---------------------------------------------------------------- files of a test */

static char folder[64];
char stage_paths[FILES][96];

int stage_make_folder(void **state)
{
    static const char *const names[FILES] = { "capture", "journal",    "keys",
                                              "other",   "other-keys", "rebuilt" };
    (void)state;
    strcpy(folder, "/tmp/talc-test-inspect-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < FILES; i++) {
        snprintf(stage_paths[i], sizeof stage_paths[i], "%s/%s", folder, names[i]);
    }
    return 0;
}

int stage_remove_folder(void **state)
{
    int failed = peers_free_all(state);
    for (size_t i = 0; i < FILES; i++) {
        unlink(stage_paths[i]);
    }
    return rmdir(folder) != 0 || failed != 0 ? -1 : 0;
}

void stage_write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* ---------------------------------------------------------------- programs */

char stage_output[STAGE_OUTPUT_SIZE];
char stage_complaint[512];

int stage_run(const char *const *words)
{
    process program;
    assert_true(process_start(&program, words));
    size_t size = fread(stage_output, 1, sizeof stage_output - 1, program.output);
    stage_output[size] = '\0';
    return process_end(&program, stage_complaint, sizeof stage_complaint);
}

const char *stage_talc(void)
{
    const char *path = getenv("TALC_TEST_TALC");
    assert_non_null(path);
    return path;
}

/* ---------------------------------------------------------------- sessions that are recorded */

/* What a relay sees becomes a capture between two addresses, at a port that is not CoAP's. */
typedef struct recorder {
    FILE *file;
    pcap_writer writer;
    uint64_t time_us;
    unsigned copies; /* of each datagram, as if CoAP had sent it again */
} recorder;

const pcap_endpoint stage_ends[2] = { { { 192, 0, 2, 10 }, 40001 }, { { 192, 0, 2, 20 }, 40002 } };

static int record(void *context, relay_direction direction, uint8_t *bytes, size_t *size,
                  size_t capacity)
{
    recorder *to = context;
    const pcap_endpoint back[2] = { stage_ends[1], stage_ends[0] };
    (void)capacity;
    for (unsigned i = 0; i < to->copies; i++) {
        to->time_us += 1000;
        assert_true(pcap_datagram_write(&to->writer, direction == RELAY_UP ? stage_ends : back,
                                        to->time_us, bytes, *size));
    }
    return 1;
}

const stage_row stage_rows[STAGE_ROWS] = {
    { "certificates, TLS 1.3", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_3, false },
    { "certificates, TLS 1.2", &peers_certificates, TALC_MODE_TLS, TALC_TLS_1_2, false },
    { "a pre-shared key, TLS 1.3", &peers_psk, TALC_MODE_TLS, TALC_TLS_1_3, false },
    { "a pre-shared key, TLS 1.2", &peers_psk, TALC_MODE_TLS, TALC_TLS_1_2, false },
    { "chains of RSA, in blocks", &peers_rsa_chain, TALC_MODE_TLS, TALC_TLS_1_3, true },
    { "ecc", &peers_device, TALC_MODE_ECC, 0, false },
};

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

/* Records a session: capture, journal, key log. */
void stage_record(const stage_row *row, const stage_recording *how, talc_session_info *info)
{
    recorder to = { .copies = how->copies, .time_us = 1700000000000000u };
    peers_options options = {
        .credentials = row->credentials,
        .mode = &row->mode,
        .version = row->version,
        .has_relays = 1,
        .journal_path = stage_paths[how->into_other_files ? FILE_OTHER_JOURNAL : FILE_JOURNAL],
        .key_log_path = stage_paths[how->into_other_files ? FILE_OTHER_KEYS : FILE_KEYS],
    };
    peers *of = peers_new(&options);
    to.file = fopen(stage_paths[FILE_CAPTURE], "wb");
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

const stage_recording stage_plain = { .copies = 1 };
