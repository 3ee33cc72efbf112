/* SPDX-License-Identifier: MIT */
/* Which session a body belongs to: its address says so. */
#include <string.h>

#include "records/base64.h"
#include "tools/inspection.h"

#define ID_CHARACTERS 16

static int hex_value(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

/* The value of a part of a query, percent-decoded: exactly an id, or nothing. */
static bool read_id(const char *text, size_t size, uint8_t id[TALC_SESSION_ID_SIZE])
{
    char characters[ID_CHARACTERS];
    size_t count = 0;
    for (size_t i = 0; i < size && count < ID_CHARACTERS; count++) {
        int high = i + 2 < size && text[i] == '%' ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        characters[count] = low >= 0 ? (char)(high << 4 | low) : text[i];
        i += low >= 0 ? 3 : 1;
        if (count == ID_CHARACTERS - 1 && i < size) {
            return false;
        }
    }
    return count == ID_CHARACTERS &&
           talc_base64_decode(characters, ID_CHARACTERS, id, TALC_SESSION_ID_SIZE) == TALC_OK;
}

/* Gateways that put the target into their own path percent-encode its query: "s%3D". */
static size_t match_key(const char *text, size_t size)
{
    if (size >= 2 && memcmp(text, "s=", 2) == 0) {
        return 2;
    }
    bool is_encoded = size >= 4 && (memcmp(text, "s%3D", 4) == 0 || memcmp(text, "s%3d", 4) == 0);
    return is_encoded ? 4 : 0;
}

static bool read_parts(const char *query, size_t size, uint8_t id[TALC_SESSION_ID_SIZE])
{
    size_t start = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && query[i] != '&' && query[i] != '#') {
            continue;
        }
        size_t key_size = match_key(query + start, i - start);
        if (key_size > 0 && read_id(query + start + key_size, i - start - key_size, id)) {
            return true;
        }
        start = i + 1;
    }
    return false;
}

bool inspect_session_of_uri(const char *uri, size_t size, uint8_t id[TALC_SESSION_ID_SIZE])
{
    for (size_t i = 0; i < size; i++) {
        if (uri[i] == '?') {
            return read_parts(uri + i + 1, size - i - 1, id);
        }
        if (size - i >= 3 && (memcmp(uri + i, "%3F", 3) == 0 || memcmp(uri + i, "%3f", 3) == 0)) {
            return read_parts(uri + i + 3, size - i - 3, id);
        }
    }
    return false;
}
