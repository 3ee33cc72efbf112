/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_HEX_H
#define TALC_LIB_HEX_H

/** Bytes as hex digits and back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Reads `size` bytes from exactly 2 * `size` hex digits of either case, which need no NUL. False
 * if one of them is no hex digit; the bytes written so far are then to be wiped by the caller. */
bool talc_hex_read(uint8_t *bytes, size_t size, const char *digits);

/** Writes 2 * `size` lower-case digits, without a NUL. */
void talc_hex_write(char *digits, const uint8_t *bytes, size_t size);

#endif
