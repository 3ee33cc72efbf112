/* SPDX-License-Identifier: MIT */
/* Somebody on the path, to be put between a client and a server of one's own: hands CoAP datagrams
 * on and makes one of the attacks of tampering/attacks.h on the bodies of talc in them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credentials.h"
#include "tampering/attacks.h"
#include "tampering/coap_relay.h"
#include "tampering/interception.h"

#define WAIT_MS 200 /* a signal may come between the look at `stopping` and the wait */
#define INTERCEPT "intercept"

static const char usage[] =
    "usage: tamper-proxy [option]... --attack NAME[=ARGUMENT]\n"
    "       tamper-proxy --list\n"
    "\n"
    "A test tool: stands between talc clients and a server, hands CoAP on, and makes an attack on "
    "the\n"
    "bodies of talc. Listens on this machine only, unless told otherwise. Clients use it as their\n"
    "server. Bodies that travel in blocks pass untouched; what an attack makes longer than a datagram\n"
    "of 1152 bytes is lost.\n"
    "\n"
    "  --listen URI     where clients come to (default: coap://127.0.0.1:5700; port 0 takes a "
    "free\n"
    "                   one)\n"
    "  --server URI     the server (default: coap://127.0.0.1:5683)\n"
    "  --attack NAME[=ARGUMENT]  which attack; without it everything passes\n"
    "  --at N           on the N-th body of its direction in a session, once\n"
    "  --from N         on all bodies from the N-th on, in every session (default: 1)\n"
    "  --session N      leave the sessions before the N-th alone (default: 1)\n"
    "  --direction D    request, response or both (default)\n"
    "  --show           print each body that comes and leaves\n"
    "  --port-file F    write the port to F once it listens\n"
    "  --list           explain each attack in a sentence\n"
    "\n"
    "For the attack intercept, the proxy's own credentials, to play both sides with:\n"
    "\n" CREDENTIALS_USAGE "  --name NAME      the name that the server's certificate shows\n"
    "  --path PATH      a resource to hand on (default: those of room_sensor); may be given "
    "several\n"
    "                   times\n"
    "\n"
    "  tamper-proxy --attack shift-bits --at 2 --direction request --show\n"
    "  tamper-proxy --attack answer=unknown-session --from 3\n"
    "  tamper-proxy --attack number=n+1 --at 3 --server coap://127.0.0.1:5683\n"
    "  tamper-proxy --attack intercept --cert own.pem --key own.key --anchor ca.pem \\\n"
    "      --name sensor.example\n"
    "\n"
    "Exits with 0 when it was told to stop, 1 on an error, 2 on wrong usage.\n";

typedef struct options {
    const char *listen_uri;
    const char *server_uri;
    const char *words;
    const char *port_path;
    const char *server_name;
    const char *paths[INTERCEPTION_PATHS_MAX + 1];
    size_t path_count;
    int shows;
    int lists;
    tampering_order order;
    credentials credentials;
} options;

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* ---------------------------------------------------------------- options */

static int read_number(const char *text, unsigned *number)
{
    char *end;
    unsigned long read = strtoul(text, &end, 10);
    if (end == text || *end != 0 || read == 0 || read > 1000000) {
        return -1;
    }
    *number = (unsigned)read;
    return 0;
}

static int read_direction(const char *text, bool spares[2])
{
    bool is_request = strcmp(text, "request") == 0;
    bool is_response = strcmp(text, "response") == 0;
    if (!is_request && !is_response && strcmp(text, "both") != 0) {
        return -1;
    }
    spares[TAMPERING_REQUEST] = is_response;
    spares[TAMPERING_RESPONSE] = is_request;
    return 0;
}

static int add_path(options *o, const char *path)
{
    if (o->path_count == INTERCEPTION_PATHS_MAX) {
        return -1;
    }
    o->paths[o->path_count++] = path;
    return 0;
}

static int take(options *o, int option, const char *value)
{
    switch (option) {
    case 'l': o->listen_uri = value; return 0;
    case 'S': o->server_uri = value; return 0;
    case 'A': o->words = value; return 0;
    case 't': return read_number(value, &o->order.at);
    case 'f': return read_number(value, &o->order.from);
    case 'n': return read_number(value, &o->order.session);
    case 'D': return read_direction(value, o->order.spares);
    case 'w': o->shows = 1; return 0;
    case 'F': o->port_path = value; return 0;
    case 'L': o->lists = 1; return 0;
    case 'N': o->server_name = value; return 0;
    case 'P': return add_path(o, value);
    default: return credentials_take(&o->credentials, option, value);
    }
}

