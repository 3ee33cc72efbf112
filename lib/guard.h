/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_GUARD_H
#define TALC_LIB_GUARD_H

/**
 * The guard tag `g` of an envelope: HMAC-SHA-256, cut to 8 bytes, over everything in the envelope
 * that has an effect. It keeps the engine from ever seeing what the path made up. docs/wire-format.md
 * lists the bytes.
 */

#include <stdbool.h>

#include "lib/crypto.h"
#include "records/envelope.h"
#include "talc/carrier.h"

/** Also the byte that stands for the direction in the tag. */
typedef enum talc_role {
    TALC_ROLE_CLIENT = 0,
    TALC_ROLE_SERVER = 1
} talc_role;

/** The key of each sender, by its role: one 64-byte export, the client's half first. */
typedef struct talc_guard_keys {
    uint8_t of[2][TALC_HMAC_KEY_SIZE];
} talc_guard_keys;

/** Whose envelope is tagged. */
typedef struct talc_guard {
    const uint8_t *key; /**< TALC_HMAC_KEY_SIZE bytes; NULL: the all-zero key */
    talc_role sender;
    const uint8_t *session_id;
} talc_guard;

/** Computes the tag over the envelope's fields and pieces into envelope->guard and sets has_guard.
 * TALC_ERROR_RANDOM. */
talc_status talc_guard_tag(const talc_guard *guard, talc_envelope *envelope);

/** Whether the envelope, as read, carries the right tag. */
bool talc_guard_verify(const talc_guard *guard, const talc_envelope *envelope);

#endif
