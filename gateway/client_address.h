/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_CLIENT_ADDRESS_H
#define TALC_GATEWAY_CLIENT_ADDRESS_H

/** Whom a client's share of the gateway is counted for: an IPv4 address, or the first 64 bits of an
 * IPv6 address, which are what one subscriber gets and chooses the rest of. */

#include <stdint.h>

#define TALC_GATEWAY_CLIENT_ADDRESS_SIZE 16

typedef struct talc_gateway_client_address {
    uint8_t bytes[TALC_GATEWAY_CLIENT_ADDRESS_SIZE]; /**< of IPv6; IPv4 is mapped into it */
} talc_gateway_client_address;

/** Of a peer as listeners name it: "192.0.2.1:4711", "[2001:db8::1]:4711". Texts that are neither
 * have the unspecified address, so they count as one client. */
talc_gateway_client_address talc_gateway_client_address_of(const char *peer);

/** Whether two are the same client. */
int talc_gateway_client_address_equal(const talc_gateway_client_address *left,
                                      const talc_gateway_client_address *right);

#endif
