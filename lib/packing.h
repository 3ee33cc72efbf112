/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_PACKING_H
#define TALC_LIB_PACKING_H

/**
 * Which records go into an envelope. Whole records fill a body that travels in one message; a
 * record that does not fit by itself makes a longer body where the path carries those, else it
 * goes in several objects.
 */

#include "lib/send_stream.h"
#include "records/envelope.h"
#include "talc/carrier.h"

/** Characters of a body that are not base64 of the one application record it is made for. */
#define TALC_BODY_RESERVE 144

/**
 * Fills offset, pieces and `more` of an envelope from `start` on; its other fields are set already,
 * for their size counts. The pieces point into the stream. Returns the offset behind the last
 * piece, which is `start` if nothing fits or nothing is there.
 */
uint64_t talc_pack(const talc_send_stream *stream, uint64_t start,
                   const talc_carrier_limits *limits, talc_envelope *envelope);

/** Bytes of a fragment that fit a body of this size whatever else stands in it. */
size_t talc_pack_fragment_size(size_t message_size);

#endif
