/* SPDX-License-Identifier: MIT */
/*
 * A server: two sensors, a light, a list, a large resource, and one that answers late.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credentials.h"
#include "room.h"
#include "room_resources.h"

#define WAIT_MS_MAX 500 /* a signal may come between the look at `stopping` and the wait */

static const char usage[] =
    "usage: room_sensor [option]...\n"
    "\n"
    "Serves sensors/temperature, sensors/humidity, actuators/light (PUT on or off), index,\n"
    "firmware (16 KiB) and slow (answers after a second), until it is told to stop.\n"
    "\n" CREDENTIALS_USAGE
    "  --listen URI    where to listen (default: coap://[::]:5683), also at http:// and https://;\n"
    "                  may be given several times: a session goes on at each of them\n"
    "  --https-cert FILE, --https-key FILE  of the TLS outside, to listen at https:// (PEM)\n"
    "  --port N        the same as --listen coap://[::]:N; 0 takes a free port\n"
    "  --port-file F   write the port of the first listener to F once it listens\n"
    "  --journal FILE  append every record sent and received, as JSON lines\n"
    "  --key-log FILE  append the secrets of each TLS session, for analysis only: whoever has\n"
    "                  them reads what was recorded\n"
    "\n"
    "  room_sensor --cert server.pem --key server.key --anchor ca.pem\n"
    "  room_sensor --psk psk-server.txt --listen coap://127.0.0.1:0 --port-file port\n"
    "  room_sensor --cert server.pem --key server.key --anchor ca.pem \\\n"
    "      --listen coap://[::] --listen http://[::]:8080\n"
    "  room_sensor --mode ecc --key ecc-server.key --registry registry.json\n"
    "  room_sensor --mode none\n"
    "\n"
    "Exits with 0 when it was told to stop, 1 on an error, 2 on wrong usage.\n";

#define LISTENERS_MAX 4

typedef struct options {
    credentials credentials;
    const char *uris[LISTENERS_MAX];
    size_t uri_count;
    char port_uri[32]; /* what --port stands for */
    const char *port_path;
    const char *https_certificate_path;
    const char *https_key_path;
    const char *journal_path;
    const char *key_log_path;
} options;

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* One line for each session that opens, ends, or is refused. */
static void on_event(void *context, const talc_event *event)
{
    (void)context;
    static const char *const words[] = {
        [TALC_EVENT_SESSION_OPENED] = "opened",
        [TALC_EVENT_SESSION_REFUSED] = "refused",
        [TALC_EVENT_SESSION_CLOSED] = "closed",
        [TALC_EVENT_SESSION_FAILED] = "failed",
        [TALC_EVENT_ENVELOPE_DROPPED] = "dropped an envelope",
        [TALC_EVENT_REGISTRY_REFUSED] = "registry not read again, the old one stays",
    };
    fprintf(stderr, "room_sensor: session %s: %s%s%s\n", words[event->kind],
            event->peer != NULL ? event->peer->name : "nobody yet",
            event->failure != NULL ? ": " : "", event->failure != NULL ? event->failure->text : "");
}

static int add_listener(options *o, const char *uri)
{
    if (o->uri_count == LISTENERS_MAX) {
        return -1;
    }
    o->uris[o->uri_count++] = uri;
    return 0;
}

static int add_port(options *o, const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || port > 65535 || o->port_uri[0] != '\0') {
        return -1;
    }
    snprintf(o->port_uri, sizeof o->port_uri, "coap://[::]:%lu", port);
    return add_listener(o, o->port_uri);
}

