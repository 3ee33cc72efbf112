/* SPDX-License-Identifier: MIT */
/*
 * A client inside a loop that is not talc's: several requests under way at once, a timer of the
 * program's own, and whatever is typed meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "credentials.h"

#define TICK_MS 250
#define CLOSE_MS 2000

static const char usage[] =
    "usage: event_loop [option]... URI [PATH]...\n"
    "\n"
    "Gets all PATHs (default: slow sensors/temperature sensors/humidity index) from the server at\n"
    "URI at once and prints the answers as they come. A line typed meanwhile is one more path.\n"
    "\n" CREDENTIALS_USAGE
    "  --name NAME     the name that the server's certificate must show (default: host of URI)\n"
    "  --proxy URI     a CoAP forward proxy on the way\n"
    "\n"
    "  event_loop --psk psk-client.txt coap://127.0.0.1:5683 slow index\n"
    "\n"
    "Exits with 0 when every request was answered, 1 on an error, 2 on wrong usage.\n";

typedef struct application {
    talc_client *client;
    unsigned asked;
    unsigned answered;
    unsigned failed;
    unsigned ticks;
    int input; /* standard input; -1 once it has ended, which poll() passes over */
} application;

static void on_response(void *context, talc_status status, const talc_response *response)
{
    application *a = context;
    if (status != TALC_OK) {
        fprintf(stderr, "event_loop: %s\n", talc_client_failure(a->client)->text);
        a->failed++;
        return;
    }
    char code[TALC_CODE_TEXT_SIZE];
    printf("tick %u: %s %.*s\n", a->ticks, talc_code_text(response->code, code),
           (int)response->payload_size, (const char *)response->payload);
    a->answered++;
}

static void ask(application *a, const char *path)
{
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = path;
    a->asked++;
    talc_status status = talc_client_send(a->client, &request, on_response, a);
    if (status != TALC_PENDING) {
        fprintf(stderr, "event_loop: %s: %s\n", path, talc_status_text(status));
        a->failed++;
    }
}

static void read_input(application *a)
{
    char line[TALC_PATH_SIZE_MAX];
    ssize_t size = read(a->input, line, sizeof line - 1);
    if (size <= 0) {
        a->input = -1;
        return;
    }
    line[size] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (line[0] != '\0') {
        ask(a, line);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The loop as any program may have it: the descriptor and the timer of the client stand beside the
 * others. Both are asked for each time, because they may change. */
static int loop(application *a)
{
    uint64_t tick_ms = now_ms() + TICK_MS;
    while (a->answered + a->failed < a->asked) {
        struct pollfd polled[] = {
            { .fd = talc_client_descriptor(a->client), .events = POLLIN },
            { .fd = a->input, .events = POLLIN },
        };
        uint64_t now = now_ms();
        uint32_t wait_ms = tick_ms > now ? (uint32_t)(tick_ms - now) : 0;
        uint32_t client_ms = talc_client_timeout_ms(a->client);
        if (poll(polled, 2, (int)(client_ms < wait_ms ? client_ms : wait_ms)) < 0 &&
            errno != EINTR) {
            perror("event_loop: poll");
            return 1;
        }
        if (polled[1].revents != 0) {
            read_input(a);
        }
        if (now_ms() >= tick_ms) {
            a->ticks++;
            tick_ms += TICK_MS;
        }
        /* Costs next to nothing when there is nothing to do. The callbacks hear of an error. */
        (void)talc_client_process(a->client);
    }
    return a->failed > 0;
}

static int run(talc_config *config, const char *proxy_uri, char **words)
{
    static const char *const paths[] = { "slow", "sensors/temperature", "sensors/humidity",
                                         "index" };
    application a = { .input = STDIN_FILENO };
    if (talc_client_new(&a.client, config, words[0], proxy_uri) != TALC_OK) {
        fprintf(stderr, "event_loop: %s\n", config->failure->text);
        return 1;
    }
    for (char **word = words + 1; *word != NULL; word++) {
        ask(&a, *word);
    }
    for (size_t i = 0; words[1] == NULL && i < sizeof paths / sizeof paths[0]; i++) {
        ask(&a, paths[i]);
    }
    int failed = loop(&a);
    (void)talc_client_close(a.client, CLOSE_MS);
    talc_client_free(a.client);
    return failed;
}

int main(int argc, char **argv)
{
    static const struct option table[] = { { "name", required_argument, NULL, 'n' },
                                           { "proxy", required_argument, NULL, 'p' },
                                           CREDENTIALS_OPTIONS,
                                           { NULL, 0, NULL, 0 } };
    talc_failure failure = { 0 };
    talc_config config = TALC_CONFIG_DEFAULT;
    config.failure = &failure;
    credentials files = CREDENTIALS_DEFAULT;
    const char *proxy_uri = NULL;
    int option, wrong = 0;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        switch (option) {
        case 'n': config.server_name = optarg; break;
        case 'p': proxy_uri = optarg; break;
        case 'h': fputs(usage, stdout); return 0;
        default: wrong |= credentials_take(&files, option, optarg); break;
        }
    }
    if (wrong != 0 || optind == argc) {
        fputs(usage, stderr);
        return 2;
    }
    int failed = 1;
    if (credentials_load(&files, CREDENTIALS_CLIENT, &config) != TALC_OK) {
        fprintf(stderr, "event_loop: %s\n", failure.text);
    } else {
        failed = run(&config, proxy_uri, argv + optind);
    }
    credentials_free(&config);
    return failed;
}
