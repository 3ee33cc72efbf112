/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_LOCAL_PORT_H
#define TALC_TESTS_LOCAL_PORT_H

/** Ports of 127.0.0.1, where the programs of tests listen. Each call fails the running test when
 * the system has no socket for it. */

#include <netinet/in.h>
#include <stdint.h>

struct sockaddr_in local_port_address(uint16_t port);

/** A port that nobody has now; `type` is SOCK_DGRAM or SOCK_STREAM. Who takes it before the
 * program for which it is meant makes that one fail: it is started again, with another. */
uint16_t local_port_free(int type);

#define LOCAL_PORT_PING_MS 20

/** Whether a CoAP ping (RFC 7252 section 4.3) is answered with a reset within LOCAL_PORT_PING_MS.
 */
int local_port_answers_ping(uint16_t port);

/** Whether somebody listens there for connections. */
int local_port_takes_connections(uint16_t port);

#endif
