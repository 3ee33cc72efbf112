/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_ECC_STATUS_H
#define TALC_LIB_ECC_STATUS_H

/** What a failure of PSA means here, where no argument can be wrong: memory, or no cryptography. */

#include <psa/crypto.h>

#include "talc/status.h"

static inline talc_status talc_ecc_status(psa_status_t status)
{
    if (status == PSA_SUCCESS) {
        return TALC_OK;
    }
    return status == PSA_ERROR_INSUFFICIENT_MEMORY || status == PSA_ERROR_INSUFFICIENT_STORAGE
               ? TALC_ERROR_MEMORY
               : TALC_ERROR_RANDOM;
}

#endif
