/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_INSPECT_STAGE_H
#define TALC_TESTS_INSPECT_STAGE_H

/** Real sessions that are recorded, for tests of `talc inspect`: capture (of what a relay saw),
 * journal and key log, in a folder of the test; and programs that are run on them. */

#include "tests/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/pcap_writer.h"

/** The files of a test. */
enum {
    FILE_CAPTURE,
    FILE_JOURNAL,
    FILE_KEYS,
    FILE_OTHER_JOURNAL,
    FILE_OTHER_KEYS,
    FILE_REBUILT,
    FILES
};
extern char stage_paths[FILES][96];

/** Set-up and tear-down of cmocka. */
int stage_make_folder(void **state);
int stage_remove_folder(void **state);

void stage_write_file(const char *path, const char *text);

#define STAGE_OUTPUT_SIZE (1u << 20)

/** Runs a program with these words; its exit code. What it printed and its last complaint are in
 * stage_output and stage_complaint. */
int stage_run(const char *const *words);
extern char stage_output[STAGE_OUTPUT_SIZE];
extern char stage_complaint[512];

/** The command talc that the environment names. */
const char *stage_talc(void);

#define RUN(...) stage_run((const char *const[]){ __VA_ARGS__, NULL })
#define INSPECT(...) RUN(stage_talc(), "inspect", __VA_ARGS__)

/** Client and server of the captures: no port is CoAP's. */
extern const pcap_endpoint stage_ends[2];

typedef struct stage_row {
    const char *name;
    const peers_credentials *credentials;
    talc_mode mode;
    talc_tls_version version;
    bool is_blockwise;
} stage_row;

/** Sessions of all kinds; the last one is of `ecc`. */
#define STAGE_ROWS 6
#define STAGE_ROW_PSK 2
#define STAGE_ROW_ECC (STAGE_ROWS - 1)
extern const stage_row stage_rows[STAGE_ROWS];

typedef struct stage_recording {
    const relay_faults *faults; /**< NULL: none */
    unsigned copies;            /**< of each datagram in the capture, as if CoAP had repeated it */
    bool into_other_files;      /**< journal and key log */
} stage_recording;

/** Each datagram once, nothing lost. */
extern const stage_recording stage_plain;

/** Records a session: GET hello, POST echo with "four words for you", GET large. */
void stage_record(const stage_row *row, const stage_recording *how, talc_session_info *info);

#endif
