/* SPDX-License-Identifier: MIT */
#include "tools/inspect_names.h"

#include <string.h>

#include "lib/framing_wire.h"
#include "lib/tls_alert.h"

#define HANDSHAKE_HEADER_SIZE 4
#define CLIENT_HELLO 1
#define SERVER_HELLO 2
#define SERVER_NAME 0
#define SUPPORTED_VERSIONS 43
#define VERSION_1_2 0x0303
#define VERSION_1_3 0x0304

/* Of one direction, while its records are read in order. */
typedef struct naming {
    inspect_session *session;
    inspect_direction direction;
    size_t message_left; /* of a message that began in a record before */
    bool is_encrypted;   /* after ChangeCipherSpec, in TLS 1.2 */
    size_t handshakes;   /* records of that type so far */
} naming;

const char *inspect_type_text(uint8_t type)
{
    switch (type) {
    case TALC_RECORD_CHANGE_CIPHER_SPEC: return "change cipher spec";
    case TALC_RECORD_ALERT: return "alert";
    case TALC_RECORD_HANDSHAKE: return "handshake";
    default: return "application data";
    }
}

/* RFC 8446 section 4, RFC 5246 section 7.4. */
static const char *message_text(unsigned type)
{
    static const struct {
        unsigned type;
        const char *text;
    } rows[] = { { 0, "HelloRequest" },        { 1, "ClientHello" },
                 { 2, "ServerHello" },         { 4, "NewSessionTicket" },
                 { 8, "EncryptedExtensions" }, { 11, "Certificate" },
                 { 12, "ServerKeyExchange" },  { 13, "CertificateRequest" },
                 { 14, "ServerHelloDone" },    { 15, "CertificateVerify" },
                 { 16, "ClientKeyExchange" },  { 20, "Finished" } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == type) {
            return rows[i].text;
        }
    }
    return NULL;
}

static void append(inspect_record *record, const char *text)
{
    size_t size = strlen(record->name);
    snprintf(record->name + size, sizeof record->name - size, "%s%s", size > 0 ? ", " : "", text);
}

/* ---------------------------------------------------------------- hellos */

/* Passes a vector whose length stands before it in `width` bytes. */
static bool take_vector(talc_byte_reader *reader, size_t width, talc_byte_reader *inside)
{
    uint32_t size = 0;
    if (!talc_byte_reader_uint(reader, width, &size) ||
        !talc_byte_reader_take(reader, size, &inside->bytes)) {
        return false;
    }
    inside->size = size;
    return true;
}

static bool find_extension(talc_byte_reader extensions, uint32_t wanted, talc_byte_reader *found)
{
    uint32_t type = 0;
    while (talc_byte_reader_uint(&extensions, 2, &type) && take_vector(&extensions, 2, found)) {
        if (type == wanted) {
            return true;
        }
    }
    return false;
}

/* Printable ASCII only: it goes to a terminal. */
static bool copy_name(const talc_byte_reader *from, char *name, size_t capacity)
{
    if (from->size == 0 || from->size >= capacity) {
        return false;
    }
    for (size_t i = 0; i < from->size; i++) {
        if (from->bytes[i] < 0x21 || from->bytes[i] > 0x7e) {
            return false;
        }
        name[i] = (char)from->bytes[i];
    }
    name[from->size] = '\0';
    return true;
}

static void read_client_hello(inspect_record *record, talc_byte_reader body)
{
    const uint8_t *passed;
    talc_byte_reader inside, extensions, names, name;
    uint32_t kind = 0;
    char text[64];
    if (!talc_byte_reader_take(&body, 2 + 32, &passed) || !take_vector(&body, 1, &inside) ||
        !take_vector(&body, 2, &inside) || !take_vector(&body, 1, &inside) ||
        !take_vector(&body, 2, &extensions) || !find_extension(extensions, SERVER_NAME, &inside) ||
        !take_vector(&inside, 2, &names) || !talc_byte_reader_uint(&names, 1, &kind) || kind != 0 ||
        !take_vector(&names, 2, &name) || !copy_name(&name, text, sizeof text)) {
        return;
    }
    size_t size = strlen(record->name);
    snprintf(record->name + size, sizeof record->name - size, " (%s)", text);
}

