/* SPDX-License-Identifier: MIT */
#include "lib/tls_hello.h"

#include <string.h>

#include "records/record.h"

#define HANDSHAKE_HEADER_SIZE 4
#define SERVER_HELLO 2
#define EXTENDED_MASTER_SECRET 23

void talc_tls_hello_gather(talc_tls_hello *hello, const uint8_t *bytes, size_t size)
{
    size_t room = sizeof hello->bytes - hello->size;
    size = size < room ? size : room;
    if (size > 0) {
        memcpy(hello->bytes + hello->size, bytes, size);
        hello->size += size;
    }
}

/* Checked reader: once something is missing, everything is. */
typedef struct reader {
    const uint8_t *bytes;
    size_t left;
    bool failed;
} reader;

static void skip(reader *from, size_t size)
{
    from->failed = from->failed || size > from->left;
    if (!from->failed) {
        from->bytes += size;
        from->left -= size;
    }
}

static size_t number(reader *from, size_t size)
{
    size_t value = 0;
    const uint8_t *bytes = from->bytes;
    skip(from, size);
    for (size_t i = 0; i < size && !from->failed; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static bool has_extension(reader *from, size_t wanted)
{
    while (!from->failed && from->left > 0) {
        size_t type = number(from, 2);
        skip(from, number(from, 2));
        if (!from->failed && type == wanted) {
            return true;
        }
    }
    return false;
}

bool talc_tls_hello_has_extended_master_secret(const talc_tls_hello *hello)
{
    talc_record_header header;
    if (talc_record_header_parse(hello->bytes, hello->size, &header) != TALC_OK ||
        header.type != TALC_RECORD_HANDSHAKE) {
        return false;
    }
    reader from = { hello->bytes, hello->size, false };
    skip(&from, TALC_RECORD_HEADER_SIZE);
    size_t type = number(&from, 1);
    size_t size = number(&from, 3);
    if (from.failed || type != SERVER_HELLO || size > from.left ||
        size + HANDSHAKE_HEADER_SIZE > header.length) {
        return false;
    }
    from.left = size;
    skip(&from, 2 + 32);            /* version, random (RFC 5246 section 7.4.1.3) */
    skip(&from, number(&from, 1));  /* session id */
    skip(&from, 2 + 1);             /* suite, compression */
    size_t extensions_size = number(&from, 2);
    return !from.failed && extensions_size == from.left &&
           has_extension(&from, EXTENDED_MASTER_SECRET);
}
