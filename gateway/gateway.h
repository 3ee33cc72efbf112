/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_GATEWAY_H
#define TALC_GATEWAY_GATEWAY_H

/** A gateway between CoAP and HTTP (RFC 8075): forward and reverse, CoAP to HTTP, HTTP to CoAP,
 * CoAP to CoAP. It knows nothing of sessions and holds no key. One thread, one event loop,
 * everything bounded. */

#include "gateway/rules.h"
#include "talc/status.h"

typedef struct talc_gateway talc_gateway;

typedef enum talc_gateway_event_kind {
    TALC_GATEWAY_REQUEST_IN,   /**< a client's request arrived */
    TALC_GATEWAY_REQUEST_OUT,  /**< it goes on to the origin */
    TALC_GATEWAY_RESPONSE_IN,  /**< the origin's response arrived */
    TALC_GATEWAY_RESPONSE_OUT, /**< it goes back to the client */
    TALC_GATEWAY_TROUBLE       /**< why there was no response of the origin's: `reason` */
} talc_gateway_event_kind;

/** What passed. Pointers are the gateway's, valid during the call. */
typedef struct talc_gateway_event {
    talc_gateway_event_kind kind;
    uint64_t exchange;          /**< counts the requests that arrived, from 1 */
    uint64_t time_ms;           /**< since 1970-01-01 00:00 UTC */
    talc_gateway_scheme scheme; /**< of the leg that it passed on */
    const char *peer;           /**< client: "192.0.2.1:4711"; origin: "http://svc.example:8080" */
    const char *uri; /**< of the request: towards the client as it named it, a URI or a path of the
                          gateway; towards the origin the target; "" if memory ran out */
    const talc_coap_message *coap; /**< one of these, but of TROUBLE */
    const talc_http_message *http;
    const char *reason; /**< NULL but of TROUBLE, of refusals (RESPONSE_OUT), and of requests to
                             observe (REQUEST_OUT), which is not mapped */
    int is_refused;     /**< REQUEST_IN: it goes nowhere, for it is not allowed, cannot be
                             translated, or finds no room */
} talc_gateway_event;

/** Everything 0 or NULL means its default, in brackets. All pointers are the caller's and have to
 * live as long as the gateway. */
typedef struct talc_gateway_config {
    const talc_gateway_rules *rules;
    const char *pseudonym;              /**< in Via ["talc-" and 8 random hex digits] */
    const char *https_anchors_path;     /**< of origins [the system's] */
    const char *https_certificate_path; /**< to listen at https:// */
    const char *https_key_path;
    size_t body_size_max;              /**< bytes, both ways [65536] */
    size_t outstanding_max;            /**< requests that wait for their origins [256] */
    size_t outstanding_per_client_max; /**< of one client (client_address.h), once half of
                                            outstanding_max wait [a quarter of it] */
    size_t outstanding_per_origin_max; /**< [32] */
    size_t origins_max;                /**< CoAP origins that are kept [64]; more while they are
                                            busy, one for each request that waits */
    uint32_t timeout_ms; /**< of an origin, from the request to the response's last byte [30000] */
    void (*event)(void *context, const talc_gateway_event *event); /**< may be NULL */
    void *event_context;
} talc_gateway_config;

/** On TALC_OK `*gateway` is the caller's. Else NULL, and `failure` tells why. */
talc_status talc_gateway_new(talc_gateway **gateway, const talc_gateway_config *config,
                             talc_failure *failure);

/** Listens at "coap://...", "http://..." or "https://..."; up to 8 times. */
talc_status talc_gateway_listen(talc_gateway *gateway, const char *uri, talc_failure *failure);

/** The port of the listener with this number (0 is the first), 0 if there is none. */
uint16_t talc_gateway_port(const talc_gateway *gateway, size_t listener);

/** Waits at most `timeout_ms` for something to do, and does it. TALC_OK, TALC_ERROR_IO. */
talc_status talc_gateway_wait(talc_gateway *gateway, uint32_t timeout_ms);

/** For another event loop: one epoll(7) descriptor for everything, and how long it may rest. */
int talc_gateway_descriptor(const talc_gateway *gateway);
uint32_t talc_gateway_timeout_ms(const talc_gateway *gateway);
talc_status talc_gateway_process(talc_gateway *gateway);

/** Requests that wait for their origins. */
size_t talc_gateway_outstanding(const talc_gateway *gateway);

/** Ends all. NULL is allowed. */
void talc_gateway_free(talc_gateway *gateway);

#endif
