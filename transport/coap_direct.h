/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_DIRECT_H
#define TALC_TRANSPORT_COAP_DIRECT_H

#include "lib/direct.h"

/**
 * The links of modes `none` and `dtls`: plain CoAP (RFC 7252) with block-wise transfer (RFC 7959),
 * and what coap_security.h has for the mode below it. "coap://host:port", in `dtls` "coaps://"
 * too; for a server behind a forward proxy "http://host:port/base" and https besides.
 *
 * libcoap's log is treated as coap_carrier.h says.
 */
extern const talc_direct_client talc_coap_direct_client;
extern const talc_direct_server talc_coap_direct_server;

#endif
