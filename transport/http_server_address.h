/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_SERVER_ADDRESS_H
#define TALC_TRANSPORT_HTTP_SERVER_ADDRESS_H

/** Where an HTTP server listens, and who connects to it. Knows no library but the system's. */

#include "talc/status.h"

#include <sys/socket.h>

/** What "http://host:port" and "https://host:port" say. */
typedef struct talc_http_endpoint {
    char host[256]; /**< name or address, NUL-terminated, without brackets */
    char port[6];   /**< decimal; where none is named, 80 or 443 */
    int is_secure;  /**< it said https:// */
} talc_http_endpoint;

/** TALC_OK; TALC_ERROR_ARGUMENT with the reason in `failure`: another scheme, no host, no port
 * number, or something after the authority (a single "/" is allowed). `uri` may be NULL. */
talc_status talc_http_endpoint_read(talc_http_endpoint *endpoint, const char *uri,
                                    talc_failure *failure);

/** Binds and listens; "::" takes IPv4 too. Asks the resolver, which may wait for the network. On
 * TALC_OK `*descriptor` is the caller's, not blocking, and `*port` the port that is bound.
 * TALC_ERROR_UNREACHABLE: the address cannot be had, `failure` says why. */
talc_status talc_http_endpoint_listen(const talc_http_endpoint *endpoint, int *descriptor,
                                      uint16_t *port, talc_failure *failure);

#define TALC_HTTP_PEER_SIZE 24      /**< bytes */
#define TALC_HTTP_PEER_TEXT_SIZE 72 /**< bytes, with the NUL */

/** Who is at the other end of a connection. */
typedef struct talc_http_peer {
    uint8_t bytes[TALC_HTTP_PEER_SIZE];  /**< family, address, scope; the port in the last two */
    char text[TALC_HTTP_PEER_TEXT_SIZE]; /**< "192.0.2.1:4711", "[2001:db8::1]:4711" */
} talc_http_peer;

/** `address` is of IPv4 or IPv6; an IPv4 address inside IPv6 is the same as by itself. */
void talc_http_peer_set(talc_http_peer *peer, const struct sockaddr *address);

#endif
