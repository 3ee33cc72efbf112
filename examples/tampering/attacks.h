/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_TAMPERING_ATTACKS_H
#define EXAMPLES_TAMPERING_ATTACKS_H

/** What somebody on the path may do to the bodies that pass: by name, each in one function. */

#include "tampering.h"

typedef struct attack {
    const char *name;
    const char *argument; /**< what stands behind `=`, for --list; NULL: nothing does */
    const char *sentence; /**< what it does, for --list */
    /** Sends something in place of `body`; true. False: it means nothing here, and nothing was
     * sent. It may change its `body`. */
    bool (*make)(tampering *in, tampering_body *body, const char *argument);
} attack;

extern const attack attacks[];
extern const size_t attack_count;

/** Reads "NAME" or "NAME=ARGUMENT" into an order. False: there is no such attack. */
bool attack_read(const char *words, tampering_order *order);

/* ---------------------------------------------------------------- one function each */

/* attacks_on_bodies.c: one body, changed. */
bool attack_shift_bits(tampering *in, tampering_body *body, const char *argument);
bool attack_flip_bit(tampering *in, tampering_body *body, const char *argument);
bool attack_flip_record_bit(tampering *in, tampering_body *body, const char *argument);
bool attack_truncate(tampering *in, tampering_body *body, const char *argument);
bool attack_truncate_fragment(tampering *in, tampering_body *body, const char *argument);
bool attack_recut(tampering *in, tampering_body *body, const char *argument);
bool attack_rewrite_json(tampering *in, tampering_body *body, const char *argument);
bool attack_number(tampering *in, tampering_body *body, const char *argument);
bool attack_strip_guard(tampering *in, tampering_body *body, const char *argument);
bool attack_change_guard(tampering *in, tampering_body *body, const char *argument);
bool attack_change_code(tampering *in, tampering_body *body, const char *argument);
bool attack_downgrade(tampering *in, tampering_body *body, const char *argument);

/* attacks_on_exchanges.c: bodies that are missing, or there twice, or come at another time. */
bool attack_drop(tampering *in, tampering_body *body, const char *argument);
bool attack_duplicate(tampering *in, tampering_body *body, const char *argument);
bool attack_replay(tampering *in, tampering_body *body, const char *argument);
bool attack_replay_session(tampering *in, tampering_body *body, const char *argument);
bool attack_reorder(tampering *in, tampering_body *body, const char *argument);
bool attack_swap(tampering *in, tampering_body *body, const char *argument);
bool attack_reflect(tampering *in, tampering_body *body, const char *argument);

/* attacks_by_forgery.c: bodies that nobody wrote. */
bool attack_answer(tampering *in, tampering_body *body, const char *argument);
bool attack_inject(tampering *in, tampering_body *body, const char *argument);

#endif
