/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_ROOM_H
#define EXAMPLES_ROOM_H

/** What the room sensor and its client know of each other: the content of `firmware`. */

#include <stddef.h>
#include <stdint.h>

#define ROOM_FIRMWARE_SIZE 16384

static inline uint8_t room_firmware_byte(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7);
}

#endif
