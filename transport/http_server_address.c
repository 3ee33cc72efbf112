/* SPDX-License-Identifier: MIT */
#include "transport/http_server_address.h"

#include "lib/failure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SCHEME "http://"
#define SECURE_SCHEME "https://"

/* ---------------------------------------------------------------- URIs */

/* Copies a host; "%25" before the zone of a link-local address (RFC 6874) becomes "%". */
static int host_copy(talc_http_endpoint *endpoint, const char *host, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (length + 1 >= sizeof endpoint->host) {
            return -1;
        }
        endpoint->host[length++] = host[i];
        if (host[i] == '%' && size - i > 2 && host[i + 1] == '2' && host[i + 2] == '5') {
            i += 2;
        }
    }
    endpoint->host[length] = '\0';
    return length > 0 ? 0 : -1;
}

/* What stands behind the host: nothing, a port, a slash, or a port and a slash. */
static int port_read(talc_http_endpoint *endpoint, const char *text)
{
    snprintf(endpoint->port, sizeof endpoint->port, "%s", endpoint->is_secure ? "443" : "80");
    if (text[0] == ':') {
        size_t digits = strspn(text + 1, "0123456789");
        if (digits == 0 || digits >= sizeof endpoint->port) {
            return -1;
        }
        memcpy(endpoint->port, text + 1, digits);
        endpoint->port[digits] = '\0';
        text += 1 + digits;
    }
    return atoi(endpoint->port) > UINT16_MAX || (text[0] != '\0' && strcmp(text, "/") != 0) ? -1
                                                                                            : 0;
}

static int authority_read(talc_http_endpoint *endpoint, const char *text)
{
    int has_brackets = text[0] == '[';
    const char *host = text + has_brackets;
    size_t size = strcspn(host, has_brackets ? "]" : ":/?#[]@");
    if (has_brackets && host[size] != ']') {
        return -1;
    }
    return host_copy(endpoint, host, size) || port_read(endpoint, host + size + has_brackets);
}

talc_status talc_http_endpoint_read(talc_http_endpoint *endpoint, const char *uri,
                                    talc_failure *failure)
{
    const char *given = uri != NULL ? uri : "";
    size_t scheme = strlen(SCHEME);
    memset(endpoint, 0, sizeof *endpoint);
    if (strncasecmp(given, SECURE_SCHEME, strlen(SECURE_SCHEME)) == 0) {
        endpoint->is_secure = 1;
        scheme = strlen(SECURE_SCHEME);
    } else if (strncasecmp(given, SCHEME, scheme) != 0) {
        scheme = strlen(given);
    }
    if (authority_read(endpoint, given + scheme) != 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                "\"%s\" is no URI of the form http://host:port or "
                                "https://host:port, without a path",
                                given);
    }
    return TALC_OK;
}

/* ---------------------------------------------------------------- listening */

static uint16_t bound_port(int descriptor)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* A listening socket, or -1 with errno. */
static int listen_at(const struct addrinfo *address)
{
    const int on = 1, off = 0;
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return -1;
    }
    /* After a restart connections of the last run are no reason not to listen. */
    (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) {
        (void)setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(descriptor, address->ai_addr, address->ai_addrlen) != 0 ||
        listen(descriptor, SOMAXCONN) != 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

static talc_status unreachable(const talc_http_endpoint *endpoint, const char *reason,
                               talc_failure *failure)
{
    return talc_failure_set(failure, TALC_STAGE_PATH, TALC_ERROR_UNREACHABLE,
                            "cannot listen at \"%s\", port %s: %s", endpoint->host, endpoint->port,
                            reason);
}

talc_status talc_http_endpoint_listen(const talc_http_endpoint *endpoint, int *descriptor,
                                      uint16_t *port, talc_failure *failure)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo *found = NULL;
    char reason[128] = "";
    *descriptor = -1;
    int error = getaddrinfo(endpoint->host, endpoint->port, &hints, &found);
    if (error != 0) {
        return unreachable(endpoint, gai_strerror(error), failure);
    }
    for (const struct addrinfo *at = found; at != NULL && *descriptor < 0; at = at->ai_next) {
        *descriptor = listen_at(at);
        if (*descriptor < 0 && strerror_r(errno, reason, sizeof reason) != 0) {
            reason[0] = '\0';
        }
    }
    freeaddrinfo(found);
    if (*descriptor < 0) {
        return unreachable(endpoint, reason, failure);
    }
    *port = bound_port(*descriptor);
    return TALC_OK;
}

/* ---------------------------------------------------------------- peers */

/* The parts of talc_http_peer's bytes. */
enum { PEER_FAMILY = 0, PEER_ADDRESS = 2, PEER_SCOPE = 18, PEER_PORT = 22 };

static void set_ipv4(talc_http_peer *peer, const void *address, in_port_t port)
{
    const uint16_t family = AF_INET;
    char text[INET_ADDRSTRLEN] = "";
    memcpy(peer->bytes + PEER_FAMILY, &family, sizeof family);
    memcpy(peer->bytes + PEER_ADDRESS, address, 4);
    memcpy(peer->bytes + PEER_PORT, &port, sizeof port);
    (void)inet_ntop(AF_INET, address, text, sizeof text);
    snprintf(peer->text, sizeof peer->text, "%s:%u", text, (unsigned)ntohs(port));
}

static void set_ipv6(talc_http_peer *peer, const struct sockaddr_in6 *address)
{
    const uint16_t family = AF_INET6;
    char text[INET6_ADDRSTRLEN] = "";
    memcpy(peer->bytes + PEER_FAMILY, &family, sizeof family);
    memcpy(peer->bytes + PEER_ADDRESS, &address->sin6_addr, 16);
    memcpy(peer->bytes + PEER_SCOPE, &address->sin6_scope_id, 4);
    memcpy(peer->bytes + PEER_PORT, &address->sin6_port, sizeof address->sin6_port);
    (void)inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
    snprintf(peer->text, sizeof peer->text, "[%s]:%u", text, (unsigned)ntohs(address->sin6_port));
}

void talc_http_peer_set(talc_http_peer *peer, const struct sockaddr *address)
{
    memset(peer, 0, sizeof *peer);
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *given = (const struct sockaddr_in *)(const void *)address;
        set_ipv4(peer, &given->sin_addr, given->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *given = (const struct sockaddr_in6 *)(const void *)address;
        if (IN6_IS_ADDR_V4MAPPED(&given->sin6_addr)) {
            set_ipv4(peer, &given->sin6_addr.s6_addr[12], given->sin6_port);
        } else {
            set_ipv6(peer, given);
        }
    }
}
