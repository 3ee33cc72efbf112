/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ROUTES_H
#define TALC_LIB_ROUTES_H

/** The resources of a server: which handler serves which path and method. */

#include <uthash.h>

#include "talc/server.h"

#define TALC_METHODS_MAX 8 /**< one more than the highest method's number that RFC 8132 knows */

typedef struct talc_route_target {
    talc_handler *handler;
    void *context;
} talc_route_target;

typedef struct talc_route {
    UT_hash_handle hh;
    talc_route_target targets[TALC_METHODS_MAX];
    char path[]; /**< normalized */
} talc_route;

/** Adds; as talc_server_handle(). */
talc_status talc_routes_add(talc_route **routes, const char *path, unsigned methods,
                            const talc_route_target *target);

/** The target of a normalized path and a method's code. NULL, and `*code` says why: 4.04 or
 * 4.05. */
const talc_route_target *talc_routes_find(talc_route *routes, const char *path, uint8_t method,
                                          uint8_t *code);

void talc_routes_free(talc_route **routes);

#endif
