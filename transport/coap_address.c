/* SPDX-License-Identifier: MIT */
#include "transport/coap_address.h"

#include "lib/crypto.h"
#include "lib/failure.h"
#include "lib/framing.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* The same numbers in every libcoap, whose names for them changed with 4.3.2. */
#define LOG_LEVEL_SILENT ((coap_log_t)0)
#define LOG_LEVEL_DEFAULT ((coap_log_t)4)

static pthread_once_t started = PTHREAD_ONCE_INIT;

/* libcoap built by CMake falls back to rand(), seeded by the clock: tokens and message ids that can
 * be guessed let anybody answer for the server (RFC 7252 sections 5.3.1 and 11.4). */
static int random_fill(void *bytes, size_t size)
{
    return talc_random_fill(bytes, size) == TALC_OK;
}

/* Never undone: the process may use libcoap for itself, and there is no count of users. */
static void start(void)
{
    coap_startup();
    if (talc_crypto_start() == TALC_OK) {
        coap_set_prng(random_fill);
    }
    if (coap_get_log_level() == LOG_LEVEL_DEFAULT) {
        coap_set_log_level(LOG_LEVEL_SILENT);
    }
}

void talc_coap_startup(void)
{
    pthread_once(&started, start);
}

uint64_t talc_coap_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Copies a host; "%25" before the zone of a link-local address (RFC 6874) becomes "%". */
static int host_copy(talc_coap_uri *read, const uint8_t *host, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (length + 1 >= sizeof read->host || host[i] == '\0') {
            return -1;
        }
        read->host[length++] = (char)host[i];
        if (host[i] == '%' && size - i > 2 && host[i + 1] == '2' && host[i + 2] == '5') {
            i += 2;
        }
    }
    read->host[length] = '\0';
    return length > 0 ? 0 : -1;
}

/* "coap://host" and "coap://host/", but not "coap://host:5683". */
static int names_port(const coap_uri_t *parts, const char *uri)
{
    const char *end = uri + strlen(uri);
    const char *behind = (const char *)parts->host.s + parts->host.length;
    behind += behind < end && *behind == ']' ? 1 : 0;
    return behind + 1 < end && behind[0] == ':' && behind[1] != '/';
}

static talc_status uri_read(talc_coap_uri *read, const char *uri, coap_uri_t *parts,
                            talc_failure *failure)
{
    struct in_addr address;
    if (parts->path.length > 0 || parts->query.length > 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" goes on after host and port: the path of a request is set "
                                "apart from it, in talc_request",
                                uri);
    }
    read->port = parts->port;
    read->scheme = parts->scheme == COAP_URI_SCHEME_COAPS ? "coaps" : "coap";
    read->has_colon = strchr(read->host, ':') != NULL;
    read->is_address = read->has_colon || inet_pton(AF_INET, read->host, &address) == 1;
    return TALC_OK;
}

talc_status talc_coap_uri_read(talc_coap_uri *read, const char *uri, talc_failure *failure)
{
    coap_uri_t parts;
    memset(read, 0, sizeof *read);
    if (uri == NULL || coap_split_uri((const uint8_t *)uri, strlen(uri), &parts) < 0 ||
        parts.scheme != COAP_URI_SCHEME_COAP || host_copy(read, parts.host.s, parts.host.length)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no URI of the form coap://host:port", uri ? uri : "");
    }
    return uri_read(read, uri, &parts, failure);
}

talc_status talc_coap_uri_read_secure(talc_coap_uri *read, const char *uri, talc_failure *failure)
{
    coap_uri_t parts;
    memset(read, 0, sizeof *read);
    if (uri == NULL || coap_split_uri((const uint8_t *)uri, strlen(uri), &parts) < 0 ||
        (parts.scheme != COAP_URI_SCHEME_COAP && parts.scheme != COAP_URI_SCHEME_COAPS) ||
        host_copy(read, parts.host.s, parts.host.length)) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no URI of the form coaps://host:port or "
                                "coap://host:port",
                                uri ? uri : "");
    }
    if (!names_port(&parts, uri)) {
        parts.port = COAPS_DEFAULT_PORT;
    }
    return uri_read(read, uri, &parts, failure);
}

/* ---------------------------------------------------------------- servers of HTTP */

int talc_coap_uri_is_http(const char *uri)
{
    return uri != NULL &&
           (strncasecmp(uri, "http://", 7) == 0 || strncasecmp(uri, "https://", 8) == 0);
}

/* Without the slashes around it, and with one way to write it. */
static int base_read(talc_coap_uri *read, const coap_uri_t *parts)
{
    char text[TALC_PATH_SIZE_MAX + 1];
    size_t size = parts->path.length;
    while (size > 0 && parts->path.s[size - 1] == '/') {
        size--;
    }
    if (size >= sizeof text || (size > 0 && parts->path.s[0] == '/')) {
        return -1;
    }
    if (size > 0) {
        memcpy(text, parts->path.s, size);
    }
    text[size] = '\0';
    return strchr(text, '#') == NULL && talc_path_normalize(text, read->base) == TALC_OK ? 0 : -1;
}

