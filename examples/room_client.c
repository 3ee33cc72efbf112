/* SPDX-License-Identifier: MIT */
/*
 * A client that waits for its answers: one request, or a tour of everything room_sensor serves.
 */
#include "room_client.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "credentials.h"

#define CLOSE_MS 2000

static const char usage[] =
    "usage: room_client [option]... URI METHOD PATH [PAYLOAD]\n"
    "       room_client [option]... URI demo\n"
    "\n"
    "Sends one request (METHOD: get, post, put or delete) to the server at URI and prints the\n"
    "payload of the answer; or tries all that room_sensor serves, prints it, and checks it.\n"
    "\n" CREDENTIALS_USAGE
    "  --name NAME     the name that the server's certificate must show (default: host of URI)\n"
    "  --proxy URI     a proxy on the way: a CoAP or HTTP forward proxy, or for a server at\n"
    "                  coap:// a gateway from HTTP to CoAP (https://host/hc)\n"
    "  --https-anchor FILE  authorities of the TLS outside, for URIs with https (default: the\n"
    "                  system's)\n"
    "  --output FILE   where the payload goes (demo: the firmware) instead of standard output\n"
    "  --journal FILE  append every record sent and received, as JSON lines\n"
    "  --key-log FILE  append the secrets of each TLS session, for analysis only: whoever has\n"
    "                  them reads what was recorded\n"
    "\n"
    "  room_client --cert client.pem --key client.key --anchor ca.pem --name sensor.example \\\n"
    "      --proxy coap://127.0.0.1:5700 coap://127.0.0.1:5683 get sensors/temperature\n"
    "  room_client --psk psk-client.txt coap://127.0.0.1:5683 put actuators/light on\n"
    "  room_client --mode ecc --device device-7 --key device.key --server-key ecc-server.pub \\\n"
    "      coap://127.0.0.1:5683 demo\n"
    "  room_client --cert client.pem --key client.key --anchor ca.pem --name sensor.example \\\n"
    "      --https-anchor outer-ca.pem https://127.0.0.1:8443 get sensors/temperature\n"
    "  room_client --mode none coap://127.0.0.1:5683 get .well-known/core\n"
    "\n"
    "Exits with 0 when all went well, 1 on an error or an answer 4.xx or 5.xx, 2 on wrong usage.\n";

typedef struct options {
    credentials credentials;
    const char *server_name;
    const char *proxy_uri;
    const char *https_anchors_path;
    const char *output_path;
    const char *journal_path;
    const char *key_log_path;
    const char *uri;
    int is_tour;
    talc_request request;
} options;

static int read_method(const char *text, talc_method *method)
{
    static const char *const names[] = {
        [TALC_GET] = "get", [TALC_POST] = "post", [TALC_PUT] = "put", [TALC_DELETE] = "delete"
    };
    for (int i = TALC_GET; i <= TALC_DELETE; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            *method = (talc_method)i;
            return 0;
        }
    }
    return -1;
}

/* URI demo, or URI METHOD PATH [PAYLOAD] */
static int read_words(options *o, int count, char **words)
{
    if (count < 2 || count > 4) {
        return -1;
    }
    o->uri = words[0];
    o->is_tour = count == 2 && strcmp(words[1], "demo") == 0;
    if (o->is_tour) {
        return 0;
    }
    if (count < 3 || read_method(words[1], &o->request.method) != 0) {
        return -1;
    }
    o->request.path = words[2];
    if (count == 4) {
        o->request.payload = words[3];
        o->request.payload_size = strlen(words[3]);
        o->request.content_format = TALC_FORMAT_TEXT;
    }
    return 0;
}

/* -1: go on; otherwise the code to exit with. */
static int read_options(options *o, int argc, char **argv)
{
    static const struct option table[] = { { "name", required_argument, NULL, 'n' },
                                           { "proxy", required_argument, NULL, 'p' },
                                           { "https-anchor", required_argument, NULL, 'H' },
                                           { "output", required_argument, NULL, 'o' },
                                           { "journal", required_argument, NULL, 'j' },
                                           { "key-log", required_argument, NULL, 'l' },
                                           CREDENTIALS_OPTIONS,
                                           { NULL, 0, NULL, 0 } };
    int option, wrong = 0;
    while ((option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        switch (option) {
        case 'n': o->server_name = optarg; break;
        case 'p': o->proxy_uri = optarg; break;
        case 'H': o->https_anchors_path = optarg; break;
        case 'o': o->output_path = optarg; break;
        case 'j': o->journal_path = optarg; break;
        case 'l': o->key_log_path = optarg; break;
        case 'h': fputs(usage, stdout); return 0;
        default: wrong |= credentials_take(&o->credentials, option, optarg); break;
        }
    }
    if (wrong != 0 || read_words(o, argc - optind, argv + optind) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    return -1;
}

int room_save(const talc_response *response, const char *path)
{
    FILE *file = path != NULL ? fopen(path, "wb") : stdout;
    if (file == NULL) {
        perror(path);
        return 1;
    }
    int failed = response->payload_size > 0 &&
                 fwrite(response->payload, response->payload_size, 1, file) != 1;
    failed |= (path != NULL ? fclose(file) : fflush(file)) != 0;
    if (failed) {
        perror(path != NULL ? path : "standard output");
    }
    return failed;
}

static int fetch(talc_client *client, const options *o)
{
    talc_response response = TALC_RESPONSE_DEFAULT;
    if (talc_client_fetch(client, &o->request, &response) != TALC_OK) {
        fprintf(stderr, "room_client: %s\n", talc_client_failure(client)->text);
        return 1;
    }
    int failed = room_save(&response, o->output_path);
    if (!talc_code_is_success(response.code)) {
        char code[TALC_CODE_TEXT_SIZE];
        fprintf(stderr, "room_client: the server answered %s\n",
                talc_code_text(response.code, code));
        failed = 1;
    }
    talc_response_clear(&response);
    return failed;
}

static int run(const options *o, talc_config *config)
{
    talc_client *client;
    if (credentials_load(&o->credentials, CREDENTIALS_CLIENT, config) != TALC_OK ||
        talc_client_new(&client, config, o->uri, o->proxy_uri) != TALC_OK) {
        fprintf(stderr, "room_client: %s\n", config->failure->text);
        return 1;
    }
    int failed = o->is_tour ? room_tour(client, o->output_path) : fetch(client, o);
    /* That the server hears of the end is a courtesy: it would find out by itself later. */
    (void)talc_client_close(client, CLOSE_MS);
    talc_client_free(client);
    return failed;
}

int main(int argc, char **argv)
{
    options o = { .credentials = CREDENTIALS_DEFAULT, .request = TALC_REQUEST_DEFAULT };
    int code = read_options(&o, argc, argv);
    if (code >= 0) {
        return code;
    }
    talc_failure failure = { 0 };
    talc_config config = TALC_CONFIG_DEFAULT;
    config.failure = &failure;
    config.server_name = o.server_name;
    config.https_anchors_path = o.https_anchors_path;
    config.journal_path = o.journal_path;
    config.key_log_path = o.key_log_path;
    code = run(&o, &config);
    credentials_free(&config);
    return code;
}
