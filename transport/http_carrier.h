/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_HTTP_CARRIER_H
#define TALC_TRANSPORT_HTTP_CARRIER_H

#include "talc/carrier.h"

/**
 * HTTP: envelopes are the bodies of POST requests, "http://host:port/base" or https. The TLS of
 * https is only another hop: it is verified, and nothing relies on it.
 *
 * | server | proxy | where a body goes |
 * |---|---|---|
 * | http(s)://host/base | none | that server: /base/.well-known/atls?s=... |
 * | http(s)://host/base | http://proxy | the same, through an HTTP forward proxy |
 * | coap://host | http(s)://gateway/hc | that gateway: /hc/coap://host/.well-known/atls?s=... |
 *
 * Such a gateway maps HTTP to CoAP (RFC 8075 section 5.3); "/hc" is meant where it has no path. (An
 * http:// server behind a coap:// proxy is the CoAP carrier's business.) A path may have gateways
 * with small messages behind it, so no body is longer than message_size. One that comes back may
 * have grown on the way, to 64 KiB.
 *
 * Any response is an answer, but a 408, which is lost like no response at all; a redirect is an
 * answer without a code. Where the outer TLS cannot be verified, nobody can be reached.
 */
extern const talc_carrier talc_http_carrier;
extern const talc_carrier talc_https_carrier;
extern const talc_listener talc_http_listener;
extern const talc_listener talc_https_listener;

#endif
