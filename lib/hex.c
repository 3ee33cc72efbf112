/* SPDX-License-Identifier: MIT */
#include "lib/hex.h"

/* 16 or more: not a digit. Independent of the locale, unlike isxdigit(). */
static unsigned digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    if (digit >= 'a' && digit <= 'f') {
        return (unsigned)(digit - 'a') + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return (unsigned)(digit - 'A') + 10;
    }
    return 16;
}

bool talc_hex_read(uint8_t *bytes, size_t size, const char *digits)
{
    for (size_t i = 0; i < size; i++) {
        unsigned high = digit_value(digits[2 * i]);
        unsigned low = high < 16 ? digit_value(digits[2 * i + 1]) : 16;
        if (low >= 16) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void talc_hex_write(char *digits, const uint8_t *bytes, size_t size)
{
    static const char symbols[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        digits[2 * i] = symbols[bytes[i] >> 4];
        digits[2 * i + 1] = symbols[bytes[i] & 15];
    }
}
