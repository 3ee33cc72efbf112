/* SPDX-License-Identifier: MIT */

/*
 * Two passes over each value: a shallow one here finds where it ends, and json_scan.h, which is
 * strict, reads nothing but that. So what the shallow one takes for a value may be anything; it
 * only has to end inside the text.
 */
#include "records/registry_reader.h"

#include <stdlib.h>
#include <string.h>

#include "records/base64.h"
#include "records/json_tree.h"

#define END_OF_TEXT (-1)

static const talc_json_limits device_limits = { .depth = 4, .values = 64 };

/* Values that are passed over cost no memory but their own size. */
static const talc_json_limits unknown_limits = { .depth = 16, .values = SIZE_MAX };

enum { KEY_ID, KEY_KEY, KEY_STATE, KEY_COUNT };
static const char *const key_names[KEY_COUNT] = { "id", "key", "state" };

typedef struct registry_reader {
    const char *text;
    size_t size;
    size_t position;
    size_t line;
    bool has_devices;
    talc_registry_take take;
    void *context;
    talc_registry_fault *fault;
} registry_reader;

/** A part of the text, and the line where it begins. */
typedef struct registry_span {
    const char *text;
    size_t size;
    size_t line;
} registry_span;

static talc_status fail(registry_reader *reader, size_t line, const char *reason)
{
    reader->fault->line = line;
    reader->fault->reason = reason;
    return TALC_ERROR_MALFORMED;
}

/* ---------------------------------------------------------------- the shallow pass */

static int peek(const registry_reader *reader)
{
    return reader->position < reader->size ? (unsigned char)reader->text[reader->position]
                                           : END_OF_TEXT;
}

static int next(registry_reader *reader)
{
    int character = peek(reader);
    if (character != END_OF_TEXT) {
        reader->position++;
        reader->line += character == '\n';
    }
    return character;
}

