/* SPDX-License-Identifier: MIT */
#include "transport/coap_security.h"

const talc_coap_security *talc_coap_security_find(talc_mode mode)
{
    switch (mode) {
    case TALC_MODE_NONE: return &talc_coap_security_none;
    case TALC_MODE_DTLS: return &talc_coap_security_dtls;
    default: return NULL;
    }
}