/* -1: go on; otherwise the code to exit with. */
static int read_options(options *o, int argc, char **argv)
{
    static const struct option table[] = { { "listen", required_argument, NULL, 'l' },
                                           { "port", required_argument, NULL, 'p' },
                                           { "port-file", required_argument, NULL, 'f' },
                                           { "https-cert", required_argument, NULL, 'C' },
                                           { "https-key", required_argument, NULL, 'H' },
                                           { "journal", required_argument, NULL, 'j' },
                                           { "key-log", required_argument, NULL, 'L' },
                                           CREDENTIALS_OPTIONS,
                                           { NULL, 0, NULL, 0 } };
    int option, wrong = 0;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        switch (option) {
        case 'l': wrong |= add_listener(o, optarg); break;
        case 'p': wrong |= add_port(o, optarg); break;
        case 'f': o->port_path = optarg; break;
        case 'C': o->https_certificate_path = optarg; break;
        case 'H': o->https_key_path = optarg; break;
        case 'j': o->journal_path = optarg; break;
        case 'L': o->key_log_path = optarg; break;
        case 'h': fputs(usage, stdout); return 0;
        default: wrong |= credentials_take(&o->credentials, option, optarg); break;
        }
    }
    if (wrong != 0 || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    if (o->uri_count == 0) {
        add_listener(o, "coap://[::]:5683");
    }
    return -1;
}

/* Whoever waits for the file never finds half of it. */
static talc_status write_port(const char *path, uint16_t port)
{
    char temporary[4096];
    int size = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = size < (int)sizeof temporary ? fopen(temporary, "w") : NULL;
    if (file == NULL) {
        return TALC_ERROR_IO;
    }
    int failed = fprintf(file, "%u\n", port) < 0;
    failed |= fclose(file) != 0;
    return failed || rename(temporary, path) != 0 ? TALC_ERROR_IO : TALC_OK;
}

static talc_status start(talc_server *server, const options *o, room_state *room,
                         talc_failure *failure)
{
    talc_status status = room_serve(room, server);
    for (size_t i = 0; i < o->uri_count && status == TALC_OK; i++) {
        status = talc_server_listen(server, o->uris[i]);
    }
    for (size_t i = 0; i < o->uri_count && status == TALC_OK; i++) {
        printf("listening on port %u (%s)\n", talc_server_port(server, i), o->uris[i]);
    }
    fflush(stdout);
    if (status == TALC_OK && o->port_path != NULL) {
        status = write_port(o->port_path, talc_server_port(server, 0));
        if (status != TALC_OK) {
            snprintf(failure->text, sizeof failure->text, "cannot write %s", o->port_path);
        }
    }
    return status;
}

static talc_status serve(const options *o, talc_config *config)
{
    room_state room = ROOM_DEFAULT;
    talc_server *server;
    talc_status status = talc_server_new(&server, config);
    if (status == TALC_OK) {
        status = start(server, o, &room, config->failure);
    }
    while (status == TALC_OK && !stopping) {
        uint32_t due_ms = room_answer_due(&room);
        status = talc_server_wait(server, due_ms < WAIT_MS_MAX ? due_ms : WAIT_MS_MAX);
    }
    room_answer_all(&room);
    talc_server_free(server);
    return status;
}

int main(int argc, char **argv)
{
    options o = { .credentials = CREDENTIALS_DEFAULT };
    int code = read_options(&o, argc, argv);
    if (code >= 0) {
        return code;
    }
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    talc_failure failure = { 0 };
    talc_config config = TALC_CONFIG_DEFAULT;
    config.failure = &failure;
    config.https_certificate_path = o.https_certificate_path;
    config.https_key_path = o.https_key_path;
    config.journal_path = o.journal_path;
    config.key_log_path = o.key_log_path;
    config.on_event = on_event;
    talc_status status = credentials_load(&o.credentials, CREDENTIALS_SERVER, &config);
    if (status == TALC_OK) {
        status = serve(&o, &config);
    }
    credentials_free(&config);
    if (status != TALC_OK) {
        fprintf(stderr, "room_sensor: %s\n",
                failure.text[0] != '\0' ? failure.text : talc_status_text(status));
    }
    return status == TALC_OK ? 0 : 1;
}
