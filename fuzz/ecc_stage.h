/* SPDX-License-Identifier: MIT */
#ifndef TALC_FUZZ_ECC_STAGE_H
#define TALC_FUZZ_ECC_STAGE_H

/**
 * A device and its server, whose `ecc` engines talk over two wires that the fuzz target owns. Each
 * side says its own letter again and again as soon as it can speak: whoever reads anything else
 * has been fooled, and the process aborts.
 */

#include "lib/engine.h"

#define ECC_STAGE_WIRE_SIZE (1u << 16)

typedef struct ecc_stage_side {
    void *engine;
    char letter;
    uint8_t said[ECC_STAGE_WIRE_SIZE];
    size_t said_size;
    size_t heard; /**< bytes that the other side has taken for it */
} ecc_stage_side;

typedef struct ecc_stage {
    ecc_stage_side sides[2]; /**< by role */
} ecc_stage;

void ecc_stage_begin(ecc_stage *stage);
void ecc_stage_end(ecc_stage *stage);

/** Feeds bytes that nobody said. */
void ecc_stage_feed(ecc_stage *stage, talc_role to, const uint8_t *bytes, size_t size);

/** Feeds what the other side has said, xored with `damage` from its beginning on. */
void ecc_stage_pass(ecc_stage *stage, talc_role to, const uint8_t *damage, size_t size);

#endif
