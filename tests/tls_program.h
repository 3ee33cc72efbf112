/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_TLS_PROGRAM_H
#define TALC_TESTS_TLS_PROGRAM_H

/** A TLS program of somebody else (openssl, gnutls) in a process of its own, with its standard input
 * and output in the test's hands. It dies with the test. Include it after cmocka.h. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TLS_PROGRAM_ARGUMENTS_MAX 40
#define TLS_PROGRAM_OUTPUT_MAX 16384

typedef struct tls_program {
    pid_t process;
    int input;  /**< to write to */
    int output; /**< standard output and standard error */
    char text[TLS_PROGRAM_OUTPUT_MAX]; /**< what it has said so far, NUL-terminated */
    size_t text_size;
} tls_program;

/** Starts `command`, words parted by spaces. */
void tls_program_start(tls_program *program, const char *command);

/** Reads what is there without waiting. */
void tls_program_listen(tls_program *program);

/** Waits until it has said `words`; fails the test after a generous time, with what it said. */
void tls_program_expect(tls_program *program, const char *words);

void tls_program_stop(tls_program *program);

/** A TCP socket that listens on a free port of 127.0.0.1. */
int tls_listen(uint16_t *port);

/** A port that nothing listens on at the moment. */
uint16_t tls_free_port(void);

/** Takes the program's connection; fails the test, with what it said, when that takes too long. */
int tls_accept(int listening, tls_program *program);

/** Connects as soon as somebody listens; fails the test when that takes too long. */
int tls_connect(uint16_t port);

#endif
