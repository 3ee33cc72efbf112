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

/* ---------------------------------------------------------------- what was not decrypted */

enum { HELLO_TYPE = 1, RANDOM_OFFSET = 6, RANDOM_SIZE = 32 };

/* The client random, which says what lines of a key log are for this session; NULL if its
 * ClientHello was not seen, or the server's beginning, without which it decides nothing. */
static const uint8_t *client_random(const inspect_session *session)
{
    for (int direction = 0; direction < 2; direction++) {
        const inspect_stream *stream = &session->streams[direction];
        if (stream->record_count == 0 || stream->records[0].offset != 0 ||
            stream->records[0].header.type != TALC_RECORD_HANDSHAKE) {
            return NULL;
        }
    }
    const inspect_record *first = &session->streams[INSPECT_CLIENT].records[0];
    bool is_hello =
        first->header.length >= RANDOM_OFFSET + RANDOM_SIZE && first->fragment[0] == HELLO_TYPE;
    return is_hello ? first->fragment + RANDOM_OFFSET : NULL;
}

/* A line of a key log: label, client random, secret. */
static bool line_has_random(char *line, const uint8_t *random)
{
    uint8_t bytes[RANDOM_SIZE];
    char *digits = strchr(line, ' ');
    if (line[0] == '#' || digits == NULL || strcspn(digits + 1, " ") != 2 * sizeof bytes) {
        return false;
    }
    digits[1 + 2 * sizeof bytes] = '\0';
    return talc_hex_read(bytes, sizeof bytes, digits + 1) &&
           memcmp(bytes, random, sizeof bytes) == 0;
}

static bool log_has_random(const char *path, const uint8_t *random)
{
    char *line = NULL;
    size_t capacity = 0;
    size_t size = 0;
    int found;
    bool has_it = false;
    FILE *log = fopen(path, "r");
    if (log == NULL) {
        return false;
    }
    while (!has_it &&
           (found = inspect_line_read(log, &line, &capacity, LINE_SIZE_MAX, &size)) != 0) {
        if (found > 0) {
            line[size] = '\0';
            has_it = line_has_random(line, random);
        }
    }
    free(line); /* of secrets: the log itself has them in the clear */
    fclose(log);
    return has_it;
}

/* What stands behind a gap, or was seen at another hop only. */
static void say_rest(const inspection *all, const inspect_session *session, FILE *out)
{
    static const char *const senders[] = { "client", "server" };
    bool is_whole = true;
    for (int direction = 0; direction < 2; direction++) {
        const inspect_stream *stream = &session->streams[direction];
        size_t rest = inspect_rebuilt_without(all, session, (inspect_direction)direction);
        if (rest == 0) {
            continue;
        }
        uint64_t end = stream->run_count == 0 ? 0 : stream->runs[0].offset + stream->runs[0].size;
        fprintf(out, "  %zu bytes of the %s were not decrypted: ", rest, senders[direction]);
        if (stream->run_count > 1) {
            fprintf(out, "bytes %llu to %llu before them were not seen\n", (unsigned long long)end,
                    (unsigned long long)stream->runs[1].offset - 1);
        } else {
            fprintf(out, "only another view has them\n");
        }
        is_whole = false;
    }
    if (!is_whole && !all->is_merged) {
        fprintf(out, "  if the session moved, name all recordings of it, with --merge\n");
    }
}

static void say_nothing_decrypted(const inspection *all, const inspect_session *session,
                                  const inspect_decryption *decryption, FILE *out)
{
    const uint8_t *random = client_random(session);
    if (random == NULL) {
        fprintf(out,
                "  nothing could be decrypted: its handshake (the client random, which finds its "
                "keys) is\n  not in this recording; %s\n",
                all->is_merged ? "give the recording that has it as well"
                               : "give the recording that has it as well, with --merge");
    } else if (!log_has_random(decryption->keys_path, random)) {
        fprintf(out, "  nothing could be decrypted: its keys are not in %s\n",
                decryption->keys_path);
    } else {
        fprintf(out, "  nothing could be decrypted, though its keys are in %s\n",
                decryption->keys_path);
        say_rest(all, session, out);
    }
}

static bool use_session(const inspection *all, const inspect_session *session, size_t number,
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
        say_nothing_decrypted(all, session, decryption, out);
    } else if (done) {
        say_rest(all, session, out);
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
        if (!use_session(all, session, number, decryption, out)) {
            return false;
        }
    }
}
