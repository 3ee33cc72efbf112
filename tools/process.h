/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_PROCESS_H
#define TALC_TOOLS_PROCESS_H

/** Another program, run without a shell, whose output is read. */

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define PROCESS_NOT_FOUND 127 /**< what process_end() returns if there is no such program */

typedef struct process {
    pid_t pid;
    FILE *output; /**< what it prints */
    FILE *errors; /**< what it complains about, in a file without a name */
} process;

/** Starts `words[0]`, found by PATH, with the NULL-terminated words and no input. False: no
 * process or no pipe. */
bool process_start(process *started, const char *const *words);

/** Waits for its end. Its exit code, or -1 if a signal ended it; the last line that it complained
 * in is copied to `reason`, cut, printable, and "" if there is none. */
int process_end(process *started, char *reason, size_t capacity);

#endif
