/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_CARRIER_H
#define TALC_TRANSPORT_COAP_CARRIER_H

#include "talc/carrier.h"

/**
 * CoAP over UDP (RFC 7252) with block-wise transfer (RFC 7959), "coap://host:port". The server
 * behind a forward proxy may also be "http://host:port/base" or https: the proxy translates (RFC
 * 8075).
 *
 * libcoap does messages, options and retransmission. The blocks are cut and put together here,
 * because libcoap's own block mode allocates what a peer announces, loses a delayed Block2 answer
 * and starts a doubled one again without end.
 *
 * libcoap's log level is one for the whole process. When the first carrier or listener is opened
 * while the level still is the default (warnings, to stderr), it is set to silence, because a
 * library does not print. A program that wants libcoap's log sets a level of its own, before or
 * afterwards.
 *
 * A reply of NULL leaves the client without any answer after the empty acknowledgement.
 */
extern const talc_carrier talc_coap_carrier;
extern const talc_listener talc_coap_listener;

#endif
