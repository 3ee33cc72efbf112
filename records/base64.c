/* SPDX-License-Identifier: MIT */

/*
 * The one place that calls libb64. Its decoder accepts nearly anything, takes bytes >= 0x80 and '='
 * for data where char is unsigned, and reads and writes a byte past the data in most versions; its
 * encoder breaks lines in some. So this file decides what is valid, hands it data characters only,
 * and in chunks of whole groups with a fresh state each: 48 bytes or 64 characters stay below its
 * line length (72) and need no allocation. A chunk's size is a uint8_t because the library counts
 * in int up to 1.4 and in size_t from 2.0 on.
 */
#include "records/base64.h"

#include <b64/cdecode.h>
#include <b64/cencode.h>
#include <stdbool.h>
#include <string.h>

#define CHUNK_BYTES 48
#define CHUNK_CHARS 64
#define SCRATCH_SIZE (CHUNK_CHARS + 8) /* newline at the end, padding, the decoder's extra byte */

/* Through a volatile pointer, so that the compiler cannot prove the writes useless. */
static void wipe(void *memory, size_t size)
{
    volatile uint8_t *bytes = memory;
    while (size > 0) {
        bytes[--size] = 0;
    }
}

/* The six bits that a character stands for, or -1. */
static int value_of(unsigned char character)
{
    if (character >= 'A' && character <= 'Z') {
        return character - 'A';
    }
    if (character >= 'a' && character <= 'z') {
        return character - 'a' + 26;
    }
    if (character >= '0' && character <= '9') {
        return character - '0' + 52;
    }
    return character == '-' ? 62 : character == '_' ? 63 : -1;
}

size_t talc_base64_encoded_size(size_t bytes)
{
    size_t rest = bytes % 3;
    if (bytes / 3 > (SIZE_MAX - 3) / 4) {
        return SIZE_MAX;
    }
    return bytes / 3 * 4 + (rest == 0 ? 0 : rest + 1);
}

size_t talc_base64_decoded_size(size_t chars)
{
    size_t rest = chars % 4;
    return chars / 4 * 3 + (rest == 0 ? 0 : rest - 1);
}

/* Copies at most `size` data characters in our alphabet, without line breaks and padding. */
static size_t copy_encoded(const char *scratch, size_t scratch_size, char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < scratch_size && count < size; i++) {
        char character = scratch[i];
        if (character != '\n' && character != '=') {
            text[count++] = character == '+' ? '-' : character == '/' ? '_' : character;
        }
    }
    return count;
}

/* Encodes at most CHUNK_BYTES bytes; returns the number of characters. */
static size_t encode_chunk(const uint8_t *bytes, uint8_t size, char *text)
{
    char scratch[SCRATCH_SIZE];
    base64_encodestate state;
    base64_init_encodestate(&state);
    size_t length = (size_t)base64_encode_block((const char *)bytes, size, scratch, &state);
    length += (size_t)base64_encode_blockend(scratch + length, &state);
    size_t count = copy_encoded(scratch, length, text, talc_base64_encoded_size(size));
    wipe(scratch, sizeof scratch);
    wipe(&state, sizeof state);
    return count;
}

talc_status talc_base64_encode(const uint8_t *bytes, size_t size, char *text, size_t capacity)
{
    size_t text_size = talc_base64_encoded_size(size);
    if (text_size == SIZE_MAX || text_size > capacity) {
        return TALC_ERROR_TOO_LARGE;
    }
    size_t read = 0;
    size_t written = 0;
    while (read < size) {
        size_t left = size - read;
        uint8_t chunk = (uint8_t)(left < CHUNK_BYTES ? left : CHUNK_BYTES);
        written += encode_chunk(bytes + read, chunk, text + written);
        read += chunk;
    }
    return written == text_size ? TALC_OK : TALC_ERROR_UNSUPPORTED;
}

/* Bits of the last character that would belong to a next byte have to be zero. */
static bool tail_is_canonical(const char *text, size_t size)
{
    static const int unused_bits[4] = { 0, 0, 15, 3 };
    size_t rest = size % 4;
    return rest == 0 || (value_of((unsigned char)text[size - 1]) & unused_bits[rest]) == 0;
}

static bool text_is_valid(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (value_of((unsigned char)text[i]) < 0) {
            return false;
        }
    }
    return size % 4 != 1 && tail_is_canonical(text, size);
}

/* Decodes at most CHUNK_CHARS valid characters; returns the number of bytes. */
static size_t decode_chunk(const char *text, uint8_t size, uint8_t *bytes)
{
    char mapped[CHUNK_CHARS + 1] = { 0 }; /* one more: libb64 may read one past the end */
    char scratch[SCRATCH_SIZE];
    base64_decodestate state;
    for (uint8_t i = 0; i < size; i++) {
        mapped[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    }
    base64_init_decodestate(&state);
    size_t decoded = (size_t)base64_decode_block(mapped, size, scratch, &state);
    size_t expected = talc_base64_decoded_size(size);
    if (decoded == expected) {
        memcpy(bytes, scratch, expected);
    }
    wipe(mapped, sizeof mapped);
    wipe(scratch, sizeof scratch);
    wipe(&state, sizeof state);
    return decoded == expected ? expected : 0;
}

talc_status talc_base64_decode(const char *text, size_t size, uint8_t *bytes, size_t capacity)
{
    if (!text_is_valid(text, size)) {
        return TALC_ERROR_MALFORMED;
    }
    if (talc_base64_decoded_size(size) > capacity) {
        return TALC_ERROR_TOO_LARGE;
    }
    size_t read = 0;
    size_t written = 0;
    while (read < size) {
        size_t left = size - read;
        uint8_t chunk = (uint8_t)(left < CHUNK_CHARS ? left : CHUNK_CHARS);
        written += decode_chunk(text + read, chunk, bytes + written);
        read += chunk;
    }
    return written == talc_base64_decoded_size(size) ? TALC_OK : TALC_ERROR_UNSUPPORTED;
}
