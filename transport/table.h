/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_TABLE_H
#define TALC_TRANSPORT_TABLE_H

#include "lib/direct.h"
#include "talc/carrier.h"

/** The carriers and listeners that this build has, found by the scheme of `uri` (what stands before
 * "://", in any case; NULL is allowed). NULL if there is none. What is found is static. */
const talc_carrier *talc_carrier_find(const char *uri);
const talc_listener *talc_listener_find(const char *uri);

/** The links of the modes that tunnel nothing, likewise: "coap" in `none`; "coap" and "coaps" in
 * `dtls`. Of a client, the URI of the next hop decides: the proxy's, where there is one. */
const talc_direct_client *talc_direct_client_find(talc_mode mode, const char *uri);
const talc_direct_server *talc_direct_server_find(talc_mode mode, const char *uri);

#endif
