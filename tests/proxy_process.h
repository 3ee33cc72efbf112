/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_PROXY_PROCESS_H
#define TALC_TESTS_PROXY_PROCESS_H

/** libcoap's own coap-server as a CoAP forward proxy, in a process of its own. */

#include <stdint.h>
#include <sys/types.h>

typedef struct proxy_process {
    pid_t process; /**< 0: none */
    uint16_t port; /**< on 127.0.0.1 */
} proxy_process;

/** Starts one on a free port and returns when it answers. Fails the test if the program is missing
 * or does not come up. It dies with this process, however that ends. */
void proxy_process_start(proxy_process *proxy);

/** Ends it, if there is one, and waits until it is gone. */
void proxy_process_stop(proxy_process *proxy);

#endif
