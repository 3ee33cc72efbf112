/* SPDX-License-Identifier: MIT */

/* A line of the journal -> entry. A journal may come from another machine, so it is read with the
 * same care as an envelope. */
#include <string.h>

#include "records/base64.h"
#include "records/journal.h"
#include "records/json_tree.h"

static const talc_json_limits line_limits = { .depth = 4, .values = 64 };

enum {
    KEY_TIME,
    KEY_DIRECTION,
    KEY_SESSION,
    KEY_REQUEST,
    KEY_OFFSET,
    KEY_TYPE,
    KEY_VERSION,
    KEY_LENGTH,
    KEY_DIGEST,
    KEY_FRAGMENT,
    KEY_COUNT
};
static const char *const key_names[KEY_COUNT] = { "time_ms", "direction", "session", "request",
                                                  "offset",  "type",      "version", "length",
                                                  "sha256",  "fragment" };

static bool read_numbers(const cJSON *const *keys, talc_journal_entry *entry)
{
    uint64_t type = 0;
    uint64_t version = 0;
    uint64_t length = 0;
    if (!talc_json_number(keys[KEY_TIME], TALC_ENVELOPE_NUMBER_MAX, &entry->time_ms) ||
        !talc_json_number(keys[KEY_REQUEST], TALC_ENVELOPE_NUMBER_MAX, &entry->request) ||
        !talc_json_number(keys[KEY_OFFSET], TALC_ENVELOPE_NUMBER_MAX, &entry->offset) ||
        !talc_json_number(keys[KEY_TYPE], UINT8_MAX, &type) ||
        !talc_json_number(keys[KEY_VERSION], UINT16_MAX, &version) ||
        !talc_json_number(keys[KEY_LENGTH], TALC_FRAGMENT_SIZE_MAX, &length)) {
        return false;
    }
    entry->header.type = (uint8_t)type;
    entry->header.version = (uint16_t)version;
    entry->header.length = (uint16_t)length;
    return talc_record_header_check(&entry->header) == TALC_OK;
}

static bool read_direction(const cJSON *value, talc_journal_direction *direction)
{
    const char *text = talc_json_string(value);
    if (text == NULL || (strcmp(text, "out") != 0 && strcmp(text, "in") != 0)) {
        return false;
    }
    *direction = strcmp(text, "out") == 0 ? TALC_JOURNAL_OUT : TALC_JOURNAL_IN;
    return true;
}

/* A string that holds exactly `size` bytes. */
static bool read_bytes(const cJSON *value, uint8_t *bytes, size_t size)
{
    const char *text = talc_json_string(value);
    return text != NULL && strlen(text) == talc_base64_encoded_size(size) &&
           talc_base64_decode(text, strlen(text), bytes, size) == TALC_OK;
}

static talc_status read_entry(const cJSON *root, talc_journal_entry *entry, uint8_t *fragment,
                              size_t capacity)
{
    const cJSON *keys[KEY_COUNT];
    if (talc_json_collect(root, key_names, KEY_COUNT, keys) != TALC_OK) {
        return TALC_ERROR_MALFORMED;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i] == NULL) {
            return TALC_ERROR_MALFORMED;
        }
    }
    if (!read_numbers(keys, entry) || !read_direction(keys[KEY_DIRECTION], &entry->direction) ||
        !read_bytes(keys[KEY_SESSION], entry->session_id, TALC_SESSION_ID_SIZE) ||
        !read_bytes(keys[KEY_DIGEST], entry->digest, TALC_JOURNAL_DIGEST_SIZE)) {
        return TALC_ERROR_MALFORMED;
    }
    if (entry->header.length > capacity) {
        return TALC_ERROR_TOO_LARGE;
    }
    entry->fragment = fragment;
    return read_bytes(keys[KEY_FRAGMENT], fragment, entry->header.length) ? TALC_OK
                                                                          : TALC_ERROR_MALFORMED;
}

talc_status talc_journal_read_line(const char *line, size_t size, talc_journal_entry *entry,
                                   uint8_t *fragment, size_t capacity)
{
    cJSON *root = NULL;
    memset(entry, 0, sizeof *entry);
    if (size > TALC_JOURNAL_LINE_SIZE_MAX) {
        return TALC_ERROR_TOO_LARGE;
    }
    talc_status status = talc_json_parse(line, size, &line_limits, &root);
    if (status == TALC_OK) {
        status = read_entry(root, entry, fragment, capacity);
    }
    cJSON_Delete(root);
    if (status != TALC_OK) {
        memset(entry, 0, sizeof *entry);
    }
    return status;
}
