/* SPDX-License-Identifier: MIT */
/* prctl() is Linux's: a test that is killed must not leave its programs behind. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/rude_gateway.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "tests/rude_gateway.py"
#define PATIENCE_MS 30000

/* In the child: never returns. */
static void run(int input, int output, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(126);
    }
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execlp("python3", "python3", PROGRAM, (char *)NULL);
    _exit(127);
}

/* Its next line is a number. */
static unsigned long number_await(const rude_gateway *gateway)
{
    char line[32];
    size_t size = 0;
    struct pollfd readable = { gateway->output, POLLIN, 0 };
    while (size + 1 < sizeof line) {
        if (poll(&readable, 1, PATIENCE_MS) <= 0 || read(gateway->output, line + size, 1) != 1) {
            fail_msg("python3 %s does not answer", PROGRAM);
        }
        if (line[size] == '\n') {
            break;
        }
        size++;
    }
    line[size] = '\0';
    return strtoul(line, NULL, 10);
}

void rude_gateway_start(rude_gateway *gateway)
{
    int input[2], output[2];
    pid_t parent = getpid();
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    gateway->process = fork();
    assert_true(gateway->process >= 0);
    if (gateway->process == 0) {
        run(input[0], output[1], parent);
    }
    close(input[0]);
    close(output[1]);
    gateway->input = input[1];
    gateway->output = output[0];
    gateway->port = (uint16_t)number_await(gateway);
    assert_int_not_equal(gateway->port, 0);
}

__attribute__((format(printf, 2, 3))) static unsigned command(const rude_gateway *gateway,
                                                              const char *format, ...)
{
    char line[128];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_in_range(size, 1, sizeof line - 1);
    assert_int_equal(write(gateway->input, line, (size_t)size), size);
    return (unsigned)number_await(gateway);
}

void rude_gateway_behave(const rude_gateway *gateway, const char *manner, uint16_t port,
                         uint16_t other_port)
{
    (void)command(gateway, "manner %s\n", manner);
    if (other_port == 0) {
        (void)command(gateway, "upstream %u\n", port);
    } else {
        (void)command(gateway, "upstream %u %u\n", port, other_port);
    }
}

unsigned rude_gateway_requests(const rude_gateway *gateway)
{
    return command(gateway, "requests\n");
}

void rude_gateway_stop(rude_gateway *gateway)
{
    if (gateway->process > 0) {
        close(gateway->input);
        close(gateway->output);
        kill(gateway->process, SIGKILL);
        (void)waitpid(gateway->process, NULL, 0);
    }
    gateway->process = 0;
}
