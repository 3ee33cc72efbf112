/* SPDX-License-Identifier: MIT */
#include "lib/identity_psk.h"

#include <string.h>

#include "lib/crypto.h"
#include "lib/hex.h"

/* Name, colon, two digits a byte, line feed. */
#define LINE_SIZE_MAX ((size_t)TALC_PSK_NAME_SIZE_MAX + 1 + 2 * TALC_PSK_SIZE_MAX + 1)
#define PSK_FILE_SIZE_MAX (LINE_SIZE_MAX * TALC_TRUST_PSKS_MAX)

talc_status talc_psk_entry_fill(talc_psk_entry *entry, const talc_psk *psk,
                                const talc_source *source)
{
    if (!psk->name || psk->name_size == 0 || psk->name_size > TALC_PSK_NAME_SIZE_MAX) {
        return talc_source_fault(source, "the name has %zu bytes, not 1 to %d", psk->name_size,
                                 TALC_PSK_NAME_SIZE_MAX);
    }
    if (!psk->key || psk->key_size < TALC_PSK_SIZE_MIN || psk->key_size > TALC_PSK_SIZE_MAX) {
        return talc_source_fault(source, "the key has %zu bytes, not %d to %d", psk->key_size,
                                 TALC_PSK_SIZE_MIN, TALC_PSK_SIZE_MAX);
    }
    talc_peer peer;
    if (talc_peer_from_psk(&peer, psk->name, psk->name_size) != TALC_OK) {
        return talc_source_fault(source, "the name is too long with its bytes written as \\xNN");
    }
    memcpy(entry->name, psk->name, psk->name_size);
    entry->name_size = psk->name_size;
    memcpy(entry->key, psk->key, psk->key_size);
    entry->key_size = psk->key_size;
    return TALC_OK;
}

talc_status talc_psk_reader_open(talc_psk_reader *reader, const talc_source *source)
{
    static const talc_content_rule rule = { PSK_FILE_SIZE_MAX, TALC_CONTENT_SECRET };
    memset(reader, 0, sizeof(*reader));
    return talc_content_read(&reader->content, source, &rule);
}

void talc_psk_reader_close(talc_psk_reader *reader)
{
    talc_content_free(&reader->content);
    talc_wipe(reader, sizeof(*reader));
}

/* Moves to the next line; false at the end of the file. */
static bool next_line(talc_psk_reader *reader, const char **line, size_t *size)
{
    size_t left = reader->content.size - reader->offset;
    if (left == 0) {
        return false;
    }
    const char *start = (const char *)reader->content.bytes + reader->offset;
    const char *feed = memchr(start, '\n', left);
    *line = start;
    *size = feed ? (size_t)(feed - start) : left;
    reader->offset += *size + (feed ? 1 : 0);
    reader->line++;
    return true;
}

static const char *last_colon(const char *line, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        if (line[i - 1] == ':') {
            return line + i - 1;
        }
    }
    return NULL;
}

static bool is_clean_name(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return size == 0 || (name[0] != ' ' && name[size - 1] != ' ');
}

static talc_status read_line(talc_psk_reader *reader, const char *line, size_t size,
                             const talc_source *source)
{
    const char *colon = last_colon(line, size);
    if (!colon) {
        return talc_source_fault(source, "line %u: is not NAME:HEX-KEY", reader->line);
    }
    size_t name_size = (size_t)(colon - line);
    size_t digits = size - name_size - 1;
    if (name_size == 0 || name_size > TALC_PSK_NAME_SIZE_MAX) {
        return talc_source_fault(source, "line %u: the name has %zu bytes, not 1 to %d",
                                 reader->line, name_size, TALC_PSK_NAME_SIZE_MAX);
    }
    if (!is_clean_name(line, name_size)) {
        return talc_source_fault(source,
                                 "line %u: the name holds control characters, or blanks "
                                 "at its ends",
                                 reader->line);
    }
    if (digits % 2 != 0 || digits / 2 < TALC_PSK_SIZE_MIN || digits / 2 > TALC_PSK_SIZE_MAX) {
        return talc_source_fault(source,
                                 "line %u: the key has %zu characters, not an even number "
                                 "from %d to %d",
                                 reader->line, digits, 2 * TALC_PSK_SIZE_MIN,
                                 2 * TALC_PSK_SIZE_MAX);
    }
    if (!talc_hex_read(reader->key, digits / 2, colon + 1)) {
        return talc_source_fault(source, "line %u: the key is not written in hex digits",
                                 reader->line);
    }
    reader->psk = (talc_psk){ line, name_size, reader->key, digits / 2 };
    return TALC_OK;
}

talc_status talc_psk_reader_next(talc_psk_reader *reader, const talc_source *source)
{
    const char *line = NULL;
    size_t size = 0;
    reader->psk = (talc_psk){ 0 };
    while (next_line(reader, &line, &size)) {
        size -= size > 0 && line[size - 1] == '\r'; /* written on another system */
        if (size > 0 && line[0] != '#') {
            return read_line(reader, line, size, source);
        }
    }
    return TALC_OK;
}
