/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_RUDE_GATEWAY_H
#define TALC_TESTS_RUDE_GATEWAY_H

/** rude_gateway.py in a process of its own: an HTTP reverse proxy that writes anew what it passes
 * on. Include it after cmocka.h. */

#include <stdint.h>
#include <sys/types.h>

typedef struct rude_gateway {
    pid_t process; /**< 0: none */
    uint16_t port; /**< on 127.0.0.1 */
    int input, output;
} rude_gateway;

/** Starts one; fails the test if it does not come up. It dies with this process, however that
 * ends. */
void rude_gateway_start(rude_gateway *gateway);

/** Where requests go from now on, and how they fare: a function of rude_gateway.py. The count of
 * requests begins again. `other_port` 0: there is one upstream only. */
void rude_gateway_behave(const rude_gateway *gateway, const char *manner, uint16_t port,
                         uint16_t other_port);

/** Requests that it has taken since. */
unsigned rude_gateway_requests(const rude_gateway *gateway);

void rude_gateway_stop(rude_gateway *gateway);

#endif