static int check(options *o)
{
    bool intercepts = o->words != NULL && strcmp(o->words, INTERCEPT) == 0;
    if (o->words != NULL && !intercepts && !attack_read(o->words, &o->order)) {
        fprintf(stderr, "tamper-proxy: no attack %s: see --list\n", o->words);
        return -1;
    }
    return o->order.at != 0 && o->order.from != 0 ? -1 : 0;
}

/* -1: go on; otherwise the code to exit with. */
static int read_options(options *o, int argc, char **argv)
{
    static const struct option table[] = { { "listen", required_argument, NULL, 'l' },
                                           { "server", required_argument, NULL, 'S' },
                                           { "attack", required_argument, NULL, 'A' },
                                           { "at", required_argument, NULL, 't' },
                                           { "from", required_argument, NULL, 'f' },
                                           { "session", required_argument, NULL, 'n' },
                                           { "direction", required_argument, NULL, 'D' },
                                           { "show", no_argument, NULL, 'w' },
                                           { "port-file", required_argument, NULL, 'F' },
                                           { "list", no_argument, NULL, 'L' },
                                           { "name", required_argument, NULL, 'N' },
                                           { "path", required_argument, NULL, 'P' },
                                           CREDENTIALS_OPTIONS,
                                           { NULL, 0, NULL, 0 } };
    int option, wrong = 0;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        wrong |= take(o, option, optarg);
    }
    if (wrong != 0 || optind != argc || check(o) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    return -1;
}

static void list(void)
{
    for (size_t i = 0; i < attack_count; i++) {
        const attack *it = &attacks[i];
        printf("%s%s%s\n    %s\n", it->name, it->argument != NULL ? "=" : "",
               it->argument != NULL ? it->argument : "", it->sentence);
    }
    printf(INTERCEPT "\n    plays the server towards clients and a client towards the server, with "
                     "credentials of its own, and hands on in the clear\n");
}

/* ---------------------------------------------------------------- what is said */

static const char *direction_name(const tampering_body *body)
{
    return body->direction == TAMPERING_REQUEST ? "request" : "response";
}

static void on_applied(void *context, const tampering_body *body, unsigned position)
{
    const options *o = context;
    printf("attack %s at %s %u of session %s: applied\n", o->words, direction_name(body), position,
           body->session);
    fflush(stdout);
}

static void on_came(void *context, const tampering_body *body, unsigned position)
{
    const options *o = context;
    if (o->shows) {
        printf("%s %u of session %s comes, %zu bytes: %s\n", direction_name(body), position,
               body->session, body->text.size, body->text.bytes);
        fflush(stdout);
    }
}

static void on_leaving(void *context, const tampering_body *body, tampering_way way)
{
    static const char *const ways[] = { "goes on", "answers the client", "goes to the server" };
    const options *o = context;
    if (o->shows) {
        printf("%s of session %s %s, %zu bytes: %s\n", direction_name(body), body->session,
               ways[way], body->text.size, body->text.bytes);
        fflush(stdout);
    }
}

static void on_told(void *context, const char *line)
{
    (void)context;
    printf("attack " INTERCEPT ": %s\n", line);
    fflush(stdout);
}

/* Whoever waits for the file never finds half of it. */
static int write_port(const char *path, unsigned port)
{
    char temporary[4096];
    int size = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = size < (int)sizeof temporary ? fopen(temporary, "w") : NULL;
    if (file == NULL) {
        return -1;
    }
    int failed = fprintf(file, "%u\n", port) < 0;
    failed |= fclose(file) != 0;
    return failed || rename(temporary, path) != 0 ? -1 : 0;
}

