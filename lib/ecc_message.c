/* SPDX-License-Identifier: MIT */
#include "lib/ecc_message.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t hello[] = { 'H', 'e', 'l', 'l', 'o', 'C', 'l', 'i', 'e', 'n', 't' };
static const uint8_t accepted[] = { 'a', 'c', 'c', 'e', 'p', 't', 'e', 'd' };

/* ---------------------------------------------------------------- writing */

/* The array is as large as the message, whose sizes are all known: nothing can run over. */
typedef struct writer {
    uint8_t *bytes;
    size_t size;
} writer;

static writer begin(uint8_t *bytes, uint8_t type)
{
    bytes[0] = type;
    return (writer){ bytes, 1 };
}

static void put(writer *to, const void *field, size_t size)
{
    to->bytes[to->size++] = (uint8_t)(size >> 8);
    to->bytes[to->size++] = (uint8_t)(size & 0xff);
    memcpy(to->bytes + to->size, field, size);
    to->size += size;
}

void talc_ecc_m1_write(const talc_ecc_m1 *message, uint8_t bytes[TALC_ECC_M1_SIZE])
{
    writer to = begin(bytes, 1);
    put(&to, message->client_key, sizeof message->client_key);
}

void talc_ecc_m2_write(const talc_ecc_m2 *message, uint8_t bytes[TALC_ECC_M2_SIZE])
{
    writer to = begin(bytes, 2);
    put(&to, hello, sizeof hello);
    put(&to, message->server_key, sizeof message->server_key);
    put(&to, message->sealed_signature, sizeof message->sealed_signature);
}

size_t talc_ecc_m3_write(const talc_ecc_m3 *message, uint8_t bytes[TALC_ECC_M3_SIZE_MAX])
{
    if (message->device_id_size == 0 || message->device_id_size > sizeof message->device_id) {
        return 0;
    }
    writer to = begin(bytes, 3);
    put(&to, message->device_id, message->device_id_size);
    put(&to, message->signature, sizeof message->signature);
    return to.size;
}

void talc_ecc_m4_write(uint8_t bytes[TALC_ECC_M4_SIZE])
{
    writer to = begin(bytes, 4);
    put(&to, accepted, sizeof accepted);
}

/* ---------------------------------------------------------------- reading */

typedef struct reader {
    const uint8_t *bytes;
    size_t size;
    size_t used;
    bool failed;
} reader;

static reader open_message(const uint8_t *bytes, size_t size, uint8_t type)
{
    if (size == 0) {
        return (reader){ .failed = true };
    }
    return (reader){ bytes, size, 1, bytes[0] != type };
}

static size_t left(const reader *from)
{
    return from->size - from->used;
}

/* Takes the next field of at most `capacity` bytes; returns its size. */
static size_t take(reader *from, uint8_t *field, size_t capacity)
{
    if (from->failed || left(from) < TALC_ECC_FIELD_HEADER_SIZE) {
        from->failed = true;
        return 0;
    }
    size_t size = (size_t)from->bytes[from->used] << 8 | from->bytes[from->used + 1];
    from->used += TALC_ECC_FIELD_HEADER_SIZE;
    if (size > capacity || size > left(from)) {
        from->failed = true;
        return 0;
    }
    memcpy(field, from->bytes + from->used, size);
    from->used += size;
    return size;
}

static void take_exactly(reader *from, uint8_t *field, size_t size)
{
    if (take(from, field, size) != size) {
        from->failed = true;
    }
}

static void take_word(reader *from, const uint8_t *word, size_t size)
{
    uint8_t field[sizeof hello];
    take_exactly(from, field, size);
    if (!from->failed && memcmp(field, word, size) != 0) {
        from->failed = true;
    }
}

static talc_status close_message(const reader *from)
{
    return from->failed || left(from) != 0 ? TALC_ERROR_MALFORMED : TALC_OK;
}

talc_status talc_ecc_m1_read(talc_ecc_m1 *message, const uint8_t *bytes, size_t size)
{
    reader from = open_message(bytes, size, 1);
    take_exactly(&from, message->client_key, sizeof message->client_key);
    return close_message(&from);
}

talc_status talc_ecc_m2_read(talc_ecc_m2 *message, const uint8_t *bytes, size_t size)
{
    reader from = open_message(bytes, size, 2);
    take_word(&from, hello, sizeof hello);
    take_exactly(&from, message->server_key, sizeof message->server_key);
    take_exactly(&from, message->sealed_signature, sizeof message->sealed_signature);
    return close_message(&from);
}

talc_status talc_ecc_m3_read(talc_ecc_m3 *message, const uint8_t *bytes, size_t size)
{
    reader from = open_message(bytes, size, 3);
    message->device_id_size = take(&from, message->device_id, sizeof message->device_id);
    take_exactly(&from, message->signature, sizeof message->signature);
    talc_status status = close_message(&from);
    return message->device_id_size == 0 ? TALC_ERROR_MALFORMED : status;
}

talc_status talc_ecc_m4_read(const uint8_t *bytes, size_t size)
{
    reader from = open_message(bytes, size, 4);
    take_word(&from, accepted, sizeof accepted);
    return close_message(&from);
}
