/* SPDX-License-Identifier: MIT */
#include "tools/talc_proxy_options.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char usage[] =
    "usage: talc-proxy [option]...\n"
    "\n"
    "A gateway between CoAP and HTTP (RFC 8075), and between CoAP and CoAP. It passes requests on "
    "and\n"
    "responses back, holds no key, and goes only where it is allowed to.\n"
    "\n"
    "  --listen URI        coap://, http:// or https:// with an address and a port, up to 8 times\n"
    "                      (default: coap://[::]:5683; port 0: a free one)\n"
    "  --allow PATTERN     where requests may go: coap://device.example, "
    "http://svc.example:8080/api/,\n"
    "                      coap://192.0.2.0/24, coap://.example.org, coap://device.example:any, "
    "coap:,\n"
    "                      any (as --open-proxy). Without a port the scheme's own is meant; a "
    "net's\n"
    "                      stands before the '/': coap://192.0.2.0:any/24\n"
    "  --route /PREFIX=URI what is asked of the gateway below PREFIX is asked of URI (reverse "
    "proxy)\n"
    "  --open-proxy        requests may go anywhere\n"
    "  --hc-path PATH      where HTTP clients name CoAP resources: a path (default: /hc/), a "
    "template\n"
    "                      (/hc?target_uri={+tu}), or \"\" for nowhere\n"
    "  --timeout SECONDS   for an origin's whole response (default: 30)\n"
    "  --max-body BYTES    of a request or a response (default: 65536)\n"
    "  --max-outstanding N requests that wait for their origins (default: 256)\n"
    "  --max-per-client N  of them for one client's address once half of them wait (default: a\n"
    "                      quarter); behind a reverse proxy all HTTP clients have one address\n"
    "  --https-ca FILE     whom https origins are checked against (default: the system's)\n"
    "  --https-cert FILE   certificate and key, both PEM, to listen at https://\n"
    "  --https-key FILE\n"
    "  --name PSEUDONYM    of this gateway, in Via and in diagnoses (default: a random one)\n"
    "  --show              print what passes, a line for each message\n"
    "  --log FILE          append what passes, as JSON Lines; bodies are in it.\n"
    "                      SIGHUP opens it anew, after it was renamed\n"
    "  --ready-fd N        write the listening lines to this descriptor\n"
    "  --quiet             print no listening lines and no warnings\n"
    "  --version, --help\n"
    "\n"
    "  # CoAP devices reach one web service (coap-client -P coap://gateway "
    "http://svc.example/...)\n"
    "  talc-proxy --allow http://svc.example/api/\n"
    "  # web clients reach the devices of a net: curl "
    "http://gateway:8080/hc/coap://192.0.2.7/light\n"
    "  talc-proxy --listen http://[::]:8080 --allow coap://192.0.2.0/24 --show\n"
    "  # a service behind a path of the gateway's own, with a log\n"
    "  talc-proxy --route /.well-known/atls=https://svc.example/.well-known/atls --log "
    "proxy.jsonl\n"
    "\n"
    "With --show: >| and <| are the clients' side, |> and |< the origins', ! is trouble.\n"
    "Exits with 0 after SIGINT or SIGTERM, 1 if it cannot start or go on, 2 on wrong options.\n";

enum {
    OPTION_LISTEN = 256,
    OPTION_ALLOW,
    OPTION_ROUTE,
    OPTION_OPEN,
    OPTION_HC_PATH,
    OPTION_TIMEOUT,
    OPTION_MAX_BODY,
    OPTION_MAX_OUTSTANDING,
    OPTION_MAX_PER_CLIENT,
    OPTION_HTTPS_CA,
    OPTION_HTTPS_CERT,
    OPTION_HTTPS_KEY,
    OPTION_NAME,
    OPTION_SHOW,
    OPTION_LOG,
    OPTION_READY_FD,
    OPTION_QUIET,
    OPTION_VERSION
};

static const struct option table[] = {
    { "listen", required_argument, NULL, OPTION_LISTEN },
    { "allow", required_argument, NULL, OPTION_ALLOW },
    { "route", required_argument, NULL, OPTION_ROUTE },
    { "open-proxy", no_argument, NULL, OPTION_OPEN },
    { "hc-path", required_argument, NULL, OPTION_HC_PATH },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "max-body", required_argument, NULL, OPTION_MAX_BODY },
    { "max-outstanding", required_argument, NULL, OPTION_MAX_OUTSTANDING },
    { "max-per-client", required_argument, NULL, OPTION_MAX_PER_CLIENT },
    { "https-ca", required_argument, NULL, OPTION_HTTPS_CA },
    { "https-cert", required_argument, NULL, OPTION_HTTPS_CERT },
    { "https-key", required_argument, NULL, OPTION_HTTPS_KEY },
    { "name", required_argument, NULL, OPTION_NAME },
    { "show", no_argument, NULL, OPTION_SHOW },
    { "log", required_argument, NULL, OPTION_LOG },
    { "ready-fd", required_argument, NULL, OPTION_READY_FD },
    { "quiet", no_argument, NULL, OPTION_QUIET },
    { "version", no_argument, NULL, OPTION_VERSION },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* 0: done; 2: wrong, and said so. */
static int complain(const char *option, const char *text)
{
    fprintf(stderr, "talc-proxy: %s %s\n", option, text);
    return 2;
}

/* A number of `least` to `most`, digits only. */
static int read_number(const char *option, const char *text, unsigned long most, size_t *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0 || value > most) {
        fprintf(stderr, "talc-proxy: %s takes a number of 1 to %lu, not \"%s\"\n", option, most,
                text);
        return 2;
    }
    *number = value;
    return 0;
}