talc_status talc_coap_uri_read_http(talc_coap_uri *read, const char *uri, talc_failure *failure)
{
    coap_uri_t parts;
    struct in_addr address;
    memset(read, 0, sizeof *read);
    if (!talc_coap_uri_is_http(uri) ||
        coap_split_proxy_uri((const uint8_t *)uri, strlen(uri), &parts) < 0 ||
        host_copy(read, parts.host.s, parts.host.length) != 0 ||
        strpbrk(read->host, "@# \t\r\n") != NULL || parts.query.s != NULL ||
        base_read(read, &parts) != 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no URI of the form http://host:port/base or "
                                "https://host:port/base",
                                uri ? uri : "");
    }
    read->is_http = 1;
    read->scheme = parts.scheme == COAP_URI_SCHEME_HTTPS ? "https" : "http";
    read->port = parts.port;
    read->is_default_port = parts.port == (parts.scheme == COAP_URI_SCHEME_HTTPS ? 443 : 80);
    read->has_colon = strchr(read->host, ':') != NULL;
    read->is_address = read->has_colon || inet_pton(AF_INET, read->host, &address) == 1;
    return TALC_OK;
}

/* ---------------------------------------------------------------- resolver */

talc_status talc_coap_resolve(talc_coap_addresses *addresses, const talc_coap_uri *uri,
                              talc_failure *failure)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char port[6];
    snprintf(port, sizeof port, "%u", (unsigned)uri->port);
    int error = getaddrinfo(uri->host, port, &hints, &found);
    addresses->count = 0;
    if (error != 0) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                                "no address for \"%s\": %s", uri->host, gai_strerror(error));
    }
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        if ((at->ai_family == AF_INET || at->ai_family == AF_INET6) &&
            addresses->count < TALC_COAP_ADDRESSES_MAX) {
            coap_address_t *address = &addresses->list[addresses->count++];
            coap_address_init(address);
            address->size = at->ai_addrlen;
            memcpy(&address->addr, at->ai_addr, at->ai_addrlen);
        }
    }
    freeaddrinfo(found);
    if (addresses->count == 0) {
        return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                                "\"%s\" has no IP address", uri->host);
    }
    return TALC_OK;
}

/* Where things stand in the bytes of a peer; the family is first. */
#define PEER_PORT 2
#define PEER_ADDRESS 4
#define PEER_SCOPE 20
#define IPV6_PREFIX_SIZE 8

void talc_coap_peer(const coap_session_t *session, uint8_t peer[TALC_COAP_PEER_SIZE])
{
    const coap_address_t *remote = coap_session_get_addr_remote(session);
    memset(peer, 0, TALC_COAP_PEER_SIZE);
    memcpy(peer, &remote->addr.sa.sa_family, sizeof(uint16_t));
    if (remote->addr.sa.sa_family == AF_INET6) {
        memcpy(peer + PEER_PORT, &remote->addr.sin6.sin6_port, sizeof(uint16_t));
        memcpy(peer + PEER_ADDRESS, &remote->addr.sin6.sin6_addr, 16);
        memcpy(peer + PEER_SCOPE, &remote->addr.sin6.sin6_scope_id, sizeof(uint32_t));
    } else {
        memcpy(peer + PEER_PORT, &remote->addr.sin.sin_port, sizeof(uint16_t));
        memcpy(peer + PEER_ADDRESS, &remote->addr.sin.sin_addr, 4);
    }
}

void talc_coap_peer_host(const uint8_t peer[TALC_COAP_PEER_SIZE], uint8_t host[TALC_COAP_PEER_SIZE])
{
    static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    uint16_t family;
    memcpy(host, peer, TALC_COAP_PEER_SIZE);
    memset(host + PEER_PORT, 0, sizeof(uint16_t));
    memcpy(&family, peer, sizeof family);
    if (family == AF_INET6 && memcmp(peer + PEER_ADDRESS, mapped, sizeof mapped) != 0) {
        memset(host + PEER_ADDRESS + IPV6_PREFIX_SIZE, 0, 16 - IPV6_PREFIX_SIZE);
    }
}

void talc_coap_peer_text(const coap_session_t *session, char text[TALC_COAP_PEER_TEXT_SIZE])
{
    const coap_address_t *remote = coap_session_get_addr_remote(session);
    char host[INET6_ADDRSTRLEN] = "?";
    if (remote->addr.sa.sa_family != AF_INET6) {
        inet_ntop(AF_INET, &remote->addr.sin.sin_addr, host, sizeof host);
        snprintf(text, TALC_COAP_PEER_TEXT_SIZE, "%s:%u", host,
                 (unsigned)ntohs(remote->addr.sin.sin_port));
        return;
    }
    const struct in6_addr *address = &remote->addr.sin6.sin6_addr;
    int is_mapped = IN6_IS_ADDR_V4MAPPED(address);
    if (is_mapped) {
        inet_ntop(AF_INET, address->s6_addr + 12, host, sizeof host);
    } else {
        inet_ntop(AF_INET6, address, host, sizeof host);
    }
    snprintf(text, TALC_COAP_PEER_TEXT_SIZE, is_mapped ? "%s:%u" : "[%s]:%u", host,
             (unsigned)ntohs(remote->addr.sin6.sin6_port));
}
