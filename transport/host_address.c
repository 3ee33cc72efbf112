/* SPDX-License-Identifier: MIT */
#include "transport/host_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define MULTICAST_FROM 0xe0000000u /* 224/4, and 240/4 behind it */
#define MAPPED_AT 12               /* where IPv6 carries an IPv4 address (RFC 4291 2.5.5.2) */

static int is_ipv4_of_one(const void *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    number = ntohl(number);
    return number >= 0x01000000u && number < MULTICAST_FROM; /* 0/8: "this network" */
}

int talc_host_address_is_of_one(const struct sockaddr *address)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    if (address->sa_family == AF_INET) {
        memcpy(&four, address, sizeof four);
        return is_ipv4_of_one(&four.sin_addr.s_addr);
    }
    if (address->sa_family != AF_INET6) {
        return 0;
    }
    memcpy(&six, address, sizeof six);
    if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
        return is_ipv4_of_one(six.sin6_addr.s6_addr + MAPPED_AT);
    }
    return !IN6_IS_ADDR_MULTICAST(&six.sin6_addr) && !IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr);
}
