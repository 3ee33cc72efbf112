/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_TABLE_H
#define TALC_TRANSPORT_TABLE_H

#include "talc/carrier.h"

/** The carriers and listeners that this build has, found by the scheme of `uri` (what stands before
 * "://", in any case; NULL is allowed). NULL if there is none. What is found is static. */
const talc_carrier *talc_carrier_find(const char *uri);
const talc_listener *talc_listener_find(const char *uri);

#endif
