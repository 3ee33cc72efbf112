/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ROUTES_H
#define TALC_LIB_ROUTES_H

/** The resources of a server: which handler serves which path and method, and what discovery tells
 * of them. */

#include <stdbool.h>
#include <uthash.h>

#include "talc/server.h"

#define TALC_METHODS_MAX 8 /**< one more than the highest method's number that RFC 8132 knows */

typedef struct talc_route_target {
    talc_handler *handler;
    void *context;
} talc_route_target;

#define TALC_DESCRIPTION_SIZE_MAX 255 /**< bytes of a string of a description */

/** What was said of a resource: checked and copied. */
typedef struct talc_route_description {
    uint16_t formats[TALC_RESOURCE_FORMATS_MAX]; /**< as on the wire */
    size_t format_count;
    char resource_type[TALC_DESCRIPTION_SIZE_MAX + 1]; /**< "": not told, as the next two */
    char interfaces[TALC_DESCRIPTION_SIZE_MAX + 1];
    char title[TALC_DESCRIPTION_SIZE_MAX + 1];
    bool is_hidden;
} talc_route_description;

typedef struct talc_route {
    UT_hash_handle hh;
    talc_route_target targets[TALC_METHODS_MAX];
    talc_route_description *description; /**< owned; NULL: nothing was said of it */
    char path[]; /**< normalized */
} talc_route;

/** Adds; as talc_server_handle(). */
talc_status talc_routes_add(talc_route **routes, const char *path, unsigned methods,
                            const talc_route_target *target);

/** Describes a resource, in place of what was said of it before; as talc_server_describe(). After
 * an error the description is what it was. */
talc_status talc_routes_describe(talc_route *routes, const char *path,
                                 const talc_resource_description *description);

/** The target of a normalized path and a method's code. NULL, and `*code` says why: 4.04 or
 * 4.05. */
const talc_route_target *talc_routes_find(talc_route *routes, const char *path, uint8_t method,
                                          uint8_t *code);

void talc_routes_free(talc_route **routes);

#endif
