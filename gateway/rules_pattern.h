/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_RULES_PATTERN_H
#define TALC_GATEWAY_RULES_PATTERN_H

/** A pattern of targets, as talc_gateway_rules_allow() takes it. */

#include "gateway/rules.h"

typedef enum talc_gateway_pattern_kind {
    TALC_GATEWAY_PATTERN_ANY,    /**< every target */
    TALC_GATEWAY_PATTERN_SCHEME, /**< every target of the scheme */
    TALC_GATEWAY_PATTERN_HOST,   /**< this name or address */
    TALC_GATEWAY_PATTERN_SUFFIX, /**< names that end so; `host` begins with a dot */
    TALC_GATEWAY_PATTERN_NET     /**< addresses whose first `bits` are these */
} talc_gateway_pattern_kind;

typedef struct talc_gateway_pattern {
    talc_gateway_pattern_kind kind;
    talc_gateway_scheme scheme;
    char host[257];
    uint8_t address[16]; /**< of a net */
    size_t address_size; /**< 4 or 16 */
    unsigned bits;
    uint16_t port;                       /**< 0: all */
    char path[TALC_GATEWAY_PREFIX_SIZE]; /**< "/" for all */
} talc_gateway_pattern;

/** TALC_OK; TALC_ERROR_ARGUMENT, and `failure` says what is wrong. */
talc_status talc_gateway_pattern_read(talc_gateway_pattern *pattern, const char *text,
                                      talc_failure *failure);

int talc_gateway_pattern_matches(const talc_gateway_pattern *pattern,
                                 const talc_gateway_uri *target);

/** Whether it allows all hosts: "any", a scheme alone, a net of 0 bits. */
int talc_gateway_pattern_is_open(const talc_gateway_pattern *pattern);

/** Whether the pattern looks at the target's path. */
int talc_gateway_pattern_has_path(const talc_gateway_pattern *pattern);

/** Whether the host is an address; its bytes (4 or 16) then. */
size_t talc_gateway_host_address(const talc_gateway_uri *uri, uint8_t address[16]);

/** Whether the host is an address that means nobody or everybody: unspecified, multicast (RFC 8075
 * section 8.4), or all hosts of a link. */
int talc_gateway_host_is_group(const talc_gateway_uri *uri);

#endif
