/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_ATTACK_STATEMENTS_H
#define TALC_TESTS_ATTACK_STATEMENTS_H

/**
 * What must come of each attack: the threat model, attack by attack. docs/attacks.md shows the same.
 *
 * A text has a word for each way of authentication (certificates, pre-shared keys, ecc), and a word
 * has three letters: for the attack on the first exchange, on the second, on a later one.
 *
 *   g  goes on: all requests are answered, in one session, which closes in order
 *   n  all requests are answered, in a new session
 *   e  ends: a request, or the close, fails with a status and words
 *   x  n or e
 *   *  g, n or e: it hangs on the sizes of two signatures whether the server takes it
 *   -  the attack means nothing there
 */
typedef struct attack_statement {
    const char *words;     /**< as on the command line of tamper-proxy */
    const char *once[2];   /**< on one body, by direction */
    const char *always[2]; /**< on all bodies from one on, in every session */
} attack_statement;

extern const attack_statement attack_statements[];
extern const unsigned attack_statement_count;

#endif
