/* SPDX-License-Identifier: MIT */
#ifndef TALC_TALC_H
#define TALC_TALC_H

/** Everything: #include <talc/talc.h>. */

#include "talc/carrier.h"
#include "talc/client.h"
#include "talc/config.h"
#include "talc/identity.h"
#include "talc/message.h"
#include "talc/registry.h"
#include "talc/server.h"
#include "talc/status.h"
#include "talc/tickets.h"

#endif
