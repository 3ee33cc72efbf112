/* SPDX-License-Identifier: MIT */
#include "tools/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_SIZE 512

static void run(const process *started, int output, const char *const *words)
{
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(fileno(started->errors), STDERR_FILENO) >= 0) {
        execvp(words[0], (char *const *)words);
    }
    _exit(errno == ENOENT ? PROCESS_NOT_FOUND : 126);
}

bool process_start(process *started, const char *const *words)
{
    int ends[2];
    memset(started, 0, sizeof *started);
    started->errors = tmpfile();
    if (started->errors == NULL || pipe(ends) != 0) {
        return false;
    }
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    started->pid = fork();
    if (started->pid == 0) {
        run(started, ends[1], words);
    }
    close(ends[1]);
    started->output = started->pid > 0 ? fdopen(ends[0], "r") : NULL;
    if (started->output == NULL) {
        close(ends[0]);
    }
    return started->output != NULL;
}

static void copy_last_line(FILE *errors, char *reason, size_t capacity)
{
    char line[LINE_SIZE];
    rewind(errors);
    while (fgets(line, sizeof line, errors) != NULL) {
        size_t size = strcspn(line, "\n");
        for (size_t i = 0; i < size; i++) {
            line[i] = line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?';
        }
        line[size] = '\0';
        if (size > 0) {
            snprintf(reason, capacity, "%s", line);
        }
    }
}

int process_end(process *started, char *reason, size_t capacity)
{
    int status = 0;
    reason[0] = '\0';
    if (started->output != NULL) {
        fclose(started->output);
    }
    while (started->pid > 0 && waitpid(started->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (started->errors != NULL) {
        copy_last_line(started->errors, reason, capacity);
        fclose(started->errors);
    }
    return started->pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
