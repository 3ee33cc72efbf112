/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_ADDRESS_H
#define TALC_TRANSPORT_COAP_ADDRESS_H

#include "talc/message.h"
#include "talc/status.h"

#include <coap3/coap.h>

/** Prepares libcoap once per process and silences it (coap_carrier.h); any thread may call. */
void talc_coap_startup(void);

/** Milliseconds of a clock that never goes back, above 0. */
uint64_t talc_coap_now_ms(void);

/** Where a "coap://host:port" leads, or behind a proxy an "http://host:port/base". */
typedef struct talc_coap_uri {
    const char *scheme; /**< "coap", "coaps", "http", "https": static */
    char host[256]; /**< name or address, NUL-terminated, without brackets */
    uint16_t port;
    int is_address; /**< `host` is an IPv4 or IPv6 address and no name */
    int has_colon;  /**< `host` is an IPv6 address: brackets around it in a URI */
    int is_http;    /**< http or https: only a proxy leads there */
    int is_default_port; /**< of http and https */
    char base[TALC_PATH_SIZE_MAX + 1]; /**< of http and https, as talc_path_normalize() has it */
} talc_coap_uri;

/** Where no port is named, it is 5683. TALC_OK; TALC_ERROR_ARGUMENT with the reason in `failure`:
 * no URI, another scheme than coap, no host, or something after the authority (a single "/" is
 * allowed). */
talc_status talc_coap_uri_read(talc_coap_uri *read, const char *uri, talc_failure *failure);

/** For DTLS: coaps:// is taken too, and without a port it is 5684 in both. */
talc_status talc_coap_uri_read_secure(talc_coap_uri *read, const char *uri,
                                      talc_failure *failure);

/** 1 if the URI begins with http:// or https://. */
int talc_coap_uri_is_http(const char *uri);

/** Reads such a one. TALC_OK; TALC_ERROR_ARGUMENT with the reason in `failure`: no URI, user
 * information, a query or a fragment, a base that is no path or too long. */
talc_status talc_coap_uri_read_http(talc_coap_uri *read, const char *uri, talc_failure *failure);

#define TALC_COAP_ADDRESSES_MAX 8

typedef struct talc_coap_addresses {
    coap_address_t list[TALC_COAP_ADDRESSES_MAX];
    size_t count; /**< at least 1 after TALC_OK */
} talc_coap_addresses;

/** Asks the resolver, which may wait for the network. TALC_OK; TALC_ERROR_UNREACHABLE: the host has
 * no address, `failure` says why. */
talc_status talc_coap_resolve(talc_coap_addresses *addresses, const talc_coap_uri *uri,
                              talc_failure *failure);

#define TALC_COAP_PEER_SIZE 24

/** The remote address of a session as bytes that can be compared: family, port, address, scope. */
void talc_coap_peer(const coap_session_t *session, uint8_t peer[TALC_COAP_PEER_SIZE]);

/** What shares of a bounded table are counted by, in the form of a peer: the address without its
 * port, for one machine has as many of those as it likes. Of IPv6 the first 64 bits, for a network
 * gives whole prefixes of that size away (RFC 7421), and the scope; of an IPv4 address that came
 * to a socket of IPv6 all. Everybody behind one address, of a proxy or a NAT, has one share
 * together. */
void talc_coap_peer_host(const uint8_t peer[TALC_COAP_PEER_SIZE],
                         uint8_t host[TALC_COAP_PEER_SIZE]);

#define TALC_COAP_PEER_TEXT_SIZE 64

/** The same for people: "192.0.2.1:4711", also where it came to a socket of IPv6, and
 * "[2001:db8::1]:4711". */
void talc_coap_peer_text(const coap_session_t *session, char text[TALC_COAP_PEER_TEXT_SIZE]);

#endif
