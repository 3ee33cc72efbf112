/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/gateway_process.h"

#include "tests/local_port.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 60
#define COMMAND_MAX 8192
#define PATIENCE_MS 60000

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* In the child: never returns. 127 says that there is no such program. */
static void become(char *command, pid_t parent)
{
    char *words[WORDS_MAX + 1];
    char *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(command, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = word;
    }
    words[count] = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || count == 0) {
        _exit(126);
    }
    execvp(words[0], words);
    _exit(errno == ENOENT ? 127 : 126);
}

/* What one end of a pipe becomes in a child. */
typedef struct plumbing {
    int input;  /* its standard input; -1: /dev/null */
    int output; /* its standard output; -1: this program's */
    int errors; /* whether standard error goes there too */
} plumbing;

static pid_t start(char *command, const plumbing *pipes)
{
    pid_t parent = getpid();
    pid_t process = fork();
    assert_true(process >= 0);
    if (process != 0) {
        return process;
    }
    int input = pipes->input >= 0 ? pipes->input : open("/dev/null", O_RDONLY);
    dup2(input, STDIN_FILENO);
    if (pipes->output >= 0) {
        dup2(pipes->output, STDOUT_FILENO);
    }
    if (pipes->errors) {
        dup2(pipes->output, STDERR_FILENO);
    }
    become(command, parent);
    return 0;
}

/* Reads until the program has printed `lines` lines, or has closed its output. */
static void read_lines(int output, char *text, size_t capacity, unsigned lines)
{
    size_t size = 0;
    uint64_t end = now_ms() + PATIENCE_MS;
    struct pollfd readable = { .fd = output, .events = POLLIN };
    while (lines > 0) {
        char character;
        if (poll(&readable, 1, PATIENCE_MS) != 1 || now_ms() > end) {
            fail_msg("the program does not say that it is ready, but: %.*s", (int)size, text);
        }
        if (read(output, &character, 1) != 1) {
            fail_msg("the program ended at once: %.*s", (int)size, text);
        }
        assert_true(size + 1 < capacity);
        text[size++] = character;
        lines -= character == '\n' ? 1 : 0;
    }
    text[size] = '\0';
}

/* Starts it and reads its ports: the last number of each line. */
static void start_and_listen(started_program *program, char *command, unsigned lines)
{
    int input[2], output[2];
    char text[2048];
    char *rest = NULL;
    memset(program, 0, sizeof *program);
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    const plumbing pipes = { .input = input[0], .output = output[1] };
    program->process = start(command, &pipes);
    program->input = input[1];
    close(input[0]);
    close(output[1]);
    read_lines(output[0], text, sizeof text, lines);
    close(output[0]);
    size_t i = 0;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL && i < STARTED_PORTS_MAX;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *colon = strrchr(line, ':'), *blank = strrchr(line, ' ');
        program->ports[i++] = (uint16_t)strtoul((colon > blank ? colon : blank) + 1, NULL, 10);
    }
}

/* The closed end of the listening lines must be no reason to end: talc-proxy goes on. */
void gateway_process_start(started_program *gateway, const char *options, ...)
{
    char words[COMMAND_MAX], command[COMMAND_MAX + 512];
    const char *program = getenv("TALC_TEST_TALC_PROXY");
    unsigned listeners = 0;
    va_list arguments;
    if (program == NULL) {
        fail_msg("TALC_TEST_TALC_PROXY does not name talc-proxy: run it by meson test");
    }
    va_start(arguments, options);
    assert_true(vsnprintf(words, sizeof words, options, arguments) < (int)sizeof words);
    va_end(arguments);
    for (const char *at = words; (at = strstr(at, "--listen ")) != NULL; at++) {
        listeners++;
    }
    snprintf(command, sizeof command, "%s %s", program, words);
    start_and_listen(gateway, command, listeners);
    for (unsigned i = 0; i < listeners; i++) {
        assert_int_not_equal(gateway->ports[i], 0);
    }
}

/* Its status, once it has ended. */
static int await_end(pid_t process)
{
    int ending = 0;
    uint64_t end = now_ms() + PATIENCE_MS;
    while (waitpid(process, &ending, WNOHANG) == 0) {
        if (now_ms() > end) {
            kill(process, SIGKILL);
            (void)waitpid(process, &ending, 0);
            fail_msg("the program does not end");
        }
        (void)poll(NULL, 0, 5);
    }
    return WIFEXITED(ending) ? WEXITSTATUS(ending) : -1;
}

