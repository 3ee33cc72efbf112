/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_LOOPBACK_H
#define TALC_TRANSPORT_LOOPBACK_H

#include "talc/carrier.h"

/** The two ends of a talc_loopback, "loopback://1". No reply ends the exchange as LOST; a passage
 * without a listener ends as UNREACHABLE. */
extern const talc_carrier talc_loopback_carrier;
extern const talc_listener talc_loopback_listener;

#endif
