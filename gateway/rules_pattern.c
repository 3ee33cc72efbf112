/* SPDX-License-Identifier: MIT */
#include "gateway/rules_pattern.h"

#include "gateway/text_reader.h"
#include "lib/failure.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static talc_status refuse(talc_failure *failure, const char *text, const char *why)
{
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                            "\"%s\" is no pattern of targets: %s", text, why);
}

size_t talc_gateway_host_address(const talc_gateway_uri *uri, uint8_t address[16])
{
    if (uri->has_colon) {
        return inet_pton(AF_INET6, uri->host, address) == 1 ? 16 : 0;
    }
    return inet_pton(AF_INET, uri->host, address) == 1 ? 4 : 0;
}

int talc_gateway_host_is_group(const talc_gateway_uri *uri)
{
    static const uint8_t unspecified[16] = { 0 };
    uint8_t address[16];
    size_t size = talc_gateway_host_address(uri, address);
    if (size == 4) {
        return address[0] == 0 || address[0] >= 224; /* 240/4 is for nobody, but for broadcast */
    }
    return size == 16 && (address[0] == 0xff || memcmp(address, unspecified, 16) == 0);
}

/* Splits what a URI cannot say off the text: ":any" behind the host, and a dot before it. `plain`
 * is a URI then. */
static talc_status split(talc_gateway_pattern *pattern, int *has_any_port, char *plain,
                         const char *text)
{
    talc_text_reader reader;
    talc_text_reader_string(&reader, text);
    talc_text_piece scheme = talc_text_reader_until(&reader, ":");
    if (!talc_text_reader_take(&reader, ':') || !talc_text_reader_take(&reader, '/') ||
        !talc_text_reader_take(&reader, '/')) {
        return TALC_ERROR_ARGUMENT;
    }
    pattern->kind = talc_text_reader_take(&reader, '.') ? TALC_GATEWAY_PATTERN_SUFFIX
                                                        : TALC_GATEWAY_PATTERN_HOST;
    talc_text_piece authority = talc_text_reader_until(&reader, "/");
    talc_text_piece rest = talc_text_reader_until(&reader, "");
    *has_any_port =
        authority.size > 4 && memcmp(&authority.text[authority.size - 4], ":any", 4) == 0;
    authority.size -= *has_any_port ? 4 : 0;
    snprintf(plain, TALC_GATEWAY_URI_SIZE_MAX + 1, "%.*s://%.*s%.*s", (int)scheme.size, scheme.text,
             (int)authority.size, authority.text, (int)rest.size, rest.text);
    return TALC_OK;
}

/* "/24:any" behind an address: it would be read as a path that nobody has. */
static talc_status check_port_of_net(const talc_gateway_uri *uri, const char *text,
                                     talc_failure *failure)
{
    uint8_t address[16];
    size_t bits = 1 + strspn(uri->path + 1, "0123456789");
    const char *port = uri->path + bits;
    if (talc_gateway_host_address(uri, address) == 0 || bits == 1 || *port != ':') {
        return TALC_OK;
    }
    port++;
    if (*port == '\0' || port[strspn(port, "0123456789")] != '\0') {
        port = "any";
    }
    return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                            "\"%s\" is no pattern of targets: write the port before the '/': "
                            "%s://%s%s%s:%s%.*s",
                            text, talc_gateway_scheme_text(uri->scheme), uri->has_colon ? "[" : "",
                            uri->host, uri->has_colon ? "]" : "", port, (int)bits, uri->path);
}

/* "/24" behind an address. */
static int read_bits(talc_gateway_pattern *pattern, const talc_gateway_uri *uri)
{
    talc_text_reader reader;
    uint32_t bits;
    pattern->address_size = talc_gateway_host_address(uri, pattern->address);
    talc_text_reader_string(&reader, uri->path);
    if (pattern->address_size == 0 || !talc_text_reader_take(&reader, '/') ||
        !talc_text_reader_number(&reader, &bits) || !talc_text_reader_at_end(&reader)) {
        return 0;
    }
    pattern->kind = TALC_GATEWAY_PATTERN_NET;
    pattern->bits = bits;
    return 1;
}

static talc_status take_uri(talc_gateway_pattern *pattern, const talc_gateway_uri *uri,
                            const char *text, talc_failure *failure)
{
    uint8_t address[16];
    if (uri->scheme == TALC_GATEWAY_COAPS) {
        return refuse(failure, text, "origins are reached by coap, http and https");
    }
    if (uri->query[0] != '\0' || strlen(uri->path) >= sizeof pattern->path) {
        return refuse(failure, text, "a query, or a path of more than 255 characters");
    }
    if (pattern->kind == TALC_GATEWAY_PATTERN_SUFFIX &&
        talc_gateway_host_address(uri, address) != 0) {
        return refuse(failure, text, "only names can end so");
    }
    if (check_port_of_net(uri, text, failure) != TALC_OK) {
        return TALC_ERROR_ARGUMENT;
    }
    pattern->scheme = uri->scheme;
    snprintf(pattern->host, sizeof pattern->host, "%s%s",
             pattern->kind == TALC_GATEWAY_PATTERN_SUFFIX ? "." : "", uri->host);
    snprintf(pattern->path, sizeof pattern->path, "%s", uri->path);
    if (read_bits(pattern, uri)) {
        snprintf(pattern->path, sizeof pattern->path, "/");
        return pattern->bits <= 8 * pattern->address_size
                   ? TALC_OK
                   : refuse(failure, text, "the net has more bits than its address");
    }
    return TALC_OK;
}

