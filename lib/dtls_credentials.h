/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_DTLS_CREDENTIALS_H
#define TALC_LIB_DTLS_CREDENTIALS_H

/**
 * Identities and trust as somebody else's DTLS takes them: PEM, and pre-shared keys by name.
 * Nothing here needs mbedTLS's headers, so that transport/ can hand it to libcoap.
 */

#include <stdbool.h>

#include "lib/guard.h"
#include "talc/config.h"

/** One text in PEM. `size` counts its NUL; `bytes` NULL: there is none. */
typedef struct talc_dtls_pem {
    uint8_t *bytes;
    size_t size;
} talc_dtls_pem;

/** What one side takes to its handshakes. */
typedef struct talc_dtls_credentials {
    bool by_certificate; /**< a server shows a certificate: the identity's */
    bool by_psk;         /**< both sides hold a pre-shared key */
    bool wants_client;   /**< server: clients are asked for a certificate */
    bool needs_client;   /**< server: and refused without one */
    bool has_anchors;    /**< of the trust */
    bool has_pins;
    talc_dtls_pem chain; /**< the identity's, own certificate first; none: it has none */
    talc_dtls_pem key;   /**< likewise */
    talc_psk psk;        /**< client: the identity's, borrowed; name NULL: it has none */
} talc_dtls_credentials;

/** Finds out what `role` can do with the configuration's identity and trust, and exports the chain
 * and the key. On TALC_OK to be freed. TALC_ERROR_TRUST, TALC_ERROR_IDENTITY: they do not suffice,
 * or hold a pre-shared key that is too long for DTLS, `failure` says which; TALC_ERROR_MEMORY. */
talc_status talc_dtls_credentials_new(talc_dtls_credentials **made, talc_role role,
                                      const talc_config *config, talc_failure *failure);

/** Wipes and frees. NULL is allowed. */
void talc_dtls_credentials_free(talc_dtls_credentials *credentials);

/** Exports the anchors of a trust. On TALC_OK to be freed; without anchors there is no text.
 * TALC_ERROR_MEMORY. */
talc_status talc_dtls_anchors_export(talc_dtls_pem *anchors, const talc_trust *trust);

/** Wipes, frees, empties. */
void talc_dtls_pem_free(talc_dtls_pem *pem);

/** Server: the pre-shared key of this name, borrowed from the trust. False: there is none. */
bool talc_dtls_psk_find(talc_psk *psk, const talc_trust *trust, const void *name, size_t name_size);

/** Version of mbedTLS that talc was built with, as its MBEDTLS_VERSION_NUMBER. */
uint32_t talc_dtls_mbedtls_version(void);

#endif
