/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_WAY_H
#define TALC_GATEWAY_WAY_H

/** How a client named a target: so that a location which the origin names in its response can be
 * named in the same way, and leads through the gateway again. */

#define TALC_GATEWAY_PREFIX_SIZE 256 /* characters with the NUL of a prefix in a rule */

typedef enum talc_gateway_way_kind {
    TALC_GATEWAY_FORWARD, /**< by its URI (Proxy-Uri, absolute request target) */
    TALC_GATEWAY_MAPPED,  /**< in an HTTP path (RFC 8075 section 5): `prefix`, then the URI */
    TALC_GATEWAY_REVERSE  /**< by a route: `prefix` stands for `base` at the target's origin */
} talc_gateway_way_kind;

typedef struct talc_gateway_way {
    talc_gateway_way_kind kind;
    char prefix[TALC_GATEWAY_PREFIX_SIZE]; /**< of a route without a '/' at its end */
    char base[TALC_GATEWAY_PREFIX_SIZE];   /**< likewise */
} talc_gateway_way;

#endif