static int read_scheme_alone(talc_gateway_pattern *pattern, const char *text)
{
    static const talc_gateway_scheme schemes[] = { TALC_GATEWAY_COAP, TALC_GATEWAY_HTTP,
                                                   TALC_GATEWAY_HTTPS };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const char *name = talc_gateway_scheme_text(schemes[i]);
        if (strncmp(text, name, strlen(name)) == 0 && strcmp(text + strlen(name), ":") == 0) {
            pattern->kind = TALC_GATEWAY_PATTERN_SCHEME;
            pattern->scheme = schemes[i];
            return 1;
        }
    }
    return 0;
}

talc_status talc_gateway_pattern_read(talc_gateway_pattern *pattern, const char *text,
                                      talc_failure *failure)
{
    char plain[TALC_GATEWAY_URI_SIZE_MAX + 1];
    talc_gateway_uri uri;
    int has_any_port;
    memset(pattern, 0, sizeof *pattern);
    if (strcmp(text, "any") == 0) {
        pattern->kind = TALC_GATEWAY_PATTERN_ANY;
        return TALC_OK;
    }
    if (read_scheme_alone(pattern, text)) {
        return TALC_OK;
    }
    if (strlen(text) > TALC_GATEWAY_URI_SIZE_MAX ||
        split(pattern, &has_any_port, plain, text) != TALC_OK) {
        return refuse(failure, text, "it is neither \"any\" nor a scheme nor scheme://host");
    }
    if (talc_gateway_uri_read(&uri, plain, strlen(plain)) != TALC_OK) {
        return refuse(failure, text,
                      "no URI of coap, http or https, or a host, port or path that is "
                      "not plainly written");
    }
    pattern->port = has_any_port ? 0 : uri.port;
    return take_uri(pattern, &uri, text, failure);
}

static int is_in_net(const talc_gateway_pattern *pattern, const talc_gateway_uri *target)
{
    uint8_t address[16];
    unsigned whole = pattern->bits / 8, rest = pattern->bits % 8;
    if (talc_gateway_host_address(target, address) != pattern->address_size ||
        memcmp(address, pattern->address, whole) != 0) {
        return 0;
    }
    return rest == 0 || (address[whole] ^ pattern->address[whole]) >> (8 - rest) == 0;
}

/* At least one label in front. An address ends in a number, and no suffix does. */
static int has_suffix(const talc_gateway_pattern *pattern, const talc_gateway_uri *target)
{
    size_t size = strlen(target->host), suffix_size = strlen(pattern->host);
    return size > suffix_size && strcmp(target->host + size - suffix_size, pattern->host) == 0;
}

static int matches_host(const talc_gateway_pattern *pattern, const talc_gateway_uri *target)
{
    switch (pattern->kind) {
    case TALC_GATEWAY_PATTERN_NET: return is_in_net(pattern, target);
    case TALC_GATEWAY_PATTERN_SUFFIX: return has_suffix(pattern, target);
    default: return strcmp(pattern->host, target->host) == 0;
    }
}

/* Whole segments: "/api" is "/api" and what is below it, "/api/" is only what is below. The path
 * has no dot segments, in whatever encoding (talc_gateway_uri_read()). */
static int matches_path(const talc_gateway_pattern *pattern, const talc_gateway_uri *target)
{
    size_t size = strlen(pattern->path);
    if (strncmp(target->path, pattern->path, size) != 0) {
        return 0;
    }
    return pattern->path[size - 1] == '/' || target->path[size] == '\0' ||
           target->path[size] == '/';
}

int talc_gateway_pattern_matches(const talc_gateway_pattern *pattern,
                                 const talc_gateway_uri *target)
{
    if (pattern->kind == TALC_GATEWAY_PATTERN_ANY) {
        return 1;
    }
    if (pattern->scheme != target->scheme) {
        return 0;
    }
    return pattern->kind == TALC_GATEWAY_PATTERN_SCHEME ||
           ((pattern->port == 0 || pattern->port == target->port) &&
            matches_host(pattern, target) && matches_path(pattern, target));
}

int talc_gateway_pattern_is_open(const talc_gateway_pattern *pattern)
{
    return pattern->kind == TALC_GATEWAY_PATTERN_ANY ||
           pattern->kind == TALC_GATEWAY_PATTERN_SCHEME ||
           (pattern->kind == TALC_GATEWAY_PATTERN_NET && pattern->bits == 0);
}

int talc_gateway_pattern_has_path(const talc_gateway_pattern *pattern)
{
    return pattern->path[0] != '\0' && strcmp(pattern->path, "/") != 0;
}
