/* SPDX-License-Identifier: MIT */

/* JSON -> envelope. The scan bounds what cJSON allocates, the tree is walked once, and the rules
 * that writer and reader share are asked last (talc_envelope_check), before the range is built. */
#include <stdlib.h>
#include <string.h>

#include "records/base64.h"
#include "records/envelope.h"
#include "records/json_tree.h"

/* 64 records with 5 keys each, the object, its 10 keys, and room for keys of later versions. */
static const talc_json_limits envelope_limits = { .depth = 4, .values = 512 };

enum { KEY_I, KEY_N, KEY_A, KEY_B, KEY_W, KEY_R, KEY_M, KEY_E, KEY_C, KEY_G, KEY_COUNT };
static const char *const key_names[KEY_COUNT] = {
    "i", "n", "a", "b", "w", "r", "m", "e", "c", "g"
};

enum { PIECE_T, PIECE_V, PIECE_L, PIECE_P, PIECE_F, PIECE_KEY_COUNT };
static const char *const piece_key_names[PIECE_KEY_COUNT] = { "t", "v", "l", "p", "f" };

typedef struct talc_envelope_reader {
    talc_envelope *envelope;
    const cJSON *keys[KEY_COUNT];
    const char *fragment_texts[TALC_ENVELOPE_PIECES_MAX]; /* `f` of each piece, in the tree */
} talc_envelope_reader;

static talc_status read_numbers(talc_envelope_reader *reader)
{
    talc_envelope *envelope = reader->envelope;
    const cJSON **keys = reader->keys;
    uint64_t body_limit = 0;
    uint64_t hold_s = 0;
    uint64_t more = 0;
    if (keys[KEY_I] == NULL ||
        !talc_json_number(keys[KEY_I], TALC_ENVELOPE_NUMBER_MAX, &envelope->request) ||
        !talc_json_number(keys[KEY_N], TALC_ENVELOPE_NUMBER_MAX, &envelope->offset) ||
        !talc_json_number(keys[KEY_A], TALC_ENVELOPE_NUMBER_MAX, &envelope->acknowledged) ||
        !talc_json_number(keys[KEY_B], TALC_ENVELOPE_BODY_LIMIT_MAX, &body_limit) ||
        !talc_json_number(keys[KEY_W], TALC_ENVELOPE_NUMBER_MAX, &hold_s) ||
        !talc_json_number(keys[KEY_M], 1, &more)) {
        return TALC_ERROR_MALFORMED;
    }
    envelope->body_limit = (uint32_t)body_limit;
    envelope->hold_s =
        (uint32_t)(hold_s < TALC_ENVELOPE_HOLD_MAX_S ? hold_s : TALC_ENVELOPE_HOLD_MAX_S);
    envelope->more = more == 1;
    return TALC_OK;
}

/* Copies a string of 1..capacity-1 characters; without a value `text` stays empty. */
static talc_status read_text(const cJSON *value, char *text, size_t capacity)
{
    const char *string = talc_json_string(value);
    if (value == NULL) {
        return TALC_OK;
    }
    if (string == NULL || string[0] == '\0' || strlen(string) >= capacity) {
        return TALC_ERROR_MALFORMED;
    }
    memcpy(text, string, strlen(string) + 1);
    return TALC_OK;
}

static talc_status read_texts(talc_envelope_reader *reader)
{
    talc_envelope *envelope = reader->envelope;
    talc_status status =
        read_text(reader->keys[KEY_E], envelope->error_text, sizeof envelope->error_text);
    if (status == TALC_OK) {
        status = read_text(reader->keys[KEY_C], envelope->cookie, sizeof envelope->cookie);
    }
    envelope->error = talc_envelope_error_from_text(envelope->error_text);
    if (envelope->error != TALC_ENVELOPE_ERROR_OTHER) {
        memset(envelope->error_text, 0, sizeof envelope->error_text);
    }
    return status;
}

static talc_status read_guard(talc_envelope_reader *reader)
{
    talc_envelope *envelope = reader->envelope;
    const char *text = talc_json_string(reader->keys[KEY_G]);
    if (reader->keys[KEY_G] == NULL) {
        return TALC_OK;
    }
    if (text == NULL || strlen(text) != talc_base64_encoded_size(TALC_GUARD_SIZE)) {
        return TALC_ERROR_MALFORMED;
    }
    envelope->has_guard = true;
    return talc_base64_decode(text, strlen(text), envelope->guard, TALC_GUARD_SIZE);
}

