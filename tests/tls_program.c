/* SPDX-License-Identifier: MIT */
/* prctl() is Linux's: a test that is killed must not leave its programs behind. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/tls_program.h"

#define PATIENCE_MS 20000
#define STEP_MS 20

static void become(char *command, int input, int output)
{
    char *arguments[TLS_PROGRAM_ARGUMENTS_MAX + 1];
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(command, " ", &rest);
         word != NULL && count < TLS_PROGRAM_ARGUMENTS_MAX; word = strtok_r(NULL, " ", &rest)) {
        arguments[count++] = word;
    }
    arguments[count] = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvp(arguments[0], arguments);
    _exit(127);
}

void tls_program_start(tls_program *program, const char *command)
{
    int input[2];
    int output[2];
    char *words = strdup(command);
    memset(program, 0, sizeof *program);
    assert_non_null(words);
    assert_int_equal(pipe(input), 0);
    assert_int_equal(pipe(output), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    program->process = fork();
    assert_true(program->process >= 0);
    if (program->process == 0) {
        close(input[1]);
        close(output[0]);
        become(words, input[0], output[1]);
    }
    free(words);
    close(input[0]);
    close(output[1]);
    program->input = input[1];
    program->output = output[0];
    assert_int_equal(fcntl(program->output, F_SETFL, O_NONBLOCK), 0);
}

void tls_program_listen(tls_program *program)
{
    ssize_t size;
    do {
        size_t room = sizeof program->text - 1 - program->text_size;
        size = room == 0 ? 0 : read(program->output, program->text + program->text_size, room);
        program->text_size += size > 0 ? (size_t)size : 0;
    } while (size > 0);
    for (size_t i = 0; i < program->text_size; i++) {
        program->text[i] = program->text[i] == 0 ? ' ' : program->text[i];
    }
    program->text[program->text_size] = 0;
}

void tls_program_expect(tls_program *program, const char *words)
{
    struct pollfd output = { .fd = program->output, .events = POLLIN };
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += STEP_MS) {
        tls_program_listen(program);
        if (strstr(program->text, words) != NULL) {
            return;
        }
        (void)poll(&output, 1, STEP_MS);
    }
    fail_msg("the program never said \"%s\", but: %s", words, program->text);
}

void tls_program_stop(tls_program *program)
{
    if (program->process > 0) {
        close(program->input);
        close(program->output);
        kill(program->process, SIGKILL);
        (void)waitpid(program->process, NULL, 0);
        program->process = 0;
    }
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int tls_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listening >= 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return listening;
}

uint16_t tls_free_port(void)
{
    uint16_t port;
    close(tls_listen(&port));
    return port;
}

int tls_accept(int listening, tls_program *program)
{
    struct pollfd waiting = { .fd = listening, .events = POLLIN };
    if (poll(&waiting, 1, PATIENCE_MS) != 1) {
        tls_program_listen(program);
        fail_msg("the program did not connect, but said: %s", program->text);
    }
    int connected = accept(listening, NULL, NULL);
    assert_true(connected >= 0);
    assert_int_equal(fcntl(connected, F_SETFL, O_NONBLOCK), 0);
    return connected;
}

int tls_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += STEP_MS) {
        int connected = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(connected >= 0);
        if (connect(connected, (struct sockaddr *)&address, sizeof address) == 0) {
            assert_int_equal(fcntl(connected, F_SETFL, O_NONBLOCK), 0);
            return connected;
        }
        close(connected);
        (void)poll(NULL, 0, STEP_MS); /* it has not come up yet */
    }
    fail_msg("nobody listens on port %u", (unsigned)port);
    return -1;
}
