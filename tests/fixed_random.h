/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_FIXED_RANDOM_H
#define TALC_TESTS_FIXED_RANDOM_H

/**
 * Randomness that comes back with its seed: getrandom() and syscall() are defined beside it and so
 * take the place of the C library's, under which mbedTLS and libcoap find their entropy. What a
 * program with a virtual clock does is then the same in every run: keys, signatures, ids, jitter.
 *
 * A program that names this file among its sources has these definitions; until
 * fixed_random_start() they do what the C library does. Keys made afterwards are worth nothing.
 */

#include <stdint.h>

/** From now on all entropy of the program comes from the seed. mbedTLS asks for some when it starts:
 * to be called before anything of talc. */
void fixed_random_start(uint64_t seed);

#endif
