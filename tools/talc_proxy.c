/* SPDX-License-Identifier: MIT */
/*
 * The gateway as a program: options, signals, and what passes on the screen and in a file. All else
 * is gateway/.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "gateway/proxy_log.h"
#include "tools/talc_proxy_options.h"

#define DESCRIPTORS 4096
#define FAILURES_MAX 100 /* turns in a row that fail, before it gives up */

typedef struct proxy {
    proxy_options options;
    talc_gateway *gateway;
    talc_proxy_log *log;
    talc_proxy_line_style style;
    int signals; /* signalfd(2) */
    int has_lost_lines;
    unsigned long requests, refused, troubles;
} proxy;

/* ---------------------------------------------------------------- what passes */

static void write_log(proxy *of, const talc_gateway_event *event)
{
    if (of->log == NULL || talc_proxy_log_write(of->log, event) == TALC_OK) {
        return;
    }
    if (!of->has_lost_lines) {
        fprintf(stderr, "talc-proxy: %s: a line could not be written (%s); going on\n",
                of->options.log_path, strerror(errno));
    }
    of->has_lost_lines = 1;
}

static void on_event(void *context, const talc_gateway_event *event)
{
    char line[TALC_PROXY_LINE_SIZE];
    proxy *of = context;
    of->requests += event->kind == TALC_GATEWAY_REQUEST_IN ? 1 : 0;
    of->refused += event->kind == TALC_GATEWAY_RESPONSE_OUT && event->reason != NULL ? 1 : 0;
    of->troubles += event->kind == TALC_GATEWAY_TROUBLE ? 1 : 0;
    write_log(of, event);
    if (of->options.is_shown) {
        talc_proxy_line_write(line, event, of->style);
        puts(line);
    }
}

/* ---------------------------------------------------------------- starting */

/* "coap://[::]" of "coap://[::]:0/". */
static int authority_size(const char *uri)
{
    const char *host = strstr(uri, "://");
    host = host != NULL ? host + 3 : uri;
    size_t size = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    return (int)(host - uri) + (int)size;
}

static void tell_ready(const proxy *of)
{
    const proxy_options *options = &of->options;
    int descriptor = options->ready_fd >= 0 ? options->ready_fd : STDOUT_FILENO;
    if (options->is_quiet && options->ready_fd < 0) {
        return;
    }
    fflush(stdout);
    for (size_t i = 0; i < options->listener_count; i++) {
        const char *uri = options->listeners[i];
        dprintf(descriptor, "talc-proxy: listening at %.*s:%u\n", authority_size(uri), uri,
                talc_gateway_port(of->gateway, i));
    }
}

static void warn(const proxy_options *options)
{
    if (options->is_quiet) {
        return;
    }
    if (options->permissions == 0) {
        fputs("talc-proxy: nothing is allowed, so every request will be refused: say where they "
              "may go with --allow or --route (talc-proxy --help)\n",
              stderr);
    }
    if (talc_gateway_rules_are_open(options->rules)) {
        fputs("talc-proxy: warning: an open proxy: whoever reaches it reaches everything that this "
              "machine reaches\n",
              stderr);
    }
}

/* Every exchange may take a socket or two, and the soft limit is made for programs that use
 * select(). */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The signals that end it, or reopen its log, are read from a descriptor. A peer that is gone, a
 * closed terminal, a log that has grown to its limit are no reason to end. */
static int catch_signals(proxy *of)
{
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    if (of->options.log_path != NULL) {
        sigaddset(&caught, SIGHUP);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &caught, NULL) != 0) {
        return -1;
    }
    of->signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
    return of->signals < 0 ? -1 : 0;
}

/* A word of the command line is not as it has to be, or the system does not give what it asks for.
 */
static int exit_code_of(const talc_failure *failure)
{
    return failure->status == TALC_ERROR_ARGUMENT ? 2 : 1;
}

static talc_status start(proxy *of, talc_failure *failure)
{
    proxy_options *options = &of->options;
    talc_status status = TALC_OK;
    if (options->log_path != NULL) {
        status = talc_proxy_log_open(&of->log, options->log_path, failure);
    }
    options->config.event = on_event;
    options->config.event_context = of;
    of->style = isatty(STDOUT_FILENO) ? TALC_PROXY_LINE_COLOURED : TALC_PROXY_LINE_PLAIN;
    status = status == TALC_OK ? talc_gateway_new(&of->gateway, &options->config, failure) : status;
    for (size_t i = 0; status == TALC_OK && i < options->listener_count; i++) {
        status = talc_gateway_listen(of->gateway, options->listeners[i], failure);
    }
    return status;
}

/* ---------------------------------------------------------------- running */

/* Whoever rotates logs renames the file, and then says so. */
static void reopen_log(proxy *of)
{
    talc_failure failure = { 0 };
    of->has_lost_lines = 0;
    if (talc_proxy_log_reopen(of->log, of->options.log_path, &failure) != TALC_OK) {
        fprintf(stderr, "talc-proxy: %s; going on in the log before\n", failure.text);
    }
}

/* Whether a signal ends it. */
static int is_ended(proxy *of)
{
    struct signalfd_siginfo caught;
    while (read(of->signals, &caught, sizeof caught) == (ssize_t)sizeof caught) {
        if (caught.ssi_signo != SIGHUP) {
            return 1;
        }
        reopen_log(of);
    }
    return 0;
}

/* 0 when a signal ends it, 1 when it cannot go on. */
static int run(proxy *of)
{
    struct pollfd polled[] = { { .fd = talc_gateway_descriptor(of->gateway), .events = POLLIN },
                               { .fd = of->signals, .events = POLLIN } };
    unsigned failures = 0;
    while (failures < FAILURES_MAX) {
        uint32_t wait_ms = talc_gateway_timeout_ms(of->gateway);
        if (poll(polled, 2, wait_ms > INT_MAX ? -1 : (int)wait_ms) < 0 && errno != EINTR) {
            break;
        }
        if (polled[1].revents != 0 && is_ended(of)) {
            return 0;
        }
        failures = talc_gateway_process(of->gateway) == TALC_OK ? 0 : failures + 1;
    }
    fputs("talc-proxy: the system refuses its sockets; giving up\n", stderr);
    return 1;
}

static void stop(proxy *of)
{
    if (of->options.is_shown) {
        printf(
            "talc-proxy: %lu request%s, %lu refused or without a response (%lu by trouble at the "
            "origin)\n",
            of->requests, of->requests == 1 ? "" : "s", of->refused, of->troubles);
    }
    talc_gateway_free(of->gateway);
    talc_proxy_log_close(of->log);
    if (of->signals >= 0) {
        close(of->signals);
    }
    proxy_options_free(&of->options);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    proxy of = { .signals = -1 };
    talc_failure failure = { 0 };
    int code = proxy_options_read(&of.options, argc, argv);
    if (code >= 0) {
        proxy_options_free(&of.options);
        return code;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    raise_descriptors();
    if (catch_signals(&of) != 0 || start(&of, &failure) != TALC_OK) {
        fprintf(stderr, "talc-proxy: %s\n",
                failure.text[0] != '\0' ? failure.text : "no signal descriptor");
        of.options.is_shown = 0;
        stop(&of);
        return exit_code_of(&failure);
    }
    warn(&of.options);
    tell_ready(&of);
    code = run(&of);
    stop(&of);
    return code;
}
