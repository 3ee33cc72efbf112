/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_MESSAGE_COPY_H
#define TALC_GATEWAY_MESSAGE_COPY_H

#include "transport/coap_message.h"

/** A copy of a message with everything that it points to, in one allocation: free(). NULL: out of
 * memory. */
talc_coap_message *talc_gateway_message_copy(const talc_coap_message *message);

#endif
