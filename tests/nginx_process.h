/* SPDX-License-Identifier: MIT */
#ifndef TALC_TESTS_NGINX_PROCESS_H
#define TALC_TESTS_NGINX_PROCESS_H

/** Debian's nginx as it comes, with a configuration made for the test, in a process of its own. */

#include <stdint.h>
#include <sys/types.h>

/** All strings are the caller's, used during the call only. */
typedef struct nginx_setup {
    uint16_t upstream_port;  /**< on 127.0.0.1: where http requests to all paths are passed on; 0:
                                  nowhere, `directives` say what is answered */
    const char *certificate; /**< for a TLS listener: a file as in credential_path(); NULL: none */
    const char *key;         /**< likewise */
    const char *directives;  /**< further lines of the server's block; NULL: none */
} nginx_setup;

typedef struct nginx_process {
    pid_t process;     /**< 0: none */
    uint16_t port;     /**< on 127.0.0.1, plain */
    uint16_t tls_port; /**< likewise, if there is a certificate */
    char folder[64];   /**< its files: error.log, access.log, www/ (the root); "" when stopped */
} nginx_process;

/** Starts one on free ports and returns when it takes connections. Fails the test, with nginx's own
 * words, if the program is missing or does not come up. It dies with this process, however that
 * ends. */
void nginx_process_start(nginx_process *nginx, const nginx_setup *setup);

/** Ends it, if there is one, waits until it is gone, and removes its folder. */
void nginx_process_stop(nginx_process *nginx);

#endif
