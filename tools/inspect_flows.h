/* SPDX-License-Identifier: MIT */
#ifndef TALC_TOOLS_INSPECT_FLOWS_H
#define TALC_TOOLS_INSPECT_FLOWS_H

/** CoAP between two addresses, put together for an inspection: which answer belongs to which
 * request, and bodies out of blocks (RFC 7959). */

#include "tools/inspect_coap.h"
#include "tools/inspection.h"

#define INSPECT_ADDRESS_SIZE 64

/** A datagram and where it was seen. */
typedef struct inspect_datagram {
    uint64_t time_us;
    uint64_t frame;
    char source[INSPECT_ADDRESS_SIZE]; /**< "192.0.2.1:5683" */
    char destination[INSPECT_ADDRESS_SIZE];
    const uint8_t *bytes;
    size_t size;
} inspect_datagram;

typedef struct inspect_flows inspect_flows;

/** NULL: no memory. */
inspect_flows *inspect_flows_new(void);
void inspect_flows_free(inspect_flows *flows);

/** Whether it belongs to a session: a request by its address, an answer by its request. `message`
 * is what inspect_coap_read() made of the datagram. */
bool inspect_flows_know(const inspect_flows *flows, const inspect_datagram *datagram,
                        const inspect_coap *message);

/** Takes a datagram of a session: a whole body for the view, or a part of one. */
void inspect_flows_take(inspect_flows *flows, inspection *all, inspect_view *view,
                        const inspect_datagram *datagram, const inspect_coap *message);

#endif
