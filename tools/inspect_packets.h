/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_PACKETS_H
#define TALC_TOOLS_INSPECT_PACKETS_H

/** The packets of a capture, as tshark lists them: a line for each, values between tabs. What UDP
 * carries is tried as CoAP, whatever the port. */

#include "tools/inspect_reader.h"

/** What is to be asked of tshark, in this order; NULL ends it. */
#define INSPECT_PACKET_FIELDS 15
extern const char *const inspect_packet_fields[];

/** Reads the lines to their end. False: no memory. */
bool inspect_packets_read(inspection *all, const inspect_source *source, FILE *lines,
                          inspect_reading *reading);

#endif
