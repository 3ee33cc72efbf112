/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_TALC_PROXY_OPTIONS_H
#define TALC_TOOLS_TALC_PROXY_OPTIONS_H

/** The command line of talc-proxy. */

#include "gateway/gateway.h"

#define TALC_PROXY_LISTENERS_MAX 8

typedef struct proxy_options {
    talc_gateway_config config; /**< its rules are `rules` */
    talc_gateway_rules *rules;
    const char *listeners[TALC_PROXY_LISTENERS_MAX];
    size_t listener_count;
    size_t permissions; /**< --allow, --route and --open-proxy so far */
    int is_shown;       /**< --show */
    int is_quiet;       /**< --quiet */
    int ready_fd;       /**< --ready-fd; -1: standard output */
    const char *log_path;
} proxy_options;

/** Reads it. -1: go on; else the code to exit with, all having been said. `options` is to be freed
 * in both cases. */
int proxy_options_read(proxy_options *options, int argc, char **argv);
void proxy_options_free(proxy_options *options);

#endif
