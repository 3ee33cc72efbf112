/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/proxy_process.h"

#include "tests/local_port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PROXY_PROGRAM "coap-server-notls" /* Debian's name; package libcoap3-bin */
#define STARTS_MAX 5
#define PINGS_MAX 500 /* a hang guard: one each 20 ms */

/* In the child: never returns. 127 says that there is no such program. */
static void run(uint16_t port, pid_t parent)
{
    char port_text[8];
    int nowhere = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || nowhere < 0) {
        _exit(126);
    }
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    snprintf(port_text, sizeof port_text, "%u", port);
    execlp(PROXY_PROGRAM, PROXY_PROGRAM, "-A", "127.0.0.1", "-p", port_text, "-P", ",myproxy",
           (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

/* 1 when it answers, 0 if it ended meanwhile. */
static int comes_up(proxy_process *proxy)
{
    for (int pings = 0; pings < PINGS_MAX; pings++) {
        int ending = 0;
        if (waitpid(proxy->process, &ending, WNOHANG) == proxy->process) {
            proxy->process = 0;
            if (WIFEXITED(ending) && WEXITSTATUS(ending) == 127) {
                fail_msg("%s is not installed: Debian has it in libcoap3-bin", PROXY_PROGRAM);
            }
            return 0;
        }
        if (local_port_answers_ping(proxy->port)) {
            return 1;
        }
        (void)poll(NULL, 0, LOCAL_PORT_PING_MS);
    }
    proxy_process_stop(proxy);
    fail_msg("%s started but does not answer", PROXY_PROGRAM);
    return 0;
}

void proxy_process_start(proxy_process *proxy)
{
    pid_t parent = getpid();
    for (int starts = 0; starts < STARTS_MAX; starts++) {
        proxy->port = local_port_free(SOCK_DGRAM);
        proxy->process = fork();
        assert_true(proxy->process >= 0);
        if (proxy->process == 0) {
            run(proxy->port, parent);
        }
        if (comes_up(proxy)) {
            return;
        }
    }
    fail_msg("%s ends at once", PROXY_PROGRAM);
}

void proxy_process_stop(proxy_process *proxy)
{
    if (proxy->process > 0) {
        kill(proxy->process, SIGKILL);
        (void)waitpid(proxy->process, NULL, 0);
    }
    proxy->process = 0;
}
