/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_RULES_STATE_H
#define TALC_GATEWAY_RULES_STATE_H

/** What the files of the rules share. */

#include "gateway/rules_pattern.h"

typedef struct talc_gateway_route {
    char prefix[TALC_GATEWAY_PREFIX_SIZE]; /**< without '/' at its end */
    talc_gateway_uri target;               /**< its path without '/' at its end, no query */
} talc_gateway_route;

struct talc_gateway_rules {
    talc_gateway_pattern *patterns;
    size_t pattern_count;
    talc_gateway_route *routes;
    size_t route_count;
    char mapping[TALC_GATEWAY_PREFIX_SIZE]; /**< what stands before the URI; "": no mapping */
};

/** Makes room for one more element; the old ones stay. NULL: no memory, or TALC_GATEWAY_RULES_MAX
 * are there. */
void *talc_gateway_rules_grow(void *elements, size_t count, size_t size);

#endif
