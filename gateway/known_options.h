/* SPDX-License-Identifier: MIT */
#ifndef TALC_GATEWAY_KNOWN_OPTIONS_H
#define TALC_GATEWAY_KNOWN_OPTIONS_H

/** What a proxy does with an option (RFC 7252 sections 5.4 and 5.7.1). */

#include "transport/coap_message.h"

typedef enum talc_gateway_option_class {
    TALC_GATEWAY_OPTION_KNOWN,   /**< to be translated */
    TALC_GATEWAY_OPTION_FORWARD, /**< unknown and safe to forward */
    TALC_GATEWAY_OPTION_IGNORE,  /**< elective, with a wrong size or once too often */
    TALC_GATEWAY_OPTION_BAD      /**< unknown and unsafe; or critical and wrong */
} talc_gateway_option_class;

/** Of the option at `index`, which is below message->option_count. */
talc_gateway_option_class talc_gateway_option_classify(const talc_coap_message *message,
                                                       size_t index);

/** Whether an endpoint that does not understand it has to refuse the message. */
int talc_gateway_option_is_critical(uint16_t number);

#endif