static bool is_space(int character)
{
    return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

static int peek_after_space(registry_reader *reader)
{
    while (is_space(peek(reader))) {
        next(reader);
    }
    return peek(reader);
}

static bool take_character(registry_reader *reader, char expected)
{
    if (peek_after_space(reader) != expected) {
        return false;
    }
    next(reader);
    return true;
}

/* An escaped quote ends it too: the strict pass has none. */
static void skip_string(registry_reader *reader)
{
    int character = next(reader);
    do {
        character = next(reader);
    } while (character != '"' && character != END_OF_TEXT);
}

static bool ends_scalar(int character)
{
    return character == END_OF_TEXT || is_space(character) || character == ',' ||
           character == ']' || character == '}' || character == '[' || character == '{' ||
           character == '"';
}

/* One step inside a container, which may be a whole string. Returns how much deeper it went. */
static int skip_step(registry_reader *reader)
{
    int character = peek(reader);
    if (character == '"') {
        skip_string(reader);
        return 0;
    }
    next(reader);
    return (character == '{' || character == '[') - (character == '}' || character == ']');
}

/* Passes over one value: to the end of a string, to the bracket that closes a container, or to what
 * ends a number or a word. */
static registry_span skip_value(registry_reader *reader)
{
    int character = peek_after_space(reader);
    registry_span span = { reader->text + reader->position, 0, reader->line };
    size_t start = reader->position;
    if (character == '{' || character == '[') {
        long depth = 0;
        do {
            depth += skip_step(reader);
        } while (depth > 0 && peek(reader) != END_OF_TEXT);
    } else if (character == '"') {
        skip_string(reader);
    } else {
        while (!ends_scalar(peek(reader))) {
            next(reader);
        }
    }
    span.size = reader->position - start;
    return span;
}

/* ---------------------------------------------------------------- devices */

static talc_status fail_field(registry_reader *reader, const char *field, const char *reason)
{
    reader->fault->field = field;
    reader->fault->reason = reason;
    return TALC_ERROR_MALFORMED;
}

static talc_status read_state(registry_reader *reader, const cJSON *value,
                              talc_registry_record *record)
{
    const char *state = talc_json_string(value);
    record->is_revoked = state != NULL && strcmp(state, "revoked") == 0;
    if (record->is_revoked || (state != NULL && strcmp(state, "enrolled") == 0)) {
        return TALC_OK;
    }
    /* Never taken for granted: a slip of the pen in its name would serve a device that is revoked. */
    return fail_field(reader, key_names[KEY_STATE],
                      value == NULL ? "is missing" : "is neither \"enrolled\" nor \"revoked\"");
}

static talc_status read_key(registry_reader *reader, const char *text, talc_registry_record *record,
                            uint8_t key[TALC_REGISTRY_KEY_SIZE_MAX])
{
    record->key = key;
    record->key_size = talc_base64_decoded_size(strlen(text));
    if (record->key_size > TALC_REGISTRY_KEY_SIZE_MAX) {
        return fail_field(reader, key_names[KEY_KEY], "is too long");
    }
    if (talc_base64_decode(text, strlen(text), key, TALC_REGISTRY_KEY_SIZE_MAX) != TALC_OK) {
        return fail_field(reader, key_names[KEY_KEY], "is not base64url without padding");
    }
    return TALC_OK;
}

static talc_status read_fields(registry_reader *reader, const cJSON *device)
{
    const cJSON *keys[KEY_COUNT];
    talc_registry_record record = { 0 };
    uint8_t key[TALC_REGISTRY_KEY_SIZE_MAX];
    if (talc_json_collect(device, key_names, KEY_COUNT, keys) != TALC_OK) {
        return fail_field(reader, NULL, "one of its fields stands twice");
    }
    for (size_t i = KEY_ID; i <= KEY_KEY; i++) {
        if (talc_json_string(keys[i]) == NULL) {
            return fail_field(reader, key_names[i],
                              keys[i] == NULL ? "is missing" : "is not a string");
        }
    }
    record.id = talc_json_string(keys[KEY_ID]);
    talc_status status = read_state(reader, keys[KEY_STATE], &record);
    if (status == TALC_OK) {
        status = read_key(reader, talc_json_string(keys[KEY_KEY]), &record, key);
    }
    return status == TALC_OK ? reader->take(reader->context, &record, reader->fault) : status;
}

static talc_status read_device(registry_reader *reader)
{
    registry_span span = skip_value(reader);
    cJSON *device = NULL;
    reader->fault->line = span.line;
    reader->fault->device++;
    talc_status status = talc_json_parse(span.text, span.size, &device_limits, &device);
    if (status == TALC_OK) {
        status = read_fields(reader, device);
    } else if (status == TALC_ERROR_MEMORY) {
        reader->fault->reason = "out of memory";
    } else {
        status = fail_field(reader, NULL,
                            status == TALC_ERROR_TOO_LARGE
                                ? "it holds too many values"
                                : "it is not an object of JSON, or holds a "
                                  "character or an escape that is not allowed");
    }
    cJSON_Delete(device);
    return status;
}

static talc_status read_devices(registry_reader *reader)
{
    size_t line = reader->line;
    if (reader->has_devices) {
        return fail(reader, line, "\"devices\" stands twice");
    }
    reader->has_devices = true;
    if (!take_character(reader, '[')) {
        return fail(reader, line, "\"devices\" is not an array");
    }
    if (take_character(reader, ']')) {
        return TALC_OK;
    }
    do {
        talc_status status = read_device(reader);
        if (status != TALC_OK) {
            return status;
        }
    } while (take_character(reader, ','));
    reader->fault->device = 0;
    return take_character(reader, ']')
               ? TALC_OK
               : fail(reader, reader->line, "no ',' or ']' follows a device");
}

/* ---------------------------------------------------------------- the object around them */

/* Has the strict pass read `{KEY:VALUE}`. TALC_OK: `*is_devices` tells which key it is. */
static talc_status check_member(const registry_span *key, const registry_span *value,
                                bool *is_devices)
{
    size_t size = key->size + value->size + 3;
    size_t scanned_size = 0;
    char *member = malloc(2 * size + 1);
    if (member == NULL) {
        return TALC_ERROR_MEMORY;
    }
    char *scanned = member + size;
    member[0] = '{';
    memcpy(member + 1, key->text, key->size);
    member[1 + key->size] = ':';
    memcpy(member + 2 + key->size, value->text, value->size);
    member[size - 1] = '}';
    talc_status status = talc_json_scan(member, size, &unknown_limits, scanned, &scanned_size);
    *is_devices = status == TALC_OK && strncmp(scanned, "{\"devices\":", 11) == 0;
    free(member);
    return status;
}

static talc_status fail_member(registry_reader *reader, talc_status status, size_t line)
{
    if (status == TALC_ERROR_MEMORY) {
        reader->fault->reason = "out of memory";
        return status;
    }
    return fail(reader, line,
                "this is not JSON, or holds a character or an escape that is not "
                "allowed");
}

static talc_status read_member(registry_reader *reader)
{
    static const registry_span nothing = { "0", 1, 0 };
    bool is_devices = false;
    if (peek_after_space(reader) != '"') {
        return fail(reader, reader->line, "a key of the object is expected here");
    }
    registry_span key = skip_value(reader);
    talc_status status = check_member(&key, &nothing, &is_devices);
    if (status != TALC_OK) {
        return fail_member(reader, status, key.line);
    }
    if (!take_character(reader, ':')) {
        return fail(reader, reader->line, "a ':' is expected here");
    }
    if (is_devices) {
        return read_devices(reader);
    }
    registry_span value = skip_value(reader);
    status = check_member(&key, &value, &is_devices);
    return status == TALC_OK ? TALC_OK : fail_member(reader, status, value.line);
}

static talc_status read_object(registry_reader *reader)
{
    if (!take_character(reader, '{')) {
        return fail(reader, reader->line, "it is not an object of JSON");
    }
    if (!take_character(reader, '}')) {
        do {
            talc_status status = read_member(reader);
            if (status != TALC_OK) {
                return status;
            }
        } while (take_character(reader, ','));
        if (!take_character(reader, '}')) {
            return fail(reader, reader->line, "a ',' or '}' is expected here");
        }
    }
    if (peek_after_space(reader) != END_OF_TEXT) {
        return fail(reader, reader->line, "more follows the object");
    }
    return reader->has_devices ? TALC_OK : fail(reader, 0, "it has no \"devices\"");
}

talc_status talc_registry_read(const char *text, size_t size, talc_registry_take take,
                               void *context, talc_registry_fault *fault)
{
    registry_reader reader = {
        .text = text, .size = size, .line = 1, .take = take, .context = context, .fault = fault
    };
    *fault = (talc_registry_fault){ 0 };
    return read_object(&reader);
}
