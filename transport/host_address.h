/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HOST_ADDRESS_H
#define TALC_TRANSPORT_HOST_ADDRESS_H

/** Addresses that a name service may give, and that a request must not go to, whatever it says. */

#include <sys/socket.h>

/** Whether an address is that of one host: neither unspecified (which leads to this machine) nor
 * multicast, broadcast or reserved, and not an IPv6 spelling of such an IPv4 address. 0 also for
 * other families. */
int talc_host_address_is_of_one(const struct sockaddr *address);

#endif