static int announce(const options *o, unsigned port)
{
    printf("tamper-proxy is a test tool: it attacks what passes. It listens at %s (port %u) and "
           "hands on to %s; attack: %s\n",
           o->listen_uri, port, o->server_uri, o->words != NULL ? o->words : "none");
    fflush(stdout);
    if (o->port_path != NULL && write_port(o->port_path, port) != 0) {
        fprintf(stderr, "tamper-proxy: cannot write %s\n", o->port_path);
        return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- the two ways */

static int relay(options *o)
{
    char reason[COAP_RELAY_REASON_SIZE];
    const coap_relay_setup setup = { o->listen_uri, o->server_uri, &o->order, on_came,
                                     on_applied,    on_leaving,    o };
    coap_relay *made = coap_relay_new(&setup, reason);
    if (made == NULL) {
        fprintf(stderr, "tamper-proxy: %s\n", reason);
        return 1;
    }
    int failed = announce(o, coap_relay_port(made)) != 0;
    while (!stopping && !failed) {
        coap_relay_wait(made, WAIT_MS);
    }
    printf("attacks made: %u\n", coap_relay_applied(made));
    coap_relay_free(made);
    return failed;
}

/* Towards clients nobody has to prove anything: they are to come in. */
static talc_status load(const options *o, interception_setup *setup)
{
    credentials as_server = o->credentials;
    as_server.anchor_count = 0;
    as_server.pin_count = 0;
    as_server.server_key_path = NULL;
    setup->towards_clients.failure = setup->failure;
    setup->towards_server.failure = setup->failure;
    setup->towards_clients.client_authentication = TALC_CLIENTS_ANONYMOUS;
    setup->towards_server.server_name = o->server_name;
    talc_status status = credentials_load(&as_server, CREDENTIALS_SERVER, &setup->towards_clients);
    if (status == TALC_OK && setup->towards_clients.mode == TALC_MODE_ECC &&
        setup->towards_clients.registry == NULL) {
        status = talc_registry_new(&setup->towards_clients.registry);
    }
    return status == TALC_OK
               ? credentials_load(&o->credentials, CREDENTIALS_CLIENT, &setup->towards_server)
               : status;
}

static int run_interception(const options *o, const interception_setup *setup)
{
    interception *made;
    if (interception_new(&made, setup) != TALC_OK) {
        fprintf(stderr, "tamper-proxy: %s\n", setup->failure->text);
        return 1;
    }
    int failed = announce(o, interception_port(made)) != 0;
    interception_try_server(made);
    while (!stopping && !failed) {
        interception_wait(made, WAIT_MS);
    }
    const interception_report *report = interception_report_of(made);
    printf(
        "clients that took us for their server: %u, that did not: %u; answers of the server: %u, "
        "none: %u; requests read: %u\n",
        report->clients_opened, report->clients_refused, report->server_answered,
        report->server_refused, report->seen);
    interception_free(made);
    return failed;
}

static int intercept(options *o)
{
    talc_failure failure = { 0 };
    interception_setup setup = { .towards_clients = TALC_CONFIG_DEFAULT,
                                 .towards_server = TALC_CONFIG_DEFAULT,
                                 .listen_uri = o->listen_uri,
                                 .server_uri = o->server_uri,
                                 .paths = o->paths,
                                 .told = on_told,
                                 .failure = &failure };
    int code = 1;
    if (load(o, &setup) == TALC_OK) {
        code = run_interception(o, &setup);
    } else {
        fprintf(stderr, "tamper-proxy: %s\n", failure.text);
    }
    credentials_free(&setup.towards_clients);
    credentials_free(&setup.towards_server);
    return code;
}

static void add_default_paths(options *o)
{
    static const char *const paths[] = {
        "sensors/temperature", "sensors/humidity", "actuators/light", "index", "firmware", "slow"
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && o->path_count <= i; i++) {
        (void)add_path(o, paths[i]);
    }
}

int main(int argc, char **argv)
{
    options o = { .listen_uri = "coap://127.0.0.1:5700",
                  .server_uri = "coap://127.0.0.1:5683",
                  .credentials = CREDENTIALS_DEFAULT };
    int code = read_options(&o, argc, argv);
    if (code >= 0) {
        return code;
    }
    if (o.lists) {
        list();
        return 0;
    }
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (o.path_count == 0) {
        add_default_paths(&o);
    }
    return o.words != NULL && strcmp(o.words, INTERCEPT) == 0 ? intercept(&o) : relay(&o);
}
