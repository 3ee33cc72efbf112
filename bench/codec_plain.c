/* SPDX-License-Identifier: MIT */
#include "bench/codec_plain.h"

#include <b64/cdecode.h>
#include <b64/cencode.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* libb64 counts in int up to 1.4 and in size_t from 2.0 on; sizes here are far below both. */
#define COUNT(size) ((unsigned short)(size))

/* ---------------------------------------------------------------- base64 */

size_t plain_base64_text_max(size_t size)
{
    return size / 3 * 4 + 4 + size / 54 + 2;
}

size_t plain_base64_encode(const uint8_t *bytes, size_t size, char *text)
{
    base64_encodestate state;
    base64_init_encodestate(&state);
    size_t length = (size_t)base64_encode_block((const char *)bytes, COUNT(size), text, &state);
    return length + (size_t)base64_encode_blockend(text + length, &state);
}

size_t plain_base64_encode_unbroken(const uint8_t *bytes, size_t size, char *text)
{
    size_t length = plain_base64_encode(bytes, size, text);
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n') {
            text[kept++] = text[i];
        }
    }
    return kept;
}

/* The padding is left out because libb64 takes it for data where char is unsigned. */
size_t plain_base64_decode(const char *text, size_t size, uint8_t *bytes)
{
    base64_decodestate state;
    base64_init_decodestate(&state);
    while (size > 0 && text[size - 1] == '=') {
        size--;
    }
    return (size_t)base64_decode_block(text, COUNT(size), (char *)bytes, &state);
}

static cJSON *base64_string(const uint8_t *bytes, size_t size)
{
    char *text = malloc(plain_base64_text_max(size) + 1);
    if (text == NULL) {
        return NULL;
    }
    text[plain_base64_encode_unbroken(bytes, size, text)] = '\0';
    cJSON *string = cJSON_CreateString(text);
    free(text);
    return string;
}

/* ---------------------------------------------------------------- writing */

static cJSON *piece_json(const talc_piece *piece)
{
    cJSON *object = cJSON_CreateObject();
    if (piece->type != TALC_RECORD_APPLICATION_DATA) {
        cJSON_AddNumberToObject(object, "t", piece->type);
    }
    cJSON_AddItemToObject(object, "f", base64_string(piece->fragment, piece->fragment_size));
    return object;
}

char *plain_envelope_write(const talc_envelope *envelope)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "i", (double)envelope->request);
    cJSON_AddNumberToObject(root, "n", (double)envelope->offset);
    cJSON_AddNumberToObject(root, "a", (double)envelope->acknowledged);
    cJSON *pieces = cJSON_AddArrayToObject(root, "r");
    for (size_t i = 0; i < envelope->piece_count; i++) {
        cJSON_AddItemToArray(pieces, piece_json(&envelope->pieces[i]));
    }
    cJSON_AddItemToObject(root, "g", base64_string(envelope->guard, TALC_GUARD_SIZE));
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

/* ---------------------------------------------------------------- reading */

static uint64_t number_of(const cJSON *object, const char *key)
{
    return (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static const char *string_of(const cJSON *object, const char *key)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return string != NULL ? string : "";
}

static size_t read_piece(const cJSON *object, talc_piece *piece, uint8_t *range)
{
    const char *text = string_of(object, "f");
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(object, "t");
    size_t size = plain_base64_decode(text, strlen(text), range + TALC_RECORD_HEADER_SIZE);
    piece->type = type != NULL ? (uint8_t)type->valuedouble : TALC_RECORD_APPLICATION_DATA;
    piece->version = TALC_RECORD_VERSION_TLS12;
    piece->length = (uint16_t)size;
    piece->fragment = range + TALC_RECORD_HEADER_SIZE;
    piece->fragment_size = size;
    talc_record_header header = { piece->type, piece->version, piece->length };
    talc_record_header_build(&header, range);
    return TALC_RECORD_HEADER_SIZE + size;
}

static void read_fields(const cJSON *root, talc_envelope *envelope)
{
    uint8_t guard[TALC_GUARD_SIZE + 4];
    const char *text = string_of(root, "g");
    envelope->request = number_of(root, "i");
    envelope->offset = number_of(root, "n");
    envelope->acknowledged = number_of(root, "a");
    envelope->has_guard = plain_base64_decode(text, strlen(text), guard) == TALC_GUARD_SIZE;
    memcpy(envelope->guard, guard, TALC_GUARD_SIZE);
}

bool plain_envelope_read(const char *text, talc_envelope *envelope)
{
    const cJSON *object;
    talc_envelope_init(envelope);
    cJSON *root = cJSON_Parse(text);
    envelope->range = malloc(strlen(text));
    if (root == NULL || envelope->range == NULL) {
        cJSON_Delete(root);
        return false;
    }
    read_fields(root, envelope);
    cJSON_ArrayForEach(object, cJSON_GetObjectItemCaseSensitive(root, "r"))
    {
        envelope->range_size += read_piece(object, &envelope->pieces[envelope->piece_count++],
                                           envelope->range + envelope->range_size);
    }
    cJSON_Delete(root);
    return true;
}
