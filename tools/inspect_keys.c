/* SPDX-License-Identifier: MIT */
#include "tools/inspect_keys.h"

#include <string.h>

#include "lib/framing.h"
#include "lib/hex.h"
#include "tools/inspect_messages.h"
#include "tools/inspect_reader.h"
#include "tools/process.h"

#define LINE_SIZE_MAX (1u << 20)

/* What tshark prints of a connection: two nodes, then what they said. */
typedef struct transcript {
    inspect_messages *messages;
    inspect_direction node_0;
} transcript;

/* Hexadecimal digits of one side, behind a tab if it is node 1. */
static void take_digits(const transcript *read, char *line)
{
    bool is_node_1 = line[0] == '\t';
    char *digits = line + is_node_1;
    size_t size = strlen(digits) / 2;
    uint8_t *bytes = (uint8_t *)line; /* in place: a byte never overtakes its digits */
    if (size == 0 || !talc_hex_read(bytes, size, digits)) {
        return;
    }
    bool is_client = (read->node_0 == INSPECT_CLIENT) != is_node_1;
    inspect_messages_take(read->messages, is_client ? INSPECT_CLIENT : INSPECT_SERVER, bytes, size);
}

/* "Node 0: 192.0.2.2:5684"; a node that said nothing has no address. */
static void take_node(transcript *read, const char *line)
{
    bool is_node_0 = strncmp(line, "Node 0: ", 8) == 0;
    bool is_client = strncmp(line + 8, "192.0.2.1:", 10) == 0;
    if (is_client || strncmp(line + 8, "192.0.2.2:", 10) == 0) {
        read->node_0 = is_client == is_node_0 ? INSPECT_CLIENT : INSPECT_SERVER;
    }
}

static void read_output(FILE *output, inspect_messages *messages)
{
    transcript read = { messages, INSPECT_CLIENT };
    char *line = NULL;
    size_t capacity = 0;
    size_t size = 0;
    int found;
    while ((found = inspect_line_read(output, &line, &capacity, LINE_SIZE_MAX, &size)) != 0) {
        if (found < 0) {
            continue;
        }
        line[size] = '\0';
        if (strncmp(line, "Node ", 5) == 0 && size > 8) {
            take_node(&read, line);
        } else {
            take_digits(&read, line);
        }
    }
    free(line);
}

/* Decrypts one connection of the capture. */
static bool decrypt(inspect_decryption *decryption, size_t number, inspect_messages *messages)
{
    char keys[4200];
    char follow[64];
    char reason[256];
    process tshark;
    snprintf(follow, sizeof follow, "follow,tls,raw,%zu", number);
    int size = snprintf(keys, sizeof keys, "tls.keylog_file:%s", decryption->keys_path);
    const char *words[] = { "tshark", "-n",   "-r", decryption->capture_path, "-o", keys, "-q",
                            "-z",     follow, NULL };
    if (size >= (int)sizeof keys || !process_start(&tshark, words)) {
        snprintf(decryption->failure, sizeof decryption->failure, "tshark cannot be started");
        return false;
    }
    read_output(tshark.output, messages);
    int code = process_end(&tshark, reason, sizeof reason);
    if (code == PROCESS_NOT_FOUND) {
        snprintf(
            decryption->failure, sizeof decryption->failure,
            "tshark, which decrypts, is not there: install it (Debian's package is tshark), or "
            "open the file of --pcap in Wireshark");
    } else if (code != 0) {
        snprintf(decryption->failure, sizeof decryption->failure, "tshark: %.200s", reason);
    }
    return code == 0;
}

static bool use_session(const inspect_session *session, size_t number,
                        inspect_decryption *decryption, FILE *out)
{
    char id[INSPECT_ID_TEXT_SIZE];
    fprintf(out, "\ninside session %s\n", inspect_id_text(session->id, id));
    if (session->is_ecc) {
        fprintf(out, "  ecc is not TLS: it has no key log, and no other program decrypts it\n");
        return true;
    }
    inspect_messages messages;
    inspect_messages_begin(&messages, out);
    bool done = decrypt(decryption, number, &messages);
    if (done && messages.count == 0) {
        fprintf(out, "  nothing could be decrypted: its keys are not in %s\n",
                decryption->keys_path);
    }
    inspect_messages_end(&messages);
    return done;
}

bool inspect_keys_use(const inspection *all, const inspect_choice *choice,
                      inspect_decryption *decryption, FILE *out)
{
    FILE *keys = fopen(decryption->keys_path, "r");
    decryption->failure[0] = '\0';
    if (keys == NULL) {
        snprintf(decryption->failure, sizeof decryption->failure, "the key log cannot be read");
        return false;
    }
    fclose(keys);
    for (size_t number = 0;; number++) {
        const inspect_session *session = inspect_rebuilt_session(all, choice, number);
        if (session == NULL) {
            return true;
        }
        if (!use_session(session, number, decryption, out)) {
            return false;
        }
    }
}
