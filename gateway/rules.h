/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_RULES_H
#define TALC_GATEWAY_RULES_H

/** What a gateway may be used for: where requests may go (nowhere, until somebody says where),
 * which of its own paths stand for which origin (reverse), and under which path HTTP clients name
 * CoAP resources (RFC 8075 section 5). */

#include "gateway/uri.h"
#include "gateway/way.h"
#include "transport/coap_message.h"
#include "transport/http_message.h"

typedef struct talc_gateway_rules talc_gateway_rules;

#define TALC_GATEWAY_RULES_MAX 1024 /* patterns of targets, and routes */

/** Rules that allow nothing. NULL: out of memory. */
talc_gateway_rules *talc_gateway_rules_new(void);
void talc_gateway_rules_free(talc_gateway_rules *rules);

/** Allows targets: "coap://device.example", "coap://[2001:db8::]/32" and "coap://192.0.2.0/24"
 * (all addresses of the net; names never match a net; a port stands before the '/', as in
 * "coap://192.0.2.0:any/24"), "http://svc.example:8080/api/" (what is
 * below this path; without the '/' at the end the path itself too), "coap://device.example:any" for
 * all ports, "coap://.example.org" (whatever ends so, one label or more in front), "coap:" (all
 * hosts and ports of the scheme), "any" (an open proxy). Where no port is named it is the scheme's
 * own. Whatever is allowed, a multicast, broadcast or unspecified address is no target.
 * TALC_ERROR_ARGUMENT and `failure` says what is wrong with it; TALC_ERROR_MEMORY, also for more
 * than TALC_GATEWAY_RULES_MAX. */
talc_status talc_gateway_rules_allow(talc_gateway_rules *rules, const char *pattern,
                                     talc_failure *failure);

/** Whether something allows all hosts, of one scheme at least: "any", "coap:", "coap://0.0.0.0/0".
 */
int talc_gateway_rules_are_open(const talc_gateway_rules *rules);

/** "/prefix=coap://device.example/base": what is asked of the gateway itself below the prefix is
 * asked of the target; the rest of the path follows the target's, the query stays. The longest
 * prefix wins, whole segments count. A route's target needs no other permission. */
talc_status talc_gateway_rules_route(talc_gateway_rules *rules, const char *route,
                                     talc_failure *failure);

/** Where HTTP clients name CoAP resources: "/hc/" (the default; "/hc/coap://host/path?query" as in
 * RFC 8075 section 5.3), a template of section 5.4.1 ("/hc?target_uri={+tu}", the variable at the
 * end), or "" for nowhere. TALC_ERROR_ARGUMENT for anything else, as the variables s, hp, p, q and
 * qq of section 5.4.2. */
talc_status talc_gateway_rules_mapping(talc_gateway_rules *rules, const char *mapping,
                                       talc_failure *failure);

/** The link that tells clients of the mapping (RFC 8075 section 5.5), as in "</hc/>;rt=core.hc"
 * with quotes; "" where there is none. `anchor` is the gateway's own HTTP origin, for the link on
 * the CoAP side, or NULL. TALC_OK, TALC_ERROR_TOO_LARGE. */
talc_status talc_gateway_rules_write_link(const talc_gateway_rules *rules, const char *anchor,
                                          char *text, size_t capacity);

/** A decision: where a request goes, or why it does not. */
typedef struct talc_gateway_decision {
    uint8_t refusal;      /**< CoAP code of it, 0 if `target` is set */
    char reason[128];     /**< one line for the client */
    int is_reverse;       /**< a route led there */
    talc_gateway_way way; /**< copied into talc_gateway_asked */
    talc_gateway_uri target;
} talc_gateway_decision;

/** Of a CoAP request: Proxy-Uri, or Proxy-Scheme with Uri-*, or a route by Uri-Path. Refusals:
 * 4.00 (no URI), 4.03 (not allowed), 5.05 (no such scheme here, RFC 7252 section 5.10.2), 4.04 (no
 * route). */
void talc_gateway_decide_coap(const talc_gateway_rules *rules, const talc_coap_message *request,
                              talc_gateway_decision *decision);

/** Of an HTTP request: the mapping, a route by path, or an absolute request target with the scheme
 * coap. Refusals: 4.00, 4.03, 4.04, 5.05, and 5.01 (a method without translation, which may come
 * with a target that is no resource: OPTIONS, CONNECT). */
void talc_gateway_decide_http(const talc_gateway_rules *rules, const talc_http_message *request,
                              talc_gateway_decision *decision);

#endif