void gateway_process_stop(started_program *gateway)
{
    if (gateway->process > 0) {
        kill(gateway->process, SIGTERM);
        int code = await_end(gateway->process);
        gateway->process = 0;
        close(gateway->input);
        assert_int_equal(code, 0);
    }
}

void origin_script_start(started_program *origin, const char *path)
{
    char command[512];
    snprintf(command, sizeof command, "python3 %s", path);
    start_and_listen(origin, command, 1);
}

void coap_server_start(started_program *server)
{
    char command[128];
    const plumbing pipes = { .input = -1, .output = open("/dev/null", O_WRONLY), .errors = 1 };
    assert_true(pipes.output >= 0);
    memset(server, 0, sizeof *server);
    server->input = -1;
    server->ports[0] = local_port_free(SOCK_DGRAM);
    snprintf(command, sizeof command, "coap-server-notls -A 127.0.0.1 -p %u -d 1000",
             server->ports[0]);
    server->process = start(command, &pipes);
    close(pipes.output);
    uint64_t end = now_ms() + PATIENCE_MS;
    while (!local_port_answers_ping(server->ports[0])) {
        if (waitpid(server->process, NULL, WNOHANG) != 0 || now_ms() > end) {
            fail_msg("coap-server-notls does not come up: Debian has it in libcoap3-bin");
        }
        (void)poll(NULL, 0, LOCAL_PORT_PING_MS);
    }
}

void started_program_stop(started_program *program)
{
    if (program->process > 0) {
        kill(program->process, SIGKILL);
        (void)waitpid(program->process, NULL, 0);
        if (program->input >= 0) {
            close(program->input);
        }
        program->process = 0;
    }
}

/* ---------------------------------------------------------------- what a process takes */

static unsigned long read_kib(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    assert_non_null(line);
    return strtoul(line + strlen(name), NULL, 10);
}

void process_usage_read(process_usage *usage, pid_t process)
{
    char path[64], status[8192];
    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(status, 1, sizeof status - 1, file);
    fclose(file);
    status[size] = '\0';
    usage->resident_kib = read_kib(status, "VmRSS:");
    usage->peak_kib = read_kib(status, "VmHWM:");
    snprintf(path, sizeof path, "/proc/%d/fd", (int)process);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    usage->descriptors = 0;
    while (readdir(folder) != NULL) {
        usage->descriptors++;
    }
    closedir(folder);
}

/* ---------------------------------------------------------------- run to the end */

static void read_all(finished_program *program, int output, const char *command)
{
    struct pollfd readable = { .fd = output, .events = POLLIN };
    uint64_t end = now_ms() + PATIENCE_MS;
    ssize_t size = 1;
    program->size = 0;
    while (size > 0) {
        size_t room = sizeof program->output - 1 - program->size;
        if (poll(&readable, 1, PATIENCE_MS) != 1 || now_ms() > end) {
            fail_msg("%s does not end", command);
        }
        size = read(output, program->output + program->size, room);
        program->size += size > 0 ? (size_t)size : 0;
    }
    program->output[program->size] = '\0';
}

static void run(finished_program *program, const char *command)
{
    int output[2];
    char *words = strdup(command);
    assert_non_null(words);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    const plumbing pipes = { .input = -1, .output = output[1], .errors = 1 };
    pid_t process = start(words, &pipes);
    free(words);
    close(output[1]);
    read_all(program, output[0], command);
    close(output[0]);
    program->code = await_end(process);
    if (program->code == 127) {
        fail_msg("%s: no such program (scripts/deps.sh lists the packages)", command);
    }
}

void finished_program_run(finished_program *program, const char *command, ...)
{
    char text[COMMAND_MAX];
    va_list arguments;
    va_start(arguments, command);
    assert_true(vsnprintf(text, sizeof text, command, arguments) < (int)sizeof text);
    va_end(arguments);
    run(program, text);
}

void finished_program_expect(finished_program *program, const char *words, const char *command, ...)
{
    char text[COMMAND_MAX];
    va_list arguments;
    va_start(arguments, command);
    assert_true(vsnprintf(text, sizeof text, command, arguments) < (int)sizeof text);
    va_end(arguments);
    run(program, text);
    if (strstr(program->output, words) == NULL) {
        fail_msg("%s\nshould say \"%s\" but says (%d): %s", text, words, program->code,
                 program->output);
    }
}
