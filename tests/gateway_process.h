/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_GATEWAY_PROCESS_H
#define TALC_TESTS_GATEWAY_PROCESS_H

/** talc-proxy and its peers as programs: those that run beside the test and say at which ports, and
 * those that are run to their end. Words of a command are parted by spaces. What is started dies
 * with the test, however that ends. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STARTED_PORTS_MAX 8

typedef struct started_program {
    pid_t process; /**< 0: none */
    int input;     /**< its standard input, which a script ends with */
    uint16_t ports[STARTED_PORTS_MAX];
} started_program;

/** Starts talc-proxy (TALC_TEST_TALC_PROXY names it) with these options and returns when it
 * listens; ports[] are those of its listeners. */
void gateway_process_start(started_program *gateway, const char *options, ...)
    __attribute__((format(printf, 2, 3)));

/** Ends it by SIGTERM. Fails the test unless it exits with 0: a sanitizer's finding does not. */
void gateway_process_stop(started_program *gateway);

/** Starts a script of tests/ that prints "ready PORT". */
void origin_script_start(started_program *origin, const char *path);

/** Starts libcoap's coap-server at a free port of 127.0.0.1, which takes new resources by PUT. */
void coap_server_start(started_program *server);

/** Kills a script or a coap-server. Nothing to do is allowed. */
void started_program_stop(started_program *program);

/** What a process takes. */
typedef struct process_usage {
    unsigned long resident_kib, peak_kib;
    unsigned descriptors;
} process_usage;

void process_usage_read(process_usage *usage, pid_t process);

#define FINISHED_OUTPUT_MAX 200000

typedef struct finished_program {
    int code;                         /**< that it exited with; -1: killed */
    size_t size;                      /**< of what it printed */
    char output[FINISHED_OUTPUT_MAX]; /**< standard output and standard error, and a NUL */
} finished_program;

/** Runs a program to its end; fails the test if there is no such program, or if it does not end
 * within a minute. */
void finished_program_run(finished_program *program, const char *command, ...)
    __attribute__((format(printf, 2, 3)));

/** The same, and fails the test unless it printed `words`. */
void finished_program_expect(finished_program *program, const char *words, const char *command, ...)
    __attribute__((format(printf, 3, 4)));

#endif