static void read_server_hello(naming *state, inspect_record *record, talc_byte_reader body)
{
    static const uint8_t retry[4] = { 0xcf, 0x21, 0xad, 0x74 }; /* RFC 8446 section 4.1.3 */
    const uint8_t *random;
    talc_byte_reader inside, extensions, versions;
    uint32_t version = 0;
    uint32_t suite = 0;
    if (!talc_byte_reader_uint(&body, 2, &version) || !talc_byte_reader_take(&body, 32, &random) ||
        !take_vector(&body, 1, &inside) || !talc_byte_reader_uint(&body, 2, &suite)) {
        return;
    }
    if (talc_byte_reader_take(&body, 1, &inside.bytes) && take_vector(&body, 2, &extensions) &&
        find_extension(extensions, SUPPORTED_VERSIONS, &versions)) {
        (void)talc_byte_reader_uint(&versions, 2, &version);
    }
    if (version == VERSION_1_2 || version == VERSION_1_3) {
        snprintf(state->session->protocol, sizeof state->session->protocol, "TLS 1.%u",
                 version == VERSION_1_3 ? 3u : 2u);
    }
    bool is_retry = memcmp(random, retry, sizeof retry) == 0;
    size_t size = strlen(record->name);
    snprintf(record->name + size, sizeof record->name - size, "%s (suite 0x%04x)",
             is_retry ? ", HelloRetryRequest" : "", (unsigned)suite);
}

/* ---------------------------------------------------------------- records */

/* Messages as they begin in a record; one may go on in the next records. */
static void name_messages(naming *state, inspect_record *record)
{
    talc_byte_reader reader = { record->fragment, record->header.length };
    const uint8_t *passed;
    size_t rest = state->message_left < reader.size ? state->message_left : reader.size;
    (void)talc_byte_reader_take(&reader, rest, &passed);
    state->message_left -= rest;
    if (rest > 0) {
        append(record, "the rest of a message");
    }
    uint32_t type = 0;
    uint32_t size = 0;
    while (talc_byte_reader_uint(&reader, 1, &type) && talc_byte_reader_uint(&reader, 3, &size)) {
        const char *text = message_text(type);
        if (text == NULL) {
            append(record, "encrypted");
            return;
        }
        append(record, text);
        talc_byte_reader body = { reader.bytes, size < reader.size ? size : reader.size };
        if (type == CLIENT_HELLO) {
            read_client_hello(record, body);
        } else if (type == SERVER_HELLO) {
            read_server_hello(state, record, body);
        }
        (void)talc_byte_reader_take(&reader, body.size, &passed);
        state->message_left = size - body.size;
    }
}

static void name_ecc(naming *state, inspect_record *record)
{
    bool is_client = state->direction == INSPECT_CLIENT;
    if (state->handshakes == 0) {
        append(record, is_client ? "M1" : "M2");
    } else {
        append(record, is_client ? "M3 (sealed)" : "M4 (sealed)");
    }
}

static void name_alert(inspect_record *record)
{
    if (record->header.length != 2) {
        append(record, "encrypted");
        return;
    }
    append(record, record->fragment[0] == 2 ? "fatal" : "warning");
    append(record, talc_tls_alert_name(record->fragment[1]));
}

static void name_record(naming *state, inspect_record *record)
{
    bool is_ecc = record->header.version == TALC_RECORD_VERSION_ECC;
    switch (record->header.type) {
    case TALC_RECORD_HANDSHAKE:
        if (is_ecc) {
            name_ecc(state, record);
        } else if (state->is_encrypted) {
            append(record, "encrypted");
        } else {
            name_messages(state, record);
        }
        state->handshakes++;
        break;
    case TALC_RECORD_ALERT: name_alert(record); break;
    case TALC_RECORD_CHANGE_CIPHER_SPEC:
        state->is_encrypted = strcmp(state->session->protocol, "TLS 1.3") != 0;
        break;
    default: break;
    }
}

/* The server's first: its hello says what the rest of both means. */
void inspect_names_set(inspect_session *session)
{
    static const inspect_direction order[] = { INSPECT_SERVER, INSPECT_CLIENT };
    for (size_t i = 0; i < 2; i++) {
        inspect_stream *stream = &session->streams[order[i]];
        naming state = { .session = session, .direction = order[i] };
        bool from_start = stream->record_count > 0 && stream->records[0].offset == 0;
        for (size_t record = 0; record < stream->record_count; record++) {
            session->is_ecc |= stream->records[record].header.version == TALC_RECORD_VERSION_ECC;
            if (from_start || stream->records[record].header.type == TALC_RECORD_ALERT) {
                name_record(&state, &stream->records[record]);
            }
        }
    }
    if (session->is_ecc) {
        snprintf(session->protocol, sizeof session->protocol, "ecc");
    }
}