static talc_status read_piece(const cJSON *object, talc_piece *piece, const char **fragment_text)
{
    const cJSON *keys[PIECE_KEY_COUNT];
    uint64_t type = TALC_RECORD_APPLICATION_DATA;
    uint64_t version = TALC_RECORD_VERSION_TLS12;
    uint64_t length = 0;
    uint64_t continues = 0;
    if (talc_json_collect(object, piece_key_names, PIECE_KEY_COUNT, keys) != TALC_OK ||
        !talc_json_number(keys[PIECE_T], UINT8_MAX, &type) ||
        !talc_json_number(keys[PIECE_V], UINT16_MAX, &version) ||
        !talc_json_number(keys[PIECE_L], TALC_FRAGMENT_SIZE_MAX, &length) ||
        !talc_json_number(keys[PIECE_P], 1, &continues)) {
        return TALC_ERROR_MALFORMED;
    }
    *fragment_text = talc_json_string(keys[PIECE_F]);
    if (*fragment_text == NULL) {
        return TALC_ERROR_MALFORMED;
    }
    size_t fragment_size = talc_base64_decoded_size(strlen(*fragment_text));
    if (fragment_size > TALC_FRAGMENT_SIZE_MAX) {
        return TALC_ERROR_MALFORMED;
    }
    piece->type = (uint8_t)type;
    piece->version = (uint16_t)version;
    piece->open = keys[PIECE_L] != NULL;
    piece->continues = continues == 1;
    piece->length = (uint16_t)(piece->open || piece->continues ? length : fragment_size);
    piece->fragment_size = fragment_size;
    return TALC_OK;
}

static talc_status read_pieces(talc_envelope_reader *reader)
{
    talc_envelope *envelope = reader->envelope;
    const cJSON *array = reader->keys[KEY_R];
    if (array == NULL) {
        return TALC_OK;
    }
    if (!cJSON_IsArray(array)) {
        return TALC_ERROR_MALFORMED;
    }
    for (const cJSON *object = array->child; object != NULL; object = object->next) {
        size_t index = envelope->piece_count;
        if (index == TALC_ENVELOPE_PIECES_MAX) {
            return TALC_ERROR_TOO_LARGE;
        }
        talc_status status =
            read_piece(object, &envelope->pieces[index], &reader->fragment_texts[index]);
        if (status != TALC_OK) {
            return status;
        }
        envelope->piece_count++;
    }
    return TALC_OK;
}

/* `n` says where the range begins, and nothing when there is no range. */
static talc_status read_offset(talc_envelope_reader *reader)
{
    if (reader->envelope->piece_count == 0) {
        reader->envelope->offset = 0;
        return TALC_OK;
    }
    return reader->keys[KEY_N] != NULL ? TALC_OK : TALC_ERROR_MALFORMED;
}

/* Writes one piece at `position` of the range, which has room for it; returns where the next goes,
 * 0 if the text is no base64url. */
static size_t build_piece(talc_envelope *envelope, size_t index, const char *text, size_t position)
{
    talc_piece *piece = &envelope->pieces[index];
    if (!piece->continues) {
        talc_record_header header = { piece->type, piece->version, piece->length };
        talc_record_header_build(&header, envelope->range + position);
        position += TALC_RECORD_HEADER_SIZE;
    }
    uint8_t *fragment = envelope->range + position;
    if (talc_base64_decode(text, strlen(text), fragment, piece->fragment_size) != TALC_OK) {
        return 0;
    }
    piece->fragment = fragment;
    return position + piece->fragment_size;
}

/* The envelope has been checked, so the sum of the sizes is small and right. */
static talc_status build_range(talc_envelope_reader *reader)
{
    talc_envelope *envelope = reader->envelope;
    size_t position = 0;
    if (envelope->piece_count == 0) {
        return TALC_OK;
    }
    envelope->range_size = talc_envelope_range_size(envelope);
    envelope->range = malloc(envelope->range_size);
    if (envelope->range == NULL) {
        return TALC_ERROR_MEMORY;
    }
    for (size_t i = 0; i < envelope->piece_count; i++) {
        position = build_piece(envelope, i, reader->fragment_texts[i], position);
        if (position == 0) {
            return TALC_ERROR_MALFORMED;
        }
    }
    return TALC_OK;
}

static talc_status read_tree(const cJSON *root, talc_envelope *envelope)
{
    static talc_status (*const steps[])(talc_envelope_reader *) = {
        read_numbers, read_texts, read_guard, read_pieces, read_offset,
    };
    talc_envelope_reader reader = { .envelope = envelope };
    talc_status status = talc_json_collect(root, key_names, KEY_COUNT, reader.keys);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == TALC_OK; i++) {
        status = steps[i](&reader);
    }
    if (status == TALC_OK) {
        status = talc_envelope_check(envelope);
    }
    return status == TALC_OK ? build_range(&reader) : status;
}

talc_status talc_envelope_read(const char *text, size_t size, size_t size_max,
                               talc_envelope *envelope)
{
    cJSON *root = NULL;
    talc_envelope_init(envelope);
    if (size > size_max) {
        return TALC_ERROR_TOO_LARGE;
    }
    talc_status status = talc_json_parse(text, size, &envelope_limits, &root);
    if (status == TALC_OK) {
        status = read_tree(root, envelope);
    }
    cJSON_Delete(root);
    if (status != TALC_OK) {
        talc_envelope_clear(envelope);
    }
    return status;
}
