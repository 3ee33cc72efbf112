/* SPDX-License-Identifier: MIT */
#include "gateway/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define PREFIX_SIZE 8 /* bytes of an IPv6 address that one client is given */
#define MAPPED_AT 12  /* where an IPv4 address stands in a mapped one (RFC 4291 section 2.5.5.2) */

static void map(talc_gateway_client_address *address, const void *four)
{
    memset(address, 0, sizeof *address);
    memset(address->bytes + MAPPED_AT - 2, 0xff, 2);
    memcpy(address->bytes + MAPPED_AT, four, 4);
}

static void take_ipv6(talc_gateway_client_address *address, const char *host)
{
    struct in6_addr six;
    if (inet_pton(AF_INET6, host, &six) != 1) {
        return;
    }
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        map(address, six.s6_addr + MAPPED_AT);
    } else {
        memcpy(address->bytes, six.s6_addr, PREFIX_SIZE);
    }
}

talc_gateway_client_address talc_gateway_client_address_of(const char *peer)
{
    talc_gateway_client_address address = { { 0 } };
    char host[INET6_ADDRSTRLEN];
    struct in_addr four;
    int is_ipv6 = peer[0] == '[';
    const char *from = peer + is_ipv6;
    size_t size = strcspn(from, is_ipv6 ? "%]" : ":");
    if (size >= sizeof host) {
        return address;
    }
    memcpy(host, from, size);
    host[size] = '\0';
    if (is_ipv6) {
        take_ipv6(&address, host);
    } else if (inet_pton(AF_INET, host, &four) == 1) {
        map(&address, &four);
    }
    return address;
}

int talc_gateway_client_address_equal(const talc_gateway_client_address *left,
                                      const talc_gateway_client_address *right)
{
    return memcmp(left->bytes, right->bytes, sizeof left->bytes) == 0;
}