static int add_listener(proxy_options *options, const char *uri)
{
    if (options->listener_count == TALC_PROXY_LISTENERS_MAX) {
        return complain("--listen", "may be given 8 times");
    }
    options->listeners[options->listener_count++] = uri;
    return 0;
}

static int add_rule(proxy_options *options, const char *option, const char *text,
                    talc_status (*add)(talc_gateway_rules *, const char *, talc_failure *))
{
    talc_failure failure = { 0 };
    if (add(options->rules, text, &failure) != TALC_OK) {
        return complain(option, failure.text);
    }
    return 0;
}

static int take_permission(proxy_options *options, int option, const char *text)
{
    options->permissions++;
    switch (option) {
    case OPTION_ALLOW: return add_rule(options, "--allow", text, talc_gateway_rules_allow);
    case OPTION_ROUTE: return add_rule(options, "--route", text, talc_gateway_rules_route);
    default: return add_rule(options, "--open-proxy", "any", talc_gateway_rules_allow);
    }
}

static int take_descriptor(proxy_options *options, const char *text)
{
    size_t number = 0;
    if (read_number("--ready-fd", text, 65535, &number) != 0) {
        return 2;
    }
    int flags = fcntl((int)number, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        fprintf(stderr, "talc-proxy: --ready-fd %s is not open for writing\n", text);
        return 2;
    }
    options->ready_fd = (int)number;
    return 0;
}

static int take_number(proxy_options *options, int option, const char *text)
{
    size_t number = 0;
    int wrong;
    switch (option) {
    case OPTION_TIMEOUT:
        wrong = read_number("--timeout", text, 3600, &number);
        options->config.timeout_ms = (uint32_t)number * 1000;
        return wrong;
    case OPTION_MAX_BODY:
        return read_number("--max-body", text, 16777216, &options->config.body_size_max);
    case OPTION_MAX_OUTSTANDING:
        return read_number("--max-outstanding", text, 4096, &options->config.outstanding_max);
    case OPTION_MAX_PER_CLIENT:
        return read_number("--max-per-client", text, 4096,
                           &options->config.outstanding_per_client_max);
    default: return take_descriptor(options, text);
    }
}

static int take_option(proxy_options *options, int option, const char *text)
{
    switch (option) {
    case OPTION_LISTEN: return add_listener(options, text);
    case OPTION_ALLOW:
    case OPTION_ROUTE:
    case OPTION_OPEN: return take_permission(options, option, text);
    case OPTION_HC_PATH: return add_rule(options, "--hc-path", text, talc_gateway_rules_mapping);
    case OPTION_TIMEOUT:
    case OPTION_MAX_BODY:
    case OPTION_MAX_OUTSTANDING:
    case OPTION_MAX_PER_CLIENT:
    case OPTION_READY_FD: return take_number(options, option, text);
    case OPTION_HTTPS_CA: options->config.https_anchors_path = text; return 0;
    case OPTION_HTTPS_CERT: options->config.https_certificate_path = text; return 0;
    case OPTION_HTTPS_KEY: options->config.https_key_path = text; return 0;
    case OPTION_NAME: options->config.pseudonym = text; return 0;
    case OPTION_SHOW: options->is_shown = 1; return 0;
    case OPTION_LOG: options->log_path = text; return 0;
    case OPTION_QUIET: options->is_quiet = 1; return 0;
    default: fputs("Try talc-proxy --help\n", stderr); return 2;
    }
}

/* What options have to stand together. */
static int check_https(const proxy_options *options)
{
    const char *certificate = options->config.https_certificate_path;
    const char *key = options->config.https_key_path;
    if ((certificate == NULL) != (key == NULL)) {
        return certificate == NULL ? complain("--https-key", "needs --https-cert as well")
                                   : complain("--https-cert", "needs --https-key as well");
    }
    for (size_t i = 0; i < options->listener_count; i++) {
        if (certificate == NULL && strncasecmp(options->listeners[i], "https:", 6) == 0) {
            fprintf(stderr, "talc-proxy: --listen %s needs --https-cert and --https-key\n",
                    options->listeners[i]);
            return 2;
        }
    }
    return 0;
}

int proxy_options_read(proxy_options *options, int argc, char **argv)
{
    int option, wrong = 0;
    memset(options, 0, sizeof *options);
    options->ready_fd = -1;
    options->rules = talc_gateway_rules_new();
    options->config.rules = options->rules;
    if (options->rules == NULL) {
        fputs("talc-proxy: out of memory\n", stderr);
        return 1;
    }
    while (wrong == 0 && (option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (option == 'h') {
            return fputs(usage, stdout) < 0;
        }
        if (option == OPTION_VERSION) {
            return puts("talc-proxy " TALC_VERSION) < 0;
        }
        wrong = take_option(options, option, optarg);
    }
    if (wrong == 0 && optind < argc) {
        fprintf(stderr, "talc-proxy: what is \"%s\"? See talc-proxy --help\n", argv[optind]);
        return 2;
    }
    wrong = wrong == 0 ? check_https(options) : wrong;
    if (options->listener_count == 0) {
        options->listeners[options->listener_count++] = "coap://[::]:5683";
    }
    return wrong == 0 ? -1 : wrong;
}

void proxy_options_free(proxy_options *options)
{
    talc_gateway_rules_free(options->rules);
    options->rules = NULL;
}
