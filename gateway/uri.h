/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_URI_H
#define TALC_GATEWAY_URI_H

/** URIs of resources that a gateway reaches or is reached by (RFC 3986; RFC 7252 section 6, RFC
 * 9110 section 4.2). */

#include <stddef.h>
#include <stdint.h>

#include "talc/status.h"

#define TALC_GATEWAY_URI_SIZE_MAX 2048   /* characters of a URI, all parts together */
#define TALC_GATEWAY_URI_ORIGIN_SIZE 272 /* characters with the NUL: "coaps://[", host, "]:65535" */

typedef enum talc_gateway_scheme {
    TALC_GATEWAY_COAP,
    TALC_GATEWAY_COAPS,
    TALC_GATEWAY_HTTP,
    TALC_GATEWAY_HTTPS
} talc_gateway_scheme;

/** A URI in its parts. Scheme and host are in lower case; path and query stay percent-encoded, as
 * they stood there. All strings are NUL-terminated. */
typedef struct talc_gateway_uri {
    talc_gateway_scheme scheme;
    char host[256]; /**< name or address, without brackets */
    int has_colon;  /**< `host` is an IPv6 address: brackets around it in a URI */
    uint16_t port;  /**< the scheme's own where none was named */
    char path[TALC_GATEWAY_URI_SIZE_MAX + 1];  /**< begins with '/' */
    char query[TALC_GATEWAY_URI_SIZE_MAX + 1]; /**< without '?', "" for none */
} talc_gateway_uri;

/** Reads an absolute URI. TALC_OK; TALC_ERROR_ARGUMENT: user information, a fragment, a control
 * character, a space, a broken percent-encoding, a bad port, no host, a host with another spelling
 * (uri_host.h), a dot segment in the path; TALC_ERROR_UNSUPPORTED: another scheme;
 * TALC_ERROR_TOO_LARGE. */
talc_status talc_gateway_uri_read(talc_gateway_uri *uri, const char *text, size_t size);

/** Writes it; the port where it is not the scheme's own. TALC_OK, TALC_ERROR_TOO_LARGE. */
talc_status talc_gateway_uri_write(const talc_gateway_uri *uri, char *text, size_t capacity);

/** Scheme, host and port alone, "coap://[2001:db8::1]:5683": names an origin. As above. */
talc_status talc_gateway_uri_write_origin(const talc_gateway_uri *uri, char *text, size_t capacity);

/** "coap". */
const char *talc_gateway_scheme_text(talc_gateway_scheme scheme);

/** TALC_OK; TALC_ERROR_UNSUPPORTED: another scheme; TALC_ERROR_ARGUMENT: none (RFC 3986 section
 * 3.1). */
talc_status talc_gateway_scheme_read(talc_gateway_scheme *scheme, const char *text, size_t size);

/** 5683. */
uint16_t talc_gateway_scheme_port(talc_gateway_scheme scheme);

#endif
