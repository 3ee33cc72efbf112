/* SPDX-License-Identifier: MIT */
#ifndef TALC_TRANSPORT_COAP_OPTIONS_H
#define TALC_TRANSPORT_COAP_OPTIONS_H

#include "lib/framing.h"

#include <coap3/coap.h>

/**
 * Begins `frame` with the code and the options of a message, as talc_frame_read() would; token and
 * payload are left out. Block1 and Block2 (RFC 7959) are understood besides: the link reads them by
 * itself, and only one of each is allowed. TALC_OK, TALC_ERROR_MALFORMED, TALC_ERROR_TOO_LARGE as
 * there.
 */
talc_status talc_coap_options_read(const coap_pdu_t *pdu, talc_frame *frame);

#endif
