/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_FRAMING_WIRE_H
#define TALC_LIB_FRAMING_WIRE_H

/**
 * What the reader and the writer of messages share: the numbers on the wire and two checked
 * cursors, the only places where their pointers move.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Options of requests and responses (RFC 7252 section 5.10). */
enum {
    TALC_OPTION_URI_HOST = 3,
    TALC_OPTION_URI_PORT = 7,
    TALC_OPTION_URI_PATH = 11,
    TALC_OPTION_CONTENT_FORMAT = 12,
    TALC_OPTION_URI_QUERY = 15,
    TALC_OPTION_ACCEPT = 17
};

#define TALC_OPTION_NUMBER_MAX 65535
#define TALC_PAYLOAD_MARKER 0xFF

/**
 * The variable-length numbers of RFC 7252 section 3.1 and RFC 8323 section 3.2: a nibble up to 12
 * is the number, a higher one says that 1, 2 or 4 bytes follow, to which a base is added. So each
 * number has exactly one encoding. Option deltas and lengths have no 15.
 */
enum {
    TALC_NIBBLE_1_BYTE = 13,
    TALC_NIBBLE_2_BYTES = 14,
    TALC_NIBBLE_4_BYTES = 15
};

#define TALC_NIBBLE_1_BYTE_BASE 13
#define TALC_NIBBLE_2_BYTES_BASE 269
#define TALC_NIBBLE_4_BYTES_BASE 65805

/** How many bytes follow for a nibble: 0, 1, 2 or 4. */
static inline size_t talc_nibble_width(unsigned nibble)
{
    switch (nibble) {
    case TALC_NIBBLE_1_BYTE:
        return 1;
    case TALC_NIBBLE_2_BYTES:
        return 2;
    case TALC_NIBBLE_4_BYTES:
        return 4;
    default:
        return 0;
    }
}

/** What is added to the bytes that follow; the nibble itself if none do. */
static inline uint32_t talc_nibble_base(unsigned nibble)
{
    switch (nibble) {
    case TALC_NIBBLE_1_BYTE:
        return TALC_NIBBLE_1_BYTE_BASE;
    case TALC_NIBBLE_2_BYTES:
        return TALC_NIBBLE_2_BYTES_BASE;
    case TALC_NIBBLE_4_BYTES:
        return TALC_NIBBLE_4_BYTES_BASE;
    default:
        return nibble;
    }
}

/** Reads forward; `size` is what is left. The bytes are the caller's. */
typedef struct talc_byte_reader {
    const uint8_t *bytes;
    size_t size;
} talc_byte_reader;

/** Passes `size` bytes and points `taken` to them. False: so many are not left; nothing moved. */
static inline bool talc_byte_reader_take(talc_byte_reader *reader, size_t size,
                                         const uint8_t **taken)
{
    if (size > reader->size) {
        return false;
    }
    *taken = reader->bytes;
    if (size > 0) {
        reader->bytes += size;
        reader->size -= size;
    }
    return true;
}

/** The big-endian number in `size` bytes, at most 4; 0 for none. */
static inline uint32_t talc_byte_uint(const uint8_t *bytes, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/** Passes `width` bytes, at most 4, that hold a big-endian number. False as above. */
static inline bool talc_byte_reader_uint(talc_byte_reader *reader, size_t width, uint32_t *value)
{
    const uint8_t *bytes;
    if (!talc_byte_reader_take(reader, width, &bytes)) {
        return false;
    }
    *value = talc_byte_uint(bytes, width);
    return true;
}

/**
 * Writes forward into at most `capacity` bytes of the caller. `size` counts all that was put, so
 * that a writer of capacity 0 measures; what does not fit is not written, and nothing after it is.
 */
typedef struct talc_byte_writer {
    uint8_t *bytes;
    size_t capacity;
    size_t size; /**< SIZE_MAX if it would be more */
} talc_byte_writer;

static inline void talc_byte_writer_put(talc_byte_writer *writer, const void *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    if (size <= writer->capacity && writer->size <= writer->capacity - size) {
        memcpy(writer->bytes + writer->size, bytes, size);
    }
    writer->size = size > SIZE_MAX - writer->size ? SIZE_MAX : writer->size + size;
}

/** Puts the `width` low bytes of `value`, at most 4, big-endian. */
static inline void talc_byte_writer_uint(talc_byte_writer *writer, size_t width, uint32_t value)
{
    for (size_t i = width; i > 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8 * (i - 1)));
        talc_byte_writer_put(writer, &byte, 1);
    }
}

static inline bool talc_byte_writer_fits(const talc_byte_writer *writer)
{
    return writer->size <= writer->capacity;
}

#endif
